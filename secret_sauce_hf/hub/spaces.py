"""Publishing the web page as a Space."""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

from secret_sauce_hf.cards.names import TAG
from secret_sauce_hf.cards.templates import TEMPLATES, render_card
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, look_at, publish
from secret_sauce_hf.instruments import COLLECTIONS, InputError

PAGE = "secret-sauce-page"
"""The tag by which a Space is known to be the page."""
EXTRAS = ("models", "app")
"""Extras that the page needs."""
GPL_EXTRAS = {"vital": "Vital", "dx7": "the DX7"}
"""Extras with an engine under the GPL 3, which are left out if nobody asks for them, and what they render."""
_PACKAGE = Path(__file__).parents[1]
_LEFT_OUT = ("__pycache__",)
_DOCKERFILE = """\
FROM python:3.11-slim
# Spaces run as this user.
RUN useradd --create-home --uid 1000 user
USER user
ENV HOME=/home/user PATH=/home/user/.local/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /home/user/app
# PyPI's own build would bring gigabytes of CUDA.
RUN pip install --no-cache-dir --user torch --index-url https://download.pytorch.org/whl/cpu
COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir --user --requirement requirements.txt
COPY --chown=user . .
RUN pip install --no-cache-dir --user --no-deps .
# Compiles the engines' kernels, so that the first visitor need not wait for them.
RUN cd /tmp && secret-sauce demo
EXPOSE 7860
CMD ["secret-sauce", "app", "--host", "0.0.0.0", "--port", "7860"]
"""
_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "secret_sauce_hf"
version = "{version}"
requires-python = ">=3.11"

[project.scripts]
secret-sauce = "secret_sauce_hf.cli:main"

[tool.setuptools.packages.find]
include = ["secret_sauce_hf*"]

[tool.setuptools.package-data]
"*" = ["*", "*/*", "*/*/*"]
"""


def publish_space(
    repo: str,
    *,
    engines: Sequence[str] = (),
    private: bool | None = None,
    tag: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Publish the web page as a Space of its own: this package with its checkpoints, and how to run it.

    Args:
        repo: `ORG/NAME`.
        engines: of `GPL_EXTRAS`, what it renders besides; then the Space is under the GPL 3.
        private: see `publish`, as for the others.
        tag: the revision that names this state; the package's version if None.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.

    Raises:
        InputError: there is no such engine, and what `publish` raises.
    """
    if unknown := [name for name in engines if name not in GPL_EXTRAS]:
        raise InputError(f"There is no engine {unknown[0][:40]!r} to add; there are {', '.join(GPL_EXTRAS)}.")
    own = version("secret_sauce_hf")
    there = look_at(repo, "space", [TAG, PAGE], tag=own if tag is None else tag, overwrite=overwrite, dry_run=dry_run)
    return publish(
        there,
        list(space_files(repo, engines)),
        # Files of a version before.
        removable=lambda path: path.startswith("secret_sauce_hf/"),
        message=f"Publish the page with secret_sauce_hf {own}",
        private=private,
        overwrite=overwrite,
        dry_run=dry_run,
        space_sdk="docker",
    )


def space_files(repo: str, engines: Sequence[str] = ()) -> Iterator[RepositoryFile]:
    """The files of a Space.

    Args:
        repo: `ORG/NAME`, for its card.
        engines: see `publish_space`.
    """
    own = version("secret_sauce_hf")
    known = [one for one in COLLECTIONS.values() if one.instrument.name not in GPL_EXTRAS or one.name in engines]
    titles = sorted({one.instrument.title for one in known})
    card = render_card(
        "space_card.md.jinja",
        title="Secret Sauce",
        license="gpl-3.0" if engines else "apache-2.0",
        tag=TAG,
        instruments=" and ".join([", ".join(titles[:-1]), titles[-1]]),
        version=own,
        host=f"{re.sub(r'[^a-z0-9]+', '-', repo.lower())}.hf.space",
        gpl=" and ".join(GPL_EXTRAS[name] for name in engines),
    )
    yield RepositoryFile(CARD, card.encode())
    yield RepositoryFile("Dockerfile", _DOCKERFILE.encode())
    yield RepositoryFile("pyproject.toml", _PYPROJECT.format(version=own).encode())
    yield RepositoryFile("requirements.txt", requirements((*EXTRAS, *engines)).encode())
    yield from _sources(_PACKAGE, "secret_sauce_hf")
    if not TEMPLATES.is_relative_to(_PACKAGE):
        yield from _sources(TEMPLATES, "secret_sauce_hf/model_cards")


def requirements(extras: Sequence[str]) -> str:
    """What this package needs with some extras, a line each, as `pip install -r` reads it."""
    lines = []
    for text in requires("secret_sauce_hf") or ():
        one = Requirement(text)
        wanted = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if wanted and one.name.replace("-", "_") != "secret_sauce_hf":
            one.marker = None
            lines.append(str(one))
    return "\n".join(sorted(set(lines), key=str.lower)) + "\n"


def _sources(folder: Path, place: str) -> Iterator[RepositoryFile]:
    """The files of a folder, whatever is compiled of them left out."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not set(relative.parts) & set(_LEFT_OUT):
            yield RepositoryFile(f"{place}/{relative.as_posix()}", path)
