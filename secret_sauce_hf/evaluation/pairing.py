"""Whether methods differ by more than chance: paired tests over the sounds that all of them answered."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import scipy.stats

PAIRED = ("mss", "heard_knob_mae")
"""What of each row is compared; of both, less is better."""
MOST_TIED = 13
"""Up to so many differences p is exact even where some are as large as others; of more it is nearly."""
FEWEST = 6
"""Rows below which no difference can be significant at 5 %, however clear it is: p is 2^(1 - rows) at least."""


def pairs(ways: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Compare every two methods row by row.

    The test is Wilcoxon's signed rank test, two-sided; rows without a difference are left out (F. Wilcoxon, 1945).
    Of all pairs of a figure, p is corrected by S. Holm's step-down method (1979), so that the chance of calling any
    difference real that is none stays below the level.

    Args:
        ways: the methods' records by name, each with `rows`.

    Returns:
        Per figure of `PAIRED` a list of pairs: names `one` and `other`; `rows`: how many were compared;
        `difference`: median of one's figure less the other's; `p`; `holm`: p corrected. p is 1 where no row differs,
        and None where fewer than `FEWEST` rows can be compared.
    """
    return {what: _pairs(ways, what) for what in PAIRED}


def _pairs(ways: Mapping[str, Mapping[str, Any]], what: str) -> list[dict[str, Any]]:
    figures = {name: np.array(way["rows"][what], dtype=np.float64) for name, way in ways.items() if what in way["rows"]}
    found: list[dict[str, Any]] = []
    for one, other in combinations(figures, 2):
        differences = figures[one] - figures[other]
        differences = differences[np.isfinite(differences)]
        enough = len(differences) >= FEWEST
        found.append(
            {
                "one": one,
                "other": other,
                "rows": len(differences),
                "difference": float(np.median(differences)) if len(differences) else None,
                "p": signed_rank(differences) if enough else None,
            }
        )
    known = [pair for pair in found if pair["p"] is not None]
    corrected = holm([pair["p"] for pair in known])
    for pair in found:
        pair["holm"] = None
    for pair, p in zip(known, corrected, strict=True):
        pair["holm"] = p
    return found


def signed_rank(differences: np.ndarray) -> float:
    """p of Wilcoxon's signed rank test that differences, shape (rows,), lie around 0; two-sided."""
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    tied = len(moved) < len(differences) or len(np.unique(np.abs(moved))) < len(moved)
    if tied and len(moved) <= MOST_TIED:
        return _signed_rank_of_ties(moved)
    return float(scipy.stats.wilcoxon(differences, zero_method="wilcox", method="auto").pvalue)


def _signed_rank_of_ties(differences: np.ndarray) -> float:
    """The exact p of a few differences, none of them 0, of which some are as large as others.

    It is that of all 2^rows signs, as scipy has it; counted by rank sums instead of by trying them, which takes scipy
    a second.
    """
    # Twice the ranks: those of ties lie halfway between whole numbers.
    ranks = np.rint(2 * scipy.stats.rankdata(np.abs(differences))).astype(np.int64)
    ways = np.ones(1)
    for rank in ranks:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    reached = int(ranks[differences > 0].sum())
    outside = min(ways[: reached + 1].sum(), ways[reached:].sum()) / ways.sum()
    return float(min(2 * outside, 1.0))


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number by Holm's method, in the given order."""
    order = np.argsort(values, kind="stable")
    corrected = np.empty(len(values))
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return [float(value) for value in corrected]
