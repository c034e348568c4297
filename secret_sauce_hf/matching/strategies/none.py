"""No search: the proposals as they are."""

import numpy as np

from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.result import Search
from secret_sauce_hf.matching.strategies.base import Report, Strategy, silent


class NoSearch(Strategy):
    """Takes the model's answer, or a recorded take's, as it is."""

    name = "none"

    def search(
        self,
        problem: Problem,  # noqa: ARG002 - nothing is searched
        proposals: Proposals,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
        report: Report = silent,  # noqa: ARG002
    ) -> Search:
        """Find nothing."""
        return Search()
