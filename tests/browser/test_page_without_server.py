"""The page in a real browser: it answers as the pipeline does, by itself, and sends nothing."""

import functools
import http.server
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from secret_sauce_hf.browser import RUNTIME_VERSION, page_files, write_page
from secret_sauce_hf.browser.writing import CDN, INTEGRITY, MODELS, policy, read_runtime
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.listening import align
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.modeling.exporting import Difference, Exported, export_onnx
from secret_sauce_hf.modeling.loading import load_pipeline

ROOT = Path(__file__).parents[2]
DIST = ROOT / ".onnxruntime-web" / "dist"
CHROMIUM = shutil.which("chromium")
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
RATE = 22_050
NAMES = ("noisemaker-light", "noisemaker-light-notes")


def exported(folder: Path, name: str = "mine") -> Exported:
    return Exported(folder / f"{name}.onnx", folder / f"{name}.json", 1, Difference(0, 0, 0, 0, 0))


class TestFolder:
    def test_the_files_that_are_announced_are_written(self, tmp_path):
        written = write_page(tmp_path, [exported(tmp_path / MODELS)])
        announced = {tmp_path / name for name in page_files(["mine"], local=False)}
        assert announced - set(written) == {tmp_path / MODELS / "mine.onnx", tmp_path / MODELS / "mine.json"}
        assert set(written) <= announced

    def test_from_elsewhere_only_files_of_known_digests_are_loaded(self, tmp_path):
        write_page(tmp_path, [exported(tmp_path / MODELS)])
        told = json.loads((tmp_path / "page.json").read_text())["runtime"]
        assert {told["script_integrity"], told["wasm_integrity"]} == set(INTEGRITY.values())
        assert all(
            told[name].startswith(f"{CDN}/npm/onnxruntime-web@{RUNTIME_VERSION}/") for name in ("script", "wasm")
        )
        assert f"connect-src 'self' {CDN};" in (tmp_path / "index.html").read_text()

    def test_with_the_runtime_beside_it_nothing_is(self):
        assert "http" not in policy(local=True) and "connect-src 'self';" in policy(local=True)
        assert "unsafe-inline" not in policy(local=False)

    def test_a_folder_without_the_runtime(self, tmp_path):
        with pytest.raises(InputError, match=rf"no ort\.wasm.*npm pack onnxruntime-web@{RUNTIME_VERSION}"):
            read_runtime(tmp_path)

    def test_another_version_of_it(self, tmp_path):
        for name in INTEGRITY:
            (tmp_path / name).write_bytes(b"other")
        with pytest.raises(InputError, match="is not that of onnxruntime-web"):
            read_runtime(tmp_path)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of a page with two models, its runtime beside it."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    if CHROMIUM is None or not DIST.is_dir():
        pytest.skip("needs chromium, and `make .onnxruntime-web/.fetched`")
    folder = tmp_path_factory.mktemp("page")
    models = [export_onnx(load_pipeline(name), folder / MODELS, name) for name in NAMES]
    write_page(folder, models, read_runtime(DIST))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield found
        found.close()


@pytest.fixture
def page(address, browser):
    """The page, ready; where it asked anything of others, or an error was told, the test fails."""
    yield from opened(address, browser)


@pytest.fixture(scope="module")
def functions(address, browser):
    """The page, of which only functions are called."""
    yield from opened(address, browser)


def opened(address, browser):
    found = browser.new_page()
    asked: list[str] = []
    faults: list[str] = []
    found.on("request", lambda request: asked.append(request.url))
    found.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.goto(address)
    found.wait_for_selector("html[data-loaded]", state="attached")
    yield found
    found.close()
    assert not faults
    assert all(url.startswith((address, "blob:", "data:")) for url in asked), asked


def wav(samples: np.ndarray, name: str = "sound.wav") -> dict:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    return {"name": name, "mimeType": "audio/wav", "buffer": file.getvalue()}


def answer_of(page) -> dict:
    page.wait_for_selector("html[data-seconds]", state="attached")
    with page.expect_download() as download:
        page.click("#json")
    return json.loads(Path(download.value.path()).read_text())


def assert_same(told: dict, expected: dict) -> None:
    assert told["preset"] == pytest.approx(expected["preset"], abs=1e-4)
    assert told["heard"] == expected["heard"]
    assert told["confidence"] == pytest.approx(expected["confidence"], abs=1e-3)
    controllers = {name: {int(k): v for k, v in pairs.items()} for name, pairs in told["controllers"].items()}
    assert controllers == expected["controllers"]


def demo() -> np.ndarray:
    samples, rate = soundfile.read(demo_sound().path, dtype="float32")
    assert rate == RATE
    return samples


