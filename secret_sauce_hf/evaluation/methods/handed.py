"""Methods that are handed to one benchmark: a plain callable, and answers from a file."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.methods.base import Answer, Method, Task
from secret_sauce_hf.evaluation.playing import notes_of, play_nearest
from secret_sauce_hf.evaluation.predictions import MAX_CANDIDATES, Predictions, method_name
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress

Preset = Mapping[str, Any]
"""A setting per parameter."""
Answering = Callable[[np.ndarray, int], Preset | Sequence[Preset]]
"""Tells the preset of a sound, or several, the best first.

It is called with the samples, float32 of shape (samples,) with full scale ±1, and the sampling rate in Hz.
"""
NEAREST_SEED = 4
"""Of the noise that candidates are compared with; answers are scored with another."""


class Told(Method):
    """The answers in a file of predictions; of several candidates the first.

    Args:
        predictions: what was read.
    """

    def __init__(self, predictions: Predictions):
        self.predictions = predictions
        self.name = self.title = predictions.name
        self.about = "answers that were handed to the benchmark in a file"

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        units = np.stack([candidates[0] for candidates in self.predictions.units])
        everything = units if len(units) == len(task.presets) else None
        return Answer(units[: task.first], everything, self.predictions.seconds)


class Called(Method):
    """What a plain callable answers, sound by sound.

    Args:
        name: of the method.
        function: see `Answering`.

    Raises:
        InputError: a name that is none.
    """

    def __init__(self, name: str, function: Answering):
        if method_name(name) != name:
            raise InputError(
                f"{name!r} is no name of a method; use lower case, digits and -, as in {method_name(name)}."
            )
        self.name = self.title = name
        self.about = "a method that was handed to the benchmark"
        self.function = function
        self.candidates: list[np.ndarray] = []

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        self.candidates, seconds = [], []
        with row_progress(f"Asking {self.name}", task.first, task.progress) as advance:
            for row, sound in enumerate(task.sounds[: task.first]):
                start = time.perf_counter()
                # A copy: what a method does to its sound is no other's concern.
                told = self.function(np.array(sound, np.float32), SAMPLE_RATE)
                seconds.append(time.perf_counter() - start)
                self.candidates.append(self._units(told, task, row))
                advance(1)
        return Answer(np.stack([units[0] for units in self.candidates]), seconds=float(np.median(seconds)))

    def _units(self, told: Any, task: Task, row: int) -> np.ndarray:
        presets = [told] if isinstance(told, Mapping) else told
        if not isinstance(presets, Sequence) or not 1 <= len(presets) <= MAX_CANDIDATES:
            raise InputError(
                f"{self.name} answers row {row} with {type(told).__name__}; it must return a preset, or a list of 1 to "
                f"{MAX_CANDIDATES}."
            )
        if odd := [preset for preset in presets if not isinstance(preset, Mapping)]:
            raise InputError(f"{self.name} answers row {row} with {type(odd[0]).__name__} in a list of presets.")
        return Presets.from_mappings(
            task.presets.collection, presets, lambda _: f"the answer of {self.name} to row {row}"
        ).unit


class NearestCandidate(Method):
    """Of a method's candidates the one that comes nearest when rendered, as anybody with the engine could choose it.

    Args:
        of: the method that answered with candidates.
    """

    renders = True

    def __init__(self, of: Told | Called):
        self.of = of
        self.name, self.title = f"{of.name}-nearest", f"{of.name}, nearest candidate"
        self.about = f"of the candidates of {of.name} the one whose take is nearest to the sound"
        self.beside = self.after = (of.name,)

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        if task.engine is None:
            raise InputError(f"Without an engine the candidates of {self.of.name} cannot be compared.")
        told = self._told()
        units = []
        with row_progress(f"Comparing candidates of {self.of.name}", task.first, task.progress) as advance:
            for row in range(task.first):
                candidates = told[row]
                distances = [self._distance(task, row, candidate) for candidate in candidates]
                units.append(candidates[int(np.argmin(distances))])
                advance(1)
        return Answer(np.stack(units))

    @property
    def chooses(self) -> bool:
        """Whether there are several candidates to choose from, once the method has answered."""
        return any(len(candidates) > 1 for candidates in self._told())

    def _told(self) -> list[np.ndarray]:
        return self.of.predictions.units if isinstance(self.of, Told) else self.of.candidates

    @staticmethod
    def _distance(task: Task, row: int, units: np.ndarray) -> float:
        if task.engine is None:
            return 0.0
        sound, notes = task.sounds[row], notes_of(task.presets, row)
        take, _ = play_nearest(task.engine, task.presets.collection, sound, units, NEAREST_SEED, notes)
        return float(mss(sound, take, SAMPLE_RATE))
