"""What changes of a recording do to a model's answers, and so what training with such changes is worth.

    secret-sauce train noisemaker-light --fresh 24000 --out with
    secret-sauce train noisemaker-light --fresh 24000 --no-augment --out without
    python tests/benchmarks/robustness.py with without

For each model the mean error of the knobs (0 to 10) and the accuracy of the switches, on heard parameters of fresh
sounds as they are rendered and with every change made to all of them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation.scores import score_presets
from secret_sauce_hf.instruments import SAMPLE_RATE, Knob, get_collection
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.answering import answers_of, distributions
from secret_sauce_hf.training.augmentation import _detune, _shift, code, equalise
from secret_sauce_hf.training.data import fresh_rows

SEED = 77

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
CHANGES: dict[str, Change] = {
    "as rendered": lambda take, _: take,
    "6 dB softer": lambda take, _: take / 2,
    "noise at -60 dBFS": lambda take, random: take + 1e-3 * random.standard_normal(len(take)),
    "noise at -45 dBFS": lambda take, random: take + 5.6e-3 * random.standard_normal(len(take)),
    "5 cents sharp": lambda take, _: _detune(take, 5.0),
    "3 ms late": lambda take, _: _shift(take, round(0.003 * SAMPLE_RATE)),
    "EQ of 2 dB": lambda take, random: equalise(take, random.normal(0.0, 2.0, 6)),
    "Ogg Vorbis": lambda take, _: code(take, 0.6),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="checkpoints of one collection")
    parser.add_argument("--rows", type=int, default=500, help="sounds")
    options = parser.parse_args()
    pipes = [load_pipeline(model) for model in options.models]
    collection = get_collection(pipes[0].model.config.collection)
    # Of another seed than any training's: theirs are small numbers.
    takes, presets = fresh_rows(get_engine(collection), collection, 0, options.rows, 2_000_000_000 + SEED)
    table = Table("change", *(Path(model).name for model in options.models))
    for name, change in CHANGES.items():
        random = np.random.default_rng(SEED)
        changed = np.stack([change(take, random) for take in takes]).astype(np.float32)
        table.add_row(name, *(_scores(pipe, changed, presets) for pipe in pipes))
    Console(width=100, highlight=False).print(table)


def _scores(pipe, takes: np.ndarray, presets: Presets) -> str:
    features = pipe.feature_extractor.transform(torch.from_numpy(takes))
    found = score_presets(answers_of(distributions(pipe.model, features), pipe.model.config), presets)
    shown = []
    for kind in (True, False):
        values = [found.heard[p.name] for p in presets.parameters if isinstance(p, Knob) == kind]
        shown.append(f"{np.nanmean(values):.3f}" if values else "–")
    return " / ".join(shown)


if __name__ == "__main__":
    main()
