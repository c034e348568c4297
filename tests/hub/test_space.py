"""The page as a Space: what goes up is all that it needs to run."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest
from huggingface_hub import HfApi, RepoCard, snapshot_download
from packaging.requirements import Requirement
from page_server import page_server

from secret_sauce_hf.hub import publish_space, spaces
from secret_sauce_hf.hub.spaces import requirements, space_files
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.matching.loading import shipped

pytest.importorskip("fastapi")


@pytest.fixture(autouse=True)
def logged_in(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)


def test_what_goes_up_is_installed_and_serves_the_page(hub, tmp_path, monkeypatch):
    assert {f"secret_sauce_hf/checkpoints/{name}/model.safetensors" for name in shipped()} <= {
        file.path for file in space_files("me/page")
    }
    # One is enough here: all of them are seventy megabytes.
    sources = spaces._sources
    monkeypatch.setattr(
        spaces,
        "_sources",
        lambda *place: (
            one for one in sources(*place) if "/checkpoints/" not in one.path or "/guitar-tiny/" in one.path
        ),
    )
    repo = f"{hub.namespace}/page"
    hub.made.append((repo, "space"))
    done = publish_space(repo)
    assert done.commit
    files = set(HfApi().list_repo_files(repo, repo_type="space"))
    assert {"README.md", "Dockerfile", "requirements.txt", "secret_sauce_hf/app/static/index.html"} <= files
    assert not [path for path in files if "__pycache__" in path or ".." in path]
    card = RepoCard.load(repo, repo_type="space")
    assert (card.data.sdk, card.data.app_port, card.data.license) == ("docker", 7860, "apache-2.0")
    folder = snapshot_download(repo, repo_type="space", local_dir=tmp_path / "space")
    # As its Dockerfile does, but for what is installed here already.
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", site]
    subprocess.run([*command, folder], check=True, cwd=tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.chdir(tmp_path)
    where = [sys.executable, "-c", "import secret_sauce_hf; print(secret_sauce_hf.__file__)"]
    assert subprocess.check_output(where, text=True).startswith(str(site))
    with page_server(folder=tmp_path) as (address, _):
        assert json.load(urllib.request.urlopen(f"{address}/health"))["ok"]
        assert b"secret sauce" in urllib.request.urlopen(f"{address}/").read()
        session = urllib.request.Request(f"{address}/api/sessions", method="POST")
        key = json.load(urllib.request.urlopen(session))["session"]
        example = urllib.request.Request(f"{address}/api/sounds/example", method="POST", headers={"X-Session": key})
        assert json.load(urllib.request.urlopen(example))["seconds"] == pytest.approx(0.9, abs=0.01)
    assert not publish_space(repo).new


def test_what_it_needs_is_written_without_markers():
    lines = requirements(("models", "app")).splitlines()
    names = {Requirement(line).name for line in lines}
    assert {"torch", "transformers", "fastapi", "mcp", "numba", "datasets"} <= names
    assert not {"vita", "dexed-py", "pedalboard", "matplotlib", "secret_sauce_hf"} & names
    assert not [line for line in lines if ";" in line]


def test_a_space_with_an_engine_under_the_gpl_says_so():
    files = {file.path: file for file in space_files("me/page", ["vital"])}
    card = files["README.md"].content.decode()
    assert "license: gpl-3.0" in card
    assert "The engines of Vital are under the GPL 3" in card
    assert "vita" in {Requirement(line).name for line in files["requirements.txt"].content.decode().splitlines()}
    assert "Vital" not in next(iter(space_files("me/page"))).content.decode()
    with pytest.raises(InputError, match="no engine 'serum'"):
        publish_space("me/page", engines=["serum"])
    assert os.sep != "\\" or all("\\" not in path for path in files)
