"""What may be asked of a match and where it goes; cheap to import: mistakes are told before anything is loaded."""

import math
import re
from collections.abc import Sequence
from numbers import Real

from secret_sauce_hf.files import NAME_BYTES, fitting
from secret_sauce_hf.instruments import InputError, integer
from secret_sauce_hf.instruments.checking import quoted

MAX_CANDIDATES, MAX_RENDERS = 10_000, 10**9
"""More than these are no numbers of presets but mistakes."""
NO_MODEL = "none"
"""In place of a model's folder: that none is to be asked."""
LONGEST_REGION = 30.0
"""No longer part of a sound is matched, in seconds."""
Region = tuple[float | None, float | None]
"""From where to where in a sound, in seconds; None where it is not said."""
_TIME = re.compile(r"(?:(\d{1,4}):)?(?:(\d{1,4}):)?(\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})", re.ASCII)
KINDS = {
    "midi": "mid",
    "json": "json",
    "wav": "wav",
    "png": "png",
    "noisemakerpreset": "noisemakerpreset",
    "syx": "syx",
    "vital": "vital",
    "fxp": "fxp",
    "vstpreset": "vstpreset",
}
"""What a match is written as, and the endings of the files' names."""
_OF_EACH = ("midi", "wav", "noisemakerpreset", "syx", "vital", "fxp", "vstpreset")
"""What every candidate is written as."""


def name_of(kind: str, stem: str, limit: int = NAME_BYTES) -> str:
    """What a file of a match is called: of a kind such as `midi`, of the second candidate `midi-2`."""
    what, dash, number = kind.partition("-")
    return fitting(stem, f"{dash}{number}.{KINDS[what]}", limit)


def names(stem: str, candidates: int = 1) -> list[str]:
    """What the files of a match with so many candidates may be called."""
    further = [f"{kind}-{number}" for number in range(2, candidates + 1) for kind in _OF_EACH]
    return [name_of(kind, stem) for kind in (*KINDS, *further)]


def check_search(seconds: float | None, renders: int | None, candidates: int, seed: int) -> tuple[int | None, int, int]:
    """See that a search can be as long as is asked.

    Args:
        seconds: as of `match`.
        renders: as of `match`.
        candidates: as of `match`.
        seed: as of `match`.

    Returns:
        `renders`, `candidates` and `seed` as Python's own integers.

    Raises:
        InputError: one is out of range, or both limits are given.
    """
    if seconds is not None and renders is not None:
        raise InputError("Give `seconds` or `renders`, not both: a search ends by the clock or by a number.")
    if seconds is not None and not (isinstance(seconds, Real) and 0 <= float(seconds) < math.inf):
        raise InputError(f"A search of {seconds} seconds is none; give 0, for the model alone, or more.")
    renders = None if renders is None else integer("renders", renders, 0, MAX_RENDERS)
    return renders, integer("candidates", candidates, 1, MAX_CANDIDATES), integer("seed", seed)


def time_of(text: str, what: str) -> float:
    """A time as people write it, in seconds: `75`, `75.5`, `1:15.5`, `1:01:15`.

    Args:
        text: the time.
        what: what it is of, for the message, such as "--from".

    Raises:
        InputError: it is none, or below 0.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        why = "a time is not below 0" if text.strip().startswith("-") else "write seconds (75.5) or m:ss (1:15.5)"
        raise InputError(f"{what} {quoted(text)} is no time: {why}.")
    parts = [float(part) for part in found.groups() if part is not None]
    if any(part >= 60 for part in parts[1:]):
        raise InputError(f"{what} {quoted(text)} is no time: after a colon there are less than 60.")
    return sum(part * 60.0**place for place, part in enumerate(reversed(parts)))


def region_of(start: str | None, end: str | None, both: str | None) -> Region | None:
    """The region that the options of a command ask for; None where they ask for none.

    Args:
        start: of `--from`.
        end: of `--to`.
        both: of `--region`, two times with a dash between.

    Raises:
        InputError: one is no time; they do not go together, see `check_region`.
    """
    if both is not None:
        if start is not None or end is not None:
            raise InputError("--region says from where to where: leave out --from and --to.")
        start, dash, end = both.partition("-")
        if not dash or not start.strip() or not end.strip():
            raise InputError(f"--region {quoted(both)} is none: write FROM-TO, such as 1:02-1:05.5.")
    times = [
        None if text is None else time_of(text, what)
        for text, what in ((start, "--region" if both else "--from"), (end, "--region" if both else "--to"))
    ]
    return check_region(times)


def check_region(region: Sequence[float | None] | None) -> Region | None:
    """See that a part of a sound can be meant, whatever sound it is.

    Args:
        region: from where to where, in seconds; None for either where it is not said.

    Returns:
        The same as Python's own numbers; None where nothing is said.

    Raises:
        InputError: it is no pair of numbers, one is below 0, the end is not after the start, or it is longer than
            `LONGEST_REGION`.
    """
    if region is None:
        return None
    if isinstance(region, str) or not isinstance(region, Sequence) or len(region) != 2:
        raise InputError("A region is a pair of times in seconds, (from, to); None for one that is not said.")
    for value in region:
        if value is not None and not (
            isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < math.inf
        ):
            raise InputError(f"A region's times are seconds from 0 on, not {quoted(value)}.")
    start, end = (None if value is None else float(value) for value in region)
    if start is None and end is None:
        return None
    if end is not None and end <= (start or 0.0):
        raise InputError(f"The region ends at {end:g} s, not after its start at {start or 0.0:g} s; exchange the two.")
    if start is not None and end is not None and end - start > LONGEST_REGION:
        raise InputError(
            f"The region from {start:g} to {end:g} s is longer than the {LONGEST_REGION:g} s that are matched at once."
        )
    return start, end
