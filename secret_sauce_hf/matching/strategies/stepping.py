"""Moves of one parameter or two at a time, on the grid of their controllers.

What is moved are places (see `Space`): settings, and the phases of what runs freely.
"""

from collections.abc import Iterable

import numpy as np

from secret_sauce_hf.instruments import Parameter
from secret_sauce_hf.matching.evaluator import Evaluator

MATTERS_DB = 0.02
"""A parameter whose moves change the distance by more than this matters."""
STEPS = (-8, -4, -2, -1, 1, 2, 4, 8)
"""Of knobs, in 127ths of the range."""


def sweep(evaluator: Evaluator, place: np.ndarray, count: int) -> None:
    """Put each parameter, or phase, by itself to values all over its range.

    A rate that is far off makes no better sound when it is moved a little towards the right one.

    Args:
        evaluator: renders and measures; learns which columns matter.
        place: shape (columns,).
        count: values per knob; a switch gets all of its labels.
    """
    tried, columns = [], []
    for column, parameter in enumerate(evaluator.space.parameters):
        for value in parameter.spread(count):
            row = place.copy()
            row[column] = value
            tried.append(row)
            columns.append(column)
    own = evaluator(place[None])[0]
    distances = evaluator(np.array(tried))
    for column in range(len(place)):
        changes = np.abs(distances[np.array(columns) == column] - own)
        evaluator.matters[column] = bool(changes.max(initial=0.0) > MATTERS_DB)


def neighbours(parameters: Iterable[Parameter], place: np.ndarray, steps: Iterable[float]) -> list[tuple[int, int]]:
    """(column, value) of what one parameter can be moved to.

    Args:
        parameters: the parameters.
        place: where they are, shape (parameters,).
        steps: of knobs, in 127ths of the range; a switch goes to each other label.
    """
    moves = []
    for column, parameter in enumerate(parameters):
        moves += [(column, value) for value in parameter.steps(int(place[column]), steps)]
    return moves


def climb(evaluator: Evaluator, place: np.ndarray, steps: Iterable[float] = STEPS) -> tuple[np.ndarray, float]:
    """Move one parameter or two at a time by steps of their controllers until nothing gets better."""
    parameters = evaluator.space.parameters
    best = float(evaluator(place[None])[0])
    while True:
        moves = neighbours(parameters, place, steps)
        tried = np.repeat(place[None], len(moves), axis=0)
        for row, (column, value) in enumerate(moves):
            tried[row, column] = value
        distances = evaluator(tried)
        # Each parameter's best move, the most useful first.
        useful: dict[int, tuple[float, int]] = {}
        for (column, value), distance in zip(moves, distances.tolist(), strict=True):
            if distance < useful.get(column, (np.inf,))[0]:
                useful[column] = (distance, value)
        order = sorted(useful, key=lambda column: useful[column][0])
        # Several moves at once, and pairs of those that cost least: they may make up for each other.
        combined = []
        together = place.copy()
        for column in order:
            if useful[column][0] < best:
                together[column] = useful[column][1]
                combined.append(together.copy())
        cheap = np.argsort(distances, kind="stable")[:24]
        for rank, first in enumerate(cheap):
            for second in cheap[:rank]:
                if moves[first][0] != moves[second][0]:
                    pair = place.copy()
                    for column, value in (moves[first], moves[second]):
                        pair[column] = value
                    combined.append(pair)
        further = np.array(combined).reshape(-1, len(place))
        if distances.min(initial=np.inf) < best:
            # The pairs are for when single moves help no more.
            further = further[: sum(useful[column][0] < best for column in order)]
        everything = np.concatenate([tried, further])
        values = np.concatenate([distances, evaluator(further)])
        if values.min(initial=np.inf) >= best:
            return place, best
        place, best = everything[values.argmin()].copy(), float(values.min())
