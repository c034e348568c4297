"""What rows play, as a declaration says it."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from secret_sauce_hf.instruments.checking import is_number, nearest, quoted
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Playing

KINDS = ("notes", "phrases")
LOWEST, HIGHEST = 24, 96
MOST_STRINGS = 12
_USUAL = Playing("notes", LOWEST, HIGHEST)
_SECONDS = {"onset": (0.0, 10.0), "shortest": (0.01, 10.0), "longest": (0.01, 10.0)}


def playing(told: Any) -> Playing:
    """What rows play, from what stands under `notes` in a declaration.

    Raises:
        InputError: a value that cannot be; the message says what is allowed.
    """
    known = tuple(field.name for field in fields(Playing))
    if not isinstance(told, Mapping):
        raise InputError(f"notes must be a mapping in braces, with {', '.join(known)}.")
    if unknown := [key for key in told if key not in known]:
        raise InputError(f"notes has the unknown key {quoted(unknown[0])}; {nearest(unknown[0], known)}")
    values = asdict(_USUAL) | dict(told)
    if values["kind"] not in KINDS:
        raise InputError(f"notes: kind is {quoted(values['kind'])}; give one of {', '.join(KINDS)}.")
    pitches = [values["lowest"], values["highest"], *_strings(values["strings"])]
    if not all(type(pitch) is int and 0 <= pitch <= 127 for pitch in pitches) or pitches[0] > pitches[1]:
        raise InputError("notes: lowest, highest and strings are MIDI numbers, 0 to 127, the lower one first.")
    for name, (low, high) in _SECONDS.items():
        if not is_number(values[name]) or not low <= values[name] <= high:
            raise InputError(f"notes: {name} is {quoted(values[name])}; give seconds from {low:g} to {high:g}.")
    if values["shortest"] > values["longest"]:
        raise InputError("notes: the shortest is longer than the longest; give them the other way round.")
    if not isinstance(values["chords"], bool):
        raise InputError(f"notes: chords is {quoted(values['chords'])}; give true or false.")
    return Playing(**values | {"strings": tuple(values["strings"])})


def playing_record(plays: Playing) -> dict[str, Any]:
    """What stands under `notes` in a declaration: what is not as usual, and the pitches."""
    usual = asdict(_USUAL)
    kept = {"lowest": plays.lowest, "highest": plays.highest}
    return kept | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(plays).items()
        if value != usual[name]
    }


def _strings(strings: Any) -> list[Any]:
    if not isinstance(strings, list | tuple) or len(strings) > MOST_STRINGS:
        raise InputError(f"notes: strings is {quoted(strings)}; give a list of pitches, {MOST_STRINGS} at most.")
    return list(strings)
