"""What a search has reached so far, on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from secret_sauce_hf.matching.evaluator import Evaluator


@contextmanager
def match_progress(show: bool) -> Iterator[Callable[[Evaluator], None]]:
    """A progress bar on standard error, if that is a terminal, gone when finished.

    Yields what to call with the evaluator after every batch; before the first call it shows
    that the model is loaded and asked.
    """
    columns = (TextColumn("Matching"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not (show and console.is_terminal), transient=True) as bar:
        task = bar.add_task("asking the model", total=None)

        def update(evaluator: Evaluator) -> None:
            budget = evaluator.budget
            bar.update(
                task,
                total=1.0,
                completed=min(budget.share, 1.0),
                description=f"{budget.used:,} renderings, {evaluator.told:.2f} dB off",
            )

        yield update
