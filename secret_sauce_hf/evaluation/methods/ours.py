"""The model, and the model with matching."""

import time
from typing import Any

import numpy as np

from secret_sauce_hf.evaluation.methods.base import Answer, Method, Task
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.training.answering import answers_of, heard

TIMED = 20
"""Sounds that the model is timed on, one by one."""


class Model(Method):
    """The model's answer."""

    name, title = "model", "model alone"
    about = "our model's answer, nothing rendered"
    model = True

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        if task.checkpoint is None:
            raise InputError("The method `model` needs a checkpoint.")
        pipe = task.checkpoint.pipe
        units = answers_of(task.logits(), pipe.model.config)
        if not task.timed:
            return Answer(units[: task.first], units)
        seconds = []
        for sound in task.sounds[: TIMED + 1]:
            start = time.perf_counter()
            answers_of(heard(pipe, sound[None]), pipe.model.config)
            seconds.append(time.perf_counter() - start)
        # The first time, libraries warm up.
        return Answer(units[: task.first], units, float(np.median(seconds[1:] or seconds)))


class Matching(Method):
    """The model's candidates, improved by rendering them."""

    name, title = "matching", "model + matching"
    about = "our model's candidates, rendered, compared and refined"
    renders = model = True

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        searches = task.searcher.match(task.sounds[: task.first])
        facts: dict[str, Any] = {"renders": float(np.median([one.renders for one in searches]))}
        if task.checkpoint is None:
            facts |= {"title": "matching, no model", "about": "usual presets, rendered, compared and refined"}
        return Answer(
            np.stack([one.units for one in searches]),
            seconds=float(np.median([one.seconds for one in searches])),
            facts=facts,
            searches=searches,
        )

    def seconds(self, task: Task) -> float:
        """See `Method.seconds`."""
        return task.searcher.missing(task.sounds[: task.first], self.name)
