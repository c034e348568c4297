"""From the notes of a row to what they do to one voice: the keyboard of a monophonic synthesiser.

The machine's defaults (manual): the last key played sounds; when it is let go while others are
held, the last one of these sounds again; and envelopes are triggered once, by a key that is played
while no other is held. A note that starts in the very tick in which the one before it ends is not
tied to it but triggers.
"""

import numpy as np

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.engines.subphatty.layout import LEGATO, RELEASE, TRIGGER, Keys


@kernel(nogil=True)
def _press(first, pitch, on, off, let_go, end, counts, tick, action, sounding_pitch):
    """Fill the last three with the events of every row, from twice the number of its first note on; `counts` of each.

    Args:
        first: int64, (rows + 1,): the notes of row i are those from `first[i]` up to `first[i + 1]`.
        pitch: int64, (notes,).
        on: int64, (notes,): tick of each note-on, in order within a row.
        off: int64, (notes,): tick of each note-off, after the note-on.
        let_go: int64, (notes,): numbers of the notes, of each row in the order of their note-offs.
        end: tick from which on nothing matters.
        counts: int64, (rows,).
        tick: int64, (2 * notes,).
        action: int64, (2 * notes,).
        sounding_pitch: int64, (2 * notes,).
    """
    notes = len(pitch)
    if len(on) != notes or len(off) != notes or len(let_go) != notes:
        raise ValueError("the columns of the notes are of different lengths")
    if len(counts) != len(first) - 1 or first[0] != 0 or first[-1] != notes:
        raise ValueError("the rows are not those of the notes")
    if len(tick) != 2 * notes or len(action) != 2 * notes or len(sounding_pitch) != 2 * notes:
        raise ValueError("there must be room for two events a note")
    held = np.zeros(notes, np.bool_)
    for row in range(len(counts)):
        start, stop = first[row], first[row + 1]
        at = 2 * start
        pressed = start
        released = start
        sounding = -1
        while released < stop:
            note = let_go[released]
            # A key that goes up in the tick in which another goes down goes up first.
            up = pressed == stop or off[note] <= on[pressed]
            if not up:
                note = pressed
            now = off[note] if up else on[note]
            if now >= end:
                break
            held[note] = not up
            what = -1
            if not up:
                pressed += 1
                what = TRIGGER if sounding < 0 else LEGATO
                sounding = note
            else:
                released += 1
                if note == sounding:
                    while sounding >= start and not held[sounding]:
                        sounding -= 1
                    if sounding < start:
                        sounding = -1
                    what = RELEASE if sounding < 0 else LEGATO
            if what >= 0:
                tick[at] = now
                action[at] = what
                sounding_pitch[at] = pitch[note] if sounding < 0 else pitch[sounding]
                at += 1
        counts[row] = at - 2 * start


def key_events(first: np.ndarray, pitch: np.ndarray, on: np.ndarray, off: np.ndarray, end: int) -> Keys:
    """What the notes of several rows do to the voice of each.

    Args:
        first: int64, (rows + 1,): the notes of row i are those from `first[i]` up to `first[i + 1]`.
        pitch: int64, (notes,), MIDI numbers.
        on: int64, (notes,): tick of each note-on, in order within a row.
        off: int64, (notes,): tick of each note-off; a note lasts one tick at least.
        end: tick from which on nothing matters: the end of the take.

    Returns:
        The events of every row; the pitch of a release is that which goes on sounding.
    """
    counts = np.zeros(len(first) - 1, np.int64)
    off = np.maximum(off, on + 1)
    # Of keys let go together the last one played goes last, so that no other is heard.
    let_go = np.lexsort((np.arange(len(off)), off, np.repeat(np.arange(len(counts)), np.diff(first))))
    columns = np.zeros((3, 2 * len(pitch)), np.int64)
    _press(first, pitch, on, off, let_go, end, counts, *columns)
    return _gather(Keys(2 * first, *columns), np.arange(len(counts)), counts)


def of_rows(keys: Keys, rows: np.ndarray) -> Keys:
    """The events of some rows, by their numbers."""
    return _gather(keys, rows, np.diff(keys.first)[rows])


def _gather(keys: Keys, rows: np.ndarray, counts: np.ndarray) -> Keys:
    """The first `counts` events of some rows."""
    first = np.concatenate([[0], np.cumsum(counts)])
    events = np.arange(first[-1]) + np.repeat(keys.first[rows] - first[:-1], counts)
    return Keys(first, keys.tick[events], keys.action[events], keys.pitch[events])
