"""Names of pitches."""

import pytest

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.pitches import pitch_name, pitch_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("C3", 60), ("c3", 60), ("C2", 48), ("C-2", 0), ("G8", 127), ("F#2", 54), ("Gb2", 54), ("bb1", 46), ("B1", 47),
        ("Cb3", 59), ("B#2", 60), ("F♯2", 54), ("A♭2", 56), ("C##3", 62), ("Dbb3", 60), ("36", 36), (" 36.0 ", 36),
        ("0", 0), (127, 127), ("+5", 5),
    ],
)  # fmt: skip
def test_pitches_have_numbers(text, number):
    assert pitch_number(text) == number


def test_every_number_has_a_name():
    assert [pitch_number(pitch_name(number)) for number in range(128)] == list(range(128))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("H2", "'H2' is no pitch; give a MIDI number from 0 to 127, or a name such as C2 or F#2"),
        ("C", "'C' is no pitch"),
        ("", "'' is no pitch"),
        ("36.5", "'36.5' is no pitch"),
        ("C10", "'C10' is no pitch"),
        ("C" * 1000, r"CCC\.\.\.' is no pitch"),
        ("nan", "'nan' is no pitch"),
        ("128", "'128' is no MIDI note; give 0 to 127, or C-2 to G8 .note 60, middle C, is C3 here"),
        ("-1", "'-1' is no MIDI note"),
        ("G#8", "'G#8', which is note 128, is no MIDI note"),
        ("Cb-2", "'Cb-2', which is note -1, is no MIDI note"),
    ],
)
def test_what_is_no_pitch_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        pitch_number(text)
