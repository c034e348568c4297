"""Answers of the baselines, which know the train rows only."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.evaluation.networks import (
    Schedule,
    Trained,
    fit,
    lstm_network,
    mfccs,
    outputs_of,
    regression_network,
)
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, Knob
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.base import HIDDEN_SIZE, LAYERS, first_model
from secret_sauce_hf.training.data import join
from secret_sauce_hf.training.evaluation import naive_answers, nearest_answers

NEIGHBOURS = 5
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Answers:
    """What a way told.

    Args:
        units: shape (rows, parameters).
        seconds: per sound.
        trained: how it was trained, if it was: steps, epochs, seconds, validation loss.
    """

    units: np.ndarray
    seconds: float
    trained: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Heard:
    """Sounds as baselines hear them.

    Args:
        presets: their settings.
        mfccs: float32 of shape (rows, frames, 20).
        features: inputs of our models, float16; empty where nobody needs them.
    """

    presets: Presets
    mfccs: np.ndarray = field(repr=False)
    features: Mapping[str, torch.Tensor] = field(repr=False)

    def __len__(self) -> int:
        return len(self.presets)


def hear(takes: Iterable[Takes], collection: Collection, with_features: bool, fewest: int = 1) -> Heard:
    """Compute what baselines need of sounds, some at a time.

    Args:
        takes: the sounds.
        collection: of the sounds.
        with_features: whether the inputs of our models are needed, some 35 KB a sound.
        fewest: how many train rows there must be.

    Raises:
        InputError: there are too few sounds.
    """
    extractor = default_extractor(collection)
    presets, cepstra, parts = [], [], []
    for rows in takes:
        presets.append(rows.presets)
        cepstra.append(mfccs(rows.sounds, SAMPLE_RATE))
        if with_features:
            parts.append(_features(extractor, rows.sounds))
    if sum(map(len, presets)) < fewest:
        raise InputError(
            f"The baselines need at least {fewest} train rows that are not scored; give others with --data, or leave "
            "out those that know them (--without)."
        )
    features = {name: torch.cat([part[name] for part in parts]) for name in (parts[0] if parts else ())}
    return Heard(join(presets), np.concatenate(cepstra), features)


def default_extractor(collection: Collection) -> SecretSauceFeatureExtractor:
    """What makes the inputs of a model of ours that nobody configured."""
    return first_model(collection, None, HIDDEN_SIZE, LAYERS, 0, 0)[1]


def _features(extractor: SecretSauceFeatureExtractor, sounds: np.ndarray) -> dict[str, torch.Tensor]:
    features = extractor.transform(torch.from_numpy(sounds))
    return {record["name"]: features[record["name"]].half() for record in extractor.inputs}


def answer(way: str, known: Heard, asked: Heard) -> Answers:
    """Answers of a baseline that only looks up: `naive`, `knn` or `nearest`.

    Args:
        way: its name.
        known: the train rows.
        asked: the sounds; their presets are not looked at.
    """
    start = time.perf_counter()
    if way == "naive":
        units = naive_answers(known.presets, len(asked))
    elif way == "knn":
        units = _of_neighbours(known, asked)
    else:
        first = next(iter(known.features))
        units = nearest_answers({first: known.features[first]}, known.presets, {first: asked.features[first]})
    return Answers(units, (time.perf_counter() - start) / len(asked))


def _of_neighbours(known: Heard, asked: Heard) -> np.ndarray:
    """Median of the knobs and most frequent label of the switches of the nearest sounds; MFCCs standardised."""
    mean, deviation = known.mfccs.mean(axis=0), known.mfccs.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    rows, others = (torch.from_numpy((one.mfccs - mean) / scale).flatten(1) for one in (asked, known))
    count = min(NEIGHBOURS, len(known))
    nearest = torch.cat(
        [torch.cdist(chunk, others).topk(count, largest=False).indices for chunk in rows.split(_AT_ONCE)]
    )
    units = known.presets.unit[nearest.numpy()]  # (rows, neighbours, parameters)
    columns = []
    for column, parameter in enumerate(known.presets.parameters):
        values = units[..., column]
        if isinstance(parameter, Knob):
            columns.append(parameter.cc_to_unit(parameter.unit_to_cc(np.median(values, axis=1))))
        else:
            # A tie goes to who has the nearest: a vote weighs a trifle more than all later ones' trifles.
            votes = np.zeros((len(values), len(parameter.labels)))
            for place in range(count):
                votes[np.arange(len(values)), values[:, place].astype(np.int64)] += 1 + 2.0 ** -(10 + place)
            columns.append(votes.argmax(axis=1).astype(np.float64))
    return np.stack(columns, axis=1)


def train_and_answer(way: str, known: Heard, asked: Heard, schedule: Schedule, progress: bool) -> Answers:
    """Answers of a baseline that learns from the train rows in this run: `lstm` or `regression`.

    Args:
        way: its name.
        known: the train rows.
        asked: as of `answer`.
        schedule: time, steps and seed.
        progress: whether to show a progress bar.
    """
    collection = known.presets.collection
    inputs: Mapping[str, torch.Tensor]
    questions: Mapping[str, torch.Tensor]
    network: torch.nn.Module
    if way == "lstm":
        network = lstm_network(collection, schedule.seed)
        mean, deviation = known.mfccs.mean(axis=0), known.mfccs.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        inputs, questions = ({"mfcc": torch.from_numpy((one.mfccs - mean) / scale)} for one in (known, asked))
    else:
        network, _ = regression_network(collection, schedule.seed)
        names = network.encoder.config.input_names
        inputs, questions = ({name: one.features[name] for name in names} for one in (known, asked))
    with row_progress(f"Training {way} (seconds)", max(1, round(schedule.seconds)), progress) as advance:
        # The bar counts whole numbers; what is left over waits.
        waiting = 0.0

        def tick(seconds: float) -> None:
            nonlocal waiting
            waiting += seconds
            advance(int(waiting))
            waiting -= int(waiting)

        targets, trained = fit(network, inputs, known.presets, schedule, tick)
    start = time.perf_counter()
    units = targets.units(outputs_of(network, questions, np.arange(len(asked))))
    return Answers(units, (time.perf_counter() - start) / len(asked), _record(trained))


def _record(trained: Trained) -> dict[str, Any]:
    return {
        "steps": trained.steps,
        "epochs": trained.epochs,
        "seconds": round(trained.seconds, 1),
        "validation_loss": round(trained.validation_loss, 4),
    }


def schedules(seconds: float, steps: int | None, seed: int) -> dict[str, Schedule]:
    """How the networks are trained: the LSTM as in 2018 as far as the time goes, the other for all of it."""
    common: dict[str, Any] = {"seconds": seconds, "steps": steps, "rate": 1e-3, "seed": seed}
    return {
        # Its steps are so short that threads would wait for each other more than they work.
        "lstm": Schedule(**common, batch=32, epochs=30, patience=3, falling=False, threads=1),
        "regression": Schedule(**common, batch=64, epochs=None, patience=25, falling=True, threads=None),
    }
