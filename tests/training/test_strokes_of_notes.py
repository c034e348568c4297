"""Fresh strokes as a model of notes is trained on them."""

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.priors import BOTH
from secret_sauce_hf.metrics.scores import auroc
from secret_sauce_hf.modeling.strokes_secret_sauce import Stroke
from secret_sauce_hf.training import strokes as module
from secret_sauce_hf.training.base import first_model
from secret_sauce_hf.training.field import damage
from secret_sauce_hf.training.strokes import Pages, phrases_of

NOTES = get_collection("noisemaker-notes")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(module, "PAGE", 32)


@pytest.fixture(scope="module")
def extractor():
    return first_model(NOTES, None, 64, 1, 0)[1]


def pages(extractor, **options):
    return Pages(get_engine(NOTES), NOTES, extractor, 5, **options)


class TestPages:
    def test_rows_do_not_depend_on_which_others_are_asked_for(self, extractor):
        several = pages(extractor).rows(24, 16)
        alone = pages(extractor).rows(37, 2)
        assert np.array_equal(several.takes[13:15], alone.takes)
        assert several.played[13:15] == alone.played
        assert np.array_equal(several.presets.unit[13:15], alone.presets.unit)
        assert np.array_equal(several.heard[13:15], alone.heard)

    def test_every_eighth_rows_last_two_are_strokes_of_a_phrase(self, extractor):
        counts = pages(extractor, augment=False).rows(0, 32).presets.performances.counts
        single = np.arange(32) % 8 < 6
        assert (counts[single] == 1).all() and (counts[~single] > 1).all()

    def test_both_priors(self, extractor):
        rows = pages(extractor, prior=BOTH).rows(0, 16).presets
        uniform = pages(extractor).rows(0, 16).presets
        assert np.array_equal(rows.unit[:6], uniform.unit[:6])
        assert not np.array_equal(rows.unit[8:14], uniform.unit[8:14])

    def test_a_note_starts_where_the_model_expects_it(self, extractor):
        told = pages(extractor, augment=False).rows(0, 6)
        lead = round(extractor.note_on * SAMPLE_RATE)
        for take, heard in zip(told.takes, told.heard, strict=True):
            if heard.any():
                assert np.abs(take[: lead - 40]).max() < 0.01 * np.abs(take).max()

    def test_features_tell_what_is_heard(self, extractor):
        told = pages(extractor).rows(0, 4)
        features = told.features(extractor)
        assert np.array_equal(features["heard"].numpy().astype(bool), told.heard)

    def test_a_collection_without_phrases(self):
        light = get_collection("noisemaker-light-notes")
        assert phrases_of(light) is None
        extractor = first_model(light, None, 64, 1, 0)[1]
        rows = Pages(get_engine(light), light, extractor, 5).rows(0, 16)
        assert (rows.presets.performances.counts == 1).all()


class TestDamage:
    def take(self):
        time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        take = 0.3 * np.sin(2 * np.pi * 440 * time)
        take[:1_000] = 0
        return take.astype(np.float32)

    def some(self):
        stroke = Stroke((69,), 0.1, 1.9, 1.0, 100.0)
        for seed in range(60):
            yield damage(self.take(), stroke, 1_000, np.random.default_rng(seed))

    def test_shape_type_and_level(self):
        for take, _ in self.some():
            assert take.shape == (2 * SAMPLE_RATE,) and take.dtype == np.float32
            assert np.isfinite(take).all() and np.abs(take).max() <= 0.9991

    def test_the_same_from_the_same_numbers(self):
        one, other = (damage(self.take(), Stroke((69,), 0.1, 1.9), 1_000, np.random.default_rng(7)) for _ in range(2))
        assert np.array_equal(one[0], other[0]) and one[1] == other[1]

    def test_the_fundamental_follows_the_tuning(self):
        apart = []
        for take, stroke in self.some():
            if abs(stroke.cents) > 15 and stroke.until > 1.0:
                spectrum = np.abs(np.fft.rfft(take[1_000:20_000] * np.hanning(19_000), 2**20))
                hertz = np.fft.rfftfreq(2**20, 1 / SAMPLE_RATE)
                near = (hertz > 400) & (hertz < 480)
                apart.append(1200 * np.log2(hertz[near][spectrum[near].argmax()] / stroke.fundamental))
        assert len(apart) >= 5 and np.median(np.abs(apart)) < 6

    def test_what_is_cut_off_is_silent_and_its_end_unknown(self):
        cut = [(take, stroke) for take, stroke in self.some() if stroke.until < 0.95]
        assert cut
        assert all(stroke.duration is None for _, stroke in cut)


class TestAuroc:
    def test_apart_and_alike(self):
        low, high = np.array([0.0, 1.0]), np.array([2.0, 3.0])
        assert auroc(high, low) == 1 and auroc(low, high) == 0 and auroc(low, low) == 0.5
        assert np.isnan(auroc(low, high[:0]))
