"""Checkpoints whose files hold something else than they must: told in one line, by whatever loads them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_modeling import small_model

from secret_sauce_hf import InputError
from secret_sauce_hf.instruments.parameters import parameter_from_dict
from secret_sauce_hf.modeling import SecretSauceConfig, SecretSauceFeatureExtractor, SecretSauceModel, load_pipeline
from secret_sauce_hf.training.run import save_checkpoint

WEIGHTS, CONFIG, EXTRACTOR = "model.safetensors", "config.json", "preprocessor_config.json"
LOADERS = {
    "load_pipeline": load_pipeline,
    "model": SecretSauceModel.from_pretrained,
    "config": SecretSauceConfig.from_pretrained,
    "config.json": lambda folder: SecretSauceConfig.from_json_file(folder / CONFIG),
}
every_loader = pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "checkpoint"
    save_checkpoint(*small_model(), folder)
    return folder


@pytest.fixture
def checkpoint(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "checkpoint"))


def refused(load, *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(*arguments)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    return str(caught.value)


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["queries", "temperatures", "heads.osc2_wave.bias"])
def test_weights_that_are_not_finite(checkpoint, name, value):
    weights = load_file(checkpoint / WEIGHTS)
    weights[name].view(-1)[-1] = value
    save_file(weights, checkpoint / WEIGHTS, metadata={"format": "pt"})
    for load in (load_pipeline, SecretSauceModel.from_pretrained):
        said = refused(load, checkpoint)
        assert name in said and "not all of it are finite numbers" in said


@pytest.mark.parametrize("told", ["I16", "BOOL", "F8_E4M3", "F64", "F99", None])
def test_the_type_that_a_header_tells(checkpoint, told):
    content = (checkpoint / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["queries"]["dtype"] = told
    text = json.dumps(header).encode()
    (checkpoint / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    for load in (load_pipeline, SecretSauceModel.from_pretrained):
        refused(load, checkpoint)


@every_loader
@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "128"},
        {"hidden_size": [128]},
        {"num_attention_heads": 2.0},
        {"knob_bins": True},
        {"note_on": None},
        {"label_width": float("nan")},
        {"parameters": {"name": "a"}},
        {"parameters": ["lfo1_rate"]},
        {"inputs": 4},
        {"inputs": [{"name": ["envelope"], "frames": 1, "bins": 1, "patch": 1}]},
        {"inputs": [{"name": "other", "frames": 1, "bins": 1, "patch": 1}]},
        {"fixed": ["ab"]},
        {"collection": 7},
        {"ast": 0.5},
        {"architectures": {"a": 1}},
        {"dtype": ["float16"]},
    ],
    ids=str,
)
def test_values_of_another_kind(checkpoint, load, changes):
    rewrite(checkpoint / CONFIG, **changes)
    refused(load, checkpoint)


@every_loader
@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, '{"a": 1', "\x00", "1" * 5_000])
def test_a_config_that_is_no_json(checkpoint, load, text):
    (checkpoint / CONFIG).write_text(text)
    assert CONFIG in refused(load, checkpoint)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5},
        {"name": "a.b"},
        {"name": "x" * 100},
        {"control": [200]},
        {"control": 7},
        {"control": ["7"]},
        {"drawn": [5]},
        {"drawn": [9, 3]},
        {"heard": "yes"},
        {"heard": ["above", "cutoff"]},
        {"heard": ["is", "wave", 3]},
        {"heard": ["above", "cutoff", ["along", "note.held"]]},
        {"heard": ["above", "cutoff", ["along", "note.held", [1, 2], [1, 3]]]},
        {"heard": ["above", "cutoff", ["along", "note.held", [0, 1], ["1", 3]]]},
        {"about": None},
        {"other": 1},
    ],
    ids=str,
)
def test_a_parameter_of_other_values(changes):
    good = {"kind": "knob", "name": "cutoff", "control": [7], "drawn": [0, 127], "heard": ["all"], "about": ""}
    assert parameter_from_dict(good).name == "cutoff"
    assert "Not a parameter" in refused(parameter_from_dict, good | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"codes": [0, 0]},
        {"codes": [0]},
        {"codes": [0, 300]},
        {"labels": ["A", 1]},
        {"labels": "AB"},
        {"display": [["A"]]},
        {"control": [1, 2]},
    ],
    ids=str,
)
def test_a_switch_of_other_values(changes):
    good = {"kind": "switch", "name": "wave", "control": [7], "codes": [0, 64], "labels": ["A", "B"], "display": []}
    assert parameter_from_dict(good).name == "wave"
    assert "Not a parameter" in refused(parameter_from_dict, good | changes)


@pytest.mark.parametrize("name", ["train", "values", "forward"])
def test_a_name_that_torch_needs(checkpoint, name):
    parameters = json.loads((checkpoint / CONFIG).read_text())["parameters"]
    parameters[0]["name"] = name
    rewrite(checkpoint / CONFIG, parameters=parameters)
    for load in (load_pipeline, SecretSauceModel.from_pretrained):
        refused(load, checkpoint)


@pytest.mark.parametrize("load", [load_pipeline, SecretSauceFeatureExtractor.from_pretrained])
@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": "mels"},
        {"inputs": ["mels"]},
        {"inputs": [{"name": "long_mels", "kind": "mels"}]},
        {"inputs": [{"name": "long_mels", "kind": "other", "bins": 1}]},
        {"inputs": [{"name": "long_mels", "kind": "mels", "window": 512, "hop": True, "bins": 64}]},
        {"inputs": [{"name": "long_mels", "kind": "mels", "window": 2, "hop": 128, "bins": 64}]},
        {"inputs": [{"name": "long_mels", "kind": "mels", "window": 2**16, "hop": 1, "bins": 2**15}]},
        {"inputs": [{"name": "modulation", "kind": "modulation", "window": 128, "hop": 32, "rates": 96, "bins": 31}]},
        {"inputs": [{"name": "envelope", "kind": "envelope", "hop": 55, "bins": 4}]},
        {"inputs": [{"name": "fbank", "kind": "fbank", "rate": 16_000, "bins": 32, "mean": "0", "std": 1}]},
        {"inputs": [{"name": "fbank", "kind": "fbank", "rate": 16_000, "bins": 32, "mean": 0.0, "std": 0}]},
        {"note_on": "0.1"},
        {"take_samples": True},
        {"auto_map": 1.5},
    ],
    ids=str,
)
def test_a_preprocessor_of_other_values(checkpoint, load, changes):
    rewrite(checkpoint / EXTRACTOR, **changes)
    refused(load, checkpoint)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"a": 1', "\x00"])
def test_a_preprocessor_that_is_no_json(checkpoint, text):
    (checkpoint / EXTRACTOR).write_text(text)
    for load in (load_pipeline, SecretSauceFeatureExtractor.from_pretrained):
        assert EXTRACTOR in refused(load, checkpoint)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, EXTRACTOR])
def test_a_pipe_is_not_waited_for(checkpoint, name):
    (checkpoint / name).unlink()
    os.mkfifo(checkpoint / name)
    refused(load_pipeline, checkpoint)


def test_answers_that_are_not_finite():
    model, extractor = small_model()
    with torch.no_grad():
        model.queries.fill_(float("nan"))
    from secret_sauce_hf.modeling import AudioToPresetPipeline

    predict = AudioToPresetPipeline(model=model, feature_extractor=extractor, task="audio-to-preset", device="cpu")
    sound = {"array": torch.zeros(extractor.take_samples).numpy(), "sampling_rate": extractor.sampling_rate}
    assert "answer is not finite" in refused(predict, sound)
