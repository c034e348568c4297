"""Training runs, from the first sound to the checkpoint, small enough for a test."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation import evaluate_checkpoint
from secret_sauce_hf.evaluation.scores import score_presets
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, load_pipeline
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.training import TrainingConfig, augmentation, stream, train
from secret_sauce_hf.training.augmentation import augment
from secret_sauce_hf.training.base import first_model
from secret_sauce_hf.training.calibration import _knob_temperature, _temperature, calibration, set_unheard
from secret_sauce_hf.training.data import CHUNK, extract, fresh_rows, fresh_takes, labels
from secret_sauce_hf.training.optimizer import MuonAdamW, make_optimizer
from secret_sauce_hf.training.references import naive_answers, nearest_answers
from secret_sauce_hf.training.stream import FreshStream, stream_loader

LIGHT = get_collection("noisemaker-light")
SMALL = {"batch_size": 32, "hidden_size": 16, "layers": 1, "validation": 32, "workers": 0, "progress": False}


class InterruptedAt(TrainerCallback):
    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, _arguments, state, _control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


class TestSounds:
    def test_a_row_does_not_depend_on_how_many_there_are(self):
        few = next(iter(fresh_takes(get_engine(LIGHT), LIGHT, 3, seed=5)))
        more = next(iter(fresh_takes(get_engine(LIGHT), LIGHT, 5, seed=5)))
        np.testing.assert_array_equal(few[0], more[0][:3])
        np.testing.assert_array_equal(few[1].unit, more[1].unit[:3])

    def test_half_of_them_are_played_in_session(self):
        from secret_sauce_hf.engines import render

        _, (takes, presets) = fresh_takes(get_engine(LIGHT), LIGHT, CHUNK + 2, seed=5)
        before = draw_presets(LIGHT, 1, 5, CHUNK - 1)
        in_session = render(presets, in_session=True, preceding=before, noise_seed=5, first_row=CHUNK)
        np.testing.assert_array_equal(takes, in_session.astype(np.float32) / 32_768)

    def test_labels_are_settings_and_indices(self):
        presets = draw_presets(LIGHT, 10, seed=1)
        columns = labels(presets)
        np.testing.assert_allclose(columns["filter_cutoff"], presets.settings["filter_cutoff"], rtol=1e-6)
        names = np.array(LIGHT.instrument["osc2_wave"].labels)
        assert (names[columns["osc2_wave"]] == presets.settings["osc2_wave"]).all()

    def test_a_batch_is_its_rows(self):
        extractor = SecretSauceFeatureExtractor(take_samples=LIGHT.samples)
        examples = extract(fresh_takes(get_engine(LIGHT), LIGHT, 4, seed=2), extractor, progress=False)
        batch = examples.__getitems__([2, 0])
        for position, row in enumerate((2, 0)):
            for name, value in examples[row].items():
                torch.testing.assert_close(batch[name][position], value)


class TestOptimizer:
    def test_it_solves_a_regression(self):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(200, 8, generator=generator)
        y = x @ torch.randn(8, 4, generator=generator) + 1
        weight, bias = torch.nn.Parameter(torch.zeros(8, 4)), torch.nn.Parameter(torch.zeros(4))
        optimizer = MuonAdamW([weight], [bias], matrix_learning_rate=0.05, learning_rate=0.05)
        for step in range(300):
            for group, first in zip(optimizer.param_groups, (0.05, 0.05), strict=True):
                group["lr"] = first * (1 - step / 300)
            optimizer.zero_grad()
            loss = (x @ weight + bias - y).square().mean()
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.01

    def test_it_is_both_of_torchs(self):
        """And goes on from a saved state as if nothing had been between."""

        def parameters() -> list[torch.nn.Parameter]:
            generator = torch.Generator().manual_seed(0)
            return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((8, 4), (4,))]

        def move(weights: list[torch.nn.Parameter], optimizers: list[torch.optim.Optimizer], seed: int) -> None:
            generator = torch.Generator().manual_seed(seed)
            for weight in weights:
                weight.grad = torch.randn(weight.shape, generator=generator)
            for optimizer in optimizers:
                optimizer.step()

        ours, theirs = parameters(), parameters()
        both = MuonAdamW([ours[0]], [ours[1]], learning_rate=0.1, matrix_learning_rate=0.2)
        separate = [
            torch.optim.Muon([theirs[0]], lr=0.2, weight_decay=0.01),
            torch.optim.AdamW([theirs[1]], lr=0.1, weight_decay=0.01, betas=(0.9, 0.98)),
        ]
        for step in range(6):
            if step == 3:
                state = copy.deepcopy(both.state_dict())
                both = MuonAdamW([ours[0]], [ours[1]])
                both.load_state_dict(state)
            move(ours, [both], step)
            move(theirs, separate, step)
        # torch's own Muon orthogonalises in bfloat16, ours on processors in float32: an update of .2 differs by 1 %.
        torch.testing.assert_close(ours[0], theirs[0], rtol=0, atol=0.01)
        torch.testing.assert_close(ours[1], theirs[1], rtol=0, atol=0)

    def test_a_scheduler_moves_both(self):
        model, _ = first_model(LIGHT, None, 16, 1, 0)
        optimizer = make_optimizer(model, learning_rate=0.1, matrix_learning_rate=0.2)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 if step == 0 else 0.0)
        before = [parameter.detach().clone() for parameter in model.parameters()]
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        scheduler.step()
        moved = [parameter.detach().clone() for parameter in model.parameters()]
        assert not any(torch.equal(a, b) for a, b in zip(before, moved, strict=True))
        optimizer.step()
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), moved, strict=True))


class TestScores:
    def test_perfect_and_wrong_answers(self):
        presets = original_presets(LIGHT, 0, 50)
        perfect = score_presets(presets.unit, presets)
        assert perfect.knob_mae == 0
        assert perfect.switch_accuracy == 1
        wrong = presets.unit.copy()
        wrong[:, 1] = np.where(wrong[:, 1] > 0.5, wrong[:, 1] - 0.2, wrong[:, 1] + 0.2)
        wrong[:25, 3] = (wrong[:25, 3] + 1) % 5
        scores = score_presets(wrong, presets)
        assert scores.per_parameter["filter_cutoff"] == pytest.approx(2)
        assert scores.knob_mae == pytest.approx(0.5)
        assert scores.switch_accuracy == 0.5

    def test_unheard_rows_are_left_out_of_heard_scores(self):
        presets = original_presets("noisemaker", 0, 200)
        heard = presets.heard()
        answers = np.where(heard, presets.unit, presets.unit[::-1])
        scores = score_presets(answers, presets)
        for column, parameter in enumerate(presets.parameters):
            if heard[:, column].any():
                assert scores.heard[parameter.name] == (0 if parameter.kind == "knob" else 1)
            else:
                assert np.isnan(scores.heard[parameter.name])
        assert scores.knob_mae > 0.5

    def test_naive_answers_score_as_in_2018(self):
        """The 2018 notebooks' naive scores on test rows (results-2018.json), to what the median's choice allows."""
        train_rows, test_rows = original_presets(LIGHT, 0, 800), original_presets(LIGHT, 800)
        scores = score_presets(naive_answers(train_rows, 200), test_rows)
        for name, expected in {"lfo1_rate": 2.6774, "filter_cutoff": 2.6464, "osc2_wave": 0.23}.items():
            assert scores.per_parameter[name] == pytest.approx(expected, abs=0.08)

    def test_the_nearest_of_the_sounds_themselves(self):
        extractor = SecretSauceFeatureExtractor(take_samples=LIGHT.samples)
        examples = extract(fresh_takes(get_engine(LIGHT), LIGHT, 12, seed=2), extractor, progress=False)
        answers = nearest_answers(examples.features, examples.presets, examples.features)
        np.testing.assert_array_equal(answers, examples.presets.unit)


class TestStream:
    def stream(self, steps: int = 6, **options) -> FreshStream:
        extractor = SecretSauceFeatureExtractor(take_samples=LIGHT.samples)
        return FreshStream(
            get_engine(LIGHT), LIGHT, extractor, **{"batch_size": 8, "steps": steps, "seed": 4} | options
        )

    def test_every_sound_comes_as_often_as_asked_for(self):
        batches = list(self.stream(augment=False))
        fresh = draw_presets(LIGHT, 24, 4)
        seen = torch.cat([batch["filter_cutoff"] for batch in batches]).numpy()
        expected = np.sort(np.repeat(fresh.settings["filter_cutoff"], 2))
        np.testing.assert_allclose(np.sort(seen), expected, rtol=1e-6)
        # New ones first, and never twice in a batch.
        np.testing.assert_allclose(batches[2]["filter_cutoff"][:4], fresh.settings["filter_cutoff"][8:12], rtol=1e-6)
        assert all(len(set(batch["filter_cutoff"].tolist() + batch["lfo1_rate"].tolist())) > 8 for batch in batches)
        takes, _ = next(iter(fresh_takes(get_engine(LIGHT), LIGHT, 4, seed=4)))
        features = batches[0]["short_mels"][:4]
        expected_features = self.stream().extractor.transform(torch.from_numpy(takes))["short_mels"]
        torch.testing.assert_close(features, expected_features.half().float())

    def test_neither_workers_nor_a_later_start_change_it(self):
        alone = list(self.stream())
        later = self.stream()
        later.start = 2
        # Half of the steps do not divide by 2: a worker's repeats are of sounds that the other one rendered.
        for batches in (list(stream_loader(self.stream(), 2)), [None, None, *later]):
            assert len(batches) == 6
            for mine, theirs in zip(batches, alone, strict=True):
                assert mine is None or all(torch.equal(mine[name], theirs[name]) for name in theirs)

    def test_what_comes_again_is_rendered_once(self, monkeypatch):
        monkeypatch.setattr(stream, "REPEAT_STEPS", 4)
        own = self.stream(steps=14, repeats=3, batch_size=6, augment=False)
        assert own.lag == 4
        rendered = []
        sounds = own._sounds
        monkeypatch.setattr(own, "_sounds", lambda step: rendered.append(step) or sounds(step))
        assert sum(len(batch["peak"]) for batch in own) == 6 * 14
        # But for those at the end, which the first batches showed long ago.
        assert [step for step in range(14) if rendered.count(step) > 1] == list(range(6, 14))

    def test_processes_share_every_batch(self):
        whole = list(self.stream())
        halves = [list(self.stream(share=(part, 2))) for part in (0, 1)]
        for batch, first, second in zip(whole, *halves, strict=True):
            for name, values in batch.items():
                # New sounds and repeated ones lie one after the other, in the halves too.
                new, old = (torch.cat([half[name][at : at + 2] for half in (first, second)]) for at in (0, 2))
                assert torch.equal(values, torch.cat([new, old]))
        # Of four new sounds one of three processes makes two.
        assert [self.stream(share=(part, 3)).rows_per_step for part in range(3)] == [2, 2, 4]
        with pytest.raises(InputError, match="each, by 5 processes; its size must be a multiple of 2, 10 at least"):
            self.stream(share=(0, 5))

    def test_an_engine_of_another_instrument(self):
        extractor = SecretSauceFeatureExtractor(take_samples=LIGHT.samples)
        with pytest.raises(InputError, match="does not render"):
            FreshStream(get_engine("guitar"), LIGHT, extractor, batch_size=8, steps=1)


class TestAugmentation:
    def test_some_takes_are_changed_whatever_comes_before(self):
        takes, _ = next(iter(fresh_takes(get_engine(LIGHT), LIGHT, 40, seed=2)))
        changed = augment(takes, 7, 100)
        np.testing.assert_array_equal(augment(takes[30:], 7, 130), changed[30:])
        same = (changed == takes).all(axis=1)
        assert 0.5 < same.mean() < 0.9
        assert np.abs(changed).max() <= 0.9991
        assert changed.dtype == np.float32
        # They are still the same sounds.
        alike = [
            np.corrcoef(np.abs(np.fft.rfft(a)), np.abs(np.fft.rfft(b)))[0, 1]
            for a, b in zip(takes, changed, strict=True)
        ]
        assert np.median(np.array(alike)[~same]) > 0.8
        assert not np.array_equal(augment(takes, 8, 100), changed)

    def test_each_change(self):
        seconds = np.arange(19_845) / 22_050
        tone = (0.3 * np.sin(2 * np.pi * 441 * seconds)).astype(np.float32)
        detuned = augmentation._detune(tone, 100.0)
        peak = np.abs(np.fft.rfft(detuned * np.hanning(len(tone)))).argmax() * 22_050 / len(tone)
        assert peak == pytest.approx(441 * 2 ** (1 / 12), abs=1.2)
        assert len(detuned) == len(tone)
        np.testing.assert_array_equal(augmentation._shift(tone, 5)[5:], tone[:-5])
        np.testing.assert_array_equal(augmentation._shift(tone, -5)[:-5], tone[5:])
        louder = augmentation.equalise(tone, np.full(6, 6.0))
        assert np.abs(louder - tone * 10 ** (6 / 20)).max() < 1e-3
        coded = augmentation.code(tone, 0.2)
        assert coded.shape == tone.shape
        assert np.corrcoef(coded, tone)[0, 1] > 0.99


class TestCalibration:
    def presets(self, rows: int = 2_000) -> Presets:
        return draw_presets(LIGHT, rows, 6)

    def logits(self, presets: Presets, sharpness: float) -> dict[str, np.ndarray]:
        """Of a listener that is off by 1 of 10 (sd), or wrong in one of five, and says so where `sharpness` is 1."""
        random = np.random.default_rng(0)
        bins = np.linspace(0, 10, 128)
        told = {}
        for column, parameter in enumerate(presets.parameters):
            if parameter.kind == "knob":
                near = parameter.unit_to_setting(presets.unit[:, column]) + random.normal(0, 1, len(presets))
                told[parameter.name] = -0.5 * (bins - near[:, None]) ** 2 * sharpness
            else:
                wrong = random.random(len(presets)) < 0.2
                label = (presets.unit[:, column] + wrong * random.integers(1, 5, len(presets))) % 5
                odds = np.log(0.8 / 0.05)
                told[parameter.name] = np.eye(5)[label.astype(int)] * odds * sharpness
        return told

    def test_who_says_how_sure_he_is_and_who_is_too_sure(self):
        presets = self.presets()
        config = SecretSauceConfig.from_collection(LIGHT)
        honest = calibration(self.logits(presets, 1.0), presets, config)
        assert honest.error < 0.03
        assert 0.77 < honest.mean_coverage < 0.83
        proud = calibration(self.logits(presets, 4.0), presets, config)
        assert proud.error > 0.15
        assert proud.mean_coverage < 0.6
        confidence, accuracy, count = proud.reliability[-1]
        assert (confidence > 0.99, count) == (True, 2_000)
        assert accuracy == pytest.approx(0.8, abs=0.03)

    def test_temperatures_undo_what_was_multiplied(self):
        random = np.random.default_rng(1)
        index = random.integers(0, 5, 4_000)
        # Probabilities that are right.
        logits = random.normal(0, 1, (4_000, 5))
        chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        index = np.array([random.choice(5, p=row) for row in chance])
        assert _temperature(logits * 3, index) == pytest.approx(3, rel=0.1)
        assert _temperature(logits * 3, index[:5]) == 1

    def test_temperatures_of_knobs_are_by_coverage_and_bounded(self):
        presets, bins = self.presets(), np.linspace(0, 10, 128)
        truth = presets.settings["filter_cutoff"].astype(float)
        honest = self.logits(presets, 1.0)["filter_cutoff"]
        assert _knob_temperature(honest * 1.5, truth, bins) == pytest.approx(1.5, rel=0.1)
        # Who is wrong and sure of it everywhere is not made to say nothing at all.
        assert _knob_temperature(honest[::-1] * 3, truth, bins) == pytest.approx(2, rel=1e-3)
        assert _knob_temperature(honest[:5], truth[:5], bins) == 1

    def test_settings_that_are_not_heard(self):
        model = first_model(LIGHT, None, 16, 1, 0, 0)[0]
        set_unheard(model, self.presets(20_000))
        parts = dict(zip(LIGHT.columns, model.unheard.exp().split(model.config.head_sizes()), strict=True))
        assert all(part.sum().item() == pytest.approx(1, abs=1e-4) for part in parts.values())
        # The rate is unheard where the amount is small: any rate.
        assert parts["lfo1_rate"].max() < 2 / 128
        # Resonance is unheard where the cutoff is high: any, too; the cutoff is always heard.
        assert parts["filter_cutoff"].max().item() == pytest.approx(1 / 128, rel=0.01)


class TestTraining:
    def test_from_fresh_sounds_to_a_checkpoint(self, tmp_path: Path):
        out = tmp_path / "checkpoint"
        record = train(LIGHT, None, out, fresh=64, epochs=16, seed=3, **SMALL)
        assert sorted(path.name for path in out.iterdir()) == [
            "checkpoint_secret_sauce.py",
            "config.json",
            "configuration_secret_sauce.py",
            "encoder_secret_sauce.py",
            "errors.py",
            "feature_extraction_secret_sauce.py",
            "fetching.py",
            "hearing_secret_sauce.py",
            "instrument.py",
            "listener_secret_sauce.py",
            "listening.py",
            "model.safetensors",
            "modeling_secret_sauce.py",
            "outputs_secret_sauce.py",
            "parameters.py",
            "pipeline_secret_sauce.py",
            "played.py",
            "preprocessor_config.json",
            "rules.py",
            "sampler_secret_sauce.py",
            "sounds.py",
            "strokes_secret_sauce.py",
            "takes.py",
            "training.json",
            "transcription_secret_sauce.py",
        ]
        assert json.loads((out / "training.json").read_text()) == record
        assert record["sounds"] == 64
        assert 0 < record["seconds"] < 600
        assert record["history"][-1]["sounds"] == 64
        assert record["history"][-1]["knob_mae"] == pytest.approx(record["validation"]["model"]["knob_mae"], abs=0.5)
        assert 0 <= record["calibration"]["error"] <= 1
        assert set(record["calibration"]["coverage"]) == set(LIGHT.columns) - {"osc2_wave"}
        assert re.fullmatch(r".+, \d+ cores", record["machine"]) or torch.cuda.is_available()
        assert record["validation"]["model"]["switch_accuracy"] > 0.3
        assert record["validation"]["model"]["knob_mae"] < record["validation"]["naive"]["knob_mae"]
        assert load_file(out / "model.safetensors")["queries"].dtype == torch.float16
        takes, presets = next(iter(fresh_takes(get_engine(LIGHT), LIGHT, 32, seed=3)))
        scores = evaluate_checkpoint(out, takes, presets, train_sounds=takes, train_presets=presets)
        assert scores["nearest"].knob_mae == 0
        assert scores["model"].knob_mae < scores["naive"].knob_mae
        answers = load_pipeline(out)([{"array": take, "sampling_rate": 22_050} for take in takes[:4]])
        told = np.array([answer["preset"]["filter_cutoff"] for answer in answers])
        assert told.shape == (4,)

    def test_an_interrupted_run_ends_as_if_it_had_not_been(self, tmp_path: Path):
        run = SMALL | {"fresh": 64, "epochs": 4, "seed": 1}
        train(LIGHT, None, tmp_path / "whole", **run)
        with pytest.raises(KeyboardInterrupt):
            train(LIGHT, None, tmp_path / "parts", callbacks=[InterruptedAt(5)], **run)
        assert not (tmp_path / "parts" / "model.safetensors").exists()
        half_written = tmp_path / "parts" / ".training" / "checkpoint-6"
        half_written.mkdir()
        (half_written / "model.safetensors").write_bytes(b"half of")
        train(LIGHT, None, tmp_path / "parts", resume=True, **run)
        whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
        assert all(torch.equal(whole[name], parts[name]) for name in whole)
        assert not (tmp_path / "parts" / ".training").exists()

    def test_going_on_from_another_checkpoint(self, tmp_path: Path):
        first = train(LIGHT, None, tmp_path / "first", fresh=64, epochs=16, seed=3, **SMALL)
        second = train(
            LIGHT,
            None,
            tmp_path / "second",
            fresh=64,
            epochs=1,
            seed=3,
            base=tmp_path / "first",
            learning_rate=1e-5,
            **SMALL,
        )
        assert second["base"] == first
        assert second["run"]["base"] == "first"
        before, after = (record["validation"]["model"]["knob_mae"] for record in (first, second))
        assert after == pytest.approx(before, abs=0.1)
        with pytest.raises(InputError, match="layers of another size"):
            train(LIGHT, None, tmp_path / "third", fresh=8, base=tmp_path / "first", **SMALL | {"hidden_size": 32})

    def test_from_the_train_rows_of_a_dataset(self, tmp_path: Path):
        build_collection(LIGHT, tmp_path / "data", seed=4, count=40, progress=False)
        record = train(LIGHT, tmp_path / "data", tmp_path / "first", epochs=1, **SMALL)
        assert record["sounds"] == 32
        record = train(LIGHT, tmp_path / "data", tmp_path / "second", epochs=1, **SMALL | {"validation": 0})
        assert (record["sounds"], record["validation_sounds"]) == (29, 3)
        record = train(LIGHT, tmp_path / "data", tmp_path / "third", epochs=1, fresh=16, **SMALL)
        assert record["sounds"] == 48

    @pytest.mark.usefixtures("no_engines")
    def test_fresh_sounds_need_an_engine(self, tmp_path: Path):
        with pytest.raises(InputError, match="No engine renders"):
            train("guitar", None, tmp_path / "model", fresh=8, **SMALL)
        assert not (tmp_path / "model").exists()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"fresh": 0}, "nothing to train on"),
            ({"fresh": -1}, "fresh must be an integer from 0"),
            ({"collection": "piano"}, "Unknown collection"),
            ({"data": "nowhere"}, "nowhere"),
            ({"epochs": 0}, "epochs must be positive"),
            ({"epochs": 1.5}, "whole number of times"),
            ({"epochs": 3}, "cannot be made of sounds"),
            ({"sampler_layers": -1}, "sampler_layers must be an integer from 0"),
            ({"precision": "fp8"}, "precision is 'fp8'"),
            ({"workers": 7}, "7 worker processes cannot"),
            ({"micro_batch": 0}, "micro_batch must be an integer from 1"),
            ({"batch_size": -1}, "batch_size must be an integer from 1"),
            ({"seed": -1}, "seed must be an integer from 0"),
            ({"validation": 0}, "nothing to validate on"),
            ({"resume": True}, "no interrupted run"),
        ],
    )
    def test_bad_arguments(self, tmp_path: Path, changes: dict, message: str):
        arguments = {"collection": "noisemaker-light", "data": None, "fresh": 8} | SMALL | changes
        with pytest.raises(InputError, match=message) as caught:
            train(arguments.pop("collection"), arguments.pop("data"), tmp_path / "out", **arguments)
        assert "\n" not in str(caught.value)

    def test_a_folder_that_is_taken(self, tmp_path: Path):
        (tmp_path / "notes.txt").touch()
        with pytest.raises(InputError, match="not empty"):
            train(LIGHT, None, tmp_path, fresh=8, **SMALL)
        with pytest.raises(InputError, match="is a file"):
            train(LIGHT, None, tmp_path / "notes.txt", fresh=8, **SMALL)

    def test_a_run_is_not_resumed_as_another(self, tmp_path: Path):
        with pytest.raises(KeyboardInterrupt):
            train(LIGHT, None, tmp_path, fresh=32, epochs=2, callbacks=[InterruptedAt(1)], **SMALL)
        with pytest.raises(InputError, match="had fresh = 32, not 33"):
            train(LIGHT, None, tmp_path, fresh=33, epochs=2, resume=True, **SMALL)

    def test_the_names_of_version_0_1(self, tmp_path: Path):
        """They still work, with a warning; but a run that was interrupted under them cannot go on."""
        run = {"fresh": 32, "epochs": 2} | SMALL
        with pytest.raises(KeyboardInterrupt), pytest.warns(DeprecationWarning, match="called learning_rate now"):
            train(LIGHT, None, tmp_path, callbacks=[InterruptedAt(1)], **run, rate=1e-3)
        path = tmp_path / ".training" / "run.json"
        started = json.loads(path.read_text())
        assert started["learning_rate"] == 1e-3
        with pytest.raises(InputError, match=r"had learning_rate = 0\.001, not 0\.0015"):
            train(LIGHT, None, tmp_path, resume=True, **run)
        old = {"rate": "learning_rate", "matrix_rate": "matrix_learning_rate", "augmented": "augment"}
        path.write_text(json.dumps({name: started.pop(new) for name, new in old.items()} | started))
        with pytest.raises(InputError, match=r"An earlier version .* began the run .* in a new folder") as caught:
            train(LIGHT, None, tmp_path, TrainingConfig(learning_rate=1e-3), resume=True, **run)
        assert "\n" not in str(caught.value)

    def test_an_old_name_and_its_new_one(self, tmp_path: Path):
        with pytest.raises(TypeError, match="train's rate is called learning_rate now; give one of the two"):
            train(LIGHT, None, tmp_path, fresh=8, rate=1e-3, learning_rate=2e-3)

    def test_a_setting_that_there_is_not(self, tmp_path: Path):
        with pytest.raises(TypeError, match="fressh"):
            train(LIGHT, None, tmp_path, fressh=8)

    def test_takes_that_the_engine_cannot_render_are_refused_first(self, tmp_path: Path):
        long = replace(
            LIGHT, name="long-takes", timing=replace(LIGHT.timing, cut=(0.1, 70.0), note_off=70.0, slot=70.0)
        )
        for engine in (None, get_engine(LIGHT)):
            with pytest.raises(InputError, match=r"long-takes: take: it lasts 69\.9 s; give 0\.05 to") as caught:
                train(long, None, tmp_path / "out", fresh=8, engine=engine, **SMALL)
            assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match="The engine of noisemaker does not render guitar-rack"):
            train("guitar", None, tmp_path / "out", fresh=8, engine=get_engine(LIGHT), **SMALL)
        assert not (tmp_path / "out").exists()

    def test_presets_as_people_set_an_instrument(self, tmp_path: Path):
        takes, presets = fresh_rows(get_engine(LIGHT), LIGHT, 7, 3, 5, "musical")
        assert presets == draw_presets(LIGHT, 3, 5, 7, prior="musical") and takes.shape == (3, LIGHT.samples)
        record = train(LIGHT, None, tmp_path / "out", fresh=8, epochs=1, prior="musical", **SMALL)
        assert record["run"]["prior"] == "musical"
        # Where a record does not tell it, it is uniform, as it was in all older ones.
        assert "prior" not in train(LIGHT, None, tmp_path / "even", fresh=8, epochs=1, **SMALL)["run"]
        with pytest.raises(InputError, match=r"prior is 'even'; give one of uniform, musical\."):
            train(LIGHT, None, tmp_path / "none", fresh=8, prior="even", **SMALL)
        assert not (tmp_path / "none").exists()

    def test_sounds_that_do_not_fit_the_presets(self, tmp_path: Path):
        train(LIGHT, None, tmp_path / "out", fresh=8, epochs=1, **SMALL)
        with pytest.raises(InputError, match="3 presets need"):
            evaluate_checkpoint(tmp_path / "out", np.zeros((2, LIGHT.samples)), original_presets(LIGHT, 0, 3))
