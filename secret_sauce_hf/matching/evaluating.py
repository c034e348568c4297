"""Rendering candidates and measuring how far they are, within a budget."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import numpy as np

from secret_sauce_hf.engines import render
from secret_sauce_hf.engines.compiling import LANES
from secret_sauce_hf.engines.takes import thread_count
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.matching.objective import Objective
from secret_sauce_hf.presets import Presets

NOISE_SEED = 0
"""Of all renderings, so that they differ by their presets only; no row of 2018 gets the very noise of its recording."""
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


def render_cc(collection: Collection, cc: np.ndarray, noise_row: int = 0) -> np.ndarray:
    """Takes of presets, CC values of shape (rows, parameters): int16, (rows, samples), from silence.

    All have the noise of row `noise_row`, and with it the phases of what runs freely.
    """
    return render(Presets.from_cc(collection, cc), noise_seed=NOISE_SEED, first_row=noise_row, same_noise=True)


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
    """Distances of presets from one sound; every preset is rendered once.

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
        self.matters = np.zeros(len(collection.columns), dtype=bool)
        """Parameters that were seen to change the distance where the declared rules do not hear them."""
        self.best_cc: np.ndarray | None = None
        self.best = np.inf
        """Distance of the best preset, with the doubt."""
        self.told = np.inf
        """The same without."""
        self.noise_row = 0
        """Whose noise the renderings have, see `render_cc`."""

    def close(self) -> None:
        """Give the threads back."""
        self._pool.shutdown()

    def __call__(self, cc: np.ndarray) -> np.ndarray:
        """Distances of presets, CC values of shape (rows, parameters): (rows,).

        Raises:
            SpentError: the budget does not allow for all of them; those it allows for are
                known now.
        """
        cc = np.ascontiguousarray(cc, dtype=np.int64)
        keys = [row.tobytes() for row in cc]
        fresh = list({key: row for row, key in enumerate(keys) if key not in self._known}.values())
        for at in range(0, len(fresh), self.batch):
            rows = fresh[at : at + self.batch]
            allowed = self.budget.affords(len(rows), self._batch_seconds * len(rows) / self.batch)
            self._measure(cc[rows[:allowed]])
            if allowed < len(rows):
                raise SpentError
        return np.array([self._known[key] for key in keys])

    def known(self, count: int) -> np.ndarray:
        """CC values of the best presets so far, best first, at most `count`: (rows, parameters)."""
        keys = list(self._known)
        order = np.argsort(np.fromiter(self._known.values(), dtype=np.float64), kind="stable")[:count]
        chosen = [keys[index] for index in order]
        if self.best_cc is not None:
            # It may be one that is preferred to others as near.
            best = self.best_cc.tobytes()
            chosen = [best, *(key for key in chosen if key != best)][:count]
        return np.frombuffer(b"".join(chosen), dtype=np.int64).reshape(-1, len(self.collection.columns))

    def prefer(self, cc: np.ndarray) -> None:
        """Take a preset for the best, as one that sounds the same."""
        self.best_cc, self.best = cc.copy(), float(self(cc[None])[0])
        self.told = self.best / float(self.doubts(cc[None])[0])

    def retarget(self, objective: Objective, noise_row: int, cc: np.ndarray, takes: np.ndarray) -> None:
        """Measure from now on by another objective, or with other noise; what is known so far is forgotten.

        Args:
            objective: the new one.
            noise_row: whose noise the renderings have.
            cc: presets that are measured by it at once, so that a best one is always known:
                shape (rows, parameters).
            takes: their renderings.
        """
        distances = objective(takes)
        self.objective, self.noise_row = objective, noise_row
        self._known.clear()
        self.best = np.inf
        self._learn(cc, distances)

    def residuals(self, cc: np.ndarray) -> np.ndarray:
        """As of `Objective.residuals`, of presets; they count as renderings, but are not remembered.

        Raises:
            SpentError: the budget does not allow for all of them.
        """
        parts: list[np.ndarray] = []
        for at in range(0, len(cc), self.batch):
            rows = cc[at : at + self.batch]
            self.spend(len(rows))
            groups = [rows[start : start + LANES] for start in range(0, len(rows), LANES)]
            parts += self._pool.map(lambda group: self.objective.residuals(self._render(group)), groups)
        return np.concatenate(parts)

    def spend(self, count: int) -> None:
        """Count renderings that are about to be made elsewhere.

        Raises:
            SpentError: the budget does not allow for so many.
        """
        if self.budget.affords(count, self._batch_seconds * count / self.batch) < count:
            raise SpentError
        self.budget.used += count

    def _render(self, cc: np.ndarray) -> np.ndarray:
        return render_cc(self.collection, cc, self.noise_row)

    def _measure(self, cc: np.ndarray) -> None:
        if not len(cc):
            return
        began = monotonic()
        groups = [cc[at : at + LANES] for at in range(0, len(cc), LANES)]
        # One thread's group is compared while another's is rendered.
        distances = np.concatenate(list(self._pool.map(lambda group: self.objective(self._render(group)), groups)))
        self.budget.used += len(cc)
        self._learn(cc, distances)
        if len(cc) == self.batch:
            self._batch_seconds = monotonic() - began
        self._report(self)

    def doubts(self, cc: np.ndarray) -> np.ndarray:
        """By what factors presets are doubted: (rows,), 1 or more."""
        return np.ones(len(cc)) if self._doubt is None else self._doubt(cc)

    def _learn(self, cc: np.ndarray, told: np.ndarray) -> None:
        distances = told * self.doubts(cc)
        for row, distance in zip(cc, distances.tolist(), strict=True):
            self._known[row.tobytes()] = distance
        # The very first preset is the model's own answer.
        for row in sorted({0, int(distances.argmin())} if not self.trace else {int(distances.argmin())}):
            if distances[row] < self.best:
                self.best, self.told, self.best_cc = float(distances[row]), float(told[row]), cc[row].copy()
                unit = Presets.from_cc(self.collection, cc[row : row + 1]).unit[0]
                self.trace.append(TracePoint(self.budget.elapsed, self.budget.used, self.told, tuple(unit.tolist())))
