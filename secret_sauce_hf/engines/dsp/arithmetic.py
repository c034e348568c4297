"""Elementary functions and random numbers in plain arithmetic.

The mathematical library differs from machine to machine in the last bit; these do not.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined

_TWO_PI = 2.0 * np.pi
_LN2 = np.log(2.0)
_LCG_A = np.uint32(1_664_525)
_LCG_C = np.uint32(1_013_904_223)


@inlined
def cosine_of_turns(turns):
    """cos(2π·turns) for 0 <= turns <= 1; error below 1e-10."""
    # Fold to a quarter turn around 0, where the Taylor series is short.
    x = abs(turns - 0.5)
    negative = x > 0.25
    x = (0.5 - x) if negative else x
    y = _TWO_PI * x
    z = y * y
    series = 1.0 - z / 2.0 * (
        1.0 - z / 12.0 * (1.0 - z / 30.0 * (1.0 - z / 56.0 * (1.0 - z / 90.0 * (1.0 - z / 132.0 * (1.0 - z / 182.0)))))
    )
    return series if negative else -series


@inlined
def power_of_two(x):
    """2**x for |x| < 60; relative error below 1e-9."""
    whole = np.floor(x)
    y = (x - whole - 0.5) * _LN2
    series = 1.0 + y * (
        1.0
        + y
        / 2.0
        * (1.0 + y / 3.0 * (1.0 + y / 4.0 * (1.0 + y / 5.0 * (1.0 + y / 6.0 * (1.0 + y / 7.0 * (1.0 + y / 8.0))))))
    )
    # The power's exponent as a double has it; by 32 bits, which every processor converts side by side.
    scale = np.int64((np.int64(np.int32(whole)) + 1023) << 52).view(np.float64)
    return series * 1.4142135623730951 * scale


@inlined
def next_seed(seed):
    """One step of a 32-bit congruential generator (Numerical Recipes); its upper bits are the random ones."""
    # Numba widens a product of 32-bit integers to 64.
    return np.uint32(seed * _LCG_A + _LCG_C)


_PART = np.float32(np.log(2.0) / 16.0)
_F10, _F45, _F105 = np.float32(10.0), np.float32(45.0), np.float32(105.0)
_F1, _F2, _F3, _F4, _F5, _F6 = (np.float32(1.0 / n) for n in range(1, 7))


@inlined
def power_of_two_single(x):
    """2**x in single precision for |x| < 6, without a branch; relative error below 4e-6, 0.007 cents.

    The Taylor series of a sixteenth of the exponent, squared four times.
    """
    y = x * _PART
    root = _F1 + y * (_F1 + y * _F2 * (_F1 + y * _F3 * (_F1 + y * _F4 * (_F1 + y * _F5 * (_F1 + y * _F6)))))
    root = root * root
    root = root * root
    root = root * root
    return root * root


@inlined
def tangent_single(x):
    """tan x in single precision for 0 <= x <= π/4: a Padé approximant, error below 3e-6."""
    z = x * x
    return x * (_F105 - _F10 * z) / (_F105 - z * (_F45 - z))
