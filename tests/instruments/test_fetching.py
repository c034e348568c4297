"""Sounds behind addresses whose servers are slow, have no end, lead in circles, or send what they do not say."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
import soundfile
from local_server import local_server

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.fetching import fetch
from secret_sauce_hf.instruments.sounds import read_samples

pytest.importorskip("aiohttp")
CONTENT = bytes(range(256)) * 20


class Strange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.strip("/")
        headers, parts = getattr(self, f"_{name}", lambda: ({"Content-Length": "0"}, []))()
        self.send_response(int(headers.pop("status", 200 if parts else 404)))
        self.close_connection = True
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            for part in parts:
                self.wfile.write(part)
        except OSError:
            pass  # Whoever asked has had enough.

    def _plain(self):
        return {"Content-Length": str(len(CONTENT))}, [CONTENT]

    def _pieces(self):
        # No length, and not all at once.
        return {}, self._slowly(CONTENT[at : at + 512] for at in range(0, len(CONTENT), 512))

    def _drip(self):
        return {"Content-Length": "100000"}, self._slowly(b"a" for _ in range(100_000))

    def _endless(self):
        return {}, (bytes(2**16) for _ in range(2**20))

    def _large(self):
        return {"Content-Length": str(2**40)}, (bytes(2**16) for _ in range(2**20))

    def _circle(self):
        return {"status": 302, "Location": "/circle", "Content-Length": "0"}, []

    def _short(self):
        return {"Content-Length": "100000"}, [CONTENT]

    def _longer(self):
        # The rest comes when the answer is over: together with it, it is a fault of the answer.
        return {"Content-Length": "100", "Connection": "close"}, self._later(CONTENT[:100], CONTENT[100:])

    def _together(self):
        return {"Content-Length": "100", "Connection": "close"}, [CONTENT]

    def _later(self, first, rest):
        yield first
        self.wfile.flush()
        self.server.over.wait(0.5)
        yield rest

    def _slowly(self, parts):
        for part in parts:
            yield part
            self.wfile.flush()
            if self.server.over.wait(0.005 if len(part) > 1 else 0.1):
                return

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with local_server(Strange) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("name", ["plain", "pieces"])
def test_what_is_there_comes_whole(address, name):
    assert fetch(f"{address}/{name}", len(CONTENT), 60).read() == CONTENT


def test_a_server_that_sends_a_byte_now_and_then(address):
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"cannot be read from .*/drip \(it takes more than 0.5 s\)"):
        fetch(f"{address}/drip", 2**20, 0.5)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("name", ["endless", "large", "plain"])
def test_more_than_may_come(address, name):
    with pytest.raises(InputError, match=r"it has more than 1000 bytes"):
        fetch(f"{address}/{name}", 1000, 60)


@pytest.mark.parametrize("name", ["circle", "short", "nothing"])
def test_what_cannot_be_had(address, name):
    with pytest.raises(InputError, match=rf"{address}/{name}"):
        fetch(f"{address}/{name}", 2**20, 60)


def test_what_was_not_told_is_not_taken(address):
    assert fetch(f"{address}/longer", 2**20, 60).read() == CONTENT[:100]


def test_what_a_server_sent_is_not_quoted_at_length(address):
    """Whether the client reads more than it was told of depends on how it arrives."""
    try:
        assert fetch(f"{address}/together", 2**20, 60).read() == CONTENT[:100]
    except InputError as error:
        assert len(str(error)) < 400


def test_a_sound_is_read_through_it(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(100, 0.5), 22_050)
    assert len(read_samples(f"file://{tmp_path}/a.wav")[0]) == 100
    with pytest.raises(InputError, match="No such sound file"):
        read_samples(f"file://{tmp_path}/b.wav")
