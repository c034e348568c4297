"""Races from good starts, with descents along the slopes and steps on the controllers' grid between them.

Where the budget is small for the number of parameters, all of it goes to `breeding`.
"""

from typing import ClassVar

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.space import TURN
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.matching.strategies.breeding import breed, is_short
from secret_sauce_hf.matching.strategies.chance import align, attune, average, meet, tune
from secret_sauce_hf.matching.strategies.descending import Descent
from secret_sauce_hf.matching.strategies.gauss_newton import descend
from secret_sauce_hf.matching.strategies.mirrors import images
from secret_sauce_hf.matching.strategies.racing import Racing, Runner, library, run_lap
from secret_sauce_hf.matching.strategies.starting import RUNNERS, rivals, starts
from secret_sauce_hf.matching.strategies.stepping import climb, sweep

DESCENT = 8
"""Steps along the spectrograms' slopes after a race."""
FRUITLESS = 3
"""After so many laps without a nearer place a search begins elsewhere."""
BEGINNINGS = 3
"""After so many beginnings without one it ends."""
SOLVED_DB = 0.05
"""A distance as small as this ends it at once."""
DOUBTED, DOUBT = 256, 4.0
"""Presets of which the best are begun with, drawn as if the model were far less sure; see `Posterior.sample`."""
PHASE_SPREAD = 0.1
"""Standard deviation of phases and times to begin with, in turns or parts of their range."""


class Evolution(Refinement):
    """Races of CMA-ES runners from the best candidates, Gauss-Newton descents and climbs, in turns."""

    name = "evolution"
    breeds: ClassVar[bool] = True
    """Whether it leaves searches that can render few to `breeding`."""

    def prepare(self) -> None:
        """Import the `cma` library."""
        library()

    def runner(
        self, evaluator: Evaluator, start: np.ndarray, spread: np.ndarray, population: int, rng: np.random.Generator
    ) -> Racing:
        """What takes part in the races, from a place; see `Runner`."""
        return Runner(evaluator, start, spread, population, rng)

    def refine(self, evaluator: Evaluator, problem: Problem, proposals: Proposals, rng: np.random.Generator) -> None:
        """Race, see `Refinement`."""
        space = evaluator.space
        spread = np.concatenate([proposals.posterior.spread, np.full(space.free, PHASE_SPREAD)])
        meet(evaluator, proposals.cc, problem.target.is_take)
        if self.breeds and is_short(evaluator):
            breed(evaluator, proposals, rng)
        sweep(evaluator, evaluator.known(1)[0], 10)
        average(evaluator)
        places, distances = _offspring(evaluator, proposals, rng)
        mirrored = images(space, evaluator.known(1)[0])
        places = np.concatenate([evaluator.known(256), places, mirrored])
        distances = evaluator(places)
        population = max(8, evaluator.batch // RUNNERS)
        runners: list[Racing] = []
        fruitless, lap, swept = 0, 0, np.inf
        elsewhere, beginnings = False, 0
        while True:
            before = evaluator.best
            taken = [runner.place for runner in runners]
            fresh = starts(evaluator, places, distances, RUNNERS - len(runners), taken)
            runners += [self.runner(evaluator, start, spread / 2, population, rng) for start in fresh]
            run_lap(evaluator, runners)
            runners.sort(key=lambda runner: runner.best)
            lap += 1
            moved = align(evaluator, evaluator.known(1), 0.2)
            if not problem.target.is_take:
                moved |= tune(evaluator, rivals(evaluator), 0.2)
            moved |= attune(evaluator, evaluator.known(1), 0.05)
            averaged = average(evaluator)
            if moved or averaged:
                free = evaluator.known(1)[0, space.settings :]
                for runner in runners:
                    choice = np.concatenate([runner.place[None], space.places(space.cc(runner.place[None]), free)])
                    distances = evaluator(choice)
                    runner.best, runner.place = float(distances.min()), choice[distances.argmin()]
                # What is measured otherwise is compared with itself.
                before, swept = (np.inf, np.inf) if moved else (evaluator.best, min(swept, evaluator.best))
            runners = runners[: RUNNERS // 2]
            ends = descend(evaluator, np.array([runner.place for runner in runners]), 2)
            for index, (runner, end) in enumerate(zip(runners, ends, strict=True)):
                if (end != runner.place).any():
                    runners[index] = self.runner(evaluator, end, spread / 4, population, rng)
                    runners[index].best = float(evaluator(end[None])[0])
            if lap >= 2 and evaluator.best < swept:
                swept = evaluator.best
                sweep(evaluator, evaluator.known(1)[0], 42)
                descend(evaluator, evaluator.known(1), DESCENT)
                climb(evaluator, evaluator.known(1)[0])
            if evaluator.best < before - 1e-3:
                fruitless, elsewhere, beginnings = 0, False, 0
            else:
                fruitless += 1
            if fruitless == FRUITLESS:
                if evaluator.best < evaluator.objective.floor + SOLVED_DB or beginnings == BEGINNINGS:
                    return
                fruitless, elsewhere, runners = 0, True, []
                beginnings += 1
            if elsewhere:
                # Of what is known all leads back to where nothing gets better.
                cc = proposals.posterior.sample(DOUBTED, rng, DOUBT)
                places = space.places(cc, evaluator.known(1)[0, space.settings :])
            else:
                places, _ = _offspring(evaluator, proposals, rng)
                places = np.concatenate([evaluator.known(16), places, images(space, evaluator.known(1)[0])])
            distances = evaluator(places)


class Coordinates(Evolution):
    """Races of descents along coordinates from the best candidates, otherwise as `Evolution`."""

    name = "coordinates"
    breeds = False

    def prepare(self) -> None:
        """Import nothing."""

    def runner(
        self,
        evaluator: Evaluator,
        start: np.ndarray,
        spread: np.ndarray,
        population: int,
        rng: np.random.Generator,  # noqa: ARG002 - nothing is drawn
    ) -> Racing:
        """What takes part in the races, from a place; see `Descent`."""
        return Descent(evaluator, start, spread, population)


def _offspring(evaluator: Evaluator, proposals: Proposals, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places that take each parameter from one of two good ones, or as the model would."""
    space = evaluator.space
    turned = slice(space.settings, space.settings + space.phases)
    elite = evaluator.known(32)
    children = np.empty((0, elite.shape[1]), np.int64)
    for _ in range(2):
        parents = elite[rng.integers(len(elite), size=(2, evaluator.batch))]
        cc = proposals.posterior.sample(evaluator.batch, rng)
        fresh = space.places(cc, elite[0, space.settings :])
        fresh[:, turned] = rng.integers(TURN, size=fresh[:, turned].shape)
        draw = rng.random(fresh.shape)
        born = np.where(draw < 0.45, parents[0], np.where(draw < 0.9, parents[1], fresh))
        evaluator(born)
        children = np.concatenate([children, born])
        elite = evaluator.known(32)
    return children, evaluator(children)
