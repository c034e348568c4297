"""An objective that moves each rendering to where its waveform is most like the sound's."""

from contextlib import closing

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import match
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Budget
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.objective import MAX_SHIFT_SECONDS, Objective
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets

LIGHT = get_collection("noisemaker-light-notes")
ENGINE = get_engine(LIGHT)
NOTE = Note(52, 100, 0.1, 0.6)
NOTE_ON = round(0.1 * SAMPLE_RATE)
SETTINGS = {"lfo1_rate": 4.0, "filter_cutoff": 5.0, "lfo1_amount": 7.0, "osc2_wave": "Saw", "filter_resonance": 4.0}


def takes(*changes: dict) -> np.ndarray:
    presets = Presets.from_settings(LIGHT, [SETTINGS | change for change in changes])
    return ENGINE.render(presets.playing([NOTE]), noise_seed=0)


def later(take: np.ndarray, samples: int) -> np.ndarray:
    """A float sound that much later, earlier if negative; of the same length."""
    sound = np.roll(to_float(take), samples)
    sound[: max(samples, 0)] = 0
    sound[len(sound) + min(samples, 0) :] = 0
    return sound


@pytest.mark.parametrize("shift", [-400, -37, 0, 5, 311])
def test_a_shift_counts_for_nothing(shift):
    both = takes({}, {"filter_cutoff": 8.0})
    sound = later(both[0], shift)
    fixed = Objective(sound, (0, len(sound)), NOTE_ON)
    free = fixed.freed()
    assert free.lags(both[:1]).tolist() == [shift]
    same, other = free(both)
    assert same < 0.02 and other > 0.5
    # What is moved is the rendering: as if the sound had been moved the other way.
    assert same == pytest.approx(fixed.shifted(shift)(both[:1])[0], abs=0.02)
    if shift:
        assert fixed(both[:1])[0] > same + 0.1


def test_no_rendering_is_moved_further_than_a_recording_is_believed_to_be_late():
    (take,) = takes({})
    most = round(MAX_SHIFT_SECONDS * SAMPLE_RATE)
    sound = later(take, most + 200)
    free = Objective(sound, (0, len(sound)), NOTE_ON, free=True)
    assert abs(int(free.lags(take[None])[0])) <= most and free(take[None])[0] > 0.1


@pytest.mark.parametrize("polarity", [1, -1])
def test_the_best_rendering_settles_it(polarity):
    (take,) = takes({})
    sound = polarity * later(take, 60)
    settled = Objective(sound, (0, len(sound)), NOTE_ON, free=True).settled(take)
    assert (settled.shift, settled.free) == (60, False)
    assert settled(take[None])[0] < 0.02
    # It was settled before.
    assert settled.settled(take).shift == 60


def test_other_variants_stay_free_and_noise_is_not_moved():
    noises = takes(*[{"osc2_wave": "Noise"}] * 12)
    sound = later(noises[0], 100)
    free = Objective(sound, (0, len(sound)), NOTE_ON, free=True)
    assert free.tuned(10.0).free and free.shifted(3).free and free.without_noise().free
    noisy = free.in_noise(noises)
    assert noisy.free and noisy.settled(noises[0]).shift == 0
    assert noisy.settled(noises[0])(noises[:1]) == noisy(noises[:1])


@pytest.mark.parametrize("sound", [np.zeros(30_000, np.float32), np.eye(1, 30_000, 12_000)[0].astype(np.float32)])
def test_silence_and_clicks_are_compared(sound):
    free = Objective(sound, (0, len(sound)), NOTE_ON, free=True)
    rendered = np.concatenate([takes({})[:, :30_000], np.zeros((1, 30_000), np.int16)])
    assert np.isfinite(free(rendered)).all() and free.lags(rendered).shape == (2,)


def test_what_is_known_stays_known_when_the_shift_is_settled():
    (take,) = takes({})
    sound = later(take, -90)[: 2 * SAMPLE_RATE]
    space = Space(LIGHT, ENGINE, notes=[NOTE], seconds=2.0, exact=True)
    objective = Objective(sound, (0, len(sound)), NOTE_ON, free=True)
    places = space.places(Presets.from_settings(LIGHT, [SETTINGS | {"filter_cutoff": 7.0}, SETTINGS]).cc)
    with closing(Evaluator(space, objective, Budget(None, 2))) as evaluator:
        evaluator.settle_shift()
        assert evaluator.objective is objective
        before = evaluator(places)
        evaluator.settle_shift()
        assert evaluator.objective.shift == -90
        assert (evaluator(places) == before).all()


def test_a_search_tells_how_late_a_sound_is():
    # Told wrong by 8 ms.
    told = NOTE._replace(onset=NOTE.onset + 180 / SAMPLE_RATE)
    (take,) = takes({"lfo1_amount": 5.6})
    found = match(
        {"array": to_float(take), "sampling_rate": SAMPLE_RATE},
        collection=LIGHT,
        model=load_pipeline(None, collection=LIGHT.name),
        renders=1_500,
        notes=[told._asdict()],
    )
    assert found.late == pytest.approx(-180 / SAMPLE_RATE, abs=1e-4)
    assert found.distances["mss"] < 0.1
    # A saw has no noise, and no phases: any other rendering of it is the same.
    assert found.floor == pytest.approx(0.0, abs=0.02) and found.to_dict()["floor"] == found.floor


def test_the_floor_is_that_of_noise_that_is_played_as_it_was_found():
    (take,) = takes({"osc2_wave": "Noise"})
    sound = {"array": to_float(take)[: 2 * SAMPLE_RATE], "sampling_rate": SAMPLE_RATE}
    found = match(sound, collection=LIGHT, model=load_pipeline(None, collection=LIGHT.name), renders=300, notes=[NOTE])
    assert found.preset["osc2_wave"] == "Noise"
    assert 0.1 < found.floor < 5 and found.distances["mss"] < 2 * found.floor
