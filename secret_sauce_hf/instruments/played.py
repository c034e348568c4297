"""What is played: a note, and what rules of what is heard can ask of all of them, a few numbers for each row.

A release is heard where a note ends early enough, a decay where notes last, a key follow away
from its middle. Rules name these numbers as they name knobs (see `rules`): `above("note.held", 0.5)`.

A checkpoint can carry a copy of this file (see `secret_sauce_hf.modeling`): it imports NumPy
and a sibling only.
"""

from typing import NamedTuple

import numpy as np

from .takes import NOTE

PREFIX = "note."
"""With which each of the names begins; no parameter has a dot in its name."""


class Note(NamedTuple):
    """One note of a take.

    Attributes:
        pitch: MIDI number, 0 to 127; 60 is middle C.
        velocity: MIDI velocity, 1 to 127.
        onset: when it starts, in seconds from the start of the take.
        duration: how long it is held, in seconds.
    """

    pitch: int
    velocity: int
    onset: float
    duration: float

    @property
    def end(self) -> float:
        """When it is released, in seconds from the start of the take."""
        return self.onset + self.duration


class Quantity(NamedTuple):
    """A number of what is played.

    Attributes:
        low: the lowest that it can be.
        high: the highest.
        text: what it is, for people, between "the" and a number.
        silences: why a parameter is never heard where this has the value `{0}`, for people.
        unit: the unit, as it stands behind a number; empty where there is none.
    """

    low: float
    high: float
    text: str
    silences: str
    unit: str = ""


_SECONDS = (0.0, 60.0)
_NOTE, _VELOCITY = "does nothing at note {0:g}", "does nothing at velocity {0:g}"
_HELD = "does nothing in {0:.3g} s"

QUANTITIES: dict[str, Quantity] = {
    "note.lowest": Quantity(0, 127, "lowest pitch", _NOTE),
    "note.highest": Quantity(0, 127, "highest pitch", _NOTE),
    "note.away": Quantity(0, 127, "furthest pitch from note 60", "does nothing at note 60", " semitones"),
    "note.softest": Quantity(1, 127, "lowest velocity", _VELOCITY),
    "note.hardest": Quantity(1, 127, "highest velocity", _VELOCITY),
    "note.held": Quantity(*_SECONDS, "longest note", _HELD, " s"),
    "note.gate": Quantity(*_SECONDS, "longest time of overlapping notes", _HELD, " s"),
    "note.gates": Quantity(1, 1_000, "number of separate notes", "does nothing with {0:g} separate notes"),
    "note.rest": Quantity(*_SECONDS, "longest rest after a note", "the note is held to the end of a take", " s"),
    "note.since": Quantity(*_SECONDS, "time from the first note on", _HELD, " s"),
}
"""What there is to ask, by name. Times count within the take only, in seconds: `note.held` is the
longest that a single note is held, `note.gate` the longest that some note is, each overlapping the
one before, `note.gates` how often that happens, `note.rest` the longest that none is, once the first
has begun, and `note.since` how long the take goes on from the first note's start."""
# Notes that overlap by less, a part of a sample, follow each other.
_TOUCHING = 1e-6


def asked(
    first: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, onset: np.ndarray, duration: np.ndarray, seconds: float
) -> dict[str, np.ndarray]:
    """The quantities of every one of several rows.

    Args:
        first: whole numbers, (rows + 1,): the notes of row i, one at least, are those from
            `first[i]` up to `first[i + 1]`, in any order.
        pitch: MIDI numbers, (notes,).
        velocity: MIDI velocities, (notes,).
        onset: when notes start, in seconds from the start of the take, (notes,).
        duration: how long they are held, in seconds, (notes,).
        seconds: length of the take.

    Returns:
        Name → float64 of shape (rows,), for each of `QUANTITIES`.
    """
    starts, end = first[:-1], np.minimum(onset + duration, seconds)
    away = np.abs(pitch - NOTE)
    gate, gates, rest = _gates(first, onset, end, seconds)
    found = {
        "note.lowest": np.minimum.reduceat(pitch, starts),
        "note.highest": np.maximum.reduceat(pitch, starts),
        "note.away": np.maximum.reduceat(away, starts),
        "note.softest": np.minimum.reduceat(velocity, starts),
        "note.hardest": np.maximum.reduceat(velocity, starts),
        "note.held": np.maximum.reduceat(end - onset, starts),
        "note.gate": gate,
        "note.gates": gates,
        "note.rest": rest,
        "note.since": seconds - np.minimum.reduceat(onset, starts),
    }
    return {name: values.astype(np.float64) for name, values in found.items()}


def _gates(first: np.ndarray, onset: np.ndarray, end: np.ndarray, seconds: float) -> tuple[np.ndarray, ...]:
    """The longest time of notes that overlap, how many such there are, and the longest without one: (rows,) each."""
    counts = np.diff(first)
    order = np.lexsort((onset, np.repeat(np.arange(len(counts)), counts)))
    onset, end = onset[order], end[order]
    opened, closed = onset[first[:-1]], end[first[:-1]]
    gate, gates, rest = closed - opened, np.ones(len(counts)), np.zeros(len(counts))
    # By the place of a note in its row: a row has few, and there are many rows.
    for place in range(1, int(counts.max(initial=0))):
        rows = np.flatnonzero(counts > place)
        notes = first[rows] + place
        gap = onset[notes] - closed[rows]
        rest[rows] = np.maximum(rest[rows], gap)
        opened[rows] = np.where(gap > -_TOUCHING, onset[notes], opened[rows])
        gates[rows] += gap > -_TOUCHING
        closed[rows] = np.maximum(closed[rows], end[notes])
        gate[rows] = np.maximum(gate[rows], closed[rows] - opened[rows])
    return gate, gates, np.maximum(rest, seconds - closed)
