"""Ways to search compared by renderings: every strategy gets the same sounds and as many renderings.

    nice -n 5 python tests/benchmarks/strategies.py noisemaker-light 4000 evolution coordinates --rows 0:20
    nice -n 5 python tests/benchmarks/strategies.py noisemaker 4000 evolution --rows 500:520 --out found.jsonl

The sounds are recordings of the real plug-in in `../shared/real` (of these, tune on rows of the first half only), of
other collections fresh draws that the engine renders with noise and phases of their own. Every answer is one line of
`--out`, so that a comparison that was stopped goes on; what stands there already is not searched again.
"""

import argparse
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile
from scipy.stats import wilcoxon

from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.evaluation.playing import play_nearest
from secret_sauce_hf.evaluation.scoring import Truth
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import match
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.metrics.scores import switch_columns
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets, draw_presets

REAL = Path(__file__).parents[2].parent / "shared" / "real"
FILES = {"noisemaker-light": "noisemaker_light-rows-0-799", "noisemaker": "noisemaker-rows-0-999"}
DRAWN_SEED, NOISE_SEED, PLAYED_SEED = 777, 991, 5
"""Of the presets that are drawn, of the sounds' noise, and of the noises with which answers are compared."""


def sounds_of(name: str, rows: range, folder: Path) -> tuple[Presets, np.ndarray]:
    """Presets and their sounds, float32 of shape (rows, samples)."""
    collection = get_collection(name)
    if name not in FILES:
        presets = draw_presets(collection, len(rows), DRAWN_SEED, rows.start)
        return presets, to_float(get_engine(collection).render(presets, noise_seed=NOISE_SEED, first_row=rows.start))
    table = pq.read_table(folder / f"{FILES[name]}.parquet").slice(rows.start, len(rows)).to_pylist()
    presets = Presets.from_settings(collection, [{key: row[key] for key in collection.columns} for row in table])
    return presets, np.stack([soundfile.read(io.BytesIO(row["flac"]), dtype="float32")[0] for row in table])


def searched(pipe: Any, engine: Engine, truth: Truth, sound: np.ndarray, renders: int, strategy: str) -> dict[str, Any]:
    """What a strategy finds for one sound, beside the model alone and the truth."""
    collection = truth.presets.collection
    began = time.process_time()
    found = match(sound, model=pipe, sampling_rate=SAMPLE_RATE, renders=renders, engine=engine, strategy=strategy)
    seconds = time.process_time() - began
    units = Presets.from_settings(collection, [found.preset, found.alone.preset]).unit
    answers = np.concatenate([units, truth.presets.unit])
    played = [play_nearest(engine, collection, sound, one, PLAYED_SEED)[0] for one in answers]
    switches = switch_columns(truth.presets.parameters)
    heard = truth.heard[0]
    record: dict[str, Any] = {"renders": found.renders, "cpu_seconds": round(seconds, 2), "preset": found.preset}
    for name, unit in zip(("found", "alone"), units, strict=True):
        scores = truth.scores(unit[None])[0]
        record[name] = {"knobs": scores[heard & ~switches].tolist(), "switches": scores[heard & switches].tolist()}
    record["exact"] = bool((truth.right(units[:1]) | ~truth.heard).all())
    record["mss"] = [float(mss(sound, take, SAMPLE_RATE)) for take in played]
    return record


def tell(name: str, records: list[dict[str, Any]]) -> None:
    """One line of a table."""

    def mean(who: str, what: str) -> float:
        values = [np.mean(record[who][what]) for record in records if record[who][what]]
        return float(np.mean(values)) if values else float("nan")

    own, alone, floor = np.array([record["mss"] for record in records]).T
    parts = (
        f"{name:12s} {len(records):3d} sounds: knobs {mean('alone', 'knobs'):.2f} -> {mean('found', 'knobs'):.2f}",
        f"switches {mean('alone', 'switches'):.2f} -> {mean('found', 'switches'):.2f}",
        f"all right {np.mean([record['exact'] for record in records]):.2f}",
        f"MSS {alone.mean():.2f} -> {own.mean():.2f}, truth {floor.mean():.2f}",
        f"{np.median(own / (floor + 0.1)):.2f} x (truth + .1), as near {np.mean(own <= floor + 0.1):.2f}",
        f"{np.mean([record['renders'] for record in records]):.0f} renderings",
        f"{np.mean([record['cpu_seconds'] for record in records]):.1f} CPU seconds",
    )
    print("; ".join(parts))


def main() -> None:
    """Search, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("renders", type=int)
    parser.add_argument("strategies", nargs="+")
    parser.add_argument("--rows", default="0:20", help="first row and the one after the last")
    parser.add_argument("--out", type=Path, help="a file of lines of JSON; nothing is kept without it")
    parser.add_argument("--real", type=Path, default=REAL, help="folder of the recordings")
    asked = parser.parse_args()
    rows = range(*map(int, asked.rows.split(":")))
    presets, sounds = sounds_of(asked.collection, rows, asked.real)
    truth = Truth.of(presets, sounds)
    pipe, engine = load_pipeline(collection=asked.collection), get_engine(asked.collection)
    kept = asked.out.read_text(encoding="utf-8").splitlines() if asked.out and asked.out.exists() else []
    known = {tuple(record.pop("key")): record for record in map(json.loads, kept)}
    answers: dict[str, list[dict[str, Any]]] = {strategy: [] for strategy in asked.strategies}
    for place, row in enumerate(rows):
        for strategy in asked.strategies:
            key = (asked.collection, row, asked.renders, strategy)
            if key not in known:
                one = Truth(presets[[place]], truth.heard[place : place + 1])
                known[key] = searched(pipe, engine, one, sounds[place], asked.renders, strategy)
                if asked.out:
                    with asked.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"key": key} | known[key]) + "\n")
            answers[strategy].append(known[key])
    for strategy, records in answers.items():
        tell(strategy, records)
    first, *others = (np.array([record["mss"][0] for record in records]) for records in answers.values())
    for strategy, other in zip(asked.strategies[1:], others, strict=True):
        if (first != other).any():
            print(f"{strategy} against {asked.strategies[0]}, MSS: Wilcoxon p = {wilcoxon(first, other).pvalue:.3f}")


if __name__ == "__main__":
    main()
