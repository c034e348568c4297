"""What a method is, what it is asked, and what it answers."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.evaluation.checkpoint import Checkpoint
from secret_sauce_hf.evaluation.hearing import Heard
from secret_sauce_hf.evaluation.searching import Budget, Search, Searcher
from secret_sauce_hf.evaluation.store import Store, key_of
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.matching.asked import NO_MODEL
from secret_sauce_hf.matching.loading import load_model
from secret_sauce_hf.presets import Presets


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method answered.

    Args:
        first: units of the first rows, shape (first rows, parameters).
        everything: units of all rows; None where it was asked about the first ones only.
        seconds: per sound; None where there is nothing to time.
        facts: what else is known of it, JSON-ready, for the record.
        searches: how a method that searches came to each answer; None of others.
    """

    first: np.ndarray
    everything: np.ndarray | None = None
    seconds: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    searches: list[Search] | None = None


@dataclass(eq=False)
class Task:
    """What all methods are asked: the same sounds, the same train rows, the same time.

    Args:
        presets: the true settings of all rows; for `floor` only.
        sounds: takes of all rows or of the first ones, float32 of shape (rows, samples).
        first: number of rows, from the first, that are searched for and compared as sound.
        known: the train rows, heard when it is first called.
        heard: all rows, heard when it is first called.
        logits: of the model on all rows, see `distributions`, when it is first called.
        checkpoint: the model; None if it does not take part.
        engine: what renders the collection; None if nothing does.
        budget: of a search, and the seed of everything that is drawn.
        training_seconds: the most time to train a network.
        training_steps: the most steps of it; no limit if None.
        store: where answers that took long are kept.
        timed: whether answers that take next to no time are timed one by one.
        progress: whether to show progress bars.
        names: of all methods that take part.
        same: whether it is measured which settings sound the same, where there is an engine.
        answers: of the methods that answered before.
        repeats: further answers of the methods that are trained, with other seeds.
    """

    presets: Presets
    sounds: np.ndarray
    first: int
    known: Callable[[], Heard]
    heard: Callable[[], Heard]
    logits: Callable[[], dict[str, np.ndarray]]
    checkpoint: Checkpoint | None
    engine: Engine | None
    budget: Budget
    training_seconds: float = 120.0
    training_steps: int | None = None
    store: Store = field(default_factory=lambda: Store(None))
    timed: bool = True
    progress: bool = False
    names: tuple[str, ...] = ()
    same: bool = True
    answers: dict[str, Answer] = field(default_factory=dict)
    repeats: dict[str, list[Answer]] = field(default_factory=dict)

    @cached_property
    def searcher(self) -> Searcher:
        """Searches by rendering; from the model's answer on where there is one."""
        if self.engine is None:
            raise InputError(f"No engine renders {self.presets.collection.instrument.name}: nothing can be searched.")
        ours, collection = self.checkpoint, self.presets.collection
        begun = load_model(collection, NO_MODEL if ours is None else ours.pipe) if "matching" in self.names else None
        weights = None if ours is None else ours.weights
        return Searcher(collection, self.engine, begun, weights, self.budget, self.store, self.progress)


class Method(ABC):
    """A way to tell the settings of sounds that an evaluation compares with others.

    A subclass sets the attributes and writes `answer`. A package brings methods of its own by
    entry points in the group `secret_sauce_hf.methods`, each under the method's name.

    Attributes:
        name: as `--without` takes it.
        title: as tables show it.
        about: what it is, half a sentence.
        renders: whether it needs an engine.
        model: whether it needs the model.
        knows: whether it knows the train rows.
        features: whether it needs the inputs of our models of the train rows, 35 KB a sound.
        beside: names of methods without which it cannot take part.
        after: names of methods that answer before it if they take part.
        trains: whether it is trained in the run, so that its answer depends on the seed.
        scored: whether its settings are scored; `floor`, which knows the truth, is compared as sound only.
    """

    name: str
    title: str
    about: str
    renders: bool = False
    model: bool = False
    knows: bool = False
    features: bool = False
    beside: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    trains: bool = False
    scored: bool = True

    @abstractmethod
    def answer(self, task: Task) -> Answer:
        """Tell the settings of the task's sounds."""

    def seconds(self, task: Task) -> float:  # noqa: ARG002 - most take next to no time
        """How long it will take, about; 0 where nobody has to wait."""
        return 0.0


@dataclass(frozen=True, eq=False)
class Found:
    """What a method that knows the train rows found for all rows.

    Args:
        units: shape (rows, parameters).
        seconds: per sound.
        trained: how it was trained, if it was: steps, epochs, seconds, validation loss.
    """

    units: np.ndarray
    seconds: float
    trained: dict[str, Any] | None = None


class KnowingMethod(Method):
    """A method that knows the train rows; what it found is kept in the task's store."""

    knows = True

    @abstractmethod
    def find(self, known: Heard, heard: Heard, task: Task) -> Found:
        """Tell the settings of the sounds in `heard`, whose presets are not looked at."""

    def conditions(self, task: Task) -> dict[str, Any]:  # noqa: ARG002 - where nothing is trained
        """What of the task, beside its sounds and train rows, decides the answer; JSON-ready."""
        return {}

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        known = task.known()
        part = task.store.part(self.name, self.conditions(task))
        key = key_of(task.sounds, known.presets.unit, known.mfccs)
        if key not in part:
            found = self.find(known, task.heard(), task)
            part.put(key, {"units": found.units.tolist(), "seconds": found.seconds, "trained": found.trained})
        record = part[key]
        units = np.array(record["units"])
        facts = {"trained": record["trained"]} if record["trained"] else {}
        return Answer(units[: task.first], units, record["seconds"], facts)
