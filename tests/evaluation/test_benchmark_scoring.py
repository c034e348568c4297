"""Scores, their intervals, and the pieces that a benchmark is made of."""

import json

import librosa
import numpy as np
import pytest
import scipy.stats
import torch

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.engines.guitar_rack.engine import GuitarRack
from secret_sauce_hf.evaluation.hearing import Heard, hear
from secret_sauce_hf.evaluation.methods.registry import choose, get_method, method_names
from secret_sauce_hf.evaluation.networks import fit, lstm_network, mfccs, outputs_of, regression_network
from secret_sauce_hf.evaluation.playing import FEW_NOISES, play, play_nearest
from secret_sauce_hf.evaluation.scores import score_presets
from secret_sauce_hf.evaluation.scoring import (
    NOISES,
    Resampling,
    Truth,
    estimate,
    score_over_time,
    score_settings,
    score_sounds,
)
from secret_sauce_hf.evaluation.searching import Search, at_renders, at_seconds
from secret_sauce_hf.evaluation.store import Store, key_of
from secret_sauce_hf.evaluation.tables import duration, markdown_table, show
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, Collection, InputError, get_collection
from secret_sauce_hf.matching.strategies import genetic
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.original.results import published
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
FULL = get_collection("noisemaker")
NAMES = method_names()
LOUD = np.full((50, 4), 0.5)


@pytest.fixture(scope="module")
def takes() -> Takes:
    presets = draw_presets(LIGHT, 40, seed=3)
    return Takes(render(presets, noise_seed=3).astype(np.float32) / 32_768, presets)


@pytest.fixture(scope="module")
def heard(takes) -> Heard:
    return hear([takes], LIGHT, True)


class TestIntervals:
    def test_means_and_limits_are_those_of_scipy(self):
        values = np.random.default_rng(1).gamma(2.0, size=60)
        found = estimate(Resampling(60, 0).means(values[:, None], np.ones((60, 1), bool))[:, 0])
        theirs = scipy.stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(2))
        assert found[0] == pytest.approx(values.mean())
        assert found[1:] == pytest.approx([theirs.confidence_interval.low, theirs.confidence_interval.high], rel=0.02)

    def test_medians_and_their_limits_are_those_of_scipy(self):
        values = np.random.default_rng(1).gamma(2.0, size=60)
        found = score_sounds({"mss": values}, Resampling(60, 0))["mss"]
        theirs = scipy.stats.bootstrap((values,), np.median, method="percentile", rng=np.random.default_rng(2))
        assert found["median"][0] == pytest.approx(np.median(values))
        assert found["median"][1:] == pytest.approx(
            [theirs.confidence_interval.low, theirs.confidence_interval.high], rel=0.06
        )
        assert found["mean"][0] == pytest.approx(values.mean())

    def test_the_same_seed_draws_the_same_rows(self):
        values = np.arange(20.0)
        first, again, other = (Resampling(20, seed).median(values) for seed in (4, 4, 5))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_what_is_never_counted_has_no_figure(self):
        means = Resampling(5, 0).means(np.ones((5, 1)), np.zeros((5, 1), bool))
        assert estimate(means[:, 0]) == [None, None, None]


