"""Settings that are wrong and cannot be heard."""

import numpy as np
import pytest

from secret_sauce_hf.data.heard import changes
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation import measure_same
from secret_sauce_hf.evaluation.scoring import Resampling, Truth, floors, score_floors, score_settings
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.presets import Presets, draw_presets

FULL = get_collection("noisemaker")
LIGHT = get_collection("noisemaker-light")
ENGINE = get_engine("noisemaker")


def test_the_truth_is_right_and_nothing_is_rendered():
    truth = draw_presets(FULL, 5, seed=1)
    same = measure_same(ENGINE, truth, truth.unit)
    assert same.settings.all() and same.whole.all()
    assert same.renders == 0


def test_a_wrong_setting_counts_where_it_is_not_heard():
    truth = draw_presets(FULL, 24, seed=1)
    heard, units = truth.heard(), truth.unit.copy()
    wave = FULL.columns.index("osc2_wave")
    units[:, wave] = (units[:, wave] + 1) % FULL.parameters[wave].classes
    same = measure_same(ENGINE, truth, units)
    others = np.arange(len(FULL.columns)) != wave
    assert same.settings[:, others].all()
    # By the rules the wave is heard where its oscillator is up; where it is not, it sounds the same.
    assert same.settings[~heard[:, wave], wave].mean() > 0.9
    assert same.settings[heard[:, wave], wave].mean() < 0.3
    # With one setting wrong, the whole answer is that setting.
    np.testing.assert_array_equal(same.whole, same.settings[:, wave])


def test_only_what_counts_is_looked_at():
    truth, told = draw_presets(FULL, 6, seed=1), draw_presets(FULL, 6, seed=2)
    counted = np.zeros(truth.unit.shape, dtype=bool)
    counted[:, 0] = True
    some, everything = measure_same(ENGINE, truth, told.unit, counted=counted), measure_same(ENGINE, truth, told.unit)
    np.testing.assert_array_equal(some.settings[:, 0], everything.settings[:, 0])
    np.testing.assert_array_equal(some.whole, everything.whole)
    assert some.renders < everything.renders


def test_rows_do_not_depend_on_each_other(monkeypatch):
    truth, told = draw_presets(LIGHT, 4, seed=1), draw_presets(LIGHT, 4, seed=2)
    together = measure_same(ENGINE, truth, told.unit)
    monkeypatch.setattr("secret_sauce_hf.evaluation.same._CELLS", 3)
    apart = measure_same(ENGINE, truth, told.unit)
    np.testing.assert_array_equal(together.settings, apart.settings)
    np.testing.assert_array_equal(together.whole, apart.whole)
    alone = measure_same(ENGINE, truth[3:4], told.unit[3:4])
    np.testing.assert_array_equal(alone.settings[0], together.settings[3])


def test_noise_is_the_same_on_both_sides():
    rows = [{"filter_cutoff": 6.0, "filter_resonance": 1.0, "lfo1_rate": 3.0, "lfo1_amount": 5.0, "osc2_wave": "Noise"}]
    truth = Presets.from_settings(LIGHT, rows)
    units = truth.unit.copy()
    units[0, LIGHT.columns.index("filter_cutoff")] += 0.5 / 127
    other_noise = ENGINE.render(truth, noise_seed=5), ENGINE.render(truth, noise_seed=6)
    # Another noise alone changes the take by more than what is heard; an unheard step does not.
    assert changes(*other_noise)[0] > 1.5
    assert measure_same(ENGINE, truth, units, counted=np.ones(units.shape, dtype=bool)).whole[0]


def test_a_row_is_compared_as_it_is_played():
    collection = get_collection("noisemaker-notes")
    truth = draw_presets(collection, 4, seed=1).playing([Note(90, 100, 0.1, 0.3)])
    told = draw_presets(collection, 4, seed=2)
    high = measure_same(ENGINE, truth, told.unit)
    low = measure_same(ENGINE, truth.playing([Note(24, 100, 0.1, 0.3)]), told.unit)
    assert high.settings.shape == low.settings.shape
    assert not np.array_equal(high.settings, low.settings)


def test_the_tier_is_scored_where_settings_are_heard():
    truth = Truth.of(draw_presets(FULL, 20, seed=1), np.full((20, 10), 0.5, np.float32))
    units = draw_presets(FULL, 20, seed=2).unit
    same = measure_same(ENGINE, truth.presets, units, counted=truth.heard)
    found = score_settings(units, truth, Resampling(20, 0), same)
    column = FULL.columns.index("osc1_wave")
    heard = truth.heard[:, column]
    assert found["per_parameter"]["osc1_wave"]["same"][0] == pytest.approx(same.settings[heard, column].mean())
    assert found["heard"]["within_step"][0] <= found["same"]["all_right"][0] <= 1
    right = score_settings(
        truth.presets.unit, truth, Resampling(20, 0), measure_same(ENGINE, truth.presets, units=truth.presets.unit)
    )
    assert right["same"] == {name: [1.0, 1.0, 1.0] for name in ("settings", "all_right", "whole")}
    assert "same" not in score_settings(units, truth, Resampling(20, 0))


def test_multiples_of_the_floor():
    multiples = floors(np.array([0.1, 2.1, 6.0]), np.array([0.0, 2.0, 1.9]))
    np.testing.assert_allclose(multiples, [1.0, 1.0, 3.0])
    found = score_floors(multiples, Resampling(3, 0))
    assert found["median"][0] == 1.0
    assert found["within"][0] == pytest.approx(2 / 3)
