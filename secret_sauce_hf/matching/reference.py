"""A sound as it is compared: as long as a take, its onset where a take's note starts."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from secret_sauce_hf.instruments.listening import SAME_LENGTH, cut
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.metrics.objective import retuned
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import LISTENED_SECONDS, SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened

TAIL_SECONDS = 0.05
"""How much silence is left after a sound has ended: a preset that sounds on is heard to be wrong."""
SHORTEST_SECONDS = 0.25
"""A shorter part than this after the first onset is filled up with silence."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A sound in the form of a take.

    Args:
        take: float32 of shape (samples,), full scale ±1.
        known: first sample and, exclusive, last one that the sound covers; the others are padding.
        note_on: sample at which a take's note starts.
        is_take: whether the sound was a take as it is, so that its timing tells something.
        start: the sample of the sound, at the take's rate, that is the take's first one.
        length: how many samples the sound has, at the take's rate.
        remarks: what was done to the sound besides that, a sentence each.
        stretch: how much longer the sound is than it was: it may have been brought in tune.
    """

    take: np.ndarray
    known: tuple[int, int]
    note_on: int
    is_take: bool
    start: int = 0
    length: int = 0
    remarks: tuple[str, ...] = ()
    stretch: float = 1.0

    def earlier(self, shift: int) -> "Reference":
        """The sound `shift` samples earlier; where it covers nothing any more, there is silence."""
        if not shift:
            return self
        length = len(self.take)
        start, stop = (min(max(edge - shift, 0), length) for edge in self.known)
        take = np.zeros_like(self.take)
        take[start:stop] = self.take[start + shift : stop + shift]
        return replace(self, take=take, known=(start, stop))

    def in_tune(self, cents: float) -> "Reference":
        """The sound played slower, around its onset, where it was found to be so many cents higher."""
        if not cents:
            return self
        take, start, stop = retuned(self.take, self.known, self.note_on, cents)
        return replace(self, take=take, known=(start, stop))

    def covered(self, sounds: np.ndarray) -> np.ndarray:
        """Renderings, shape (rows, samples), silent where this is padding: nothing is known there."""
        start, stop = self.known
        sounds = sounds.copy()
        sounds[:, :start] = sounds[:, stop:] = 0
        return sounds


def place_played(listened: Listened, rate: int, lead: float) -> tuple[Reference, tuple[Note, ...]]:
    """The part of a sound that is compared where a model heard what is played in it, and its notes.

    Args:
        listened: the sound, and what is played in it.
        rate: of the sound, in Hz.
        lead: how many seconds a take begins before its first note.

    Returns:
        As much of the sound as a model of notes reads, and of its end what is more than silence; and the notes
        in it, in seconds from its start.
    """
    samples, notes = listened.samples, listened.notes
    onset = notes[0].onset if notes else 0.0
    start, note_on = round((onset - lead) * rate), round(lead * rate)
    last = min(len(samples), start + note_on + round(LISTENED_SECONDS * rate))
    loud = np.flatnonzero(np.abs(samples[max(start, 0) : last]) > SILENCE / 4)
    end = max(start, 0) + (int(loud[-1]) + 1 if len(loud) else 0) + round(TAIL_SECONDS * rate)
    length = max(min(end, last) - start, note_on + round(SHORTEST_SECONDS * rate))
    known = max(-start, 0), min(last - start, length)
    within = [note for note in notes if note.onset - onset + lead < length / rate]
    played = tuple(
        Note(note.pitch, note.velocity, max(note.onset - onset + lead, 0.0), max(note.duration, 0.001))
        for note in within
    )
    take = cut(samples, start, length)
    whole = Reference(take, known, note_on, False, start, len(samples), listened.remarks, listened.stretch)
    return whole, played


def place(extractor: Any, sound: Any, sampling_rate: int | None) -> Reference:
    """Bring a sound to a take's form, as a model's feature extractor does.

    Raises:
        InputError: see `feature_extraction_secret_sauce.read_sound`.
    """
    # By our own class: the code that an older checkpoint carries does not tell where a take lies.
    take, start, length, remarks = SecretSauceFeatureExtractor.place(extractor, sound, sampling_rate)
    rate = extractor.sampling_rate
    is_take = start == 0 and abs(length - len(take)) <= SAME_LENGTH * rate
    known = max(-start, 0), min(length - start, len(take))
    return Reference(take, known, round(extractor.note_on * rate), is_take, start, length, remarks)
