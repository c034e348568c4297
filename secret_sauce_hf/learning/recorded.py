"""From a dataset of an instrument's sounds to a model of it, where nothing here plays the instrument."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from secret_sauce_hf.cards.names import DECLARATION
from secret_sauce_hf.data import iter_takes
from secret_sauce_hf.engines.plugin.files import PLUGIN_SUFFIXES
from secret_sauce_hf.engines.plugin.trusted import with_trusted_file
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    SAMPLE_RATE,
    Collection,
    InputError,
    get_collection,
    read_declaration,
)
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.learning.budgeting import BATCH, TRAINING_SHARE
from secret_sauce_hf.modeling.strokes_secret_sauce import Stroke
from secret_sauce_hf.outputs import expanded
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.remote import is_repo_id
from secret_sauce_hf.training.base import first_model, open_base
from secret_sauce_hf.training.data import labels

MOST_EPOCHS = 40.0
"""More looks at the same sounds teach nothing."""
FEWEST_ROWS = 20
TIMED = 3
"""Steps that are timed, after one that is not."""
OPTIMISING = 1.3
"""How much longer a step is with what the optimizer, the data and the validation take."""


@dataclass(frozen=True)
class Told:
    """What is known of a dataset before anything is learned from it.

    Args:
        rows: how many train rows there are.
        shares: in how many of those that sound each parameter is heard, by the declared rules.
    """

    rows: int
    shares: dict[str, float]


def is_dataset(source: object) -> bool:
    """Whether a source is a dataset rather than an instrument: a folder, or `ORG/NAME` on the Hub."""
    if not isinstance(source, str | Path) or str(source) in COLLECTIONS:
        return False
    path = expanded(source)
    if path.suffix.lower() in (*PLUGIN_SUFFIXES, ".json") or path.is_file():
        # Some plug-ins are folders.
        return False
    return path.is_dir() or is_repo_id(str(source))


def collection_of(data: str | Path, collection: str | Path | Collection | None) -> Collection:
    """Whose sounds a dataset has: as is said, as is declared in its folder, or by its columns.

    Raises:
        InputError: nothing tells; the dataset cannot be read.
    """
    if collection is not None:
        return get_collection(collection)
    declared = expanded(data) / DECLARATION
    if declared.is_file():
        # Nothing in a folder that somebody else may have made chooses a file of this machine to be loaded.
        return with_trusted_file(read_declaration(declared))
    for takes in iter_takes(data, "train"):
        return takes.presets.collection
    raise InputError(f"There are no train rows in {data}; nothing can be learned.")


def look_through(data: str | Path, collection: Collection) -> Told:
    """Read a dataset once.

    Raises:
        InputError: it has no test rows, too few train rows, or cannot be read; every sound is silent.
    """
    if not any(len(takes) for takes in iter_takes(data, "test", collection=collection)):
        raise InputError(f"There are no test rows in {data}: nothing could be said of how good the model is.")
    rows, sounding = 0, 0
    heard = np.zeros(len(collection.columns))
    for takes in iter_takes(data, "train", collection=collection):
        audible = np.abs(takes.sounds).max(axis=1) >= SILENCE
        heard += takes.presets.heard()[audible].sum(axis=0)
        rows, sounding = rows + len(takes), sounding + int(audible.sum())
    if rows < FEWEST_ROWS:
        raise InputError(f"There are {rows} train rows in {data}; from less than {FEWEST_ROWS} nothing is learned.")
    if not sounding:
        raise InputError(f"All {rows} train rows of {data} are silent.")
    return Told(rows, dict(zip(collection.columns, (heard / sounding).tolist(), strict=True)))


def step_seconds(collection: Collection, base: str) -> float:
    """How long a step of training takes on this machine, about.

    Args:
        collection: what is learned.
        base: the checkpoint that the training begins with.
    """
    opened = open_base(base)
    model, extractor = first_model(collection, opened, opened.hidden_size, opened.layers, 0)
    presets = draw_presets(collection, BATCH, 0)
    noise = np.random.default_rng(0).standard_normal((BATCH, extractor.take_samples)).astype(np.float32) / 9
    played = [Stroke((60,), 1.0, extractor.take_samples / SAMPLE_RATE)] * BATCH if extractor.reads_strokes else None
    features = extractor.transform(torch.from_numpy(noise), played)
    begun = 0.0
    for number in range(TIMED + 1):
        if number == 1:
            begun = time.perf_counter()
        model(**features, labels=labels(presets)).loss.backward()
    return OPTIMISING * (time.perf_counter() - begun) / TIMED


def epochs_within(rows: int, step: float, seconds: float) -> float:
    """How often every sound is seen in a training that takes so long, with what comes after it."""
    return float(np.clip(TRAINING_SHARE * seconds / (step * rows / BATCH), 1.0, MOST_EPOCHS))
