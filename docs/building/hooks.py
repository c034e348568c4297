"""What mkdocs asks for while it builds the site: pages made of declarations and docstrings, and links that work there.

The pages in docs/ are plain Markdown that is read on GitHub as well: their links may lead out of docs/. What they lead
to is copied beside them, below source/, with its own links; so the site is whole without a network.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import page_api
import page_commands
import page_machines
import page_notebooks
from drawing import drawn
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OUTSIDE = "source"
_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")
_FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)
_MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REST = "How to"
"""Where pages stand that the navigation does not name."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages where the navigation has their folder, and pages that it does not name behind others."""
    pages = _generated()
    assert config.nav is not None
    config.nav = [_filled(entry, pages) for entry in config.nav]
    named = set(_names(config.nav))
    rest = [path.name for path in sorted(DOCS.glob("*.md")) if path.name not in named]
    for entry in config.nav:
        if isinstance(entry, dict) and REST in entry:
            entry[REST] = [*entry[REST], *rest]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages, and whatever pages outside of docs/ and files are linked to."""
    for name, text in _generated():
        files.append(File.generated(config, name, content=text))
    for path in _linked():
        name = f"{OUTSIDE}/{path.relative_to(ROOT).as_posix()}"
        if path.is_dir():
            lines = [f"- [{one.name}]({one.name})" for one in sorted(path.iterdir()) if one.is_file()]
            text = f"# {path.relative_to(ROOT).as_posix()}\n\n" + "\n".join(lines) + "\n"
            files.append(File.generated(config, f"{name}/index.md", content=text))
        else:
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Draw diagrams, and let links that leave docs/ lead to the copies."""
    markdown = _MERMAID.sub(lambda found: drawn(found[1]), markdown)
    here = _origin(page.file.src_uri)
    if here is None:
        return markdown
    base = posixpath.dirname(page.file.src_uri)

    def moved(found: re.Match[str]) -> str:
        target = _target(here, found[2])
        if target is None:
            return found[0]
        return f"{found[1]}{posixpath.relpath(_place(target), base or '.')}{found[3]}"

    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(moved, part) for part in parts)


@cache
def _generated() -> list[tuple[str, str]]:
    """The name and the text of every page that is made."""
    return [page for pages in (page_notebooks, page_machines, page_commands, page_api) for page in pages.pages()]


def _filled(entry: object, pages: list[tuple[str, str]]) -> object:
    """An entry of the navigation with the pages of the folders that it names."""
    if isinstance(entry, dict):
        return {title: _filled(inside, pages) for title, inside in entry.items()}
    if not isinstance(entry, list):
        return entry
    filled: list[object] = []
    for one in entry:
        if isinstance(one, str) and one.endswith("/"):
            filled += [name for name, _ in pages if name.startswith(one)]
        else:
            filled.append(_filled(one, pages))
    return filled


def _names(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for inside in entry.values():
            yield from _names(inside)
    elif isinstance(entry, list):
        for inside in entry:
            yield from _names(inside)


def _origin(name: str) -> Path | None:
    """The file of this checkout that a page is made of, if it is made of one."""
    if name.startswith(f"{OUTSIDE}/"):
        path = ROOT / name.removeprefix(f"{OUTSIDE}/")
        return path if path.is_file() else None
    return DOCS / name if (DOCS / name).is_file() else None


def _target(page: Path, link: str) -> Path | None:
    """What a relative link of a file leads to in this checkout; None if it leads elsewhere."""
    if "://" in link or link.startswith(("/", "mailto:")):
        return None
    path = (page.parent / link).resolve()
    return path if path.exists() and path.is_relative_to(ROOT) else None


def _place(path: Path) -> str:
    """Where a file of this checkout is in the site's sources."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if path.parent == page_notebooks.NOTEBOOKS:
        return page_notebooks.page_name(path)
    name = f"{OUTSIDE}/{path.relative_to(ROOT).as_posix()}"
    return f"{name}/index.md" if path.is_dir() else name


def _linked() -> list[Path]:
    """Everything outside of docs/ to which its pages lead, and to which that leads."""
    found: dict[Path, None] = {}
    waiting = sorted(DOCS.glob("*.md"))
    while waiting:
        page = waiting.pop()
        for _, link, _ in _LINK.findall(page.read_text(encoding="utf-8")):
            path = _target(page, link)
            if path is None or path.is_relative_to(DOCS) or path in found or path.parent == page_notebooks.NOTEBOOKS:
                continue
            inside = [one for one in sorted(path.iterdir()) if one.is_file()] if path.is_dir() else []
            for one in (path, *inside):
                found[one] = None
                if one.suffix == ".md":
                    waiting.append(one)
    return list(found)
