"""What the Hub's clients raise, as one line for people."""

import json

import pytest
from huggingface_hub import constants

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.remote import endpoint, is_repo_id, is_repo_name, redact, remote_errors, split_revision

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
