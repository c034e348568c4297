"""The part of a sound that is matched: the one asked for, or the most telling phrase of a long sound."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.sounds import LONG_SECONDS, Parts, open_parts
from secret_sauce_hf.matching.asked import Region

PHRASE_SECONDS = 4.0
"""The longest phrase that is found by itself."""
WHOLE_SECONDS = 4.05
"""A sound that is no longer is taken as a whole: its note is looked for as in a take."""
FRAME_SECONDS = 0.01
"""Length of the frames whose levels are compared."""
SCAN_SECONDS = 10
"""So much of a long sound is in the memory at once."""
FLOOR_DB = -90.0
RISE_DB = 6.0
"""By so much louder than the frames before it is a note's first one."""
BEFORE = 6
"""How many frames are before."""
APART = 8
"""No two onsets are nearer to each other, in frames."""
SOFT_DB = 35.0
"""A phrase is no softer than the loudest part of the sound by more than this."""
RELEASED_DB = 45.0
"""A phrase has ended when it has fallen by this for `ENDED` frames."""
ENDED = 10
SHORT = 30
"""A phrase of fewer frames tells little."""
MOST_DB = 40.0
"""Contrast above this is no better."""
LEAD_SECONDS = 0.06
"""What comes before a phrase, where that is quiet: offset, hum and hiss are known by it."""
QUIET_DB = 30.0
"""So much softer than the phrase is quiet."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A part of a sound.

    Args:
        samples: floats of shape (samples, channels), full scale ±1.
        rate: in Hz.
        name: what the sound is called, for messages.
        start: where in the sound it begins, in seconds.
        length: of the whole sound, in seconds.
        remarks: what is to be said of it, a sentence each.
    """

    samples: np.ndarray
    rate: int
    name: str
    start: float
    length: float
    remarks: tuple[str, ...] = ()

    @property
    def sound(self) -> dict[str, Any]:
        """The part as whoever takes sounds reads it."""
        # The shorter axis is the channels.
        narrow = len(self.samples) < self.samples.shape[1]
        return {"array": self.samples.mean(axis=1) if narrow else self.samples, "sampling_rate": self.rate}


def take_out(sound: Any, sampling_rate: int | None = None, region: Region | None = None) -> Excerpt:
    """Read the part of a sound that is to be matched, and no more.

    Where a start is given, the part begins there and ends at the given end, or `PHRASE_SECONDS` later. Otherwise
    a sound (up to the given end) that is not longer than `WHOLE_SECONDS` is taken as a whole, and of a longer one
    the most telling phrase of its first ten minutes, see `telling`.

    Args:
        sound: as of `secret_sauce_hf.instruments.sounds.read_samples`.
        sampling_rate: of a bare array, in Hz.
        region: of `asked.check_region`.

    Raises:
        InputError: the sound cannot be read, has no samples or ones that are not finite; the region lies beyond it.
    """
    start, end = region or (None, None)
    with open_parts(sound, sampling_rate) as parts:
        rate, length = parts.rate, parts.frames / parts.rate
        if parts.frames <= 0:
            raise InputError(f"There are no samples in {parts.name}.")
        # Times are often told with two digits.
        for what, time in (("starts", start), ("ends", end)):
            if time is not None and (time > length + 0.01 or (what == "starts" and time >= length)):
                raise InputError(
                    f"The region {what} at {time:g} s, but the sound ends at {length:.2f} s: {parts.name}."
                )
        first = round((start or 0.0) * rate)
        last = parts.frames if end is None else min(round(end * rate), parts.frames)
        remarks: tuple[str, ...] = ()
        if start is not None:
            last = last if end is not None else min(last, first + round(PHRASE_SECONDS * rate))
        elif last - first > WHOLE_SECONDS * rate:
            if last > LONG_SECONDS * rate:
                last = LONG_SECONDS * rate
                remarks = (f"Only the first {LONG_SECONDS // 60} minutes were looked through.",)
            levels = levels_of(parts, last)
            begin, stop = telling(levels)
            hop = frame_length(rate)
            first, last = _sharpened(parts, levels, begin, hop), min(stop * hop, last)
        samples = parts.read(first, last)
        name = parts.name
    if not len(samples):
        raise InputError(f"There are no samples in {name}.")
    if not np.isfinite(samples).all():
        raise InputError(f"There are samples that are not finite numbers (NaN or infinite) in {name}.")
    return Excerpt(samples, rate, name, first / rate, length, remarks)


def frame_length(rate: int) -> int:
    """Samples of a frame."""
    return max(1, round(FRAME_SECONDS * rate))


