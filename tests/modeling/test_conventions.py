"""What users of transformers take for granted, tried on our models with either encoder."""

import copy
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi
from kinds import ORIGINAL
from safetensors.torch import save_file
from test_modeling import small_model, tone
from training.test_base_models import save_ast
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    TensorType,
    Trainer,
    TrainingArguments,
    pipeline,
)

import secret_sauce_hf
from secret_sauce_hf.instruments import COLLECTIONS, SAMPLE_RATE, InputError, get_collection
from secret_sauce_hf.modeling import (
    AudioToPresetPipeline,
    SecretSauceConfig,
    SecretSauceFeatureExtractor,
    SecretSauceModel,
)
from secret_sauce_hf.training.base import first_model, open_base

LIGHT = get_collection("noisemaker-light")
TASK = "audio-to-preset"
ENCODERS = ("own", "ast")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, tuple[SecretSauceModel, SecretSauceFeatureExtractor]]:
    """A small model with either encoder, and what makes its inputs."""
    base = tmp_path_factory.mktemp("ast")
    save_ast(base)
    return {"own": small_model(), "ast": first_model(LIGHT, open_base(base), 32, 2, seed=1)}


@pytest.fixture(params=ENCODERS)
def model(built, request) -> SecretSauceModel:
    return copy.deepcopy(built[request.param][0]).eval()


