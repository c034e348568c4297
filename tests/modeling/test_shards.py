"""Weights in several safetensors files, with an index that tells what is where."""

import json
from pathlib import Path

import pytest
import torch
from transformers import ASTConfig, ASTForAudioClassification, AutoModel, pipeline

from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.modeling import SecretSauceModel, load_pipeline
from secret_sauce_hf.training.base import first_model, open_base
from secret_sauce_hf.training.run import save_checkpoint

LIGHT = get_collection("noisemaker-light")


def start(base: Path) -> SecretSauceModel:
    opened = open_base(base)
    return first_model(LIGHT, opened, opened.hidden_size, opened.layers, seed=1)[0]


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sharded(folder: Path) -> SecretSauceModel:
    model, extractor = first_model(LIGHT, None, 16, 1, seed=0)
    model.save_pretrained(folder, max_shard_size="20KB")
    extractor.save_pretrained(folder)
    assert len(list(folder.glob("model-000??-of-000??.safetensors"))) > 2
    assert not (folder / "model.safetensors").exists()
    return model


def test_a_checkpoint(tmp_path: Path):
    model = sharded(tmp_path)
    for loaded in (
        load_pipeline(tmp_path).model,
        pipeline("audio-to-preset", model=str(tmp_path)).model,
        AutoModel.from_pretrained(tmp_path),
        start(tmp_path),
    ):
        weights = loaded.state_dict()
        assert all(torch.equal(values, weights[name]) for name, values in model.state_dict().items())


def test_an_ast_base(tmp_path: Path):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    base = ASTForAudioClassification(ASTConfig(**sizes, num_mel_bins=64, max_length=128))
    base.save_pretrained(tmp_path / "whole")
    base.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    whole, shards = (start(tmp_path / name).state_dict() for name in ("whole", "shards"))
    assert whole.keys() == shards.keys()
    assert all(torch.equal(values, whole[name]) for name, values in shards.items())


def test_saved_over_one_file_and_back(tmp_path: Path):
    other, extractor = first_model(LIGHT, None, 16, 1, seed=1)
    save_checkpoint(other, extractor, tmp_path)
    model = sharded(tmp_path)
    assert torch.equal(load_pipeline(tmp_path).model.queries, model.queries)
    other.save_pretrained(tmp_path)
    assert torch.equal(load_pipeline(tmp_path).model.queries, other.queries)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_map": {"queries": "../model.safetensors"}}, r"'\.\./model\.safetensors', which is not the plain"),
        ({"weight_map": {"queries": "/etc/model.safetensors"}}, "not the plain name"),
        ({"weight_map": {"queries": "a\\b.safetensors"}}, "not the plain name"),
        ({"weight_map": {"queries": "pytorch_model.bin"}}, "not the plain name of a safetensors file"),
        ({"weight_map": {"queries": 7}}, "not the plain name"),
        ({"weight_map": {"queries": "nowhere.safetensors"}}, "names nowhere.safetensors, which is not beside it"),
        ({"weight_map": {}}, "needs a weight_map"),
        ({"weight_map": None}, "needs a weight_map"),
        ({"metadata": {"padding": "x" * 2**22}}, "bytes, more than"),
    ],
)
def test_bad_indexes(tmp_path: Path, change: dict, message: str):
    sharded(tmp_path)
    rewrite(tmp_path / "model.safetensors.index.json", **change)
    for load in (load_pipeline, open_base, SecretSauceModel.from_pretrained):
        with pytest.raises(InputError, match=message) as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)


def test_an_index_that_is_not_of_these_files(tmp_path: Path):
    sharded(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    places = json.loads(index.read_text())["weight_map"]
    first, *_, last = sorted(set(places.values()))
    for changed in (places | {"queries": first if places["queries"] != first else last}, places | {"extra": last}):
        rewrite(index, weight_map=changed)
        with pytest.raises(InputError, match="tells another place of"):
            load_pipeline(tmp_path)
    index.write_text("[" * 100_000)
    with pytest.raises(InputError, match="is not JSON"):
        load_pipeline(tmp_path)
    some = {name: file for name, file in places.items() if file != last}
    index.write_text(json.dumps({"metadata": {}, "weight_map": some}))
    with pytest.raises(InputError, match="is missing"):
        load_pipeline(tmp_path)
    rewrite(index, weight_map=places)
    path = tmp_path / last
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=f"{last} is not a whole safetensors file"):
        load_pipeline(tmp_path)
