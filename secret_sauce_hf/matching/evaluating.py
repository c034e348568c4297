"""Rendering candidates and measuring how far they are, within a budget."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from time import monotonic

import numpy as np

from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.matching.objective import Objective
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.processors import thread_count

BATCH = 2 * LANES
"""Fewest renderings between two looks at the clock."""


class SpentError(Exception):
    """The budget is used up."""


@dataclass(frozen=True)
class TracePoint:
    """A moment when a search found something better.

    Args:
        seconds: since the model's answer.
        renders: how many renderings there were.
        distance: of the best preset so far from the sound, in dB (see `Objective`).
        unit: its units, in column order.
    """

    seconds: float
    renders: int
    distance: float
    unit: tuple[float, ...]


class Budget:
    """How long a search may go on: by the clock, or for a number of renderings.

    Args:
        seconds: of wall clock from now on; None for no limit.
        renders: number of renderings; None for no limit.
    """

    def __init__(self, seconds: float | None, renders: int | None):
        self.start = monotonic()
        self.seconds = seconds
        self.renders = renders
        self.used = 0
        self.reserved_seconds, self.reserved_renders = 0.0, 0

    def reserve(self, seconds: float, renders: int) -> None:
        """Keep a part for later, at most a quarter of all; nothing any more after `reserve(0, 0)`."""
        self.reserved_seconds = min(seconds, (self.seconds or 0) / 4)
        self.reserved_renders = min(renders, (self.renders or 0) // 4)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self.start

    @property
    def share(self) -> float:
        """How much of it is used, 0 to 1."""
        if self.renders is not None:
            return self.used / max(self.renders, 1)
        return self.elapsed / self.seconds if self.seconds else 1.0

    def affords(self, wanted: int, seconds: float) -> int:
        """How many of so many renderings, which would take so many seconds, it still allows."""
        if self.renders is not None:
            return max(0, min(wanted, self.renders - self.reserved_renders - self.used))
        # What would end nearer to the limit than it begins is still done.
        limit = np.inf if self.seconds is None else self.seconds - self.reserved_seconds
        return wanted if self.elapsed + seconds / 2 < limit else 0


class Evaluator:
    """Distances of places (see `Space`) from one sound; every place is rendered once.

    Args:
        collection: whose presets.
        objective: measures the distance.
        budget: ends the search by `SpentError`.
        report: called after every batch.
        doubt: by what factors the distances of presets are taken for greater than they are,
            CC values of shape (rows, parameters) to (rows,); none if None.
    """

    def __init__(
        self,
        collection: Collection,
        objective: Objective,
        budget: Budget,
        report: Callable[["Evaluator"], None] = lambda _: None,
        doubt: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.collection = collection
        self.space = Space(collection)
        self._doubt = doubt
        self.objective = objective
        self.budget = budget
        self.trace: list[TracePoint] = []
        self._report = report
        # The order of the results must not depend on the threads; their number must not either, unless the
        # clock is the limit anyway.
        self.batch = BATCH if budget.renders is not None else max(BATCH, LANES * thread_count())
        self._pool = ThreadPoolExecutor(thread_count())
        self._known: dict[bytes, float] = {}
        self._batch_seconds = 0.0
        self.matters = np.arange(len(self.space.parameters)) >= self.space.settings
        """Columns that were seen to change the distance where the declared rules do not hear them; phases at first."""
        self.best_place: np.ndarray | None = None
        self.best = np.inf
        """Distance of the best place, with the doubt."""
        self.told = np.inf
        """The same without."""
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
        self.told = self.best / float(self.doubts(place[None])[0])

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
        self.best = np.inf
        self._learn(places, distances)

    def residuals(self, places: np.ndarray) -> np.ndarray:
        """As of `Objective.residuals`, of places; they count as renderings, but are not remembered.

        Raises:
            SpentError: the budget does not allow for all of them.
        """
        parts: list[np.ndarray] = []
        for at in range(0, len(places), self.batch):
            rows = places[at : at + self.batch]
            self.spend(len(rows))
            groups = [rows[start : start + LANES] for start in range(0, len(rows), LANES)]
            parts += self._pool.map(lambda group: self.objective.residuals(self.render(group)), groups)
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
        return self.space.render(places, self.noise_row)

    def _measure(self, places: np.ndarray) -> None:
        if not len(places):
            return
        began = monotonic()
        groups = [places[at : at + LANES] for at in range(0, len(places), LANES)]
        # One thread's group is compared while another's is rendered.
        distances = np.concatenate(list(self._pool.map(lambda group: self.objective(self.render(group)), groups)))
        self.budget.used += len(places)
        self._learn(places, distances)
        if len(places) == self.batch:
            self._batch_seconds = monotonic() - began
        self._report(self)

    def doubts(self, places: np.ndarray) -> np.ndarray:
        """By what factors places are doubted: (rows,), 1 or more. Every phase is as likely as any."""
        return np.ones(len(places)) if self._doubt is None else self._doubt(self.space.cc(places))

    def _learn(self, places: np.ndarray, told: np.ndarray) -> None:
        distances = told * self.doubts(places)
        for row, distance in zip(places, distances.tolist(), strict=True):
            self._known[row.tobytes()] = distance
        # The very first place is the model's own answer.
        for row in sorted({0, int(distances.argmin())} if not self.trace else {int(distances.argmin())}):
            if distances[row] < self.best:
                self.best, self.told, self.best_place = float(distances[row]), float(told[row]), places[row].copy()
                unit = self.space.presets(places[row : row + 1]).unit[0]
                self.trace.append(TracePoint(self.budget.elapsed, self.budget.used, self.told, tuple(unit.tolist())))