class TestSettings:
    def test_the_means_are_those_of_the_evaluation(self):
        truth, told = draw_presets(FULL, 50, seed=1), draw_presets(FULL, 50, seed=2)
        found = score_settings(told.unit, Truth.of(truth, LOUD), Resampling(50, 0))
        expected = score_presets(told.unit, truth)
        assert found["all"]["knob_mae"][0] == pytest.approx(expected.knob_mae)
        assert found["all"]["switch_accuracy"][0] == pytest.approx(expected.switch_accuracy)
        for name, scores in found["per_parameter"].items():
            assert scores["all"][0] == pytest.approx(expected.per_parameter[name])
            # The filter's envelope is never heard in this base preset.
            heard = None if np.isnan(expected.heard[name]) else pytest.approx(expected.heard[name])
            assert scores["heard"][0] == heard
        for low, high in (found["all"]["knob_mae"][1:], found["heard"]["switch_accuracy"][1:]):
            assert low < high

    def test_in_silence_nothing_is_heard(self):
        sounds = LOUD.copy()
        sounds[:20] = 0.9e-3
        truth = Truth.of(draw_presets(LIGHT, 50, seed=1), sounds)
        assert not truth.heard[:20].any()
        assert truth.heard[20:].any()
        assert truth.nothing_heard == 20 + int((~truth.heard[20:].any(axis=1)).sum())

    def test_one_step_of_a_controller_is_near_enough_and_two_are_not(self):
        for name, step in (("noisemaker-light", 1), ("subphatty", 128)):
            presets = draw_presets(name, 1, seed=1)
            column, knob = next((i, p) for i, p in enumerate(presets.parameters) if len(p.control) == (step > 1) + 1)
            truth = Truth.of(presets, LOUD[:1])
            for distance, near in ((step, True), (step + 1, False)):
                units = presets.unit.copy()
                cc = int(presets.cc[0, column])
                units[0, column] = knob.cc_to_unit(np.asarray(cc + distance if cc < knob.high / 2 else cc - distance))
                assert truth.right(units)[0, column] == near

    def test_a_sound_is_right_if_everything_heard_is(self):
        presets = draw_presets(FULL, 50, seed=1)
        truth = Truth.of(presets, LOUD)
        units = presets.unit.copy()
        # Everything that is not heard may be wrong.
        knobs = np.array([p.kind == "knob" for p in presets.parameters])
        units[~truth.heard & knobs] = 0.5
        assert score_settings(units, truth, Resampling(50, 0))["heard"]["within_step"][0] == 1.0
        column = int(np.flatnonzero(knobs & truth.heard.any(axis=0))[0])
        row = int(np.flatnonzero(truth.heard[:, column])[0])
        units[row, column] = (units[row, column] + 0.5) % 1.0
        within = score_settings(units, truth, Resampling(50, 0))["heard"]["within_step"][0]
        assert within == pytest.approx(1 - 1 / truth.heard.any(axis=1).sum())

    def test_the_error_of_a_row_is_of_its_heard_knobs(self):
        presets = draw_presets(LIGHT, 50, seed=1)
        truth = Truth.of(presets, LOUD)
        units = presets.unit.copy()
        units[:, presets.collection.columns.index("filter_cutoff")] = 0.0
        wrong = truth.heard_knob_errors(units)
        knobs = truth.heard[:, [p.kind == "knob" for p in presets.parameters]]
        assert wrong[7] == pytest.approx(presets.settings["filter_cutoff"][7] / knobs[7].sum())

    def test_a_curve_holds_the_last_answer_and_begins_when_every_row_has_one(self):
        truth = Truth.of(draw_presets(LIGHT, 2, seed=1), LOUD[:2])
        units = truth.presets.unit
        wrong = units.copy()
        wrong[:, 0] = (wrong[:, 0] + 0.3) % 1
        traces = [
            (np.array([0.5, 2.0]), np.array([4.0, 1.0]), np.stack([wrong[0], units[0]])),
            (np.array([1.0]), np.array([2.0]), units[1:]),
        ]
        curve = score_over_time(traces, truth, np.array([0.7, 1.0, 3.0]))
        assert curve["mss"]["median"] == [None, 3.0, 1.5]
        assert curve["heard_knob_mae"]["median"][2] == 0.0
        assert curve["heard_knob_mae"]["high"][1] > 0


