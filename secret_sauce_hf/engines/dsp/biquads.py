"""Second-order filters of amplifiers and cabinets: R. Bristow-Johnson's "Audio EQ Cookbook".

Each function returns one section as SciPy orders it, float64 of shape (1, 6).
"""

import numpy as np

from secret_sauce_hf.engines.dsp import elementary


def _section(b0: float, b1: float, b2: float, a0: float, a1: float, a2: float) -> np.ndarray:
    return np.array([[b0, b1, b2, a0, a1, a2]]) / a0


def _angle(hertz: float, q: float, rate: int) -> tuple[float, float]:
    """cos ω and α."""
    omega = 2.0 * np.pi * hertz / rate
    return float(elementary.cos(omega)), float(elementary.sin(omega) / (2.0 * q))


def low_pass(hertz: float, q: float, rate: int) -> np.ndarray:
    """12 dB/oct above `hertz`."""
    cos, alpha = _angle(hertz, q, rate)
    return _section((1 - cos) / 2, 1 - cos, (1 - cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def high_pass(hertz: float, q: float, rate: int) -> np.ndarray:
    """12 dB/oct below `hertz`."""
    cos, alpha = _angle(hertz, q, rate)
    return _section((1 + cos) / 2, -1 - cos, (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def peak(hertz: float, q: float, decibels: float, rate: int) -> np.ndarray:
    """A bump or a dip of `decibels` at `hertz`."""
    cos, alpha = _angle(hertz, q, rate)
    a = float(elementary.power(10.0, decibels / 40))
    return _section(1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a)


def high_shelf(hertz: float, q: float, decibels: float, rate: int) -> np.ndarray:
    """`decibels` above `hertz`, nothing below."""
    cos, alpha = _angle(hertz, q, rate)
    a = float(elementary.power(10.0, decibels / 40))
    beta = 2.0 * np.sqrt(a) * alpha
    return _section(
        a * ((a + 1) + (a - 1) * cos + beta),
        -2 * a * ((a - 1) + (a + 1) * cos),
        a * ((a + 1) + (a - 1) * cos - beta),
        (a + 1) - (a - 1) * cos + beta,
        2 * ((a - 1) - (a + 1) * cos),
        (a + 1) - (a - 1) * cos - beta,
    )
