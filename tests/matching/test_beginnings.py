"""A search that gets no nearer, and so begins elsewhere."""

import numpy as np
import pytest
from test_matching_search import LIGHT, knows_nothing, near_the_truth, problem

from secret_sauce_hf.matching.posterior import Posterior
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.strategies import evolution
from secret_sauce_hf.matching.strategies.evolution import Evolution


def test_a_doubted_posterior_is_wider():
    units = knows_nothing().units
    peaks = [np.exp(-0.5 * ((own - 0.5) / 0.1) ** 2) for own in units]
    posterior = Posterior(LIGHT, units, [peak / peak.sum() for peak in peaks])
    drawn = {doubt: posterior.sample(4_000, np.random.default_rng(0), doubt) for doubt in (1.0, 4.0)}
    # The logarithm of a normal distribution divided by 4: twice the standard deviation.
    assert drawn[4.0][:, 0].std() == pytest.approx(2 * drawn[1.0][:, 0].std(), rel=0.1)
    assert (posterior.sample(4_000, np.random.default_rng(0)) == drawn[1.0]).all()


def test_a_search_that_gets_no_nearer_begins_elsewhere(monkeypatch):
    monkeypatch.setattr(evolution, "BEGINNINGS", 1)
    monkeypatch.setattr(evolution, "FRUITLESS", 1)
    monkeypatch.setattr(evolution, "SOLVED_DB", -1.0)
    doubts = []
    posterior = knows_nothing()
    posterior = Posterior(LIGHT, posterior.units, [p / p.sum() for p in posterior.probabilities])

    def sample(self, count, rng, doubt=1.0, real=Posterior.sample):
        doubts.append(doubt)
        return real(self, count, rng, doubt)

    monkeypatch.setattr(Posterior, "sample", sample)
    cc = near_the_truth(8)
    proposals = Proposals(cc, ["model"] * 8, np.full(8, np.nan), posterior)
    found = Evolution().search(problem(None), proposals, np.random.default_rng(0))
    # It comes to its end by itself, after it has begun elsewhere.
    assert not found.interrupted and doubts.count(evolution.DOUBT) >= evolution.FRUITLESS
    assert found.trace[-1].distance == min(point.distance for point in found.trace) < 0.05