def levels_of(parts: Parts, stop: int) -> np.ndarray:
    """Levels of a sound's frames up to a sample, in dB re full scale, offsets left out: (frames,).

    Read are `SCAN_SECONDS` at a time.
    """
    hop = frame_length(parts.rate)
    step = hop * max(1, round(SCAN_SECONDS * parts.rate / hop))
    powers = []
    for start in range(0, stop, step):
        block = parts.read(start, min(start + step, stop)).astype(np.float64)
        if not len(block):
            break
        # The last frame may be shorter.
        padded = np.pad(block, ((0, -len(block) % hop), (0, 0)), mode="edge").reshape(-1, hop, block.shape[1])
        with np.errstate(invalid="ignore", over="ignore"):
            moving = padded - padded.mean(axis=1, keepdims=True)
            powers.append(np.square(moving).mean(axis=(1, 2)))
    power = np.nan_to_num(np.concatenate(powers), nan=0.0, posinf=0.0) if powers else np.zeros(1)
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


def telling(levels: np.ndarray) -> tuple[int, int]:
    """The most telling phrase of a sound: its first frame and, exclusive, its last one.

    It starts where a note does, stands out against what is before and after it, is loud, and ends in its release;
    of phrases that are as good it is the first one. Silence gives the beginning.

    Args:
        levels: of `levels_of`, (frames,).
    """
    most = round(PHRASE_SECONDS / FRAME_SECONDS)
    count, top = len(levels), float(levels.max())
    best, found = -np.inf, (0, min(most, count))
    for onset in _onsets(levels, top):
        stop = _end(levels, onset, min(onset + most, count))
        body = float(np.log10(np.mean(10 ** (levels[onset:stop] / 10))) * 10)
        before = float(levels[max(onset - BEFORE, 0) : onset].mean()) if onset else FLOOR_DB
        after = float(levels[max(stop - 3, 0) : stop].mean())
        score = body - top + 0.5 * min(body - before, MOST_DB) + 0.25 * min(body - after, MOST_DB)
        score -= 6.0 if stop - onset < SHORT else 0.0
        # By more than what one cannot hear.
        if score > best + 0.5:
            best, found = score, (onset, stop)
    return found


def _onsets(levels: np.ndarray, top: float) -> list[int]:
    """The frames in which notes start that are not soft."""
    padded = np.pad(levels, (BEFORE, 4), constant_values=FLOOR_DB)
    windows = np.lib.stride_tricks.sliding_window_view
    earlier = np.partition(windows(padded, BEFORE)[: len(levels)], BEFORE // 2, axis=1)[:, BEFORE // 2]
    soon = windows(padded[BEFORE:], 4)[: len(levels)].max(axis=1)
    rising = np.flatnonzero((levels - earlier >= RISE_DB) & (soon >= top - SOFT_DB) & (top > FLOOR_DB))
    onsets: list[int] = []
    for frame in rising.tolist():
        if not onsets or frame - onsets[-1] >= APART:
            onsets.append(frame)
    return onsets


def _end(levels: np.ndarray, onset: int, limit: int) -> int:
    """The frame in which a phrase ends that starts in another: once it is released, or where it is softest."""
    gone = levels[onset:limit].max() - RELEASED_DB
    quiet = np.flatnonzero(levels[onset:limit] > max(gone, FLOOR_DB + 3.0))
    if not len(quiet):
        return limit
    # Silences within a phrase do not end it, unless they last.
    gaps = np.flatnonzero(np.diff(quiet) > 5 * ENDED)
    last = onset + int(quiet[gaps[0]] if len(gaps) else quiet[-1]) + 1
    if last + ENDED <= limit:
        return last + ENDED
    if limit == len(levels):
        return limit
    middle = (onset + limit) // 2
    return middle + int(levels[middle:limit].argmin()) + 1


def _sharpened(parts: Parts, levels: np.ndarray, frame: int, hop: int) -> int:
    """The sample at which a phrase begins whose first frame is known; with what is before it where that is quiet."""
    lead = round(LEAD_SECONDS * parts.rate)
    before = levels[max(frame - BEFORE, 0) : frame]
    start = frame * hop
    if not len(before) or before.max() < levels[frame : frame + BEFORE].max() - QUIET_DB:
        return max(start - lead, 0)
    # Blocks of about 1.5 ms: the steepest rise is the onset.
    size = max(1, round(0.0015 * parts.rate))
    first = max(start - 2 * hop, 0)
    around = np.square(parts.read(first, start + 3 * hop).astype(np.float64)).mean(axis=1)
    power = around[: len(around) // size * size].reshape(-1, size).mean(axis=1) + 1e-12
    sums = np.concatenate([[0.0], np.cumsum(power)])
    places = np.arange(3, max(len(power) - 3, 4))
    if len(power) < 7:
        return start
    rises = (sums[places + 3] - sums[places]) / (sums[places] - sums[places - 3])
    return first + (3 + int(rises.argmax())) * size
