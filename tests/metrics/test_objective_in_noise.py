"""What an objective makes of noise, of levels, and of a sound that is tuned otherwise."""

import numpy as np
import pytest
import soxr

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.noise import NATS_DB, divergence
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import Presets

LIGHT = get_collection("noisemaker-light")
SPACE = Space(LIGHT, get_engine(LIGHT))
NOTE_ON = round((LIGHT.timing.note_on - LIGHT.timing.cut[0]) * SAMPLE_RATE)
TRUTH = {
    "lfo1_rate": 6.0,
    "filter_cutoff": 6.0,
    "lfo1_amount": 8.0,
    "osc2_wave": "Noise",
    "filter_resonance": 4.0,
}


def places(*changes: dict) -> np.ndarray:
    return SPACE.places(Presets.from_settings(LIGHT, [TRUTH | change for change in changes]).cc)


def with_noises(place: np.ndarray, count: int, row: int) -> np.ndarray:
    return SPACE.render(np.repeat(place[None], count, axis=0), row, same_noise=False)


@pytest.fixture(scope="module")
def noisy() -> tuple[Objective, Objective]:
    """By levels, and by likelihood as a search near the truth would have it."""
    sound = with_noises(places({})[0], 1, 300)[0] / np.float32(32_768)
    objective = Objective(sound, (0, len(sound)), NOTE_ON)
    near = places({"filter_cutoff": 6.3, "lfo1_rate": 6.3})[0]
    return objective, objective.in_noise(np.concatenate([SPACE.render(near[None]), with_noises(near, 15, 1)]))


def test_noise_is_told_from_tones(noisy):
    objective, averaged = noisy
    assert averaged.noise is not None and objective.noise_share(averaged.noise) > 0.6
    assert objective.floor == 0 < averaged.floor < 1.5
    tone = places({"osc2_wave": "Saw"})[0]
    same = objective.in_noise(with_noises(tone, 8, 0))
    assert objective.noise_share(same.noise) < 0.05


def test_likelihood_ranks_presets_that_differ_in_several_knobs(noisy):
    wrong = [
        {name: TRUTH[name] + step for name, step in zip(("filter_cutoff", "lfo1_amount", name), steps, strict=True)}
        for name in ("filter_resonance", "lfo1_rate")
        for steps in ((0.6, -0.6, 0.8), (-0.6, 0.6, -0.8), (0.8, -1.2, 1.0), (-0.4, 0.8, 1.2))
    ]
    takes = SPACE.render(places({}, *wrong))
    truth, *others = noisy[1](takes)
    assert truth < min(others)
    # What no preset is nearer than is known.
    assert truth == pytest.approx(noisy[1].floor, abs=0.6)


def test_a_common_gain_hardly_counts_in_noise(noisy):
    take = SPACE.render(places({}))
    own, softer = (float(noisy[1](one)[0]) for one in (take, take // 4))
    assert softer - own < 0.7


def test_the_divergence_is_that_of_itakura_and_saito_and_goes_on_straight():
    decibels = np.linspace(-5, 30, 50, dtype=np.float32)
    nats = -decibels / NATS_DB
    np.testing.assert_allclose(divergence(decibels), (np.exp(nats) - nats - 1) * NATS_DB, atol=1e-4)
    far = divergence(np.array([-20.0, -30.0, -40.0], np.float32))
    assert np.diff(far) == pytest.approx([30.0, 30.0], rel=1e-4)


def test_residuals_follow_the_distance(noisy):
    takes = SPACE.render(places({}, {"filter_cutoff": 8.0}))
    cells = np.abs(noisy[1].residuals(takes)).astype(np.float64) @ noisy[1].cell_weights
    assert cells[0] < cells[1] and noisy[1].cell_weights.sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("cents", [35.0, -50.0])
def test_a_sound_that_is_tuned_otherwise_is_tuned_back(cents: float):
    take = SPACE.render(places({"osc2_wave": "Saw"}))
    wave = take[0] / np.float32(32_768)
    high = np.zeros_like(wave)
    resampled = soxr.resample(wave[NOTE_ON:], SAMPLE_RATE * 2 ** (cents / 1200), SAMPLE_RATE)
    part = min(len(resampled), len(wave) - NOTE_ON)
    high[NOTE_ON : NOTE_ON + part] = resampled[:part]
    off = Objective(high, (0, NOTE_ON + part), NOTE_ON)
    tuned = off.tuned(cents)
    assert tuned.cents == cents and tuned.shifted(3).cents == cents
    assert tuned(take)[0] < off(take)[0] / 3
