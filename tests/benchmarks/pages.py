"""How fast the page answers in headless Chromium: one table, of the models of a page.

    secret-sauce export page noisemaker noisemaker-notes --out page --runtime .onnxruntime-web/dist
    python tests/benchmarks/pages.py page

Per model: seconds from the start of the page until it is ready, of all but the first one without those of the
runtime, which is there; and the median of ten answers to the demo's sound, from its samples to the table: onset,
features and model.
"""

import argparse
import functools
import http.server
import json
import shutil
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from secret_sauce_hf.matching import demo_sound

FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
ANSWERS = 10


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


def told(page: Page, name: str) -> float:
    """A time that the page tells, once it does; it is then forgotten."""
    page.wait_for_selector(f"html[data-{name}]", state="attached", timeout=120_000)
    value = float(page.evaluate(f"document.documentElement.dataset.{name}"))
    page.evaluate(f"delete document.documentElement.dataset.{name}")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the page")
    folder = parser.parse_args().folder
    names = [model["name"] for model in json.loads((folder / "page.json").read_text())["models"]]
    table = Table("model", "load, s", "answer, s", title="headless Chromium")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        for name in names:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            load = told(page, "loaded")
            if name != names[0]:
                page.select_option("#model", name)
                load = told(page, "loaded") - load
            times = []
            for _ in range(ANSWERS):
                page.set_input_files("#file", demo_sound().path)
                times.append(told(page, "seconds"))
            shown = f"{load:.1f}", f"{statistics.median(times):.2f}"
            print(name, *shown, file=sys.stderr)
            table.add_row(name, *shown)
            page.close()
        browser.close()
    server.shutdown()
    Console().print(table)


if __name__ == "__main__":
    main()
