"""Where in a sound its note lies, which of its channels tell of it, and what does not belong to it.

A take of the collections begins with silence, or with the end of the note before, and its note
starts at a fixed time. What people record has more before the note: silence, hiss, hum, a
constant offset, the click of a switch. None of that is the note.

This file imports NumPy only and no sibling, so that a checkpoint can carry a copy of it (see
`secret_sauce_hf.modeling`).
"""

from typing import NamedTuple

import numpy as np

SAME_LENGTH = 0.001
"""A sound is as long as a take if its length differs by at most this, in seconds."""
BLOCK = 32
"""Length of the blocks in which an onset is looked for, in samples (1.5 ms)."""
LASTS = 14
"""A note lasts this many blocks at least (20 ms), of which half are loud; a click does not."""
BEFORE = 28
"""A rise is one over what most of this many blocks before it were like (41 ms)."""
RISE = 4.0
"""By which factor of power it rises (6 dB)."""
SILENT = 9e-10
"""Power of what is taken for silence: that of noise in the last of 16 bits."""
AVERAGE = 110
"""Samples over which a sliding mean is taken off (5 ms): offsets and hum go, note and hiss stay."""
BELOW = 1e-3
"""What lasts before a note is this part of the loudest power at most (-30 dB), unless it is hiss."""
NEAR = 0.01
"""By how many seconds the onset of a sound as long as a take may be early without being moved."""
LATE = 0.03
"""By how many it may be late: slow attacks are heard late."""
SHARP = 10.0
"""By which factor of power a late onset has to rise at once (10 dB): slow attacks do not."""
SUDDEN = 1e-3
"""What part of the loudest power it has at once (-30 dB)."""
FAINT = 0.015
"""A sound as long as a take that never gets louder stays where it is (-36 dBFS)."""
HISS_FLATNESS = 0.4
"""Geometric by arithmetic mean of a spectrum from which on it is hiss: 0.56 and more of white noise, 0 of a tone."""
MAINS = (50.0, 60.0)
"""Frequencies of hum, in Hz."""
HARMONICS = 3
HUM_SHARE = 0.8
"""Part of the power that the mains' frequency and its harmonics have in hum."""
STEADY = 0.04
"""How many seconds a sound begins with offset or hum, if it does."""
MISSING = 0.4
"""Offset or hum has ended where no more than this part of it is found in what follows."""
FLAT = 0.25
"""An offset is constant: it varies by this part of it at most."""
LEAST_OFFSET = 5e-4
"""A smaller one does no harm, and may belong to the sound."""
QUIET = 1e-3
"""What lies before the note and never gets louder than this is left there (-60 dBFS)."""
ATTACK = 330
"""Samples within which a sound that begins is compared with itself (15 ms)."""
ONSET = 0.01
"""It has begun when it is this part of the loudest of these samples (-40 dB)."""
BEGUN = 2
"""By then it has been sounding for this many samples."""
MARGIN = 8
"""Samples before an onset that may belong to it."""
RINGING = 100
"""Samples before an onset in which a filter may ring already."""

SAME = 0.9
"""Channels are the same sound if they correlate by this, whatever the delay and the sign is."""
BETTER = 0.005
"""By how much more than as they are they have to correlate when moved."""
DELAY = 0.03
"""How many seconds they may be apart."""
ALIKE = 0.25
"""Of channels with this part of the loudest one's power the earliest is taken (-6 dB)."""
MUTE = 1e-4
"""A channel with this part of the loudest one's power is left out (-40 dB)."""
CANCELLED = 0.25
"""Different channels whose mean has less than this part of their mean power cancel each other."""
_COMPARED = 2**17


class Aligned(NamedTuple):
    """A sound in the form of a take.

    Args:
        take: float32 of shape (samples,).
        start: which sample of the sound is its first; negative where the sound begins later.
        remarks: what was done to the sound but for cutting, a sentence each.
    """

    take: np.ndarray
    start: int
    remarks: tuple[str, ...]


class Onset(NamedTuple):
    """Where a sound's note starts.

    Args:
        sample: where; 0 if nothing is heard.
        heard: whether anything is.
        background: how many samples of hiss, hum or the like the sound begins with.
        rises: the blocks in which the sound rises, the first ones of each rise.
        power: of every block, without offsets and most of the hum.
    """

    sample: int
    heard: bool
    background: int
    rises: list[int]
    power: np.ndarray


