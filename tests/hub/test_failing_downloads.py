"""Checkpoints and datasets from a Hub that fails: one line, nothing half in the cache, and whole the next time."""

from pathlib import Path

import datasets
import pytest
from hub_faults import Fault
from huggingface_hub import HfApi, constants

from secret_sauce_hf.data import build_collection, load_takes
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.modeling import checkpoint_path
from secret_sauce_hf.modeling.loading import checkpoint_folder

LIGHT = get_collection("noisemaker-light")
FAULTS = {
    "429": ({"status": 429, "headers": {"Retry-After": "7"}}, r"asks for fewer requests .*again in 7 s"),
    "503": ({"status": 503}, r"The Hub has a fault \(HTTP 503\)"),
    "a cut": ({"cut_answer_after_bytes": 100}, r"cannot be reached|does not arrive"),
    "silence": ({"delay": 1.0}, r"cannot be reached .*timed out"),
}


@pytest.fixture(scope="module")
def published(hub, tmp_path_factory):
    if hub.server is None:
        pytest.skip("only our own Hub can be made to fail")
    built = build_collection(LIGHT, tmp_path_factory.mktemp("built") / "a", seed=1, count=4, progress=False)
    api = HfApi(token=hub.token)
    names = {}
    for kind, folder in (("dataset", built), ("model", checkpoint_path(LIGHT))):
        names[kind] = hub.repo("failing", kind)
        api.create_repo(names[kind], repo_type=kind)
        api.upload_folder(repo_id=names[kind], repo_type=kind, folder_path=folder)
    return names


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("kind", ["dataset", "model"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_hub_that_fails(published, server, tmp_path, monkeypatch, kind, fault):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    monkeypatch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", str(tmp_path / "downloads"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    name = published[kind]
    call = load_takes if kind == "dataset" else checkpoint_folder
    what, told = FAULTS[fault]
    where = r"/resolve/.*\.parquet" if kind == "dataset" else "/resolve/.*safetensors"
    server.faults.add(Fault(method="GET", path=where, times=float("inf"), **what))
    with pytest.raises(InputError, match=told) as caught:
        call(name)
    assert "\n" not in str(caught.value)
    server.faults.clear()
    found = call(name)
    if kind == "model":
        assert all((Path(found) / path.name).read_bytes() == path.read_bytes() for path in weights())
    else:
        assert found.sounds.shape == (4, LIGHT.samples) and found.sounds.any(axis=1).sum() >= 3


def weights():
    return [path for path in Path(checkpoint_path(LIGHT)).iterdir() if path.suffix in (".json", ".safetensors")]
