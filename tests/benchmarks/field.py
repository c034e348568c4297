"""What befalls a sound on its way from the synth to a file, and what the model alone makes of it.

    python tests/benchmarks/field.py noisemaker-light noisemaker subphatty guitar --rows 60

For each collection takes of the engine, presets of its test rows: the mean error of the heard knobs (0 to 10), the
share of the heard switches that are right, and how the error of all of them compares with the undamaged takes'.
"""

import argparse
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation.scores import score_presets
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, Collection, Knob, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets

SEED = 14
HALF = SAMPLE_RATE // 2


class Maker:
    """What may lie before and beneath a take."""

    def __init__(self, note_on: int, random: np.random.Generator):
        self.note_on = note_on
        self.random = random

    def silence(self, samples: int) -> np.ndarray:
        return np.zeros(samples)

    def offset(self, samples: int) -> np.ndarray:
        return np.full(samples, 0.01)

    def noise(self, samples: int) -> np.ndarray:
        return 0.01 * self.random.standard_normal(samples)

    def hum(self, samples: int) -> np.ndarray:
        hertz, phase = self.random.choice([50.0, 60.0]), self.random.uniform(0, 2 * np.pi)
        # -45 dBFS, as the level of a full-scale sine is 0 dBFS.
        return 10 ** (-45 / 20) * np.sin(2 * np.pi * hertz * np.arange(samples) / SAMPLE_RATE + phase)

    def click(self, samples: int) -> np.ndarray:
        sound = np.zeros(samples)
        where = self.random.integers(samples // 8, samples * 3 // 4)
        sound[where : where + 3] = [0.5, -0.4, 0.2]
        return sound


Change = Callable[[np.ndarray, Maker], np.ndarray]


def before(kind: str) -> Change:
    """Half a second of something, and then the take."""
    return lambda take, make: np.concatenate([getattr(make, kind)(HALF), take])


def beneath(kind: str) -> Change:
    """Half a second more, and something all through it."""
    return lambda take, make: np.pad(take, (HALF, 0)) + getattr(make, kind)(HALF + len(take))


def lead(kind: str) -> Change:
    """Something in the lead of a sound that is as long as a take."""
    return lambda take, make: take + np.pad(getattr(make, kind)(make.note_on), (0, len(take) - make.note_on))


def through(kind: str) -> Change:
    """Something all through a sound that is as long as a take."""
    return lambda take, make: take + getattr(make, kind)(len(take))


def late(kind: str) -> Change:
    """Half a second of something, and what is left of the take until it is as long as a take."""
    return lambda take, make: before(kind)(take, make)[: len(take)]


CHANGES: dict[str, Change] = {
    "undamaged": lambda take, _: take,
    **{f"0.5 s of {kind}, then the take": before(kind) for kind in ("silence", "offset", "noise", "hum", "click")},
    **{f"0.5 s more, {kind} all through": beneath(kind) for kind in ("offset", "noise", "hum")},
    **{f"{kind} in the lead": lead(kind) for kind in ("offset", "noise", "hum", "click")},
    **{f"{kind} all through": through(kind) for kind in ("offset", "noise", "hum")},
    "cut at the note": lambda take, make: take[make.note_on :],
    "cut at the note, padded to a take": lambda take, make: np.pad(take[make.note_on :], (0, make.note_on)),
    "cut 20 ms before it, padded to a take": lambda take, make: np.pad(
        take[max(make.note_on - 441, 0) :], (0, max(make.note_on - 441, 0))
    ),
    "0.1 s late, as long as a take": lambda take, _: np.pad(take, (2205, 0))[: len(take)],
    "0.1 s late, noise, as long as a take": lambda take, make: (np.pad(take, (2205, 0)) + make.noise(len(take) + 2205))[
        : len(take)
    ],
}


def test_takes(collection: Collection, rows: int) -> tuple[np.ndarray, Presets]:
    """Takes of test rows from silence that can be heard, float32, and their presets."""
    presets = original_presets(collection)[collection.train_count :][:rows]
    takes = to_float(get_engine(collection).render(presets, noise_seed=SEED))
    heard = np.abs(takes).max(axis=1) >= 0.001
    return takes[heard], presets[np.flatnonzero(heard)]


def errors(pipe, sounds: list[np.ndarray], presets: Presets) -> tuple[float, float, float]:
    """Of the heard parameters: error of the knobs, share of the switches that are right, error of all (0 to 1)."""
    answers = pipe([{"array": sound, "sampling_rate": SAMPLE_RATE} for sound in sounds])
    told = Presets.from_settings(presets.collection, [answer["preset"] for answer in answers])
    found = score_presets(told.unit, presets)
    knobs = [found.heard[p.name] for p in presets.parameters if isinstance(p, Knob)]
    switches = [found.heard[p.name] for p in presets.parameters if not isinstance(p, Knob)]
    both = [value / 10 for value in knobs] + [1 - value for value in switches]
    return (
        float(np.nanmean(knobs)) if knobs else np.nan,
        float(np.nanmean(switches)) if switches else np.nan,
        float(np.nanmean(both)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", nargs="+", choices=list(COLLECTIONS))
    parser.add_argument("--rows", type=int, default=60, help="takes of each")
    options = parser.parse_args()
    table = Table("change", *options.collections)
    rows: dict[str, list[str]] = {name: [] for name in CHANGES}
    for name in options.collections:
        collection = get_collection(name)
        pipe = load_pipeline(collection=name)
        takes, presets = test_takes(collection, options.rows)
        note_on = round((collection.timing.note_on - collection.timing.cut[0]) * SAMPLE_RATE)
        plain = np.nan
        for title, change in CHANGES.items():
            make = Maker(note_on, np.random.default_rng(SEED))
            knobs, switches, both = errors(pipe, [change(take, make).astype(np.float32) for take in takes], presets)
            plain = both if title == "undamaged" else plain
            rows[title].append(f"{knobs:.2f} / {switches:.2f}  {both / plain:.2f}x")
    for title, cells in rows.items():
        table.add_row(title, *cells)
    Console(width=140, highlight=False).print(table)


if __name__ == "__main__":
    main()
