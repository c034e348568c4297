"""Names of pitches: `C2`, `F#2`, `Bb1`, and the MIDI numbers that they stand for.

Octaves are numbered as in the announcement of 2018 and by most sequencers: note 60, middle C, is C3.
"""

import re

from secret_sauce_hf.instruments.errors import InputError

NAMED_SO = "note 60, middle C, is C3 here"
"""For help and messages: others call it C4."""

_NAME = re.compile(r"([A-Ga-g])(##|#|♯|bb|b|♭)?(-?[0-9])")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.0{1,9})?")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ALTERED = {None: 0, "#": 1, "♯": 1, "##": 2, "b": -1, "♭": -1, "bb": -2}
_LOWEST_OCTAVE = -2
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def pitch_number(text: str | int) -> int:
    """The MIDI number of a pitch.

    Args:
        text: a number from 0 to 127, or a name: a letter from A to G, then # or b, then the octave;
            C-2 is 0, C3 is 60 and G8 is 127.

    Raises:
        InputError: it is neither, or lies beyond 0 to 127.
    """
    told = str(text).strip()
    if _NUMBER.fullmatch(told):
        number = int(float(told))
    elif found := _NAME.fullmatch(told):
        letter, altered, octave = found.groups()
        number = 12 * (int(octave) - _LOWEST_OCTAVE) + _STEPS[letter.upper()] + _ALTERED[altered]
    else:
        raise InputError(f"{_shown(told)} is no pitch; give a MIDI number from 0 to 127, or a name such as C2 or F#2.")
    if not 0 <= number <= 127:
        meant = "" if str(number) == told else f", which is note {number},"
        raise InputError(f"{_shown(told)}{meant} is no MIDI note; give 0 to 127, or C-2 to G8 ({NAMED_SO}).")
    return number


def pitch_name(number: int) -> str:
    """What a MIDI number is called: `C3` for 60."""
    octave, step = divmod(int(number), 12)
    return f"{_NAMES[step]}{octave + _LOWEST_OCTAVE}"


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 40 else repr(text[:37] + "...")