class TestGenetic:
    def test_it_comes_nearer_and_tells_when(self):
        goal = draw_presets(FULL, 1, seed=9).unit

        def distance(presets: Presets) -> np.ndarray:
            return np.abs(presets.unit - goal).sum(axis=1)

        found = genetic.search(FULL, distance, seconds=1e9, renders=4_000, seed=1)
        assert found.renders == 4_000
        distances = [step.distance for step in found.found]
        assert distances == sorted(distances, reverse=True)
        assert distances[-1] < 0.3 * distances[0]
        assert distances[-1] == pytest.approx(float(np.abs(found.found[-1].units - goal).sum()))
        again = genetic.search(FULL, distance, seconds=1e9, renders=4_000, seed=1)
        assert [step.distance for step in again.found] == distances
        # Settings that the controllers have.
        best = Presets(FULL, found.found[-1].units[None])
        np.testing.assert_allclose(Presets.from_cc(FULL, best.cc).unit, best.unit)

    def test_it_renders_no_more_than_it_may(self):
        counted = []

        def distance(presets: Presets) -> np.ndarray:
            counted.append(len(presets))
            return np.ones(len(presets))

        assert genetic.search(LIGHT, distance, seconds=1e9, renders=200, seed=1).renders == sum(counted) == 200
        counted.clear()
        assert genetic.search(LIGHT, distance, seconds=0, renders=10**9, seed=1).renders == sum(counted) == 128
        counted.clear()
        # Until both are used up.
        assert genetic.search(LIGHT, distance, seconds=0, renders=129, seed=1, until_both=True).renders == 256

    def test_the_answer_at_a_limit_is_the_last_one_before(self):
        steps = [(1.0, 100, np.array([1.0])), (2.0, 200, np.array([2.0])), (3.0, 300, np.array([3.0]))]
        search = Search(np.array([3.0]), 3.5, 350, steps)
        assert [at_seconds(search, limit)[0] for limit in (0.5, 1.0, 2.9, 9.0)] == [1, 1, 2, 3]
        assert [at_renders(search, limit)[0] for limit in (1, 100, 299, 300)] == [1, 1, 2, 3]
        again = Search.from_json(json.loads(json.dumps(search.to_json())))
        assert again.seconds == 3.5
        np.testing.assert_array_equal(again.trace[1][2], [2.0])


class TestBaselines:
    def test_mfccs_are_those_of_2018(self, takes):
        expected = librosa.feature.mfcc(y=takes.sounds[0], sr=22_050, hop_length=512, n_mfcc=20).T
        np.testing.assert_allclose(mfccs(takes.sounds[:2], 22_050)[0], expected, atol=1e-2)

    def test_a_known_sound_is_its_own_nearest(self, heard):
        np.testing.assert_array_equal(get_method("nearest").units(heard, heard), heard.presets.unit)

    def test_neighbours_are_few_near_and_agree(self, heard):
        # Every sound five times: its neighbours are its copies.
        copies = np.repeat(np.arange(len(heard)), 5)
        many = Heard(heard.presets.__class__(LIGHT, heard.presets.unit[copies]), heard.mfccs[copies], {})
        np.testing.assert_allclose(get_method("knn").units(many, heard), heard.presets.unit)

    def test_a_tie_goes_to_the_nearest(self, heard):
        wave = LIGHT.columns.index("osc2_wave")
        units = np.repeat(heard.presets.unit[:1], 5, axis=0)
        units[:, wave] = [2, 1, 1, 2, 0]
        distances = np.array([0.0, 1.0, 2.0, 3.0, 4.0], np.float32)
        known = Heard(Presets(LIGHT, units), heard.mfccs[:1] + distances[:, None, None], {})
        asked = Heard(heard.presets[:1], heard.mfccs[:1], {})
        assert get_method("knn").units(known, asked)[0, wave] == 2

    @pytest.mark.parametrize("name", ["lstm", "regression"])
    def test_networks_learn_from_the_train_rows(self, heard, name):
        method = get_method(name)
        told = method.train(heard, heard, method.schedule(1e9, 5, seed=0), progress=False)
        assert told.trained is not None
        assert told.trained["steps"] == 5
        np.testing.assert_allclose(Presets.from_cc(LIGHT, Presets(LIGHT, told.units).cc).unit, told.units)
        # They hear something: not all get the same answer.
        assert told.units[:, LIGHT.columns.index("filter_cutoff")].std() > 0

    def test_the_weights_of_the_least_loss_on_the_held_out_rows_are_kept(self, heard):
        network = lstm_network(LIGHT, 0)
        inputs = {"mfcc": torch.from_numpy((heard.mfccs - heard.mfccs.mean()) / heard.mfccs.std())}
        targets, trained = fit(network, inputs, heard.presets, get_method("lstm").schedule(1e9, 20, 0), lambda _: None)
        held = np.arange(36, 40)
        loss = float(targets.loss(outputs_of(network, inputs, held), targets.of(heard.presets)[held]))
        assert loss == pytest.approx(trained.validation_loss, rel=1e-5)
        assert loss < float(
            targets.loss(outputs_of(lstm_network(LIGHT, 0), inputs, held), targets.of(heard.presets)[held])
        )

    def test_the_regression_is_of_our_encoder(self):
        network, _ = regression_network(LIGHT, 0)
        names = {name.partition(".")[0] for name, _ in network.encoder.named_parameters()}
        assert {"embeddings", "layers", "queries"} <= names
        assert network.encoder.sampler is None
        knobs = [output.out_features for output in network.heads.outputs]
        assert knobs == [1 if p.kind == "knob" else len(p.labels) for p in LIGHT.parameters]


