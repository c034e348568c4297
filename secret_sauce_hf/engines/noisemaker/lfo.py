"""The NoiseMaker's LFO: a sine from a table, then a smoother."""

import numpy as np

from secret_sauce_hf.compiling import inlined

POINTS = 256
_WRAP = np.float32(255.0)
"""The phase wraps one point early: every cycle lacks 1/256 of a turn."""


def sine_table() -> np.ndarray:
    """One turn of a sine in `POINTS` points, and the first again."""
    return np.sin(2.0 * np.pi * np.arange(POINTS + 1) / POINTS).astype(np.float32)


def lfo_hertz(unit: np.ndarray) -> np.ndarray:
    """Rate for a rate knob at `unit`, before the early wrap speeds it up by 256/255."""
    return (np.exp(0.2 + 3.0 * unit * np.log(20.0)) - 1.0) / 19.0


@inlined
def read(phase, table):
    """The sine at a phase, float32 in points of the table, of `sine_table`: between two points a straight line."""
    point = np.int32(phase)
    return table[point] + (phase - point) * (table[point + 1] - table[point])


@inlined
def tick(phase, increment, smoothed, value):
    """One sample: step, and smooth over about 20 samples.

    Args:
        phase: float32, in points of the table.
        increment: float32, points per sample.
        smoothed: the last output.
        value: the sine at the phase, of `read`.

    Returns:
        (phase, output)
    """
    # Single precision on purpose: slow rates are off by several percent in the plug-in, too.
    stepped = np.float32(phase + increment)
    # Once is enough: the fastest rate steps by 3 points.
    phase = np.float32(stepped - _WRAP) if stepped >= _WRAP else stepped
    return phase, 0.95 * smoothed + 0.05 * value
