"""What judgements say, with the uncertainty that comes from who judged and from what was judged.

Participants and sounds are both samples of many: a figure is to hold for other people and other sounds. So intervals
are those of a bootstrap that draws both anew (the pigeonhole bootstrap: A. Owen, 2007), and differences are tested
twice, over the means of participants and over those of sounds (H. Clark, 1973).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.pairing import FEWEST, holm, signed_rank
from secret_sauce_hf.evaluation.scoring import CONFIDENCE, RESAMPLES, Estimate, estimate
from secret_sauce_hf.listening_test.form import OTHER, REFERENCE

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
        self.draws = [(np.arange(participants), np.arange(sounds))] + [
            (generator.integers(participants, size=participants), generator.integers(sounds, size=sounds))
            for _ in range(RESAMPLES)
        ]

    def estimate(self, figure: Callable[[np.ndarray, np.ndarray], float]) -> Estimate:
        """A figure and its interval.

        Args:
            figure: of drawn participants and sounds, both as indices; NaN where there is none.
        """
        return estimate(np.array([figure(*draw) for draw in self.draws], dtype=np.float64))

    def of(self, values: np.ndarray, statistic: Callable[[np.ndarray], Any] = np.mean) -> Estimate:
        """A statistic of values, shape (participants, sounds), and its interval."""
        return self.estimate(lambda participants, sounds: float(statistic(values[np.ix_(participants, sounds)])))


def rated(ratings: Mapping[str, np.ndarray], crossed: Crossed) -> dict[str, dict[str, Any]]:
    """Mean and median of every condition, each with its interval.

    Args:
        ratings: by condition, shape (participants, sounds).
        crossed: draws of as many participants and sounds.
    """
    return {
        name: {"mean": crossed.of(values), "median": crossed.of(values, np.median), "answers": int(values.size)}
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
            "share": crossed.of(values),
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
    given = np.stack([ratings[name] for name in distances]).astype(np.float64)
    far = np.stack([distances[name] for name in distances])

    def correlation(participants: np.ndarray, sounds: np.ndarray) -> float:
        mean = given[:, participants][:, :, sounds].mean(axis=1)
        return _rank_correlation(mean.ravel(), far[:, sounds].ravel())

    return crossed.estimate(correlation)


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
    return crossed.of(np.mean(agreed, axis=0))


def _test(values: np.ndarray) -> dict[str, Any]:
    return {"count": len(values), "p": signed_rank(values) if len(values) >= FEWEST else None, "holm": None}


def _correct(found: Sequence[Mapping[str, Any]]) -> None:
    """Correct p for the number of pairs, over participants and over sounds apart."""
    for by in BY:
        known = [record[by] for record in found if record[by]["p"] is not None]
        for test, p in zip(known, holm([test["p"] for test in known]), strict=True):
            test["holm"] = p


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.stats import rankdata

    first, second = rankdata(one), rankdata(other)
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
