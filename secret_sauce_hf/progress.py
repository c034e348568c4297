"""What the person at the terminal is told while something runs, all of it on standard error; and what no text may hold.

Names of files, of presets and ports, answers of servers and errors of libraries are written by others. A terminal
obeys some characters instead of showing them: it moves the cursor, changes its title, turns a line around. So texts
are made `visible` where they are printed or logged.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters (C0, DEL, C1), further ends of lines, and what turns the direction of a text around."""


def visible(text: str, *, lines: bool = False) -> str:
    r"""A text in which every character that a terminal obeys stands as an escape, such as \\x1b.

    Args:
        text: whoever wrote it.
        lines: whether it may have several lines: their ends are left as they are.
    """

    def escaped(found: re.Match[str]) -> str:
        return found[0] if lines and found[0] == "\n" else found[0].encode("unicode_escape").decode()

    return _OBEYED.sub(escaped, text)


def say(text: str) -> None:
    """A line to the person at the terminal, on standard error; standard output is for results."""
    print(visible(text), file=sys.stderr)


def logger_of(module: str) -> logging.Logger:
    """The logger of a module, of which every record is made visible before a handler sees it."""
    log = logging.getLogger(module)
    if not any(isinstance(one, _Visible) for one in log.filters):
        log.addFilter(_Visible())
    return log


class _Visible(logging.Filter):
    """Makes what a record says visible, the error that it tells of included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = visible(record.getMessage(), lines=True), ()
        if record.exc_info:
            # Formatters take this text where it is there.
            record.exc_text = visible(logging.Formatter().formatException(record.exc_info), lines=True)
        return True


@contextmanager
def row_progress(title: str, total: int | None, show: bool, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, gone when finished; yields the function that advances it by rows."""
    # Commands that show no bar do not wait for it.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Elsewhere than on a terminal only an empty line would be left of it.
    with Progress(*columns, console=console, disable=not (show and console.is_terminal), transient=True) as bar:
        task = bar.add_task(escape(visible(title)), total=total, completed=done)

        def advance(rows: int) -> None:
            bar.advance(task, rows)

        yield advance
