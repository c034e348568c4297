"""Breeding: which parts can be exchanged, which children there are, and when a search breeds."""

from contextlib import closing

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.posterior import WEIGHED, Posterior
from secret_sauce_hf.matching.problem import Budget, SpentError
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.matching.strategies.breeding import FEW, MANY, _alike, breed, is_short
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import draw_presets

FULL = get_collection("noisemaker")


def flat(collection) -> Posterior:
    """What a model tells that knows nothing."""
    units = [np.arange(p.classes, dtype=float) if p.classes else np.linspace(0, 1, 16) for p in collection.parameters]
    return Posterior(collection, units, [np.ones(len(own)) for own in units])


def evaluator_of(collection, budget, row=0) -> Evaluator:
    space = Space(collection, get_engine(collection))
    wanted = draw_presets(collection, row + 1, seed=3).cc[row:]
    note_on = round((collection.timing.note_on - collection.timing.cut[0]) * SAMPLE_RATE)
    take = space.render(space.places(wanted))[0]
    return Evaluator(space, Objective(take, (0, len(take)), note_on), budget)


def test_numbered_parts_that_are_set_alike():
    dx7 = get_collection("dx7")
    pairs = _alike(dx7.parameters)
    names = [parameter.name for parameter in dx7.parameters]
    told = {(names[to[0]][:3], names[of[0]][:3]) for to, of in pairs}
    assert {(f"op{one}", f"op{other}") for one in range(1, 7) for other in range(1, 7)} <= told
    for to, of in pairs:
        assert [names[column][3:] for column in to if names[column].startswith("op")] == [
            names[column][3:] for column in of if names[column].startswith("op")
        ]
    # Of the NoiseMaker's oscillators only the first has a pulse width: neither is set as the other.
    parts = {
        tuple(sorted(FULL.parameters[column].name[:4] for column in np.concatenate([to, of])))
        for to, of in _alike(FULL.parameters)
    }
    assert all(len(set(names)) == 1 for names in parts)


def test_children_are_legal_and_leave_what_is_not_heard():
    with closing(evaluator_of(FULL, Budget(None, 400))) as evaluator:
        first = draw_presets(FULL, 1, seed=9).cc
        space = evaluator.space
        evaluator(space.places(first))
        proposals = Proposals(first, ["model"], np.full(1, np.nan), flat(FULL))
        with pytest.raises(SpentError):
            breed(evaluator, proposals, np.random.default_rng(0))
        assert evaluator.budget.used == 400
        places = evaluator.known(400)
        presets = space.presets(places)  # Refuses what is not legal.
        assert np.array_equal(presets.cc, space.cc(places))
        assert len(places) > 300
        assert evaluator.best < 0.7 * float(evaluator(space.places(first))[0])


@pytest.mark.parametrize(("renders", "short"), [(300, True), (2_000, False), (None, False)])
def test_when_a_search_breeds(renders, short):
    with closing(evaluator_of(FULL, Budget(None, renders))) as evaluator:
        evaluator(evaluator.space.places(draw_presets(FULL, 8, seed=4).cc))
        heard = int(evaluator.space.heard(evaluator.known(1)).sum())
        assert 5 < heard < MANY
        assert renders is None or (renders < FEW * heard) == short
        assert is_short(evaluator) == short


def test_a_clock_tells_how_many_renderings_there_will_be():
    budget = Budget(10.0, None)
    budget.start -= 2.0
    budget.used = 40
    assert budget.expected == pytest.approx(200, rel=0.01)
    assert Budget(None, 7).expected == 7 and Budget(None, None).expected == np.inf


def test_with_many_parameters_each_one_counts_for_less():
    """However many say that a preset is unlikely, they do not outweigh its sound."""
    few, many = FULL, get_collection("dx7")
    worst = {}
    for collection in (few, many):
        posterior = flat(collection)
        peaked = [np.where(np.arange(len(own)) == 0, 1.0, 1e-9) for own in posterior.units]
        last = np.array(
            [
                [
                    int(p.nearest_cc(np.asarray(own[-1])))
                    for p, own in zip(collection.parameters, posterior.units, strict=True)
                ]
            ]
        )
        worst[collection.name] = float(Posterior(collection, posterior.units, peaked).penalty(last)[0])
    assert len(few.parameters) < WEIGHED < len(many.parameters)
    assert worst["dx7"] == pytest.approx(worst["noisemaker"] ** (WEIGHED / len(few.parameters)), rel=1e-6)
