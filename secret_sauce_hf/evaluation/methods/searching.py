"""A genetic search from random presets, as long as matching had or with as many renders."""

from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.methods.base import Answer, Method, Task
from secret_sauce_hf.evaluation.searching import Search, at_renders, at_seconds


class Genetic(Method):
    """Genetic search with the time that matching took."""

    name, title = "genetic", "genetic, same time"
    about = "genetic search from random presets with as much time as matching took"
    renders = True
    after = ("matching",)

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        matched, evolved = _searches(task)
        limits = [task.budget.seconds] * len(evolved) if matched is None else [one.seconds for one in matched]
        units = np.stack([at_seconds(one, limit) for one, limit in zip(evolved, limits, strict=True)])
        seconds = _median(limits)
        return Answer(units, seconds=seconds, facts={"renders": seconds / _pace(evolved)}, searches=evolved)

    def seconds(self, task: Task) -> float:
        """See `Method.seconds`."""
        return task.searcher.missing(task.sounds[: task.first], self.name)


class GeneticRenders(Method):
    """Genetic search with the renders that matching used."""

    name, title = "genetic-renders", "genetic, same renders"
    about = "genetic search from random presets with as many renders as matching used"
    renders = True
    # Nobody else tells it how many.
    beside = after = ("matching",)

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        matched, evolved = _searches(task)
        limits = [one.renders for one in matched or evolved]
        units = np.stack([at_renders(one, limit) for one, limit in zip(evolved, limits, strict=True)])
        renders = _median(limits)
        return Answer(units, seconds=renders * _pace(evolved), facts={"renders": renders})


def _searches(task: Task) -> tuple[list[Search] | None, list[Search]]:
    """How matching came to its answers, if it takes part, and how the genetic search does."""
    matched = task.answers["matching"].searches if "matching" in task.answers else None
    return matched, task.searcher.evolve(task.sounds[: task.first], matched)


def _pace(searches: list[Search]) -> float:
    """Seconds of a render."""
    return _median([one.seconds / one.renders for one in searches])


def _median(values: list[Any]) -> float:
    return float(np.median(values))
