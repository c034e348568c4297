"""The last step of a search: back to what the model told, where that sounds the same."""

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator

INAUDIBLE_DB = 1e-4
"""Distances that differ by less are the same."""
UNHEARD_DB = 0.02
"""Distances that differ by less are the same for parameters that the declared rules take for not heard."""
OFF_DB = 0.5
"""If the best preset is further than this, no preset is quite the sound."""
GIVEN_UP = 0.05
"""What part of the distance beyond that is given up for what the model told."""


def settle(evaluator: Evaluator, told: np.ndarray) -> None:
    """Give parameters back the values that the model told where these sound the same.

    Where even the best preset is audibly off, something in the sound is beyond the engine
    or left to chance, and a search follows that with whatever knobs it has. What it gains
    there by going far from what the model heard is hardly ever the truth; so a small part
    of the distance is given up again.

    Args:
        evaluator: knows the best place.
        told: the model's CC values, shape (parameters,).

    Raises:
        SpentError: the budget does not allow for it.
    """
    if evaluator.best_place is None:
        return
    space = evaluator.space
    best, limit = evaluator.best_place, evaluator.best
    told = space.places(told[None], best[space.settings :])[0]
    heard = space.heard(best[None])[0]
    columns = np.flatnonzero(best != told)
    if not len(columns):
        return
    tried = np.repeat(best[None], len(columns), axis=0)
    tried[np.arange(len(columns)), columns] = told[columns]
    distances = evaluator(tried)
    limits = limit + np.where(heard[columns], INAUDIBLE_DB, UNHEARD_DB)
    same = columns[distances <= limits]
    settled = best.copy()
    settled[same] = told[same]
    distance, own = evaluator(np.stack([settled, told]))
    # Never further than the model's own answer.
    if distance <= min(limit + 2 * UNHEARD_DB, own):
        evaluator.prefer(settled)
        best = settled
    slack = GIVEN_UP * (limit - evaluator.objective.floor - OFF_DB)
    others = [column for column in columns[np.argsort(distances, kind="stable")] if best[column] != told[column]]
    if slack <= 0 or not others:
        return
    # Those that cost least first, and then as many together as the slack allows for.
    steps = np.repeat(best[None], len(others), axis=0)
    for place, column in enumerate(others):
        steps[place:, column] = told[column]
    affordable = np.flatnonzero(evaluator(steps) <= min(limit + slack, own))
    if len(affordable):
        evaluator.prefer(steps[affordable[-1]])
