"""The engine of takes that were recorded: it says what they are, and renders none."""

from typing import ClassVar

import numpy as np

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.instruments import InputError, Instrument

VERSION = "recorded 1"
"""What the version of every engine that records begins with; raised whenever what it does to a sound changes."""
_WORD = VERSION.partition(" ")[0]


class Recording(Engine):
    """What an engine that records says of itself, whether the instrument is there or not.

    Args:
        instrument: what is recorded.
        version: of the engine, with what it was recorded by.
    """

    plays = range(128)
    voices = 16
    imitates: ClassVar[bool] = False
    records: ClassVar[bool] = True
    emulates = "itself: the instrument was recorded"
    guesses = "nothing"

    def __init__(self, instrument: Instrument, version: str) -> None:
        self.name, self.parameters, self.version = instrument.name, instrument.parameters, version

    def _render(self, job: Job) -> np.ndarray:  # noqa: ARG002 - nothing can be rendered
        raise InputError(f"These takes of {self.name} were recorded: to make others, record the instrument.")


def recorded_engine(label: object, instrument: Instrument) -> Recording | None:
    """The engine of a dataset's record, if its takes were recorded.

    Args:
        label: the engine's name and version in the record.
        instrument: the instrument of the dataset's collection.
    """
    before = f"{instrument.name} "
    if not isinstance(label, str) or not label.startswith(f"{before}{_WORD} "):
        return None
    return Recording(instrument, label.removeprefix(before))
