"""Servers that are not quite the Hub, or no Hub at all: what works there, and what is told where it does not."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import pytest
from hub_faults import Fault
from hub_server import HubServer
from huggingface_hub import CommitOperationAdd, HfApi, close_session, constants, get_session
from huggingface_hub.utils import _http

from secret_sauce_hf.data import load_takes
from secret_sauce_hf.hub.repository import RepositoryFile, look_at, publish
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.modeling.loading import checkpoint_folder
from secret_sauce_hf.remote import checked_answers, remote_errors

# This is about what our own server can be made to be.
pytestmark = pytest.mark.usefixtures("server")

MARKS = ["secret-sauce", "dozen"]
FILES = {"README.md": b"---\ntags:\n- secret-sauce\n- dozen\n---\n"}
LARGE = {f"{number}.bin": bytes([number]) * 1000 + b"\0" for number in range(8)}


@pytest.fixture(autouse=True)
def _token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)


def send(repo, files, *, tag="v1", **options):
    there = look_at(repo, "dataset", MARKS, tag=tag, **options)
    wanted = [RepositoryFile(path, content) for path, content in files.items()]
    return publish(there, wanted, removable=lambda _: False, message="All of it", **options)


def said(work, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        work(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Storage that cannot be reached


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("count", [1, 2, 8])
def test_files_that_cannot_be_sent(hub, server, nowhere, count):
    server.kind.storage = nowhere
    files = FILES | dict(list(LARGE.items())[:count])
    for _ in range(3):
        message = said(send, hub.repo("files"), files)
        assert message.startswith(f"The storage {nowhere}, where the Hub at {hub.url} keeps large files of dataset ")
        assert "What was sent is kept" in message


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("count", [1, 2, 8])
def test_files_that_cannot_be_fetched(hub, api, server, nowhere, count):
    repo = hub.repo("model", "model")
    api.create_repo(repo)
    files = {"config.json": b"{}"} | {f"{n}.safetensors": bytes([n]) * 1000 for n in range(count)}
    api.create_commit(repo, [CommitOperationAdd(path, content) for path, content in files.items()], commit_message="x")
    server.kind.storage = nowhere
    message = said(checkpoint_folder, repo)
    assert message.startswith(f"The storage {nowhere}, where the Hub at {hub.url} keeps large files of model {repo}")


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("break_off", [True, False], ids=["hangs up", "a page"])
def test_storage_that_is_something_else(hub, api, server, tmp_path, break_off):
    repo = hub.repo("model", "model")
    api.create_repo(repo)
    files = {"config.json": b"{}", "a.safetensors": b"a" * 1000, "b.safetensors": b"b" * 1000}
    api.create_commit(repo, [CommitOperationAdd(path, content) for path, content in files.items()], commit_message="x")
    with HubServer(tmp_path / "other") as other:
        other.kind.page = (200, "text/html", "<html>Welcome</html>")
        if break_off:
            other.faults.add(Fault(cut_after_bytes=0, times=99))
        server.kind.storage = other.url
        message = said(checkpoint_folder, repo)
    expected = (
        f"The storage {other.url}, where" if break_off else f"model {repo} does not arrive as the Hub at {hub.url}"
    )
    assert message.startswith(expected)


@pytest.mark.usefixtures("waits")
def test_no_thread_loses_its_client_to_a_failure_of_another(hub, nowhere):
    closing, first = _http.close_session, get_session()

    def one(number: int) -> str:
        try:
            _http.http_backoff("GET", f"{nowhere}/x" if number % 2 else f"{hub.url}/api/whoami-v2")
        except Exception as error:  # noqa: BLE001 - which one is the question
            return type(error).__name__
        return "answered"

    with checked_answers(), ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(64))) == {"ConnectError", "answered"}
    # The library is as it was.
    assert get_session() is first and not first.is_closed
    assert _http.close_session is closing


# Commits by short names


@pytest.mark.parametrize("where", ["", "/revision/", "/commit/", "/resolve/", r"^/api/datasets/[^/]+/[^/]+$"])
def test_short_ids_are_those_of_the_same_commits(hub, server, where):
    server.kind.short_ids = where
    repo = hub.repo("short")
    files = FILES | {"a.bin": b"a\0"}
    assert len(send(repo, files).new) == 2
    again = send(repo, files)
    assert (len(again.new), len(again.changed), len(again.same)) == (0, 0, 2)
    # Another state is another state, and a tag that is moved arrives.
    with pytest.raises(InputError, match=r"Revision v1 of .* is another state"):
        send(repo, FILES | {"a.bin": b"b\0"})
    assert len(send(repo, FILES | {"a.bin": b"b\0"}, overwrite=True).changed) == 1
    server.kind.reset()
    assert HfApi().dataset_info(repo, revision="v1").sha == HfApi().dataset_info(repo).sha


# Without Xet


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (None, "has no Xet storage for dataset {repo} (HTTP 404): set HF_HUB_DISABLE_XET=1"),
        (405, "has no Xet storage for dataset {repo} (HTTP 405): set HF_HUB_DISABLE_XET=1"),
        (410, "has no Xet storage for dataset {repo} (HTTP 410): set HF_HUB_DISABLE_XET=1"),
        (403, "does not accept the token for dataset {repo}: log in"),
    ],
)
def test_a_server_without_xet_is_told_apart_from_the_network(hub, server, monkeypatch, status, message):
    pytest.importorskip("hf_xet")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    if status:
        server.faults.add(Fault(path="xet-write-token", status=status, times=99))
    repo = hub.repo("xet")
    told = said(send, repo, FILES | LARGE)
    assert message.format(repo=repo) in told
    assert "cannot be reached" not in told
    # The remedy is one.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    assert len(send(repo, FILES | LARGE).new) == 9


# Offline

OFFLINE = """
from secret_sauce_hf.data import load_takes
from secret_sauce_hf.hub.repository import look_at
from secret_sauce_hf.instruments import InputError
for work in (lambda: look_at("me/x", "dataset", [], tag=None), lambda: load_takes("me/x")):
    try:
        work()
    except InputError as error:
        print(error)
