"""The page of a listening test in a browser: somebody goes through it, and what is saved is evaluated."""

import functools
import http.server
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from participants import keys_of

from secret_sauce_hf.cli import root as cli

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]
OPINIONS = {"near": 80, "far": 40, "reference": 100, "anchor-3500": 30, "anchor-7000": 70, "another-preset": 0}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser) -> Iterator[Any]:
    """A page of a fresh profile; whatever it complains about fails the test."""
    context = browser.new_context(locale="en-GB", accept_downloads=True)
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    page.asked = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def served(made) -> Iterator[str]:
    """The address of both tests on a web server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(made["mushra"].folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def address(made, query: str = "") -> str:
    return made.page.as_uri() + query


def begin(page, url: str) -> None:
    """From the first screen to the training."""
    page.goto(url)
    page.select_option("#device", "headphones")
    page.select_option("#experience", "often")
    page.click("#begin")
    page.wait_for_selector("#next")


def conditions(made) -> dict[str, str]:
    return {name: one["condition"] for sound in keys_of(made)["sounds"] for name, one in sound["stimuli"].items()}


def order(page) -> list[str]:
    """The stimuli of a trial in the order of the page, without the open reference."""
    return page.evaluate("[...listeningTestPlayer.current().buffers.keys()].slice(1)")


def judge(page, whose: dict[str, str]) -> list[str]:
    """Listen to everything and judge it, by keys alone; returns the stimuli in their order."""
    names = order(page)
    page.keyboard.press("0")
    for place, name in enumerate(names, 1):
        page.keyboard.press(str(place))
        if page.locator("input[type=range]").count():
            wanted = OPINIONS[whose[name]]
            page.keyboard.press("Home")
            for _ in range(wanted // 10):
                page.keyboard.press("PageUp")
    if page.locator(".choice").count():
        first = OPINIONS[whose[names[0]]] > OPINIONS[whose[names[1]]]
        page.keyboard.press("ArrowLeft" if first else "ArrowRight")
    return names


def go_on(page) -> None:
    """Leave a trial by Enter, and wait for the next screen."""
    before = page.locator("h1").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelector('h1').textContent !== before", arg=before)
    page.wait_for_selector("#next, #save")


def finish(page, made) -> list[list[str]]:
    """From the training to the end; returns every trial's order."""
    whose = conditions(made)
    judge(page, whose)
    go_on(page)
    orders = []
    while page.locator("#next").count():
        orders.append(judge(page, whose))
        go_on(page)
    return orders


