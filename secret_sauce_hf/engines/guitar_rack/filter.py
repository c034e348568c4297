"""The filter at the end of the rack: low-pass, band-pass and high-pass of 12 dB/oct in one.

That the middle of the mode is a band-pass, and the ranges, are guesses.
"""

import numpy as np

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.engines.dsp import elementary

_LOWEST_Q = 0.7


def cutoff_hertz(unit: np.ndarray, rate: int) -> np.ndarray:
    """200 Hz at CC 42 to 4 kHz at CC 84, the lowest and highest that occur; exponential."""
    return np.minimum(200.0 * elementary.power(20.0, unit * 127 / 42 - 1.0), 0.45 * rate)


def quality(resonance: np.ndarray) -> np.ndarray:
    """Q, 0.7 to 14: the height of the resonance."""
    return _LOWEST_Q * elementary.power(20.0, resonance)


def filter_level(resonance: np.ndarray) -> np.ndarray:
    """What the input is turned down by, so that resonance does not overload."""
    return elementary.power(20.0, -0.4 * resonance)


def morph_gains(mode: np.ndarray) -> np.ndarray:
    """Gains of low-pass, band-pass and high-pass for a mode of 0..1: (rows, 3)."""
    side = 2.0 * mode - 1.0
    return np.stack([np.maximum(-side, 0.0), 1.0 - np.abs(side), np.maximum(side, 0.0)], axis=1)


def filter_tail(cutoff: np.ndarray, qualities: np.ndarray, rate: int) -> np.ndarray:
    """For how many samples it resonates, until it is 140 dB down: its poles fall by e^(-π f t / Q)."""
    return rate * (0.01 + elementary.log(1e7) * qualities / (np.pi * cutoff))


@kernel(nogil=True)
def filter_rows(sound, stops, on, tangents, qualities, levels, morphs):
    """Filter in place, in the trapezoidal form of A. Simper ("Linear trapezoidal integrated SVF", 2013).

    Args:
        sound: float32, (rows, samples).
        stops: the sample of each row from which it is silent, before and after, (rows,).
        on: bool, (rows,).
        tangents: tan(π · cutoff / rate), (rows,).
        qualities: of `quality`, (rows,).
        levels: of `filter_level`, (rows,).
        morphs: of `morph_gains`.
    """
    rows, samples = sound.shape
    if not len(stops) == len(on) == len(tangents) == len(qualities) == len(levels) == rows or morphs.shape != (rows, 3):
        raise ValueError("Every row has its settings, and an end.")
    for row in range(rows):
        if not on[row]:
            continue
        g = np.float64(tangents[row])
        k = 1.0 / qualities[row]
        a1 = 1.0 / (1.0 + g * (g + k))
        a2 = g * a1
        a3 = g * a2
        # A band-pass of peak gain √Q: as loud as its neighbours, as the level falls with Q.
        low, band, high = morphs[row, 0], np.sqrt(k) * morphs[row, 1], morphs[row, 2]
        first = 0.0
        second = 0.0
        for sample in range(min(stops[row], samples)):
            x = levels[row] * sound[row, sample]
            v3 = x - second
            v1 = a1 * first + a2 * v3
            v2 = second + a2 * first + a3 * v3
            first = 2.0 * v1 - first
            second = 2.0 * v2 - second
            sound[row, sample] = np.float32(low * v2 + band * v1 + high * (x - k * v1 - v2))
