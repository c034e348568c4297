"""What is played: notes, and the notes of every one of several rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Collection, Timing
from secret_sauce_hf.instruments.pitches import pitch_number
from secret_sauce_hf.instruments.played import Note as Note
from secret_sauce_hf.instruments.played import asked
from secret_sauce_hf.instruments.takes import NOTE, VELOCITY

PITCHES = range(128)
"""MIDI's notes."""
VELOCITIES = range(1, 128)
"""MIDI's velocities; a note-on of velocity 0 is a note-off."""
MAX_NOTES = 1_000
"""More notes of one take than this are no performance but a mistake."""
MAX_NOTE_SECONDS = 600.0
_RELEASED = 0.1
"""Seconds from the end of a note to that of its take, so that it does not break off."""
_NO_TIME = 1e15


def constant_note(timing: Timing) -> Note:
    """The one note of a take where nothing else is said: that of 2018, when the timing has it."""
    return Note(NOTE, VELOCITY, timing.note_on - timing.cut[0], timing.note_off - timing.note_on)


def asked_note(
    collection: Collection,
    pitch: str | int | None = None,
    velocity: int | None = None,
    duration: float | None = None,
    *,
    released: bool = False,
) -> Note:
    """One note that somebody asks for, which starts when the collection's own does.

    Args:
        collection: whose takes it is for.
        pitch: a MIDI number, or a name such as "C2"; note 60 if None.
        velocity: 1 to 127; 120 if None.
        duration: in seconds; as long as the collection's own note if None.
        released: whether a duration that is not told ends before the take does, so that the release is heard.

    Raises:
        InputError: it is no pitch.
    """
    usual = constant_note(collection.timing)
    if duration is None:
        rest = collection.seconds - usual.onset
        duration = min(usual.duration, max(rest - _RELEASED, rest / 2)) if released else usual.duration
    return Note(
        NOTE if pitch is None else pitch_number(pitch),
        VELOCITY if velocity is None else velocity,
        usual.onset,
        duration,
    )