def saved(page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("#save")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """A command: its code, standard output and standard error."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize("method", ["mushra", "2afc"])
def test_somebody_goes_through_a_test_and_the_command_evaluates_it(method, page, made, tmp_path, capsys):
    """From a file, by keys alone."""
    test = made[method]
    begin(page, address(test, "?participant=P07&seed=5"))
    orders = finish(page, test)
    page.fill("#comment", "two\nlines")
    path = saved(page, tmp_path)
    assert re.fullmatch(r"listening-test-\w{6}-P07\.json", path.name)
    record = json.loads(path.read_text())
    assert [trial["order"] for trial in record["trials"]] == orders
    assert (record["participant"], record["seed"], record["comment"]) == ("P07", 5, "two\nlines")
    assert record["about"] == {"device": "headphones", "experience": "often"}
    assert all(trial["seconds"] > 0 and trial["switches"] > 1 for trial in record["trials"])
    code, out, err = run(capsys, "listening-test", "evaluate", path, "--test", test.folder, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["participants"]["counted"] == 1
    if method == "mushra":
        means = {name: one["mean"][0] for name, one in found["conditions"].items()}
        assert means == pytest.approx(OPINIONS)
    else:
        (pair,) = found["pairs"]
        assert (pair["one"], pair["chosen"], pair["answers"]) == ("near", 6, 6)
    assert all(url.startswith(("file://", "blob:file://", "data:,")) for url in page.asked)


def test_every_participant_gets_another_order_and_a_seed_repeats_it(page, made):
    orders = []
    for seed in (1, 2, 1):
        begin(page, address(made["mushra"], f"?seed={seed}"))
        whose = conditions(made["mushra"])
        judge(page, whose)
        go_on(page)
        orders.append((page.evaluate("listeningTestPlayer.current().buffers.keys().next().value"), order(page)))
        page.evaluate("localStorage.clear()")
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    begin(page, address(made["mushra"]))
    assert page.evaluate("JSON.parse(Object.values(localStorage)[0]).seed") not in (1, 2)


def test_orders_are_drawn_evenly(page, made):
    """Of 600 seeds each stimulus comes first about as often: the chi-squared of 5 degrees of freedom is below 20.5."""
    page.goto(address(made["mushra"]))
    counts = page.evaluate(
        """() => {
          const counts = {};
          for (let seed = 0; seed < 600; seed++) {
            const [{ order }] = listeningTestPlayer.plan(seed).filter((one) => one.id === "t001");
            counts[order[0]] = (counts[order[0]] ?? 0) + 1;
          }
          return counts;
        }"""
    )
    assert len(counts) == 6
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 20.5


RENDERED = """async (switches) => {
  const { Player, current } = listeningTestPlayer;
  const buffers = current().buffers;
  const [open] = buffers.keys();
  const same = (one, other) => one.getChannelData(0).every((value, place) => value === other.getChannelData(0)[place]);
  const hidden = [...buffers.keys()].slice(1).find((name) => same(buffers.get(name), buffers.get(open)));
  const other = [...buffers.keys()].find((name) => name !== open && name !== hidden);
  const rate = buffers.get(open).sampleRate;
  const render = async (between) => {
    const context = new OfflineAudioContext(1, rate, rate);
    const player = new Player(context, buffers);
    player.start(open, 0);
    for (let step = 1; step <= switches; step++) player.change(between[step % between.length], step * 0.05);
    return (await context.startRendering()).getChannelData(0);
  };
  const plain = await render([open]);
  const switched = await render([open, hidden]);
  const mixed = await render([open, other]);
  const own = buffers.get(open).getChannelData(0);
  const theirs = buffers.get(other).getChannelData(0);
  let off = 0, outside = 0;
  for (let at = 0; at < plain.length; at++) {
    off = Math.max(off, Math.abs(switched[at] - plain[at]), Math.abs(plain[at] - own[at]));
    const [low, high] = [Math.min(own[at], theirs[at]), Math.max(own[at], theirs[at])];
    outside = Math.max(outside, low - mixed[at], mixed[at] - high);
  }
  const settled = Math.round(0.099 * rate);
  return { off, outside, peak: Math.max(...plain), late: Math.abs(mixed[settled] - theirs[settled]) };
}"""


def test_changes_leave_no_gap_and_keep_the_place(page, made):
    """Between the reference and its hidden twin nothing is heard at all; between others every sample is a mixture."""
    begin(page, address(made["mushra"]))
    found = page.evaluate(RENDERED, 16)
    assert found["peak"] > 0.1
    assert found["off"] < 1e-5
    assert found["outside"] < 1e-5
    # 49 ms after a change only the other one is heard.
    assert found["late"] < 1e-5


def test_what_is_heard_while_somebody_changes_never_falls_silent(page, made):
    begin(page, address(made["mushra"]))
    page.evaluate(
        """async () => {
          const player = listeningTestPlayer.current();
          // A tone that does not fade, so that every silence is one of the page's own.
          for (const buffer of player.buffers.values()) {
            const samples = buffer.getChannelData(0);
            for (let at = 0; at < samples.length; at++) samples[at] = 0.5 * Math.sin(at / 20);
          }
          const analyser = player.context.createAnalyser();
          analyser.fftSize = 32768;
          player.output.connect(analyser);
          window.analyser = analyser;
        }"""
    )
    sources = "[...listeningTestPlayer.current().voices.values()].map((one) => one.source)"
    page.keyboard.press("0")
    page.evaluate(f"window.begun = {sources}")
    for step in range(12):
        page.keyboard.press(str(1 + step % 6))
        page.wait_for_timeout(40)
    # Nothing was started anew: the place in the sound is kept.
    assert page.evaluate(f"{sources}.length === 7 && {sources}.every((source, place) => source === begun[place])")
    page.wait_for_timeout(600)
    longest, loud = page.evaluate(
        """() => {
          const samples = new Float32Array(32768);
          analyser.getFloatTimeDomainData(samples);
          let run = 0, longest = 0;
          for (const value of samples) {
            run = Math.abs(value) < 0.005 ? run + 1 : 0;
            longest = Math.max(longest, run);
          }
          return [longest, Math.max(...samples)];
        }"""
    )
    assert loud > 0.4
    # A sine of this frequency is below .005 for one sample or two when it crosses zero.
    assert longest < 5


def test_on_a_web_server_nothing_comes_from_elsewhere(page, made, served, tmp_path):
    begin(page, f"{served}/2afc/page/?participant=web")
    finish(page, made["2afc"])
    assert json.loads(saved(page, tmp_path).read_text())["participant"] == "web"
    asked = [url for url in page.asked if not url.startswith(("data:", f"blob:{served}"))]
    assert asked
    assert all(url.startswith(f"{served}/2afc/page/") for url in asked)


def test_nothing_can_be_sent(browser, made):
    context = browser.new_context()
    page = context.new_page()
    page.goto(address(made["mushra"]))
    blocked = page.evaluate(
        """async () => {
          const told = new Promise((resolve) => {
            addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
          });
          try {
            await fetch("http://127.0.0.1:9/");
            return "sent";
          } catch {
            return await told;
          }
        }"""
    )
    assert blocked == "connect-src"
    context.close()


def test_nobody_goes_on_without_having_heard_and_rated_everything(page, made):
    begin(page, address(made["mushra"]))
    step = page.locator("#next")
    assert step.is_disabled()
    assert "Still to hear: Reference, 1, 2, 3, 4, 5, 6. Still to rate: 1, 2, 3, 4, 5, 6." in page.inner_text("#missing")
    for place in range(1, 7):
        page.keyboard.press(str(place))
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#missing") == "Still to hear: Reference."
    page.keyboard.press("Enter")
    assert page.inner_text("h1") == "Training"
    page.get_by_role("button", name="Reference").click()
    assert step.is_enabled()
    # A slider that is pressed where it stands is rated, too.
    assert page.locator("output").first.inner_text() == "51"


def test_keys_play_stop_and_repeat(page, made):
    begin(page, address(made["mushra"]))
    playing = "listeningTestPlayer.current().playing"
    page.keyboard.press(" ")
    assert page.evaluate(playing)
    assert page.get_by_role("button", name="Reference").get_attribute("class").split().count("sounding") == 1
    page.keyboard.press(" ")
    assert not page.evaluate(playing)
    page.keyboard.press("l")
    assert not page.locator("#loop").is_checked()
    page.keyboard.press("3")
    assert page.evaluate(playing)
    page.wait_for_function(f"() => !{playing}")
    assert page.inner_text("#play") == "Play"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Rating of sound 3"


def test_an_interrupted_test_goes_on_and_a_finished_one_can_be_saved_again(page, made, tmp_path):
    test = made["2afc"]
    whose = conditions(test)
    begin(page, address(test, "?participant=first"))
    judge(page, whose)
    go_on(page)
    judge(page, whose)
    go_on(page)
    page.goto(address(test))
    assert page.inner_text("#continue") == "Go on with trial 2 of 8"
    page.click("#continue")
    page.wait_for_selector("#next")
    assert page.inner_text("h1") == "Trial 2 of 8"
    while page.locator("#next").count():
        judge(page, whose)
        go_on(page)
    first = saved(page, tmp_path).read_text()
    page.goto(address(test))
    page.click("#show-result")
    assert saved(page, tmp_path).read_text() == first
    assert json.loads(first)["participant"] == "first"
    page.click("#remove")
    assert page.evaluate("localStorage.length") == 0


def test_its_language_is_the_browsers_or_the_readers(browser, made):
    context = browser.new_context(locale="de-AT")
    page = context.new_page()
    page.goto(address(made["mushra"]))
    assert page.inner_text("h1") == "Hörtest"
    assert page.get_attribute("html", "lang") == "de"
    page.get_by_role("button", name="English").click()
    assert page.inner_text("h1") == "Listening test"
    assert page.get_attribute("html", "lang") == "en"
    context.close()


def test_sounds_that_are_missing_are_told(made, browser, tmp_path):
    copy = tmp_path / "page"
    shutil.copytree(made["mushra"].page.parent, copy)
    shutil.rmtree(copy / "sounds")
    page = browser.new_context(locale="en-GB").new_page()
    page.goto((copy / "index.html").as_uri())
    page.select_option("#device", "headphones")
    page.select_option("#experience", "never")
    page.click("#begin")
    assert "could not be loaded" in page.get_by_role("alert").inner_text()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1_200])
def test_it_fits_and_everything_has_a_name(width, scheme, browser, made):
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme, locale="de")
    page = context.new_page()
    begin(page, address(made["mushra"]))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select, textarea")]
           .filter((one) => !one.textContent.trim() && !one.ariaLabel && !one.labels?.length).length"""
    )
    assert unnamed == 0
    contrast = page.evaluate(
        """() => {
          const light = (text) => {
            const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((one) => one / 255)
              .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = light(getComputedStyle(document.body).backgroundColor);
          return [...document.querySelectorAll("p, h1, .words span")].filter((one) => one.textContent).map((one) => {
            const ink = light(getComputedStyle(one).color);
            return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
          });
        }"""
    )
    # WCAG 2.2, level AA.
    assert min(contrast) >= 4.5
    context.close()
