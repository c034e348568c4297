"""What the Hub's clients raise, as one line for people."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from huggingface_hub import close_session, constants, get_session, set_client_factory
from huggingface_hub.utils import _http

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.remote import (
    checked_answers,
    endpoint,
    is_repo_id,
    is_repo_name,
    is_revision,
    redact,
    remote_errors,
    split_revision,
)

SECRET = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz"


def upload_failed():
    """As the client tells that a file could not be sent."""
    raise RuntimeError("Error while uploading 'a.parquet' to the Hub.") from ConnectionError(f"refused {SECRET}")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda: json.loads("<html>"), "is not the Hub's API (a proxy, or a page to log in?)"),
        (lambda: {}["converts"], "is not the Hub's API"),
        (lambda: "hf_wrö".encode("ascii"), "has characters that no token has"),
        (upload_failed, "cannot be reached for dataset me/light (refused <token>)"),
    ],
    ids=["html", "another answer", "odd token", "failed upload"],
)
@pytest.mark.parametrize("sending", [True, False])
def test_every_fault_is_one_line(fault, message, sending):
    with pytest.raises(InputError) as caught, remote_errors("dataset me/light", sending=sending):
        fault()
    said = str(caught.value)
    assert message in said
    assert "\n" not in said
    assert SECRET not in said
    # Who only reads has sent nothing.
    assert sending or "sent" not in said


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("LFS batch API returned errors:\n507: no room", "The storage of dataset me/light is full: LFS batch API"),
        ("Invalid metadata in README.md.\n- Error", "The Hub does not accept dataset me/light: Invalid metadata"),
    ],
)
def test_what_the_client_does_not_accept(said, message):
    with pytest.raises(InputError, match=message), remote_errors("dataset me/light", sending=True):
        raise ValueError(said)


def test_what_is_not_of_the_hub_goes_on_as_it_is():
    with pytest.raises(ValueError, match="a mistake of ours"), remote_errors("dataset me/light"):
        raise ValueError("a mistake of ours")
    with pytest.raises(RuntimeError, match="another one"), remote_errors("dataset me/light"):
        raise RuntimeError("another one")


def test_secrets_are_not_repeated(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "a-token-of-no-known-form")
    said = redact(f"{SECRET} Bearer xyz Basic c2VjcmV0 a-token-of-no-known-form http://me:pa55@hub.example/x")
    assert said == "<token> Bearer <token> Basic <token> <token> http://hub.example/x"
    monkeypatch.setattr(constants, "ENDPOINT", f"http://user:{SECRET}@127.0.0.1:9")
    assert endpoint() == "http://127.0.0.1:9"


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_repo_id("org/name")
    assert is_repo_id("org/name@0.1.0")
    assert not any(map(is_repo_id, ["name", "a/b/c", "../x", "/x/y", "org/", "-a/b", "", None, tmp_path]))
    (tmp_path / "org" / "name").mkdir(parents=True)
    # What is on this disk comes first, but not for what shall be published.
    assert not is_repo_id("org/name")
    assert is_repo_name("org/name")
    assert split_revision("org/name@main") == ("org/name", "main")
    assert split_revision("org/name") == ("org/name", None)


def test_revisions():
    assert all(map(is_revision, ["main", "0.1.0", "refs/pr/1", "feature/a-b_c", "60fee22"]))
    assert not any(map(is_revision, ["", "..", "../x", "a/../x", "/x", "a b", "a\\..\\x", "a@b"]))
    assert not is_repo_id("org/name@../../x")


# Answers that are refused


@pytest.fixture
def answers():
    """A client, as a program may have set one, that gets these headers from every server."""
    said: dict[str, str] = {}
    seen: list[httpx2.Response] = []

    def client() -> httpx2.Client:
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=said, json={}))
        return httpx2.Client(transport=transport, event_hooks={"response": [seen.append]})

    before = _http._GLOBAL_CLIENT_FACTORY
    set_client_factory(client)
    yield said
    set_client_factory(before)


def head(url="https://hub.example/x"):
    return get_session().head(url)


def test_the_library_is_afterwards_as_it_was(answers):
    answers["ETag"] = "../x"
    factory, client = _http._GLOBAL_CLIENT_FACTORY, get_session()
    hooks = list(client.event_hooks["response"])
    with checked_answers():
        with (
            checked_answers(),
            pytest.raises(InputError, match=r"The server https://hub\.example answers with '\.\./x'"),
        ):
            head()
        # The outer one goes on.
        with pytest.raises(InputError):
            head()
        assert get_session() is client
    assert (_http._GLOBAL_CLIENT_FACTORY, get_session()) == (factory, client)
    assert client.event_hooks["response"] == hooks and len(hooks) == 1
    assert head().headers["ETag"] == "../x"


def test_a_client_made_meanwhile_is_checked_and_then_is_not(answers):
    answers["ETag"] = "../x"
    with checked_answers():
        # As the library does it when a connection fails, and in a process of its own.
        close_session()
        with pytest.raises(InputError):
            head()
    assert head().headers["ETag"] == "../x"


@pytest.mark.usefixtures("answers")
def test_a_maker_of_clients_set_meanwhile_stays():
    def other():
        return httpx2.Client()

    with checked_answers():
        set_client_factory(other)
        with checked_answers():
            assert len(get_session().event_hooks["response"]) == 1
    assert _http._GLOBAL_CLIENT_FACTORY is other
    assert not get_session().event_hooks["response"]


def test_checks_in_many_threads(answers):
    answers["ETag"] = "../x"
    client = get_session()

    def one(_: int) -> int:
        refused = 0
        for _ in range(20):
            with checked_answers():
                try:
                    head()
                except InputError:
                    refused += 1
        return refused

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(16))) == [20] * 16
    assert get_session() is client
    assert head().headers["ETag"] == "../x"


def test_no_server_elsewhere_names_a_folder_of_this_machine_as_its_storage(answers):
    answers["X-Xet-Cas-Url"] = "local:///tmp/x"
    with checked_answers():
        for url in ("https://hub.example/x", "http://10.0.0.1/x"):
            with pytest.raises(InputError, match="'local:///tmp/x' as the Xet storage"):
                head(url)
        for url in ("http://127.0.0.1:8123/x", "http://[::1]/x", "http://localhost/x"):
            head(url)
        answers["X-Xet-Cas-Url"] = "https://cas.example"
        head()
        answers["X-Xet-Cas-Url"] = "/tmp/x"
        with pytest.raises(InputError):
            head()


def test_a_refusal_is_one_line_without_secrets(answers):
    answers["ETag"] = f"../{SECRET}/" + "x" * 200
    with pytest.raises(InputError) as caught, remote_errors("dataset me/light"):
        head("https://me:pa55@hub.example/x")
    said = str(caught.value)
    assert "\n" not in said and SECRET not in said and "pa55" not in said and len(said) < 400
