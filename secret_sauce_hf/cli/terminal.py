"""What the commands share: options, exit codes, and how they print."""

import io
import json
import logging
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secret_sauce_hf.files import jsonable
from secret_sauce_hf.instruments import COLLECTIONS, integer
from secret_sauce_hf.instruments.errors import MAX_INTEGER
from secret_sauce_hf.instruments.priors import PRIORS
from secret_sauce_hf.modeling.registration import ships
from secret_sauce_hf.progress import visible

if TYPE_CHECKING:
    from rich.table import Table


def _whole(text: str) -> int:
    """A whole number as people write it: 1000, 1e3, 1000.0."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return integer("it", float(text), -MAX_INTEGER)
    except ValueError:
        raise typer.BadParameter(f"{text[:60]!r} is not a valid integer.") from None


WHOLE: dict[str, Any] = {"parser": _whole, "metavar": "INTEGER"}
"""Of every option that is a whole number; whether it is too large or small, the function says that takes it."""


def collection_names(incomplete: str) -> list[str]:
    """For the shell: names of collections that begin so; where none does it goes on with files."""
    return [name for name in COLLECTIONS if name.startswith(incomplete)]


def checkpoint_names(incomplete: str) -> list[str]:
    """For the shell: names of checkpoints that ship."""
    return [name for name in collection_names(incomplete) if ships(name)]


CollectionName = Annotated[
    str,
    typer.Argument(
        metavar="COLLECTION",
        autocompletion=collection_names,
        help=f"One of {', '.join(COLLECTIONS)}, or a file (.json) that declares an instrument of your own.",
        show_default=False,
    ),
]

Seed = Annotated[
    int | None,
    typer.Option(
        help="Draw fresh rows from this seed instead of the collection's own rows.", show_default=False, **WHOLE
    ),
]
Count = Annotated[int | None, typer.Option(help="Number of rows.", show_default=False, **WHOLE)]
Prior = Annotated[
    str,
    typer.Option(
        metavar="PRIOR",
        help=f"How the presets of fresh rows are drawn: {' or '.join(PRIORS)} (fewer extreme and silent ones).",
    ),
]

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one line of JSON instead of tables, and nothing else on standard output.")
]

EXIT_BROKEN_PIPE = 1
EXIT_BAD_ARCHIVE = 1
EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130


def print_anything() -> None:
    """Let what a terminal cannot show, or what is no text in a file's name, be printed as an escape, not fail.

    Warnings and tracebacks, whose texts may be of files, too, are made visible.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _print_traceback
    # What libraries log, each with a handler of its own.
    logging.setLogRecordFactory(_VisibleRecord)


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    print(visible("".join(traceback.format_exception(kind, error, trace)), lines=True), end="", file=sys.stderr)


class _VisibleRecord(logging.LogRecord):
    def getMessage(self) -> str:
        return visible(super().getMessage(), lines=True)


def tell(text: str, *, lines: bool = False) -> None:
    """A line of the result, on standard output, made visible.

    Args:
        text: the line.
        lines: whether it is several.
    """
    print(visible(text, lines=lines))


def complain(text: str) -> None:
    """The one line that says what went wrong, on standard error."""
    print(visible(f"secret-sauce: {' '.join(text.split())}"), file=sys.stderr)


def print_json(record: Any) -> None:
    """A record as one line of JSON, which whoever reads along sees at once."""
    # In ASCII: it is read whatever this system's encoding is.
    print(json.dumps(jsonable(record)), flush=True)


def table_of(*columns: str, numbers: Sequence[str] = (), whole: Sequence[str] = ()) -> "Table":
    """An empty table with these columns; those of numbers are aligned to the right, those to stay whole never cut."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in whole)
    return table


def print_all(*renderables: Any) -> None:
    """Tables and texts to standard output, where results go, made visible."""
    from rich.console import Console
    from rich.text import Text

    class Visible(Console):
        """Every text comes through here, the cells of tables included, before anything of it is drawn."""

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text, lines=True), **options)

    # Where no terminal says how wide it is, lines are not broken at 80.
    console = Visible(width=None if sys.stdout.isatty() else 120, highlight=False)
    for renderable in renderables:
        console.print(renderable, markup=False)
    # What comes after may fail.
    sys.stdout.flush()
