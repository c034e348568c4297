"""The ways to search: this package's own, and those that others bring, as engines may be."""

from importlib.metadata import EntryPoint

import pytest
from test_matching_search import SPACE, TRUTH, WAVE
from test_matching_search import pipe as pipe

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.matching import match
from secret_sauce_hf.matching.match import chosen_strategy
from secret_sauce_hf.matching.result import Search
from secret_sauce_hf.matching.strategies import Strategy, get_strategy, register_strategy, strategy_names
from secret_sauce_hf.matching.strategies.evolution import Evolution
from secret_sauce_hf.matching.strategies.registry import STRATEGIES


@pytest.mark.parametrize("name", ["breeding", "coordinates", "evolution", "gauss_newton", "genetic"])
def test_every_strategy_comes_nearer_within_its_budget(pipe, name):
    found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=330, strategy=name)
    assert 256 <= found.renders <= 330
    assert found.trace[-1].distance < found.trace[0].distance
    again = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=330, strategy=name)
    assert again.to_dict() == found.to_dict()


def test_no_strategy_is_the_model_alone(pipe):
    none = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=50, strategy="none")
    assert (none.renders, none.trace, none.preset) == (0, (), none.alone.preset)
    assert none.ranking == "the model's scores"


def test_only_what_searches_is_prepared(monkeypatch):
    def missing(_):
        raise ModuleNotFoundError("No module named 'cma'")

    monkeypatch.setattr(Evolution, "prepare", missing)
    free = {"fed": False, "banked": False, "seconds": None, "renders": None}
    with pytest.raises(ModuleNotFoundError):
        chosen_strategy(**free)
    with pytest.raises(ModuleNotFoundError):
        chosen_strategy("evolution", **free | {"banked": True, "renders": 9})
    assert chosen_strategy(**free | {"seconds": 0}).name == "evolution"
    assert chosen_strategy(**free | {"banked": True}).name == "retrieval"
    assert chosen_strategy("genetic", **free | {"fed": True}).name == "genetic"


class TestOwnStrategies:
    class Nearby(Strategy):
        """Takes a given place for the answer."""

        name = "nearby"

        def search(self, problem, proposals, rng, report=None):  # noqa: ARG002
            distance = float(problem.objective(problem.space.render(TRUTH[None]))[0])
            assert distance < problem.objective(problem.space.render(proposals.cc[:1]))[0]
            return Search(known=TRUTH[None], renders=2)

    def test_one_from_outside_is_one_class(self, pipe, monkeypatch):
        monkeypatch.setattr("secret_sauce_hf.matching.strategies.registry._registered", {})
        with pytest.raises(InputError, match="Unknown strategy 'nearby'; there are breeding, coordinates, evol"):
            match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=9, strategy="nearby")
        assert register_strategy(self.Nearby) is self.Nearby
        assert "nearby" in strategy_names()
        for strategy in ("nearby", self.Nearby()):
            found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=9, strategy=strategy)
            assert (found.candidates[0].cc, found.renders) == (tuple(TRUTH.tolist()), 2)
            assert found.distances["mss"] < 0.05

    def test_what_is_none_is_refused(self):
        for wrong, message in (
            (dict, "<class 'dict'> is no strategy: it must be a subclass"),
            (type("Same", (self.Nearby,), {"name": "evolution"}), "There is a strategy evolution in the package"),
            (type("Nameless", (Strategy,), {}), "with a name"),
        ):
            with pytest.raises(InputError, match=message):
                register_strategy(wrong)

    def test_an_entry_point_brings_one(self, monkeypatch):
        found = {"sneaky": "builtins:dict", "gone": "no:x", "nearby": f"{__name__}:TestOwnStrategies.Nearby"}

        def entry_points(group):
            assert group == "secret_sauce_hf.strategies"
            return [EntryPoint(name, value, group) for name, value in found.items()]

        monkeypatch.setattr("secret_sauce_hf.plugins.entry_points", entry_points)
        STRATEGIES.forget()
        try:
            assert set(found) < set(strategy_names())
            with pytest.raises(
                InputError, match=r"registered as the strategy sneaky, and is none: .*Strategy with that"
            ):
                get_strategy("sneaky")
            with pytest.raises(InputError, match="The strategy gone, no:x, cannot be loaded"):
                get_strategy("gone")
            assert isinstance(get_strategy("nearby"), self.Nearby)
        finally:
            STRATEGIES.forget()


def test_an_engine_of_ones_own_renders(pipe):
    class Counted(type(SPACE.engine)):
        version = "counted"
        rows = 0

        def _render(self, job):
            Counted.rows += len(job.presets)
            return super()._render(job)

    found = match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=40, engine=Counted())
    assert found.versions["engine"] == "counted"
    assert Counted.rows > found.renders
    with pytest.raises(InputError, match="does not render"):
        match(WAVE, model=pipe, sampling_rate=SAMPLE_RATE, renders=40, engine=get_engine("guitar"))
