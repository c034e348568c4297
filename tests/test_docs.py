"""The site of the documentation: it is built without a warning, is whole, and fetches nothing from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer.main

from secret_sauce_hf.cli.root import app
from secret_sauce_hf.instruments import COLLECTIONS, INSTRUMENTS

pytest.importorskip("mkdocs", reason="the group docs is not installed")
pytest.importorskip("mkdocstrings_handlers.python", reason="the group docs is not installed")

ROOT = Path(__file__).parents[1]


class Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag == "a" and (link := given.get("href")):
            self.links.append(link)
        if tag in ("script", "img", "iframe", "source") and (link := given.get("src")):
            self.fetched.append(link)
        if tag == "link" and given.get("rel") != "canonical" and (link := given.get("href")):
            self.fetched.append(link)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_link_leads_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        # The page of what is not found is shown at any address.
        if path.name == "404.html":
            continue
        for link in page.links + page.fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchors = pages[target].anchors if target in pages and parts.fragment else {unquote(parts.fragment)}
            if not target.is_file() or unquote(parts.fragment) not in anchors:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site, pages):
    assert {link for page in pages.values() for link in page.fetched if urlsplit(link).netloc} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles)


def test_the_picture_of_the_rooms_is_drawn(site):
    text = (site / "architecture" / "index.html").read_text(encoding="utf-8")
    assert "<svg" in text and "flowchart" not in text
    arrows = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").count(" --> ")
    assert text.count("<rect x=") == arrows + 1 > 10


def test_every_command_instrument_and_collection_has_its_place(site):
    text = (site / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    root = typer.main.get_command(app)
    assert len(root.commands) > 15
    for name in root.commands:
        assert f'id="{name}' in text, name
    for name in INSTRUMENTS:
        assert (site / "reference" / "instruments" / name / "index.html").is_file(), name
    for name, collection in COLLECTIONS.items():
        page = (site / "reference" / "collections" / name / "index.html").read_text(encoding="utf-8")
        for parameter in collection.columns:
            assert f"<code>{parameter}</code>" in page, (name, parameter)


def test_every_name_of_the_front_door_is_described(site):
    import secret_sauce_hf

    page = Page((site / "reference" / "api" / "index.html").read_text(encoding="utf-8"))
    names = {link.rpartition(".")[2] for link in page.links if "#secret_sauce_hf." in link}
    # The front door has its functions under names of its own.
    assert set(secret_sauce_hf.__all__) - {"build"} | {"build_collection"} <= names
