"""How likely an instrument can make a sound at all, by the distance that a search for it reached.

A search always ends somewhere. What it reached tells whether the sound is one of the instrument's: its own sounds end
near the floor, most of others' do not. Two numbers per instrument say where the one passes into the other; they are
fitted by `secret-sauce calibrate` and lie beside the checkpoint.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.forms import count, fields, line, maybe, number, read_record
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets

DOMAIN_FILE = "domain.json"
SCHEMA = 1
MARGIN_DB = 0.1
"""Added to distances: smaller ones are not heard, and of 0 there is no logarithm."""
FLOOR_NOISES, FEW_NOISES = 8, 2
SAME_DB = 0.01
"""Two renderings that differ by less are of a sound in which nothing is left to chance."""
FLOOR_SEED = 6
"""Of the noise that an answer is rendered with again."""
MEASURES = ("mss", "floors")


@dataclass(frozen=True)
class Logistic:
    """A probability that falls with the logarithm of a distance, 1 / (1 + ((d + .1) / (midpoint + .1))^slope).

    Args:
        midpoint: the distance at which it is one half.
        slope: how steeply it falls there, not negative.
    """

    midpoint: float
    slope: float

    def probability(self, distance: float) -> float:
        """The probability at a distance that is not negative; 0 where the distance is not finite."""
        if not math.isfinite(distance):
            return 0.0
        exponent = self.slope * (math.log(max(distance, 0.0) + MARGIN_DB) - math.log(self.midpoint + MARGIN_DB))
        return float(1 / (1 + math.exp(min(exponent, 700.0))))


@dataclass(frozen=True)
class Domain:
    """What a distance that a search reached tells of the sound.

    Args:
        mss: probability by the distance itself, MSS in dB.
        floors: probability by its multiple of the floor of the answer, see `answer_floor`.
        measure: which of the two told the instrument's sounds from others better, "mss" or "floors".
        warn_below: probability below which to say that the instrument cannot make the sound: of the
            instrument's own sounds that it was fitted to 3 % at most lie there.
    """

    mss: Logistic
    floors: Logistic
    measure: str
    warn_below: float

    def probability(self, distance: float, floor: float | None = None) -> float:
        """How likely the instrument can make the sound, 0 to 1.

        Args:
            distance: MSS from the sound to the rendered answer, in dB.
            floor: of the answer, in dB; None where it is not known, and then the distance itself tells.
        """
        if self.measure == "floors" and floor is not None:
            return self.floors.probability(multiple(distance, floor))
        return self.mss.probability(distance)


CLOSE = Logistic(1.7, 4.0)
"""What a distance, MSS in dB, tells where nothing was fitted: a preset that comes so near shows that the
instrument makes the sound. A larger distance tells nothing, since a noisy recording of the instrument's own
ends as far away as others do: in the searches of `secret-sauce calibrate noisemaker-light-notes --strangers
strangers/calibration --rows 40 --renders 1500`, which its `.rows` keeps, none of 48 sounds of other instruments
came nearer than 2.8 dB, and its own takes, with noise, rooms and cut ends, came to .4 to 27 dB."""


def multiple(distance: float, floor: float) -> float:
    """A distance as multiple of the floor, both in dB."""
    return distance / (floor + MARGIN_DB)


def answer_floor(engine: Engine, answer: Presets, rendered: np.ndarray) -> float:
    """How far an answer is from itself: the least MSS to its renderings with other noise and phases, in dB.

    For sounds whose settings nobody knows it stands for the floor of the truth.

    Args:
        engine: renders it.
        answer: one row.
        rendered: its take, float of shape (samples,).

    Raises:
        InputError: other than one row.
    """
    if len(answer) != 1:
        raise InputError(f"The floor of an answer is of one preset, not of {len(answer)}.")
    distances = np.empty(0)
    for rows in (FEW_NOISES, FLOOR_NOISES):
        takes = to_float(engine.render(answer[np.zeros(rows, dtype=int)], noise_seed=FLOOR_SEED))
        distances = np.atleast_1d(mss(np.broadcast_to(rendered, takes.shape), takes, SAMPLE_RATE))
        if np.ptp(distances) <= SAME_DB:
            # Nothing is left to chance.
            break
    return float(distances.min())


def _measure(value: Any, where: str) -> None:
    if value not in MEASURES:
        raise InputError(f"{where} is {str(value)[:60]}; it must be {' or '.join(MEASURES)}.")


_LOGISTIC = fields({"midpoint": number, "slope": number, "auroc": number})
_RECORD = fields(
    {
        "schema": count,
        "collection": line,
        "weights": maybe(line),
        "mss": _LOGISTIC,
        "floors": _LOGISTIC,
        "measure": _measure,
        "warn_below": number,
    }
)


def read_domain(folder: str | Path) -> Domain | None:
    """What lies beside a checkpoint; None if nothing does.

    Raises:
        InputError: it cannot be read.
    """
    path = Path(folder) / DOMAIN_FILE
    if not path.is_file():
        return None
    remedy = "run `secret-sauce calibrate` again, or remove it"
    try:
        record = read_record(path)
        _RECORD(record, DOMAIN_FILE)
    except InputError as error:
        raise InputError(f"{path} cannot be read ({str(error).rstrip('.')}); {remedy}.") from error
    curves = {name: Logistic(record[name]["midpoint"], record[name]["slope"]) for name in MEASURES}
    if record["schema"] != SCHEMA or any(one.midpoint < 0 or one.slope < 0 for one in curves.values()):
        raise InputError(f"{path} is no calibration of this version: {remedy}.")
    return Domain(curves["mss"], curves["floors"], record["measure"], record["warn_below"])