class TestStore:
    def test_what_is_kept_is_found_again_under_the_same_conditions_only(self, tmp_path):
        Store(tmp_path).part("lstm", {"seed": 1}).put("a", {"units": [1]})
        assert Store(tmp_path).part("lstm", {"seed": 1})["a"] == {"units": [1]}
        assert "a" not in Store(tmp_path).part("lstm", {"seed": 2})
        assert "a" not in Store(tmp_path).part("knn", {"seed": 1})
        assert "a" not in Store(tmp_path, again=True).part("lstm", {"seed": 1})

    def test_a_line_that_was_cut_is_left_out(self, tmp_path):
        part = Store(tmp_path).part("lstm", {})
        part.put("a", 1)
        part.put("b", 2)
        (path,) = (tmp_path / ".rows").iterdir()
        path.write_text(path.read_text()[:-5])
        again = Store(tmp_path).part("lstm", {})
        assert "a" in again
        assert "b" not in again

    def test_without_a_folder_nothing_is_kept(self):
        part = Store(None).part("lstm", {})
        part.put("a", 1)
        assert part["a"] == 1

    def test_keys_tell_sounds_apart(self):
        sound = np.arange(4.0)
        assert key_of(sound) == key_of(sound.copy()) != key_of(sound + 1e-9)


class TestWays:
    def test_those_that_are_left_out_and_those_that_need_an_engine(self):
        assert [way.name for way in choose([], renders=True)] == list(NAMES)
        assert [way.name for way in choose(["matching"], renders=True) if "genetic" in way.name] == ["genetic"]
        assert [way.name for way in choose(["lstm"], renders=False)] == [
            "naive",
            "knn",
            "nearest",
            "regression",
            "model",
        ]

    def test_nobody_or_somebody_unknown(self):
        with pytest.raises(InputError, match="--without svm: there is no such way to answer; there are naive, knn"):
            choose(["svm"], renders=True)
        with pytest.raises(InputError, match="leave at least one in"):
            choose([name for name in NAMES if name != "floor"], renders=True)


def test_the_scores_of_2018_are_the_reported_ones(shared):
    reported = json.loads((shared / "facts" / "results-2018.json").read_text())
    ours = {one.title: one for one in published(LIGHT)}
    light = reported["noisemaker_light"]["LSTM 128, 2, 0"]
    assert ours["2018 LSTM"].switch_accuracy == light.pop("osc2_wave")
    assert ours["2018 LSTM"].knob_mae == pytest.approx(np.mean(list(light.values())))
    assert ours["2018 LSTM"].tier == "all"
    assert {one.tier for one in published(get_collection("guitar"))} == {"heard"}
    assert [one.knob_mae for one in published(get_collection("guitar-tiny"))] == [None, None, None]
    assert {name for name, collection in COLLECTIONS.items() if published(collection)} == {
        "guitar",
        "guitar-tiny",
        "noisemaker-light",
    }


