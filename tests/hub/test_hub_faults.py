"""Accidents: what the real clients do when the Hub refuses, fails, hangs up or is full."""

import time
from pathlib import Path

import httpx2
import pytest
from hub_faults import Fault
from hub_server import HubServer, User
from hub_steps import add, paths, sha256
from huggingface_hub import HfApi, HfFileSystem, constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

# This is about our own server; against a foreign Hub there is nothing to test here.
pytestmark = pytest.mark.usefixtures("server")


@pytest.mark.parametrize(
    ("private", "message"),
    [(True, "Private repository storage limit reached"), (False, "Your storage patterns tripped our internal systems")],
)
def test_a_full_namespace(hub, api, server, dataset, private, message):
    api.update_repo_settings(dataset, repo_type="dataset", private=private)
    server.quota_bytes = server.used(hub.namespace) + 1000
    head = add(api, dataset, {"a.bin": bytes(500)})
    server.log.clear()
    # A large file is refused where it would be sent to, a small one by the commit.
    for path in ("b.bin", "b.txt"):
        where = "objects/batch" if path == "b.bin" else "commit/main"
        with pytest.raises(
            HfHubHTTPError, match=rf"403 Forbidden: {message}[^\n]*\nCannot access [^\n]*{where}"
        ) as error:
            add(api, dataset, {path: b"b" * 1000})
        assert error.value.response.status_code == 403
    assert not server.requests("PUT")
    assert api.dataset_info(dataset).sha == head
    server.quota_bytes = None
    add(api, dataset, {"b.bin": b"b" * 1000})


def test_trouble_that_passes_is_waited_for(api, server, dataset, waits):
    server.faults.add(Fault(method="PUT", path="/lfs/", status=503, times=2))
    server.faults.add(Fault(path="preupload", status=429, headers={"Retry-After": "7"}))
    add(api, dataset, {"a.bin": b"a\0"})
    # One second more than asked for, then the client's own growing pauses.
    assert waits == [8.0, 1, 2]
    assert [record.status for record in server.requests("POST", "preupload")] == [429, 200]
    assert [record.status for record in server.requests("PUT")] == [503, 503, 200]


def test_trouble_that_stays_is_an_error(api, server, dataset, waits):
    server.faults.add(Fault(path="preupload", status=500, message="On fire", times=9))
    with pytest.raises(HfHubHTTPError, match=r"500 Internal Server Error.*\n.*\n\nOn fire"):
        add(api, dataset, {"a.txt": b"a"})
    assert len(server.requests("POST", "preupload")) == 6
    assert waits == [1, 2, 4, 8, 8]


def test_a_commit_is_not_tried_again(api, server, dataset, waits):
    server.faults.add(Fault(path="/commit/", status=503))
    with pytest.raises(HfHubHTTPError, match="503 Service Unavailable"):
        add(api, dataset, {"a.txt": b"a"})
    assert (len(server.requests("POST", "/commit/")), waits) == (1, [])
    assert paths(api, dataset) == [".gitattributes"]


def test_the_answer_to_a_commit_is_lost(api, server, dataset):
    server.faults.add(Fault(path="/commit/", cut_answer_after_bytes=0))
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.NetworkError)):
        add(api, dataset, {"a.txt": b"a"})
    assert [record.status for record in server.requests("POST", "/commit/")] == [0]
    # It happened all the same; the same upload again is nothing new.
    head = api.dataset_info(dataset).sha
    assert add(api, dataset, {"a.txt": b"a"}) == head
    assert paths(api, dataset) == [".gitattributes", "a.txt"]


def test_an_upload_that_breaks_off_once_is_repeated(api, server, dataset, waits):
    content = bytes(1_000_000)
    server.cut_after(total_uploaded_bytes=300_000)
    add(api, dataset, {"a.bin": content})
    cut, whole = server.requests("PUT")
    assert (cut.status, whole.status, whole.bytes_in) == (0, 200, len(content))
    assert 298_000 <= cut.bytes_in < len(content)
    assert waits == [1]
    assert Path(hf_hub_download(dataset, "a.bin", repo_type="dataset")).read_bytes() == content


