"""Servers that call themselves a Hub and never come to an end: each way has a limit, and one line that tells of it."""

import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import HfApi, close_session, get_session, hf_hub_download
from local_server import local_server

from secret_sauce_hf import remote
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.remote import checked_answers, remote_errors

COMMIT = "a" * 40
BOMB = gzip.compress(b"[" + bytes(2**22) + b"]")
pytestmark = pytest.mark.usefixtures("waits")


class Endless(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        for name, value in {"ETag": '"b"', "X-Repo-Commit": COMMIT, "Content-Length": "1000000"}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.close_connection = True
        kind = self.server.kind
        if kind == "silent":
            self.server.over.wait(60)
            return
        if kind == "waits":
            self.send_response(429)
            self.send_header("Retry-After", "86400")
            self.send_header("Connection", "close")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if kind == "circle":
            self.send_response(307)
            self.send_header("Location", self.path)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if kind == "pages":
            self.send_header("Link", f'<http://{self.headers["Host"]}{self.path}>; rel="next"')
            self.send_header("Connection", "close")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")
            return
        if kind == "drip":
            self.send_header("Content-Length", "1000000")
        if kind == "bomb":
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(BOMB)))
            self.end_headers()
            self.wfile.write(BOMB)
            return
        self.end_headers()
        try:
            for _ in range(2**20):
                self.wfile.write(b" " if kind == "drip" else bytes(2**16))
                self.wfile.flush()
                if kind == "drip" and self.server.over.wait(0.05):
                    return
        except OSError:
            pass  # Whoever asked has had enough.

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with local_server(Endless) as own:
        yield own
    close_session()


@pytest.fixture
def place(server, monkeypatch):
    for name, value in (("SILENT_SECONDS", 0.3), ("SLOW_SECONDS", 0.3), ("MAX_PAGES", 5), ("MAX_UNTOLD_BYTES", 2**18)):
        monkeypatch.setattr(remote, name, value)
    monkeypatch.setattr(remote, "MAX_ANSWER_BYTES", 2**18)
    return f"http://127.0.0.1:{server.server_port}"


LISTING = {
    "drip": "sends fewer than 1,024 bytes in 0.3 s",
    "flood": "sends more than an answer has",
    "bomb": "sends more than an answer has",
    "pages": "lists without an end",
    "waits": "wants to be asked again in 86400 s",
    "silent": "cannot be reached",
    "circle": "Exceeded maximum allowed redirects",
}


@pytest.mark.parametrize("kind", LISTING)
def test_what_the_api_answers_has_an_end(kind, server, place):
    server.kind = kind
    begun = time.monotonic()
    with pytest.raises(InputError, match=LISTING[kind]), remote_errors("dataset me/it"):
        list(HfApi(place, token=False).list_repo_tree("me/it", repo_type="dataset", revision="main"))
    assert time.monotonic() - begun < 50


@pytest.mark.parametrize("kind", ["drip", "flood"])
def test_files_have_an_end(kind, server, place, tmp_path):
    server.kind = kind
    with pytest.raises(InputError, match=LISTING[kind]), remote_errors("dataset me/it"):
        hf_hub_download("me/it", "a.bin", endpoint=place, cache_dir=tmp_path, token=False)


def test_the_limits_go_with_the_block():
    with checked_answers():
        assert remote._limit_request in get_session().event_hooks["request"]
    assert remote._limit_request not in get_session().event_hooks["request"]
