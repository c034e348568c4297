"""What a search is about: a sound, what renders it, where to look, what to make small, and when to stop."""

from dataclasses import dataclass
from time import monotonic

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.matching.reference import Reference
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.objective import Objective


class SpentError(Exception):
    """The budget is used up."""


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
        """How much of it is used, 0 to 1; 0 where nothing limits it."""
        if self.renders is not None:
            return self.used / max(self.renders, 1)
        if self.seconds is None:
            return 0.0
        return self.elapsed / self.seconds if self.seconds else 1.0

    @property
    def expected(self) -> float:
        """How many renderings it allows for in all, at the speed so far; infinite if nothing limits them."""
        if self.renders is not None:
            return self.renders
        return np.inf if self.seconds is None else self.used * self.seconds / max(self.elapsed, 1e-9)

    def affords(self, wanted: int, seconds: float) -> int:
        """How many of `wanted` renderings, which would take `seconds`, it still allows."""
        if self.renders is not None:
            return max(0, min(wanted, self.renders - self.reserved_renders - self.used))
        # What would end nearer to the limit than it begins is still done.
        limit = np.inf if self.seconds is None else self.seconds - self.reserved_seconds
        return wanted if self.elapsed + seconds / 2 < limit else 0


@dataclass(frozen=True, eq=False)
class Problem:
    """What a strategy is given to search.

    Args:
        target: the sound.
        space: the places to look at.
        objective: measures how far renderings are from the target.
        budget: ends the search; its clock runs.
    """

    target: Reference
    space: Space
    objective: Objective
    budget: Budget

    @property
    def collection(self) -> Collection:
        """Whose presets are looked for."""
        return self.space.collection
