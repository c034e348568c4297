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

from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.evaluation.playing import play_all_nearest
from secret_sauce_hf.evaluation.same import measure_same
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, get_collection
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.matching import match
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.metrics.scores import auroc, settings_right
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress

SEED = 16
LEAST_DB = 0.1
"""What is nearer than this is not told apart; added to distances and floors before they are divided."""


def searched(collection: Collection, presets: Presets, sounds: np.ndarray, pipe, options) -> dict[str, list]:
    """Answers of the model alone and after the search, and how likely the instrument can make each sound."""
    found: dict[str, list] = {"alone": [], "after": [], "domain": []}
    with row_progress("searching", len(sounds), True) as advance:
        for row in range(len(sounds)):
            sound = {"array": sounds[row], "sampling_rate": SAMPLE_RATE}
            notes = list(presets.performances[row]) if options.given else None
            answer = match(sound, collection=collection, model=pipe, seconds=options.seconds, seed=SEED, notes=notes)
            alone = pipe(sound, **({} if notes is None else {"notes": [note._asdict() for note in notes]}))["preset"]
            found["after"].append(answer.preset)
            found["alone"].append(alone)
            found["domain"].append(answer.in_domain)
            advance(1)
    return found


def apart(engine: Engine, truth: Presets, sounds: np.ndarray, units: np.ndarray) -> np.ndarray:
    """MSS from sounds to answers, as near as chance brings them, in dB: shape (rows,)."""
    return np.asarray(mss(sounds, play_all_nearest(engine, truth, sounds, units, SEED), SAMPLE_RATE))


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
    files = sorted(options.strangers.rglob("*.wav")) if options.strangers else []
    if options.strangers and not files:
        parser.error(f"There are no WAV files in {options.strangers}.")
    collection = get_collection(options.collection)
    engine = get_engine(collection)
    pipe = load_pipeline(options.checkpoint, collection=collection.name)
    table = Table("sounds", "answer", "knobs", "switches", "right", "right or same", "MSS", "x floor", "<= truth + .1")
    domains: list[float] = []
    for title, (presets, sounds) in sets_of(collection, options.real, options.rows).items():
        rows = np.flatnonzero(np.abs(sounds).max(axis=1) >= SILENCE)
        truth, sounds = presets[rows], sounds[rows]
        found = searched(collection, truth, sounds, pipe, options)
        floor = apart(engine, truth, sounds, truth.unit)
        domains += [value for value in found["domain"] if value is not None]
        for name in ("alone", "after"):
            answers = Presets.from_settings(presets.collection, found[name])
            knobs, switches, _ = line(truth, np.ones(len(rows), bool), answers)
            heard = truth.heard()
            same = measure_same(engine, truth, answers.unit, counted=heard)
            right = settings_right(truth.parameters, truth.unit, answers.unit) | ~heard
            distance = apart(engine, truth, sounds, answers.unit)
            multiple = np.median((distance + LEAST_DB) / (floor + LEAST_DB))
            table.add_row(
                f"{title} ({len(rows)})",
                "model alone" if name == "alone" else f"after {options.seconds:g} s",
                *(f"{knobs:.2f}", f"{switches:.3f}", f"{right.all(axis=1).mean():.0%}"),
                f"{((same.settings | ~heard).all(axis=1) | same.whole).mean():.0%}",
                *(f"{np.median(distance):.2f}", f"{multiple:.2f}", f"{(distance <= floor + LEAST_DB).mean():.0%}"),
            )
    console = Console(width=140, highlight=False)
    console.print(table)
    if files and domains:
        others = [match(file, collection=collection, model=pipe, seconds=options.seconds, seed=SEED) for file in files]
        told = np.array([answer.in_domain for answer in others])
        own = np.array(domains)
        console.print(
            f"{len(own)} sounds of its own, {len(told)} of others, {options.seconds:g} s each: AUROC "
            f"{auroc(own, told):.3f}; below .5: {(own < 0.5).mean():.1%} of its own, "
            f"{(told < 0.5).mean():.1%} of the others"
        )


if __name__ == "__main__":
    main()
