"""What a strategy is: a way to search among candidates."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import ClassVar, TypeAlias

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem, SpentError
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.result import Search, TracePoint
from secret_sauce_hf.matching.strategies.settling import settle

TOLD = 20_000
"""Of how many tried presets the candidates to tell are chosen."""
SETTLING_SECONDS = 0.15
"""Kept for `settle`."""

Report: TypeAlias = Callable[[Evaluator], None]
"""Called after every batch of renderings."""


def silent(_: Evaluator) -> None:
    """Report nothing."""


class Strategy(ABC):
    """A way to search among candidates, without a state of its own.

    A subclass sets `name` and writes `search`. `match(..., strategy=NAME)` finds it after
    `register_strategy`, or by an entry point of its package.

    Attributes:
        name: what it is asked for by.
    """

    name: ClassVar[str]

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Import and compile what the search needs, before its clock runs."""

    @abstractmethod
    def search(
        self, problem: Problem, proposals: Proposals, rng: np.random.Generator, report: Report = silent
    ) -> Search:
        """Search until the budget is spent or nothing gets better.

        Args:
            problem: the sound, the places to look at, the objective and the budget.
            proposals: presets to begin with, the model's own answer first.
            rng: draws what is drawn.
            report: called after every batch of renderings.

        Raises:
            KeyboardInterrupt: Ctrl-C before anything was found; later it ends the search.
        """


class Refinement(Strategy):
    """A strategy that moves places about in an `Evaluator` until its budget is spent.

    A subclass writes `refine`.

    Attributes:
        penalises: whether unlikely presets count for more (the prior penalty).
        settles: whether parameters get back in the end what the model told where that sounds the same, see `settle`.
    """

    penalises: ClassVar[bool] = True
    settles: ClassVar[bool] = True

    @abstractmethod
    def refine(self, evaluator: Evaluator, problem: Problem, proposals: Proposals, rng: np.random.Generator) -> None:
        """Have places rendered and measured until nothing gets better.

        Args:
            evaluator: renders and measures, and knows the best place.
            problem: see `search`.
            proposals: see `search`.
            rng: draws what is drawn.

        Raises:
            SpentError: the budget is used up.
        """

    def search(
        self, problem: Problem, proposals: Proposals, rng: np.random.Generator, report: Report = silent
    ) -> Search:
        """Search until the budget is spent or nothing gets better, see `Strategy`."""
        budget = problem.budget
        penalty = proposals.posterior.penalty if self.penalises else None
        with closing(Evaluator(problem.space, problem.objective, budget, report, penalty)) as evaluator:
            interrupted = False
            if self.settles:
                budget.reserve(SETTLING_SECONDS, 2 * problem.space.settings + 2)
            try:
                with suppress(SpentError):
                    self.refine(evaluator, problem, proposals, rng)
                budget.reserve(0.0, 0)
                with suppress(SpentError):
                    if self.settles:
                        settle(evaluator, proposals.cc[0])
            except KeyboardInterrupt:
                if evaluator.best_place is None:
                    raise
                interrupted = True
            evaluator.settle_shift()
            known = evaluator.known(TOLD) if evaluator.best_place is not None else None
            return Search(
                known,
                interrupted,
                falling(evaluator.trace),
                budget.elapsed,
                budget.used,
                evaluator.objective.shift,
                evaluator.noise_row,
                averaged=evaluator.averaged is not None,
                cents=evaluator.objective.cents,
            )


def falling(trace: Sequence[TracePoint]) -> tuple[TracePoint, ...]:
    """The points of a trace that lead down to its last one.

    Where a search changes its measure, by a tuning or by another noise, what was nearer by the former one is no
    step on the way.
    """
    kept: list[TracePoint] = []
    for point in reversed(trace):
        if not kept or point.distance > kept[-1].distance:
            kept.append(point)
    return tuple(reversed(kept))