def mix(samples: np.ndarray, rate: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Make one channel of several: their mean, once they are the same way round and at the same time.

    Args:
        samples: shape (samples, channels).
        rate: in Hz.

    Returns:
        float32 of shape (samples,); and what was done but for the mean, a sentence each.
    """
    # What is not finite is told by whoever asked.
    with np.errstate(invalid="ignore", over="ignore"):
        mean = samples.mean(axis=1, dtype=np.float64).astype(np.float32)
    count = samples.shape[1]
    if count == 1 or not np.isfinite(samples).all():
        return mean, ()
    moving = samples - samples.mean(axis=0, dtype=np.float64)
    power = np.square(moving).mean(axis=0)
    remarks = []
    kept = np.flatnonzero(power > MUTE * power.max())
    if not len(kept):
        return mean, ()
    if len(kept) < count:
        mute = [str(channel + 1) for channel in range(count) if channel not in kept]
        remarks.append(f"{_channels(mute)} of {count} {'is' if len(mute) == 1 else 'are'} silent and left out.")
    loudest = int(power.argmax())
    compared = _loud_part(moving, loudest)
    inverted: list[int] = []
    for channel in kept.tolist():
        now, best = _compare(compared[:, kept[0]], compared[:, channel], round(DELAY * rate))
        if best >= SAME and best > abs(now) + (BETTER if now > 0 else BETTER / 5):
            # Both at once would be a comb filter; by how much they are apart is not sure enough to undo it.
            chosen = _earliest(samples, [one for one in kept.tolist() if power[one] >= ALIKE * power[loudest]])
            remarks.append(f"The channels are the same sound at different times; channel {chosen + 1} is taken.")
            return samples[:, chosen].astype(np.float32), tuple(remarks)
        if now <= -SAME:
            inverted.append(channel)
    if inverted:
        names = [str(channel + 1) for channel in inverted]
        remarks.append(f"{_channels(names)} of {count} {'is' if len(names) == 1 else 'are'} inverted; that is undone.")
    signs = np.where(np.isin(kept, inverted), -1.0, 1.0)
    mono = (samples[:, kept] * signs).mean(axis=1, dtype=np.float64).astype(np.float32)
    if np.square(mono - mono.mean(), dtype=np.float64).mean() < CANCELLED * power[kept].mean():
        remarks.append(f"The channels cancel each other; channel {loudest + 1}, the loudest, is taken.")
        mono = samples[:, loudest].astype(np.float32)
    return (mono, tuple(remarks)) if remarks else (mean, ())


def _earliest(samples: np.ndarray, channels: list[int]) -> int:
    """The channel in which the note is heard first."""
    return min(channels, key=lambda channel: find_onset(samples[:, channel]))


def _channels(names: list[str]) -> str:
    return f"Channel {names[0]}" if len(names) == 1 else f"Channels {', '.join(names)}"


def _loud_part(moving: np.ndarray, loudest: int) -> np.ndarray:
    """So much of long channels as is compared, from shortly before the first loud sample."""
    loud = np.abs(moving[:, loudest])
    start = max(int(np.argmax(loud >= 0.1 * loud.max())) - _COMPARED // 8, 0)
    return moving[start : start + _COMPARED]


def _compare(one: np.ndarray, other: np.ndarray, most: int) -> tuple[float, float]:
    """How two channels correlate, -1 to 1, and how much at best if one is up to `most` samples late or inverted."""
    size = 2 ** int(np.ceil(np.log2(len(one) + most + 1)))
    products = np.fft.irfft(np.fft.rfft(other, size) * np.fft.rfft(one, size).conj(), size)
    products /= max(np.sqrt(np.square(one).sum() * np.square(other).sum()), 1e-30)
    near = np.concatenate([products[: most + 1], products[-most:]])
    return float(near[0]), float(np.abs(near).max())


def align(samples: np.ndarray, length: int, note_on: int, rate: int) -> Aligned:
    """Cut or pad a sound so that its note lies where a take's note starts.

    What lasts before the note, such as hiss and hum, becomes silence; an offset and hum that go
    on beneath the note are taken off. A sound of a take's length stays where it is, and as it
    is, unless its note is plainly elsewhere or something is plainly wrong with it: its lead may
    hold the end of the note before, its attack may be slow.

    Args:
        samples: shape (any,).
        length: of a take, in samples.
        note_on: where its note starts, in samples.
        rate: in Hz.

    Returns:
        The take; a silent sound is taken from its beginning.
    """
    samples = np.asarray(samples, np.float32)
    is_take = abs(len(samples) - length) <= SAME_LENGTH * rate
    if not len(samples):
        return Aligned(np.zeros(length, np.float32), 0, ())
    cleaned, remarks = without_steady(samples, min(STEADY, 0.75 * note_on / rate) if is_take else STEADY, rate)
    onset = hear_onset(cleaned)
    if not onset.heard:
        start = 0 if is_take else -note_on
        return Aligned(cut(samples, start, length), start, ())
    at_home = is_take and not _is_elsewhere(cleaned, onset, note_on, rate)
    begins = note_on if at_home else onset.sample
    cleaned, more = _without_lead(cleaned, begins, at_home)
    start = begins - note_on
    return Aligned(cut(cleaned, start, length), start, (*remarks, *more))


def cut(samples: np.ndarray, start: int, length: int) -> np.ndarray:
    """Samples from `start` on, with silence where there are none: float32 of shape (length,)."""
    take = np.zeros(length, dtype=np.float32)
    piece = samples[max(start, 0) : max(start + length, 0)]
    take[max(-start, 0) : max(-start, 0) + len(piece)] = piece
    return take


def find_onset(samples: np.ndarray) -> int:
    """The sample at which a sound's note starts; 0 if it is silent."""
    return hear_onset(samples).sample


def hear_onset(samples: np.ndarray) -> Onset:
    """Find out where a sound's note starts: float32 samples of shape (any,)."""
    power = _powers(samples)
    rises = _rises(power)
    if not rises:
        # No more than a click.
        loud = np.abs(samples)
        heard = bool(power.max() > SILENT)
        return Onset(int(np.argmax(loud >= loud.max() / 2)) if heard else 0, heard, 0, [], power)
    first = rises[0]
    background = 0
    if first <= 1:
        background = _background(samples, power, rises)
        first = background or first
    return Onset(_within(samples, first), True, background * BLOCK, rises, power)


def _within(samples: np.ndarray, block: int) -> int:
    """The sample at which the sound gets loud that rises in a block, beside what it is soon after."""
    start = block * BLOCK
    soon = np.abs(samples[start : start + ATTACK] - (samples[start - 1] if start else 0))
    return max(start + int(np.argmax(soon >= ONSET * soon.max())) - BEGUN, 0)


def _powers(samples: np.ndarray) -> np.ndarray:
    """Power of blocks, without what is slower than a sliding mean of the samples before or after.

    The mean before would carry a click, or an offset that ends, into what follows; the mean after does not.
    """
    samples = samples.astype(np.float64)
    sums = np.cumsum(np.concatenate([[0.0], np.full(AVERAGE, samples[0]), samples, np.full(AVERAGE, samples[-1])]))
    means = (sums[AVERAGE:] - sums[:-AVERAGE]) / AVERAGE
    before, after = samples - means[1:-AVERAGE], samples - means[AVERAGE + 1 :]
    powers = [np.square(np.pad(one, (0, -len(one) % BLOCK)).reshape(-1, BLOCK)).mean(axis=1) for one in (before, after)]
    return np.minimum(*powers)


def _rises(power: np.ndarray) -> list[int]:
    """The blocks in which something begins that lasts and is louder than what was before it."""
    windows = np.lib.stride_tricks.sliding_window_view
    lasting = np.partition(windows(np.pad(power, (0, LASTS - 1)), LASTS), LASTS // 2, axis=1)[:, LASTS // 2]
    earlier = windows(np.pad(power, (BEFORE, 0)), BEFORE)[: len(power)]
    earlier = np.partition(earlier, BEFORE - 4, axis=1)[:, BEFORE - 4]
    blocks = np.flatnonzero(np.minimum(power, lasting) >= np.maximum(SILENT, RISE * earlier))
    rises: list[int] = []
    while len(blocks):
        rises.append(int(blocks[0]))
        blocks = blocks[blocks >= rises[-1] + LASTS]
    return rises


def _background(samples: np.ndarray, power: np.ndarray, rises: list[int]) -> int:
    """The block in which a note follows on what a sound begins with; 0 if it begins with the note itself."""
    if len(power) <= 3 * LASTS:
        return 0
    lasting = np.convolve(power, np.full(LASTS, 1 / LASTS), "valid")
    level = float(np.median(lasting[:LASTS]))
    if lasting[:LASTS].min() < level / 2 or lasting[:LASTS].max() > 2 * level:
        return 0
    # Until when it goes on, and as loud.
    louder = np.flatnonzero(lasting > 2 * level)
    softer = np.flatnonzero(lasting < level / 2)
    up = int(louder[0]) if len(louder) else len(lasting)
    down = int(softer[0]) if len(softer) else len(lasting)
    ends = min(up, down)
    beginning = samples[: (ends + LASTS // 2) * BLOCK]
    if level > BELOW * lasting.max() and not is_hiss(beginning):
        return 0
    # It may end in silence, from which the note rises.
    for rise in rises[1:]:
        if power[max(rise - 3, 0) : rise - 1].max() < level / 10 and rise > down:
            return rise
    if up > len(lasting) - 1 or down < up or up < LASTS:
        return 0
    loud = np.flatnonzero(power[up : up + 2 * LASTS] >= RISE * level)
    return up + (int(loud[0]) if len(loud) else LASTS // 2)


def is_hiss(samples: np.ndarray) -> bool:
    """Whether samples, shape (any,), are noise without colour."""
    size = min(256, len(samples))
    if size < 64:
        return False
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), size)[:: size // 2]
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(size)))).mean(axis=0)[2:]
    return bool(np.exp(np.log(spectrum + 1e-20).mean()) > HISS_FLATNESS * (spectrum.mean() + 1e-20))


def without_steady(samples: np.ndarray, seconds: float, rate: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """A sound without the offset and hum that it begins with, and what was taken off.

    Where they go on beneath the note, they are taken off there too.

    Args:
        samples: the sound.
        seconds: how long it begins with nothing else, if it does.
        rate: in Hz.
    """
    beginning = samples[: round(seconds * rate)]
    if len(beginning) == len(samples) or not len(beginning) or np.abs(beginning).max() < LEAST_OFFSET:
        return samples, ()
    if (fitted := _fit_steady(beginning, len(samples), rate)) is None:
        return samples, ()
    offset, hum = fitted
    rest = samples - offset - hum
    spread = float(np.abs(rest[: len(beginning)]).max())
    other = np.flatnonzero(np.abs(rest) > 1.5 * spread + 2e-4)
    end = int(other[0]) if len(other) else len(samples)
    if end > 2 * len(beginning):
        # The longer, the better is it known.
        offset, hum = _fit_steady(samples[: min(end, 10 * len(beginning))], len(samples), rate) or fitted
    # They end before the note if there is silence where they do, or hardly anything of them in what follows.
    then = np.square(samples[end : end + AVERAGE]).sum() / AVERAGE
    ended = end < len(samples) - AVERAGE and then < 0.1 * np.square(offset + hum).mean()
    remarks = []
    cleaned = samples.copy()
    if hum.any():
        remarks.append("Hum is taken off.")
        until = end if ended or _is_missing(samples[end:], hum[end:]) else len(samples)
        cleaned[:until] -= hum[:until]
    if abs(offset) >= LEAST_OFFSET:
        remarks.append(f"An offset of {offset:.3f} is taken off.")
        steady = np.full(len(samples) - end, offset)
        cleaned[: end if ended or _is_missing(samples[end:], steady) else len(samples)] -= offset
    if not remarks:
        return samples, ()
    # What is left of them.
    cleaned[:end][np.abs(cleaned[:end]) <= 1.5 * spread + 2e-4] = 0
    return cleaned.astype(np.float32), tuple(remarks)


def _is_missing(samples: np.ndarray, steady: np.ndarray) -> bool:
    """Whether there is hardly anything in samples of what might go on beneath them, both of shape (any,)."""
    # Under a window, so that the note does not leak into what is not there.
    window = np.hanning(len(samples))
    share = float((samples * window) @ steady) / max(float((steady * window) @ steady), 1e-12)
    return len(samples) > AVERAGE and abs(share) < MISSING


def _fit_steady(samples: np.ndarray, length: int, rate: int) -> tuple[float, np.ndarray] | None:
    """Offset and hum, float64 of shape (length,), if samples are nothing else; None if they are."""
    samples = samples.astype(np.float64)
    middle = float(samples.mean())
    around = float(np.square(samples - middle).mean())
    if np.sqrt(around) < FLAT * abs(middle):
        return middle, np.zeros(length)
    best = None
    if len(samples) < rate / min(MAINS):
        # One period at least tells hum from other tones.
        return None
    least = (1 - HUM_SHARE) * around
    for mains in MAINS:
        angles = 2 * np.pi * mains / rate * np.outer(np.arange(length), np.arange(1, HARMONICS + 1))
        waves = np.concatenate([np.ones((length, 1)), np.cos(angles), np.sin(angles)], axis=1)
        weights = np.linalg.lstsq(waves[: len(samples)], samples, rcond=None)[0]
        rest = float(np.square(samples - waves[: len(samples)] @ weights).mean())
        if rest < least:
            least = rest
            best = float(weights[0]), waves[:, 1:] @ weights[1:]
    return best


def strays(samples: np.ndarray, note_on: int, rate: int) -> int:
    """By how many samples a recording's note plainly starts later than a take's; negative if earlier, 0 if not.

    Args:
        samples: shape (any,).
        note_on: where it should start, in samples.
        rate: in Hz.
    """
    if not len(samples):
        return 0
    onset = hear_onset(samples)
    elsewhere = onset.heard and _is_elsewhere(samples, onset, note_on, rate, NEAR)
    return onset.sample - note_on if elsewhere else 0


def _is_elsewhere(samples: np.ndarray, onset: Onset, note_on: int, rate: int, late: float = LATE) -> bool:
    """Whether the note of a sound that should be a take plainly starts elsewhere, later than by `late` seconds."""
    if np.abs(samples).max() < FAINT:
        return False
    power = onset.power
    block = onset.sample // BLOCK
    home = note_on // BLOCK
    if onset.sample > note_on + late * rate:
        # Nothing but silence or what lasts may lie before it, and it has to come at once.
        now = float(power[block : block + 7].max())
        before = max(float(np.median(power[max(block - LASTS, 0) : max(block - 1, 1)])), SILENT)
        return bool(onset.rises) and now > SHARP * before and now > SUDDEN * float(power.max())
    if onset.sample < note_on - NEAR * rate:
        # The end of the note before is there at once and something begins at home; a note begins with nothing.
        at_home = any(abs(rise - home) <= 0.015 * rate / BLOCK for rise in onset.rises)
        begins = max(block - 1, 0) * BLOCK
        soon = np.abs(samples[begins : begins + round(0.02 * rate)]).max()
        return not at_home and bool(abs(float(samples[begins])) < 0.1 * soon)
    return False


def _without_lead(samples: np.ndarray, begins: int, at_home: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """The sound without what is heard before its note, and what that was.

    Args:
        samples: the sound.
        begins: where its note starts.
        at_home: whether it is a sound as long as a take, whose lead may hold the end of the note before.
    """
    # A filter's ringing comes before the note that it belongs to.
    lead = samples[: max(begins - min(RINGING, begins // 4), 0)]
    if not len(lead) or np.abs(lead).max() < QUIET or not (not at_home or is_hiss(lead) or _is_click(lead)):
        return samples, ()
    samples = samples.copy()
    samples[: max(begins - MARGIN, 0)] = 0
    return samples, ("What is heard before the note is left out.",)


def _is_click(lead: np.ndarray) -> bool:
    """Whether there is nothing in a lead but a click: silence before it and after it."""
    loud = np.flatnonzero(np.abs(lead) > 0.02 * np.abs(lead).max())
    return loud[-1] - loud[0] < 4 * BLOCK and loud[0] > 0 and loud[-1] < len(lead) - 1
