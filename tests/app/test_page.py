"""The page in a real browser: what a sound designer does on it, and what may go wrong."""

import ast
import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from page_server import page_server

from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.midi import read_native_preset, read_preset

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", Path(__file__).parents[2] / "build" / "screenshots"))
PATIENCE = 90_000
"""Milliseconds for a search, whatever else this machine does."""

# Everything that reaches the loudspeaker is kept as it is played.
HEAR = """
(() => {
  const connect = AudioNode.prototype.connect;
  window.heard = [];
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination && !this.context.tap) {
      const tap = this.context.createScriptProcessor(1024, 1, 1);
      tap.onaudioprocess = (event) => {
        const data = event.inputBuffer.getChannelData(0);
        window.heard.push(...data);
        event.outputBuffer.getChannelData(0).fill(0);
      };
      this.context.tap = tap;
      window.rate = this.context.sampleRate;
      connect.call(tap, this.context.destination);
    }
    if (target === this.context.destination && this !== this.context.tap) return connect.call(this, this.context.tap);
    return connect.call(this, target, ...rest);
  };
})();
"""

# An output in the place of those of the system, which a machine without ALSA has none of.
MIDI = """
window.sent = [];
const output = { id: "1", name: "Sub Phatty", send: (bytes, at) => window.sent.push([[...bytes], at]) };
Object.defineProperty(navigator, "requestMIDIAccess", {
  value: async (options) => { window.asked = options; return { outputs: new Map([["1", output]]) }; },
});
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with page_server(folder=tmp_path_factory.mktemp("page")) as (found, _):
        yield found


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as own:
        chromium = own.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, address):
    with visit(browser, address) as found:
        yield found


def visit(browser, address, **options):
    """A page of a visitor of its own, on which nothing goes wrong unseen."""

    @contextlib.contextmanager
    def visiting():
        context = browser.new_context(locale="en-GB", accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        mistakes, elsewhere = [], []

        def complained(message):
            if "Content Security" in message.text:
                mistakes.append(message.text)

        def requested(request):
            if not request.url.startswith((address, "blob:", "data:")):
                elsewhere.append(request.url)

        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", complained)
        page.on("request", requested)
        page.add_init_script(HEAR)
        page.add_init_script(MIDI)
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        yield page
        context.close()
        assert mistakes == []
        assert elsewhere == []

    return visiting()


def matched(page, collection="noisemaker-light", seconds="3"):
    """The example matched."""
    page.click("#example")
    page.wait_for_selector("#loaded:not([hidden])")
    page.select_option("#instrument", collection)
    page.select_option("#seconds", seconds)
    page.click("#match")
    page.wait_for_selector("#answer:not([hidden])")
    page.wait_for_selector("#effects li", state="attached")


def until(page, expression):
    """Wait for an expression to be true; the page's own policy lets nobody evaluate it there."""
    for _ in range(PATIENCE // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"This did not come: {expression}")


def told(page, place, text):
    """Wait for a text to stand at a place."""
    until(page, f"document.getElementById({place!r}).textContent.includes({text!r})")


def setting(page, name):
    return float(page.get_attribute(f'[data-name="{name}"] [role=slider]', "aria-valuenow"))


def test_from_a_sound_to_knobs_that_can_be_heard_turned_and_taken_away(page, tmp_path):
    matched(page)
    truth = demo_sound().settings
    for name in ("filter_cutoff", "lfo1_rate", "lfo1_amount"):
        assert abs(setting(page, name) - truth[name]) < 0.2, name
    assert page.locator('[data-name="osc2_wave"] input:checked').get_attribute("value") == "Pulse"
    assert "TAL-NoiseMaker" in page.inner_text("#verdict")
    assert page.inner_text("#which").startswith("Preset 1 of")
    assert "changes this sound by" in page.inner_text("#why")
    # What no preset changes is there, and cannot be turned.
    assert page.get_attribute('[data-name="amp_attack"] [role=slider]', "aria-disabled") == "true"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "answer.png", full_page=True)

    files = {}
    for kind in ("mid", "json", "noisemakerpreset", "wav"):
        with page.expect_download() as download:
            page.click(f'#files [data-kind="{kind}"]')
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])
    kept = json.loads(files["json"].read_text())
    assert kept["collection"] == "noisemaker-light"
    of_midi = read_preset("noisemaker-light", mido.MidiFile(files["mid"]))
    of_file = read_native_preset("noisemaker-light", files["noisemakerpreset"])
    for name, value in kept["preset"].items():
        if isinstance(value, float):
            assert of_midi[name] == pytest.approx(value, abs=0.05)
            assert of_file[name] == pytest.approx(value, abs=0.05)
    samples, rate = soundfile.read(files["wav"])
    assert np.abs(samples).max() > 0.01
    assert len(samples) / rate == pytest.approx(0.9, abs=0.01)

    before = setting(page, "filter_cutoff")
    page.focus('[data-name="filter_cutoff"] [role=slider]')
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    told(page, "turned", "dB")
    assert setting(page, "filter_cutoff") == pytest.approx(before + 2, abs=0.05)
    assert float(page.inner_text("#turned").split()[2]) > 1
    with page.expect_download() as download:
        page.click('#files [data-kind="json"]')
    turned = json.loads(Path(download.value.path()).read_text())["preset"]
    assert turned["filter_cutoff"] == pytest.approx(before + 2, abs=0.05)
    page.click("#reset")
    until(page, "document.getElementById('turned').textContent === ''")
    assert setting(page, "filter_cutoff") == before

    if not page.is_disabled("#next"):
        page.click("#next")
        until(page, "document.getElementById('which').textContent.startsWith('Preset 2')")
        assert page.is_enabled("#previous")


