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
def lfo_tick(phase, increment, smoothed, table):
    """Read the table, step, smooth over about 20 samples.

    Args:
        phase: float32, in points of the table.
        increment: float32, points per sample.
        smoothed: the last output.
        table: of `sine_table`.

    Returns:
        (phase, output)
    """
    point = int(phase)
    value = table[point] + (phase - point) * (table[point + 1] - table[point])
    # Single precision on purpose: slow rates are off by several percent in the plug-in, too.
    phase = np.float32(phase + increment)
    while phase >= _WRAP:
        phase = np.float32(phase - _WRAP)
    return phase, 0.95 * smoothed + 0.05 * value
