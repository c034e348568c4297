"""Different presets that sound alike."""

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.result import SEARCHED, Candidate
from secret_sauce_hf.presets import Presets

APART = 0.1
"""Two presets are different if a heard knob is set further apart than this part of its range, or a heard switch is."""


def alternatives(collection: Collection, cc: np.ndarray, count: int) -> list[int]:
    """Which presets to show, of rows that are the best first.

    Args:
        collection: whose presets.
        cc: CC values, shape (rows, parameters).
        count: how many to choose at most.

    Returns:
        Numbers of rows, of which no two are alike (see `APART`).
    """
    presets = Presets.from_cc(collection, cc)
    heard = presets.heard()
    limits = np.array([parameter.apart(APART) for parameter in collection.parameters])
    chosen: list[int] = []
    apart = np.ones(len(cc), dtype=bool)
    while apart.any() and len(chosen) < count:
        row = int(apart.argmax())
        chosen.append(row)
        # What is heard in neither does not tell two presets apart.
        different = (np.abs(presets.unit - presets.unit[row]) > limits) & (heard | heard[row])
        apart &= different.any(axis=1)
        apart[row] = False
    return chosen


def ranked(proposals: Proposals, known: np.ndarray | None, count: int) -> list[Candidate]:
    """The presets to tell, the best first.

    Args:
        proposals: what there was to begin with.
        known: CC values of what a search has tried, the best first, shape (rows,
            parameters); None if there was none.
        count: how many at most.
    """
    if known is None:
        proposals = proposals.ranked()
        known = proposals.cc
    return describe(proposals, known[alternatives(proposals.collection, known, count)])


def describe(proposals: Proposals, cc: np.ndarray) -> list[Candidate]:
    """What is known of presets, CC values of shape (rows, parameters), before they are rendered."""
    # Of equal ones the first.
    begun = {row.tobytes(): place for place, row in reversed(list(enumerate(proposals.cc)))}
    told = []
    for row, preset, score in zip(
        cc, Presets.from_cc(proposals.collection, cc).rows(), proposals.posterior.score(cc).tolist(), strict=True
    ):
        place = begun.get(row.tobytes())
        distance = np.nan if place is None else float(proposals.distances[place])
        origin = SEARCHED if place is None else proposals.origins[place]
        known = distance if np.isfinite(distance) else None
        told.append(Candidate(preset, tuple(row.tolist()), known, score, origin))
    return told
