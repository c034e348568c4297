"""Which distances there are: this package's own, and those that other packages bring.

A package brings one by an entry point in the group `secret_sauce_hf.distances` that leads to a
`Distance`:

    [project.entry-points."secret_sauce_hf.distances"]
    crest_difference = "crest:CREST"
"""

from functools import cache

import numpy as np

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.sounds import DISTANCES, Distance
from secret_sauce_hf.plugins import Plugins

OTHERS: Plugins[Distance] = Plugins("distance", "secret_sauce_hf.distances", "secret_sauce_hf.metrics:Distance")


@cache
def known_distances() -> tuple[Distance, ...]:
    """Every distance, this package's own first.

    Raises:
        InputError: what another package brought is no `Distance`, or has a name that is taken.
    """
    found = {distance.name: distance for distance in DISTANCES}
    for name in OTHERS.names():
        if name in found:
            raise InputError(f"Another package brings a distance {name}, which is one of this package's own.")
        found[name] = OTHERS.get(name)
    return tuple(found.values())


def distances(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> dict[str, float | np.ndarray]:
    """Every distance between two sounds, or rows of them, by name.

    Args:
        reference: shape (samples,) or (rows, samples); floats of full scale 1, or integers.
        estimate: of the same shape.
        sample_rate: of both, in Hz.
    """
    return {distance.name: distance.function(reference, estimate, sample_rate) for distance in known_distances()}
