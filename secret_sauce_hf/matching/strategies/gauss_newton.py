"""Steps along the slopes of the spectrograms."""

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.matching.strategies.chance import align, attune
from secret_sauce_hf.matching.strategies.starting import moving_knobs, rivals
from secret_sauce_hf.matching.strategies.stepping import sweep

LAPS = 8
"""Steps of a descent at most."""


class GaussNewton(Refinement):
    """Damped Gauss-Newton descents from the best of the proposals, again and again until none gets further."""

    name = "gauss_newton"

    def refine(
        self,
        evaluator: Evaluator,
        problem: Problem,
        proposals: Proposals,
        rng: np.random.Generator,  # noqa: ARG002 - nothing is drawn
    ) -> None:
        """Descend, see `Refinement`."""
        places = problem.space.places(proposals.cc)
        evaluator(places)
        if not problem.target.is_take:
            align(evaluator, evaluator.known(4), 0.05)
        attune(evaluator, evaluator.known(4), 0.02)
        places = problem.space.places(proposals.cc, evaluator.known(1)[0, problem.space.settings :])
        evaluator(places)
        sweep(evaluator, evaluator.known(1)[0], 10)
        while True:
            before = evaluator.best
            descend(evaluator, rivals(evaluator), LAPS)
            align(evaluator, evaluator.known(1), 0.2)
            attune(evaluator, evaluator.known(1), 0.05)
            if evaluator.best >= before:
                return


def descend(evaluator: Evaluator, starts: np.ndarray, laps: int) -> np.ndarray:
    """Follow the spectrograms' slopes: damped Gauss-Newton steps over the heard knobs and the phases.

    The distance is a sum of absolute differences, which reweighted least squares make small
    (P. W. Holland and R. E. Welsch, 1977). A lap costs a rendering per knob and few more, and
    goes along where two knobs make up for each other, which steps of single knobs cannot.

    Args:
        evaluator: renders and measures.
        starts: places, shape (rows, columns).
        laps: how many steps at most.

    Returns:
        Where each row ended, of the same shape.
    """
    weights = evaluator.objective.cell_weights
    here = starts.copy()
    moving = np.ones(len(here), dtype=bool)
    for lap in range(laps):
        rows = np.flatnonzero(moving)
        if not len(rows):
            break
        # Alternately over a coarse and a fine grid: slopes over one step are rough.
        step = 4 if lap % 2 == 0 else 1
        asked, plan = [], []
        for row in rows:
            knobs = moving_knobs(evaluator, here[row])
            asked.append(here[row])
            moves = []
            for column, knob in knobs.items():
                at = here[row, column]
                width = max(round(step * (knob.high - knob.low) / 127), 1)
                up, down = min(width, knob.limits[1] - at), min(width, at - knob.limits[0])
                moved = here[row].copy()
                moved[column] += up if up >= down else -down
                asked.append(moved)
                moves.append(float(knob.cc_to_unit(moved[column]) - knob.cc_to_unit(at)))
            plan.append((row, knobs, np.array(moves)))
        residuals = evaluator.residuals(np.array(asked))
        tried = []
        for row, knobs, differences in plan:
            own, around, residuals = np.split(residuals, (1, 1 + len(knobs)))
            if not knobs:
                continue
            unit = evaluator.space.unit(here[row][None])[0]
            for change in _steps(own[0], (around - own).T / differences, weights):
                for scale in (1.0, 0.5):
                    to = here[row].copy()
                    for (column, knob), amount in zip(knobs.items(), change * scale, strict=True):
                        to[column] = knob.nearest_cc(np.array([unit[column] + amount]))[0]
                    tried.append((row, to))
        before = evaluator(here)
        distances = evaluator(np.array([to for _, to in tried]).reshape(-1, here.shape[1]))
        after = before.copy()
        for (row, to), distance in zip(tried, distances.tolist(), strict=True):
            if distance < after[row]:
                after[row], here[row] = distance, to
        moving &= (after < before) | (step > 1)
    return here


def _steps(residual: np.ndarray, slopes: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """Changes of units that should make a weighted sum of absolute residuals small, for several dampings.

    Args:
        residual: shape (cells,).
        slopes: its derivatives, shape (cells, knobs).
        weights: shape (cells,).
    """
    steps = []
    for damping in (1e-3, 1e-2, 1e-1, 1.0):
        change = np.zeros(slopes.shape[1])
        for _ in range(4):
            share = weights / np.maximum(np.abs(residual + slopes @ change), 0.3)
            weighted = (slopes * share[:, None]).T
            normal = weighted @ slopes
            normal[np.diag_indices_from(normal)] += damping * (np.diag(normal) + 1.0)
            change = np.linalg.solve(normal, -weighted @ residual)
            change = np.clip(change, -0.25, 0.25)
        steps.append(change)
    return steps
