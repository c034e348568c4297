"""Answers rendered, and compared with the sounds that they answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.metrics import DISTANCES

FLOOR = "floor"
"""Name of the true settings among the answers."""
FLOOR_NOISE = 1
"""Seed of the noise of the truth rendered again; what differs is the least distance that any answer can have."""

Player = Callable[[np.ndarray, int], np.ndarray]
"""Renders answers of shape (rows, parameters) with the noise of a seed: float32 takes of full scale ±1."""


@dataclass(frozen=True, eq=False)
class Compared:
    """Answers beside the sounds.

    Args:
        takes: the answers rendered, shape (rows, samples).
        distances: per distance one value per row.
    """

    takes: np.ndarray = field(repr=False)
    distances: dict[str, np.ndarray]


def compare(
    sounds: np.ndarray, answers: Mapping[str, np.ndarray], play: Player, noise: int, distances: Sequence[str]
) -> dict[str, Compared]:
    """Render answers and measure how far they are from the sounds.

    Args:
        sounds: shape (rows, samples).
        answers: units of shape (rows, parameters) by method; `floor` are the true ones, which
            get a noise of their own.
        play: renders them.
        noise: seed of the noise of answers.
        distances: names of the distances to measure, see `secret_sauce_hf.metrics.DISTANCES`.
    """
    compared = {}
    for name, units in answers.items():
        takes = play(units, FLOOR_NOISE if name == FLOOR else noise)
        values = {
            distance.name: np.asarray(distance.function(sounds, takes, SAMPLE_RATE))
            for distance in DISTANCES
            if distance.name in distances
        }
        compared[name] = Compared(takes, values)
    return compared
