"""Rendering the cards' templates, the `model_cards` folder."""

import re
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from secret_sauce_hf.progress import visible
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


_MARKUP = re.compile(
    r"[\\`*|\[\]~$]|<(?=[A-Za-z/!?])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?\w+;)|:(?=//)|(?<=www)\.", re.IGNORECASE
)
"""What makes code, emphasis, links, cells, formulas, HTML and entities of a text, and addresses of links."""
_START = re.compile(r"^(\d{0,9})(>|[-+#=.)](?=[-+#=]*(?:\s|$)))")
"""What makes a heading, a list, a quotation or a rule of a line that begins so."""
_FENCE = re.compile(r"^(?= {0,3}(?:`{3}|~{3}))", re.MULTILINE)


def table_text(text: str) -> str:
    """A text that others wrote as Markdown shows it to the letter, in a line or in a cell of a table: no markup of it.

    Characters that would be obeyed or turn the direction around stand as escapes.
    """
    return _START.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", visible(" ".join(str(text).split()))))


def code(text: str) -> str:
    """A text that others wrote as code within a line, whatever backticks are in it. Not for cells: see `code_cell`."""
    text = visible(" ".join(str(text).split()))
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def code_cell(text: str) -> str:
    """As `code`, for a cell of a table, which bars end in code, too."""
    return code(text).replace("|", "\\|")


def fenced(text: str) -> str:
    """Lines that others wrote as they must stand between two fences: none of them is a fence."""
    return _FENCE.sub("    ", visible(str(text), lines=True))


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
    # A backslash would begin a command, or take away the one before a brace.
    plain = visible(" ".join(text.split())).replace("\\", "/")
    return re.sub(r"([&%$#_{}])", r"\\\1", plain)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Markdown is not HTML: nothing is escaped but by these filters, each where such a text stands.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"text": table_text, "code": code, "code_cell": code_cell, "fenced": fenced}
    return environment
