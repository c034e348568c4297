"""How sure a model is, and how sure it should be."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.pipeline_secret_sauce import quantile
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.data import Examples

BATCH = 256
LEVELS = 10
"""Into so many levels of confidence answers are sorted for the calibration error."""
INTERVAL = 0.8
"""Probability that a knob's interval should hold the truth with."""
FEWEST = 20
"""Rows below which a temperature cannot be told, and stays 1."""
MAX_TEMPERATURE = 8.0
MAX_KNOB_TEMPERATURE = 2.0
"""Coverage tells little of a knob that is told badly everywhere."""
BISECTIONS = 12


@dataclass(frozen=True)
class Calibration:
    """How sure a model is, beside how often it is right.

    Args:
        switch_error: per switch the expected calibration error (Guo et al., 2017): the mean
            difference between confidence and accuracy in `LEVELS` levels of confidence.
        coverage: per knob the share of rows whose setting lies in the interval from the
            10 % to the 90 % quantile; 0.8 would be right.
        error: mean of `switch_error`; NaN without switches.
        mean_coverage: mean of `coverage`; NaN without knobs.
        reliability: per level of confidence of all switches together the mean confidence,
            accuracy and number of answers; levels without any are left out.
    """

    switch_error: dict[str, float]
    coverage: dict[str, float]
    error: float
    mean_coverage: float
    reliability: list[tuple[float, float, int]]


def calibration(logits: Mapping[str, np.ndarray], presets: Presets, config: SecretSauceConfig) -> Calibration:
    """Compare a model's probabilities with the truth.

    Args:
        logits: per parameter, shape (rows, bins or labels), as the model returns them.
        presets: the truth.
        config: of the model.
    """
    errors, coverage = {}, {}
    confidences, rights = [], []
    for column, parameter in enumerate(presets.parameters):
        probabilities = _softmax(logits[parameter.name])
        truth = presets.unit[:, column]
        if parameter.classes:
            confidences.append(probabilities.max(axis=1))
            rights.append(probabilities.argmax(axis=1) == truth.astype(np.int64))
            levels = _levels(confidences[-1], rights[-1])
            errors[parameter.name] = sum(count * abs(sure - right) for sure, right, count in levels) / len(presets)
        else:
            settings = config.bin_settings(parameter)
            within = _within(probabilities, settings, parameter.unit_to_setting(truth))
            coverage[parameter.name] = float(within.mean())
    return Calibration(
        switch_error=errors,
        coverage=coverage,
        error=float(np.mean(list(errors.values()))) if errors else float("nan"),
        mean_coverage=float(np.mean(list(coverage.values()))) if coverage else float("nan"),
        reliability=_levels(np.concatenate(confidences), np.concatenate(rights)) if errors else [],
    )


def _levels(confidence: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and number of answers per level of confidence."""
    level = np.minimum((confidence * LEVELS).astype(int), LEVELS - 1)
    return [
        (float(confidence[level == one].mean()), float(right[level == one].mean()), int((level == one).sum()))
        for one in np.unique(level)
    ]


def set_unheard(model: SecretSauceModel, presets: Presets) -> None:
    """Tell a model how settings are spread where they are not heard.

    Args:
        model: whose `unheard` is set.
        presets: many rows, drawn as those of its training.
    """
    heard = presets.heard()
    parts = []
    for column, parameter in enumerate(presets.parameters):
        values = presets.unit[~heard[:, column], column]
        if parameter.classes:
            count = np.bincount(values.astype(np.int64), minlength=parameter.classes).astype(np.float64)
        else:
            settings = model.config.bin_settings(parameter)
            step = settings[1] - settings[0]
            index = np.rint((parameter.unit_to_setting(values) - settings[0]) / step).astype(np.int64)
            count = np.bincount(index, minlength=len(settings)).astype(np.float64)
            if len(settings) < parameter.cc_count:
                # Such a knob may leave bins empty between its positions.
                count = np.convolve(count, np.full(5, 0.2), mode="same")
        # As if every setting had been seen once more, which decides where hardly any were.
        parts.append(np.log((count + 1) / (count + 1).sum()))
    model.unheard.copy_(torch.from_numpy(np.concatenate(parts)))


def calibrate(model: SecretSauceModel, examples: Examples) -> None:
    """Find the temperatures, on sounds that the model was not trained on.

    Those of switches and of being heard have the least cross entropy. That of a knob lets
    `INTERVAL` of the settings lie within their intervals, where it is heard: the targets
    of its training are wider than one bin, and so are its answers.

    Args:
        model: whose temperatures are set; in evaluation mode.
        examples: sounds with labels.
    """
    scores: list[list[torch.Tensor]] = []
    odds, truths = [], []
    model.temperatures.fill_(1.0)
    model.heard_temperatures.fill_(1.0)
    with torch.inference_mode():
        for start in range(0, len(examples), BATCH):
            batch = examples.__getitems__(range(start, min(start + BATCH, len(examples))))
            inputs = {name: batch[name] for name in model.config.input_names}
            raw, told = model.read(model(**inputs).answers)
            scores.append(list(raw))
            odds.append(told)
            labels = {name: batch[name] for name in model.config.label_names}
            known = batch.get("heard")
            truths.append(model.heard_labels(labels, batch.get("peak")).bool() if known is None else known.bool())
    truth = torch.cat(truths).numpy()
    log_odds = torch.cat(odds).double().numpy()
    for column, parameter in enumerate(examples.presets.parameters):
        heard = truth[:, column]
        logits = np.concatenate([part[column].double().numpy() for part in scores])
        unit = examples.presets.unit[:, column]
        both = np.stack([np.zeros(len(log_odds)), log_odds[:, column]], axis=1)
        model.heard_temperatures[column] = _temperature(both, heard.astype(np.int64))
        if parameter.classes:
            model.temperatures[column] = _temperature(logits[heard], unit[heard].astype(np.int64))
        else:
            settings = parameter.unit_to_setting(unit[heard])
            model.temperatures[column] = _knob_temperature(
                logits[heard], settings, model.config.bin_settings(parameter)
            )


def _knob_temperature(logits: np.ndarray, truth: np.ndarray, settings: np.ndarray) -> float:
    """The divisor of logits (rows, bins) with which `INTERVAL` of the settings `truth` lie within their intervals.

    Args:
        logits: shape (rows, bins).
        truth: settings, shape (rows,).
        settings: of the bins.
    """
    if len(truth) < FEWEST:
        return 1.0

    def too_wide(exponent: float) -> bool:
        return bool(_within(_softmax(logits / np.exp(exponent)), settings, truth).mean() > INTERVAL)

    low, high = -np.log(MAX_KNOB_TEMPERATURE), np.log(MAX_KNOB_TEMPERATURE)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if too_wide(middle) else (middle, high)
    return float(np.exp((low + high) / 2))


def _within(probabilities: np.ndarray, settings: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether settings lie within the intervals of `INTERVAL` of probabilities (rows, bins): (rows,)."""
    low, high = (quantile(probabilities, settings, (1 + sign * INTERVAL) / 2) for sign in (-1, 1))
    return (low <= truth) & (truth <= high)


def _temperature(logits: np.ndarray, index: np.ndarray) -> float:
    """The divisor of logits (rows, classes) that makes the classes `index` (rows,) most probable."""
    if len(index) < FEWEST:
        return 1.0

    def loss(exponent: float) -> float:
        probabilities = _softmax(logits / np.exp(exponent))
        return -float(np.log(np.maximum(probabilities[np.arange(len(index)), index], 1e-12)).mean())

    limit = np.log(MAX_TEMPERATURE)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)
