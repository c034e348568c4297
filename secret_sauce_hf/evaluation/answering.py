"""What every way tells of the sounds of a benchmark."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.evaluation.baselines import Heard, answer, hear, train_and_answer
from secret_sauce_hf.evaluation.evaluating import _digest as weights_digest
from secret_sauce_hf.evaluation.material import Material
from secret_sauce_hf.evaluation.methods import GENETIC, KNOWING, TRAINED
from secret_sauce_hf.evaluation.networks import Schedule
from secret_sauce_hf.evaluation.scoring import Resampling, estimate
from secret_sauce_hf.evaluation.searching import Budget, Search, Searcher, at_renders, at_seconds, say_estimate
from secret_sauce_hf.evaluation.store import Store, key_of
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.modeling.registration import checkpoint_path
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.calibration import calibration
from secret_sauce_hf.training.evaluation import answers_of, distributions

FEWEST_KNOWN = 4
"""Train rows below which baselines learn nothing."""
TIMED = 20
"""Sounds that the model is timed on, one by one."""
CALIBRATION_RESAMPLES = 100
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Our model.

    Args:
        name: as it is recorded.
        folder: where it lies here.
        pipe: its pipeline.
        weights: SHA-256 of its weights.
    """

    name: str
    folder: Path
    pipe: Any
    weights: str


@dataclass(frozen=True, eq=False)
class Told:
    """What a way told.

    Args:
        first: units of the first rows, shape (first rows, parameters).
        everything: units of all rows; None where it heard the first ones only.
        seconds: per sound; None where there is nothing to time.
        facts: what else is known of it, for the record.
    """

    first: np.ndarray
    everything: np.ndarray | None = None
    seconds: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def load_checkpoint(collection: Collection, model: str | Path | None) -> Checkpoint:
    """Our model; the one that ships for the collection if None.

    Raises:
        InputError: none ships, it cannot be loaded, or it is for other sounds.
    """
    if model is None:
        if collection.name not in COLLECTIONS or not checkpoint_path(collection.name).is_dir():
            raise InputError(
                f"No checkpoint ships for {collection.name}: give one with --model, or leave ours out with "
                "--without model --without matching."
            )
        folder, name = checkpoint_path(collection.name), f"{collection.name}, as shipped"
    else:
        folder = checkpoint_folder(model)
        name = Path(model).resolve().name if Path(model).exists() else str(model)
    pipe = load_pipeline(folder)
    if list(collection.columns) != pipe.model.config.label_names:
        raise InputError(f"{name} tells the settings of {pipe.model.config.collection}, not of {collection.name}.")
    if pipe.feature_extractor.take_samples != collection.samples:
        raise InputError(
            f"{name} hears takes of {pipe.feature_extractor.take_samples} samples, those of {collection.name} have "
            f"{collection.samples}."
        )
    return Checkpoint(name, folder, pipe, weights_digest(folder))


