"""Races of evolution strategies over the knobs that are heard in a preset, and over phases."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.strategies.starting import moving_knobs

LAP = 10
"""Generations after which the worse half of the runners drops out."""


@cache
def library() -> Any:
    """The `cma` library; it takes a while to import, and warns of what it could plot with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cma
    return cma


class Runner:
    """An evolution strategy (CMA-ES; N. Hansen, 2016) over the knobs that are heard in one preset, and phases.

    Args:
        evaluator: renders and measures.
        start: the place to begin at, shape (columns,).
        spread: standard deviation of each column's units to begin with.
        population: presets per generation.
        rng: draws them.
    """

    def __init__(
        self, evaluator: Evaluator, start: np.ndarray, spread: np.ndarray, population: int, rng: np.random.Generator
    ):
        self.place = start.copy()
        self.best = np.inf
        self.knobs = moving_knobs(evaluator, start)
        self.strategy = None
        if not self.knobs:
            return
        columns = list(self.knobs)
        unit = evaluator.space.unit(start[None])[0]
        lower, upper = np.array([evaluator.space.bounds(column) for column in columns]).T
        with warnings.catch_warnings():
            # Of few dimensions and the like: nobody can do anything about it.
            warnings.simplefilter("ignore")
            self.strategy = library().CMAEvolutionStrategy(
                np.clip(unit[columns], lower, upper),
                1.0,
                {
                    "CMA_stds": np.clip(spread[columns], 0.02, 0.2),
                    "bounds": [lower, upper],
                    "popsize": population,
                    "randn": lambda *shape: rng.standard_normal(shape),
                    # Not a number: the library's own generator is left alone.
                    "seed": np.nan,
                    "verbose": -9,
                },
            )

    def ask(self) -> np.ndarray:
        """The next generation's places, shape (population, columns); none if no knob is heard."""
        if self.strategy is None:
            return self.place[None] if np.isinf(self.best) else np.empty((0, len(self.place)), np.int64)
        self._asked = self.strategy.ask()
        generation = np.repeat(self.place[None], len(self._asked), axis=0)
        for (column, knob), units in zip(self.knobs.items(), np.array(self._asked).T, strict=True):
            generation[:, column] = knob.nearest_cc(units)
        return generation

    def tell(self, generation: np.ndarray, distances: np.ndarray) -> None:
        """How far the generation is from the sound."""
        if not len(generation):
            return
        if self.strategy is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.strategy.tell(self._asked, distances.tolist())
        if distances.min() < self.best:
            self.best, self.place = float(distances.min()), generation[distances.argmin()].copy()


class Racing(Protocol):
    """What takes part in a race."""

    place: np.ndarray
    """Its best place, shape (columns,)."""
    best: float
    """The distance of it."""

    def ask(self) -> np.ndarray:
        """The next places to measure, shape (any, columns); none when it is at its end."""
        ...

    def tell(self, generation: np.ndarray, distances: np.ndarray) -> None:
        """How far they are from the sound, (any,)."""
        ...


def run_lap(evaluator: Evaluator, runners: Sequence[Racing]) -> None:
    """Let runners go on for a lap, side by side."""
    for _ in range(LAP):
        generations = [runner.ask() for runner in runners]
        distances = evaluator(np.concatenate(generations))
        for runner, generation in zip(runners, generations, strict=True):
            runner.tell(generation, distances[: len(generation)])
            distances = distances[len(generation) :]
