"""Collections whose takes are of another length than declared."""

from dataclasses import replace

from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Collection

SHORTEST, LONGEST = 0.05, 30.0
"""Seconds that a take may be asked to last."""
# Lengths are differences of two times, which are not exact.
_SAME = 1e-9


def check_seconds(seconds: float) -> None:
    """Refuse a length that no take may have.

    Raises:
        InputError: it is no number from `SHORTEST` to `LONGEST`.
    """
    real = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not real or not SHORTEST <= seconds <= LONGEST:
        raise InputError(f"A take of {str(seconds)[:40]} seconds is none; give {SHORTEST:g} to {LONGEST:g} seconds.")


def with_seconds(collection: Collection, seconds: float) -> Collection:
    """The collection with takes of `seconds`: the same presets and the same name, another timing.

    The take begins when it did. The note of the timing ends as long before the take's end as it did, and so does
    the slot of a session after it; where a short take leaves no room for that, the note starts in the first half
    of the take and lasts for half of what follows.

    Args:
        collection: the collection.
        seconds: from 0.05 to 30.

    Returns:
        The collection itself where its takes last that long already.

    Raises:
        InputError: another number of seconds.
    """
    check_seconds(seconds)
    seconds = float(seconds)
    if abs(seconds - collection.seconds) < _SAME:
        return collection
    timing = collection.timing
    start, end = timing.cut
    note_on = start + min(timing.note_on - start, seconds / 2)
    note_off = max(start + seconds + (timing.note_off - end), (note_on + start + seconds) / 2)
    slot = max(start + seconds + (timing.slot - end), start + seconds, note_off)
    timing = replace(timing, note_on=note_on, note_off=note_off, cut=(start, start + seconds), slot=slot)
    return replace(collection, timing=timing)
