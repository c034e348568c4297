"""What may be asked of a match and where it goes; cheap to import: mistakes are told before anything is loaded."""

import math
from numbers import Real

from secret_sauce_hf.files import NAME_BYTES, fitting
from secret_sauce_hf.instruments import InputError, integer

MAX_CANDIDATES, MAX_RENDERS = 10_000, 10**9
"""More than these are no numbers of presets but mistakes."""
KINDS = {"midi": "mid", "json": "json", "wav": "wav", "png": "png", "noisemakerpreset": "noisemakerpreset"}
"""What a match is written as, and the endings of the files' names."""
_OF_EACH = ("midi", "wav", "noisemakerpreset")
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
