"""Simple answers that a model is compared with: those of somebody who heard only train sounds."""

from collections.abc import Mapping

import numpy as np
import torch

from secret_sauce_hf.presets import Presets

BATCH = 64


def naive_answers(train: Presets, rows: int) -> np.ndarray:
    """The median of every knob and the most frequent label of every switch of `train`, for each of `rows` rows."""
    typical = [parameter.typical(train.unit[:, column]) for column, parameter in enumerate(train.parameters)]
    return np.tile(typical, (rows, 1))


def nearest_answers(
    train: Mapping[str, torch.Tensor], train_presets: Presets, features: Mapping[str, torch.Tensor]
) -> np.ndarray:
    """The preset of the train sound whose first input (log-mels) is nearest (mean absolute difference)."""
    first = next(iter(train))
    reference = train[first].float().flatten(1)
    sounds = features[first].float().flatten(1)
    nearest = [torch.cdist(chunk, reference, p=1).argmin(dim=1) for chunk in sounds.split(BATCH)]
    return train_presets.unit[torch.cat(nearest).numpy()]
