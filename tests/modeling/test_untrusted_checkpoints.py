"""Checkpoints that somebody made to do harm: a clear error, at once, or what was checked and nothing else."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file, save_file
from test_modeling import small_model
from training.test_base_models import save_ast
from transformers import ASTModel, AutoModel, pipeline

from secret_sauce_hf import InputError
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceModel, load_pipeline
from secret_sauce_hf.training.base import first_model, open_base
from secret_sauce_hf.training.run import _read_record, save_checkpoint

LIGHT = get_collection("noisemaker-light")
WAYS: dict[str, Callable[[Any], SecretSauceModel]] = {
    "load_pipeline": lambda source: load_pipeline(source).model,
    "from_pretrained": SecretSauceModel.from_pretrained,
    "AutoModel": AutoModel.from_pretrained,
    "pipeline": lambda source: pipeline("audio-to-preset", model=str(source), device="cpu").model,
}
"""Every way to load a checkpoint, from a folder or from the Hub."""
every_way = pytest.mark.parametrize("load", WAYS.values(), ids=WAYS)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A small checkpoint as it should be."""
    folder = tmp_path_factory.mktemp("original") / "checkpoint"
    save_checkpoint(*small_model(), folder)
    return folder


@pytest.fixture
def checkpoint(original, tmp_path):
    """A copy of it, to be tampered with."""
    return Path(shutil.copytree(original, tmp_path / "checkpoint"))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "config.json",
            {"num_hidden_layers": 10**9},
            "num_hidden_layers is 1000000000; more than 1,024 is not believed",
        ),
        ("config.json", {"hidden_size": 2**40}, "hidden_size is .* is not believed"),
        ("config.json", {"knob_bins": 2**30}, "knob_bins is .* is not believed"),
        ("config.json", {"parameters": [{}] * 5000}, "Unknown kind|Not a parameter"),
        (
            "config.json",
            {"inputs": [{"name": "envelope", "frames": 2**20, "bins": 2**20, "patch": 1}]},
            "larger than is believed",
        ),
        (
            "preprocessor_config.json",
            {"sampling_rate": float("inf")},
            "sampling_rate is inf; it must be a whole number",
        ),
        ("preprocessor_config.json", {"sampling_rate": 10**12}, "sampling_rate is 1000000000000"),
        ("preprocessor_config.json", {"take_samples": 2**60}, "take_samples is"),
        ("preprocessor_config.json", {"note_on": -1}, "note_on is -1 s, which is not in the take"),
        (
            "preprocessor_config.json",
            {"inputs": [{"name": "a", "kind": "mels", "window": 512, "hop": 128, "bins": 10**9}]},
            "a's bins is 1000000000",
        ),
    ],
)
def test_sizes_that_nobody_has(checkpoint, file, change, message):
    values = json.loads((checkpoint / file).read_text())
    (checkpoint / file).write_text(json.dumps(values | change))
    with pytest.raises(InputError, match=message) as caught:
        load_pipeline(checkpoint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_json_without_an_end(checkpoint, file):
    (checkpoint / file).write_text("[" * 200_000 + "]" * 200_000)
    with pytest.raises(InputError):
        load_pipeline(checkpoint)


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def add_other_weights(folder: Path, *names: str) -> None:
    """Weights that fit, but are not those of the checkpoint."""
    other = {name: tensor + 1 for name, tensor in load_file(folder / "model.safetensors").items()}
    for name in names:
        save_file(other, folder / name, metadata={"format": "pt"})


def assert_checked(model: SecretSauceModel, folder: Path) -> None:
    """See that a model has the weights of `model.safetensors`."""
    state = model.state_dict()
    checked = load_file(folder / "model.safetensors")
    assert state.keys() == checked.keys()
    for name, tensor in checked.items():
        torch.testing.assert_close(state[name], tensor.float(), rtol=0, atol=0)


class _Run:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


class TestConfig:
    @every_way
    @pytest.mark.parametrize(
        "entry",
        [
            {"transformers_weights": "other.safetensors"},
            {"transformers_weights": "other.safetensors.index.json"},
            {"configuration_files": ["config.5.0.0.json"]},
            {"attn_implementation": "me/kernel"},
            {"_attn_implementation": "paged|me/kernel@v1"},
            {"_experts_implementation": "me/kernel"},
            {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
            {"fusion_config": {"patch_embeddings": True}},
            {"per_layer_config": {"0": {"hidden_size": 64}}},
        ],
        ids=lambda entry: next(iter(entry)),
    )
    def test_an_entry_that_leads_elsewhere(self, checkpoint, server, load, entry):
        add_other_weights(checkpoint, "other.safetensors")
        index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(checkpoint / "model.safetensors"), "other.st")}
        (checkpoint / "other.safetensors.index.json").write_text(json.dumps(index))
        shutil.copy(checkpoint / "config.json", checkpoint / "config.5.0.0.json")
        rewrite(checkpoint / "config.json", **entry)
        with pytest.raises(InputError, match=f"config.json has {next(iter(entry))}, .*; remove that entry") as caught:
            load(checkpoint)
        assert "\n" not in str(caught.value)
        assert not server.log

    @every_way
    @pytest.mark.parametrize(
        "entry",
        [
            {"auto_map": {"AutoModel": "me/other--modeling_other.Other", "AutoConfig": "me/other--other.Config"}},
            {"custom_pipelines": {"audio-to-preset": {"impl": "me/other--other.Pipe", "pt": ["AutoModel"]}}},
            {"name_or_path": "me/other", "_name_or_path": "me/other", "base_model_name_or_path": "me/other"},
            {"variant": "fp16", "use_safetensors": False, "subfolder": "other", "gguf_file": "other.gguf"},
            {"extra_files": ["other.safetensors"], "config_class": "other", "sub_configs": {"ast": "other"}},
            {"tp_plan": "auto", "key_mapping": {"heads": "heard_heads"}, "device_map": "disk", "a_new_one": "me/other"},
            {"num_labels": 10**5},
            {"architectures": ["BertModel"], "dtype": "bfloat16"},
        ],
        ids=lambda entry: next(iter(entry)),
    )
    def test_an_entry_that_changes_nothing(self, checkpoint, server, load, entry):
        add_other_weights(checkpoint, "model.fp16.safetensors", "other.safetensors")
        rewrite(checkpoint / "config.json", **entry)
        model = load(checkpoint)
        assert_checked(model, checkpoint)
        assert not hasattr(model.config, "a_new_one")
        assert model.config.num_labels == 2
        assert not server.log

    @every_way
    @pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
    def test_a_dtype_is_looked_up_by_name(self, checkpoint, load, name):
        rewrite(checkpoint / "config.json", **{"dtype": None, name: "load"})
        with pytest.raises(InputError, match=f"the {name} 'load'; it must be one of float16"):
            load(checkpoint)

    def test_read_by_itself(self, checkpoint):
        rewrite(checkpoint / "config.json", transformers_weights="other.safetensors")
        for read in (SecretSauceConfig.from_pretrained, SecretSauceConfig.from_json_file):
            with pytest.raises(InputError, match="transformers_weights"):
                read(checkpoint / "config.json")

    def test_callers_may_choose_what_a_config_may_not(self, checkpoint):
        model = SecretSauceModel.from_pretrained(
            checkpoint, attn_implementation="eager", hidden_dropout_prob=0.25, dtype=torch.bfloat16
        )
        assert model.config._attn_implementation == "eager"
        assert (model.layers[0].dropout.p, model.dtype) == (0.25, torch.bfloat16)
        assert model.name_or_path == str(checkpoint)


