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
    """A participant who is not counted, or not to be trusted.

    Args:
        participant: who.
        reason: why, without a full stop.
    """

    participant: str
    reason: str


def screen_ratings(ratings: Mapping[str, np.ndarray], participants: Sequence[str]) -> list[Excluded]:
    """Who rated the hidden reference below 90 in more than 15 % of the trials.

    Args:
        ratings: by condition, shape (participants, sounds).
        participants: their names.
    """
    return _wrong(ratings[REFERENCE] < HIGH, participants, "the hidden reference below 90")


def doubt_ratings(ratings: Mapping[str, np.ndarray], participants: Sequence[str]) -> list[Excluded]:
    """Who rated the 7 kHz anchor above 90 in more than 15 % of the trials in which the others hear it.

    BS.1534-3 excludes them as well, but for sounds in which more than a quarter do so. Many takes of synthesizers have
    so little above 7 kHz that hardly anybody could tell: so they are told, not excluded.

    Args:
        ratings: by condition, shape (participants, sounds).
        participants: their names.
    """
    if MID_ANCHOR not in ratings:
        return []
    high = ratings[MID_ANCHOR] > HIGH
    heard = high.mean(axis=0) <= UNHEARD
    return _wrong(high[:, heard], participants, "the 7 kHz anchor above 90")


def screen_checks(right: np.ndarray, participants: Sequence[str]) -> list[Excluded]:
    """Who did not prefer the reference itself to another preset in more than 15 % of the checks.

    Args:
        right: whether it was preferred, bool of shape (participants, checks).
        participants: their names.
    """
    return _wrong(~right, participants, "another preset nearer than the reference itself", "checks")


def _wrong(wrong: np.ndarray, participants: Sequence[str], what: str, of: str = "trials") -> list[Excluded]:
    """Who was wrong too often, of shape (participants, trials)."""
    trials = wrong.shape[1]
    return [
        Excluded(participant, f"{what} in {int(row.sum())} of {trials} {of}")
        for participant, row in zip(participants, wrong, strict=True)
        if trials and row.mean() > MOST
    ]
