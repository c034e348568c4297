"""What a parameter is, told from the texts of a sweep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secret_sauce_hf.engines.plugin.listing import MOST_STEPS, POINTS, kind_of, legal_names, reason
from secret_sauce_hf.instruments import Collection, Instrument, Knob, Timing
from secret_sauce_hf.instruments.checking import check_collection

SWEEP = np.linspace(0, 1, POINTS)


def swept(text, back=None):
    """What it is by a function from values to texts, and perhaps one to values that are read back."""
    return kind_of([text(value) for value in SWEEP], [value if back is None else back(value) for value in SWEEP])


@pytest.mark.parametrize(
    "text",
    [
        lambda value: f"{value:.3f}",
        lambda _: "",
        lambda value: f"{100 * value:.0f} %",
        # Rounded where it is shown: the steps are not even.
        lambda value: f"{10 * value**3:.0f} s",
        # The same number at two places.
        lambda value: f"{abs(value - 0.5):.1f}",
        lambda value: "Off" if value == 0 else f"{80 * value - 60:.2f} dB",
    ],
)
def test_continuous(text):
    assert swept(text) == ("continuous", (), ())


def test_stepped():
    kind, labels, values = swept(lambda value: f"{round(24 * value) - 12} st")
    assert (kind, len(labels), labels[0], labels[-1]) == ("stepped", 25, "-12 st", "12 st")
    np.testing.assert_allclose(values, np.linspace(0, 1, 25), atol=1e-9)
    kind, labels, _ = swept(lambda value: "Off" if value < 0.02 else str(round(30 * value)))
    assert (kind, labels[0]) == ("stepped", "Off")
    # It reads nothing, and takes four values.
    assert swept(lambda _: "", lambda value: round(3 * value) / 3)[0] == "stepped"


def test_labelled():
    assert swept(lambda value: ("Saw", "Square", "Sine")[min(int(3 * value), 2)]) == (
        "labelled",
        ("Saw", "Square", "Sine"),
        (0.0, 0.5, 1.0),
    )
    # Neither even nor all different, and with what no table could hold.
    kind, labels, values = swept(lambda value: '"A"\n' if value < 0.3 else "" if value < 0.9 else '"A"\n')
    assert (kind, labels) == ("labelled", ("'A'", "(nothing)", "'A' 2"))
    assert 0 <= values[0] < 0.3 <= values[1] < 0.9 <= values[2] <= 1
    assert swept(lambda value: str(int(value >= 0.5)))[:2] == ("labelled", ("0", "1"))


def test_idle():
    assert swept(lambda _: "x", lambda _: 0.5)[0] == "idle"


@given(st.integers(2, MOST_STEPS), st.booleans())
def test_every_step_has_a_value_that_reads_as_it_does(count, rounded):
    def step(value):
        return round(value * (count - 1)) if rounded else min(int(value * count), count - 1)

    kind, labels, values = swept(lambda value: f"mode {step(value)}")
    assert (kind, len(labels)) == ("labelled", count)
    assert [f"mode {step(value)}" for value in values] == list(labels)


@given(st.lists(st.text(max_size=90), min_size=1, max_size=20))
def test_every_list_gets_legal_names(listed):
    names = legal_names(listed)
    timing = Timing(0.2, 0.8, (0.1, 1.0))
    instrument = Instrument("x", "X", tuple(Knob(name, ()) for name in names))
    check_collection(Collection("x", "x", instrument, tuple(names), 0, 0, timing, "X"))


def test_names():
    listed = ["Osc 1: Wave", "Osc 1 - Wave", "2nd Mix", "Größe", "type", "class", "", "日本"]
    expected = ["Osc_1_Wave", "Osc_1_Wave_2", "p_2nd_Mix", "Große", "type_setting", "class_setting", "parameter_6"]
    assert legal_names(listed) == [*expected[:3], "Groe", *expected[4:], "parameter_7"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("MIDI CC 0|74", "MIDI controller"),
        ("CC 12", "MIDI controller"),
        ("Bypass", "host's"),
        ("Program", "host's"),
        ("Reserved 3", "not used"),
        (" - ", "not used"),
        ("Cutoff", ""),
        ("Filter Bypass", ""),
        ("Program Depth", ""),
    ],
)
def test_what_is_left_out(name, told):
    assert told in reason(name, True, True)
    assert bool(reason(name, True, True)) == bool(told)


def test_what_hosts_may_not_change():
    assert "not for hosts" in reason("Cutoff", False, True)
    # Some plug-ins say so of all that they have.
    assert reason("Cutoff", False, False) == ""
