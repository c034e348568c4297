"""A sound recorded from an input, from its onset on: what a match is asked for."""

from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.engines.hardware.levels import dbfs, is_clipped, onset, peak
from secret_sauce_hf.engines.hardware.links import Link
from secret_sauce_hf.instruments import InputError

NOISE = 0.25
"""Seconds at the beginning in which nothing may be played: the noise is measured."""
BEFORE = 0.02
"""Seconds that are kept before the onset."""
REST = 0.5
"""After so many silent seconds the sound is over."""
LONGEST = (30.0, 600.0)
"""Of what is recorded, and of the wait for it, in seconds."""
_LEAST = 0.05


@dataclass(frozen=True)
class Reference:
    """A recorded sound.

    Args:
        samples: float32, (samples,), full scale ±1, from shortly before the onset.
        rate: in Hz.
        remarks: what is wrong with it, as half sentences.
    """

    samples: np.ndarray
    rate: int
    remarks: tuple[str, ...] = ()


def hear(link: Link, *, length: float = 4.0, wait: float = 30.0) -> Reference:
    """Record what is played, from its onset until it is over.

    Args:
        link: to the input; nothing is sent.
        length: the longest sound, in seconds, up to 30.
        wait: how long to wait for it, in seconds, up to 600.

    Raises:
        InputError: nothing was heard, numbers out of range, or what `Link.play` raises.
    """
    for what, value, most in (("length", length, LONGEST[0]), ("wait", wait, LONGEST[1])):
        if not _LEAST <= value <= most:
            raise InputError(f"The {what} is {value:g} s; give seconds from {_LEAST} to {most:g}.")
    rate = link.rate
    quiet, rest = round(NOISE * rate), round(REST * rate)

    def bounds(samples: np.ndarray) -> tuple[int, int] | None:
        """Onset and end of the sound, as far as it is there; None before its onset."""
        floor = peak(samples[:quiet])
        begins = onset(samples[quiet:], floor)
        if begins is None or len(samples) <= quiet:
            return None
        begins += quiet
        loud = np.flatnonzero(np.abs(samples[begins:]) >= max(2 * floor, 1e-3))
        last = begins + (int(loud[-1]) + 1 if len(loud) else 0)
        return begins, min(last, begins + round(length * rate))

    def enough(samples: np.ndarray) -> bool:
        found = bounds(samples)
        if found is None:
            return False
        return len(samples) >= min(found[1] + rest, found[0] + round(length * rate))

    heard = link.play([], NOISE + wait + length, enough)
    found = bounds(heard.samples)
    if found is None:
        level = dbfs(peak(heard.samples))
        raise InputError(
            f"Nothing was heard in {wait:g} s (highest sample {level:.0f} dBFS): see that the input is the right one "
            "and turned up, and play after it is said to listen."
        )
    begins, ends = found
    sound = heard.samples[max(begins - round(BEFORE * rate), 0) : max(ends, begins + round(_LEAST * rate))]
    remarks = ["it clips the input: turn it down"] if is_clipped(sound) else []
    if heard.xruns:
        # Perhaps before the onset, where it does no harm.
        remarks.append("the computer was late while it listened, so that a part may be missing")
    return Reference(sound, rate, tuple(remarks))
