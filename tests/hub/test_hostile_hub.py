"""A server that answers for the Hub does not make the clients write outside their cache.

A man in the middle passes every request on to the tests' own Hub and changes what that answers.
"""

import hashlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import pytest
from huggingface_hub import HfApi, constants

from secret_sauce_hf import checkpoint_path, cli, load_takes
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.modeling.loading import checkpoint_folder

LIGHT = "noisemaker-light"
UP = "../../../../escaped"
REFUSED = "by which files could be written outside the cache"


@dataclass
class Answer:
    """What goes back; an address below `/elsewhere` is the same as without it."""

    method: str
    path: str
    elsewhere: bool
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def say(self, name: str, value: str) -> None:
        """Set a header, whether or not there is one."""
        del self.headers[name]
        self.headers[name] = value

    def change(self, change: Callable) -> None:
        """Change the JSON, if it is some."""
        if "json" in self.headers["Content-Type"]:
            answer = json.loads(self.body)
            change(answer)
            self.body = json.dumps(answer).encode()
            # Of a type that is not JSON's, as the client does not look at it.
            self.say("Content-Type", "text/html")


class Middleman(ThreadingHTTPServer):
    """Goes between the clients and a Hub; `tamper` is called with every answer."""

    daemon_threads = True

    def __init__(self, hub: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub = hub.removeprefix("http://")
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.tamper: Callable[[Answer], None] = lambda _: None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Middleman

    def answer(self) -> None:
        path = self.path.removeprefix("/elsewhere")
        there = http.client.HTTPConnection(self.server.hub)
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        there.request(self.command, path, sent, {**dict(self.headers), "Connection": "close"})
        got = there.getresponse()
        answer = Answer(self.command, path, path != self.path, got.status, got.headers, got.read())
        there.close()
        self.server.tamper(answer)
        if self.command != "HEAD":
            answer.say("Content-Length", str(len(answer.body)))
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name not in ("Connection", "Transfer-Encoding"):
                self.send_header(name, value.replace(f"http://{self.server.hub}", self.server.url))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Place:
    """Where a test looks: a cache in a tree of folders, and the Hub that is not what it seems."""

    root: Path
    server: Middleman

    @property
    def cache(self) -> Path:
        return self.root / "home" / "me" / "cache"

    def outside(self) -> set[Path]:
        """What is in the tree but not in the cache."""
        return {path for path in self.root.rglob("*") if not path.is_relative_to(self.cache)} - {*self.cache.parents}

    def assert_refused(self, call: Callable, *arguments: object, said: str = REFUSED) -> None:
        before = self.outside()
        with pytest.raises(InputError) as caught:
            call(*arguments)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert self.outside() == before


@pytest.fixture
def place(hub, tmp_path, monkeypatch) -> Iterator[Place]:
    with Middleman(hub.url) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(0.01))
        thread.start()
        place = Place(tmp_path, server)
        place.cache.mkdir(parents=True)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(place.cache / "hub"))
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", server.url)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(place.cache / "datasets"))
        monkeypatch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", str(place.cache / "datasets" / "downloads"))
        yield place
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build_collection(LIGHT, tmp_path_factory.mktemp("built") / "light", rows=(788, 790), progress=False)


@pytest.fixture(scope="module")
def repos(hub, built) -> dict[str, str]:
    """A dataset and a model of the same kind as ours."""
    api = HfApi(endpoint=hub.url, token=hub.token)
    made = {}
    for kind, folder in (("dataset", built), ("model", checkpoint_path(LIGHT))):
        made[kind] = hub.repo("light", kind)
        api.create_repo(made[kind], repo_type=kind)
        api.upload_folder(repo_id=made[kind], repo_type=kind, folder_path=folder)
    return made


CALLS = {"dataset": load_takes, "model": checkpoint_folder}


def header(name: str, value: str) -> Callable[[Answer], None]:
    """Say this of every file; `{id}` is another one for every file."""

    def tamper(answer: Answer) -> None:
        if "/resolve/" in answer.path:
            answer.say(name, value.replace("{id}", hashlib.sha1(answer.path.encode()).hexdigest()))

    return tamper


