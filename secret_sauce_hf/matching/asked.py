"""What may be asked of a match and where it goes; cheap to import: mistakes are told before anything is loaded."""

import math

from secret_sauce_hf.files import fitting
from secret_sauce_hf.instruments import InputError

KINDS = {"midi": "mid", "json": "json", "wav": "wav", "png": "png"}
"""What a match is written as, and the endings of the files' names."""


def names(stem: str) -> list[str]:
    """What the files of a match may be called."""
    return [fitting(stem, f".{ending}") for ending in KINDS.values()]


def check_search(seconds: float | None, renders: int | None, candidates: int, seed: int) -> None:
    """See that a search can be as long as is asked.

    Args:
        seconds: as of `match`.
        renders: as of `match`.
        candidates: as of `match`.
        seed: as of `match`.

    Raises:
        InputError: one is out of range, or both limits are given.
    """
    if seconds is not None and renders is not None:
        raise InputError("Give `seconds` or `renders`, not both: a search ends by the clock or by a number.")
    if seconds is not None and not 0 <= seconds < math.inf:
        raise InputError(f"A search of {seconds} seconds is none; give 0, for the model alone, or more.")
    if renders is not None and renders < 0:
        raise InputError(f"A search of {renders} renderings is none; give 0, for the model alone, or more.")
    if candidates < 1:
        raise InputError(f"{candidates} candidates are none; give 1 or more.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; it must not be negative.")
