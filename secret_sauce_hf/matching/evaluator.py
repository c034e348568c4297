"""Rendering candidates and measuring how far they are, within a budget."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from time import monotonic

import numpy as np

from secret_sauce_hf.matching.problem import Budget, SpentError
from secret_sauce_hf.matching.result import TracePoint
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.processors import thread_count

NOISE_LEAST_DB = 0.2
"""Distances of noisy sounds above `Objective.floor` are not told apart below this."""
GROUPS = 2
"""Of as many rows as the engine renders best together: fewest renderings between two looks at the clock."""


class Evaluator:
    """Distances of places (see `Space`) from one sound; every place is rendered once.

    Args:
        space: the places, and the engine that renders them.
        objective: measures the distance.
        budget: ends the search by `SpentError`.
        report: called after every batch.
        penalty: factors by which the distances of unlikely presets count for more, see
            `Posterior.penalty`; 1 if None.
    """

    def __init__(
        self,
        space: Space,
        objective: Objective,
        budget: Budget,
        report: Callable[["Evaluator"], None] = lambda _: None,
        penalty: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.space = space
        self._penalty = penalty
        self.objective = objective
        self.budget = budget
        self.trace: list[TracePoint] = []
        self.traced: list[np.ndarray] = []
        """The place of each point of the trace."""
        self._report = report
        # The order of the results must not depend on the threads; their number must not either, unless the
        # clock is the limit anyway.
        self._together = space.engine.batch
        groups = GROUPS if budget.renders is not None else max(GROUPS, thread_count())
        self.batch = groups * self._together
        self._pool = ThreadPoolExecutor(thread_count())
        self._known: dict[bytes, float] = {}
        self._told: dict[bytes, float] = {}
        self._batch_seconds = 0.0
        self.matters = np.arange(len(self.space.parameters)) >= self.space.settings
        """Columns that were seen to change the distance where the declared rules do not hear them; phases at first."""
        self.best_place: np.ndarray | None = None
        self.best = np.inf
        """Distance of the best place, with the prior penalty."""
        self.told = np.inf
        """Distance of the best place, without the prior penalty."""
        self.averaged: np.ndarray | None = None
        """The place whose noise was averaged last, see `chance.average`; None where distances are as they are."""
        self._best_take: tuple[bytes, np.ndarray] | None = None
        self.noise_row = 0
        """Whose noise the renderings have, see `Space.render`."""

    def close(self) -> None:
        """Give the threads back."""
        self._pool.shutdown()

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Distances of places, shape (rows, columns): (rows,).

        Raises:
            SpentError: the budget does not allow for all of them; those it allows for are
                known now.
        """
        places = np.ascontiguousarray(places, dtype=np.int64)
        keys = [row.tobytes() for row in places]
        fresh = list({key: row for row, key in enumerate(keys) if key not in self._known}.values())
        for at in range(0, len(fresh), self.batch):
            rows = fresh[at : at + self.batch]
            allowed = self.budget.affords(len(rows), self._batch_seconds * len(rows) / self.batch)
            self._measure(places[rows[:allowed]])
            if allowed < len(rows):
                raise SpentError
        return np.array([self._known[key] for key in keys])

    def known(self, count: int) -> np.ndarray:
        """The best presets so far, best first, at most `count`, each with the phases it is best with: places."""
        keys = list(self._known)
        order = np.argsort(np.fromiter(self._known.values(), dtype=np.float64), kind="stable")
        # First one that may be preferred to others as near.
        preferred = [] if self.best_place is None else [self.best_place.tobytes()]
        settings = self.space.settings * np.dtype(np.int64).itemsize
        chosen: dict[bytes, bytes] = {}
        for key in chain(preferred, (keys[index] for index in order)):
            chosen.setdefault(key[:settings], key)
            if len(chosen) == count:
                break
        return np.frombuffer(b"".join(chosen.values()), dtype=np.int64).reshape(-1, len(self.space.parameters))

    def prefer(self, place: np.ndarray) -> None:
        """Take a place for the best, as one that sounds the same."""
        self.best_place, self.best = place.copy(), float(self(place[None])[0])
        self.told = float(self._told[place.astype(np.int64).tobytes()])

    def retarget(self, objective: Objective, noise_row: int, places: np.ndarray, takes: np.ndarray) -> None:
        """Measure from now on by another objective, or with other noise; what is known so far is forgotten.

        Args:
            objective: the new one.
            noise_row: whose noise the renderings have.
            places: such as are measured by it at once, so that a best one is always known:
                shape (rows, columns).
            takes: their renderings.
        """
        distances = objective(takes)
        self.objective, self.noise_row = objective, noise_row
        self._known.clear()
        self._told.clear()
        self.best = np.inf
        self._learn(places, distances, takes)

    def settle_shift(self) -> None:
        """Take the shift that suits the best place for that of the sound; what is known stays known."""
        if self.best_place is not None:
            self.objective = self.objective.settled(self.render(self.best_place[None])[0])

    def residuals(self, places: np.ndarray) -> np.ndarray:
        """`Objective.residuals` of places; they count as renderings, but are not remembered.

        Raises:
            SpentError: the budget does not allow for all of them.
        """
        parts: list[np.ndarray] = []
        for at in range(0, len(places), self.batch):
            rows = places[at : at + self.batch]
            self.spend(len(rows))
            parts += self._pool.map(lambda group: self.objective.residuals(self._render(group)), self._groups(rows))
        return np.concatenate(parts)

    def spend(self, count: int) -> None:
        """Count renderings that are about to be made elsewhere.

        Raises:
            SpentError: the budget does not allow for so many.
        """
        if self.budget.affords(count, self._batch_seconds * count / self.batch) < count:
            raise SpentError
        self.budget.used += count

    def render(self, places: np.ndarray) -> np.ndarray:
        """Takes of places, with the noise that all have: int16, (rows, samples)."""
        if len(places) == 1 and self._best_take is not None and self._best_take[0] == places[0].tobytes():
            return self._best_take[1]
        return self._render(places)

    def penalties(self, places: np.ndarray) -> np.ndarray:
        """Prior penalties of places: (rows,), 1 or more. Every phase is as likely as any."""
        return np.ones(len(places)) if self._penalty is None else self._penalty(self.space.cc(places))

    def _render(self, places: np.ndarray) -> np.ndarray:
        return self.space.render(places, self.noise_row)

    def _groups(self, rows: np.ndarray) -> list[np.ndarray]:
        return [rows[at : at + self._together] for at in range(0, len(rows), self._together)]

    def _measure(self, places: np.ndarray) -> None:
        if not len(places):
            return
        began = monotonic()

        def measure(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            takes = self._render(group)
            return self.objective(takes), takes

        # One thread's group is compared while another's is rendered.
        distances, takes = zip(*self._pool.map(measure, self._groups(places)), strict=True)
        self.budget.used += len(places)
        self._learn(places, np.concatenate(distances), np.concatenate(takes))
        if len(places) == self.batch:
            self._batch_seconds = monotonic() - began
        self._report(self)

    def _learn(self, places: np.ndarray, told: np.ndarray, takes: np.ndarray) -> None:
        # What no preset is nearer than is not the preset's fault.
        floor = self.objective.floor
        apart = np.maximum(told - floor, NOISE_LEAST_DB if floor else 0.0)
        distances = told + apart * (self.penalties(places) - 1)
        for row, distance, own in zip(places, distances.tolist(), told.tolist(), strict=True):
            key = row.tobytes()
            self._known[key], self._told[key] = distance, own
        # The very first place is the model's own answer.
        for row in sorted({0, int(distances.argmin())} if not self.trace else {int(distances.argmin())}):
            if distances[row] < self.best:
                self.best, self.told, self.best_place = float(distances[row]), float(told[row]), places[row].copy()
                self._best_take = places[row].tobytes(), takes[row : row + 1].copy()
                unit = self.space.presets(places[row : row + 1]).unit[0]
                self.trace.append(TracePoint(self.budget.elapsed, self.budget.used, self.told, tuple(unit.tolist())))
                self.traced.append(self.best_place)

    def retrace(self) -> None:
        """Tell the trace by the measure that there is now, as far as its places have been measured by it."""
        told = [self._told.get(place.tobytes(), np.inf) for place in self.traced]
        # At first the model's own answer, then whatever is nearer than all before.
        least = np.minimum.accumulate([np.inf, *told[:-1]])
        kept = [row for row, distance in enumerate(told) if distance < least[row]]
        self.trace = [replace(self.trace[row], distance=told[row]) for row in kept]
        self.traced = [self.traced[row] for row in kept]