@pytest.fixture(params=ENCODERS)
def saved(built, request, tmp_path) -> Path:
    """A model that was saved by itself, without a feature extractor."""
    built[request.param][0].save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def inputs_of(model: SecretSauceModel, rows: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return {r["name"]: torch.randn(rows, r["frames"], r["bins"], generator=generator) for r in model.config.inputs}


def labels_of(model: SecretSauceModel, rows: int = 3) -> dict[str, torch.Tensor]:
    return {
        p.name: torch.ones(rows, dtype=torch.int64) if p.classes else torch.linspace(0.5, 9.5, rows)
        for p in model.config.parameter_specs
    }


def assert_same_weights(mine: SecretSauceModel, theirs: SecretSauceModel) -> None:
    state, other = mine.state_dict(), theirs.state_dict()
    assert state.keys() == other.keys()
    assert all(torch.equal(values, other[name]) for name, values in state.items())


def sound() -> dict[str, Any]:
    return {"array": tone(), "sampling_rate": SAMPLE_RATE}


class TestLoading:
    def test_a_saved_model(self, saved):
        model = AutoModel.from_pretrained(saved)
        assert_same_weights(model, SecretSauceModel.from_pretrained(saved))
        assert AutoConfig.from_pretrained(saved) == model.config

    def test_a_checkpoint_of_the_stock_trainer(self, tmp_path, built):
        model, extractor = copy.deepcopy(built["own"])
        rows = [
            {name: values[0] for name, values in (inputs_of(model, 1) | labels_of(model, 1)).items()} for _ in range(4)
        ]
        options = {"report_to": [], "disable_tqdm": True, "use_cpu": True, "remove_unused_columns": False}
        args = TrainingArguments(
            str(tmp_path), max_steps=2, save_steps=1, per_device_train_batch_size=2, save_total_limit=1, **options
        )
        Trainer(model=model, args=args, train_dataset=rows).train()
        folder = tmp_path / "checkpoint-2"
        assert not (folder / "preprocessor_config.json").exists()
        assert_same_weights(AutoModel.from_pretrained(folder), model)
        assert AutoConfig.from_pretrained(folder) == model.config
        resumed = Trainer(model=copy.deepcopy(built["own"][0]), args=args, train_dataset=rows)
        resumed.train(resume_from_checkpoint=str(folder))
        assert_same_weights(resumed.model, model)
        pipe = pipeline(TASK, model=str(folder), feature_extractor=extractor)
        assert set(pipe(sound())["preset"]) == set(LIGHT.columns)

    def test_a_subfolder(self, saved, built, tmp_path):
        shutil.copytree(saved, tmp_path / "root" / "deep" / "er")
        (tmp_path / "root" / "adapter_config.json").write_text("{}")
        for load in (SecretSauceModel.from_pretrained, AutoModel.from_pretrained):
            assert_same_weights(load(tmp_path / "root", subfolder="deep/er"), SecretSauceModel.from_pretrained(saved))
        built["own"][1].save_pretrained(tmp_path / "root" / "deep" / "er")
        config = AutoConfig.from_pretrained(tmp_path / "root", subfolder="deep/er")
        assert config == SecretSauceConfig.from_pretrained(saved)
        extractor = AutoFeatureExtractor.from_pretrained(tmp_path / "root", subfolder="deep/er")
        assert extractor.to_dict() == built["own"][1].to_dict()

    @pytest.mark.parametrize("size", ["5GB", "20KB"])
    def test_a_variant(self, model, tmp_path, size):
        half = copy.deepcopy(model).half()
        half.save_pretrained(tmp_path, variant="fp16", max_shard_size=size)
        assert not (tmp_path / "model.safetensors").exists()
        for load in (SecretSauceModel.from_pretrained, AutoModel.from_pretrained):
            assert_same_weights(load(tmp_path, variant="fp16", dtype=torch.float16), half)
        with pytest.raises(InputError, match=r"lacks model\.safetensors"):
            AutoModel.from_pretrained(tmp_path)
        with pytest.raises(InputError, match=r"lacks model\.bf16\.safetensors"):
            AutoModel.from_pretrained(tmp_path, variant="bf16")
        if size != "5GB":
            # Of several files, the library takes those of another variant away when it saves into the same folder.
            return
        # Beside the plain one, of which neither is taken for the other.
        model.save_pretrained(tmp_path)
        assert_same_weights(AutoModel.from_pretrained(tmp_path), model)
        assert_same_weights(AutoModel.from_pretrained(tmp_path, variant="fp16", dtype="float16"), half)

    @pytest.mark.parametrize("variant", ["../fp16", "", "a.b", "x" * 99, 7, "fp16\n"])
    def test_a_variant_that_is_none(self, saved, variant):
        with pytest.raises(InputError, match="cannot be a variant") as caught:
            SecretSauceModel.from_pretrained(saved, variant=variant)
        assert len(str(caught.value).splitlines()) == 1

    def test_a_variant_in_a_pipeline(self, built, tmp_path):
        model, extractor = built["own"]
        model.save_pretrained(tmp_path, variant="small")
        extractor.save_pretrained(tmp_path)
        pipe = pipeline(TASK, model=str(tmp_path), model_kwargs={"variant": "small"})
        assert_same_weights(pipe.model, model)

    @pytest.mark.parametrize("size", ["5GB", "20KB"])
    def test_a_variant_from_the_hub(self, built, hub, tmp_path, size):
        model, _ = built["own"]
        model.save_pretrained(tmp_path, variant="v2", max_shard_size=size)
        api = HfApi(token=hub.token)
        repo = api.create_repo(hub.repo("variants", "model")).repo_id
        api.upload_folder(repo_id=repo, folder_path=tmp_path)
        assert_same_weights(AutoModel.from_pretrained(repo, variant="v2"), model)
        with pytest.raises(InputError, match=r"lacks model\.safetensors"):
            AutoModel.from_pretrained(repo)

    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_a_config_alone(self, built, encoder, tmp_path):
        model, _ = built[encoder]
        model.config.save_pretrained(tmp_path)
        config = AutoConfig.from_pretrained(tmp_path)
        assert config == model.config
        drawn = AutoModel.from_config(config)
        assert type(drawn) is SecretSauceModel
        assert {n: v.shape for n, v in drawn.state_dict().items()} == {
            n: v.shape for n, v in model.state_dict().items()
        }
        with pytest.raises(InputError, match=r"lacks model\.safetensors"):
            AutoModel.from_pretrained(tmp_path)

    @pytest.mark.parametrize("as_path", [str, Path], ids=["str", "Path"])
    @pytest.mark.parametrize("file", ["", "config.json"])
    def test_a_path_as_config(self, saved, tmp_path, as_path, file):
        (tmp_path / "other").mkdir()
        values = json.loads((saved / "config.json").read_text())
        (tmp_path / "other" / "config.json").write_text(json.dumps(values | {"title": "another"}))
        model = SecretSauceModel.from_pretrained(saved, config=as_path(tmp_path / "other" / file))
        assert model.config.title == "another"
        assert_same_weights(model, SecretSauceModel.from_pretrained(saved))

    def test_a_path_as_config_of_a_pipeline(self, built, tmp_path):
        model, extractor = built["own"]
        for part in (model, extractor):
            part.save_pretrained(tmp_path / "whole")
        model.config.save_pretrained(tmp_path / "alone")
        whole, alone = str(tmp_path / "whole"), tmp_path / "alone"
        for config in (str(alone), str(alone / "config.json"), AutoConfig.from_pretrained(alone)):
            pipe = pipeline(TASK, model=whole, config=config)
            assert_same_weights(pipe.model, model)

    @pytest.mark.parametrize("config", [7, {"hidden_size": 32}, ["config.json"]], ids=str)
    def test_a_config_that_is_none(self, saved, config):
        with pytest.raises(InputError, match="config is a SecretSauceConfig or a path, not a"):
            SecretSauceModel.from_pretrained(saved, config=config)

    def test_arguments_of_every_config(self, saved):
        model = AutoModel.from_pretrained(saved, output_hidden_states=True, return_dict=False)
        assert model.config.output_hidden_states is True
        told = model(**inputs_of(model))
        assert isinstance(told, tuple)
        assert len(told[-1]) == model.config.num_hidden_layers + 1
        model = SecretSauceModel.from_pretrained(saved, num_labels=3, output_attentions=True)
        assert (model.config.num_labels, model.config.output_attentions) == (3, True)

    def test_sizes_that_do_not_match(self, saved):
        model = SecretSauceModel.from_pretrained(saved)
        config = copy.deepcopy(model.config)
        config.parameters[0]["name"] = "another"
        config.knob_bins = 32
        with pytest.raises(InputError, match="do not fit its config"):
            SecretSauceModel.from_pretrained(saved, config=config)
        for load in (SecretSauceModel.from_pretrained, AutoModel.from_pretrained):
            loaded, info = load(saved, config=config, ignore_mismatched_sizes=True, output_loading_info=True)
            assert any("heads.another" in name for name in info["missing_keys"])
            assert any("heads.filter_cutoff" in str(name) for name in info["mismatched_keys"])
            state, mine = loaded.state_dict(), model.state_dict()
            assert torch.equal(state["queries"], mine["queries"])
            assert all(values.isfinite().all() for values in state.values())
            assert all(part.exp().sum() == pytest.approx(1) for part in state["unheard"].split(config.head_sizes()))
            assert (state["temperatures"] == 1).all()
            assert loaded(**inputs_of(loaded)).logits[1].shape == (3, 32)

    def test_weights_of_which_none_fits(self, saved):
        config = copy.deepcopy(SecretSauceConfig.from_pretrained(saved))
        save_file({"bert.embeddings": torch.zeros(3)}, saved / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(InputError, match="queries is missing"):
            SecretSauceModel.from_pretrained(saved, config=config, ignore_mismatched_sizes=True)


class TestShippedByName:
    @pytest.mark.parametrize("name", ORIGINAL)
    def test_every_one(self, name):
        pipe = pipeline(TASK, model=name)
        assert pipe.model.config.collection == name
        assert pipe.task == TASK

    def test_without_a_task_and_by_keywords(self):
        assert pipeline(model="guitar-tiny").model.config.collection == "guitar-tiny"
        assert pipeline(task=TASK, model="guitar-tiny", device="cpu").model.config.collection == "guitar-tiny"
        assert pipeline(TASK, "guitar-tiny", batch_size=2).model.config.collection == "guitar-tiny"

    def test_the_default_without_a_warning(self, caplog):
        logger = logging.getLogger("transformers")
        logger.addHandler(caplog.handler)
        try:
            assert pipeline(TASK).model.config.collection == "noisemaker-light"
        finally:
            logger.removeHandler(caplog.handler)
        assert not caplog.records

    def test_a_folder_of_that_name_comes_first(self, built, tmp_path, monkeypatch):
        for part in built["own"]:
            part.save_pretrained(tmp_path / "guitar")
        monkeypatch.chdir(tmp_path)
        assert pipeline(TASK, model="guitar").model.config.collection == "noisemaker-light"

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("noisemakr", "did you mean noisemaker"),
            ("Guitar", "did you mean guitar"),
            ("subphatty-note", "did you mean subphatty"),
            ("nothing-like-it", "those that ship are guitar-tiny, guitar, guitar-notes, noisemaker-light"),
        ],
    )
    def test_no_such_name(self, name, message):
        with pytest.raises(InputError, match=f"There is no model {name}, .*{message}") as caught:
            pipeline(TASK, model=name)
        assert len(str(caught.value).splitlines()) == 1

    def test_no_revisions(self):
        with pytest.raises(InputError, match="guitar ships with the package and has no revisions"):
            pipeline(TASK, model="guitar", revision="v1")

    def test_a_function_that_was_imported_before(self, bare):
        told = bare(
            "from transformers import pipeline\nimport secret_sauce_hf, inspect\n"
            "print(pipeline('audio-to-preset', model='subphatty').model.config.collection)\n"
            "print(list(inspect.signature(pipeline).parameters)[:3], pipeline.__name__)"
        )
        assert told.splitlines() == ["subphatty", "['task', 'model', 'config'] pipeline"]

    def test_other_tasks_are_left_alone(self, tmp_path):
        with pytest.raises(KeyError, match="Unknown task"):
            pipeline("audio-to-nothing")
        with pytest.raises(ValueError, match="Unrecognized model"):
            pipeline("text-classification", model=str(tmp_path))
        with pytest.raises(RuntimeError, match="without either a task or a model"):
            pipeline()
        with pytest.raises(TypeError, match="multiple values"):
            pipeline(TASK, task=TASK)