def row(**values: object) -> Callable[[Answer], None]:
    """Say this of a file in every listing."""

    def change(rows: list) -> None:
        rows.append({"type": "file", "path": "config.json", "size": 1, "oid": "0" * 40, **values})

    return lambda answer: answer.change(change) if "/tree/" in answer.path else None


def info(**values: object) -> Callable[[Answer], None]:
    """Say this of the repository."""

    def tamper(answer: Answer) -> None:
        if answer.path.startswith("/api/") and "/tree/" not in answer.path:
            answer.change(lambda told: told.update(values) if isinstance(told, dict) else None)

    return tamper


def redirected(where: str, tamper: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Say so only after a redirect to an address that does not look like the Hub's."""

    def both(answer: Answer) -> None:
        if answer.elsewhere:
            tamper(answer)
        elif where in answer.path:
            answer.status = 302
            answer.say("Location", f"/elsewhere{answer.path}")

    return both


def second_page(tamper: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Say so only on another page of the listing, at an address that does not look like the Hub's."""

    def both(answer: Answer) -> None:
        if answer.elsewhere:
            tamper(answer)
        elif "/tree/" in answer.path:
            answer.say("Link", f'<{{url}}/elsewhere{answer.path}>; rel="next"')

    return both


ATTACKS = {
    "ETag": header("ETag", f'"{UP}"'),
    "ETag without quotes": header("ETag", UP),
    "weak ETag": header("ETag", f'W/"{UP}"'),
    "absolute ETag": header("ETag", '"{root}/escaped"'),
    "absolute ETag after what the client strips": header("ETag", "W/W//{root}/escaped"),
    "ETag for Windows": header("ETag", '"..\\..\\..\\..\\escaped"'),
    "ETag with a drive": header("ETag", '"C:escaped"'),
    "percent-encoded ETag": header("ETag", '"%2e%2e%2fescaped"'),
    "long ETag": header("ETag", f'"{"a" * 300}"'),
    "empty ETag": header("ETag", '""'),
    "linked ETag": header("X-Linked-Etag", f'"{UP}"'),
    "linked ETag that the client shortens": header("X-Linked-Etag", '"W.."'),
    "commit": header("X-Repo-Commit", UP),
    "absolute commit": header("X-Repo-Commit", "{root}/escaped"),
    "commit that is none": header("X-Repo-Commit", "main"),
    "redirected ETag": redirected("/resolve/", header("ETag", f'"{UP}"')),
    "commit of the repository": info(sha=UP),
    "absolute commit of the repository": info(sha="{root}/escaped"),
    "redirected commit of the repository": redirected("/api/", info(sha=UP)),
    "file of the repository": info(siblings=[{"rfilename": "../../escaped.json"}]),
    "file": row(path="../../escaped.json"),
    "file by a detour": row(path="data/../../../escaped.json"),
    "file that is its own folder's parent": row(path="data/.."),
    "absolute file": row(path="{root}/escaped.json"),
    "file for Windows": row(path="..\\escaped.json"),
    "file with a drive": row(path="data/C:escaped.json"),
    "file with an end": row(path="escaped.json\0.txt"),
    "file on another page": second_page(row(path="../../escaped.json")),
    "large file": row(lfs={"oid": UP, "size": 1, "pointerSize": 1}, xetHash="0" * 64),
    "hash": row(oid=UP),
}


def filled(attack: Callable[[Answer], None], place: Place) -> Callable[[Answer], None]:
    """The attack with the place's own folder and address in what it says."""

    def tamper(answer: Answer) -> None:
        attack(answer)
        answer.body = answer.body.replace(b"{root}", str(place.root).encode())
        for name, value in answer.headers.items():
            if "{" in value:
                answer.say(name, value.replace("{root}", str(place.root)).replace("{url}", place.server.url))

    return tamper


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_leads_out_of_the_cache_is_refused(attack, kind, place, repos):
    place.server.tamper = filled(attack, place)
    place.assert_refused(CALLS[kind], repos[kind])
    # What it was told is not in the cache either, for another call to believe.
    assert not [path for path in place.cache.rglob("*") if "escaped" in path.name or path.suffix == ".parquet"]


def test_the_commit_of_a_file_that_is_not_there(place, repos):
    def tamper(answer: Answer) -> None:
        if answer.status == 404:
            answer.say("X-Repo-Commit", UP)

    place.server.tamper = tamper
    place.assert_refused(load_takes, repos["dataset"])


def test_an_honest_hub_works_and_so_it_does_after_a_refusal(place, repos):
    place.server.tamper = filled(ATTACKS["ETag"], place)
    for kind, call in CALLS.items():
        place.assert_refused(call, repos[kind])
    place.server.tamper = lambda _: None
    assert len(load_takes(repos["dataset"])) == 2
    assert load_pipeline(repos["model"]).model.config.collection == LIGHT
    assert not place.outside()


@pytest.mark.parametrize(
    "tamper",
    [
        header("X-Linked-Etag", 'W/"{id}-12.b_c"'),
        header("X-Linked-Etag", '"{SHA1{{id}}}"'),
        header("X-Linked-Etag", "{id}y0hYcDEA+E="),
        lambda answer: header("ETag", '"{id}/b+c=="')(answer) if answer.method == "GET" else None,
        row(path="odd %2e%2e name:with.txt"),
        redirected("/resolve/", lambda _: None),
        redirected("/api/", lambda _: None),
    ],
    ids=["weak", "repository manager", "base64", "storage's own", "odd name", "redirected file", "redirected API"],
)
def test_unusual_but_harmless_answers(tamper, place, repos):
    place.server.tamper = tamper
    assert len(load_takes(repos["dataset"])) == 2
    assert load_pipeline(repos["model"]).model.config.collection == LIGHT
    assert not place.outside()


@pytest.mark.parametrize("attack", ["ETag", "commit of the repository", "file", "commit"])
def test_the_commands(attack, place, repos, built, capsys):
    place.server.tamper = filled(ATTACKS[attack], place)
    matching = ["match", str(demo_sound().path), "--model", repos["model"], "--seconds", "0"]
    commands = [[*matching, "--out", str(place.cache)]]
    if attack in ("commit of the repository", "file"):
        publish = ["publish", "dataset", LIGHT, "--from", str(built), "--repo", repos["dataset"], "--dry-run"]
        commands.append(publish)
    before = place.outside()
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            cli.main(command)
        assert stop.value.code not in (0, None)
        assert REFUSED in " ".join(capsys.readouterr().err.split())
    assert place.outside() == before


@pytest.mark.parametrize(
    "configuration",
    ["version: ../../../../escaped", "version: {root}/escaped", "config_name: .."],
    ids=["version", "absolute version", "name"],
)
def test_the_card_of_a_dataset(configuration, place, hub):
    # The Hub is honest; whoever wrote the dataset is not.
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = hub.repo("card")
    api.create_repo(repo, repo_type="dataset")
    said = {"config_name": "default", "data_files": "a.csv"}
    key, _, value = configuration.replace("{root}", str(place.root)).partition(": ")
    card = f"---\nconfigs:\n- {json.dumps(said | {key: value})}\n---\n"
    for name, content in (("a.csv", "a\n1\n"), ("README.md", card)):
        api.upload_file(path_or_fileobj=content.encode(), path_in_repo=name, repo_id=repo, repo_type="dataset")
    place.assert_refused(load_takes, repo, said="names a folder outside the cache")


@pytest.mark.parametrize("revision", ["../../escaped", "/escaped", "a/../../escaped", "..\\escaped"])
def test_a_revision_is_no_path(revision, place, repos):
    place.assert_refused(lambda: checkpoint_folder(repos["model"], revision=revision), said="cannot be a revision")
    place.assert_refused(lambda: checkpoint_folder(f"{repos['model']}@{revision}"), said="No such checkpoint folder")
    place.assert_refused(lambda: load_takes(f"{repos['dataset']}@{revision}"), said="neither a folder nor the id")
