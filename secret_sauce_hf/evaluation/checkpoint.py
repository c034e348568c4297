"""The model that is evaluated, and what it says of sounds."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.records import weights_digest
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError
from secret_sauce_hf.matching.asked import NO_MODEL
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.modeling.registration import checkpoint_path, ships
from secret_sauce_hf.training.answering import heard


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


def has_model(collection: Collection, model: str | Path | None) -> bool:
    """Whether there is a model: one is told, or ships for the collection, and it is not told that there be none."""
    if model == NO_MODEL:
        return False
    return model is not None or (collection.name in COLLECTIONS and ships(collection.name))


def load_checkpoint(collection: Collection, model: str | Path | None) -> Checkpoint:
    """Our model; the one that ships for the collection if None.

    Raises:
        InputError: none ships, it cannot be loaded, or it is for other sounds.
    """
    if model is None:
        if not has_model(collection, model):
            raise InputError(f"No checkpoint ships for {collection.name}: give one with --model, or leave ours out.")
        folder, name = checkpoint_path(collection.name), f"{collection.name}, as shipped"
    else:
        folder = checkpoint_folder(model)
        name = Path(model).resolve().name if Path(model).exists() else str(model)
    pipe = load_pipeline(folder)
    if list(collection.columns) != pipe.model.config.label_names:
        raise InputError(f"{name} tells the settings of {pipe.model.config.collection}, not of {collection.name}.")
    if not pipe.reads_notes and pipe.feature_extractor.take_samples != collection.samples:
        raise InputError(
            f"{name} hears takes of {pipe.feature_extractor.take_samples} samples, those of {collection.name} have "
            f"{collection.samples}."
        )
    return Checkpoint(name, folder, pipe, weights_digest(folder))


def logits_of(pipe: Any, parts: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Logits of a pipeline's model per parameter, shape (rows, bins or labels), see `distributions`.

    Args:
        pipe: the pipeline.
        parts: takes, each part of shape (rows, samples), float32; at least one.
    """
    logits = [heard(pipe, part) for part in parts]
    return {name: np.concatenate([part[name] for part in logits]) for name in logits[0]}
