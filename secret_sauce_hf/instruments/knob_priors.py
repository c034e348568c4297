"""Where a knob stands in presets that people make."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class KnobPrior:
    """Where a knob stands.

    Args:
        density: weights at evenly spaced positions from one end of the knob to the other, linear between.
        points: pairs of a position, from 0 to 1, and the share of the presets that stand right there, besides.
    """

    density: tuple[float, ...]
    points: tuple[tuple[float, float], ...] = ()

    def chances(self, count: int) -> np.ndarray:
        """Of each of `count` evenly spaced values, from the lowest: float64, (count,), which sum to 1."""
        places = np.linspace(0, 1, count)
        chances = np.interp(places, np.linspace(0, 1, len(self.density)), self.density)
        chances *= (1 - sum(share for _, share in self.points)) / chances.sum()
        for place, share in self.points:
            chances[round(place * (count - 1))] += share
        return chances


def knob_prior(*density: float, off: float = 0, middle: float = 0, full: float = 0) -> KnobPrior:
    """A prior whose points are at most the two ends and the middle.

    Args:
        *density: as of `KnobPrior`.
        off: share of the presets in which the knob is right at its lower end.
        middle: the same, right in the middle.
        full: the same, at its upper end.
    """
    points = ((0.0, off), (0.5, middle), (1.0, full))
    return KnobPrior(density, tuple((place, share) for place, share in points if share))
