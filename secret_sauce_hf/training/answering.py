"""What a model answers to sounds."""

from collections.abc import Mapping

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
