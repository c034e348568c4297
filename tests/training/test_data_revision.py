"""A run says which state of its data it saw, and a run that goes on sees the same."""

import json

import pytest
from huggingface_hub import HfApi, close_session, constants

from secret_sauce_hf.cards.model import _call
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.data.source import locate, pinned
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.training import train

LIGHT = "noisemaker-light"
RUN = {
    "epochs": 1, "batch_size": 8, "validation": 8, "hidden_size": 16, "layers": 1, "sampler_layers": 1,
    "augment": False, "fresh": 0, "workers": 0, "progress": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_collection(LIGHT, tmp_path_factory.mktemp("built") / "light", rows=(788, 812), progress=False)


@pytest.fixture
def published(built, hub, api, monkeypatch) -> tuple[str, str]:
    """A dataset on the Hub with two commits, of which the first is of our rows: its name and that commit."""
    monkeypatch.setenv("HF_TOKEN", hub.token)
    repo = hub.repo("light")
    api.create_repo(repo, repo_type="dataset")
    first = api.upload_folder(repo_id=repo, folder_path=built, repo_type="dataset").oid
    return repo, first


def test_the_revision_is_recorded_and_on_the_card(published, tmp_path):
    repo, first = published
    record = train(LIGHT, repo, tmp_path / "out", **RUN)
    assert (record["run"]["data"], record["run"]["data_revision"]) == (repo, first)
    assert json.loads((tmp_path / "out" / "training.json").read_text())["run"]["data_revision"] == first
    called = _call(record["run"], get_collection(LIGHT), {}, "out", None)
    assert called == f'train("{LIGHT}", "{repo}@{first}", "out")'


def test_a_run_that_goes_on_keeps_to_its_commit(published, api, tmp_path):
    repo, first = published

    class Stop(Exception):
        pass

    from transformers import TrainerCallback

    class AtOnce(TrainerCallback):
        def on_save(self, *_, **__):
            raise Stop

    with pytest.raises(Stop):
        train(LIGHT, repo, tmp_path / "out", callbacks=[AtOnce()], **RUN)
    # Another state, which cannot even be read.
    api.upload_file(path_or_fileobj=b"x", path_in_repo="data/train-00000-of-00001.parquet", repo_id=repo,
                    repo_type="dataset")  # fmt: skip
    assert HfApi().dataset_info(repo).sha != first
    assert train(LIGHT, repo, tmp_path / "out", resume=True, **RUN)["run"]["data_revision"] == first


def test_folders_and_collections_have_none(built, tmp_path):
    record = train(LIGHT, built, tmp_path / "out", **RUN)
    assert (record["run"]["data"], record["run"]["data_revision"]) == ("light", None)
    assert record["build"].startswith("secret-sauce build noisemaker-light")
    where = locate(LIGHT, None, None)
    assert (where["source"], where["revision"]) == (LIGHT, None)
    assert where["build"].startswith("secret-sauce build noisemaker-light --out DIR --rows 0:1000")
    assert pinned(where, LIGHT) == LIGHT


def test_offline_the_commit_is_not_known(published, monkeypatch):
    repo, first = published
    assert locate(repo, None, None)["revision"] == first
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    close_session()
    try:
        where = locate(repo, None, None)
        assert (where["revision"], pinned(where, repo)) == (None, repo)
        assert locate(f"{repo}@{first}", None, None)["revision"] == first
    finally:
        close_session()


def test_what_cannot_be_found_is_told_before_anything_is_made(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    with pytest.raises(InputError, match="There is no dataset me/nothing"):
        train(LIGHT, "me/nothing", tmp_path / "out", **RUN)
    assert not (tmp_path / "out").exists()