@dataclass(frozen=True, eq=False)
class Answering:
    """Lets the ways answer.

    Args:
        material: the sounds.
        ways: names of those that take part.
        first: number of rows that are searched.
        checkpoint: our model, if it takes part.
        budget: of a search.
        schedules: of the networks.
        store: where answers that took long are kept.
        progress: whether to show progress bars.
    """

    material: Material
    ways: tuple[str, ...]
    first: int
    checkpoint: Checkpoint | None
    budget: Budget
    schedules: Mapping[str, Schedule]
    store: Store
    progress: bool

    def answer(self) -> tuple[dict[str, Told], dict[str, list[Search]], int | None]:
        """What every way told; how the searches came there; and how many train rows were known."""
        few = self.material.sounds[: self.first]
        searcher = self._searcher()
        if self.progress:
            self._say_estimate(searcher, few)
        told: dict[str, Told] = {}
        known = None
        if set(self.ways) & set(KNOWING):
            known = self._known()
            told |= self._baselines(known)
        if self.checkpoint is not None and "model" in self.ways:
            told["model"] = self._model(self.checkpoint.pipe)
        searches = {} if searcher is None else self._searches(searcher, few, told)
        if "floor" in self.ways:
            told["floor"] = Told(self.material.presets.unit[: self.first])
        return told, searches, None if known is None else len(known)

    def calibration(self) -> dict[str, Any] | None:
        """How sure our model is and should be, on all rows; None if it does not take part."""
        if self.checkpoint is None:
            return None
        presets, config = self.material.presets, self.checkpoint.pipe.model.config
        logits = self.logits
        found = calibration(logits, presets, config)
        resampling = Resampling(len(presets), self.budget.seed)
        drawn = [found]
        for rows in resampling.indices[1 : CALIBRATION_RESAMPLES + 1]:
            drawn.append(calibration({name: values[rows] for name, values in logits.items()}, presets[rows], config))
        return {
            "rows": len(presets),
            "switch_error": estimate(np.array([one.error for one in drawn])),
            "coverage": estimate(np.array([one.mean_coverage for one in drawn])),
            "per_switch": found.switch_error,
            "per_knob": found.coverage,
            "reliability": [list(level) for level in found.reliability],
        }

    def _searcher(self) -> Searcher | None:
        if not set(self.ways) & {"matching", *GENETIC}:
            return None
        ours = self.checkpoint if "matching" in self.ways else None
        pipe, weights = (None, None) if ours is None else (ours.pipe, ours.weights)
        return Searcher(self.material.collection, pipe, weights, self.budget, self.store, self.progress)

    def _say_estimate(self, searcher: Searcher | None, few: np.ndarray) -> None:
        seconds = 0.0 if searcher is None else searcher.missing(few, [*self.ways])
        seconds += sum(self.schedules[way].seconds for way in TRAINED if way in self.ways)
        say_estimate(seconds, f"{len(self.material.presets):,} sounds, {self.first} of them searched for")

    def _known(self) -> Heard:
        with_features = bool({"nearest", "regression"} & set(self.ways))
        with row_progress("Hearing train rows", None, self.progress) as advance:

            def counted():
                for takes in self.material.known():
                    yield takes
                    advance(len(takes))

            return hear(counted(), self.material.collection, with_features, FEWEST_KNOWN)

    def _baselines(self, known: Heard) -> dict[str, Told]:
        """Answers of those that know the train rows; those that had to be trained are kept."""
        material = self.material
        asked = None
        told = {}
        for way in (way for way in KNOWING if way in self.ways):
            part = self.store.part(way, asdict(self.schedules[way]) if way in TRAINED else {})
            key = key_of(material.sounds, known.presets.unit, known.mfccs)
            if key not in part:
                if asked is None:
                    takes = [
                        Takes(material.sounds[at : at + _AT_ONCE], material.presets[at : at + _AT_ONCE])
                        for at in range(0, len(material.presets), _AT_ONCE)
                    ]
                    asked = hear(takes, material.collection, bool(known.features))
                if way in TRAINED:
                    found = train_and_answer(way, known, asked, self.schedules[way], self.progress)
                else:
                    found = answer(way, known, asked)
                part.put(key, {"units": found.units.tolist(), "seconds": found.seconds, "trained": found.trained})
            record = part[key]
            units = np.array(record["units"])
            facts = {"trained": record["trained"]} if record["trained"] else {}
            told[way] = Told(units[: self.first], units, record["seconds"], facts)
        return told

    def _model(self, pipe: Any) -> Told:
        units = answers_of(self.logits, pipe.model.config)
        seconds = []
        for sound in self.material.sounds[: TIMED + 1]:
            start = time.perf_counter()
            features = pipe.feature_extractor.transform(torch.from_numpy(sound[None]))
            answers_of(distributions(pipe.model, features), pipe.model.config)
            seconds.append(time.perf_counter() - start)
        # The first time, libraries warm up.
        return Told(units[: self.first], units, _median(seconds[1:] or seconds))

    @cached_property
    def logits(self) -> dict[str, np.ndarray]:
        """What our model says of all rows, see `distributions`; nothing without one."""
        if self.checkpoint is None:
            return {}
        pipe, sounds = self.checkpoint.pipe, self.material.sounds
        parts = [
            distributions(pipe.model, pipe.feature_extractor.transform(torch.from_numpy(sounds[at : at + _AT_ONCE])))
            for at in range(0, len(sounds), _AT_ONCE)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _searches(self, searcher: Searcher, few: np.ndarray, told: dict[str, Told]) -> dict[str, list[Search]]:
        """Let them search, and add what they told to the rest."""
        searches = {}
        matched = None
        if "matching" in self.ways:
            matched = searches["matching"] = searcher.match(few)
            told["matching"] = Told(
                np.stack([one.units for one in matched]),
                seconds=_median([one.seconds for one in matched]),
                facts={"renders": _median([one.renders for one in matched])},
            )
        if set(self.ways) & set(GENETIC):
            evolved = searches["genetic"] = searcher.evolve(few, matched)
            limits = [self.budget.seconds] * len(few) if matched is None else [one.seconds for one in matched]
            told["genetic"] = _within(evolved, limits, by_time=True)
            if matched is not None:
                told["genetic-renders"] = _within(evolved, [one.renders for one in matched], by_time=False)
        return searches


def _within(searches: list[Search], limits: list[Any], by_time: bool) -> Told:
    """What searches had found within so many seconds, or renders, of each sound."""
    look = at_seconds if by_time else at_renders
    units = np.stack([look(one, limit) for one, limit in zip(searches, limits, strict=True)])
    pace = _median([one.seconds / one.renders for one in searches])
    if by_time:
        return Told(units, seconds=_median(limits), facts={"renders": _median(limits) / pace})
    return Told(units, seconds=_median(limits) * pace, facts={"renders": _median(limits)})


def _median(values: list[Any]) -> float:
    return float(np.median(values))
