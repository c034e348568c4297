"""What a model answers to sounds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.pipeline_secret_sauce import median

BATCH = 64


def answers_of(logits: Mapping[str, np.ndarray], config: SecretSauceConfig) -> np.ndarray:
    """Read out a model's logits as the pipeline does: units of shape (rows, parameters).

    Args:
        logits: per parameter, shape (rows, bins or labels).
        config: of the model.
    """
    columns = []
    for parameter in config.parameter_specs:
        scores = logits[parameter.name].astype(np.float64)
        if parameter.classes:
            columns.append(scores.argmax(axis=1).astype(np.float64))
        else:
            exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
            settings = median(exponents / exponents.sum(axis=1, keepdims=True), config.bin_settings(parameter))
            columns.append(parameter.cc_to_unit(parameter.setting_to_cc(settings)))
    return np.stack(columns, axis=1)


def predict(model: SecretSauceModel, features: Mapping[str, torch.Tensor]) -> np.ndarray:
    """Answers of a model, as units of shape (sounds, parameters).

    Args:
        model: the model, in evaluation mode.
        features: its inputs, as the feature extractor makes them.
    """
    return answers_of(distributions(model, features), model.config)


def heard(pipe: Any, sounds: np.ndarray) -> dict[str, np.ndarray]:
    """Logits of a pipeline's model, which of a model of notes hears what is played: see `distributions`.

    Args:
        pipe: an `AudioToPresetPipeline`.
        sounds: takes, float32 of shape (sounds, samples), at the rate of its feature extractor.
    """
    if not getattr(pipe, "reads_notes", False):
        return distributions(pipe.model, pipe.feature_extractor.transform(torch.from_numpy(sounds)))
    names = pipe.model.config.label_names
    told: list[Mapping[str, torch.Tensor]] = []
    for sound in sounds:
        listened = pipe.listen({"array": sound, "sampling_rate": pipe.feature_extractor.sampling_rate})
        told.append(pipe.forward(pipe.inputs_of(listened)))
    return {name: torch.cat([one[f"logits_{name}"].reshape(1, -1) for one in told]).numpy() for name in names}


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
