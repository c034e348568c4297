"""Scores of answers with what chance leaves open: settings, heard settings, sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.same import Same
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.metrics.scores import setting_scores, settings_right, switch_columns
from secret_sauce_hf.presets import Presets

RESAMPLES = 1_000
"""Bootstrap resamples of the rows."""
CONFIDENCE = 0.95
NOISES = 32
"""Answers are compared as rendered with the noise, of so many rows, that comes nearest to the sound (see `playing`).

In the guitar and the Sub Phatty chorus, LFO and oscillators run freely: where they happened to be is no setting, and
with other phases the very preset of a sound is further from it than most answers are.
"""

Estimate = list[float | None]
"""A figure and the limits of its 95 % confidence interval; nothing but None where nothing was counted."""


class Resampling:
    """Draws of as many rows as there are, with repetition; the first is the rows as they are.

    Intervals are percentiles over the draws (B. Efron, 1979). All methods are scored on
    the same draws.

    Args:
        rows: how many there are, at least one.
        seed: of the draws.
    """

    def __init__(self, rows: int, seed: int):
        drawn = np.random.default_rng([seed, rows]).integers(rows, size=(RESAMPLES, rows))
        self.indices = np.concatenate([np.arange(rows)[None], drawn])
        self._counts = np.stack([np.bincount(draw, minlength=rows) for draw in self.indices]).astype(np.float64)

    def means(self, values: np.ndarray, counted: np.ndarray) -> np.ndarray:
        """Mean of every column where it counts: (rows, columns) to (draws, columns), NaN where nothing does."""
        totals = self._counts @ np.where(counted, values, 0.0)
        numbers = self._counts @ counted.astype(np.float64)
        return np.divide(totals, numbers, out=np.full(totals.shape, np.nan), where=numbers > 0)

    def median(self, values: np.ndarray) -> np.ndarray:
        """Median of values of shape (rows,) in each draw."""
        return np.median(values[self.indices], axis=1)


def estimate(draws: np.ndarray) -> Estimate:
    """What the rows say, and the limits that the draws leave."""
    if not np.isfinite(draws[0]):
        return [None, None, None]
    known = draws[1:][np.isfinite(draws[1:])]
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [outside, 1 - outside]) if len(known) else (draws[0], draws[0])
    return [float(draws[0]), float(low), float(high)]


@dataclass(frozen=True, eq=False)
class Truth:
    """What answers are compared with.

    Args:
        presets: the true settings.
        heard: whether each is heard, by the declared rules and in a take that is not
            silent: shape (rows, parameters), bool.
    """

    presets: Presets
    heard: np.ndarray

    @classmethod
    def of(cls, presets: Presets, sounds: np.ndarray) -> "Truth":
        """Args: presets: the settings; sounds: their takes, float of shape (rows, samples)."""
        audible = np.abs(sounds).max(axis=1) >= SILENCE
        return cls(presets, presets.heard() & audible[:, None])

    def __getitem__(self, rows: slice) -> "Truth":
        return Truth(self.presets[rows], self.heard[rows])

    def __len__(self) -> int:
        return len(self.presets)

    @property
    def nothing_heard(self) -> int:
        """How many rows there are in which no parameter is heard."""
        return int((~self.heard.any(axis=1)).sum())

    def scores(self, units: np.ndarray) -> np.ndarray:
        """A knob's absolute error (0 to 10), or 1 where a switch is right, else 0, see `setting_scores`."""
        return setting_scores(self.presets.parameters, self.presets.unit, units)

    def right(self, units: np.ndarray) -> np.ndarray:
        """Whether a switch is right, or a knob within one step of a 7-bit controller, see `settings_right`."""
        return settings_right(self.presets.parameters, self.presets.unit, units)

    def heard_knob_errors(self, units: np.ndarray) -> np.ndarray:
        """Mean error of each row's heard knobs, shape (rows,); NaN where none is."""
        counted = self.heard & ~switch_columns(self.presets.parameters)
        numbers = counted.sum(axis=1)
        totals = np.where(counted, self.scores(units), 0.0).sum(axis=1)
        return np.divide(totals, numbers, out=np.full(len(units), np.nan), where=numbers > 0)


