"""The nearest presets of a bank, as they are: nothing is refined."""

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.result import BANKED
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.matching.strategies.chance import meet


class Retrieval(Refinement):
    """Renders and measures those of the proposals that are of a bank.

    The model's probabilities are no penalty here: they have chosen what is rendered.
    """

    name = "retrieval"
    penalises = settles = False

    def refine(
        self,
        evaluator: Evaluator,
        problem: Problem,
        proposals: Proposals,
        rng: np.random.Generator,  # noqa: ARG002 - nothing is drawn
    ) -> None:
        """Measure, see `Refinement`."""
        banked = [row for row, origin in enumerate(proposals.origins) if origin == BANKED]
        meet(evaluator, proposals.cc[banked], problem.target.is_take, share=1.0)
