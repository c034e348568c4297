"""Models that begin with another checkpoint: AST's, or one of ours."""

import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file, save_file
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    ASTModel,
    TrainerCallback,
    pipeline,
)

from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, get_collection
from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, SecretSauceModel, load_pipeline
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import resample
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training import train
from secret_sauce_hf.training.base import PATCHES, first_model, fit_positions, grid_of, open_base
from secret_sauce_hf.training.optimizer import ENCODER_RATE, MuonAdamW, make_optimizer
from secret_sauce_hf.training.run import save_checkpoint

LIGHT = get_collection("noisemaker-light")
FRAMES = 88
"""Of 0.9 s."""
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_mel_bins": 64,
    "max_length": 128,
    # As the AST checkpoints on the Hub have them; none of ours.
    "id2label": {0: "Speech", 1: "Music"},
    "_name_or_path": "/home/somebody/ast",
}
RUN = {"fresh": 48, "validation": 16, "batch_size": 16, "workers": 0, "progress": False}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny models: two threads would only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ast_extractor(**options) -> ASTFeatureExtractor:
    with warnings.catch_warnings():
        # It warns of its own 128 bands.
        warnings.filterwarnings("ignore", "At least one mel filter", UserWarning)
        return ASTFeatureExtractor(**options)


def save_ast(folder: Path, model_class: type = ASTForAudioClassification, **changes) -> ASTModel:
    """An AST checkpoint as transformers writes it, its weights random; the encoder is handed back."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = model_class(ASTConfig(**TINY | changes))
        with torch.no_grad():
            for weights in model.parameters():
                weights.normal_(0, 0.1)
    model.save_pretrained(folder)
    ast_extractor(num_mel_bins=model.config.num_mel_bins, mean=-5.0, std=4.0).save_pretrained(folder)
    return model.eval() if model_class is ASTModel else model.audio_spectrogram_transformer.eval()


@pytest.fixture(scope="module")
def ast_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases") / "ast"
    save_ast(folder)
    return folder


def start(base: Path | str, collection=LIGHT) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
    opened = open_base(base)
    model, extractor = first_model(collection, opened, opened.hidden_size, opened.layers, seed=1)
    return model.eval(), extractor


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class TestFilterBanks:
    @staticmethod
    def extractor(**changes) -> SecretSauceFeatureExtractor:
        record = {"name": "fbank", "kind": "fbank", "rate": 16_000, "bins": 128, "mean": -4.2677393, "std": 4.5689974}
        return SecretSauceFeatureExtractor(inputs=[record | changes])

    def test_they_are_asts(self):
        time = np.arange(14_400) / 16_000
        sounds = np.stack(
            [
                np.random.default_rng(0).normal(size=14_400) * 0.1,
                np.sin(2 * np.pi * 440 * time),
                np.sin(2 * np.pi * 440 * time) * np.exp(-30 * time) + 0.01,
                np.zeros(14_400),
            ]
        ).astype(np.float32)
        expected = ast_extractor()(list(sounds), sampling_rate=16_000, return_tensors="pt")["input_values"]
        # Of takes at 16 kHz already.
        ours = SecretSauceFeatureExtractor(
            sampling_rate=16_000, take_samples=14_400, inputs=self.extractor().inputs
        ).transform(torch.from_numpy(sounds))["fbank"]
        assert ours.shape == (4, FRAMES, 128)
        torch.testing.assert_close(ours, expected[:, :FRAMES], rtol=0, atol=1e-4)

    def test_takes_are_brought_to_its_rate(self):
        time = np.arange(19_845) / SAMPLE_RATE
        take = (0.3 * np.sin(2 * np.pi * 300 * time) * np.exp(-time)).astype(np.float32)
        ours = self.extractor().transform(torch.from_numpy(take)[None])["fbank"][0]
        at_16k = soxr.resample(take, SAMPLE_RATE, 16_000)
        expected = ast_extractor()(at_16k, sampling_rate=16_000, return_tensors="pt")["input_values"][0, :FRAMES]
        assert ours.shape == (FRAMES, 128)
        # At the take's ends the resamplers ring in other ways.
        torch.testing.assert_close(ours[2:-2, :60], expected[2:-2, :60], rtol=0, atol=1e-3)

    def test_a_batch_equals_single_takes(self):
        takes = torch.randn(70, 19_845, generator=torch.Generator().manual_seed(0)) * 0.1
        together = self.extractor().transform(takes)["fbank"]
        torch.testing.assert_close(self.extractor().transform(takes[69:])["fbank"][0], together[69], rtol=0, atol=1e-4)


class TestPositions:
    """Tokens are numbered here: value = 1000 * frequency + time."""

    @staticmethod
    def numbered(frequencies: int, times: int) -> torch.Tensor:
        grid = 1_000.0 * torch.arange(frequencies)[:, None] + torch.arange(times)
        return torch.cat([torch.tensor([-1.0, -2.0]), grid.flatten()])[None, :, None].expand(1, -1, 3)

    @pytest.mark.parametrize("times", [1, 7, 8, 100, 101])
    def test_of_a_longer_time_the_middle_is_cut(self, times: int):
        cut = fit_positions(self.numbered(12, 101), (12, 101), (12, times))
        assert cut.shape == (1, 2 + 12 * times, 3)
        assert cut[0, :2, 0].tolist() == [-1, -2]
        first = 50 - times // 2  # as in src/models/ast_models.py of its authors
        expected = [[1_000 * row + first + column for column in range(times)] for row in range(12)]
        assert cut[0, 2:, 1].reshape(12, times).tolist() == expected

    @pytest.mark.parametrize("new", [(12, 150), (6, 101), (15, 101), (6, 8), (20, 200)])
    def test_others_are_interpolated(self, new: tuple[int, int]):
        fitted = fit_positions(self.numbered(12, 101), (12, 101), new)
        assert fitted.shape == (1, 2 + new[0] * new[1], 3)
        assert fitted[0, :2, 0].tolist() == [-1, -2]
        grid = fitted[0, 2:, 2].reshape(new)
        # Evenly, but for the margins.
        assert (grid.diff(dim=0) >= 0).all()
        assert (grid.diff(dim=1) >= 0).all()
        assert grid.diff(dim=0)[2:-2].std() < 1
        assert 0 <= grid.min() < grid.max() <= 11_100

    def test_the_same_size_stays_as_it_is(self):
        positions = self.numbered(12, 101)
        assert torch.equal(fit_positions(positions, (12, 101), (12, 101)), positions)

    @pytest.mark.parametrize("strides", [(10, 10), (16, 8), (5, 12)])
    @pytest.mark.parametrize("patch", [8, 16])
    def test_the_grid_is_what_ast_makes(self, strides: tuple[int, int], patch: int):
        sizes = {"patch_size": patch, "frequency_stride": strides[0], "time_stride": strides[1], "max_length": FRAMES}
        config = ASTConfig(**TINY | sizes)
        frequencies, times = grid_of(config)
        embeddings = ASTModel(config).embeddings
        assert embeddings.position_embeddings.shape[1] == 2 + frequencies * times
        assert embeddings(torch.zeros(1, FRAMES, 64)).shape[1] == 2 + frequencies * times


class TestAstInside:
    @pytest.mark.parametrize("model_class", [ASTModel, ASTForAudioClassification])
    def test_every_weight_is_taken(self, tmp_path: Path, model_class: type):
        theirs = save_ast(tmp_path, model_class)
        names = list(load_file(tmp_path / "model.safetensors"))
        assert any(".layer.0.attention.attention.query" in name for name in names)  # the key names of old
        ours, extractor = start(tmp_path)
        for name, weights in theirs.state_dict().items():
            if name != "embeddings.position_embeddings":
                assert torch.equal(ours.ast.state_dict()[name], weights), name
        # 12 times of 128 frames: the middle 8 of 88.
        positions = theirs.state_dict()["embeddings.position_embeddings"]
        expected = positions[:, 2:].reshape(5, 12, 32)[:, 2:10].reshape(1, -1, 32)
        assert torch.equal(ours.ast.state_dict()["embeddings.position_embeddings"][:, 2:], expected)
        assert extractor.inputs == [
            {"name": "fbank", "kind": "fbank", "rate": 16_000, "bins": 64, "mean": -5.0, "std": 4.0}
        ]

    def test_it_hears_what_the_base_hears(self, tmp_path: Path):
        theirs = save_ast(tmp_path, max_length=FRAMES)
        ours, extractor = start(tmp_path)
        takes = torch.randn(3, LIGHT.samples, generator=torch.Generator().manual_seed(0)) * 0.1
        values = extractor.transform(takes)["fbank"]
        sounds = list(resample(takes, SAMPLE_RATE, 16_000).numpy())
        extract = ASTFeatureExtractor.from_pretrained(tmp_path, max_length=FRAMES)
        expected = extract(sounds, sampling_rate=16_000, return_tensors="pt")["input_values"]
        torch.testing.assert_close(values, expected, rtol=0, atol=1e-4)
        with torch.inference_mode():
            tokens = theirs(values).last_hidden_state
            torch.testing.assert_close(ours.ast(values).last_hidden_state, tokens, rtol=0, atol=1e-6)
            # Each head begins with about the mean of the tokens.
            told = ours.norm(tokens.mean(dim=1)) @ ours.heads["osc2_wave"].weight.T
            raw, _ = ours.read(ours(fbank=values).answers)
            assert (raw[3] - told).abs().max() < 0.2 * told.abs().max()

    @pytest.mark.parametrize(
        "sizes",
        [
            {"patch_size": 8, "frequency_stride": 8, "time_stride": 4},
            {"num_mel_bins": 128, "max_length": 1_024},
            {"max_length": 40},
            {"qkv_bias": False, "hidden_act": "relu"},
        ],
    )
    def test_other_asts(self, tmp_path: Path, sizes: dict):
        save_ast(tmp_path / "base", **sizes)
        model, extractor = start(tmp_path / "base")
        save_checkpoint(model, extractor, tmp_path / "ours")
        pipe = load_pipeline(tmp_path / "ours")
        encoder = pipe.model.ast.config
        assert (encoder.max_length, encoder.num_mel_bins) == (FRAMES, sizes.get("num_mel_bins", 64))
        for name in ("patch_size", "frequency_stride", "time_stride", "qkv_bias", "hidden_act"):
            assert getattr(encoder, name) == getattr(ASTConfig(**sizes), name)
        assert pipe({"array": np.ones(9_000), "sampling_rate": 8_000})["midi"]

    def test_half_precision_and_no_extractor(self, ast_base: Path, tmp_path: Path):
        shutil.copy(ast_base / "config.json", tmp_path)
        weights = {name: values.half() for name, values in load_file(ast_base / "model.safetensors").items()}
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        model, extractor = start(tmp_path)
        assert all(weights.dtype == torch.float32 for weights in model.state_dict().values())
        assert extractor.inputs[0] == TestFilterBanks.extractor(bins=64).inputs[0]

    def test_a_base_that_does_not_normalise(self, ast_base: Path, tmp_path: Path):
        shutil.copytree(ast_base, tmp_path, dirs_exist_ok=True)
        rewrite(tmp_path / "preprocessor_config.json", do_normalize=False)
        _, extractor = start(tmp_path)
        take = torch.randn(1, LIGHT.samples) * 0.1
        sound = resample(take, SAMPLE_RATE, 16_000)[0].numpy()
        extract = ASTFeatureExtractor.from_pretrained(tmp_path, max_length=FRAMES)
        expected = extract(sound, sampling_rate=16_000, return_tensors="pt")["input_values"]
        torch.testing.assert_close(extractor.transform(take)["fbank"], expected, rtol=0, atol=1e-3)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_for_answers(self, ast_base: Path, tmp_path: Path, dtype: torch.dtype):
        save_checkpoint(*start(ast_base), tmp_path)
        sound = {"array": np.sin(np.arange(20_000) / 20), "sampling_rate": 44_100}
        expected = load_pipeline(tmp_path)(sound)
        half = pipeline("audio-to-preset", model=str(tmp_path), dtype=dtype)
        assert half.model.ast.dtype == dtype
        told = half(sound)
        assert told["preset"]["osc2_wave"] == expected["preset"]["osc2_wave"]
        for name in set(LIGHT.columns) - {"osc2_wave"}:
            assert abs(told["preset"][name] - expected["preset"][name]) * 12.7 < 3.01  # steps of its controller

    def test_nothing_of_the_bases_paths_and_labels_is_kept(self, ast_base: Path, tmp_path: Path):
        model, extractor = start(ast_base)
        save_checkpoint(model, extractor, tmp_path)
        text = "".join(path.read_text() for path in tmp_path.glob("*.json"))
        for word in ("somebody", "Speech", str(ast_base)):
            assert word not in text

    def test_the_optimisers(self, ast_base: Path):
        model, _ = start(ast_base)
        optimizer = make_optimizer(model, learning_rate=2e-3)
        assert type(optimizer) is torch.optim.AdamW
        encoder, new = optimizer.param_groups
        assert (encoder["lr"], new["lr"]) == (ENCODER_RATE, 2e-3)
        assert {id(p) for p in encoder["params"]} == {id(p) for p in model.ast.parameters()}
        assert len(encoder["params"]) + len(new["params"]) == len(list(model.parameters()))
        own, _ = first_model(LIGHT, None, 16, 1, 0)
        assert type(make_optimizer(own)) is MuonAdamW


class TestNoWeightIsLost:
    """Old key names made the Trainer go on with wrong encoder weights, and only warn."""

    def test_in_a_checkpoint(self, ast_base: Path, tmp_path: Path):
        model, extractor = start(ast_base)
        save_checkpoint(model, extractor, tmp_path)
        again = SecretSauceModel.from_pretrained(tmp_path).state_dict()
        assert load_file(tmp_path / "model.safetensors").keys() == again.keys() == model.state_dict().keys()
        for name, weights in model.state_dict().items():
            assert torch.equal(again[name], weights.half().float()), name

    def test_a_missing_one_is_named(self, ast_base: Path, tmp_path: Path):
        save_checkpoint(*start(ast_base), tmp_path)
        weights = load_file(tmp_path / "model.safetensors")
        del weights["ast.layers.1.mlp.fc1.bias"]
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(InputError, match=r"ast\.layers\.1\.mlp\.fc1\.bias is missing"):
            load_pipeline(tmp_path)

    def test_in_a_run_that_is_resumed(self, ast_base: Path, tmp_path: Path):
        class Watcher(TrainerCallback):
            """Keeps the weights at every checkpoint; may stop the run."""

            def __init__(self, last: int | None = None):
                self.last = last
                self.saved: dict[str, dict[str, torch.Tensor]] = {}
                self.best = ""

            def on_save(self, _arguments, state, _control, model, **_):
                self.saved[f"checkpoint-{state.global_step}"] = {n: w.clone() for n, w in model.state_dict().items()}

            def on_step_end(self, _arguments, state, _control, **_):
                if state.global_step == self.last:
                    raise KeyboardInterrupt

            def on_train_end(self, _arguments, state, _control, **_):
                self.best = Path(state.best_model_checkpoint).name

        run = RUN | {"epochs": 4, "seed": 1, "learning_rate": 0.05, "base": ast_base}
        whole, parts = Watcher(), Watcher(7)
        train(LIGHT, None, tmp_path / "whole", callbacks=[whole], **run)
        with pytest.raises(KeyboardInterrupt):
            train(LIGHT, None, tmp_path / "parts", callbacks=[parts], **run)
        before = float((tmp_path / "parts" / ".training" / "seconds").read_text())
        record = train(LIGHT, None, tmp_path / "parts", resume=True, **run)
        assert record["seconds"] > before > 0
        first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
        assert first.keys() == second.keys()
        assert all(torch.equal(second[name], weights) for name, weights in first.items())
        # All but what is found after the training, such as temperatures.
        model = start(ast_base)[0]
        untrained = dict(model.named_parameters())
        # The sampler draws nothing after its last parameter. A key's bias is the same to all queries.
        idle = (f"sampler.values.{model.sampler.names[model.sampler.order[-1]]}", "k_proj.bias")
        for name, weights in ((name, first[name]) for name in untrained):
            # The best weights were loaded at the end, all of them.
            assert torch.equal(whole.saved[whole.best][name].half(), weights), name
            assert not torch.equal(untrained[name].half(), weights) or any(part in name for part in idle), name


class TestTraining:
    def test_from_ast_to_a_checkpoint(self, ast_base: Path, tmp_path: Path):
        losses: list[float] = []

        class Listener(TrainerCallback):
            def on_evaluate(self, *_, metrics, **__):
                losses.append(metrics["eval_loss"])

        record = train(
            LIGHT, None, tmp_path / "out", base=ast_base, epochs=8, learning_rate=3e-3, callbacks=[Listener()], **RUN
        )
        assert losses[-1] < losses[0] - 0.1
        run = record["run"]
        assert (run["base"], run["base_revision"], run["hidden_size"], run["layers"]) == ("ast", None, 32, 2)
        assert record["base"] is None
        assert record["validation"]["nearest"]["knob_mae"] > 0
        pipe = load_pipeline(tmp_path / "out", collection="noisemaker-light")
        answer = pipe({"array": np.sin(np.arange(20_000) / 20), "sampling_rate": 44_100})
        assert list(answer["preset"]) == list(LIGHT.columns)
        # And on from there, for takes of another instrument and length.
        again = train("guitar", None, tmp_path / "again", base=tmp_path / "out", epochs=1, **RUN)
        assert again["base"] == record
        assert load_pipeline(tmp_path / "again").model.ast.config.max_length == 82

    def test_a_size_that_ast_has_not(self, ast_base: Path, tmp_path: Path):
        with pytest.raises(InputError, match="of another size: 2 of 32, not 2 of 64; leave the model's size out"):
            train(LIGHT, None, tmp_path / "out", base=ast_base, hidden_size=64, **RUN)
        assert not (tmp_path / "out").exists()


class TestOurOwn:
    @staticmethod
    def small(
        collection, inputs: slice = slice(None), **changes
    ) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
        model, extractor = first_model(collection, None, 16, 2, seed=7)
        values = model.config.to_dict() | changes
        values["inputs"] = model.config.inputs[inputs]
        extractor.inputs = extractor.inputs[inputs]
        return SecretSauceModel(SecretSauceConfig(**values)).eval(), extractor

    def test_sizes_and_weights_are_the_bases(self, tmp_path: Path):
        base, extractor = self.small(LIGHT, num_attention_heads=2, intermediate_size=24)
        save_checkpoint(base, extractor, tmp_path)
        model, extractor = start(tmp_path)
        assert (model.config.num_attention_heads, model.config.intermediate_size) == (2, 24)
        takes = torch.randn(2, LIGHT.samples, generator=torch.Generator().manual_seed(0)) * 0.1
        features = extractor.transform(takes)
        inputs = {name: features[name] for name in model.config.input_names}
        for ours, theirs in zip(model(**inputs).logits, load_pipeline(tmp_path).model(**inputs).logits, strict=True):
            torch.testing.assert_close(ours, theirs)

    def test_of_another_collection_with_inputs_of_its_own(self, tmp_path: Path):
        noisemaker = get_collection("noisemaker")
        base, extractor = self.small(LIGHT, slice(0, 2), stem_size=24)
        base.config.inputs[0]["patch"] = 13
        base = SecretSauceModel(base.config).eval()
        save_checkpoint(base, extractor, tmp_path)
        model, extractor = start(tmp_path, noisemaker)
        mine, theirs = model.state_dict(), SecretSauceModel.from_pretrained(tmp_path).state_dict()
        assert [record["name"] for record in extractor.inputs] == ["long_mels", "envelope"]
        assert [record["patch"] for record in model.config.inputs] == [13, PATCHES["envelope"]]
        assert model.config.stem_size == 24
        assert torch.equal(mine["embeddings.envelope.stem.weight"], theirs["embeddings.envelope.stem.weight"])
        for name in ("layers.1.qkv.weight", "norm.bias", "embeddings.long_mels.projection.weight"):
            assert torch.equal(mine[name], theirs[name])
        # A parameter that both know keeps its query and its head, at another place among the others.
        for name in LIGHT.columns:
            query = mine["queries"][noisemaker.columns.index(name)]
            assert torch.equal(query, theirs["queries"][LIGHT.columns.index(name)])
            assert torch.equal(mine[f"heads.{name}.weight"], theirs[f"heads.{name}.weight"])
        row = noisemaker.columns.index("amp_attack")
        assert not (theirs["queries"] == mine["queries"][row]).all(dim=1).any()

    def test_the_one_that_ships(self):
        model, _ = start("noisemaker-light")
        shipped = load_pipeline().model.state_dict()
        assert all(torch.equal(weights, shipped[name]) for name, weights in model.state_dict().items())


class TestShortTakes:
    @staticmethod
    def collection(seconds: float):
        timing = LIGHT.timing
        cut = (timing.note_on - 0.2 * seconds, timing.note_on + 0.8 * seconds)
        return replace(LIGHT, name="short", stem="short", timing=replace(timing, cut=cut))

    @pytest.mark.parametrize(
        ("seconds", "message"),
        [
            (
                0.1,
                r"take of 0\.1 s makes 8 frames of fbank for this base, fewer than its patch of 16: .* least 0\.18 s",
            ),
            (0.01, r"take of 0\.01 s is too short for the feature extractor's fbank, which needs 400 samples"),
        ],
    )
    def test_shorter_than_a_patch_of_ast(self, ast_base: Path, seconds: float, message: str):
        with pytest.raises(InputError, match=message):
            start(ast_base, self.collection(seconds))
        model, extractor = start(ast_base, self.collection(0.18))
        assert model(**extractor.transform(torch.zeros(1, extractor.take_samples))).logits

    @pytest.mark.parametrize(("seconds", "frames"), [(0.09, "36 frames of envelope"), (0.03, "2 frames of long_mels")])
    def test_shorter_than_a_patch_of_ours(self, tmp_path: Path, seconds: float, frames: str):
        with pytest.raises(InputError, match=f"makes {frames}.* for a model of our own, .* at least 0.10 s"):
            first_model(self.collection(seconds), None, 16, 1, 0)
        if seconds >= 0.05:  # shorter ones no engine renders
            with pytest.raises(InputError, match=f"makes {frames}"):
                train(self.collection(seconds), None, tmp_path / "out", **RUN)
        assert not (tmp_path / "out").exists()

    def test_shorter_than_a_frame_of_ours(self):
        with pytest.raises(InputError, match=r"take of 0\.001 s is too short for the feature extractor's"):
            first_model(self.collection(0.001), None, 16, 1, 0)

    def test_the_shortest_can_be_trained_on(self, tmp_path: Path, monkeypatch):
        def noise(_, collection, first: int, count: int, seed: int, prior: str):
            generator = np.random.default_rng((seed, first))
            sounds = generator.normal(size=(count, collection.samples)) * 0.1
            return sounds.astype(np.float32), draw_presets(collection, count, seed, first, prior=prior)

        # The engine's takes are all as long as those of 2018. Processes of their own would use the engine.
        monkeypatch.setattr("secret_sauce_hf.training.data.fresh_rows", noise)
        monkeypatch.setattr("secret_sauce_hf.training.stream.fresh_rows", noise)
        run = RUN | {"epochs": 1, "hidden_size": 16, "layers": 1, "workers": 0, "augment": False}
        record = train(self.collection(0.1), None, tmp_path / "out", **run)
        assert record["validation"]["model"]["knob_mae"] > 0
        assert load_pipeline(tmp_path / "out")({"array": np.ones(2_205), "sampling_rate": 22_050})["midi"]


class TestBadBases:
    @pytest.mark.parametrize(
        ("file", "changes", "message"),
        [
            ("config.json", {"model_type": "bert"}, "is of a bert model; give a checkpoint of ours or of AST"),
            ("config.json", {"model_type": None}, "is of a None model"),
            ("config.json", {"hidden_size": "wide"}, "no AST's"),
            ("config.json", {"patch_size": [16, 8]}, "not square"),
            ("config.json", {"num_hidden_layers": 3}, "do not fit its config.json: .*layers.2"),
            ("config.json", {"intermediate_size": 96}, "do not fit its config.json: .*fc1"),
            ("config.json", {"num_attention_heads": 0}, "num_attention_heads of 1 or more, not 0"),
            ("preprocessor_config.json", {"sampling_rate": 0}, "sensible numbers"),
            ("preprocessor_config.json", {"sampling_rate": float("inf")}, "sensible numbers"),
            ("preprocessor_config.json", {"std": 0}, "sensible numbers"),
            ("preprocessor_config.json", {"mean": "low"}, "sensible numbers"),
            ("preprocessor_config.json", {"num_mel_bins": 8}, "sensible numbers"),
        ],
    )
    def test_values(self, ast_base: Path, tmp_path: Path, file: str, changes: dict, message: str):
        shutil.copytree(ast_base, tmp_path / "base")
        rewrite(tmp_path / "base" / file, **changes)
        with pytest.raises(InputError, match=message) as caught:
            start(tmp_path / "base")
        assert "\n" not in str(caught.value)

    def test_files(self, ast_base: Path, tmp_path: Path):
        base = tmp_path / "base"
        shutil.copytree(ast_base, base)
        weights = base / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:100])
        with pytest.raises(InputError, match="not a whole safetensors file"):
            start(base)
        weights.rename(base / "pytorch_model.bin")
        with pytest.raises(
            InputError, match=r"lacks model\.safetensors, and .*index\.json too; .* pickles can run code"
        ):
            start(base)
        (base / "config.json").write_text("{ not json")
        with pytest.raises(InputError, match="is not JSON"):
            start(base)
        (base / "config.json").unlink()
        with pytest.raises(InputError, match=r"lacks config\.json"):
            start(base)
        with pytest.raises(InputError, match="No such checkpoint folder"):
            start(base / "nowhere")


class TestFromTheHub:
    def test_a_base(self, hub, ast_base: Path, tmp_path: Path):
        folder = tmp_path / "published"
        shutil.copytree(ast_base, folder)
        for name in ("pytorch_model.bin", "modeling_ast.py", "training_args.pt"):
            (folder / name).write_text("raise SystemExit")
        api = HfApi(token=hub.token)
        repo = api.create_repo(hub.repo("ast", "model")).repo_id
        first = api.upload_folder(repo_id=repo, folder_path=folder).oid
        api.upload_file(path_or_fileobj=b'{"model_type": "bert"}', path_in_repo="config.json", repo_id=repo)
        run = RUN | {"epochs": 1, "fresh": 16}
        record = train(LIGHT, None, tmp_path / "out", base=f"{repo}@{first}", **run)
        assert (record["run"]["base"], record["run"]["base_revision"]) == (repo, first)
        names = {path.name for path in open_base(f"{repo}@{first}").folder.iterdir()}
        assert names == {"config.json", "model.safetensors", "preprocessor_config.json"}
        with pytest.raises(InputError, match="is of a bert model"):
            open_base(repo)
        # A run that goes on keeps to its commit.
        assert open_base(repo, first).revision == first

    def test_a_checkpoint(self, hub, ast_base: Path, tmp_path: Path, monkeypatch):
        model, extractor = start(ast_base)
        save_checkpoint(model, extractor, tmp_path / "ours")
        api = HfApi(token=hub.token)
        repo = api.create_repo(hub.repo("ours", "model")).repo_id
        commit = api.upload_folder(repo_id=repo, folder_path=tmp_path / "ours").oid
        api.create_tag(repo, tag="v1")
        sound = {"array": np.sin(np.arange(20_000) / 20), "sampling_rate": 44_100}
        expected = load_pipeline(tmp_path / "ours")(sound)
        for pipe in (load_pipeline(repo), load_pipeline(repo, revision="v1"), load_pipeline(f"{repo}@{commit}")):
            assert pipe(sound) == expected
        assert open_base(f"{repo}@v1").revision == commit
        with pytest.raises(InputError, match="Two revisions"):
            load_pipeline(f"{repo}@v1", revision=commit)
        with pytest.raises(InputError, match="no such revision"):
            load_pipeline(repo, revision="v9")
        with pytest.raises(InputError, match=f"is no model {repo}-not on the Hub"):
            load_pipeline(f"{repo}-not")
        # What lies here comes first.
        monkeypatch.chdir(tmp_path)
        Path(repo).mkdir(parents=True)
        with pytest.raises(InputError, match=r"lacks config\.json"):
            load_pipeline(repo)
