"""What a declaration says of what the rows of a collection play, where that is not the same in every one.

    "plays": {"kind": "notes", "lowest": 36, "highest": 84, "onset": 0.1, "shortest": 0.08, "longest": 2.0}

Single notes or phrases are drawn with each row's preset; `Playing` says what each key means.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from secret_sauce_hf.instruments.checking import is_number, quoted
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Playing
from secret_sauce_hf.instruments.performing import STREAMS

PLAYING_KEYS = tuple(field.name for field in fields(Playing))
_PHRASE_SPAN = 24
"""Semitones that melodies and chords need."""
_PHRASE_SECONDS = 2.0


def playing(told: Mapping[str, Any], seconds: float) -> Playing:
    """How what rows play is drawn, from a parsed declaration.

    Args:
        told: what stands under `plays`, with no other keys than `PLAYING_KEYS`.
        seconds: length of a take.

    Raises:
        InputError: a value that cannot be; the message names its key.
    """
    kind: Any = told.get("kind")
    lowest: Any = told.get("lowest")
    highest: Any = told.get("highest")
    if not isinstance(kind, str) or kind not in STREAMS:
        raise InputError(f"plays: kind is {quoted(kind)}; give {' or '.join(map(repr, STREAMS))}.")
    span = _PHRASE_SPAN if kind == "phrases" else 0
    if not _are_pitches([lowest, highest]) or lowest + span > highest:
        far = f", the second {span} above the first at least" if span else ""
        shown = f"{quoted(lowest)} and {quoted(highest)}"
        raise InputError(f"plays: lowest and highest are {shown}; give MIDI numbers from 0 to 127{far}.")
    times = {key: told[key] for key in ("onset", "shortest", "longest") if key in told}
    for key, value in times.items():
        if not is_number(value) or value < 0:
            raise InputError(f"plays: {key} is {quoted(value)}; give a number of seconds.")
    chords, strings = told.get("chords", True), told.get("strings", [])
    if not isinstance(chords, bool):
        raise InputError(f"plays: chords is {quoted(chords)}; give true or false.")
    if not isinstance(strings, list) or not _are_pitches(strings) or strings != sorted(strings):
        raise InputError(f"plays: strings are {quoted(strings)}; give the pitch of each, the lowest first.")
    found = Playing(kind, lowest, highest, chords=chords, strings=tuple(strings), **times)
    if not 0 < found.shortest <= found.longest or not found.onset < seconds:
        raise InputError("plays: give an onset within the take, and a shortest duration above 0, up to the longest.")
    if kind == "phrases" and seconds - found.onset < _PHRASE_SECONDS:
        raise InputError(f"plays: phrases need {_PHRASE_SECONDS:g} s from their onset on; lengthen the take.")
    return found


def playing_record(plays: Playing) -> dict[str, Any]:
    """What stands under `plays` in a declaration."""
    record = asdict(plays) | {"strings": list(plays.strings)}
    return {key: value for key, value in record.items() if key != "strings" or value}


def _are_pitches(values: list[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 127 for value in values)
