"""Scores of a checkpoint on sounds whose settings are known, beside simple references."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from secret_sauce_hf.instruments import InputError, Knob
from secret_sauce_hf.metrics import knob_mae, switch_accuracy
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.loading import load_pipeline
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.pipeline_secret_sauce import median
from secret_sauce_hf.presets import Presets

BATCH = 64


@dataclass(frozen=True)
class Scores:
    """Scores of one way to answer.

    Args:
        per_parameter: a knob's mean absolute error in settings (0 to 10, lower is
            better), a switch's accuracy (0 to 1), over all rows.
        heard: the same over the rows where the parameter is heard, by the declared
            rules; NaN where it never is.
        knob_mae: mean of the knobs' errors over all rows; NaN without knobs.
        switch_accuracy: mean of the switches' accuracies; NaN without switches.
    """

    per_parameter: dict[str, float]
    heard: dict[str, float]
    knob_mae: float
    switch_accuracy: float


def score(answers: np.ndarray, presets: Presets) -> Scores:
    """Compare answers with the truth.

    Args:
        answers: units, shape (rows, parameters).
        presets: the truth.
    """
    heard = presets.heard()
    everywhere, where_heard = {}, {}
    for column, parameter in enumerate(presets.parameters):
        measure = knob_mae if isinstance(parameter, Knob) else switch_accuracy
        true, told = (parameter.unit_to_setting(unit[:, column]) for unit in (presets.unit, answers))
        everywhere[parameter.name] = float(measure(true, told))
        where_heard[parameter.name] = float(measure(true, told, heard[:, column]))
    knobs = [everywhere[p.name] for p in presets.parameters if isinstance(p, Knob)]
    switches = [everywhere[p.name] for p in presets.parameters if not isinstance(p, Knob)]
    return Scores(
        everywhere,
        where_heard,
        float(np.mean(knobs)) if knobs else float("nan"),
        float(np.mean(switches)) if switches else float("nan"),
    )


def answers_of(logits: Mapping[str, np.ndarray], config: SecretSauceConfig) -> np.ndarray:
    """Read out a model's logits as the pipeline does: units of shape (rows, parameters).

    Args:
        logits: per parameter, shape (rows, bins or labels).
        config: of the model.
    """
    columns = []
    for parameter in config.parameter_specs:
        scores = logits[parameter.name].astype(np.float64)
        if isinstance(parameter, Knob):
            exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
            settings = median(exponents / exponents.sum(axis=1, keepdims=True), config.bin_settings(parameter))
            columns.append(parameter.cc_to_unit(parameter.setting_to_cc(settings)))
        else:
            columns.append(scores.argmax(axis=1).astype(np.float64))
    return np.stack(columns, axis=1)


def predict(model: SecretSauceModel, features: Mapping[str, torch.Tensor]) -> np.ndarray:
    """Answers of a model, as units of shape (sounds, parameters).

    Args:
        model: the model, in evaluation mode.
        features: its inputs, as the feature extractor makes them.
    """
    return answers_of(distributions(model, features), model.config)


def distributions(model: SecretSauceModel, features: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Logits of a model: per parameter, shape (sounds, bins or labels).

    Args:
        model: the model, in evaluation mode.
        features: its inputs, as the feature extractor makes them.
    """
    collected: list[tuple[torch.Tensor, ...]] = []
    rows = len(next(iter(features.values())))
    with torch.inference_mode():
        for start in range(0, rows, BATCH):
            inputs = {name: features[name][start : start + BATCH].float() for name in model.config.input_names}
            collected.append(model(**inputs).logits)
    names = model.config.label_names
    return {name: torch.cat([part[index] for part in collected]).numpy() for index, name in enumerate(names)}


def naive_answers(train: Presets, rows: int) -> np.ndarray:
    """The median of every knob and the most frequent label of every switch of `train`, for each of `rows` rows."""
    columns = []
    for column, parameter in enumerate(train.parameters):
        unit = train.unit[:, column]
        if isinstance(parameter, Knob):
            columns.append(float(np.median(unit)))
        else:
            columns.append(float(np.bincount(unit.astype(np.int64)).argmax()))
    return np.tile(columns, (rows, 1))


def nearest_answers(
    train: Mapping[str, torch.Tensor], train_presets: Presets, features: Mapping[str, torch.Tensor]
) -> np.ndarray:
    """The preset of the train sound whose first input (log-mels) is nearest (mean absolute difference)."""
    first = next(iter(train))
    reference = train[first].float().flatten(1)
    sounds = features[first].float().flatten(1)
    nearest = [torch.cdist(chunk, reference, p=1).argmin(dim=1) for chunk in sounds.split(BATCH)]
    return train_presets.unit[torch.cat(nearest).numpy()]


def evaluate_checkpoint(
    checkpoint: str | Path,
    sounds: np.ndarray,
    presets: Presets,
    *,
    train_sounds: np.ndarray | None = None,
    train_presets: Presets | None = None,
) -> dict[str, Scores]:
    """Score a checkpoint on takes whose settings are known.

    Args:
        checkpoint: its folder.
        sounds: takes, shape (rows, samples), float (full scale ±1) or int16.
        presets: their settings.
        train_sounds: takes to find the nearest neighbour in.
        train_presets: their settings; also for the naive answers.

    Returns:
        Scores of the `model`, and, given the train rows, of the `naive` answer (median,
        majority) and of the `nearest` neighbour.

    Raises:
        InputError: the checkpoint cannot be loaded or is for another collection;
            numbers of sounds and presets differ.
    """
    pipe = load_pipeline(checkpoint, collection=presets.collection.name)
    features = _features(pipe.feature_extractor, sounds, presets)
    result = {"model": score(predict(pipe.model, features), presets)}
    if train_presets is not None:
        result["naive"] = score(naive_answers(train_presets, len(presets)), presets)
        if train_sounds is not None:
            train = _features(pipe.feature_extractor, train_sounds, train_presets)
            result["nearest"] = score(nearest_answers(train, train_presets, features), presets)
    return result


def _features(extractor: SecretSauceFeatureExtractor, sounds: np.ndarray, presets: Presets) -> dict[str, torch.Tensor]:
    sounds = np.asarray(sounds)
    if sounds.shape != (len(presets), extractor.take_samples) or len(presets) == 0:
        raise InputError(
            f"{len(presets)} presets need as many takes of {extractor.take_samples} samples, got shape {sounds.shape}."
        )
    if sounds.dtype == np.int16:
        sounds = sounds / 32_768
    return extractor.transform(torch.from_numpy(np.asarray(sounds, np.float32)))