"""


def test_offline_is_told_by_the_name_of_its_variable(client_environment):
    environment = client_environment | {"TRANSFORMERS_OFFLINE": "1"}
    environment.pop("HF_TOKEN")
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, check=True, timeout=100
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all(line.startswith("TRANSFORMERS_OFFLINE is set") for line in lines), done.stdout


@pytest.mark.parametrize(
    "work",
    [
        lambda: look_at("me/x", "dataset", [], tag=None),
        lambda: look_at("me/x", "model", [], tag=None, dry_run=True),
        lambda: checkpoint_folder("me/x"),
        lambda: load_takes("me/x"),
    ],
    ids=["publish", "dry run", "checkpoint", "dataset"],
)
def test_offline_is_not_taken_for_something_else(work, monkeypatch):
    for module in (constants, datasets.config):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("HF_TOKEN")
    close_session()
    try:
        assert said(work).startswith("HF_HUB_OFFLINE is set")
    finally:
        close_session()


def test_offline_for_datasets_alone(dataset, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    assert said(load_takes, dataset).startswith(f"HF_DATASETS_OFFLINE is set and dataset {dataset} is not in the cache")


# No Hub

PAGES = {
    "a page": (200, "text/html", "<html>Welcome</html>"),
    "a page that is missing": (404, "text/html", "<html>nginx</html>"),
    "a page to log in": (401, "text/html", "<html>Who are you?</html>"),
    "a page that is forbidden": (403, "text/html", "<html>No</html>"),
    "another API": (404, "application/json", '{"detail": "Not Found"}'),
    "another API with errors": (404, "application/json", '{"error": "no route"}'),
    "another method": (405, "text/plain", "Method Not Allowed"),
    "an empty object": (200, "application/json", "{}"),
    "a list": (200, "application/json", "[]"),
    "null": (200, "application/json", "null"),
    "a word": (200, "application/json", '"pong"'),
    "text": (200, "text/plain", "pong"),
    "nothing": (200, "text/plain", ""),
}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_no_hub_is_told_so(hub, server, dataset, page):
    server.kind.page = PAGES[page]
    for work in (
        lambda: look_at(dataset, "dataset", [], tag=None),
        lambda: look_at(dataset, "dataset", [], tag=None, dry_run=True),
        lambda: checkpoint_folder("me/x"),
        lambda: load_takes("me/x"),
    ):
        message = said(work)
        assert message.startswith(f"What answers at {hub.url} ") and "check" in message and "HF_ENDPOINT" in message


def test_what_is_no_hub_where_files_are(api, server, dataset):
    api.create_commit(dataset, [CommitOperationAdd("a.txt", b"a")], commit_message="x", repo_type="dataset")
    server.kind.page = (404, "text/plain", "not here")
    with pytest.raises(InputError, match="knows no such address for dataset"), remote_errors(f"dataset {dataset}"):
        api.hf_hub_download(dataset, "a.txt", repo_type="dataset")


@pytest.mark.parametrize("endpoint", ["htp://hub.example", "http://", "hub.example", "http://127.0.0.1:1"])
def test_an_endpoint_that_is_none(monkeypatch, endpoint):
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    with pytest.raises(InputError, match="HF_ENDPOINT"), remote_errors("model me/x"):
        HfApi(endpoint=endpoint).model_info("me/x")
    close_session()


# A cache without room


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_cache_without_room_is_told_of_the_cache():
    with (
        pytest.raises(InputError, match=rf"The cache {constants.HF_HOME} cannot take model me/x \(No space left on"),
        remote_errors("model me/x"),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"weights")
