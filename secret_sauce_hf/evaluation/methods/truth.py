"""The truth, which no method can beat."""

from secret_sauce_hf.evaluation.methods.base import Answer, Method, Task


class Floor(Method):
    """The true settings, compared as sound."""

    name, title = "floor", "the truth, rendered"
    about = "what no answer can beat: the true settings rendered with other noise"
    renders = True
    scored = False

    def answer(self, task: Task) -> Answer:
        """See `Method.answer`."""
        return Answer(task.presets.unit[: task.first])
