"""What strangers send to the page's server (see `mutants`): requests with headers, JSON, sounds, calls of tools."""

import asyncio
import base64
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mutant_files import LIGHT, sound, spoilt_json_text, wav
from mutants import Draw, Reader, Target, junk, spoilt_bytes

from secret_sauce_hf import InputError
from secret_sauce_hf.presets import draw_presets

Request = tuple[str, str, list[tuple[bytes, bytes]], bytes]


class Server:
    """The page's server in this process, without a socket: what uvicorn would hand it, it is handed."""

    def __init__(self) -> None:
        from secret_sauce_hf.app import tools
        from secret_sauce_hf.app.server import create_app

        # A search as long as may be asked for is no fault.
        self.longest, tools.MAX_SEARCH_SECONDS = tools.MAX_SEARCH_SECONDS, 0.5
        self.app = create_app(warm=False)
        self.loop = asyncio.new_event_loop()
        self.logged: list[logging.LogRecord] = []
        self._listen()
        started, self.ending = asyncio.Event(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not started.is_set():
                return {"type": "lifespan.startup"}
            await self.ending.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: dict[str, Any]) -> None:
            assert message["type"] in ("lifespan.startup.complete", "lifespan.shutdown.complete"), message
            started.set()

        self.life = self.loop.create_task(self.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
        self.loop.run_until_complete(asyncio.wait_for(started.wait(), 120))
        self.session = json.loads(self.ask("POST", "/api/sessions", [], b"")[1])["session"].encode()

    def _listen(self) -> None:
        """Keep what is logged as an exception: a server that goes on after one has told nobody else."""

        class Kept(logging.Handler):
            def emit(_, record: logging.LogRecord) -> None:
                if record.exc_info is not None and record.levelno >= logging.ERROR:
                    self.logged.append(record)

        self.handler = Kept()
        logging.getLogger().addHandler(self.handler)

    def ask(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        path, _, query = target.partition("?")
        told = {name.lower() for name, _ in headers}
        given = [(b"host", b"127.0.0.1:80"), (b"content-length", b"%d" % len(body))]
        given += [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
        if hasattr(self, "session"):
            given.append((b"x-session", self.session))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": quote(path).encode(), "query_string": query.encode("latin-1", "replace"),
            "root_path": "", "headers": [*(pair for pair in given if pair[0] not in told), *headers],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        status, parts, sent = 0, [], False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if sent:
                await asyncio.sleep(3600)
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        self.loop.run_until_complete(self.app(scope, receive, send))
        return status, b"".join(parts)

    def close(self) -> None:
        """End it."""
        from secret_sauce_hf.app import tools

        tools.MAX_SEARCH_SECONDS = self.longest
        logging.getLogger().removeHandler(self.handler)
        self.ending.set()
        self.loop.run_until_complete(self.life)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


running: list[Server] = []


def requests(folder: Path) -> Target:  # noqa: ARG001
    """Requests as text: the line of the request, headers, an empty line, the body."""
    server = Server()
    running.append(server)
    content = wav(sound(0.02))
    preset = {name: value for name, value in next(draw_presets(LIGHT, 1, seed=1).rows()).items() if name != "file"}
    order = {"collection": LIGHT.name, "preset": preset}
    notes = [{"pitch": 48, "velocity": 90, "onset": 0.05, "duration": 0.2}]

    def tool(name: str, arguments: dict[str, Any]) -> tuple[str, bytes]:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        return "POST /mcp/", json.dumps(call).encode()

    good: list[tuple[str, bytes]] = [
        ("POST /api/sounds?name=a.wav", wav(sound(0.01))),
        ("POST /api/sounds?name=b.flac", wav(sound(0.01), "FLAC", None)),
        ("POST /api/messages", json.dumps(order).encode()),
        ("POST /api/files/mid", json.dumps(order).encode()),
        ("POST /api/files/noisemakerpreset", json.dumps(order).encode()),
        ("POST /api/render", json.dumps(order | {"notes": notes, "seconds": 0.5, "match": None}).encode()),
        # Of a sound that was not sent: what is asked for is looked at, and nothing is searched for.
        ("POST /api/matches", json.dumps({"sound": "x", "collection": LIGHT.name, "region": [0.0, 0.4]}).encode()),
        ("POST /api/matches", json.dumps({"sound": "x", "notes": notes, "seconds": 0, "candidates": 2}).encode()),
        ("GET /api/matches/x/candidates/0.wav", b""),
        ("GET /api/instruments/noisemaker-light", b""),
        ("GET /", b""),
        ("GET /static/app.js", b""),
        tool("list_instruments", {}),
        tool("describe_instrument", {"collection": LIGHT.name}),
        tool("render_preset", {**order, "note": 48, "seconds": 0.4}),
        tool(
            "match_sound", {"audio_base64": base64.b64encode(content).decode(), "seconds": 0, "collection": LIGHT.name}
        ),
        ("POST /mcp/", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()),
    ]

    def read(content: bytes) -> None:
        server.logged.clear()
        told = server.ask(*parsed(content))
        judge(server, *told)

    return Target(read, [line.encode() + b"\n\n" + body for line, body in good], spoilt_request)


def parsed(content: bytes) -> Request:
    """A request in the form of `requests`: method, target, headers, body."""
    head, _, body = content.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.decode("latin-1").partition(" ")
    headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    # A server takes no others.
    if not method.isascii() or not method.isalpha() or not target.startswith("/"):
        method, target = "GET", "/" + target
    return method.upper(), target, [pair for pair in headers if pair[0]], body


def judge(server: Server, status: int, answer: bytes) -> None:
    """See that an answer is one that a stranger may get.

    Raises:
        InputError: it was refused.
        AssertionError: something went wrong in the server.
    """
    if server.logged:
        record = server.logged[0]
        raise AssertionError(f"logged: {record.getMessage()}") from record.exc_info[1]
    assert status < 500 or status == 503, f"status {status}: {answer[:200]!r}"
    if status >= 400:
        try:
            detail = json.loads(answer or b"{}")
        except ValueError:
            detail = answer.decode(errors="replace")
        raise InputError(
            " ".join(str(detail.get("detail", detail) if isinstance(detail, dict) else detail).split())[:200]
        )


def spoilt_request(draw: Draw, content: bytes) -> bytes:
    """A request, its line, its headers or its body damaged."""
    head, _, body = content.partition(b"\n\n")
    kind = draw.random()
    if kind < 0.1:
        head = spoilt_bytes(draw, head)
    elif kind < 0.25:
        value = draw.choice((b"", b"0", b"-1", b"\xb2", b"9" * 5_000, b"x", b"chunked", b"text/plain", b"a" * 200))
        value = value if draw.random() < 0.8 else str(junk(draw)).encode(errors="replace").replace(b"\n", b" ")
        names = (b"content-length", b"content-type", b"host", b"x-session", b"accept", b"transfer-encoding", b"range")
        head += b"\n" + draw.choice((*names, b"mcp-protocol-version", b"mcp-session-id", b"origin")) + b": " + value
    if kind < 0.2:
        return head + b"\n\n" + body
    return head + b"\n\n" + (spoilt_json_text if body[:1] in b"{[" else spoilt_bytes)(draw, body)


READERS: dict[str, Reader] = {"requests": requests}
