"""Functions that are the same on every machine: are they right? That they are the same, `test_engine.py` tests."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.signal

from secret_sauce_hf.engines.dsp import elementary


def far(got: np.ndarray, wanted: list[float]) -> float:
    """By how many units in the last place the worst is off."""
    return float(np.max(np.abs(got - wanted) / np.spacing(np.abs(wanted))))


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "exp"])
@pytest.mark.parametrize("reach", [1.0, 30.0])
def test_functions_are_right(name, reach):
    x = np.random.default_rng(1).uniform(-reach, reach, 5_000)
    # The library's own are within one unit.
    assert far(getattr(elementary, name)(x), [getattr(math, name)(value) for value in x]) <= 4


def test_turns_of_a_whole_take_are_right():
    x = np.random.default_rng(2).uniform(0, 1e5, 5_000)
    assert np.abs(elementary.sin(x) - [math.sin(value) for value in x]).max() < 4e-16


def test_logarithms_and_powers_are_right():
    x = np.exp(np.random.default_rng(3).uniform(-30, 30, 5_000))
    assert far(elementary.log(x), [math.log(value) for value in x]) <= 4
    exponents = np.random.default_rng(4).uniform(-3, 3, 200)
    for base in (20.0, 2.0, 0.18, 10_000 / 1_200):
        with localcontext(prec=40):
            wanted = [float((Decimal(value) * Decimal(base).ln()).exp()) for value in exponents]
        assert far(elementary.power(base, exponents), wanted) <= 12
    assert elementary.power(2.0, [0, 1, 2, -3]).tolist() == [1.0, 2.0, 4.0, 0.125]
    assert elementary.power(20.0, [0, 1]).tolist() == [1.0, 20.0]


def test_ends():
    assert elementary.exp([-1e9, -800.0, 0.0]).tolist() == [0.0, 0.0, 1.0]
    assert elementary.sinc([0.0, 0.5]).tolist() == pytest.approx([1.0, 2 / math.pi], abs=1e-15)
    assert elementary.sin(0.0) == 0.0
    assert elementary.cos(0.0) == 1.0
    assert elementary.log(1.0) == 0.0


@pytest.mark.parametrize(("count", "cutoff", "beta"), [(161, 0.11, 8.0), (81, 0.25, 9.0)])
def test_a_low_pass_is_scipys(count, cutoff, beta):
    wanted = scipy.signal.firwin(count, cutoff, window=("kaiser", beta))
    assert elementary.low_pass_taps(count, cutoff, beta) == pytest.approx(wanted, abs=1e-15)
