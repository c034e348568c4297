"""Elementary functions of NumPy's arrays, and windows, that are the same to the last bit on every machine.

NumPy and the mathematical libraries have code of their own for every kind of processor, and round differently in the
last bit: where a filter's poles lie close to 1, that is heard by whoever compares bytes. IEEE 754 lays down +, -, ×, ÷
and √ exactly, and these functions use nothing else. They are within 3 units in the last place (`power`: 10).

The guitar rack computes with them: its notes were other bytes on processors with AVX-512 than without. The synths' were
the same on both, and keep what they have. Kernels have theirs in `arithmetic`.
"""

from decimal import Context, Decimal
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

# π/2 and ln 2 in parts: products of the first parts by whole numbers below 2^20 are exact (Cody and Waite, 1980).
_HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)
_LN2 = (0.6931471803691238, 1.9082149292705877e-10)
_DIGITS = Context(prec=60)

# Coefficients of Taylor series, highest first; what is left out is below half a unit in the last place.
_SINE = tuple((-1.0) ** n / float(np.prod(np.arange(1.0, 2 * n + 2))) for n in range(8, -1, -1))
_COSINE = tuple((-1.0) ** n / float(np.prod(np.arange(1.0, 2 * n + 1))) for n in range(8, -1, -1))
_EXPONENTIAL = tuple(1.0 / float(np.prod(np.arange(1.0, n + 1))) for n in range(14, 0, -1))
_ARTANH = tuple(1.0 / (2 * n + 1) for n in range(11, -1, -1))


def _series(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """A polynomial by Horner's rule, the highest coefficient first."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def _quadrants(x: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sine and cosine of what is left of x beyond quarter turns, and how many these are, modulo 4."""
    x = np.asarray(x, np.float64)
    quarters = np.rint(x * (2.0 / np.pi))
    rest = x - quarters * _HALF_PI[0] - quarters * _HALF_PI[1] - quarters * _HALF_PI[2]
    square = rest * rest
    return rest * _series(_SINE, square), _series(_COSINE, square), quarters.astype(np.int64) % 4


def sin(x: ArrayLike) -> np.ndarray:
    """sin x for |x| < 1e6, in radians."""
    sine, cosine, quarter = _quadrants(x)
    return np.where(quarter % 2 == 0, sine, cosine) * np.where(quarter < 2, 1.0, -1.0)


def cos(x: ArrayLike) -> np.ndarray:
    """cos x for |x| < 1e6, in radians."""
    sine, cosine, quarter = _quadrants(x)
    return np.where(quarter % 2 == 0, cosine, sine) * np.where((quarter == 0) | (quarter == 3), 1.0, -1.0)


def tan(x: ArrayLike) -> np.ndarray:
    """tan x for |x| < 1e6, in radians."""
    return sin(x) / cos(x)


def sinc(x: ArrayLike) -> np.ndarray:
    """sin(πx) / (πx), and 1 at 0."""
    angle = np.pi * np.asarray(x, np.float64)
    return np.where(angle == 0.0, 1.0, sin(angle) / np.where(angle == 0.0, 1.0, angle))


def _exponent(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """e^r - 1, and k, where x = k ln 2 + r."""
    x = np.clip(np.asarray(x, np.float64), -760.0, 709.0)
    whole = np.rint(x / _LN2[0])
    rest = x - whole * _LN2[0] - whole * _LN2[1]
    return rest * _series(_EXPONENTIAL, rest), whole.astype(np.int32)


def exp(x: ArrayLike) -> np.ndarray:
    """e^x for x < 709; 0 below -745."""
    less_one, whole = _exponent(x)
    return np.ldexp(1.0 + less_one, whole)


def log(x: ArrayLike) -> np.ndarray:
    """ln x for x > 0."""
    fraction, exponent = np.frexp(np.asarray(x, np.float64))
    small = fraction < np.sqrt(0.5)
    fraction, exponent = np.where(small, 2.0 * fraction, fraction), exponent - small
    # ln m = 2 artanh((m - 1) / (m + 1)).
    ratio = (fraction - 1.0) / (fraction + 1.0)
    return exponent * _LN2[0] + (exponent * _LN2[1] + 2.0 * ratio * _series(_ARTANH, ratio * ratio))


@cache
def _log2_parts(base: float) -> tuple[float, float]:
    """log₂ of a base in two parts, of which the first has 26 bits, so that its product by a short number is exact."""
    wanted = _DIGITS.divide(_DIGITS.ln(Decimal(base)), _DIGITS.ln(Decimal(2)))
    first = _short(float(wanted))
    return first, float(_DIGITS.subtract(wanted, Decimal(first)))


def _short(value: float) -> float:
    """The first 26 bits of a number."""
    fraction, exponent = np.frexp(value)
    return float(np.ldexp(np.trunc(np.ldexp(fraction, 26)), exponent - 26))


def power(base: float, x: ArrayLike) -> np.ndarray:
    """base^x for a base above 0."""
    x = np.asarray(x, np.float64)
    first, second = _log2_parts(float(base))
    whole = np.rint(x * (first + second))
    rest = (x * first - whole) + x * second
    less_one, more = _exponent(rest * (_LN2[0] + _LN2[1]))
    return np.ldexp(1.0 + less_one, np.clip(whole, -2_000, 2_000).astype(np.int32) + more)


def _bessel(x: ArrayLike) -> np.ndarray:
    """I₀, the modified Bessel function of order 0, for |x| < 20: its power series."""
    square = np.square(np.asarray(x, np.float64)) / 4.0
    return _series(tuple(1.0 / float(np.prod(np.arange(1.0, n + 1))) ** 2 for n in range(40, -1, -1)), square)


def _kaiser(places: np.ndarray, beta: float) -> np.ndarray:
    """J. F. Kaiser's window at places from -1 to 1."""
    return _bessel(beta * np.sqrt(1.0 - places**2)) / _bessel(beta)


def low_pass_taps(count: int, cutoff: float, beta: float) -> np.ndarray:
    """A linear-phase low-pass of gain 1 at 0 Hz: a sinc in a Kaiser window, as SciPy's `firwin` makes it.

    Args:
        count: how many taps, an odd number.
        cutoff: the middle of the slope, of half the rate.
        beta: of the window; 8 keeps the stop band 80 dB down.

    Returns:
        float64, (count,).
    """
    offsets = np.arange(count) - count // 2
    taps = cutoff * sinc(cutoff * offsets) * _kaiser(offsets / (count // 2), beta)
    # The sum has an order of its own on every processor; a running one has the same on all.
    return taps / np.cumsum(taps)[-1]
