"""How good answers are: the one way in which knobs and switches are scored, whoever scores them.

Answers and truth are units of shape (rows, parameters). Apart from `settings`, a copy of which
is published for `evaluate` and which therefore knows no parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.instruments import Parameter
from secret_sauce_hf.metrics.settings import masked_mean


@dataclass(frozen=True)
class Scores:
    """Scores of the answers of one method.

    Args:
        per_parameter: a knob's mean absolute error in settings (0 to 10, lower is
            better), a switch's accuracy (0 to 1), over all rows.
        heard: per parameter the same figure over the rows where it is heard, by the declared
            rules; NaN where it never is.
        knob_mae: mean of the knobs' errors over all rows; NaN without knobs.
        switch_accuracy: mean of the switches' accuracies; NaN without switches.
    """

    per_parameter: dict[str, float]
    heard: dict[str, float]
    knob_mae: float
    switch_accuracy: float


def score(parameters: Sequence[Parameter], truth: np.ndarray, answers: np.ndarray, heard: np.ndarray) -> Scores:
    """Compare answers with the truth.

    Args:
        parameters: a parameter per column.
        truth: units, shape (rows, parameters).
        answers: units, of the same shape.
        heard: whether each true setting is heard, bool, of the same shape.
    """
    values = setting_scores(parameters, truth, answers)
    everywhere, where_heard = {}, {}
    for column, parameter in enumerate(parameters):
        rows = values[:, column]
        everywhere[parameter.name] = float(masked_mean(rows, np.ones(len(rows), dtype=bool)))
        where_heard[parameter.name] = float(masked_mean(rows, heard[:, column]))
    return Scores(everywhere, where_heard, **kind_means(parameters, everywhere))


def setting_errors(parameters: Sequence[Parameter], truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """A knob's absolute error in settings (0 to 10); 1.0 where a switch is wrong, else 0.0: (rows, parameters)."""
    return np.stack([p.error(truth[:, column], answers[:, column]) for column, p in enumerate(parameters)], axis=1)


def setting_scores(parameters: Sequence[Parameter], truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """A knob's absolute error in settings (0 to 10); 1.0 where a switch is right, else 0.0: (rows, parameters)."""
    errors = setting_errors(parameters, truth, answers)
    return np.where(switch_columns(parameters), 1.0 - errors, errors)


def settings_right(parameters: Sequence[Parameter], truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Whether a switch is right, or a knob within one step of a 7-bit controller: bool, (rows, parameters)."""
    return np.stack([p.right(truth[:, column], answers[:, column]) for column, p in enumerate(parameters)], axis=1)


def switch_columns(parameters: Sequence[Parameter]) -> np.ndarray:
    """Which columns are switches, bool, shape (parameters,); the others are knobs."""
    return np.array([parameter.classes > 0 for parameter in parameters], dtype=bool)


def kind_means(parameters: Sequence[Parameter], values: Mapping[str, float]) -> dict[str, float]:
    """Means of the knobs' errors, `knob_mae`, and of the switches' accuracies, `switch_accuracy`; NaN without any."""
    knobs = [values[parameter.name] for parameter in parameters if not parameter.classes]
    switches = [values[parameter.name] for parameter in parameters if parameter.classes]
    return {
        "knob_mae": float(np.mean(knobs)) if knobs else float("nan"),
        "switch_accuracy": float(np.mean(switches)) if switches else float("nan"),
    }


def auroc(higher: np.ndarray, lower: np.ndarray) -> float:
    """Area under the ROC curve: how likely one of `higher` exceeds one of `lower`, ties counting one half.

    That is the statistic of Mann and Whitney (1947) as a share of all pairs.

    Args:
        higher: shape (any,).
        lower: shape (any,).

    Returns:
        0 to 1; NaN if either is empty.
    """
    # Not above: whoever imports this file need not wait for it.
    from scipy.stats import mannwhitneyu

    if not len(higher) or not len(lower):
        return float("nan")
    return float(mannwhitneyu(higher, lower, method="asymptotic").statistic / (len(higher) * len(lower)))
