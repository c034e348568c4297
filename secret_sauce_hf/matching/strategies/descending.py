"""Descents along coordinates, several side by side."""

import numpy as np

from secret_sauce_hf.instruments import Parameter
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.strategies.starting import moving_knobs

FIRST_STEPS = (2.0, 24.0)
"""With which step, in 127ths of the range, a knob begins at least and at most."""
LONGER, SHORTER = 1.6, 0.4
"""Factors of a step that helped, and of one that did not."""


class Descent:
    """A pattern search: each knob moved by itself, with a step of its own that follows its success.

    After R. Hooke and T. A. Jeeves, "Direct search solution of numerical and statistical problems" (1961); a few
    knobs are tried at a time, and what helped of them is then tried together.

    Args:
        evaluator: renders and measures.
        start: the place to begin at, shape (columns,).
        spread: standard deviation of each column's units to begin with.
        population: places that are asked for at a time, about.
    """

    def __init__(self, evaluator: Evaluator, start: np.ndarray, spread: np.ndarray, population: int):
        self.place = start.copy()
        self.best = np.inf
        self._evaluator = evaluator
        self._population = population
        self._parameters = evaluator.space.parameters
        self._steps = np.clip(spread * 127 / 2, *FIRST_STEPS)
        self._waiting = self._order()
        self._done: set[int] = set()
        self._pending: np.ndarray | None = None
        self._asked: list[int] = []

    def _order(self) -> list[int]:
        """Columns of what is heard, those that are least known first; switches come last."""
        heard = self._evaluator.space.heard(self.place[None])[0] | self._evaluator.matters
        knobs = sorted(moving_knobs(self._evaluator, self.place), key=lambda column: -self._steps[column])
        switches = [column for column, parameter in enumerate(self._parameters) if parameter.classes and heard[column]]
        return knobs + switches

    def ask(self) -> np.ndarray:
        """The next places, shape (any, columns); none when nothing gets better any more."""
        if np.isinf(self.best):
            self._asked = []
            return self.place[None]
        rows, self._asked = [], []
        if self._pending is not None:
            rows.append(self._pending)
            self._asked.append(-1)
            self._pending = None
        while len(rows) < self._population:
            if not self._waiting:
                left = [column for column in self._order() if column not in self._done]
                if not left or self._asked:
                    break
                self._waiting = left
            column = self._waiting.pop(0)
            moves = self._moves(self._parameters[column], column)
            if not moves:
                self._done.add(column)
            for value in moves:
                row = self.place.copy()
                row[column] = value
                rows.append(row)
                self._asked.append(column)
        return np.array(rows, dtype=np.int64).reshape(-1, len(self.place))

    def _moves(self, parameter: Parameter, column: int) -> list[int]:
        step = float(self._steps[column])
        return parameter.steps(int(self.place[column]), (-step, step))

    def tell(self, places: np.ndarray, distances: np.ndarray) -> None:
        """How far they are from the sound."""
        if not len(places):
            return
        if not self._asked:
            self.best = float(distances[0])
            return
        helped = self.place.copy()
        count = 0
        for column in dict.fromkeys(self._asked):
            if column < 0:
                continue
            rows = np.flatnonzero(np.array(self._asked) == column)
            nearest = rows[distances[rows].argmin()]
            if distances[nearest] < self.best:
                helped[column] = places[nearest, column]
                self._steps[column] *= LONGER
                count += 1
            elif self._steps[column] > 1 and not self._parameters[column].classes:
                self._steps[column] = max(self._steps[column] * SHORTER, 1.0)
            else:
                self._done.add(column)
        if distances.min() < self.best:
            self.best, self.place = float(distances.min()), places[distances.argmin()].copy()
            # What did not help before may now.
            self._done -= {column for column in self._done if not self._parameters[column].classes}
        if count > 1:
            self._pending = helped
