"""A sound as it is compared: as long as a take, its onset where a take's note starts."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from secret_sauce_hf.instruments.listening import SAME_LENGTH
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor


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
    """

    take: np.ndarray
    known: tuple[int, int]
    note_on: int
    is_take: bool
    start: int = 0
    length: int = 0
    remarks: tuple[str, ...] = ()

    def earlier(self, shift: int) -> "Reference":
        """The sound `shift` samples earlier; where it covers nothing any more, there is silence."""
        if not shift:
            return self
        length = len(self.take)
        start, stop = (min(max(edge - shift, 0), length) for edge in self.known)
        take = np.zeros_like(self.take)
        take[start:stop] = self.take[start + shift : stop + shift]
        return replace(self, take=take, known=(start, stop))

    def covered(self, sounds: np.ndarray) -> np.ndarray:
        """Renderings, shape (rows, samples), silent where this is padding: nothing is known there."""
        start, stop = self.known
        sounds = sounds.copy()
        sounds[:, :start] = sounds[:, stop:] = 0
        return sounds


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
