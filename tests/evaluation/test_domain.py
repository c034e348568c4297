"""How likely an instrument can make a sound, by the distance that a search reached."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from secret_sauce_hf.cli.root import main
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation import domain as fitting
from secret_sauce_hf.evaluation.domain import Distances, damaged, fit_domain, fit_logistic, own_sounds
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching.domain import Logistic, answer_floor, multiple, read_domain
from secret_sauce_hf.metrics.scores import auroc
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
ENGINE = get_engine("noisemaker")


def _distances(middle: float, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(np.log(middle), 0.5, count)


class TestCurve:
    def test_a_probability_falls_with_the_distance(self):
        curve = Logistic(4.0, 3.0)
        assert curve.probability(4.0) == pytest.approx(0.5)
        assert curve.probability(8.1) == pytest.approx(1 / 9, abs=1e-3)
        assert curve.probability(0.0) > 0.999
        told = [curve.probability(distance) for distance in np.linspace(0, 50, 30)]
        assert told == sorted(told, reverse=True)
        assert curve.probability(float("inf")) == curve.probability(float("nan")) == 0.0
        assert Logistic(4.0, 100.0).probability(1e9) == pytest.approx(0.0, abs=1e-300)

    def test_the_area_by_hand(self):
        assert auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1.0
        assert auroc(np.array([2.0, 3.0]), np.array([1.0, 3.0])) == pytest.approx((2 + 0 + 0.5) / 4)

    def test_the_midpoint_lies_between_the_kinds_however_many_there_are(self):
        own, others = _distances(1.0, 400, 0), _distances(6.0, 400, 1)
        curve = fit_logistic(own, others)
        # Of two lognormals of one width the middle is the geometric mean; the slope is the distance over the variance.
        assert curve.midpoint == pytest.approx(6**0.5, rel=0.15)
        assert curve.slope == pytest.approx(np.log(6) / 0.25, rel=0.25)
        fewer = fit_logistic(own, others[:40])
        assert fewer.midpoint == pytest.approx(curve.midpoint, rel=0.2)

    def test_kinds_that_do_not_overlap_or_do_not_differ(self):
        apart = fit_logistic(np.full(10, 0.5), np.full(10, 20.0))
        assert np.isfinite(apart.slope) and 0.5 < apart.midpoint < 20
        assert 0.8 < apart.probability(0.5) < 1
        alike = fit_logistic(_distances(2, 50, 0), _distances(2, 50, 0))
        assert alike.slope == pytest.approx(0, abs=0.05)
        # Others that end nearer than its own are no reason to turn it over.
        assert fit_logistic(_distances(6, 50, 0), _distances(1, 50, 1)).slope == 0

    def test_the_better_measure_tells_and_few_of_its_own_are_warned_of(self):
        own = Distances(_distances(2, 100, 0), _distances(1.2, 100, 1))
        others = Distances(_distances(3, 100, 2), _distances(20, 100, 3))
        domain, areas = fit_domain(own, others)
        assert domain.measure == "floors" and areas["floors"] > 0.99 > areas["mss"]
        told = np.array([domain.floors.probability(one) for one in own.floors])
        assert (told < domain.warn_below).mean() <= 0.03
        assert domain.probability(5.0, 0.4) == domain.floors.probability(multiple(5.0, 0.4))
        assert domain.probability(5.0) == domain.mss.probability(5.0)
        with pytest.raises(InputError, match="Only 7 sounds of others can be heard; give 8"):
            fit_domain(own, Distances(others.mss[:7], others.floors[:7]))


class TestSounds:
    def test_damage_keeps_the_sound_and_its_seed(self):
        take = to_float(ENGINE.render(draw_presets(LIGHT, 1, seed=4), noise_seed=0))[0]
        one, again = (damaged(take, np.random.default_rng(1)) for _ in range(2))
        np.testing.assert_array_equal(one, again)
        assert 0.7 * 2 * len(take) - 2 <= len(one) <= 2 * len(take)
        peaks = [np.abs(damaged(take, np.random.default_rng(seed))).max() for seed in range(8)]
        assert 10 ** (-25 / 20) < min(peaks) < max(peaks) <= 1
        assert len({round(float(peak), 4) for peak in peaks}) == 8
        assert np.isfinite(damaged(np.zeros(22_050), np.random.default_rng(0))).all()

    def test_own_sounds_can_be_heard(self):
        sounds = own_sounds(LIGHT, ENGINE, 8, seed=0)
        assert len(sounds) == 8
        assert all(np.abs(sound["array"]).max() > 0.01 for sound in sounds)

    def test_the_floor_of_an_answer(self):
        plain = {"filter_cutoff": 6.0, "filter_resonance": 1.0, "lfo1_rate": 3.0, "lfo1_amount": 5.0}
        rows = [plain | {"osc2_wave": wave} for wave in ("Saw", "Noise")]
        presets = Presets.from_settings(LIGHT, rows)
        takes = to_float(ENGINE.render(presets, noise_seed=0))
        assert answer_floor(ENGINE, presets[:1], takes[0]) == pytest.approx(0, abs=0.05)
        assert answer_floor(ENGINE, presets[1:], takes[1]) > 1
        with pytest.raises(InputError, match="of one preset, not of 2"):
            answer_floor(ENGINE, presets, takes[0])


class TestFile:
    RECORD = {  # noqa: RUF012
        "schema": 1,
        "collection": "noisemaker-light",
        "weights": None,
        "mss": {"midpoint": 3.0, "slope": 2.0, "auroc": 0.9},
        "floors": {"midpoint": 4.0, "slope": 3.0, "auroc": 0.95},
        "measure": "floors",
        "warn_below": 0.2,
    }

    def test_it_is_read_back(self, tmp_path):
        assert read_domain(tmp_path) is None
        (tmp_path / "domain.json").write_text(json.dumps(self.RECORD))
        found = read_domain(tmp_path)
        assert found is not None
        assert (found.mss, found.floors) == (Logistic(3.0, 2.0), Logistic(4.0, 3.0))
        assert (found.measure, found.warn_below) == ("floors", 0.2)

    @pytest.mark.parametrize(
        "change",
        [{"schema": 2}, {"measure": "ears"}, {"mss": {}}, {"floors": {"midpoint": -1, "slope": 1, "auroc": 1}}],
    )
    def test_what_is_none(self, tmp_path, change):
        (tmp_path / "domain.json").write_text(json.dumps(self.RECORD | change))
        with pytest.raises(InputError, match="secret-sauce calibrate"):
            read_domain(tmp_path)


@pytest.mark.parametrize("name", ["noisemaker-light", "noisemaker-light-notes"])
def test_the_command_from_sounds_to_file(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    for number in range(8):
        # Bells: partials that no harmonic oscillator has.
        time = np.arange(30_000) / 44_100
        bell = sum(np.sin(2 * np.pi * (300 + 40 * number) * ratio * time) for ratio in (1, 2.76, 5.4, 8.93))
        soundfile.write(strangers / f"{number}.wav", 0.2 * bell * np.exp(-5 * time), 44_100)
    monkeypatch.setattr(fitting, "ROWS", 8)
    command = ["calibrate", name, "--strangers", "strangers", "--rows", "8", "--renders", "12", "--out", "out"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "8 sounds of its own, 8 of other instruments" in told and "AUROC" in told
    found = read_domain(Path("out"))
    assert found is not None and found.mss.slope > 0
    # What was searched is kept.
    monkeypatch.setattr(fitting, "match", None)
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    assert read_domain(Path("out")) == found
