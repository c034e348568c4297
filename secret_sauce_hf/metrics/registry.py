"""Which distances there are: this package's own, and those that other packages bring.

A package brings one by an entry point in the group `secret_sauce_hf.distances` that leads to a
`Distance`:

    [project.entry-points."secret_sauce_hf.distances"]
    crest_difference = "crest:CREST"
"""

from functools import cache
from importlib.metadata import entry_points

import numpy as np

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.sounds import DISTANCES, Distance

GROUP = "secret_sauce_hf.distances"


@cache
def known_distances() -> tuple[Distance, ...]:
    """Every distance, this package's own first.

    Raises:
        InputError: what another package brought is no `Distance`, or has a name that is taken.
    """
    found = {distance.name: distance for distance in DISTANCES}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            distance = point.load()
        except (ImportError, AttributeError) as error:
            raise InputError(f"The distance {point.name}, {point.value}, cannot be loaded: {error}.") from error
        if not isinstance(distance, Distance) or distance.name in found:
            raise InputError(
                f"{point.value} is registered as the distance {point.name}, and is none: it must be a "
                "secret_sauce_hf.metrics.Distance with a name of its own."
            )
        found[distance.name] = distance
    return tuple(found.values())


def distances(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> dict[str, float | np.ndarray]:
    """Every distance between two sounds, or rows of them, by name.

    Args:
        reference: shape (samples,) or (rows, samples); floats of full scale 1, or integers.
        estimate: of the same shape.
        sample_rate: of both, in Hz.
    """
    return {distance.name: distance.function(reference, estimate, sample_rate) for distance in known_distances()}
