"""The search for the phases of what runs freely."""

from contextlib import closing

import numpy as np
import pytest
from test_matching_search import NOTE_ON, SPACE, TRUTH, WAVE

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.matching import match
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Budget, SpentError
from secret_sauce_hf.matching.space import TURN, Phase, Space
from secret_sauce_hf.matching.strategies.chance import attune
from secret_sauce_hf.matching.strategies.gauss_newton import descend
from secret_sauce_hf.matching.strategies.racing import Runner
from secret_sauce_hf.matching.strategies.starting import moving_knobs
from secret_sauce_hf.matching.strategies.stepping import neighbours
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import Presets, draw_presets


class TestPhases:
    """A chorus's LFO, or an oscillator, may be anywhere when the note starts."""

    def place(self, name: str, row: int) -> tuple[Space, np.ndarray]:
        space = Space(get_collection(name), get_engine(name))
        return space, space.places(draw_presets(name, 60, seed=3).cc[row : row + 1], space.drawn(8)[7])

    def with_chorus(self) -> tuple[Space, np.ndarray]:
        on = draw_presets("guitar", 60, seed=3).settings["flanger_on_off"] == "on"
        return self.place("guitar", int(np.flatnonzero(on)[0]))

    def evaluator(self, space: Space, place: np.ndarray, renders: int) -> Evaluator:
        wave = space.render(place, 7)[0] / np.float32(32_768)
        return Evaluator(space, Objective(wave, (0, len(wave)), NOTE_ON), Budget(None, renders))

    def test_a_place_is_a_preset_and_phases(self):
        space, place = self.place("subphatty", 0)
        assert [space.parameters[column].name for column in (-2, -1)] == ["LFO", "filter"]
        assert (space.settings, space.phases) == (len(space.collection.columns), 4)
        np.testing.assert_array_equal(space.cc(place), draw_presets("subphatty", 60, seed=3).cc[:1])
        np.testing.assert_allclose(space.unit(place)[0, space.settings :], place[0, space.settings :] / TURN)
        assert not space.heard(place)[:, space.settings :].any()
        turned = place.copy()
        turned[0, -2] = (turned[0, -2] + TURN // 2) % TURN
        assert not np.array_equal(space.render(turned, 7), space.render(place, 7))
        assert SPACE.phases == 0
        np.testing.assert_array_equal(SPACE.places(TRUTH[None]), TRUTH[None])

    def test_a_phase_goes_round(self):
        np.testing.assert_array_equal(
            Phase("LFO").nearest_cc(np.array([-0.25, 0.0, 0.5, 1.0, 1.25])), [96, 0, 64, 0, 32]
        )
        assert neighbours([Phase("LFO")], np.array([127]), (-1, 1)) == [(0, 0), (0, 126)]

    def test_it_is_found(self):
        space, place = self.with_chorus()
        others = space.places(space.cc(place))
        with closing(self.evaluator(space, place, 400)) as evaluator:
            assert evaluator(others)[0] > 0.1
            assert attune(evaluator, others, 0.05)
            assert (evaluator.noise_row, evaluator.best) == (7, 0.0)
            np.testing.assert_array_equal(evaluator.best_place, place[0])
            assert not attune(evaluator, place, 0.05)
            with pytest.raises(SpentError):
                attune(evaluator, place, 0.05)

    def test_slopes_find_it_and_races_go_round(self):
        space, place = self.with_chorus()
        start = place.copy()
        start[0, -1] = (start[0, -1] - 6) % TURN
        with closing(self.evaluator(space, place, 400)) as evaluator:
            evaluator.noise_row = 7
            before = evaluator(start)[0]
            assert space.settings in moving_knobs(evaluator, start[0])
            assert evaluator(descend(evaluator, start, 2))[0] < before
            # Across where it begins anew.
            start[0, -1] = 0
            runner = Runner(evaluator, start[0], np.full(start.shape[1], 0.1), 16, np.random.default_rng(0))
            phases = runner.ask()[:, -1]
            assert ((phases >= 0) & (phases < TURN)).all()
            assert (phases < 40).any() and (phases > TURN - 40).any() and (abs(phases - 64) > 10).all()

    def test_every_preset_is_known_once_with_its_best_phases(self):
        space, place = self.with_chorus()
        turned = space.places(np.repeat(space.cc(place), 4, axis=0), space.drawn(4))
        with closing(self.evaluator(space, place, 400)) as evaluator:
            evaluator.noise_row = 7
            evaluator(np.concatenate([turned, place]))
            np.testing.assert_array_equal(evaluator.known(9), place)

    def test_a_match_plays_its_phases(self, monkeypatch):
        space, place = self.with_chorus()
        monkeypatch.setattr("secret_sauce_hf.matching.attempt.PROPOSALS", 4)
        wave = space.render(place, 7)[0] / np.float32(32_768)
        presets = Presets.from_cc(space.collection, space.cc(place))
        found = match(
            wave, collection="guitar", sampling_rate=SAMPLE_RATE, renders=300, takes=Takes(wave[None], presets)
        )
        assert found.candidates[0].origin == "nearest take"
        assert found.distances["mss"] == pytest.approx(0.0, abs=1e-3)
        np.testing.assert_array_equal(np.rint(found.rendered * 32_768), space.render(place, 7)[0])


def test_where_nothing_runs_freely_no_noise_is_better():
    guitar = get_collection("guitar")
    presets = draw_presets(guitar, 60, seed=3)
    row = int(np.flatnonzero(presets.settings["flanger_on_off"] == "off")[0])
    wave = WAVE[: guitar.samples]
    evaluator = Evaluator(Space(guitar, get_engine(guitar)), Objective(wave, (0, len(wave)), NOTE_ON), Budget(None, 70))
    place = evaluator.space.places(presets.cc[row : row + 1])
    evaluator(place)
    assert not attune(evaluator, place, 0.0)
    assert evaluator.noise_row == 0
    evaluator.close()
