"""Rendering the cards' templates, the `model_cards` folder."""

import re
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from secret_sauce_hf.remote import endpoint

ORGANISATION = "secret-sauce"
"""Where this project publishes."""

_INSTALLED = Path(__file__).parents[1] / "model_cards"
# In a checkout they lie beside the package (pyproject.toml puts them inside when it is built).
TEMPLATES = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[2] / "model_cards"


def render_card(template: str, **variables: Any) -> str:
    """A card from a template and everything that it names.

    Args:
        template: the file's name in `model_cards`.
        **variables: what the template fills in.

    Returns:
        Markdown, with the YAML head if the template has one.

    Raises:
        ValueError: the template names something that is not among `variables`.
    """
    try:
        return _environment().get_template(template).render(**variables)
    except UndefinedError as error:
        raise ValueError(f"The template {template} cannot be filled: {error.message}.") from error


def table_text(text: str) -> str:
    """A text as it must stand in a cell of a Markdown table."""
    return re.sub(r"([\\|*]|<(?=[A-Za-z/!]))", r"\\\1", " ".join(text.split()))


def citation(title: str, repo: str | None = None, place: str = "") -> str:
    """A BibTeX entry for something made with this version of the package.

    Args:
        title: what is cited.
        repo: `ORG/NAME`, if it is published.
        place: where the Hub keeps its kind: "datasets/" or nothing.
    """
    owner = repo.partition("/")[0] if repo else ORGANISATION
    author = "The Secret Sauce developers" if owner == ORGANISATION else _in_tex(owner)
    where = f"\n  url = {{{endpoint()}/{place}{repo}}}," if repo else ""
    return (
        f"@misc{{secret_sauce_hf,\n  title = {{{_in_tex(title)}}},\n  author = {{{{{author}}}}},{where}\n"
        f"  note = {{Made with secret\\_sauce\\_hf {version('secret_sauce_hf')}, after the Secret Sauce project of "
        "2018},\n}"
    )


def _in_tex(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Markdown is not HTML: nothing is escaped.
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
