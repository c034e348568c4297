"""What a parameter of a plug-in is, told from what it reads at values from 0 to 1, and what it can be called here."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from keyword import iskeyword

import numpy as np

from secret_sauce_hf.instruments.checking import MAX_NAME, RESERVED

POINTS = 129
"""From 0 to 1 in 128 steps."""
MOST_STEPS = 64
"""What reads more texts than this is continuous: a step then has fewer than two points of a sweep."""
_LABELLED_NUMBERS = 2
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?\s*\D{0,8}", re.IGNORECASE)
_MIRROR = re.compile(r"midi\s*cc\b|cc\s*#?\d+\b|midi\s*(ch|learn)", re.IGNORECASE)
_HOSTS_OWN = re.compile(
    r"(plugin|plug-in|host|master|vst)?\s*bypass(ed)?|program(\s*(change|number))?|panic", re.IGNORECASE
)
_UNUSED = re.compile(r"[\W_]*|(unused|reserved|not used|n/a)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class ListedParameter:
    """A parameter as a plug-in lists it, or a controller that it answers to.

    Args:
        index: its place in the list, from 0; None of a controller.
        listed: the name there.
        name: what it is called here: letters, digits and underscores, different from every other.
        default: its value when the plug-in has been loaded, 0 to 1.
        unit: what the plug-in puts behind its values.
        automatable: whether the plug-in lets hosts change it; some VST2 deny it of all that they have.
        kind: "continuous", "stepped" or "labelled".
        labels: what it reads at each step, ascending; empty of a continuous one.
        values: a value, 0 to 1, at which it reads each of them.
        left_out: why it is no parameter of an instrument; empty if it is.
        changes_sound: whether it was heard to change a sound; None if nobody listened.
        control: the number of the controller; empty of what is in the list. Its `values` are 127ths.
    """

    index: int | None
    listed: str
    name: str
    default: float
    unit: str = ""
    automatable: bool = True
    kind: str = "continuous"
    labels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    left_out: str = ""
    changes_sound: bool | None = None
    control: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """How many steps it has; 0 of a continuous one."""
        return len(self.values)


def reason(listed: str, automatable: bool, some_are: bool) -> str:
    """Why a parameter is left out, as its name and its flag tell; empty if it is not.

    Args:
        listed: its name.
        automatable: whether hosts may change it.
        some_are: whether they may change any parameter of the plug-in.
    """
    text = listed.strip()
    if _MIRROR.match(text):
        return "stands for a MIDI controller"
    if _HOSTS_OWN.fullmatch(text):
        return "is the host's, not the sound's"
    if _UNUSED.fullmatch(text):
        return "has no name, or one of what is not used"
    if some_are and not automatable:
        return "is not for hosts to change"
    return ""


def kind_of(texts: Sequence[str], values: Sequence[float]) -> tuple[str, tuple[str, ...], tuple[float, ...]]:
    """What a parameter is, from a sweep.

    Args:
        texts: what it reads at values evenly spread from 0 to 1.
        values: what it reads back there.

    Returns:
        "continuous", "stepped", "labelled" or "idle", which reads the same throughout; its labels, and a value for
        each. Of a continuous or idle one both are empty.
    """
    texts = [" ".join(text.split()) for text in texts]
    backs = [f"{value:.6f}" for value in values]
    if len(set(texts)) == 1 and len(set(backs)) == 1:
        return "idle", (), ()
    told = next((some for some in (texts, backs) if 1 < len(set(some)) <= MOST_STEPS), None)
    if told is None:
        return "continuous", (), ()
    runs = [(label, len(list(run))) for label, run in groupby(told)]
    labels = [label for label, _ in runs]
    numbers = sum(_NUMBER.fullmatch(label) is not None for label in labels)
    # "Off" before sixty numbers does not make labels of them.
    numeric = numbers == len(labels) or (len(labels) > 8 and numbers > len(labels) / 2)
    if numeric and (len(set(labels)) < len(labels) or not _even([length for _, length in runs])):
        # A number that is rounded where it is shown.
        return "continuous", (), ()
    if len(runs) > MOST_STEPS:
        return "continuous", (), ()
    places = _places([length for _, length in runs])
    if numeric and len(labels) > _LABELLED_NUMBERS:
        return "stepped", tuple(labels), places
    return "labelled", _apart(labels), places


def legal_names(listed: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """A name for each of a plug-in's parameters: letters, digits and underscores, all different, none reserved.

    Args:
        listed: what the plug-in calls them.
        others: names that are taken.
    """
    taken = {name.casefold() for name in others}
    names = []
    for number, text in enumerate(listed):
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        stem = re.sub(r"\W+", "_", plain).strip("_")[: MAX_NAME - 12] or f"parameter_{number}"
        if not stem[0].isalpha():
            stem = f"p_{stem}"
        if iskeyword(stem) or stem.casefold() in RESERVED:
            stem = f"{stem}_setting"
        name, count = stem, 1
        while name.casefold() in taken or name.casefold() in RESERVED:
            count += 1
            name = f"{stem}_{count}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _even(lengths: list[int]) -> bool:
    """Whether steps are about equally long, as those of a stepped parameter are, the first and last perhaps half so."""
    inner = lengths[1:-1] or lengths
    return max(inner) <= 2 * min(inner) + 1 and max(lengths) <= 2 * max(inner) + 1


def _places(lengths: list[int]) -> tuple[float, ...]:
    """A value in each of several runs of a sweep, the evenly spread ones where they fit."""
    ends = np.cumsum(lengths)
    starts, last = ends - lengths, ends[-1] - 1
    even = np.linspace(0, 1, len(lengths))
    low, high = np.floor(even * last), np.ceil(even * last)
    if len(lengths) > 1 and ((starts <= low) & (high < ends)).all():
        return tuple(round(float(value), 9) for value in even)
    return tuple(round(float(start + end - 1) / 2 / float(last), 9) for start, end in zip(starts, ends, strict=True))


def _apart(labels: list[str]) -> tuple[str, ...]:
    """Labels that a switch can have: printable, without quotes, all different."""
    found: list[str] = []
    for label in labels:
        plain = "".join(char for char in label.replace('"', "'") if char.isprintable()).strip()[: MAX_NAME - 4].strip()
        stem, count = plain or "(nothing)", 1
        plain = stem
        while plain in found:
            count += 1
            plain = f"{stem} {count}"
        found.append(plain)
    return tuple(found)
