"""Whether methods differ by more than chance: paired tests over the sounds that all of them answered."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import scipy.stats

PAIRED = ("mss", "heard_knob_mae")
"""What of each row is compared; of both, less is better."""
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
    if not np.any(differences):
        return 1.0
    return float(scipy.stats.wilcoxon(differences, zero_method="wilcox", method="auto").pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number by Holm's method, in the given order."""
    order = np.argsort(values, kind="stable")
    corrected = np.empty(len(values))
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return [float(value) for value in corrected]
