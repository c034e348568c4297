"""What a search makes of sounds whose notes and settings are known: one table for a collection.

    python tests/benchmarks/searches.py noisemaker-notes --real ../shared/real --rows 40
    python tests/benchmarks/searches.py guitar-notes --rows 40 --seconds 10
    python tests/benchmarks/searches.py noisemaker-notes --strangers strangers/test

With --real the second halves of the plug-in's recordings are searched for, which are kept for this; else
takes of the collection's test rows. Every sound is answered by the model alone and after a search. Errors are those of
heard settings: of knobs the mean absolute one (0 to 10), of switches the share that is right. Distances are MSS in dB,
as multiples of that of the truth rendered (the floor, with .1 dB added to both). With --strangers (of
`examples/other_instruments.py`) the search says how likely the instrument can make these sounds and its own.
"""

import argparse
from pathlib import Path

import numpy as np
from notes import line, sets_of
from rich.console import Console
from rich.table import Table

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation.playing import notes_of, play_nearest
from secret_sauce_hf.evaluation.same import measure_same
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, get_collection
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.matching import match
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress

SEED = 16
LEAST_DB = 0.1
"""What is nearer than this is not told apart; added to distances and floors before they are divided."""


def searched(collection: Collection, presets: Presets, sounds: np.ndarray, rows: np.ndarray, pipe, options) -> dict:
    """Answers of the model alone and after the search, and their distances beside those of the truth."""
    engine = get_engine(collection)
    settings = list(presets.rows())
    found: dict[str, list] = {"alone": [], "after": [], "floor": [], "alone db": [], "after db": [], "domain": []}
    with row_progress("searching", len(rows), True) as advance:
        for row in rows:
            sound = {"array": sounds[row], "sampling_rate": SAMPLE_RATE}
            notes = list(presets.performances[row]) if options.given else None
            answer = match(sound, collection=collection, model=pipe, seconds=options.seconds, seed=SEED, notes=notes)
            alone = pipe(sound, **({} if notes is None else {"notes": [note._asdict() for note in notes]}))["preset"]
            found["after"].append(dict(answer.preset))
            found["alone"].append(alone)
            found["domain"].append(answer.in_domain)
            units = Presets.from_settings(presets.collection, [settings[row], alone, answer.preset]).unit
            for name, unit in zip(("floor", "alone db", "after db"), units, strict=True):
                take, _ = play_nearest(engine, presets.collection, sounds[row], unit, SEED, notes_of(presets, row))
                found[name].append(float(mss(sounds[row][None], take[None], SAMPLE_RATE)[0]))
            advance(1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("--checkpoint", help="instead of the one that ships")
    parser.add_argument("--real", type=Path, help="folder of the plug-in's recordings")
    parser.add_argument("--rows", type=int, default=40, help="sounds of each kind")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each search")
    parser.add_argument("--given", action="store_true", help="tell the search what is played")
    parser.add_argument("--strangers", type=Path, help="folder of sounds that the instrument did not make")
    options = parser.parse_args()
    collection = get_collection(options.collection)
    engine = get_engine(collection)
    pipe = load_pipeline(options.checkpoint, collection=collection.name)
    table = Table("sounds", "answer", "knobs", "switches", "right", "right or same", "MSS", "x floor", "<= truth + .1")
    domains: list[float] = []
    for title, (presets, sounds) in sets_of(collection, options.real, options.rows).items():
        rows = np.flatnonzero(np.abs(sounds).max(axis=1) >= SILENCE)
        found = searched(collection, presets, sounds, rows, pipe, options)
        truth, floor = presets[rows], np.array(found["floor"])
        domains += [value for value in found["domain"] if value is not None]
        for name in ("alone", "after"):
            answers = Presets.from_settings(presets.collection, found[name])
            knobs, switches, _ = line(truth, np.ones(len(rows), bool), answers)
            heard = truth.heard()
            same = measure_same(engine, truth, answers.unit, counted=heard)
            right = np.where(heard, truth.unit == answers.unit, True)
            distance = np.array(found[f"{name} db"])
            multiple = np.median((distance + LEAST_DB) / (floor + LEAST_DB))
            table.add_row(
                f"{title} ({len(rows)})",
                "model alone" if name == "alone" else f"after {options.seconds:g} s",
                *(f"{knobs:.2f}", f"{switches:.3f}", f"{right.all(axis=1).mean():.0%}"),
                f"{(np.where(heard, same.settings, True).all(axis=1) | same.whole).mean():.0%}",
                *(f"{np.median(distance):.2f}", f"{multiple:.2f}", f"{(distance <= floor + LEAST_DB).mean():.0%}"),
            )
    console = Console(width=140, highlight=False)
    console.print(table)
    if options.strangers and domains:
        files = sorted(options.strangers.rglob("*.wav"))
        others = [match(file, collection=collection, model=pipe, seconds=options.seconds, seed=SEED) for file in files]
        told = np.array([answer.in_domain for answer in others])
        own = np.array(domains)
        # The share of pairs in which the instrument's own sound is the more likely one.
        auroc = np.mean((own[:, None] > told) + 0.5 * (own[:, None] == told))
        console.print(
            f"{len(own)} sounds of its own, {len(told)} of others: AUROC after {options.seconds:g} s {auroc:.3f}; "
            f"below .5: {(own < 0.5).mean():.1%} of its own, {(told < 0.5).mean():.1%} of the others"
        )


if __name__ == "__main__":
    main()
