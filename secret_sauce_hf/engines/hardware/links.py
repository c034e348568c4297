"""What a link to an instrument is: messages out, sound in, on one clock."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mido
import numpy as np

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.needed import remedy

Timed = Sequence[tuple[float, mido.Message]]
"""Messages in the order of time, each with its seconds from the start."""
Enough = Callable[[np.ndarray], bool]
"""Whether what was recorded so far, float32 of shape (samples,), will do."""


@dataclass(frozen=True)
class Heard:
    """What came in while messages were played.

    Args:
        samples: float32, (samples,), full scale ±1, at the link's rate, from the start of the messages' clock on.
        xruns: how often sound was lost meanwhile; unless it is 0, nothing of it can be kept.
        received: the messages that the instrument sent meanwhile.
    """

    samples: np.ndarray
    xruns: int
    received: list[mido.Message] = field(default_factory=list)


class Link(ABC):
    """Plays messages to an instrument and records it.

    Attributes:
        label: what records, for people and for the record of a dataset: the back end and the sound's input.
        rate: of what is recorded, in Hz.
        exact: whether messages and sound have one clock, so that a note starts where it is asked to, to the sample.
        waits: whether recording takes as long as what is recorded.
        reads_back: whether messages of the instrument come in.
    """

    label: str
    rate: int
    exact: bool
    waits: bool = True
    reads_back: bool = False

    @abstractmethod
    def play(self, messages: Timed, seconds: float, enough: Enough | None = None) -> Heard:
        """Play messages and record.

        Args:
            messages: in the order of time, in seconds from the start; none may be played to record alone.
            seconds: how long to record, from the start of the messages' clock on.
            enough: is asked several times a second, with the samples so far, whether to end earlier.

        Raises:
            InputError: the instrument, the sound card or the server is gone.
        """

    def check(self) -> None:  # noqa: B027 - not every link can tell
        """See that the instrument is still there, as far as that can be told.

        Raises:
            InputError: it is not.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the ports; nothing can be played afterwards."""

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def library(name: str, what: str) -> Any:
    """A package of the extra `record`, imported.

    Args:
        name: of the module.
        what: what needs it, for messages.

    Raises:
        InputError: it, or the library of the system that it stands on, is not installed.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"{what} needs {remedy(error) or error}") from error
    except OSError as error:
        # The package is there, and what it is made for is not: libjack or PortAudio.
        raise InputError(
            f"{what} needs a library of the system ({str(error)[:80]}): on Debian, "
            "apt-get install libportaudio2 jackd2."
        ) from error
