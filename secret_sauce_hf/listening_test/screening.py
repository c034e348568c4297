"""Who is not counted: participants who did not hear what everybody hears (ITU-R BS.1534-3, post-screening)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.listening_test.form import MID_ANCHOR, REFERENCE

MOST = 0.15
"""Share of the trials in which somebody may be wrong."""
HIGH = 90
"""The hidden reference is rated no lower; an anchor that can be heard no higher."""
UNHEARD = 0.25
"""Where more than this part of the participants rate the mid anchor above `HIGH`, it cannot be heard in that sound."""


@dataclass(frozen=True)
class Excluded:
    """A participant who is not counted.

    Args:
        participant: who.
        reason: why, without a full stop.
    """

    participant: str
    reason: str


def screen_ratings(ratings: Mapping[str, np.ndarray], participants: Sequence[str]) -> list[Excluded]:
    """Who rated the hidden reference too low, or the 7 kHz anchor too high, in more than 15 % of the trials.

    Sounds whose anchor is hardly heard, as more than a quarter of all rate it above 90, say nothing of anybody by
    their anchor.

    Args:
        ratings: by condition, shape (participants, sounds).
        participants: their names.
    """
    found: dict[str, list[str]] = {}
    low = ratings[REFERENCE] < HIGH
    _tell(found, low, participants, "the hidden reference below 90")
    if MID_ANCHOR in ratings:
        high = ratings[MID_ANCHOR] > HIGH
        heard = high.mean(axis=0) <= UNHEARD
        if heard.any():
            _tell(found, high[:, heard], participants, "the 7 kHz anchor above 90")
    return [Excluded(participant, " and ".join(reasons)) for participant, reasons in found.items()]


def screen_checks(right: np.ndarray, participants: Sequence[str]) -> list[Excluded]:
    """Who did not prefer the reference itself to another preset in more than 15 % of the checks.

    Args:
        right: whether it was preferred, bool of shape (participants, checks).
        participants: their names.
    """
    found: dict[str, list[str]] = {}
    if right.shape[1]:
        _tell(found, ~right, participants, "another preset nearer than the reference itself", "checks")
    return [Excluded(participant, " and ".join(reasons)) for participant, reasons in found.items()]


def _tell(
    found: dict[str, list[str]], wrong: np.ndarray, participants: Sequence[str], what: str, of: str = "trials"
) -> None:
    for participant, row in zip(participants, wrong, strict=True):
        if row.mean() > MOST:
            found.setdefault(participant, []).append(f"{what} in {int(row.sum())} of {len(row)} {of}")
