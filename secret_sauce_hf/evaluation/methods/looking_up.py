"""Methods that look the answer up among the train rows, without learning anything."""

import time
from abc import abstractmethod

import numpy as np
import torch

from secret_sauce_hf.evaluation.hearing import Heard
from secret_sauce_hf.evaluation.methods.base import Found, KnowingMethod, Task
from secret_sauce_hf.training.references import naive_answers, nearest_answers

NEIGHBOURS = 5
_AT_ONCE = 256


class _LookUp(KnowingMethod):
    @abstractmethod
    def units(self, known: Heard, heard: Heard) -> np.ndarray:
        """Answers to the sounds in `heard`, shape (rows, parameters)."""

    def find(self, known: Heard, heard: Heard, task: Task) -> Found:  # noqa: ARG002
        """See `KnowingMethod.find`."""
        start = time.perf_counter()
        units = self.units(known, heard)
        return Found(units, (time.perf_counter() - start) / len(heard))


class Naive(_LookUp):
    """The same answer to every sound."""

    name, title = "naive", "naive"
    about = "always the median of every knob and the most frequent label of every switch"

    def units(self, known: Heard, heard: Heard) -> np.ndarray:
        """See `_LookUp.units`."""
        return naive_answers(known.presets, len(heard))


class Nearest(_LookUp):
    """The settings of one train sound, the nearest by log-mel spectrogram."""

    name, title = "nearest", "nearest sound"
    about = "the settings of the train sound with the nearest log-mel spectrogram"
    features = True

    def units(self, known: Heard, heard: Heard) -> np.ndarray:
        """See `_LookUp.units`."""
        first = next(iter(known.features))
        return nearest_answers({first: known.features[first]}, known.presets, {first: heard.features[first]})


class Neighbours(_LookUp):
    """What the settings of several near train sounds have in common; MFCCs are standardised."""

    name, title = "knn", "kNN on MFCCs"
    about = "of the five train sounds with the nearest MFCCs, as in 2018"

    def units(self, known: Heard, heard: Heard) -> np.ndarray:
        """See `_LookUp.units`."""
        mean, deviation = known.mfccs.mean(axis=0), known.mfccs.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        rows, others = (torch.from_numpy((one.mfccs - mean) / scale).flatten(1) for one in (heard, known))
        count = min(NEIGHBOURS, len(known))
        nearest = torch.cat(
            [torch.cdist(chunk, others).topk(count, largest=False).indices for chunk in rows.split(_AT_ONCE)]
        )
        units = known.presets.unit[nearest.numpy()]  # (rows, neighbours, parameters)
        return np.stack([p.vote(units[..., column]) for column, p in enumerate(known.presets.parameters)], axis=1)