def score_settings(units: np.ndarray, truth: Truth, resampling: Resampling, same: Same | None = None) -> dict[str, Any]:
    """Score answers, on all controls, on those that are heard, and by what exchanging them changes.

    The mean over knobs (switches) is one over their own means, so that a control which
    is seldom heard counts as much as the others.

    Args:
        units: the answers, shape (rows, parameters).
        truth: what they should be.
        resampling: of as many rows.
        same: which settings are right or sound the same; None where that was not measured.

    Returns:
        `all` and `heard`, each with `knob_mae` and `switch_accuracy`; `heard` also with
        `within_step`: the share of sounds with every heard switch right and every heard
        knob within one CC step; `per_parameter`: name to `all` and `heard`. With `same`
        also the tier of that name: `settings`, the mean over the parameters of the share of
        sounds in which the heard parameter is right or sounds the same; `all_right`, the share
        of sounds in which every heard one is; `whole`, the share of sounds whose answer
        sounds the same as a whole. Every figure is an `Estimate`.
    """
    scores = truth.scores(units)
    parameters = truth.presets.parameters
    switches = switch_columns(parameters)
    everything = np.ones(scores.shape, dtype=bool)
    result: dict[str, Any] = {"per_parameter": {parameter.name: {} for parameter in parameters}}
    for tier, counted in (("all", everything), ("heard", truth.heard)):
        means = resampling.means(scores, counted)
        result[tier] = {
            "knob_mae": estimate(_mean_known(means[:, ~switches])),
            "switch_accuracy": estimate(_mean_known(means[:, switches])),
        }
        for column, parameter in enumerate(parameters):
            result["per_parameter"][parameter.name][tier] = estimate(means[:, column])
    some_heard = np.asarray(truth.heard.any(axis=1))
    exact = np.asarray((truth.right(units) | ~truth.heard).all(axis=1))
    result["heard"]["within_step"] = estimate(resampling.means(exact[:, None], some_heard[:, None])[:, 0])
    if same is not None:
        means = resampling.means(same.settings.astype(np.float64), truth.heard)
        for column, parameter in enumerate(parameters):
            result["per_parameter"][parameter.name]["same"] = estimate(means[:, column])
        alike = (same.settings | ~truth.heard).all(axis=1)
        result["same"] = {"settings": estimate(_mean_known(means))} | {
            name: estimate(resampling.means(values[:, None].astype(np.float64), some_heard[:, None])[:, 0])
            for name, values in (("all_right", alike), ("whole", same.whole))
        }
    return result


def _mean_known(values: np.ndarray) -> np.ndarray:
    """Mean over the columns that are known: (draws, columns) to (draws,)."""
    known = np.isfinite(values)
    numbers = known.sum(axis=1)
    totals = np.where(known, values, 0.0).sum(axis=1)
    return np.divide(totals, numbers, out=np.full(len(values), np.nan), where=numbers > 0)


FLOOR_MARGIN_DB = 0.1
"""Added to the MSS of the truth rendered again, which is next to nothing where nothing is left to chance: a
difference of a tenth of a dB is not heard."""


def floors(distances: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """MSS of answers as multiples of the least that can be expected: shape (rows,).

    Args:
        distances: MSS from each sound to its answer, in dB, shape (rows,).
        floor: MSS from each sound to its own settings, rendered with other noise and phases; of the same shape.
    """
    return distances / (floor + FLOOR_MARGIN_DB)


def score_floors(multiples: np.ndarray, resampling: Resampling) -> dict[str, Estimate]:
    """Distances as multiples of the floor: `median`, `mean`, and `within`, the share of rows no further than it."""
    scored = score_sounds({"floors": multiples}, resampling)["floors"]
    within = resampling.means((multiples <= 1.0)[:, None].astype(np.float64), np.ones((len(multiples), 1), dtype=bool))
    return scored | {"within": estimate(within[:, 0])}


def score_sounds(distances: dict[str, np.ndarray], resampling: Resampling) -> dict[str, dict[str, Estimate]]:
    """Median and mean of every distance over the rows: name → `median` and `mean`, each an `Estimate`."""
    return {
        name: {
            "median": estimate(resampling.median(values)),
            "mean": estimate(resampling.means(values[:, None], np.ones((len(values), 1), dtype=bool))[:, 0]),
        }
        for name, values in distances.items()
    }


def score_over_time(
    traces: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], truth: Truth, seconds: np.ndarray
) -> dict[str, Any]:
    """How good the best answer so far is after so many seconds of search.

    Args:
        traces: per row, whenever the best improved: seconds, shape (times,); MSS in dB,
            shape (times,); units, shape (times, parameters).
        truth: of the rows.
        seconds: when to look.

    Returns:
        `seconds`, and for `mss` and `heard_knob_mae` the `median` over the rows and the
        quartiles `low` and `high`, each a list; None before every row has an answer.
    """
    distances, errors = np.full((2, len(seconds), len(traces)), np.nan)
    for row, (times, values, units) in enumerate(traces):
        wrong = np.array([truth[row : row + 1].heard_knob_errors(unit[None])[0] for unit in units])
        last = np.searchsorted(times, seconds, side="right") - 1
        begun = last >= 0
        distances[begun, row], errors[begun, row] = values[last[begun]], wrong[last[begun]]
    begun = np.isfinite(distances).all(axis=1)
    # Of a row in which no knob is heard there is nothing to tell.
    told = np.isfinite(errors[-1])
    return {
        "seconds": [float(second) for second in seconds],
        "mss": _quartiles(distances, begun),
        "heard_knob_mae": _quartiles(errors[:, told], begun & told.any()),
    }


def _quartiles(values: np.ndarray, known: np.ndarray) -> dict[str, list[float | None]]:
    result: dict[str, list[float | None]] = {}
    for name, share in (("median", 0.5), ("low", 0.25), ("high", 0.75)):
        result[name] = [
            float(np.quantile(row, share)) if there else None for row, there in zip(values, known, strict=True)
        ]
    return result
