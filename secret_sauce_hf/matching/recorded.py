"""Takes of a dataset that sound like a sound."""

from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.instruments.takes import to_int16
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import Presets

if TYPE_CHECKING:
    from secret_sauce_hf.data.reading import Source, Takes

TakeSource: TypeAlias = Union["Source", "Takes"]


def nearest_takes(
    source: TakeSource, collection: Collection, objective: Objective, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The presets of the takes that are nearest to a sound.

    Args:
        source: a dataset as `secret_sauce_hf.data.iter_takes` reads it, or takes in memory.
        collection: whose takes they have to be.
        objective: measures the distance.
        count: how many at most.

    Returns:
        Their CC values, shape (takes, parameters), and distances as `objective` measures them,
        nearest first.

    Raises:
        InputError: not a dataset of this collection's takes.
    """
    from secret_sauce_hf.data import Takes, iter_takes

    batches = [source] if isinstance(source, Takes) else iter_takes(source, collection=collection)
    found_cc, found_distances = np.empty((0, len(collection.columns)), np.int64), np.empty(0)
    for batch in batches:
        if batch.presets.collection.columns != collection.columns:
            raise InputError(
                f"The takes are of {batch.presets.collection.name}, not of {collection.name}; give a dataset of the "
                "latter."
            )
        if batch.sounds.shape[1] != len(objective.reference):
            raise InputError(
                f"The takes have {batch.sounds.shape[1]} samples, a take of {collection.name} has "
                f"{len(objective.reference)}; give a dataset of the latter."
            )
        found_cc = np.concatenate([found_cc, Presets(collection, batch.presets.unit).cc])
        found_distances = np.concatenate([found_distances, objective(to_int16(batch.sounds))])
        order = np.argsort(found_distances, kind="stable")[:count]
        found_cc, found_distances = found_cc[order], found_distances[order]
    return found_cc, found_distances