class TestFilesBeside:
    @every_way
    def test_what_transformers_could_load_instead(self, checkpoint, tmp_path, load):
        add_other_weights(checkpoint, "model.fp16.safetensors", "model-00001-of-00001.safetensors")
        places = dict.fromkeys(load_file(checkpoint / "model.safetensors"), "model-00001-of-00001.safetensors")
        index = json.dumps({"metadata": {}, "weight_map": places})
        (checkpoint / "model.safetensors.index.json").write_text(index)
        for name in ("pytorch_model.bin", "adapter_model.bin", ".metadata", "training_args.bin", "rng_state.pth"):
            (checkpoint / name).write_bytes(pickle.dumps(_Run(tmp_path / "was run")))
        for name in ("modeling_secret_sauce.py", "pipeline_secret_sauce.py", "sitecustomize.py"):
            (checkpoint / name).write_text(f"open({str(tmp_path / 'was run')!r}, 'w')")
        assert_checked(load(checkpoint), checkpoint)
        assert not (tmp_path / "was run").exists()

    @every_way
    def test_no_pickle_instead_of_weights(self, checkpoint, tmp_path, load):
        (checkpoint / "model.safetensors").unlink()
        (checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps(_Run(tmp_path / "was run")))
        with pytest.raises(InputError, match=r"lacks model\.safetensors"):
            load(checkpoint)
        assert not (tmp_path / "was run").exists()

    @every_way
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("adapter_config.json", "has adapter_config.json, and adapters are not loaded: merge it"),
            ("processor_config.json", "has processor_config.json, .* instead of preprocessor_config.json; remove it"),
        ],
    )
    def test_what_takes_the_place_of_a_file(self, checkpoint, server, load, name, message):
        values = {
            "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "me/other", "target_modules": "q"},
            "processor_config.json": {"feature_extractor": {"feature_extractor_type": "WhisperFeatureExtractor"}},
        }
        (checkpoint / name).write_text(json.dumps(values[name]))
        add_other_weights(checkpoint, "adapter_model.safetensors")
        with pytest.raises(InputError, match=message) as caught:
            load(checkpoint)
        assert "\n" not in str(caught.value)
        assert not server.log

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"use_safetensors": False}, "leave use_safetensors out"),
            ({"gguf_file": "other.gguf"}, "leave gguf_file out"),
            ({"state_dict": {}}, "leave state_dict out"),
            ({"adapter_kwargs": {"_adapter_model_path": "me/adapter"}}, "leave an adapter out"),
        ],
    )
    def test_arguments_that_ask_for_other_weights(self, checkpoint, options, message):
        add_other_weights(checkpoint, "model.fp16.safetensors")
        with pytest.raises(InputError, match=rf"Only model\.safetensors .*; {message}"):
            SecretSauceModel.from_pretrained(checkpoint, **options)

    def test_a_file_is_no_checkpoint(self, checkpoint):
        config = SecretSauceConfig.from_pretrained(checkpoint)
        with pytest.raises(InputError, match="is a file; give the folder"):
            SecretSauceModel.from_pretrained(checkpoint / "model.safetensors", config=config)

    def test_a_model_does_not_change_with_its_file(self, checkpoint):
        path = checkpoint / "model.safetensors"
        save_file({name: tensor.float() for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})
        model = SecretSauceModel.from_pretrained(checkpoint)
        before = model.queries.detach().clone()
        with path.open("r+b") as file:
            file.seek(-path.stat().st_size // 2, 2)
            file.write(bytes(path.stat().st_size // 2))
        assert torch.equal(model.queries, before)


class TestExtractor:
    @pytest.mark.parametrize("load", [WAYS["load_pipeline"], WAYS["pipeline"]], ids=["load_pipeline", "pipeline"])
    @pytest.mark.parametrize(
        "entry",
        [{"processor_class": "Wav2Vec2ProcessorWithLM"}, {"feature_extractor_type": "WhisperFeatureExtractor"}],
        ids=lambda entry: next(iter(entry)),
    )
    def test_of_another_class(self, checkpoint, server, load, entry):
        rewrite(checkpoint / "preprocessor_config.json", **entry)
        message = f"preprocessor_config.json is of a {next(iter(entry.values()))}, not of a SecretSauce"
        with pytest.raises(InputError, match=message) as caught:
            load(checkpoint)
        assert "\n" not in str(caught.value)
        assert not server.log

    def test_entries_that_would_replace_its_methods(self, checkpoint):
        rewrite(checkpoint / "preprocessor_config.json", transform="x", take=None, save_pretrained="me/other")
        extractor = load_pipeline(checkpoint).feature_extractor
        assert callable(extractor.transform)
        assert callable(extractor.take)

    def test_another_model(self, tmp_path, checkpoint):
        save_ast(tmp_path / "ast", ASTModel)
        shutil.copy(checkpoint / "preprocessor_config.json", tmp_path / "ast")
        with pytest.raises(InputError, match="is of a 'audio-spectrogram-transformer' model, not a secret-sauce one"):
            pipeline("audio-to-preset", model=str(tmp_path / "ast"), device="cpu")
        config = tmp_path / "ast" / "config.json"
        config.write_text(json.dumps({"hidden_size": 8}))
        with pytest.raises(InputError, match="names no model_type, not a secret-sauce one"):
            pipeline("audio-to-preset", model=str(tmp_path / "ast"), device="cpu")
        config.unlink()
        with pytest.raises(InputError, match=r"ast has no config\.json; give the folder of a checkpoint"):
            pipeline("audio-to-preset", model=str(tmp_path / "ast"), device="cpu")

    def test_an_extractor_without_a_type(self, checkpoint):
        path = checkpoint / "preprocessor_config.json"
        values = json.loads(path.read_text())
        del values["feature_extractor_type"]
        path.write_text(json.dumps(values))
        with pytest.raises(InputError, match="names no feature_extractor_type"):
            pipeline("audio-to-preset", model=str(checkpoint), device="cpu")


class TestShards:
    @pytest.fixture
    def sharded(self, checkpoint):
        """The weights in two files whose names the index alone tells."""
        weights = load_file(checkpoint / "model.safetensors")
        (checkpoint / "model.safetensors").unlink()
        halves = {"first.safetensors": list(weights)[::2], "second.safetensors": list(weights)[1::2]}
        for file, names in halves.items():
            save_file({name: weights[name] for name in names}, checkpoint / file, metadata={"format": "pt"})
        places = {name: file for file, names in halves.items() for name in names}
        index = {"metadata": {"total_size": 0}, "weight_map": places}
        (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
        return checkpoint

    @every_way
    def test_they_are_loaded(self, sharded, original, load):
        assert_checked(load(sharded), original)

    @every_way
    def test_from_the_hub(self, sharded, original, hub, load):
        api = HfApi(token=hub.token)
        repo = api.create_repo(hub.repo("sharded", "model")).repo_id
        api.upload_folder(repo_id=repo, folder_path=sharded)
        assert_checked(load(repo), original)

    @pytest.mark.parametrize(
        ("file", "message"),
        [
            ("../other.safetensors", "not the plain name"),
            ("/other.safetensors", "not the plain name"),
            ("pytorch_model.bin", "not the plain name"),
            ("absent.safetensors", "not beside it; copy the whole folder"),
            ("second.safetensors", "another place of"),
        ],
    )
    def test_an_index_that_leads_elsewhere(self, sharded, file, message):
        index = json.loads((sharded / "model.safetensors.index.json").read_text())
        name = next(name for name, place in index["weight_map"].items() if place == "first.safetensors")
        index["weight_map"][name] = file
        (sharded / "model.safetensors.index.json").write_text(json.dumps(index))
        for load in WAYS.values():
            with pytest.raises(InputError, match=message) as caught:
                load(sharded)
            assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("header", [2**22 + 1, 2**62], ids=["large", "huge"])
    def test_a_header_that_nobody_has(self, checkpoint, header):
        path = checkpoint / "model.safetensors"
        path.write_bytes(header.to_bytes(8, "little") + path.read_bytes()[8:])
        with pytest.raises(InputError, match="its header is too large"):
            load_pipeline(checkpoint)

    @pytest.mark.parametrize(
        "text", ["[", "[" * 1000, '{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 99]}}']
    )
    def test_a_header_that_is_none(self, checkpoint, text):
        (checkpoint / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text.encode())
        with pytest.raises(InputError, match="is not a whole safetensors file") as caught:
            load_pipeline(checkpoint)
        assert "\n" not in str(caught.value)


class TestFromTheHub:
    @pytest.fixture
    def publish(self, hub, server) -> Callable[[Path], str]:
        def upload(folder: Path) -> str:
            api = HfApi(token=hub.token)
            repo = api.create_repo(hub.repo(f"untrusted-{len(server.log)}", "model")).repo_id
            api.upload_folder(repo_id=repo, folder_path=folder)
            server.log.clear()
            return repo

        return upload

    @every_way
    @pytest.mark.parametrize(
        ("file", "values", "message"),
        [
            ("config.json", {"transformers_weights": "other.safetensors"}, "transformers_weights"),
            ("config.json", {"configuration_files": ["config.5.0.0.json"]}, "configuration_files"),
            ("config.json", {"attn_implementation": "me/kernel"}, "attn_implementation"),
            ("processor_config.json", {"feature_extractor": {"processor_class": "XWithLM"}}, "processor_config"),
            ("preprocessor_config.json", {"processor_class": "XWithLM"}, "XWithLM"),
        ],
    )
    def test_what_leads_elsewhere(self, checkpoint, publish, server, load, file, values, message):
        add_other_weights(checkpoint, "other.safetensors", "adapter_model.safetensors")
        shutil.copy(checkpoint / "config.json", checkpoint / "config.5.0.0.json")
        path = checkpoint / file
        path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | values))
        repo = publish(checkpoint)
        # `pipeline()` puts what a model of the Hub raises into an error of its own.
        with pytest.raises(ValueError if load is WAYS["pipeline"] else InputError, match=message):
            load(repo)
        assert not server.requests(path="me/(other|kernel)")
        if load is not WAYS["load_pipeline"]:
            assert not server.requests(path=r"resolve.*(other|adapter_model)\.safetensors")

    @every_way
    def test_an_adapter(self, checkpoint, publish, server, load):
        # With peft installed, transformers looks at the base before anything else.
        base = publish(checkpoint)
        add_other_weights(checkpoint, "adapter_model.safetensors")
        values = {"peft_type": "LORA", "base_model_name_or_path": base, "target_modules": ["qkv"]}
        (checkpoint / "adapter_config.json").write_text(json.dumps(values))
        repo = publish(checkpoint)
        with pytest.raises(ValueError if load is WAYS["pipeline"] else InputError, match="adapter"):
            load(repo)
        assert not server.requests(path=f"{base}/resolve.*safetensors")

    @pytest.mark.parametrize("load", list(WAYS.values())[1:], ids=list(WAYS)[1:])
    def test_only_what_is_loaded_is_fetched(self, checkpoint, publish, server, load):
        add_other_weights(checkpoint, "other.safetensors", "model.fp16.safetensors")
        (checkpoint / "pytorch_model.bin").write_bytes(b"not a pickle")
        repo = publish(checkpoint)
        assert_checked(load(repo), checkpoint)
        assert not server.requests(path=r"resolve.*(other|fp16|\.bin)")

    def test_a_folder_of_a_repository(self, checkpoint, publish, tmp_path):
        shutil.copytree(checkpoint, tmp_path / "parts" / "second")
        add_other_weights(checkpoint, "other.safetensors")
        shutil.move(checkpoint / "other.safetensors", tmp_path / "parts" / "model.safetensors")
        for source in (publish(tmp_path / "parts"), tmp_path / "parts"):
            model = SecretSauceModel.from_pretrained(source, subfolder="second")
            assert_checked(model, checkpoint)


class TestBases:
    def base(self, folder: Path) -> Path:
        save_ast(folder)
        add_other_weights(folder, "other.safetensors", "model.fp16.safetensors", "adapter_model.safetensors")
        return folder

    @pytest.mark.parametrize(
        "entry",
        [
            {"transformers_weights": "other.safetensors"},
            {"attn_implementation": "me/kernel", "_attn_implementation": "me/kernel"},
            {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
            {"auto_map": {"AutoModel": "me/other--modeling.Other"}, "configuration_files": ["config.5.0.0.json"]},
        ],
        ids=lambda entry: next(iter(entry)),
    )
    def test_the_weights_that_were_checked(self, tmp_path, server, entry):
        plain, _ = first_model(LIGHT, open_base(self.base(tmp_path / "plain")), 32, 2, seed=1)
        rewrite(self.base(tmp_path / "base") / "config.json", **entry)
        shutil.copy(tmp_path / "plain" / "model.safetensors", tmp_path / "base")
        (tmp_path / "base" / ".metadata").write_bytes(pickle.dumps(_Run(tmp_path / "was run")))
        model, _ = first_model(LIGHT, open_base(tmp_path / "base"), 32, 2, seed=1)
        for name, tensor in plain.state_dict().items():
            assert torch.equal(model.state_dict()[name], tensor)
        assert not (tmp_path / "was run").exists()
        assert not server.log

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000; more than 1,024 is not believed"),
            ({"hidden_size": 2**40}, "hidden_size is .* is not believed"),
            ({"max_length": 10**9}, "max_length is .* is not believed"),
            ({"frequency_stride": 0}, r"strides of 1 or more, not 16 and \(0, 10\)"),
            ({"time_stride": -1}, r"strides of 1 or more, not 16 and \(10, -1\)"),
            ({"patch_size": 0}, "patches and strides of 1 or more, not 0"),
            ({"patch_size": 65}, r"patches of 65 x 65 do not fit into its input, \(128, 64\)"),
            ({"num_hidden_layers": 0}, "num_hidden_layers of 1 or more, not 0"),
        ],
        ids=str,
    )
    def test_sizes_that_nobody_has(self, tmp_path, entry, message):
        rewrite(self.base(tmp_path) / "config.json", **entry)
        with pytest.raises(InputError, match=f"The base .* has a config.json that is no AST's: .*{message}") as caught:
            open_base(tmp_path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("text", ["[" * 200_000, '{"model_type":' * 200_000, "[]", "\ud800"])
    def test_json_without_an_end(self, tmp_path, checkpoint, text):
        for folder in (self.base(tmp_path / "base"), checkpoint):
            (folder / "config.json").write_bytes(text.encode(errors="surrogatepass"))
            with pytest.raises(InputError, match=r"config\.json (is not JSON|holds no names)") as caught:
                open_base(folder)
            assert "\n" not in str(caught.value)

    def test_an_extractor_without_an_end(self, tmp_path):
        (self.base(tmp_path) / "preprocessor_config.json").write_text("[" * 200_000)
        with pytest.raises(InputError, match=r"preprocessor_config\.json is not JSON") as caught:
            first_model(LIGHT, open_base(tmp_path), 32, 2, seed=1)
        assert "\n" not in str(caught.value)

    def test_a_record_without_an_end(self, checkpoint):
        (checkpoint / "training.json").write_text("[" * 200_000)
        assert _read_record(checkpoint) is None

    def test_what_is_no_file(self, tmp_path):
        (self.base(tmp_path) / "config.json").unlink()
        (tmp_path / "config.json").mkdir()
        with pytest.raises(InputError, match=r"config\.json cannot be read \(Is a directory\)"):
            open_base(tmp_path)

    def test_an_adapter(self, tmp_path):
        (self.base(tmp_path / "base") / "adapter_config.json").write_text('{"base_model_name_or_path": "me/other"}')
        with pytest.raises(InputError, match="adapters are not loaded"):
            open_base(tmp_path / "base")

    def test_a_checkpoint_of_ours(self, checkpoint):
        rewrite(checkpoint / "config.json", transformers_weights="other.safetensors")
        with pytest.raises(InputError, match="transformers_weights"):
            open_base(checkpoint)
