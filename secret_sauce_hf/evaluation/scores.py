"""Scores of a checkpoint on takes in memory, beside simple references."""

from pathlib import Path

import numpy as np
import torch

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.metrics.scores import Scores as Scores
from secret_sauce_hf.metrics.scores import score
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.loading import load_pipeline
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.answering import predict
from secret_sauce_hf.training.references import naive_answers, nearest_answers


def score_presets(answers: np.ndarray, truth: Presets) -> Scores:
    """Compare answers, units of shape (rows, parameters), with the true presets."""
    return score(truth.parameters, truth.unit, answers, truth.heard())


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
    result = {"model": score_presets(predict(pipe.model, features), presets)}
    if train_presets is not None:
        result["naive"] = score_presets(naive_answers(train_presets, len(presets)), presets)
        if train_sounds is not None:
            train = _features(pipe.feature_extractor, train_sounds, train_presets)
            result["nearest"] = score_presets(nearest_answers(train, train_presets, features), presets)
    return result


def _features(extractor: SecretSauceFeatureExtractor, sounds: np.ndarray, presets: Presets) -> dict[str, torch.Tensor]:
    sounds = np.asarray(sounds)
    if sounds.shape != (len(presets), extractor.take_samples) or len(presets) == 0:
        raise InputError(
            f"{len(presets)} presets need as many takes of {extractor.take_samples} samples, got shape {sounds.shape}."
        )
    if sounds.dtype == np.int16:
        sounds = to_float(sounds)
    return extractor.transform(torch.from_numpy(np.asarray(sounds, np.float32)))
