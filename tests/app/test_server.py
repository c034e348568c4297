"""The page's server as programs and strangers meet it: over HTTP, by real clients."""

import asyncio
import base64
import io
import json
import re
import threading
import time
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi")
pytest.importorskip("mcp")

from mutant_requests import Server

from secret_sauce_hf.app import limits, store
from secret_sauce_hf.app.line import BusyError, Job, Line
from secret_sauce_hf.app.server import create_app
from secret_sauce_hf.app.serving import listening, running
from secret_sauce_hf.app.store import KeptSound, Store
from secret_sauce_hf.app.workshop import MAX_RENDERED_SECONDS, Rendering
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.matching import demo_sound


@pytest.fixture(scope="module")
def app():
    return create_app(warm=False)


@pytest.fixture(scope="module")
def address(app):
    """The server at a real port, in a thread of this process."""
    own = listening("127.0.0.1", 0)
    server = running(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [own]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{own.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)
    own.close()


class Visitor:
    """Somebody who has begun a visit."""

    def __init__(self, address):
        self.http = httpx.Client(base_url=address, timeout=120)
        self.http.headers["X-Session"] = self.http.post("/api/sessions").json()["session"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def sent(self, content=None, name="sound.wav"):
        content = demo_sound().path.read_bytes() if content is None else content
        return self.http.post("/api/sounds", params={"name": name}, content=content)

    def asked(self, **order):
        sound = self.sent().json()["sound"]
        return self.http.post("/api/matches", json={"sound": sound, "collection": "noisemaker-light"} | order)

    def answered(self, key):
        with self.http.stream("GET", f"/api/matches/{key}/events") as response:
            events = [json.loads(line) for line in response.iter_lines()]
        return events, self.http.get(f"/api/matches/{key}")


@pytest.fixture
def visitor(address):
    with Visitor(address) as own:
        yield own


@pytest.fixture(scope="module")
def answer(address):
    """A visitor with an answer of the model alone: the visitor, its key, and what it says."""
    with Visitor(address) as own:
        key = own.asked(seconds=0).json()["match"]
        yield own, key, own.answered(key)[1].json()


class TestAnswers:
    def test_a_search_tells_how_far_it_is_and_ends_near_the_truth(self, visitor):
        order = visitor.asked(seconds=3, candidates=2)
        assert order.status_code == 202
        events, told = visitor.answered(order.json()["match"])
        assert events[-1]["state"] == "done"
        distances = [one["distance"] for one in events if "distance" in one]
        assert distances[-1] <= distances[0]
        told = told.json()
        truth = demo_sound().settings
        found = told["candidates"][0]
        assert abs(found["preset"]["filter_cutoff"] - truth["filter_cutoff"]) < 0.2
        assert found["confidence"].keys() == found["heard"].keys() == truth.keys()
        assert told["reference"]["frames"] * told["reference"]["bands"] == len(
            base64.b64decode(told["reference"]["values"])
        )

    def test_sounds_of_an_answer(self, answer):
        own, key, told = answer
        for path in ("reference.wav", "candidates/0.wav"):
            samples, rate = soundfile.read(io.BytesIO(own.http.get(f"/api/matches/{key}/{path}").content))
            assert len(samples) / rate == pytest.approx(told["seconds"], abs=1e-3)
        assert own.http.get(f"/api/matches/{key}/candidates/99.wav").status_code == 404
        assert own.http.get(f"/api/matches/{key}/candidates/-1.wav").status_code == 404

    def test_what_matters_is_measured(self, answer):
        own, key, _ = answer
        reasons = own.http.get(f"/api/matches/{key}/candidates/0/reasons").json()
        changes = [change for _, change in reasons]
        assert changes == sorted(changes, reverse=True)
        # The filter is what one hears of this sound.
        assert dict(reasons)["filter_cutoff"] > 10

    def test_a_turned_knob_is_rendered_and_measured(self, answer):
        own, key, told = answer
        preset = told["candidates"][0]["preset"]
        body = {"collection": "noisemaker-light", "preset": preset, "seconds": told["seconds"], "match": key}
        same = own.http.post("/api/render", json=body).json()
        other = own.http.post("/api/render", json=body | {"preset": preset | {"filter_cutoff": 9.0}}).json()
        assert same["distance"] == pytest.approx(told["distance"], abs=0.3)
        assert other["distance"] > same["distance"] + 1
        samples, _ = soundfile.read(io.BytesIO(base64.b64decode(other["wav"])))
        assert np.abs(samples).max() > 0.01

    def test_any_note_of_a_preset(self, answer):
        own, _, told = answer
        body = {"collection": "noisemaker-light", "preset": told["candidates"][0]["preset"], "seconds": 1.0}
        waves = []
        for pitch in (48, 60):
            note = {"pitch": pitch, "velocity": 100, "onset": 0.0, "duration": 0.8}
            told = own.http.post("/api/render", json=body | {"notes": [note]}).json()
            waves.append(base64.b64decode(told["wav"]))
        assert waves[0] != waves[1]

    def test_files_and_messages(self, answer):
        own, _, told = answer
        body = {"collection": "noisemaker-light", "preset": told["candidates"][0]["preset"]}
        assert own.http.post("/api/files/mid", json=body).content[:4] == b"MThd"
        assert json.loads(own.http.post("/api/files/json", json=body).content)["preset"] == body["preset"]
        assert b"<" in own.http.post("/api/files/noisemakerpreset", json=body).content
        refused = own.http.post("/api/files/syx", json=body)
        assert (refused.status_code, "no syx file" in refused.json()["detail"]) == (422, True)
        messages = own.http.post("/api/messages", json=body).json()
        assert {message[0] & 0xF0 for message in messages} == {0xB0}

    def test_every_offered_instrument_has_a_panel(self, visitor):
        for one in visitor.http.get("/api/instruments").json():
            panel = visitor.http.get(f"/api/instruments/{one['name']}").json()
            assert panel["title"] == one["instrument_title"]
            assert sum(len(section["controls"]) for section in panel["sections"]) >= 5


class TestStrangers:
    def test_what_one_sent_is_nobody_elses(self, answer, address):
        own, key, _ = answer
        sound = own.sent().json()["sound"]
        paths = [f"/api/sounds/{sound}", f"/api/matches/{key}", f"/api/matches/{key}/reference.wav"]
        with Visitor(address) as other:
            assert [own.http.get(path).status_code for path in paths] == [200, 200, 200]
            assert [other.http.get(path).status_code for path in paths] == [404, 404, 404]
            body = {"sound": sound, "seconds": 0}
            assert other.http.post("/api/matches", json=body).status_code == 404
        assert [httpx.get(address + path).status_code for path in paths] == [401, 401, 401]

    def test_another_name_for_this_machine_is_refused(self, address):
        for name in ("evil.example", "127.0.0.1.evil.example:80", "[::2]:80", ""):
            response = httpx.get(f"{address}/", headers={"Host": name})
            assert response.status_code in (400, 421), name
        assert httpx.get(f"{address}/", headers={"Host": "localhost:1"}).status_code == 200

    def test_the_page_loads_nothing_from_elsewhere(self, address):
        policy = httpx.get(f"{address}/").headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert re.findall(r"http\S+", policy) == ["https://huggingface.co"]
        assert policy.endswith("frame-ancestors 'self' https://huggingface.co")
        assert "unsafe-eval" not in policy

    def test_files_beside_the_page_are_not_served(self, address):
        for path in ("../server.py", "%2e%2e/server.py", "..%2fserver.py", "/etc/passwd"):
            assert httpx.get(f"{address}/static/{path}").status_code == 404, path


def test_an_address_that_is_no_text():
    """Not every server in front of the page refuses it, as h11 does."""
    server = Server()
    try:
        assert server.ask("GET", "/health?\xff", [], b"")[0] == 200
        assert server.ask("GET", "/health", [(b"content-length", b"\xb2")], b"")[0] == 413
    finally:
        server.close()


class TestMistakes:
    @pytest.mark.parametrize(
        ("content", "says"), [(b"", "empty"), (b"RIFF", "Not a sound file"), (b"hello" * 1_000, "Not a sound file")]
    )
    def test_what_is_no_sound(self, visitor, content, says):
        response = visitor.sent(content)
        assert response.status_code == 422
        assert says in response.json()["detail"]

    def test_what_was_sent_is_not_sent_back(self, visitor):
        """NaN, which Python's JSON reads and no answer may hold, was an error of the server's."""
        for path, body in (
            ("/api/matches", b'{"sound": NaN}'),
            ("/api/render", b'{"collection": "noisemaker-light", "preset": {"filter_cutoff": [-Infinity]}}'),
        ):
            response = visitor.http.post(path, content=body, headers={"Content-Type": "application/json"})
            assert response.status_code == 422
            assert all(set(one) == {"loc", "msg"} for one in response.json()["detail"])

    def test_a_file_that_is_too_large(self, visitor):
        assert visitor.sent(bytes(limits.MAX_UPLOAD_BYTES + 1)).status_code == 413

        def parts():
            for _ in range(limits.MAX_UPLOAD_BYTES // 2**20 + 1):
                yield bytes(2**20)

        # Nobody has to say how much it will be.
        assert visitor.sent(parts()).status_code == 413

    def test_a_body_that_is_too_large(self, visitor):
        assert visitor.http.post("/api/render", content=b"[" * (limits.MAX_BODY_BYTES + 1)).status_code == 413
        # One that does not say how long it is would be read to its end.
        assert visitor.http.post("/api/render", content=iter([b"["] * 10)).status_code == 411

    @pytest.mark.parametrize(
        "order",
        [
            {"seconds": -1},
            {"seconds": 1e9},
            {"seconds": "nan"},
            {"candidates": 0},
            {"candidates": 10**30},
            {"collection": "nobody"},
            {"notes": [{"pitch": 128}]},
            {"notes": [{"pitch": 60, "more": 1}]},
            {"notes": [{"pitch": 60}] * 65},
            {"region": [1, 0]},
            {"region": [1]},
            {"unknown": 1},
        ],
    )
    def test_orders_that_are_none(self, visitor, order):
        response = visitor.asked(**order)
        if response.status_code == 202:
            # What only the search can tell.
            events, told = visitor.answered(response.json()["match"])
            assert events[-1]["state"] == "failed"
            assert events[-1]["error"]
            assert told.status_code == 409
        else:
            assert response.status_code == 422

    @pytest.mark.parametrize(
        "change",
        [
            {"preset": {}},
            {"preset": {"filter_cutoff": "loud"}},
            {"collection": "../noisemaker"},
            {"seconds": MAX_RENDERED_SECONDS + 1},
            {"notes": []},
        ],
    )
    def test_presets_that_are_none(self, answer, change):
        own, _, told = answer
        body = {"collection": "noisemaker-light", "preset": told["candidates"][0]["preset"], "seconds": 1.0}
        response = own.http.post("/api/render", json=body | change)
        assert response.status_code == 422
        assert "Traceback" not in response.text

    def test_an_answer_that_there_is_not_yet(self, visitor):
        key = visitor.asked(seconds=30, collection="noisemaker").json()["match"]
        assert visitor.http.get(f"/api/matches/{key}").status_code == 409
        visitor.http.post(f"/api/matches/{key}/stop")
        events, _ = visitor.answered(key)
        assert events[-1]["state"] in ("done", "stopped")

    def test_an_address_that_is_taken(self):
        own = listening("127.0.0.1", 0)
        try:
            with pytest.raises(InputError, match="give another --port"):
                listening("127.0.0.1", own.getsockname()[1])
        finally:
            own.close()
        with pytest.raises(InputError, match="no address of this machine"):
            listening("no.such.host.invalid", 80)


class TestTools:
    """By the protocol's own client, over HTTP."""

    def called(self, address, *calls):
        from mcp import Client

        async def call():
            async with Client(f"{address}/mcp/") as client:
                names = [tool.name for tool in (await client.list_tools()).tools]
                return names, [await client.call_tool(name, arguments) for name, arguments in calls]

        return asyncio.run(call())

    def test_a_sound_in_a_preset_out_and_a_sound_again(self, address):
        sound = base64.b64encode(demo_sound().path.read_bytes()).decode()
        order = {"audio_base64": sound, "collection": "noisemaker-light", "seconds": 3}
        names, (found,) = self.called(address, ("match_sound", order))
        assert {"match_sound", "render_preset", "list_instruments", "describe_instrument"} <= set(names)
        assert not found.is_error
        told = found.structured_content
        told = told.get("result", told)
        assert abs(told["preset"]["filter_cutoff"] - demo_sound().settings["filter_cutoff"]) < 0.2
        order = {"collection": "noisemaker-light", "preset": told["preset"], "note": 48, "seconds": 1.0}
        _, (rendered,) = self.called(address, ("render_preset", order))
        wave = rendered.structured_content
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(wave.get("result", wave)["wav_base64"])))
        assert len(samples) / rate == pytest.approx(1.0, abs=1e-3)

    def test_the_snippet_of_the_page_about_it(self, address):
        page = (Path(__file__).parents[2] / "docs" / "page.md").read_text(encoding="utf-8")
        names = {}
        exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1].replace("10}", "0}"), names)
        told = asyncio.run(names["ask"](address, demo_sound().path))
        told = told.get("result", told)
        assert told["preset"]
        assert told["others"]

    @pytest.mark.parametrize(
        ("name", "arguments", "says"),
        [
            ("match_sound", {"audio_base64": "§"}, "base64"),
            ("match_sound", {"audio_base64": "aGVsbG8=", "seconds": 0}, "Not a sound file"),
            ("match_sound", {"audio_base64": "", "collection": "nobody"}, "no instrument"),
            ("match_sound", {"audio_base64": "", "seconds": 1e6}, "0 to 60"),
            ("render_preset", {"collection": "noisemaker-light", "preset": {}}, "filter_cutoff"),
            ("describe_instrument", {"collection": "nobody"}, "no instrument"),
        ],
    )
    def test_mistakes_are_told(self, address, name, arguments, says):
        _, (answer,) = self.called(address, (name, arguments))
        assert answer.is_error
        assert says in answer.content[0].text


