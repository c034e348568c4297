"""Sounds as a model's inputs, kept in memory in half precision."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset
from tqdm.auto import tqdm

from secret_sauce_hf.data import iter_takes
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.presets import Presets, draw_presets

CHUNK = 256
"""So many neighbouring fresh rows are played in session, as many again each from silence."""


class Examples(Dataset):
    """Inputs and labels of sounds; a batch is fetched at once.

    Args:
        features: per input, float16 of shape (sounds, frames, bins); and `peak`, shape (sounds,).
        presets: their settings.
    """

    def __init__(self, features: Mapping[str, torch.Tensor], presets: Presets):
        self.features = dict(features)
        self.presets = presets
        self.labels = labels(presets)

    def __len__(self) -> int:
        return len(self.presets)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {name: values[0] for name, values in self.__getitems__([index]).items()}

    def __getitems__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        rows = torch.as_tensor(indices)
        batch = {name: values[rows].float() for name, values in self.features.items()}
        return batch | {name: values[rows] for name, values in self.labels.items()}

    def select(self, rows: slice) -> "Examples":
        """Some of the sounds."""
        return Examples({name: values[rows] for name, values in self.features.items()}, self.presets[rows])


def collate(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """For a data loader over `Examples`, whose batches are whole already."""
    return batch


def labels(presets: Presets) -> dict[str, torch.Tensor]:
    """Labels as the model takes them: a knob's setting (float32), the index of a switch's label (int64)."""
    result = {}
    for column, parameter in enumerate(presets.parameters):
        unit = presets.unit[:, column]
        values = unit.astype(np.int64) if parameter.classes else parameter.unit_to_setting(unit).astype(np.float32)
        result[parameter.name] = torch.from_numpy(values)
    return result


def fresh_takes(
    engine: Engine, collection: Collection, count: int, seed: int, prior: str = UNIFORM
) -> Iterator[tuple[np.ndarray, Presets]]:
    """Render fresh rows, chunk by chunk (see `fresh_rows`). Row i is the same whatever `count` is."""
    for start in range(0, count, CHUNK):
        yield fresh_rows(engine, collection, start, min(CHUNK, count - start), seed, prior)


def fresh_rows(
    engine: Engine, collection: Collection, first: int, count: int, seed: int, prior: str = UNIFORM
) -> tuple[np.ndarray, Presets]:
    """Render fresh rows: float32 takes of shape (rows, samples), and their presets.

    Where the engine can, every second `CHUNK` of rows is played in session, since
    recordings of 2018 were: each of its sounds starts in the state that the row before
    leaves behind.

    Args:
        engine: renders them.
        collection: of the rows.
        first: number of the first row.
        count: of rows.
        seed: any non-negative integer.
        prior: how the presets are drawn, see `draw_presets`.
    """
    takes, tables = [], []
    start, end = first, first + count
    while start < end:
        rows = min((start // CHUNK + 1) * CHUNK, end) - start
        presets = draw_presets(collection, rows, seed, start, prior=prior)
        in_session = start // CHUNK % 2 == 1 and engine.supports(collection, in_session=True)
        preceding = draw_presets(collection, 1, seed, start - 1, prior=prior) if in_session else None
        takes.append(
            engine.render(presets, in_session=in_session, preceding=preceding, noise_seed=seed, first_row=start)
        )
        tables.append(presets)
        start += rows
    return to_float(np.concatenate(takes)), Presets.concatenated(tables)


def built_takes(data: str | Path, collection: Collection) -> Iterator[tuple[np.ndarray, Presets]]:
    """The train rows of a dataset (see `iter_takes`), some at a time."""
    for takes in iter_takes(data, "train", collection=collection):
        yield takes.sounds, takes.presets


def extract(
    takes: Iterator[tuple[np.ndarray, Presets]],
    extractor: SecretSauceFeatureExtractor,
    *,
    total: int | None = None,
    title: str = "sounds",
    progress: bool = True,
) -> Examples:
    """Transform takes as they come.

    Args:
        takes: some at a time, as `fresh_takes` makes them.
        extractor: makes the inputs.
        total: number of sounds, for the progress bar.
        title: what the bar says.
        progress: whether to show it.

    Raises:
        InputError: there are no takes, or they are not as long as the extractor's.
    """
    parts: list[dict[str, torch.Tensor]] = []
    presets: list[Presets] = []
    with tqdm(total=total, desc=title, unit="sound", disable=None if progress else True) as bar:
        for sounds, rows in takes:
            if sounds.shape[1] != extractor.take_samples:
                raise InputError(f"Takes have {extractor.take_samples} samples, these have {sounds.shape[1]}.")
            features = extractor.transform(torch.from_numpy(sounds))
            parts.append({name: values if name == "peak" else values.half() for name, values in features.items()})
            presets.append(rows)
            bar.update(len(rows))
    if not parts:
        raise InputError("There are no sounds to train on; give a dataset with train rows, or fresh sounds.")
    features = {name: torch.cat([part.pop(name) for part in parts]) for name in list(parts[0])}
    return Examples(features, Presets.concatenated(presets))


def joined(parts: Sequence[Examples]) -> Examples:
    """Several sets of sounds as one, which takes the place of theirs in memory.

    Args:
        parts: the sets, one at least; their features are gone afterwards.
    """
    presets = Presets.concatenated([part.presets for part in parts])
    features = {name: torch.cat([part.features.pop(name) for part in parts]) for name in list(parts[0].features)}
    return Examples(features, presets)
