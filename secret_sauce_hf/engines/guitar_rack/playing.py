"""What the effects are fed: strings through the amplifier."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy.signal

from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.guitar_rack import amp, distortion, neck, strings, valve
from secret_sauce_hf.engines.guitar_rack.string import coil, pluck
from secret_sauce_hf.instruments import SAMPLE_RATE, Timing
from secret_sauce_hf.instruments.notes import Note, constant_note
from secret_sauce_hf.presets import Presets

_RATE = 2 * SAMPLE_RATE
"""The strings need no more than twice the rate."""
_TAIL_SECONDS = 0.12
"""In this time the amplifier's high-passes settle once the strings are silent: by 160 dB."""
_INAUDIBLE = 1e-9
_NOTHING = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
"""A section of a filter that passes everything."""


class Source(NamedTuple):
    """What takes begin with.

    Args:
        dry: the amplifier's sound, float32, (samples,).
        oversampled: the same for the distortion, as far as there is sound; None if none of the takes has it on.
        sounding: number of the sample from which the sound is silent; None if it may last to the end.
    """

    dry: np.ndarray
    oversampled: distortion.Oversampled | None
    sounding: int | None = None


@cache
def source(timing: Timing, samples: int) -> Source:
    """Pluck the string through the amplifier, as a take that plays the one note of this timing hears it."""
    length = samples + 2 * distortion.MARGIN
    start = timing.cut[0] - distortion.MARGIN / SAMPLE_RATE
    voltage = pluck(2 * length, _RATE, timing.note_on - start, timing.note_off - start)
    ratio = distortion.OVERSAMPLING // 2
    taps = elementary.low_pass_taps(20 * ratio + 1, 1.0 / ratio, 9.0)
    voltage = scipy.signal.resample_poly(voltage, ratio, 1, window=taps)
    sound = amp.amplify(voltage, distortion.OVERSAMPLING * SAMPLE_RATE)
    oversampled = distortion.oversampled(sound, SAMPLE_RATE)
    dry = np.empty(samples, np.float32)
    distortion.decimate(oversampled.whole, distortion.decimator(), dry)
    heard = np.flatnonzero((np.abs(oversampled.whole) > _INAUDIBLE).any(axis=0))
    sounding = min(samples, int(heard.max(initial=-1)) + 1)
    dry[sounding:] = 0.0
    parts = (np.ascontiguousarray(part[:, : sounding + 2 * distortion.MARGIN]) for part in oversampled)
    return Source(dry, distortion.Oversampled(*parts), sounding)


def performed(plucks: Sequence[neck.Pluck], samples: int, distorted: bool) -> Source:
    """Play a performance on the strings, through the amplifier.

    The sum of the strings goes through one pickup, and one valve.

    Args:
        plucks: of `neck.on_strings`.
        samples: of a take.
        distorted: whether what the distortion needs is wanted.
    """
    lead = 2 * valve.LEAD
    voltage = np.zeros(2 * samples + 2 * lead, np.float32)
    dry = np.zeros(samples, np.float32)
    end = strings.vibrate(plucks, voltage, _RATE, 2, lead)
    first = lead + 2 * min((pluck.start for pluck in plucks), default=samples)
    last = min(end + round(_TAIL_SECONDS * _RATE), len(voltage) - valve.ROOM)
    if first >= end:
        return Source(dry, None, 0)
    fixed = _fixed()
    valve.filter_thrice(voltage, fixed.before, first, last)
    sound = np.zeros_like(voltage)
    valve.drive_valve(voltage, amp.GAIN, amp.BIAS, fixed.up, fixed.down, first - valve.ROOM, last, sound)
    valve.filter_thrice(sound, fixed.after, first - valve.ROOM, last)
    # What filters that look ahead make of the end lies beyond the last sample.
    sounding = min(samples, (last - lead) // 2 + valve.LEAD)
    valve.halve(sound, fixed.halver, lead, sounding, dry)
    if not distorted:
        return Source(dry, None, sounding)
    whole = np.empty((distortion.OVERSAMPLING, sounding + 2 * distortion.MARGIN), np.float32)
    treble = np.empty_like(whole)
    valve.spread(sound, fixed.up, lead - 2 * distortion.MARGIN, whole.shape[1], whole)
    valve.filter_thrice(sound, fixed.treble, first - valve.ROOM, last)
    valve.spread(sound, fixed.up, lead - 2 * distortion.MARGIN, whole.shape[1], treble)
    return Source(dry, distortion.Oversampled(whole, treble), sounding)


class Programme(NamedTuple):
    """What rows play, each performance once.

    Args:
        plucks: of each performance; None for the one note that the collection's timing has.
        number: which performance each row plays, numbered in the order in which they occur, (rows,).
    """

    plucks: list[list[neck.Pluck] | None]
    number: np.ndarray

    @classmethod
    def of(cls, presets: Presets, where: Callable[[int], str] = lambda row: f"row {row}") -> "Programme":
        """What some rows play.

        Args:
            presets: the rows, whose notes are in the order of their onsets.
            where: what a row is called in messages, by its number.

        Raises:
            InputError: a row plays what no guitarist can, see `neck.on_strings`.
        """
        if presets.play_constant:
            return cls([None], np.zeros(len(presets), np.int64))
        timing, performances = presets.collection.timing, presets.performances
        begin = round(timing.cut[0] * SAMPLE_RATE)

        def sample(seconds: float) -> int:
            return round((timing.cut[0] + seconds) * SAMPLE_RATE) - begin

        plucks: list[list[neck.Pluck] | None] = []
        numbers: dict[tuple[Note, ...], int] = {}
        found = np.empty(len(presets), np.int64)
        for row in range(len(presets)):
            notes = performances[row]
            if notes not in numbers:
                numbers[notes] = len(plucks)
                times = [(sample(note.onset), sample(note.end)) for note in notes]
                # The one note of 2018 sounds as in 2018 whatever the others play.
                constant = notes == (constant_note(timing),)
                plucks.append(None if constant else neck.on_strings(notes, times, where(row)))
            found[row] = numbers[notes]
        return cls(plucks, found)


class _Fixed(NamedTuple):
    """What is the same for every performance: sections of filters, (3, 6), and taps of `valve`."""

    before: np.ndarray
    after: np.ndarray
    treble: np.ndarray
    up: np.ndarray
    down: np.ndarray
    halver: np.ndarray


@cache
def _fixed() -> _Fixed:
    after = amp.tone_stack(_RATE)
    after[0, :3] *= amp.LEVEL
    b, a = distortion.treble_filter(_RATE)
    treble = np.array([[*b, 0.0, *a, 0.0], _NOTHING, _NOTHING])
    before = np.concatenate([coil(_RATE), amp.before_valve(_RATE), [_NOTHING]])
    return _Fixed(before, after, treble, valve.interpolator(), valve.reducer(), valve.halver(distortion.EDGE))