class TestAnswers:
    def test_of_a_sound_with_silence_before_it(self, page):
        sound = np.concatenate([np.zeros(9_000, np.float32), demo()])
        page.set_input_files("#file", wav(sound))
        told = answer_of(page)
        assert_same(told, load_pipeline(NAMES[0])(sound, sampling_rate=RATE))
        assert page.locator("#preset tbody tr:not(:has(.section))").count() == len(told["preset"])
        with page.expect_download() as download:
            page.click("#midi")
        assert download.value.suggested_filename == "sound.mid"
        sent = [
            (one.control, one.value) for one in mido.MidiFile(download.value.path()) if one.type == "control_change"
        ]
        assert sent == [(int(k), v) for pairs in told["controllers"].values() for k, v in pairs.items()]

    def test_of_a_note_that_the_visitor_tells(self, page):
        page.evaluate("delete document.documentElement.dataset.loaded")
        page.select_option("#model", NAMES[1])
        page.wait_for_selector("html[data-loaded]", state="attached")
        page.fill("#duration", "0.5")
        page.fill("#velocity", "100")
        sound = np.concatenate([np.zeros(5_000, np.float32), demo()])
        page.set_input_files("#file", wav(sound))
        told = answer_of(page)
        onset = float(re.search(r"starts at ([\d.]+) s", page.inner_text("#remarks"))[1])
        note = {"pitch": 60, "velocity": 100, "onset": onset, "duration": 0.5}
        expected = load_pipeline(NAMES[1])(sound, sampling_rate=RATE, notes=[note])
        # The onset that is shown is rounded, by half a millisecond at most.
        assert told["preset"] == pytest.approx(expected["preset"], abs=0.2)
        assert told["in_domain"] == pytest.approx(expected["in_domain"], abs=0.05)

    def test_it_takes_a_second_at_most(self, page):
        for number in range(3):
            page.evaluate("delete document.documentElement.dataset.seconds")
            page.set_input_files("#file", wav(demo(), f"{number}.wav"))
            page.wait_for_selector("html[data-seconds]", state="attached")
        assert float(page.evaluate("document.documentElement.dataset.seconds")) <= 1.0

    def test_in_silence_nothing_is_heard(self, page):
        page.set_input_files("#file", wav(np.zeros(5_000, np.float32)))
        assert not any(answer_of(page)["heard"].values())
        assert "silent" in page.inner_text("#remarks")

    def test_what_is_no_sound_is_said_to_be_none(self, page):
        page.set_input_files("#file", {"name": "text.wav", "mimeType": "audio/wav", "buffer": b"no sound"})
        page.wait_for_selector("#status:has-text('no sound that this browser can read')")
        assert page.locator("#answer").is_hidden()


@pytest.mark.parametrize("changed", [False, True])
def test_the_runtime_from_elsewhere_has_to_be_the_right_one(address, browser, tmp_path, changed):
    write_page(tmp_path, [exported(tmp_path / MODELS, NAMES[0])])
    page = browser.new_page()

    def from_here(route) -> None:
        content = (DIST / route.request.url.rpartition("/")[2]).read_bytes()
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
        route.fulfill(status=200, headers=headers, body=content + b" " * changed)

    def of_this_page(route) -> None:
        name = "index.html" if route.request.url == address else route.request.url.rpartition("/")[2]
        route.fulfill(path=tmp_path / name)

    page.route(f"{CDN}/**", from_here)
    page.route(re.compile(rf"{address}(page\.json)?$"), of_this_page)
    page.goto(address)
    if changed:
        page.wait_for_selector("#status:has-text('Failed to fetch')")
    else:
        page.wait_for_selector("html[data-loaded]", state="attached")
    page.close()


def recordings() -> dict[str, np.ndarray]:
    """Sounds as people record them, each in need of another part of `align`."""
    random = np.random.default_rng(3)
    time = np.arange(RATE) / RATE
    note = (0.5 * np.sin(2 * np.pi * 261.6 * time) * np.exp(-3 * time)).astype(np.float32)
    slow = note * np.minimum(time / 0.2, 1)
    before = np.zeros(8_000)
    hum = 0.05 * np.sin(2 * np.pi * 50 * np.arange(30_050) / RATE) + 0.02 * np.cos(
        2 * np.pi * 150 * np.arange(30_050) / RATE
    )
    alone = np.concatenate([before, note, np.zeros(1_000)])
    click = alone.copy()
    click[2_000:2_020] = 0.4
    knock = alone.copy()
    knock[2_000:2_060] = 0.6 * np.exp(-np.arange(60) / 15) * np.sin(0.9 * np.arange(60) + 1)
    take = np.concatenate([np.zeros(1_470), note])[:19_845]
    return {
        "alone": alone,
        "slow": np.concatenate([before, slow]),
        "hiss": np.concatenate([before, note]) + 0.003 * random.normal(size=30_050),
        "hum": np.concatenate([before, note]) + hum,
        "hum that ends": np.concatenate([hum[:8_000], np.zeros(500), note]),
        "offset": alone + 0.05,
        "click": click,
        "a click that rings": knock,
        "a take": take,
        "a take with the end of another": take + np.concatenate([0.2 * note[:400], np.zeros(19_445)]),
        "a late take": np.concatenate([np.zeros(6_000), note])[:19_845],
        "an early take": np.concatenate([np.zeros(300), note])[:19_845],
        "silence": np.zeros(4_000),
        "a few samples": np.array([0.0, 0.3, -0.2]),
        "noise": 0.2 * random.normal(size=12_000),
        "one sample": np.array([0.5]),
    }


@pytest.mark.parametrize("name", recordings())
def test_onsets_are_found_as_in_python(name, functions):
    sound = recordings()[name].astype(np.float32)
    expected = align(sound, 19_845, 1_470, RATE)
    program = """async (samples) => {
        const { align } = await import("./page.js");
        const told = align(Float32Array.from(samples), 19845, 1470, 22050);
        return { start: told.start, remarks: told.remarks, take: Array.from(told.take) };
    }"""
    told = functions.evaluate(program, sound.tolist())
    assert told["start"] == expected.start
    assert tuple(told["remarks"]) == expected.remarks
    np.testing.assert_allclose(told["take"], expected.take, rtol=0, atol=1e-5)
