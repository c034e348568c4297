"""What is told to the person who waits: lines of text, and a progress bar that counts rows."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def say(text: str) -> None:
    """Print to the person at the terminal, on standard error; standard output is for results."""
    print(text, file=sys.stderr)


@contextmanager
def row_progress(title: str, total: int | None, show: bool, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, gone when finished; yields the function that advances it by rows."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Elsewhere than on a terminal only an empty line would be left of it.
    with Progress(*columns, console=console, disable=not (show and console.is_terminal), transient=True) as bar:
        task = bar.add_task(title, total=total, completed=done)

        def advance(rows: int) -> None:
            bar.advance(task, rows)

        yield advance
