"""A Hub whose answers have another form than its API's, or break off: one line, wherever they are read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from test_hostile_hub import Answer, Place, built, place, repos  # noqa: F401 - fixtures

from secret_sauce_hf import InputError, load_takes
from secret_sauce_hf.data.source import locate
from secret_sauce_hf.hub.repository import look_at
from secret_sauce_hf.modeling.loading import checkpoint_folder

pytestmark = pytest.mark.usefixtures("waits")

READS: dict[str, tuple[str, Callable[[str], object]]] = {
    "load_takes": ("dataset", load_takes),
    "checkpoint_folder": ("model", checkpoint_folder),
    "locate": ("dataset", lambda name: locate(name, None, None)),
    "look_at": ("dataset", lambda name: look_at(name, "dataset", [], tag="1.0", overwrite=True, dry_run=True)),
}


def body(where: str, content: bytes) -> Callable[[Answer], None]:
    def tamper(answer: Answer) -> None:
        if where in answer.path:
            answer.body = content

    return tamper


def status(where: str, number: int, content: bytes | None = None) -> Callable[[Answer], None]:
    def tamper(answer: Answer) -> None:
        if where in answer.path:
            answer.status = number
            answer.body = answer.body if content is None else content

    return tamper


def location(where: str, said: str) -> Callable[[Answer], None]:
    def tamper(answer: Answer) -> None:
        if where in answer.path:
            answer.status = 302
            answer.say("Location", said)

    return tamper


ODD = {
    "null": body("/api/", b"null"),
    "list": body("/api/", b"[1]"),
    "number": body("/api/", b"1.5"),
    "text": body("/api/", b'"log in"'),
    "nothing": body("/api/", b""),
    "page": body("/api/", b"<html>Log in</html>"),
    "no encoding": body("/api/", b'{"id": "\xff\xc5"}'),
    "deep": body("/api/", b"[" * 100_000),
    "error that is a list": status("/api/", 409, b"[[]]"),
    "error that is null": status("/api/", 404, b"null"),
    "address that is none": location("/api/", "http://["),
    "address of another kind": location("/api/", "ftp://example.org"),
    "no address": location("/api/", ""),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("odd", ODD)
def test_answers_of_another_form(place, repos, odd, read):  # noqa: F811 - the fixtures
    kind, call = READS[read]
    place.server.tamper = ODD[odd]
    with pytest.raises(InputError) as caught:
        call(repos[kind])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("keep", [0, 20, 700])
def test_a_file_that_does_not_arrive_whole(place, repos, keep):  # noqa: F811
    def tamper(answer: Answer) -> None:
        if "/resolve/" in answer.path and answer.method == "GET":
            answer.body = answer.body[:keep]

    place.server.tamper = tamper
    with pytest.raises(InputError, match=r"does not arrive as .*give the same command again"):
        checkpoint_folder(repos["model"])
    place.server.tamper = lambda _: None
    assert Path(checkpoint_folder(repos["model"])).is_dir()


@pytest.mark.parametrize(
    "row",
    [
        {"type": "file", "path": None, "size": 1, "oid": "0" * 40},
        {"type": "file"},
        {"type": "file", "path": "a", "size": 1, "oid": "0" * 40, "lfs": {"oid": None}},
        ["file"],
        None,
    ],
    ids=str,
)
def test_listings_of_other_rows(place, repos, row):  # noqa: F811
    def tamper(answer: Answer) -> None:
        if "/tree/" in answer.path:
            answer.body = json.dumps([*json.loads(answer.body), row]).encode()

    place.server.tamper = tamper
    with pytest.raises(InputError, match=r"is not the Hub's API|is no path"):
        look_at(repos["dataset"], "dataset", [], tag="1.0", overwrite=True, dry_run=True)


def test_an_error_of_this_machine_stays_one(place, repos, hub):  # noqa: F811
    api = HfApi(endpoint=hub.url, token=hub.token)
    assert api.repo_exists(repos["model"])
    # A file where the cache's folder would be.
    (place.cache / "hub").write_text("")
    with pytest.raises(OSError) as caught:
        checkpoint_folder(repos["model"])
    assert caught.value.errno is not None


@pytest.mark.parametrize("head", ["tags: 5", "tags: {a: b}", "[", "\x01", "a: b: c", "- x", ""])
def test_a_card_of_another_form_is_not_ours(place, hub, head):  # noqa: F811
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = hub.repo("card")
    api.create_repo(repo, repo_type="dataset")
    api.upload_file(
        path_or_fileobj=b"---\nlicense: mit\n---\n", path_in_repo="README.md", repo_id=repo, repo_type="dataset"
    )
    content = f"---\n{head}\n---\n".encode()

    def tamper(answer: Answer) -> None:
        if answer.path.endswith("/README.md"):
            answer.body = content
            for name in ("Content-Length", "X-Linked-Size"):
                if name in answer.headers:
                    answer.say(name, str(len(content)))

    place.server.tamper = tamper
    with pytest.raises(InputError, match="holds something else already"):
        look_at(repo, "dataset", ["secret-sauce"], tag="1.0", dry_run=True)
