"""Notes that were heard in a sound, as an instrument can play them."""

from collections.abc import Sequence

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.modeling.strokes_secret_sauce import TOGETHER
from secret_sauce_hf.presets import Presets


def playable(notes: Sequence[Note], collection: Collection, engine: Engine) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """What of a performance an instrument can play, and what was done to it, a sentence each.

    What is too high or too low is taken by octaves, and of notes that cannot sound together the lowest
    are kept.

    Args:
        notes: in the order of time, in seconds from the start of the take; one at least.
        collection: of the take.
        engine: renders it.
    """
    remarks = []
    moved = tuple(note._replace(pitch=_within(note.pitch, engine.plays)) for note in notes)
    if moved != tuple(notes):
        remarks.append(
            f"The instrument plays notes {engine.plays[0]} to {engine.plays[-1]}: what is beyond is taken by octaves."
        )
    kept = list(moved)
    while not _plays(engine, collection, kept) and len(kept) > 1:
        kept.remove(_hindrance(kept))
    if len(kept) < len(moved):
        remarks.append(
            f"The instrument cannot play all of this at once: {len(moved) - len(kept)} of {len(moved)} notes are left "
            "out."
        )
    return tuple(kept), tuple(remarks)


def _within(pitch: int, pitches: range) -> int:
    while pitch > pitches[-1]:
        pitch -= 12
    while pitch < pitches[0]:
        pitch += 12
    return min(max(pitch, pitches[0]), pitches[-1])


def _plays(engine: Engine, collection: Collection, notes: Sequence[Note]) -> bool:
    rows = Presets.of_search(collection, np.array([[int(p.spread(2)[0]) for p in collection.parameters]]))
    try:
        engine.check_performances(rows.playing(list(notes)))
    except InputError:
        return False
    return True


def _hindrance(notes: Sequence[Note]) -> Note:
    """The highest note of the largest group that starts together, or the last one."""
    groups = [[other for other in notes if abs(other.onset - note.onset) <= TOGETHER] for note in notes]
    largest = max(groups, key=len)
    return max(largest, key=lambda note: note.pitch) if len(largest) > 1 else notes[-1]
