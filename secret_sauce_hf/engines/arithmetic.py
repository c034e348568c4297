"""Elementary functions in plain arithmetic.

The mathematical library differs from machine to machine in the last bit; these do not.
"""

import numpy as np

from secret_sauce_hf.engines.compiling import inlined

_TWO_PI = 2.0 * np.pi
_LN2 = np.log(2.0)


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
    steps = int(abs(whole))
    scale = np.float64(np.int64(1) << steps)
    return series * 1.4142135623730951 * (scale if whole >= 0 else 1.0 / scale)