@dataclass(frozen=True, eq=False)
class Performances:
    """What every one of several rows plays, in columns.

    Args:
        first: int64, (rows + 1,): the notes of row i are those from `first[i]` up to `first[i + 1]`.
        pitch: int64, (notes,), MIDI numbers.
        velocity: int64, (notes,).
        onset: float64, (notes,), seconds from the start of the take.
        duration: float64, (notes,), seconds.
    """

    first: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    onset: np.ndarray
    duration: np.ndarray

    @classmethod
    def from_notes(cls, rows: Iterable[Iterable[Note]]) -> "Performances":
        """From the notes of every row, checked.

        Raises:
            InputError: a row without notes, or a note that cannot be one; see `check_notes`.
        """
        performances = [tuple(row) for row in rows]
        for number, notes in enumerate(performances):
            check_notes(notes, f"row {number}")
        counts = [len(notes) for notes in performances]
        together = [note for row in performances for note in row]
        columns = list(zip(*together, strict=True)) or [(), (), (), ()]
        types = (np.int64, np.int64, np.float64, np.float64)
        first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        return cls(first, *(np.array(column, dtype=kind) for column, kind in zip(columns, types, strict=True)))

    @classmethod
    def constant(cls, notes: Sequence[Note], rows: int) -> "Performances":
        """The same notes in every row."""
        return cls.from_notes([notes]).select(np.zeros(rows, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.first) - 1

    def __getitem__(self, row: int) -> tuple[Note, ...]:
        """The notes of one row."""
        start, stop = self.first[row], self.first[row + 1]
        columns = (values[start:stop].tolist() for values in (self.pitch, self.velocity, self.onset, self.duration))
        return tuple(map(Note._make, zip(*columns, strict=True)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Performances) and all(
            np.array_equal(mine, yours) for mine, yours in zip(self._columns, other._columns, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def _columns(self) -> tuple[np.ndarray, ...]:
        return (self.first, self.pitch, self.velocity, self.onset, self.duration)

    @property
    def counts(self) -> np.ndarray:
        """How many notes each row has: int64, (rows,)."""
        return np.diff(self.first)

    @property
    def row(self) -> np.ndarray:
        """The row of each note: int64, (notes,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def end(self) -> np.ndarray:
        """When each note is released, in seconds from the start of the take: float64, (notes,)."""
        return self.onset + self.duration

    def asked(self, seconds: float) -> dict[str, np.ndarray]:
        """What rules can ask of what each row plays, in takes of that length: see `played.asked`."""
        return asked(self.first, self.pitch, self.velocity, self.onset, self.duration, seconds)

    def select(self, rows: np.ndarray | Sequence[int]) -> "Performances":
        """The performances of some rows, by their numbers."""
        rows = np.asarray(rows, dtype=np.int64)
        counts = self.counts[rows]
        first = np.concatenate([[0], np.cumsum(counts)])
        notes = np.arange(first[-1]) + np.repeat(self.first[rows] - first[:-1], counts)
        return Performances(first, *(values[notes] for values in self._columns[1:]))

    def check(
        self,
        where: Callable[[int], str] = lambda row: f"row {row}",
        *,
        seconds: float = MAX_NOTE_SECONDS,
        pitches: range = PITCHES,
    ) -> None:
        """Check every row as `check_notes` does one.

        Args:
            where: what a row is called in messages, by its number.
            seconds: of the takes.
            pitches: that can be played.

        Raises:
            InputError: of the first row that is no performance, see `check_notes`.
        """
        # What is not a number fails every comparison.
        legal = (self.pitch >= pitches[0]) & (self.pitch <= pitches[-1])
        legal &= (self.velocity >= VELOCITIES[0]) & (self.velocity <= VELOCITIES[-1])
        legal &= (self.onset >= 0) & (self.onset < seconds) & (self.duration > 0) & (self.duration <= MAX_NOTE_SECONDS)
        suspect = (self.counts < 1) | (self.counts > MAX_NOTES)
        suspect[self.row[~legal]] = True
        for row in np.flatnonzero(suspect).tolist():
            check_notes(self[row], where(row), seconds=seconds, pitches=pitches)

    def in_time(self) -> "Performances":
        """Every row's notes in the order of their onsets; those of one onset stay in the order they have."""
        order = np.lexsort((np.arange(len(self.onset)), self.onset, self.row))
        return Performances(self.first, *(values[order] for values in self._columns[1:]))

    @staticmethod
    def concatenated(parts: Sequence["Performances"]) -> "Performances":
        """The rows of several, one after the other; of one at least."""
        counts = np.concatenate([part.counts for part in parts])
        first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        columns = zip(*(part._columns[1:] for part in parts), strict=True)
        return Performances(first, *(np.concatenate(column) for column in columns))


def check_notes(
    notes: Sequence[Note],
    where: str = "",
    *,
    seconds: float = MAX_NOTE_SECONDS,
    pitches: range = PITCHES,
    name: Callable[[int], str] = lambda number: f"note {number}",
) -> None:
    """Check that notes are a performance.

    Args:
        notes: the notes of one row.
        where: names the row for messages; nothing is named if it is empty.
        seconds: of the take; every note must start within it.
        pitches: that can be played.
        name: what a note is called in messages, by its number.

    Raises:
        InputError: no notes, or too many; a pitch, velocity or time that is none. The message names
            the row, the note and what is allowed.
    """
    prefix = f"{where}, " if where else ""
    if not 1 <= len(notes) <= MAX_NOTES:
        count = "no notes" if not notes else f"{len(notes):,} notes"
        raise InputError(f"{where or 'the performance'}: {count}; a take has from 1 to {MAX_NOTES:,}.")
    for number, note in enumerate(notes):
        if fault := _fault(note, seconds, pitches):
            raise InputError(f"{prefix}{name(number)}: {fault}.")


def _fault(note: Note, seconds: float, pitches: range) -> str:
    """What is wrong with a note, and the remedy; empty if nothing is."""
    if not _is_whole(note.pitch) or note.pitch not in PITCHES:
        return f"the pitch is {quoted(note.pitch)}; give a MIDI number from 0 to 127"
    if note.pitch not in pitches:
        return f"the pitch is {note.pitch}, and what is played here goes from {pitches[0]} to {pitches[-1]}"
    if not _is_whole(note.velocity) or note.velocity not in VELOCITIES:
        off = " (which MIDI takes for a note-off)" if note.velocity == 0 else ""
        return f"the velocity is {quoted(note.velocity)}{off}; give 1 to 127"
    if not _is_time(note.onset) or note.onset < 0:
        return f"the onset is {quoted(note.onset)}; give seconds from the start of the take, 0 or more"
    if not _is_time(note.duration) or not 0 < note.duration <= MAX_NOTE_SECONDS:
        return f"the duration is {quoted(note.duration)}; give seconds above 0, up to {MAX_NOTE_SECONDS:g}"
    if note.onset >= seconds:
        return f"it starts at {note.onset:g} s, and the take lasts {seconds:g} s; let it start within the take"
    return ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    # Neither infinite nor NaN, nor of more digits than floats have.
    return (_is_whole(value) or isinstance(value, float | np.floating)) and bool(abs(value) < _NO_TIME)
