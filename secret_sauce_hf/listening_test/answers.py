"""What a listening test compares: sounds, and what systems answered to them, read or rendered when it is needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.instruments.checking import repeated
from secret_sauce_hf.instruments.listening import cut
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.listening_test.form import check_name

LONGEST_SECONDS = 12.0
"""Of a stimulus: what is longer is hard to keep in mind (BS.1534-3)."""
SHORTEST_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Rendered:
    """An answer as a sound.

    Args:
        samples: float of shape (samples,), full scale ±1, at 22,050 Hz.
        start: where in the sound that it answers its first sample lies, in seconds.
    """

    samples: np.ndarray
    start: float = 0.0


@dataclass(frozen=True, eq=False)
class System:
    """What answers sounds.

    Args:
        name: up to 40 of a-z, 0-9 and -.
        answered: names of the sounds that it has answered.
        answer: gives the answer to one of them.

    Raises:
        InputError: a name that is none.
    """

    name: str
    answered: Sequence[str]
    answer: Callable[[str], Rendered]

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True, eq=False)
class References:
    """Sounds that are to be answered.

    Args:
        names: of the sounds, in their order.
        sound: gives one of them: float of shape (samples,), full scale ±1, at 22,050 Hz.
        other: gives a take of another preset that plays what one of them plays; None where there are none: then
            another of the sounds is taken.
    """

    names: Sequence[str]
    sound: Callable[[str], np.ndarray]
    other: Callable[[str], np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Compared:
    """A sound and what was answered to it, all of one length: float of shape (samples,) at 22,050 Hz.

    Args:
        name: of the sound.
        reference: the part of the sound that was answered.
        answers: by system.
    """

    name: str
    reference: np.ndarray
    answers: dict[str, np.ndarray]


def common_names(references: References, systems: Sequence[System]) -> list[str]:
    """Names of the sounds that all systems have answered, in the references' order.

    Raises:
        InputError: there are none, or two systems have one name.
    """
    named = [system.name for system in systems]
    if twice := repeated(named):
        raise InputError(f"Two systems are called {twice[0]}; give each a name of its own.")
    names = list(references.names)
    for system in systems:
        answered = set(system.answered)
        names = [name for name in names if name in answered]
        if not names:
            told = ", ".join(name[:80] for name in list(system.answered)[:3])
            raise InputError(
                f"{system.name} answers none of the sounds that the others answer (it answers {told or 'nothing'}); "
                "the name of a sound's file tells which it is."
            )
    return names


def compare(name: str, references: References, systems: Sequence[System]) -> Compared | None:
    """Bring a sound and its answers to the same stretch of time; None of a sound in which nothing is heard.

    The stretch begins where the first answer does and ends where the last one does, but within the sound: how a
    note goes on that the sound has cut off, nobody knows.

    Raises:
        InputError: the answers leave less than a tenth of a second of the sound.
    """
    sound = references.sound(name)
    found = {system.name: system.answer(name) for system in systems}
    first = max(min(round(one.start * SAMPLE_RATE) for one in found.values()), 0)
    last = max(round(one.start * SAMPLE_RATE) + len(one.samples) for one in found.values())
    length = min(last, len(sound)) - first
    if length < SHORTEST_SECONDS * SAMPLE_RATE:
        raise InputError(
            f"The answers to {name} leave less than {SHORTEST_SECONDS:g} s of it to compare; leave it out."
        )
    length = min(length, round(LONGEST_SECONDS * SAMPLE_RATE))
    reference = cut(sound, first, length)
    if np.abs(reference).max() < SILENCE:
        return None
    answers = {
        system: cut(one.samples, first - round(one.start * SAMPLE_RATE), length) for system, one in found.items()
    }
    return Compared(name, reference, answers)
