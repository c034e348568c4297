"""What judgements say, with the uncertainty that comes from who judged and from what was judged.

Participants and sounds are both samples of many: a figure is to hold for other people and other sounds. So intervals
are those of a bootstrap that draws both anew (the pigeonhole bootstrap: A. Owen, 2007), and differences are tested
twice, over the means of participants and over those of sounds (H. Clark, 1973).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.pairing import FEWEST, holm, signed_rank
from secret_sauce_hf.evaluation.scoring import CONFIDENCE, RESAMPLES, Estimate, estimate
from secret_sauce_hf.listening_test.form import OTHER, REFERENCE

_AT_ONCE = 2**20
"""Answers that are in the memory at once."""
BY = ("participants", "sounds")
"""What a difference is tested over."""


class Crossed:
    """Draws of participants and of sounds, with repetition; the first is everything as it is.

    Args:
        participants: how many there are, at least one.
        sounds: how many there are, at least one.
        seed: of the draws.
    """

    def __init__(self, participants: int, sounds: int, seed: int):
        generator = np.random.default_rng([seed, participants, sounds])
        self.participants, self.sounds = (
            np.concatenate([np.arange(count)[None], generator.integers(count, size=(RESAMPLES, count))])
            for count in (participants, sounds)
        )

    def drawn(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """Values, shape (participants, sounds), of some draws at a time: shape (draws, participants, sounds)."""
        step = max(_AT_ONCE // values.size, 1)
        for start in range(0, len(self.sounds), step):
            rows = slice(start, start + step)
            yield values[self.participants[rows, :, None], self.sounds[rows, None, :]]

    def means(self, values: np.ndarray) -> np.ndarray:
        """Mean over participants of values, shape (participants, sounds), for each sound of each draw."""
        return np.concatenate([part.mean(axis=1) for part in self.drawn(values)])

    def mean(self, values: np.ndarray) -> Estimate:
        """Mean of values, shape (participants, sounds), and its interval."""
        return estimate(self.means(values).mean(axis=1))

    def median(self, values: np.ndarray) -> Estimate:
        """Median of values, shape (participants, sounds), and its interval."""
        return estimate(np.concatenate([np.median(part.reshape(len(part), -1), axis=1) for part in self.drawn(values)]))


def rated(ratings: Mapping[str, np.ndarray], crossed: Crossed) -> dict[str, dict[str, Any]]:
    """Mean and median of every condition, each with its interval.

    Args:
        ratings: by condition, shape (participants, sounds).
        crossed: draws of as many participants and sounds.
    """
    return {
        name: {"mean": crossed.mean(values), "median": crossed.median(values), "answers": int(values.size)}
        for name, values in ratings.items()
    }


def rating_pairs(ratings: Mapping[str, np.ndarray], systems: Sequence[str]) -> list[dict[str, Any]]:
    """Every two systems, and every system beside the hidden reference and another preset.

    Args:
        ratings: by condition, shape (participants, sounds).
        systems: which conditions are systems.

    Returns:
        Names `one` and `other`; `difference`: mean of one's ratings less the other's; for `participants` and `sounds`
        `count`, `p` of Wilcoxon's signed rank test over their means, two-sided, and `holm`: p corrected for the number
        of pairs. p is None of fewer than six.
    """
    beside = [name for name in (REFERENCE, OTHER) if name in ratings]
    found: list[dict[str, Any]] = []
    for one, other in [*combinations(systems, 2), *((system, name) for system in systems for name in beside)]:
        differences = ratings[one].astype(np.float64) - ratings[other]
        record: dict[str, Any] = {"one": one, "other": other, "difference": float(differences.mean())}
        for axis, by in zip((1, 0), BY, strict=True):
            record[by] = _test(differences.mean(axis=axis))
        found.append(record)
    _correct(found)
    return found


def chosen_pairs(choices: Mapping[tuple[str, str], np.ndarray], crossed: Crossed) -> list[dict[str, Any]]:
    """How often one system was chosen and not the other.

    Args:
        choices: whether the first of two systems was chosen, bool of shape (participants, sounds).
        crossed: draws of as many participants and sounds.

    Returns:
        Names `one` and `other`; `answers`, `chosen`: how often one was; `share`: that part, with the interval of a
        bootstrap over participants and sounds; `wilson` and `clopper_pearson`: intervals, and `p`: of the exact
        binomial test, two-sided, as if every answer was given by somebody else; `holm`: p corrected for the number of
        pairs; for `participants` and `sounds` the test of `rating_pairs` of their shares against a half.
    """
    from scipy.stats import binomtest

    found: list[dict[str, Any]] = []
    for (one, other), values in choices.items():
        chosen, answers = int(values.sum()), int(values.size)
        test = binomtest(chosen, answers)
        limits = {
            name: [float(limit) for limit in test.proportion_ci(CONFIDENCE, method=method)]
            for name, method in (("wilson", "wilson"), ("clopper_pearson", "exact"))
        }
        record: dict[str, Any] = {
            "one": one,
            "other": other,
            "answers": answers,
            "chosen": chosen,
            "share": crossed.mean(values),
            **limits,
            "p": float(test.pvalue),
        }
        for axis, by in zip((1, 0), BY, strict=True):
            record[by] = _test(values.mean(axis=axis) - 0.5)
        found.append(record)
    for record, p in zip(found, holm([record["p"] for record in found]), strict=True):
        record["holm"] = p
    _correct(found)
    return found


def with_distance(ratings: Mapping[str, np.ndarray], distances: Mapping[str, np.ndarray], crossed: Crossed) -> Estimate:
    """Spearman's rank correlation of mean ratings with a distance, over systems and sounds, with its interval.

    Args:
        ratings: by system, shape (participants, sounds).
        distances: by system, shape (sounds,).
        crossed: draws of as many participants and sounds.
    """
    from scipy.stats import rankdata

    # Shape (draws, systems and sounds).
    given = np.concatenate([crossed.means(ratings[name]) for name in distances], axis=1)
    far = np.concatenate([values[crossed.sounds] for values in distances.values()], axis=1)
    first, second = (
        ranks - ranks.mean(axis=1, keepdims=True) for ranks in (rankdata(one, axis=1) for one in (given, far))
    )
    size = np.sqrt(np.square(first).sum(axis=1) * np.square(second).sum(axis=1))
    products = (first * second).sum(axis=1)
    # Where all are alike nothing can go together.
    return estimate(np.divide(products, size, out=np.full(len(size), np.nan), where=size > 0))


def agreement(
    choices: Mapping[tuple[str, str], np.ndarray], distances: Mapping[str, np.ndarray], crossed: Crossed
) -> Estimate:
    """How often the answer was chosen that is nearer by a distance, with its interval; where both are as far, half.

    Args:
        choices: of `chosen_pairs`.
        distances: by system, shape (sounds,).
        crossed: draws of as many participants and sounds.
    """
    agreed = [
        np.where(far == 0, 0.5, values == (far < 0))
        for (one, other), values in choices.items()
        for far in (distances[one] - distances[other],)
    ]
    return crossed.mean(np.mean(agreed, axis=0))


def _test(values: np.ndarray) -> dict[str, Any]:
    return {"count": len(values), "p": signed_rank(values) if len(values) >= FEWEST else None, "holm": None}


def _correct(found: Sequence[Mapping[str, Any]]) -> None:
    """Correct p for the number of pairs, over participants and over sounds apart."""
    for by in BY:
        known = [record[by] for record in found if record[by]["p"] is not None]
        for test, p in zip(known, holm([test["p"] for test in known]), strict=True):
            test["holm"] = p