def test_both_are_heard_at_equal_loudness_and_without_a_gap(page):
    matched(page)
    page.evaluate("window.heard.length = 0")
    page.click("#play")
    until(page, "window.heard.length > 1.5 * window.rate")
    page.keyboard.press("x")
    assert page.is_checked("#side-reference")
    until(page, "window.heard.length > 4 * window.rate")
    page.click("#play")
    rate = page.evaluate("window.rate")
    heard = np.array(page.evaluate("window.heard"))[rate // 4 :]
    found, reference = heard[:rate], heard[2 * rate : 3 * rate]
    levels = [10 * np.log10(np.mean(part**2)) for part in (found, reference)]
    assert min(levels) > -60
    assert abs(levels[0] - levels[1]) < 1
    # The take begins with 67 ms of silence; nothing else is silent, when they are exchanged least of all.
    size = rate // 100
    blocks = np.abs(heard[: len(heard) // size * size]).reshape(-1, size).max(axis=1) < 1e-4
    runs = "".join("x" if soft else " " for soft in blocks).split()
    assert max(map(len, runs), default=0) * 10 < 100


def test_the_found_preset_is_played_on_keys(page):
    matched(page)
    page.evaluate("window.heard.length = 0")
    page.locator('#keys [data-pitch="69"]').dispatch_event("pointerdown")
    until(page, "window.heard.some((one) => Math.abs(one) > 0.01)")
    until(page, "window.heard.length > 0.8 * window.rate")
    page.locator('#keys [data-pitch="69"]').dispatch_event("pointerup")
    rate = page.evaluate("window.rate")
    heard = np.array(page.evaluate("window.heard"))
    size = rate // 2
    start = int(np.argmax(np.abs(heard) > 0.01)) + rate // 10
    spectrum = np.abs(np.fft.rfft(heard[start : start + size] * np.hanning(size)))
    # A4, or the octave that the oscillator is set to.
    octave = np.log2((np.argmax(spectrum[40:1_000]) + 40) * 2 / 440)
    assert abs(octave - round(octave)) < 0.02


def test_a_sound_of_ones_own_with_a_region_and_a_note(page, tmp_path):
    samples, rate = soundfile.read(demo_sound().path)
    path = tmp_path / "two <b>takes.wav"
    soundfile.write(path, np.concatenate([samples * 0, samples, samples * 0, samples]), rate)
    page.set_input_files("#file", path)
    page.wait_for_selector("#loaded:not([hidden])")
    assert "two <b>takes.wav: 3.60 s" in page.inner_text("#sent")
    page.fill("#from", "2.0")
    page.fill("#to", "1.0")
    page.click("#match")
    told(page, "mistake", "end after it starts")
    page.fill("#from", "0.9")
    page.fill("#to", "1.8")
    page.fill("#notes", "X9")
    page.click("#match")
    told(page, "mistake", "“X9” is no note")
    page.fill("#notes", "C4")
    page.select_option("#instrument", "noisemaker-light-notes")
    page.select_option("#seconds", "3")
    page.click("#match")
    page.wait_for_selector("#answer:not([hidden])")
    remarks = page.inner_text("#remarks")
    assert "C4 (60)" in remarks
    assert "of the sound's 3.60 s" in remarks


def test_what_is_no_sound_is_told_and_the_page_goes_on(page, tmp_path):
    path = tmp_path / "letter.wav"
    path.write_bytes(b"Dear synthesizer, " * 100)
    page.set_input_files("#file", path)
    until(page, "document.getElementById('mistake').textContent !== ''")
    assert page.is_hidden("#loaded")
    matched(page, seconds="0")
    assert page.inner_text("#mistake") == ""


def test_a_recording_is_matched(page):
    """Chromium's stand-in for a microphone beeps."""
    page.click("#record")
    page.wait_for_selector('#record[aria-pressed="true"]')
    page.wait_for_timeout(1_500)
    page.click("#record")
    page.wait_for_selector("#loaded:not([hidden])")
    assert "recording.wav" in page.inner_text("#sent")


def test_sending_by_web_midi(page):
    matched(page, "subphatty", "0")
    page.click("#midi-ask")
    page.wait_for_selector("#midi-send")
    page.select_option("#midi-channel", "3")
    page.click("#midi-send")
    told(page, "midi-state", "to Sub Phatty")
    sent = page.evaluate("window.sent")
    assert page.evaluate("window.asked") == {"sysex": False}
    assert {message[0] for message, _ in sent} == {0xB2}
    times = [at for _, at in sent]
    assert all(later - earlier >= 1 for earlier, later in pairwise(times))
    preset = read_preset("subphatty", [mido.Message.from_bytes(message).copy(channel=0) for message, _ in sent])
    assert preset["filter_cutoff"] == pytest.approx(setting(page, "filter_cutoff"), abs=0.01)


def test_a_search_is_watched_and_stopped(page):
    page.click("#example")
    page.wait_for_selector("#loaded:not([hidden])")
    page.select_option("#instrument", "noisemaker")
    page.select_option("#seconds", "60")
    page.click("#match")
    told(page, "state", "presets rendered")
    page.screenshot(path=SCREENSHOTS / "searching.png") if SCREENSHOTS.is_dir() else None
    page.click("#stop")
    page.wait_for_selector("#answer:not([hidden])", timeout=30_000)
    assert "renderings in" in page.inner_text("#verdict")


def test_two_people_do_not_see_each_other(browser, address):
    with visit(browser, address) as one, visit(browser, address) as other:
        keys = []
        for page in (one, other):
            page.on("request", lambda one: keys.append(one.headers.get("x-session")) if "/api/" in one.url else None)
            page.click("#example")
            page.select_option("#instrument", "noisemaker-light")
            page.select_option("#seconds", "0")
        one.click("#match")
        other.click("#match")
        for page in (one, other):
            page.wait_for_selector("#answer:not([hidden])")
            assert "TAL-NoiseMaker" in page.inner_text("#verdict")
        first, second = {key for key in keys if key}
        sound = one.request.post(f"{address}/api/sounds/example", headers={"X-Session": first}).json()
        path = f"{address}/api/sounds/{sound['sound']}"
        assert one.request.get(path, headers={"X-Session": first}).status == 200
        assert other.request.get(path, headers={"X-Session": second}).status == 404
        assert other.request.get(path).status == 401


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_left_out(browser, address, scheme):
    with visit(browser, address, color_scheme=scheme) as page:
        matched(page, seconds="0")
        found = axe.Axe().run(page)
        serious = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in serious] == []


def test_on_a_phone_in_german_and_dark(browser, address):
    with visit(browser, address, viewport={"width": 360, "height": 740}) as page:
        page.click("#language")
        page.click("#theme")
        assert page.get_attribute("html", "lang") == "de"
        assert page.get_attribute("html", "data-theme") == "dark"
        matched(page, "subphatty-notes", "0")
        assert "Antwort des Modells" in page.inner_text("#verdict")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "phone.png", full_page=True)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.inner_text("#sound-title") == "Der Klang"


def test_both_languages_have_the_same_texts():
    static = Path(__file__).parents[2] / "secret_sauce_hf" / "app" / "static"
    texts = json.loads((static / "texts.json").read_text(encoding="utf-8"))
    assert texts["en"].keys() == texts["de"].keys()
    page = (static / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-t(?:-label)?="(\w+)"', page)) <= texts["en"].keys()
    for name, text in texts["en"].items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", texts["de"][name])), name


def _sentences(node: ast.AST) -> Iterator[str]:
    """Every sentence that a source writes into remarks, with {} for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for part in ast.iter_child_nodes(node):
            yield from _sentences(part)


def test_every_remark_of_a_search_is_told_in_german_too():
    package = Path(__file__).parents[2] / "secret_sauce_hf"
    written = set()
    for path in (package / "instruments/listening.py", *(package / "matching").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_append = isinstance(node, ast.Call) and ast.unparse(node.func) == "remarks.append"
            is_assigned = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "remarks"
            is_returned = isinstance(node, ast.FunctionDef) and node.name == "without_model"
            if is_returned:
                ends = [end for end in ast.walk(node) if isinstance(end, ast.Return)]
                written |= {sentence for end in ends for sentence in _sentences(end)}
            elif is_append or is_assigned:
                written |= set(_sentences(node))
    written = {sentence for sentence in written if sentence.endswith(".") and " " in sentence}
    texts = json.loads((package / "app/static/texts.json").read_text(encoding="utf-8"))
    told = texts["remarks"]["de"]
    assert {re.sub(r"\{\w+\}", "{}", sentence) for sentence in told} == written
    for sentence, meant in told.items():
        assert set(re.findall(r"\{\w+\}", meant)) <= set(re.findall(r"\{\w+\}", sentence)), sentence


def test_remarks_in_german(browser, address):
    with visit(browser, address) as page:
        page.click("#language")
        told = page.evaluate(
            """(lines) => import("/static/texts.js").then(({ remark }) => lines.map(remark))""",
            [
                "The sound is -12 cents off its notes; that is allowed for.",
                "An offset of 0.031 is taken off.",
                "Channels 2, 3 of 4 are silent and left out.",
                "Channel Strip (1.5) can hardly make this sound (probability 3%): the preset is the nearest that was "
                "found.",
                "What nobody has foreseen.",
            ],
        )
    assert told == [
        "Der Klang liegt -12 Cent neben seinen Noten; das ist berücksichtigt.",
        "Ein Gleichanteil von 0,031 ist abgezogen.",
        "Kanäle 2, 3 von 4: stumm und weggelassen.",
        "Channel Strip (1.5) kann diesen Klang kaum erzeugen (Wahrscheinlichkeit 3%): Die Einstellung ist die nächste, "
        "die gefunden wurde.",
        "What nobody has foreseen.",
    ]


def test_a_server_that_cannot_be_reached_is_told(browser, address):
    with visit(browser, address) as page:
        page.context.set_offline(True)
        page.click("#example")
        told(page, "mistake", "does not answer")
        page.context.set_offline(False)
        matched(page, seconds="0")
        assert page.inner_text("#mistake") == ""
