"""The rows that a collection has of its own: of 2018, drawn again from their seed or counted through, or newer."""

import random
from functools import cache

import numpy as np

from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.presets import Presets, draw_presets

SEED = 55_555
"""Seed of the rows of 2018."""


def is_original(collection: Collection) -> bool:
    """Whether the collection's own rows are those of 2018."""
    return bool(collection.count) and collection.seed is None


def whose(collection: Collection) -> str:
    """What to say behind "rows" of those that a collection has of its own."""
    return "of 2018" if collection.seed is None else "of its own"


def original_presets(collection: str | Collection, start: int = 0, stop: int | None = None) -> Presets:
    """The rows that a collection has of its own, from `start` up to `stop` (all if None).

    Those of 2018; of a collection with a seed those that `draw_presets` draws from it.

    Raises:
        InputError: there are no such rows; a declared collection has none at all.
    """
    collection = get_collection(collection)
    if not collection.count:
        raise InputError(
            f"{collection.name} has no rows of its own: draw fresh ones, with a seed and a count, or give a table."
        )
    start, stop = integer("start", start), collection.count if stop is None else integer("stop", stop)
    if not 0 <= start <= stop <= collection.count:
        raise InputError(
            f"{collection.name} has rows 0 to {collection.count - 1} {whose(collection)}, not {start} to {stop - 1}."
        )
    if collection.seed is not None:
        return draw_presets(collection, stop - start, collection.seed, start, prior=collection.prior)
    files = [sound_file(row) for row in range(start, stop)]
    return Presets.from_cc(collection, _original_cc(collection)[start:stop], files)


def are_original(presets: Presets, first_row: int = 0) -> np.ndarray:
    """Which rows are those of 2018, to the CC step, if they are numbered from `first_row` on: (rows,), bool."""
    same = np.zeros(len(presets), dtype=bool)
    if not is_original(presets.collection) or not presets.play_constant:
        return same
    table = _original_cc(presets.collection)[first_row : first_row + len(presets)]
    same[: len(table)] = (presets.cc[: len(table)] == table).all(axis=1)
    return same


@cache
def _original_cc(collection: Collection) -> np.ndarray:
    return _enumerate_cc(collection) if collection.enumerated else _draw_original_cc(collection)


def _draw_original_cc(collection: Collection) -> np.ndarray:
    """`random.randint` as Python 2 drew it, one draw per parameter, row by row."""
    generator = random.Random(SEED)
    counts = [parameter.cc_count for parameter in collection.parameters]
    draws = np.array([generator.random() for _ in range(collection.count * len(counts))]).reshape(-1, len(counts))
    index = (draws * counts).astype(np.int64)
    return np.stack([p.cc_at(index[:, column]) for column, p in enumerate(collection.parameters)], axis=1)


def _enumerate_cc(collection: Collection) -> np.ndarray:
    """Every combination of the switches, counted in binary over the sorted names: CC values, (rows, parameters)."""
    alphabetical = sorted(collection.columns)
    rows = np.arange(collection.count)
    cc = np.empty((collection.count, len(alphabetical)), dtype=np.int64)
    for column, parameter in enumerate(collection.parameters):
        bit = len(alphabetical) - 1 - alphabetical.index(parameter.name)
        cc[:, column] = parameter.unit_to_cc((rows >> bit) & 1)
    return cc
