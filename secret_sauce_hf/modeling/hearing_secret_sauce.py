"""What is played in a sound: notes that are given, or that a model's listener hears."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .checkpoint_secret_sauce import IS_COPY
from .feature_extraction_secret_sauce import SecretSauceFeatureExtractor, resample_sound
from .strokes_secret_sauce import PITCHES, Stroke, longest, strokes_of
from .transcription_secret_sauce import Heard, tuning

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments.errors import InputError, integer
    from secret_sauce_hf.instruments.played import Note
    from secret_sauce_hf.instruments.takes import NOTE, SILENCE, VELOCITY
except ImportError:
    from .errors import InputError, integer  # type: ignore[import-not-found, no-redef]
    from .played import Note  # type: ignore[import-not-found, no-redef]
    from .takes import NOTE, SILENCE, VELOCITY  # type: ignore[import-not-found, no-redef]

MOST_NOTES = 1_000
"""More notes of one sound than this are no performance but a mistake."""
MOST_SECONDS = 600.0
LEAST_CENTS = 2.5
"""A sound that is out of tune by less stays as it is: oscillators of an instrument differ by as much."""
_FIELDS = ("pitch", "velocity", "onset", "duration")


@dataclass(frozen=True, eq=False)
class Listened:
    """A sound, and what is played in it.

    Args:
        samples: float32 of shape (samples,), mono, at the extractor's rate, full scale ±1, in tune: a sound
            that was higher than its notes is played slower.
        notes: what is played, in the order of time, in seconds from the start of `samples`; none if it
            is silent.
        strokes: those that a model reads.
        cents: how much higher the sound was than its notes.
        given: whether the notes were given, all of them with their times.
        remarks: what was done to the sound, a sentence each.
    """

    samples: np.ndarray
    notes: tuple[Note, ...]
    strokes: tuple[Stroke, ...]
    cents: float
    given: bool
    remarks: tuple[str, ...]

    @property
    def stretch(self) -> float:
        """How much longer than the sound `samples` are."""
        return _stretch(self.cents)

    @property
    def told(self) -> tuple[Note, ...]:
        """The notes in seconds from the start of the sound as it was given."""
        return _slowed(self.notes, 1 / self.stretch)

    @property
    def weights(self) -> np.ndarray:
        """What each stroke counts: as many seconds as it tells of, up to one and a bit for the rest; (strokes,)."""
        return np.array([min(stroke.until, 1.0) + 0.1 for stroke in self.strokes])


def listen(
    extractor: SecretSauceFeatureExtractor,
    listener: Any,
    sound: Any,
    sampling_rate: int | None = None,
    notes: Sequence[Any] | None = None,
) -> Listened:
    """Read a sound, and hear its notes as far as they are not given.

    Args:
        extractor: of a model of notes.
        listener: the model's `NoteListener`; None if it has none.
        sound: as the pipeline takes it.
        sampling_rate: of a bare array, in Hz.
        notes: what is played, as `read_notes` takes it; where an onset or a duration is missing, it is heard.

    Raises:
        InputError: the sound cannot be read; notes that are none, or start after the sound; there are
            no notes and no listener.
    """
    samples, remarks = extractor.read(sound, sampling_rate)
    seconds = len(samples) / extractor.sampling_rate
    wanted = None if notes is None else read_notes(notes)
    complete = wanted is not None and all(None not in (note["onset"], note["duration"]) for note in wanted)
    if listener is None and not complete:
        raise InputError(
            "This model has no listener: tell it the notes with their onsets and durations, or take another."
        )
    heard = Heard((), 0.0) if listener is None else listener.listen(samples)
    found = [Note(n.pitch, n.velocity, n.onset, n.duration) for n in heard.notes]
    told = found if wanted is None else [_completed(note, found, seconds) for note in wanted]
    told.sort(key=lambda note: (note.onset, note.pitch))
    # What is heard may be another pitch, whose tuning says nothing of the notes that are known.
    cents = heard.tuned if wanted is None else tuning(samples, told)
    if told and told[0].onset >= seconds:
        raise InputError(
            f"The first note starts at {told[0].onset:g} s, and the sound lasts {seconds:.3g} s; onsets are counted "
            "from the start of the sound."
        )
    if stretch := _stretch(cents) - 1:
        rate = extractor.sampling_rate
        samples = resample_sound(samples, rate, round(rate * (1 + stretch)))
        told, seconds = list(_slowed(told, 1 + stretch)), len(samples) / rate
    strokes = longest(strokes_of(told, seconds))
    if not strokes or float(np.abs(samples).max(initial=0)) < SILENCE:
        # What is told of silence is a guess anyway.
        strokes = [Stroke((NOTE,), 0.0, seconds)]
    return Listened(samples, tuple(told), tuple(strokes), cents, complete, remarks)


def _stretch(cents: float) -> float:
    """How much longer a sound gets that is brought in tune; 1 where it is as good as that."""
    return 2.0 ** (cents / 1200) if abs(cents) >= LEAST_CENTS else 1.0


def _slowed(notes: Iterable[Note], factor: float) -> tuple[Note, ...]:
    return tuple(one._replace(onset=one.onset * factor, duration=one.duration * factor) for one in notes)


def read_notes(notes: Iterable[Any]) -> list[dict[str, Any]]:
    """Notes as people give them: pitch, velocity, onset and duration of each, checked; None for what is not told.

    Args:
        notes: of each a mapping of these names, a sequence in this order, or an object that has them;
            all but the pitch may be missing or None.

    Raises:
        InputError: no notes, too many, or one that is none.
    """
    if isinstance(notes, str | bytes | Mapping) or not isinstance(notes, Iterable):
        raise InputError(f"notes is {repr(notes)[:60]}; give a list with {', '.join(_FIELDS)} of each.")
    told = [_read_note(note, number) for number, note in enumerate(notes)]
    if not 1 <= len(told) <= MOST_NOTES:
        raise InputError(f"There are {len(told):,} notes; a sound has from 1 to {MOST_NOTES:,}, or leave them out.")
    return told


def _read_note(note: Any, number: int) -> dict[str, Any]:
    if isinstance(note, Mapping):
        if unknown := sorted(str(name) for name in note if name not in _FIELDS):
            raise InputError(f"note {number} has {unknown[0][:60]}; what is read of a note is {', '.join(_FIELDS)}.")
        values = [note.get(name) for name in _FIELDS]
    elif hasattr(note, "pitch"):
        values = [getattr(note, name, None) for name in _FIELDS]
    elif isinstance(note, Sequence) and not isinstance(note, str) and 1 <= len(note) <= len(_FIELDS):
        values = [*note, *[None] * (len(_FIELDS) - len(note))]
    else:
        raise InputError(f"note {number} is {repr(note)[:60]}; give {', '.join(_FIELDS)}.")
    pitch, velocity, onset, duration = values
    told: dict[str, Any] = {
        "pitch": integer(f"note {number}: the pitch", pitch, 0, PITCHES - 1),
        "velocity": None if velocity is None else integer(f"note {number}: the velocity", velocity, 1, 127),
    }
    for name, value, least in (("onset", onset, "0 or more"), ("duration", duration, "above 0")):
        fits = value is None or (
            isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) <= MOST_SECONDS
        )
        if not fits or (name == "duration" and value == 0):
            raise InputError(
                f"note {number}: the {name} is {repr(value)[:60]}; give seconds, {least} and at most {MOST_SECONDS:g}."
            )
        told[name] = None if value is None else float(value)
    return told


def _completed(note: dict[str, Any], found: Sequence[Note], seconds: float) -> Note:
    """A note with the times that were heard where its own are not told: of its pitch, or of all together."""
    own = [one for one in found if one.pitch == note["pitch"]] or list(found)
    onset = note["onset"]
    if onset is None:
        onset = min((one.onset for one in own), default=0.0)
    duration = note["duration"]
    if duration is None:
        duration = max((one.onset + one.duration for one in own), default=seconds) - onset
        duration = duration if duration > 0 else max(seconds - onset, 0.01)
    return Note(note["pitch"], note["velocity"] or VELOCITY, onset, duration)