class TestLine:
    def test_first_come_first_served_and_the_place_is_told(self):
        line, gate, order = Line(), threading.Event(), []
        first = Job(lambda _: gate.wait(10), 5.0)
        others = [Job(lambda _, number=number: order.append(number), 2.0) for number in range(3)]
        for job in (first, *others):
            line.add(job)
        while first.state != "running":
            time.sleep(0.01)
        assert [line.ahead(job) for job in others] == [(1, 5.0), (2, 7.0), (3, 9.0)]
        gate.set()
        while not others[-1].ended:
            time.sleep(0.01)
        assert order == [0, 1, 2]
        line.close()

    def test_a_full_line_refuses_politely(self):
        line, gate = Line(), threading.Event()
        line.add(Job(lambda _: gate.wait(10), 1.0))
        time.sleep(0.1)
        for _ in range(limits.MAX_WAITING):
            line.add(Job(lambda _: None, 1.0))
        with pytest.raises(BusyError):
            line.add(Job(lambda _: None, 1.0))
        gate.set()
        line.close()

    def test_what_nobody_watches_any_more_is_not_begun(self, monkeypatch):
        monkeypatch.setattr("secret_sauce_hf.app.line.UNWATCHED_SECONDS", 0.05)
        line, gate, done = Line(), threading.Event(), []
        first, left = Job(lambda _: gate.wait(10), 1.0), Job(done.append, 1.0)
        line.add(first)
        line.add(left)
        time.sleep(0.2)
        gate.set()
        while not left.ended:
            time.sleep(0.01)
        assert (left.state, done) == ("stopped", [])
        line.close()

    def test_a_fault_of_ours_is_told_without_its_inside_and_the_next_one_is_served(self, caplog):
        def broken(_):
            raise RuntimeError("secret path")

        line = Line()
        jobs = [Job(broken, 1.0), Job(lambda _: "fine", 1.0)]
        for job in jobs:
            line.add(job)
        while not jobs[-1].ended:
            time.sleep(0.01)
        assert [job.state for job in jobs] == ["failed", "done"]
        assert "secret path" not in jobs[0].error
        assert "secret path" in caplog.text
        line.close()