@pytest.mark.usefixtures("waits")
def test_an_upload_that_fails_goes_on_where_it_stopped(api, server, dataset):
    files = {f"data/{i}.bin": bytes([i]) * 200_000 for i in range(4)}
    broken = sha256(files["data/2.bin"])
    server.faults.add(Fault(method="PUT", path=broken, cut_after_bytes=100_000, times=6))
    before = api.dataset_info(dataset).sha
    with pytest.raises(RuntimeError, match=r"Error while uploading 'data/2\.bin' to the Hub"):
        add(api, dataset, files)
    assert api.dataset_info(dataset).sha == before
    sent = {record.path[-64:] for record in server.requests("PUT") if record.status == 200}
    assert broken not in sent
    assert not list((server.root / "incoming").iterdir())
    server.log.clear()
    add(api, dataset, files)
    again = [record.path[-64:] for record in server.requests("PUT")]
    assert sorted(again) == sorted({sha256(content) for content in files.values()} - sent)
    assert paths(api, dataset) == sorted([".gitattributes", *files])


@pytest.mark.usefixtures("waits")
def test_a_download_that_breaks_off_goes_on_where_it_stopped(api, server, dataset, monkeypatch):
    content = bytes(range(256)) * 4000
    add(api, dataset, {"a.bin": content})
    # It keeps what came in whole chunks, of 10 MB otherwise.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    server.faults.add(Fault(method="GET", path="/resolve/", cut_answer_after_bytes=350_000))
    server.log.clear()
    assert Path(hf_hub_download(dataset, "a.bin", repo_type="dataset")).read_bytes() == content
    assert [record.status for record in server.requests("GET", "/resolve/")] == [0, 206]
    server.faults.add(Fault(method="GET", path="/resolve/", cut_answer_after_bytes=350_000))
    with HfFileSystem(skip_instance_cache=True).open(f"datasets/{dataset}/a.bin", block_size=0) as stream:
        assert stream.read() == content


@pytest.mark.usefixtures("waits")
def test_a_server_that_goes_down_in_the_middle(api, server, dataset):
    server.faults.add(Fault(skip=2, times=float("inf"), cut_after_bytes=0))
    with pytest.raises(RuntimeError, match=r"Error while uploading 'a\.bin' to the Hub"):
        add(api, dataset, {"a.bin": b"a\0"})
    assert [record.status for record in server.requests("PUT")] == [0] * 6
    server.faults.clear()
    add(api, dataset, {"a.bin": b"a\0"})


def test_a_slow_server(api, server, dataset):
    server.faults.add(Fault(path="/revision/|/api/datasets/", delay=0.3))
    start = time.monotonic()
    api.dataset_info(dataset)
    assert time.monotonic() - start >= 0.3


def test_the_log_knows_no_token(hub, server, dataset, api):
    add(api, dataset, {"a.bin": b"a\0"})
    assert hub.token not in repr(server.log)
    kept = b"".join(path.read_bytes() for path in server.root.rglob("*") if path.is_file())
    assert hub.token.encode() not in kept


@pytest.mark.usefixtures("waits")
def test_a_restart_loses_nothing(tmp_path):
    server = HubServer(tmp_path / "hub", users={"t": User("alice")})
    server.start()
    api = HfApi(endpoint=server.url, token="t")
    api.create_repo("alice/sounds", repo_type="dataset", private=True)
    oid = add(api, "alice/sounds", {"a.bin": b"a\0", "b.txt": b"b"})
    api.create_tag("alice/sounds", tag="v1", repo_type="dataset")
    server.stop()
    with pytest.raises(httpx2.ConnectError):
        api.dataset_info("alice/sounds")
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("alice/sounds", "a.bin", repo_type="dataset", endpoint=server.url, cache_dir=tmp_path / "cache")
    server.start()
    assert api.dataset_info("alice/sounds").sha == oid
    server.stop()
    with HubServer(tmp_path / "hub", users={"t": User("alice")}, port=server.port) as server:
        info = api.dataset_info("alice/sounds", revision="v1")
        assert (info.sha, info.private) == (oid, True)
        add(api, "alice/sounds", {"c.bin": b"a\0"})
        assert not server.requests("PUT")
        with pytest.raises(OSError, match=r"address already in use"):
            HubServer(tmp_path / "other", port=server.port).start()
