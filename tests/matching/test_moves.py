"""Moves of a search: mirror images, descents along coordinates, and noise that is averaged."""

from contextlib import closing

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Budget
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.matching.strategies.chance import attune, average
from secret_sauce_hf.matching.strategies.descending import Descent
from secret_sauce_hf.matching.strategies.mirrors import bipolar, images
from secret_sauce_hf.matching.strategies.racing import run_lap
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT, FULL = get_collection("noisemaker-light"), get_collection("noisemaker")
SPACE = Space(LIGHT, get_engine(LIGHT))
NOTE_ON = round((LIGHT.timing.note_on - LIGHT.timing.cut[0]) * SAMPLE_RATE)


def cc(collection, **settings) -> np.ndarray:
    row = next(draw_presets(collection, 1, 5).rows()) | settings
    return Presets.from_settings(collection, [row]).cc[0]


def test_which_knobs_are_bipolar_follows_from_the_rules():
    assert bipolar(FULL.parameters) == {"lfo1_amount": pytest.approx(5.0)}
    assert bipolar(get_collection("subphatty").parameters)["filter_eg_amount"] == pytest.approx(5.0)


def test_images_of_a_preset():
    space = Space(FULL, get_engine(FULL))
    settings = {
        "osc1_wave": "Saw",
        "osc2_wave": "Pulse",
        "osc1_volume": 8.0,
        "osc2_volume": 3.0,
        "lfo1_amount": 9.0,
        "lfo1_destination": "OSC1PITCH",
        "osc1_pulse_width": 2.0,
    }
    place = cc(FULL, **settings)
    found = images(space, place)
    own = place.tobytes()
    assert len(np.unique(found, axis=0)) == len(found) and all(row.tobytes() != own for row in found)
    presets = Presets.from_cc(FULL, found)
    rows = list(presets.rows())
    exchanged = {
        "osc1_wave": "Pulse",
        "osc2_wave": "Saw",
        "osc1_volume": pytest.approx(3.0, abs=0.05),
        "osc2_volume": pytest.approx(8.0, abs=0.05),
        "lfo1_destination": "OSC2PITCH",
    }
    assert any(all(row[name] == value for name, value in exchanged.items()) for row in rows)
    assert any(row["osc1_pulse_width"] == pytest.approx(8.0, abs=0.05) for row in rows)
    turned = [row for row in rows if row["lfo1_amount"] == pytest.approx(1.0, abs=0.1)]
    assert len({round(row["filter_cutoff"], 2) for row in turned}) >= 10


def test_a_mirrored_amount_leads_to_the_truth():
    truth = cc(LIGHT, lfo1_rate=7.0, filter_cutoff=4.0, lfo1_amount=8.5, osc2_wave="Saw", filter_resonance=5.0)
    wave = SPACE.render(truth[None])[0] / np.float32(32_768)
    mirrored = cc(LIGHT, lfo1_rate=7.0, filter_cutoff=7.0, lfo1_amount=1.5, osc2_wave="Saw", filter_resonance=5.0)
    with closing(Evaluator(SPACE, Objective(wave, (0, len(wave)), NOTE_ON), Budget(None, 500))) as evaluator:
        before = evaluator(mirrored[None])[0]
        tried = images(SPACE, mirrored)
        best = tried[evaluator(tried).argmin()]
    assert evaluator.best < before and best[2] > 64


def test_descents_go_on_until_nothing_gets_better():
    truth = cc(LIGHT, lfo1_rate=6.0, filter_cutoff=6.0, lfo1_amount=8.0, osc2_wave="Saw", filter_resonance=4.0)
    wave = SPACE.render(truth[None])[0] / np.float32(32_768)
    with closing(Evaluator(SPACE, Objective(wave, (0, len(wave)), NOTE_ON), Budget(None, 3_000))) as evaluator:
        starts = [truth + np.array(step) for step in ([3, -5, 0, 0, 4], [0, 6, -4, 0, -9])]
        wave_column = LIGHT.columns.index("osc2_wave")
        starts[1][wave_column] = LIGHT.parameters[wave_column].codes[1]
        runners = [Descent(evaluator, start, np.full(5, 0.1), 8) for start in starts]
        before = evaluator(np.array(starts))
        for _ in range(8):
            run_lap(evaluator, runners)
            if not any(len(runner.ask()) for runner in runners):
                break
        assert all(runner.best < distance for runner, distance in zip(runners, before, strict=True))
        assert evaluator(np.array([runner.place for runner in runners])).tolist() == [one.best for one in runners]
        assert min(np.abs(runner.place - truth).max() for runner in runners) <= 2


class TestNoise:
    TRUTH = cc(LIGHT, lfo1_rate=6.0, filter_cutoff=6.0, lfo1_amount=8.0, osc2_wave="Noise", filter_resonance=4.0)

    def evaluator(self, place: np.ndarray) -> Evaluator:
        wave = SPACE.render(place[None], 500)[0] / np.float32(32_768)
        return Evaluator(SPACE, Objective(wave, (0, len(wave)), NOTE_ON), Budget(None, 500))

    def test_it_is_averaged_once_for_a_best_place(self):
        near = self.TRUTH + np.array([2, -2, 1, 0, 3])
        with closing(self.evaluator(self.TRUTH)) as evaluator:
            evaluator(np.stack([near, self.TRUTH + np.array([10, -20, 5, 0, 9])]))
            assert average(evaluator) and evaluator.objective.noise is not None
            used = evaluator.budget.used
            assert not average(evaluator) or evaluator.budget.used > used
            assert not attune(evaluator, evaluator.known(1), 0.02)
            told = [point.distance for point in evaluator.trace]
            assert told and told == sorted(told, reverse=True) and len(told) == len(evaluator.traced)
            # Both are measured anew, and one is the best.
            assert len(evaluator.known(9)) == 2
            np.testing.assert_array_equal(evaluator.best_place, near)
            evaluator(self.TRUTH[None])
            assert evaluator.told < 2

    def test_where_there_is_none_nothing_changes(self):
        saw = self.TRUTH.copy()
        saw[LIGHT.columns.index("osc2_wave")] = LIGHT.parameters[3].codes[0]
        with closing(self.evaluator(saw)) as evaluator:
            evaluator(saw[None])
            assert not average(evaluator) and evaluator.objective.noise is None