class TestRendering:
    def test_so_many_wait_and_no_more(self, monkeypatch):
        monkeypatch.setattr("secret_sauce_hf.app.workshop.MAX_RENDERING", 2)
        own = Rendering()
        with own.admitted(), own.turn(), own.admitted(), pytest.raises(BusyError), own.admitted():
            raise AssertionError("a third one was let in")
        with own.admitted(), own.turn():
            pass


class TestStore:
    def test_the_longest_unused_is_forgotten(self, monkeypatch):
        now = [0.0]
        own = Store(lambda: now[0])
        old = own.begin()
        now[0] = limits.SESSION_SECONDS - 1
        young = own.begin()
        assert own.get(old) is not None
        now[0] += limits.SESSION_SECONDS - 1
        assert own.get(young) is not None
        now[0] += 2
        assert own.get(old) is None
        monkeypatch.setattr(store, "MAX_SESSIONS", 2)
        keys = [own.begin() for _ in range(3)]
        assert [own.get(key) is None for key in keys] == [True, False, False]

    def test_sounds_are_bounded_for_each_and_for_all(self, monkeypatch):
        own = Store()
        first, second = own.get(own.begin()), own.get(own.begin())
        keys = [own.keep_sound(first, KeptSound("a", bytes(100), 1.0, 1, 1)) for _ in range(limits.SOUNDS_EACH + 1)]
        assert [key in first.sounds for key in keys] == [False] + [True] * limits.SOUNDS_EACH
        monkeypatch.setattr(store, "MAX_KEPT_BYTES", 850)
        own.keep_sound(second, KeptSound("b", bytes(100), 1.0, 1, 1))
        # All of it was more than may be: the sounds of the one who came before are gone.
        assert (len(first.sounds), len(second.sounds)) == (0, 1)
