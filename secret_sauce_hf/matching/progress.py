"""What a search has reached so far: on a terminal, or told to whoever asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from secret_sauce_hf.matching.evaluator import Evaluator


@dataclass(frozen=True)
class Reached:
    """How far a search has come.

    Args:
        share: of its budget that is used, 0 to 1.
        renders: how many presets it has rendered.
        distance: of the best one so far from the sound, in dB (see `Objective`).
    """

    share: float
    renders: int
    distance: float


@contextmanager
def match_progress(show: bool | Callable[[Reached], None]) -> Iterator[Callable[[Evaluator], None]]:
    """A progress bar on standard error, if that is a terminal, gone when finished; or what is called instead.

    Args:
        show: whether to show the bar; or what is called after every batch of renderings.

    Yields what to call with the evaluator after every batch; before the first call the bar shows
    that the model is loaded and asked.
    """
    if callable(show):
        told = show
        yield lambda evaluator: told(_reached(evaluator))
        return
    columns = (TextColumn("Matching"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not (show and console.is_terminal), transient=True) as bar:
        task = bar.add_task("asking the model", total=None)

        def update(evaluator: Evaluator) -> None:
            now = _reached(evaluator)
            bar.update(
                task,
                total=1.0,
                completed=now.share,
                description=f"{now.renders:,} renderings, {now.distance:.2f} dB off",
            )

        yield update


def _reached(evaluator: Evaluator) -> Reached:
    budget = evaluator.budget
    return Reached(min(budget.share, 1.0), budget.used, float(evaluator.told))
