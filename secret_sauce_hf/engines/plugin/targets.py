"""What a parameter of an instrument sets in a plug-in: an entry of its list, or its controllers.

A target is the place in the list, or the numbers of one controller or two, (MSB, LSB). Its value is from 0 to 1, of
controllers in steps of a 127th, or of a 16,383th of two.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Target: TypeAlias = int | tuple[int, ...]


def highest(controls: tuple[int, ...]) -> int:
    """The highest value of a controller, or of a pair."""
    return 127 if len(controls) == 1 else 16_383


def split(targets: Sequence[Target], values: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """What a plug-in's process is asked to set.

    Args:
        targets: one for each value.
        values: 0 to 1, of shape (targets,).

    Returns:
        `indices` of the plug-in's list, and `controls` as [number, value, sample], sent before all else; and the
        values of those in the list, float32.
    """
    indices: list[int] = []
    listed: list[float] = []
    controls: list[list[int]] = []
    for target, value in zip(targets, np.asarray(values).tolist(), strict=True):
        if isinstance(target, int):
            indices.append(target)
            listed.append(value)
            continue
        whole = round(value * highest(target))
        parts = (whole,) if len(target) == 1 else divmod(whole, 128)
        controls += [[number, part, 0] for number, part in zip(target, parts, strict=True)]
    return {"indices": indices, "controls": controls}, np.array(listed, np.float32)