class TestForward:
    def test_keywords_of_the_library_are_no_labels(self, model):
        inputs = inputs_of(model)
        plain = model(**inputs)
        told = model(
            **inputs,
            labels=None,
            output_hidden_states=False,
            output_attentions=False,
            return_dict=True,
            num_items_in_batch=torch.tensor(3),
            **dict.fromkeys(LIGHT.columns),
        )
        assert told.loss is None
        assert all(torch.equal(a, b) for a, b in zip(plain.logits, told.logits, strict=True))
        assert told.keys() == plain.keys()

    def test_labels_by_one_mapping(self, model):
        inputs, labels = inputs_of(model), labels_of(model)
        assert torch.equal(model(**inputs, labels=labels).loss, model(**inputs, **labels).loss)
        for bad, message in (
            ({"labels": torch.ones(3)}, "labels maps the parameters' names"),
            ({"labels": {"lfo1_rate": torch.ones(3)}}, "Labels must be those of every parameter"),
            ({"lfo1_rate": torch.ones(3)}, "Labels must be those of every parameter"),
            ({"output_hidden_state": True}, "Labels must be those of every parameter"),
        ):
            with pytest.raises(InputError, match=message):
                model(**inputs, **bad)

    def test_hidden_states_and_attentions(self, model):
        inputs = inputs_of(model)
        told = model(**inputs, output_hidden_states=True, output_attentions=True)
        layers, heads = model.config.num_hidden_layers, model.config.num_attention_heads
        assert len(told.hidden_states) == layers + 1
        assert {state.shape[::2] for state in told.hidden_states} == {(3, model.config.hidden_size)}
        assert len(told.attentions) == layers
        for weights in told.attentions:
            assert weights.shape[:2] == (3, heads)
            torch.testing.assert_close(weights.sum(dim=3), torch.ones(weights.shape[:3]))
        assert model.config._attn_implementation == "sdpa"
        as_tuple = model(**inputs, output_hidden_states=True, return_dict=False)
        assert isinstance(as_tuple, tuple)
        assert torch.equal(as_tuple[-1][0], told.hidden_states[0])

    # Of torch's own, in its flex attention.
    @pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:flex_attention called without torch.compile")
    @pytest.mark.parametrize("name", ["eager", "flex_attention"])
    def test_attention_implementations(self, model, name, tmp_path):
        # Compiled, flex attention is the same and takes half a minute.
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            inputs = inputs_of(model)
            expected = model(**inputs)
            model.set_attn_implementation(name)
            encoders = [part for part in model.modules() if hasattr(part, "config")]
            assert {part.config._attn_implementation for part in encoders} == {name}
            for values, others in zip(model(**inputs).logits, expected.logits, strict=True):
                torch.testing.assert_close(values, others, rtol=0, atol=1e-4)
        model.save_pretrained(tmp_path / "again")
        assert "attn" not in (tmp_path / "again" / "config.json").read_text()
        loaded = AutoModel.from_pretrained(tmp_path / "again", attn_implementation=name)
        assert loaded.config._attn_implementation == name

    def test_an_attention_that_is_none(self, saved):
        with pytest.raises((ValueError, ImportError)):
            AutoModel.from_pretrained(saved, attn_implementation="flash_attention_2")
        with pytest.raises(ValueError, match="banana"):
            AutoModel.from_pretrained(saved, attn_implementation="banana")

    @pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`:FutureWarning")
    @pytest.mark.parametrize("reentrant", [False, True])
    def test_gradient_checkpointing(self, model, reentrant):
        inputs, labels = inputs_of(model), labels_of(model)
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model(**inputs, **labels).loss.backward()
        expected = {name: values.grad.clone() for name, values in model.named_parameters()}
        model.zero_grad()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
        calls = []
        layer = (model.ast if model.config.ast is not None else model).layers[0]
        first = layer.layernorm_before if model.config.ast is not None else layer.attention_norm
        first.register_forward_hook(lambda *_: calls.append("computed"))
        model(**inputs, **labels).loss.backward()
        assert len(calls) == 2
        for name, values in model.named_parameters():
            torch.testing.assert_close(values.grad, expected[name], rtol=1e-4, atol=1e-6)


# What torch's exporters warn of is theirs.
@pytest.mark.filterwarnings("ignore")
class TestExport:
    def test_a_dynamic_batch(self, model):
        inputs = inputs_of(model)
        shapes = {name: {0: torch.export.Dim("batch")} for name in inputs}
        program = torch.export.export(model, (), kwargs=inputs, dynamic_shapes=shapes).module()
        for rows in (1, 2, 7):
            given = inputs_of(model, rows)
            told, expected = program(**given), model(**given)
            for values, others in zip(told.logits, expected.logits, strict=True):
                torch.testing.assert_close(values, others, rtol=0, atol=1e-4)
            torch.testing.assert_close(told.heard_logits, expected.heard_logits, rtol=0, atol=1e-4)

    def test_onnx_with_a_dynamic_batch(self, model, tmp_path):
        onnxruntime = pytest.importorskip("onnxruntime")
        inputs = inputs_of(model)
        shapes = {name: {0: "batch"} for name in inputs}
        program = torch.onnx.export(model, (), kwargs=inputs, dynamo=True, dynamic_shapes=shapes, verbose=False)
        program.save(str(tmp_path / "model.onnx"))
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        for rows in (1, 2, 7):
            given = inputs_of(model, rows)
            told = session.run(None, {name: values.numpy() for name, values in given.items()})
            with torch.no_grad():
                expected = model(**given)
            for values, others in zip(told, [*expected.logits, expected.heard_logits, expected.answers], strict=True):
                np.testing.assert_allclose(values, others.numpy(), rtol=0, atol=1e-4)


class TestConfig:
    @pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
    def test_it_equals_itself_after_saving(self, collection, tmp_path):
        model, _ = small_model(collection)
        fresh = SecretSauceConfig.from_collection(collection, inputs=model.config.inputs)
        for number, config in enumerate((fresh, model.config, SecretSauceConfig())):
            config.save_pretrained(tmp_path / str(number))
            for load in (SecretSauceConfig.from_pretrained, AutoConfig.from_pretrained):
                assert load(tmp_path / str(number)) == config
        assert fresh != SecretSauceConfig.from_collection(collection)
        assert fresh != "another"

    def test_of_an_ast_encoder(self, saved, built):
        again = AutoConfig.from_pretrained(saved)
        assert again in [model.config for model, _ in built.values()]
        assert again != SecretSauceConfig()

    @pytest.mark.parametrize(
        "changes",
        [
            {"output_hidden_states": True},
            {"return_dict": False},
            {"num_labels": 3},
            {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}},
            {"problem_type": "regression"},
            {"chunk_size_feed_forward": 2, "is_encoder_decoder": True},
            {"note_on": np.float64(0.25), "take_samples": 20_000, "fixed": (("volume", np.float32(0.5)),)},
        ],
        ids=str,
    )
    def test_whatever_was_changed(self, changes, tmp_path):
        config = SecretSauceConfig(**changes)
        config.save_pretrained(tmp_path)
        again = SecretSauceConfig.from_pretrained(tmp_path)
        assert again == config
        assert again != SecretSauceConfig()

    @pytest.mark.parametrize(
        "entry",
        [
            {"output_hidden_states": "yes"},
            {"return_dict": 1.5},
            {"id2label": [0, 1]},
            {"id2label": {"a": {"b": 1}}},
            {"id2label": {str(number): "x" for number in range(5_000)}},
            {"label2id": {"a": "b"}},
            {"problem_type": 3},
        ],
        ids=lambda entry: next(iter(entry)),
    )
    def test_entries_of_the_library_that_are_none(self, saved, entry):
        path = saved / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entry))
        with pytest.raises(InputError, match=f"The config's {next(iter(entry))} is no") as caught:
            AutoConfig.from_pretrained(saved)
        assert len(str(caught.value).splitlines()) == 1


@pytest.fixture(scope="module")
def shipped():
    return pipeline(TASK, model="guitar-tiny")


class TestArguments:
    @pytest.fixture
    def pipe(self, shipped):
        return shipped

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"num_candidate": 5}, "no argument num_candidate; did you mean num_candidates"),
            ({"top_k": 5}, "no argument top_k; it takes sampling_rate, num_candidates"),
            ({"return_tensors": "xx"}, "no argument return_tensors"),
            ({"sample_rate": 48_000}, "no argument sample_rate; did you mean sampling_rate"),
            ({"function_to_apply": None}, "no argument function_to_apply"),
        ],
    )
    def test_of_the_pipeline(self, pipe, given, message):
        for call in (lambda: pipe(sound(), **given), lambda: pipeline(TASK, model="guitar-tiny", **given)):
            with pytest.raises(InputError, match=message) as caught:
                call()
            assert len(str(caught.value).splitlines()) == 1

    def test_those_that_there_are(self, pipe):
        told = pipe([sound()["array"]] * 2, sampling_rate=SAMPLE_RATE, num_candidates=2, seed=1, batch_size=2)
        assert len(told) == 2
        ready = pipeline(TASK, model="guitar-tiny", num_candidates=2, seed=1, batch_size=2, local_files_only=True)
        assert ready([sound(), sound()])[0]["candidates"] == told[0]["candidates"]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"return_tensors": "xx"}, "return_tensors is 'xx'; give pt or np"),
            ({"return_tensors": "tf"}, "give pt or np"),
            ({"sample_rate": 48_000}, "did you mean sampling_rate"),
            ({"padding": True}, "no argument padding"),
        ],
    )
    def test_of_the_extractor(self, pipe, given, message):
        with pytest.raises(InputError, match=message):
            pipe.feature_extractor(sound(), **given)

    def test_tensors_of_either_kind(self, pipe):
        for kind in ("np", TensorType.NUMPY, None):
            assert isinstance(pipe.feature_extractor(sound(), return_tensors=kind)["peak"], np.ndarray)
        for kind in ("pt", TensorType.PYTORCH):
            assert isinstance(pipe.feature_extractor(sound(), return_tensors=kind)["peak"], torch.Tensor)

    @pytest.mark.parametrize("name", ["take_sample", "sampling_rates", "do_normalize"])
    def test_of_the_extractors_making(self, name):
        with pytest.raises(InputError, match=f"The feature extractor has no argument {name}; "):
            SecretSauceFeatureExtractor(**{name: 5})


class TestAutoClasses:
    PARTS: tuple[tuple[Callable[..., Any], type, str], ...] = (
        (lambda parts: parts[0], AutoModel, "AutoModel"),
        (lambda parts: parts[0].config, AutoConfig, "AutoConfig"),
        (lambda parts: parts[1], AutoFeatureExtractor, "AutoFeatureExtractor"),
    )

    @pytest.mark.parametrize(("part", "auto", "name"), PARTS, ids=[name for *_, name in PARTS])
    def test_registering(self, built, tmp_path, part, auto, name):
        kind = type(part(built["own"]))
        for given in ((), (name,), (auto,)):
            kind.register_for_auto_class(*given)
        part(built["own"]).save_pretrained(tmp_path)
        assert (tmp_path / "encoder_secret_sauce.py").is_file()
        assert type(auto.from_pretrained(tmp_path)) is kind
        with pytest.raises(InputError, match=f"is loaded by {name}, not by AutoTokenizer"):
            kind.register_for_auto_class("AutoTokenizer")


class TestPipelineAsTransformersTestsIt:
    """What `PipelineTesterMixin` does with every pipeline; its tests of pipelines are not in the distribution."""

    @pytest.fixture
    def pipe(self, built):
        model, extractor = built["own"]
        return AudioToPresetPipeline(model=copy.deepcopy(model), feature_extractor=extractor, task=TASK, device=-1)

    def test_of_parts(self, pipe, built):
        model, extractor = built["own"]
        for made in (
            pipeline(TASK, model=model, feature_extractor=extractor),
            pipeline(task=TASK, model=model, feature_extractor=extractor, device=torch.device("cpu")),
        ):
            assert type(made) is type(pipe)
            assert made(sound()) == pipe(sound())
        assert "SecretSauceModel" in repr(pipe)
        assert pipe.predict(sound()) == pipe.transform(sound()) == pipe(sound())

    def test_ten_examples_in_batches_of_four(self, pipe):
        examples = [{"array": tone() * level, "sampling_rate": SAMPLE_RATE} for level in np.linspace(0.1, 1, 10)]
        told = [pipe(example) for example in examples]
        streamed = list(pipe((example for example in examples), batch_size=4))
        assert len(streamed) == len(told) == 10
        for mine, theirs in zip(streamed, told, strict=True):
            assert mine["heard"].keys() == theirs["heard"].keys()
            assert mine["confidence"] == pytest.approx(theirs["confidence"], abs=1e-4)

    def test_saved_and_loaded(self, pipe, tmp_path):
        pipe.save_pretrained(tmp_path)
        assert pipeline(TASK, model=str(tmp_path))(sound()) == pipe(sound())
        assert pipeline(TASK, model=tmp_path)(sound()) == pipe(sound())

    def test_its_three_steps(self, pipe):
        inputs = pipe.preprocess(sound())
        told = pipe.postprocess(pipe.forward(inputs))
        assert told == pipe(sound())
        json.dumps({key: told[key] for key in ("preset", "confidence", "heard")})


def test_the_shipped_ones_are_whole():
    for name in ORIGINAL:
        config = AutoConfig.from_pretrained(secret_sauce_hf.checkpoint_path(name))
        assert config.collection == name
