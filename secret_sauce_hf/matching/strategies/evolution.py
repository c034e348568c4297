"""Races of evolution strategies, with descents along the slopes and steps on the controllers' grid between them."""

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.space import TURN
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.matching.strategies.chance import align, attune
from secret_sauce_hf.matching.strategies.gauss_newton import descend
from secret_sauce_hf.matching.strategies.racing import Runner, library, run_lap
from secret_sauce_hf.matching.strategies.starting import RUNNERS, starts
from secret_sauce_hf.matching.strategies.stepping import climb, sweep

DESCENT = 8
"""Steps along the spectrograms' slopes after a race."""
PHASE_SPREAD = 0.1
"""Standard deviation of phases to begin with, in turns."""


class Evolution(Refinement):
    """Races of CMA-ES runners from the best candidates, Gauss-Newton descents and climbs, in turns."""

    name = "evolution"

    def prepare(self) -> None:
        """Import the `cma` library."""
        library()

    def refine(self, evaluator: Evaluator, problem: Problem, proposals: Proposals, rng: np.random.Generator) -> None:
        """Race, see `Refinement`."""
        space = evaluator.space
        spread = np.concatenate([proposals.posterior.spread, np.full(space.phases, PHASE_SPREAD)])
        places = space.places(proposals.cc)
        evaluator(places)
        if not problem.target.is_take:
            align(evaluator, evaluator.known(4), 0.05)
        attune(evaluator, evaluator.known(4), 0.02)
        # The others with the phases of the best.
        evaluator(space.places(proposals.cc, evaluator.known(1)[0, space.settings :]))
        sweep(evaluator, evaluator.known(1)[0], 10)
        places, distances = _offspring(evaluator, proposals, rng)
        places = np.concatenate([evaluator.known(256), places])
        distances = evaluator(places)
        population = max(8, evaluator.batch // RUNNERS)
        runners: list[Runner] = []
        fruitless, lap, swept = 0, 0, np.inf
        while fruitless < 3:
            before = evaluator.best
            taken = [runner.place for runner in runners]
            fresh = starts(evaluator, places, distances, RUNNERS - len(runners), taken)
            runners += [Runner(evaluator, start, spread / 2, population, rng) for start in fresh]
            run_lap(evaluator, runners)
            lap += 1
            aligned = align(evaluator, evaluator.known(1), 0.2)
            if attune(evaluator, evaluator.known(1), 0.05) or aligned:
                phases = evaluator.known(1)[0, space.settings :]
                for runner in runners:
                    choice = np.concatenate([runner.place[None], space.places(space.cc(runner.place[None]), phases)])
                    distances = evaluator(choice)
                    runner.best, runner.place = float(distances.min()), choice[distances.argmin()]
                before, swept = np.inf, np.inf
            runners = runners[: RUNNERS // 2]
            ends = descend(evaluator, np.array([runner.place for runner in runners]), 2)
            for index, (runner, end) in enumerate(zip(runners, ends, strict=True)):
                if (end != runner.place).any():
                    runners[index] = Runner(evaluator, end, spread / 4, population, rng)
                    runners[index].best = float(evaluator(end[None])[0])
            if lap >= 2 and evaluator.best < swept:
                swept = evaluator.best
                sweep(evaluator, evaluator.known(1)[0], 42)
                descend(evaluator, evaluator.known(1), DESCENT)
                climb(evaluator, evaluator.known(1)[0])
            fruitless = 0 if evaluator.best < before - 1e-3 else fruitless + 1
            places, distances = _offspring(evaluator, proposals, rng)
            places = np.concatenate([evaluator.known(16), places])
            distances = evaluator(places)


def _offspring(evaluator: Evaluator, proposals: Proposals, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places that take each parameter from one of two good ones, or as the model would."""
    elite = evaluator.known(32)
    children = np.empty((0, elite.shape[1]), np.int64)
    for _ in range(2):
        parents = elite[rng.integers(len(elite), size=(2, evaluator.batch))]
        cc = proposals.posterior.sample(evaluator.batch, rng)
        fresh = evaluator.space.places(cc, rng.integers(TURN, size=(len(cc), evaluator.space.phases)))
        draw = rng.random(fresh.shape)
        born = np.where(draw < 0.45, parents[0], np.where(draw < 0.9, parents[1], fresh))
        evaluator(born)
        children = np.concatenate([children, born])
        elite = evaluator.known(32)
    return children, evaluator(children)
