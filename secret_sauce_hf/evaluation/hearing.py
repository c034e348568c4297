"""Sounds as the methods that know the train rows hear them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.evaluation.networks import mfccs
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.base import first_model, of_takes
from secret_sauce_hf.training.config import HIDDEN_SIZE, LAYERS


@dataclass(frozen=True, eq=False)
class Heard:
    """Sounds as baselines hear them.

    Args:
        presets: their settings.
        mfccs: float32 of shape (rows, frames, 20); empty where nobody needs them.
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
    return Heard(Presets.concatenated(presets), np.concatenate(cepstra), features)


def default_extractor(collection: Collection) -> SecretSauceFeatureExtractor:
    """What makes the inputs of a model of ours that nobody configured."""
    return first_model(of_takes(collection), None, HIDDEN_SIZE, LAYERS, 0, 0)[1]


def _features(extractor: SecretSauceFeatureExtractor, sounds: np.ndarray) -> dict[str, torch.Tensor]:
    features = extractor.transform(torch.from_numpy(sounds))
    return {record["name"]: features[record["name"]].half() for record in extractor.inputs}
