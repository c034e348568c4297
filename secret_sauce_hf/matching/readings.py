"""What else may have been played in a sound, where a listener may have been wrong."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import VELOCITY
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened
from secret_sauce_hf.modeling.strokes_secret_sauce import TOGETHER, strokes_of

GAP_SECONDS = 0.05
"""A note that starts so near to where one of its pitch ends may be the same, which something else interrupts."""
LOUD_DB, FRAME = 40.0, 128
"""A sound ends where it is softer than its loudest by more, in frames of so many samples."""
EARLY_SECONDS = 0.05
"""Notes that end so long before the sound does may end anywhere: perhaps they are not there."""


def alike(listened: Listened) -> list[Listened]:
    """What was heard, and what differs from it in nothing but when notes end and where one is taken for two."""
    last = loud_until(listened.samples)
    joined = _playing(listened, _joined(listened.notes))
    others = [joined, _playing(listened, _held(listened.notes, last)), _playing(listened, _held(joined.notes, last))]
    found = {listened.notes: listened}
    for other in others:
        found.setdefault(other.notes, other)
    return list(found.values())


def single(listened: Listened, pitches: Iterable[int]) -> list[Listened]:
    """One note of each pitch, from the first onset that was heard to the last end."""
    start = listened.notes[0].onset
    end, last = max(note.end for note in listened.notes), loud_until(listened.samples)
    end = last if end < last - EARLY_SECONDS else end
    return [_playing(listened, [Note(pitch, VELOCITY, start, end - start)]) for pitch in pitches]


def loud_until(samples: np.ndarray) -> float:
    """When a sound was last louder than `LOUD_DB` below its loudest, in seconds from its start."""
    power = np.square(samples[: len(samples) // FRAME * FRAME], dtype=np.float64).reshape(-1, FRAME).mean(axis=1)
    loud = np.flatnonzero(power >= power.max(initial=0.0) * 10 ** (-LOUD_DB / 10))
    return (int(loud[-1]) + 1) * FRAME / SAMPLE_RATE if len(loud) else 0.0


def _playing(listened: Listened, notes: Iterable[Note]) -> Listened:
    notes = tuple(notes)
    return replace(listened, notes=notes, strokes=tuple(strokes_of(notes, len(listened.samples) / SAMPLE_RATE)))


def _joined(notes: Iterable[Note]) -> list[Note]:
    """A note goes on with the next one of its pitch where that starts as it ends."""
    joined: list[Note] = []
    for note in notes:
        for place, other in enumerate(joined):
            if other.pitch == note.pitch and abs(note.onset - other.end) < GAP_SECONDS:
                joined[place] = other._replace(duration=note.end - other.onset)
                break
        else:
            joined.append(note)
    return joined


def _held(notes: Iterable[Note], last: float) -> list[Note]:
    """Every note is held until the next one starts, or until the last moment."""
    notes = list(notes)
    held = []
    for note in notes:
        later = [other.onset for other in notes if other.onset > note.onset + TOGETHER]
        held.append(note._replace(duration=max(note.end, min(later, default=last)) - note.onset))
    return held
