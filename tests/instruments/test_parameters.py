"""What parameters answer for themselves."""

import numpy as np
import pytest

from secret_sauce_hf.instruments import COLLECTIONS, Knob, Parameter, Switch

FINE = Knob("fine", (9, 41))
COARSE = Knob("coarse", (9,), drawn=(10, 109))
WAVE = Switch("wave", (3,), (64, 0, 127), ("saw", "off", "pulse"), display=(("saw", "Sawtooth"),))
EVERY = {f"{name}-{p.name}": p for name, collection in COLLECTIONS.items() for p in collection.parameters}
EVERY |= {p.name: p for p in (FINE, COARSE, WAVE)}


@pytest.fixture(params=EVERY.values(), ids=EVERY)
def parameter(request: pytest.FixtureRequest) -> Parameter:
    """Each parameter that is built in, and those above."""
    return request.param


def test_counts():
    assert (FINE.classes, COARSE.classes, WAVE.classes) == (0, 0, 3)
    assert (FINE.cc_count, COARSE.cc_count, WAVE.cc_count) == (16_384, 100, 3)
    assert (FINE.first_cc, COARSE.first_cc, WAVE.first_cc) == (0, 0, 64)


def test_legal_values_by_index(parameter: Parameter):
    cc = parameter.cc_at(np.arange(parameter.cc_count))
    assert cc.dtype == np.int64 and len(np.unique(cc)) == parameter.cc_count
    assert parameter.legal_cc(cc).all() and parameter.legal_unit(parameter.cc_to_unit(cc)).all()
    assert not parameter.legal_cc(np.setdiff1d(np.arange(-1, 16_385), cc)).any()
    np.testing.assert_array_equal(parameter.nearest_cc(parameter.cc_to_unit(cc)), cc)
    settings = parameter.cc_to_setting(cc).tolist()
    for cells in (settings, [parameter.text(setting).strip('"') for setting in settings]):
        np.testing.assert_array_equal(parameter.unit_to_cc(parameter.parse(cells)), cc)


def test_legal():
    np.testing.assert_array_equal(COARSE.legal_cc(np.array([9, 10, 109, 110])), [False, True, True, False])
    np.testing.assert_array_equal(WAVE.legal_cc(np.array([0, 1, 64, 127])), [True, False, True, True])
    np.testing.assert_array_equal(
        COARSE.legal_unit(np.array([10 / 127 - 1e-8, 10 / 127 - 1e-10, 0.5, 109 / 127 + 1e-8, np.nan])),
        [False, True, True, False, False],
    )
    np.testing.assert_array_equal(WAVE.legal_unit(np.array([-1, 0, 0.5, 2, 3])), [False, True, False, True, False])


def test_what_messages_say_is_allowed():
    assert FINE.allowed_cc() == "must be from 0 to 16383"
    assert COARSE.allowed_unit() == "must be from 0.0787401574803 to 0.858267716535"
    assert COARSE.allowed_setting() == "must be a number from 0.787401574803 to 8.58267716535"
    assert WAVE.allowed_cc() == "must be one of 64 (saw), 0 (off), 127 (pulse)"
    assert WAVE.allowed_unit() == "must be one of 0 to 2"
    assert WAVE.allowed_setting() == "must be one of saw, off, pulse"


def test_nearest():
    np.testing.assert_array_equal(COARSE.nearest_cc(np.array([-3.0, 0.5, 0.504, 7.0])), [10, 64, 64, 109])
    np.testing.assert_array_equal(COARSE.nearest_unit(np.array([0.5, 7.0])), [64 / 127, 109 / 127])
    np.testing.assert_array_equal(WAVE.nearest_cc(np.array([-3.0, 0.4, 0.6, 7.0])), [64, 64, 0, 127])
    np.testing.assert_array_equal(WAVE.nearest_unit(np.array([-3.0, 0.4, 0.6, 7.0])), [0, 0, 1, 2])


def test_draws_are_uniform_over_the_legal_values(parameter: Parameter):
    random = np.arange(2**16, dtype=np.uint64) << np.uint64(48)
    drawn, counts = np.unique(parameter.draw(random), return_counts=True)
    np.testing.assert_array_equal(drawn, np.sort(parameter.cc_at(np.arange(parameter.cc_count))))
    assert counts.max() - counts.min() <= 1
    # The lower half of the bits does not matter, nor do the ends leave the range.
    ends = np.array([0, 2**32 - 1, 2**64 - 1], dtype=np.uint64)
    np.testing.assert_array_equal(parameter.draw(ends), parameter.cc_at(np.array([0, 0, parameter.cc_count - 1])))