def test_how_figures_are_shown():
    assert show([1.234, 1.1, 1.4], 2) == "1.23 (1.10–1.40)"
    assert show([0.835, 0.78, 0.89], 2, percent=True) == "83.5 (78–89)"
    assert show([0.999, 0.996, 1.0], 2, percent=True) == "99.9 (99.6–100)"
    assert show([2.615], 2) == "2.62"
    assert show([None, None, None], 2) == "–"
    assert [duration(seconds) for seconds in (None, 1e-5, 0.0123, 10)] == ["–", "< 1 ms", "12 ms", "10.0 s"]
    assert markdown_table(["", "a"], [["x", "1"]]) == "|  | a |\n| --- | ---: |\n| x | 1 |\n"


class TestNoise:
    """A chorus's LFO may be anywhere when the note starts, which is no setting."""

    @staticmethod
    def row(flanger: str) -> tuple[Collection, np.ndarray, np.ndarray]:
        guitar = get_collection("guitar")
        presets = draw_presets(guitar, 60, seed=3)
        row = int(np.flatnonzero(presets.settings["flanger_on_off"] == flanger)[0])
        sound = render(presets[row : row + 1], noise_seed=9)[0] / np.float32(32_768)
        return guitar, sound, presets.unit[row]

    def test_the_truth_is_not_further_for_its_phase(self):
        collection, sound, units = self.row("on")
        nearest, chance = play_nearest(get_engine(collection), collection, sound, units, 1)
        rows = render(Presets(collection, np.repeat(units[None], NOISES, axis=0)), noise_seed=1)
        distances = np.array([mss(sound, take / np.float32(32_768), SAMPLE_RATE) for take in rows])
        assert chance.row == distances.argmin()
        np.testing.assert_array_equal(nearest, play(get_engine(collection), collection, units[None], chance)[0])
        apart = abs(chance.phases[0] - get_engine("guitar-rack").draw_phases(9, 0, 1)[0, 0])
        assert min(apart, 1 - apart) < 0.01
        assert mss(sound, nearest, SAMPLE_RATE) < distances.min() < 0.3 * np.median(distances)

    def test_every_phase_is_found(self):
        presets = draw_presets("subphatty", 8, seed=991)[2:3]
        sound = render(presets, noise_seed=5)[0] / np.float32(32_768)
        nearest, chance = play_nearest(get_engine("subphatty"), presets.collection, sound, presets.unit[0], 1)
        rows = render(Presets(presets.collection, np.repeat(presets.unit, NOISES, axis=0)), noise_seed=1)
        distances = np.array([mss(sound, take / np.float32(32_768), SAMPLE_RATE) for take in rows])
        assert mss(sound, nearest, SAMPLE_RATE) < distances.min() - 0.05
        np.testing.assert_array_equal(
            nearest, play(get_engine("subphatty"), presets.collection, presets.unit, chance)[0]
        )

    def test_where_nothing_runs_freely_few_are_played(self):
        collection, sound, units = self.row("off")
        played = []

        class Counting(GuitarRack):
            def _render(self, job):
                played.append(len(job.presets))
                return super()._render(job)

        take, _ = play_nearest(Counting(), collection, sound, units, 1)
        np.testing.assert_array_equal(take, sound)
        assert played == [FEW_NOISES]

    def test_without_phases_the_nearest_noise_is_taken(self):
        noisy = draw_presets("noisemaker", 40, seed=1)
        row = int(np.flatnonzero(noisy.settings["osc1_wave"] == "Noise")[0])
        sound = render(noisy[row : row + 1], noise_seed=9)[0] / np.float32(32_768)
        nearest, chance = play_nearest(get_engine("noisemaker"), noisy.collection, sound, noisy.unit[row], 1)
        assert chance.phases.shape == (0,)
        np.testing.assert_array_equal(
            nearest, play(get_engine("noisemaker"), noisy.collection, noisy.unit[row : row + 1], chance)[0]
        )
