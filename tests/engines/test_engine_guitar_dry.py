"""A sound that is fed to the guitar rack in place of its strings."""

import pickle

import numpy as np
import pytest
from guitar_takes import COLLECTION, RATE, on

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.engines.guitar_rack.feeding import without_cabinet
from secret_sauce_hf.engines.guitar_rack.playing import source
from secret_sauce_hf.instruments import InputError, Note
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets, draw_presets

STRING = source(COLLECTION.timing, COLLECTION.samples).dry


def apart(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """MSS of each row, in dB."""
    return mss(to_float(some), to_float(others), RATE)


def test_the_strings_own_sound_gives_the_takes_of_today():
    rows = draw_presets(COLLECTION, 32, 5)
    own, fed = render(rows, noise_seed=0), render(rows, noise_seed=0, dry=STRING)
    distorted = np.array([row["disto_on_off"] == "on" for row in rows.rows()])
    assert distorted.any() and not distorted.all()
    assert np.array_equal(own[~distorted], fed[~distorted])
    # Only what lies above half the rate is missing in front of the distortion.
    assert apart(own, fed).max() < 0.05


def test_a_clean_take_is_fed_as_what_made_it():
    rows = draw_presets(COLLECTION, 16, 6)
    clean = to_float(render(Presets.from_settings(COLLECTION, [on()])))[0]
    fed = without_cabinet(clean)
    assert np.square(fed - STRING).sum() < 1e-4 * np.square(STRING).sum()
    assert np.median(apart(render(rows, noise_seed=0), render(rows, noise_seed=0, dry=fed))) < 0.25
    bypassed = render(Presets.from_settings(COLLECTION, [on()]), dry=fed)
    assert apart(bypassed, render(Presets.from_settings(COLLECTION, [on()]))).max() < 0.1


@pytest.mark.parametrize("samples", [1, 7, 63, 1_024, 2_000, 30 * RATE])
def test_takes_are_as_long_as_what_is_fed(samples):
    rng = np.random.default_rng(samples)
    rows = Presets.from_settings(COLLECTION, [on("filter", "disto", "flanger", "delay", "reverb"), on()])
    takes = render(rows, dry=rng.uniform(-1, 1, samples))
    assert takes.shape == (2, samples) and takes.dtype == np.int16
    assert np.array_equal(takes, render(rows, dry=np.random.default_rng(samples).uniform(-1, 1, samples)))


def test_silence_stays_silent_and_the_loudest_sound_is_limited():
    rows = Presets.from_settings(COLLECTION, [on("disto", "reverb"), on("filter", filter_resonance=10.0)])
    assert not render(rows, dry=np.zeros(500)).any()
    assert np.abs(render(rows, dry=np.full(5_000, 8.0)).astype(int)).max() <= 32_767


def test_an_engine_that_is_fed_may_be_copied_and_leaves_the_other_alone():
    engine = get_engine("guitar")
    fed = engine.fed(STRING[:5_000])
    rows = draw_presets("guitar", 3, 1)
    assert fed.render(rows, noise_seed=0).shape == (3, 5_000)
    assert np.array_equal(pickle.loads(pickle.dumps(fed)).render(rows), fed.render(rows))  # noqa: S301 - our own
    assert engine.render(rows).shape == (3, COLLECTION.samples)


def test_what_is_fed_is_not_changed_from_outside():
    sound = STRING.copy()
    fed = get_engine("guitar").fed(sound)
    rows = draw_presets("guitar", 2, 1)
    before = fed.render(rows, noise_seed=0)
    sound[:] = 0
    assert np.array_equal(fed.render(rows, noise_seed=0), before)


def test_rows_may_play_what_no_guitarist_can():
    rows = draw_presets("guitar", 1, 1).playing([Note(100, 100, 0.0, 0.1)])
    assert render(rows, dry=STRING).shape == (1, COLLECTION.samples)


@pytest.mark.parametrize(
    ("dry", "message"),
    [
        (np.zeros(0, np.float32), "A dry sound of 0.0 s is none"),
        (np.zeros(30 * RATE + 1, np.float32), "A dry sound of 30.0 s is none that can be played: give .* at most 30 s"),
        (np.zeros((2, 100), np.float32), r"floats of shape \(samples,\), not float32 of shape \(2, 100\)"),
        (np.zeros(100, np.int16), "not int16"),
        (np.full(100, np.nan), "samples from -8 to 8"),
        (np.full(100, 9.0), "samples from -8 to 8"),
        ([], "A dry sound of 0.0 s"),
    ],
)
def test_what_is_no_dry_sound_is_refused(dry, message):
    with pytest.raises(InputError, match=message):
        render(draw_presets("guitar", 1, 1), dry=dry)


@pytest.mark.parametrize("name", ["noisemaker", "subphatty"])
def test_an_engine_that_makes_its_own_sound_is_not_fed(name):
    with pytest.raises(InputError, match=f"The engine of {name} makes its sound itself and cannot be fed one"):
        render(draw_presets(name, 1, 1), dry=STRING)