@pytest.mark.parametrize(
    "cell", ["", " 5", "1_000", "nan", "inf", "٥", "5f", True, None, 10**400, 5j, b"5", [5.0], 0.7, 8.6, float("nan")]
)
def test_cells_that_are_no_setting_of_a_knob(cell: object):
    assert np.isnan(COARSE.parse([cell])).all()


def test_settings_of_a_knob():
    told = COARSE.parse(["5", "+5.0", ".5e1", 5, np.float32(5), 10 / 12.7 - 1e-7])
    np.testing.assert_array_equal(told, [0.5, 0.5, 0.5, 0.5, 0.5, 10 / 127])


@pytest.mark.parametrize("cell", ["Saw", "saw ", "Sawtooth", "0", 0, 64, None, ["saw"]])
def test_cells_that_are_no_label(cell: object):
    assert np.isnan(WAVE.parse(["saw", cell])).tolist() == [False, True]


def test_moves(parameter: Parameter):
    unit = parameter.cc_to_unit(parameter.cc_at(np.arange(parameter.cc_count)))
    moves = parameter.moves(unit)
    assert len(moves) == (parameter.classes - 1 if parameter.classes else 2)
    for index, moved in enumerate(moves):
        assert parameter.legal_unit(moved).all() and (moved != unit).all()
        # Each is a permutation, and no two go to the same place.
        np.testing.assert_allclose(np.sort(moved), np.sort(unit))
        assert all((moved != other).all() for other in moves[:index])


def test_moves_of_a_knob_go_round():
    first, second = (COARSE.unit_to_cc(moved) for moved in COARSE.moves(np.array([10, 60, 109]) / 127))
    np.testing.assert_array_equal(first, [43, 93, 42])
    np.testing.assert_array_equal(second, [77, 27, 76])


def test_spread_and_steps():
    np.testing.assert_array_equal(COARSE.spread(4), [10, 43, 76, 109])
    assert len(COARSE.spread(1000)) == 100
    np.testing.assert_array_equal(WAVE.spread(2), [64, 0, 127])
    assert COARSE.steps(12, (-8, -1, 0, 1, 8)) == [10, 11, 13, 20]
    assert FINE.steps(0, (-1, 0.5, 1)) == [64, 129]
    assert WAVE.steps(64, (1,)) == [0, 127]


def test_errors():
    truth = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(FINE.error(truth, np.array([0.25, 0.5, 0.9])), [2.5, 0.0, 1.0])
    np.testing.assert_array_equal(WAVE.error(np.array([0, 1, 2]), np.array([0.0, 2.0, 2.0])), [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(WAVE.right(np.array([0, 1, 2]), np.array([0.0, 2.0, 2.0])), [True, False, True])
    np.testing.assert_array_equal(FINE.right(np.zeros(3), np.array([0, 128, 129]) / 16_383), [True, True, False])
    np.testing.assert_array_equal(COARSE.right(np.full(3, 50 / 127), np.array([48, 49, 51]) / 127), [False, True, True])


def test_typical_and_votes():
    assert COARSE.typical(np.array([0.1, 0.2, 0.9])) == 0.2
    assert WAVE.typical(np.array([2.0, 1.0, 2.0, 1.0, 0.0])) == 1.0
    np.testing.assert_array_equal(COARSE.vote(np.array([[20, 30, 90], [20, 23, 25]]) / 127), [30 / 127, 23 / 127])
    # On the grid, where a median lies between two steps.
    assert COARSE.vote(np.array([[20, 25]]) / 127)[0] in (22 / 127, 23 / 127)
    neighbours = np.array([[2, 1, 1, 2, 0], [1, 2, 2, 1, 0], [0, 1, 1, 1, 0], [2, 1, 0, 0, 1]], dtype=np.float64)
    np.testing.assert_array_equal(WAVE.vote(neighbours), [2, 1, 1, 1])


def test_apart():
    assert FINE.apart(0.1) == COARSE.apart(0.1) == 0.1
    assert WAVE.apart(0.1) == WAVE.apart(0.9) == 0.5


def test_texts():
    assert (FINE.show(3.14159), WAVE.show("saw"), WAVE.show("pulse")) == ("3.14", "Sawtooth", "pulse")
    assert (FINE.show_error(3, 2.5), FINE.show_error(3, 3.5)) == ("-0.50", "+0.50")
    assert (WAVE.show_error("saw", "saw"), WAVE.show_error("saw", "off")) == ("right", "wrong")
    assert [FINE.text(value) for value in (5, 0.1234567890123)] == ["5.0", "0.123456789012"]
    assert WAVE.text("saw") == '"saw"'
    assert COARSE.values_text() == "0.7874 to 8.583"
    assert WAVE.values_text() == "saw (Sawtooth), off, pulse"
