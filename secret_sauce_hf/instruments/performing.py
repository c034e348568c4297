"""Drawing what the rows of a collection play: single notes, chords, melodies, arpeggios.

Everything is a function of random integers that are handed in, some for every row, so that a row is
the same however many are drawn with it. Times lie on the grid of the samples. What the phrases are
like is of our own choice: wide enough to train on, and such as a hand could play.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from secret_sauce_hf.instruments.instrument import Playing
from secret_sauce_hf.instruments.notes import VELOCITIES, Note, Performances
from secret_sauce_hf.instruments.takes import SAMPLE_RATE

STREAMS = {"notes": 10, "phrases": 11}
"""By the kind of `Playing`, which stream of random integers its rows are drawn from."""
WIDTHS = {"notes": 3, "phrases": 64}
"""By the kind, how many of them a row takes."""

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 7, 10))
"""Major, minor, and the pentatonic scales of both, in semitones."""
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7), (0, 3, 7), (0, 5, 7), (0, 3, 6, 9), (0, 4, 8))
"""Major and minor (twice as often), suspended, diminished and augmented, in semitones."""
_FOURTH_TONES = (12, 10, 11, 14)
"""Of a chord of four: the root again, a seventh, a ninth."""
_STEPS = (-4, -3, -2, -2, -1, -1, -1, 0, 1, 1, 1, 2, 2, 3, 4)
"""Of a melody, in degrees of its scale."""
_SHAPES = ((0, 1, 2, 3), (3, 2, 1, 0), (0, 1, 2, 3, 2, 1), (0, 2, 1, 3))
"""Orders in which an arpeggio takes the tones of its chord."""
_SPREAD = 12
"""By which velocities within a phrase lie above or below the phrase's own, at most."""


def performances(playing: Playing, samples: int, raw: np.ndarray) -> Performances:
    """What rows play.

    Args:
        playing: how it is drawn.
        samples: of a take.
        raw: uint64 of shape (rows, `WIDTHS[playing.kind]`), uniform over their range.
    """
    # 53 bits, as many as a float holds: from 0 to less than 1.
    lots = (raw >> np.uint64(11)) / 2.0**53
    if playing.kind == "notes":
        return _notes(playing, lots)
    return _of_samples([_phrase(playing, samples, _Lots(row)) for row in lots.tolist()])


def strings_for(pitches: Sequence[int], strings: Sequence[int], frets: int) -> tuple[int, ...] | None:
    """The string of each of several notes that sound together, each on one of its own; None if there are no such.

    Args:
        pitches: MIDI numbers.
        strings: the pitch of each string when nothing is fretted, from the lowest.
        frets: of every string.

    Returns:
        For every pitch the place of its string in `strings`.
    """
    found: dict[int, int] = {}
    waiting = sorted(range(len(pitches)), key=lambda number: pitches[number])
    # As all strings have as many frets, the lowest note that waits may always take the lowest string that reaches it.
    for string, lowest in enumerate(strings):
        if waiting and lowest <= pitches[waiting[0]] <= lowest + frets:
            found[waiting.pop(0)] = string
    return None if waiting else tuple(found[number] for number in range(len(pitches)))


def _notes(playing: Playing, lots: np.ndarray) -> Performances:
    """One note a row: pitch and velocity uniform, the duration log-uniform."""
    pitch = playing.lowest + np.floor(lots[:, 0] * (playing.highest - playing.lowest + 1)).astype(np.int64)
    velocity = VELOCITIES[0] + np.floor(lots[:, 1] * len(VELOCITIES)).astype(np.int64)
    seconds = playing.shortest * (playing.longest / playing.shortest) ** lots[:, 2]
    onset = np.full(len(lots), _samples(playing.onset) / SAMPLE_RATE)
    return Performances(np.arange(len(lots) + 1), pitch, velocity, onset, np.rint(seconds * SAMPLE_RATE) / SAMPLE_RATE)


class _Lots:
    """Random numbers of one row, from 0 to less than 1, taken one after the other."""

    def __init__(self, numbers: Sequence[float]):
        self._left = iter(numbers)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._left)

    def whole(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return low + int(next(self._left) * (high - low + 1))


_Event: TypeAlias = tuple[int, int, int, int]
"""Pitch, velocity, onset and end, the times in samples from the start of the take."""


def _phrase(playing: Playing, samples: int, lots: _Lots) -> list[_Event]:
    """A chord or several, or a melody or arpeggio of 3 to 8 notes."""
    kinds: list[Callable] = [_melody, _legato, _repeated, _arpeggio]
    if playing.chords:
        # As many as of melodies, detached and legato, together.
        kinds += [_block_chords, _block_chords]
    kind = kinds[lots.whole(0, len(kinds) - 1)]
    loudness = lots.whole(VELOCITIES[0], VELOCITIES[-1])
    return kind(playing, samples, lots, loudness)


def _block_chords(playing: Playing, samples: int, lots: _Lots, loudness: int) -> list[_Event]:
    """One to three chords of as many tones, two to four, each let go before the next."""
    times = _times(playing, samples, lots, lots.whole(1, 3), slowest=1.5)
    size, held = lots.whole(2, 4), lots.between(0.4, 0.98)
    events = []
    for start, after in times:
        end = start + max(1, int((after - start) * held))
        events += [(pitch, _velocity(loudness, lots), start, end) for pitch in _chord(playing, lots, size)]
    return events


def _arpeggio(playing: Playing, samples: int, lots: _Lots, loudness: int) -> list[_Event]:
    """The tones of a chord one after the other, which ring on where the instrument plays chords."""
    times = _times(playing, samples, lots, lots.whole(3, 8), slowest=0.5)
    tones = _chord(playing, lots, lots.whole(3, 4))
    shape, held = _SHAPES[lots.whole(0, len(_SHAPES) - 1)], lots.between(0.5, 1.0)
    pitches = [tones[shape[number % len(shape)] % len(tones)] for number in range(len(times))]
    events = []
    for number, (pitch, (start, after)) in enumerate(zip(pitches, times, strict=True)):
        if playing.chords:
            # Until the same tone is played again, or the last one ends.
            again = [times[later][0] for later in range(number + 1, len(times)) if pitches[later] == pitch]
            end = again[0] if again else times[-1][1]
        else:
            end = start + max(1, int((after - start) * held))
        events.append((pitch, _velocity(loudness, lots), start, end))
    return events


def _repeated(playing: Playing, samples: int, lots: _Lots, loudness: int) -> list[_Event]:
    """The same note again and again, from let go early to struck again as it ends."""
    times = _times(playing, samples, lots, lots.whole(3, 8), slowest=0.7)
    pitch, held = lots.whole(playing.lowest, playing.highest), min(1.0, lots.between(0.2, 1.1))
    return [
        (pitch, _velocity(loudness, lots), start, start + max(1, int((after - start) * held))) for start, after in times
    ]


def _melody(playing: Playing, samples: int, lots: _Lots, loudness: int) -> list[_Event]:
    """Notes with gaps between them."""
    times = _times(playing, samples, lots, lots.whole(3, 8), slowest=0.8)
    held = lots.between(0.3, 0.95)
    return [
        (pitch, _velocity(loudness, lots), start, start + max(1, int((after - start) * held)))
        for pitch, (start, after) in zip(_tune(playing, lots, len(times)), times, strict=True)
    ]


def _legato(playing: Playing, samples: int, lots: _Lots, loudness: int) -> list[_Event]:
    """Notes that each go on for a moment after the next one starts."""
    times = _times(playing, samples, lots, lots.whole(3, 8), slowest=0.8)
    overlap = _samples(lots.between(0.01, 0.08))
    pitches = _tune(playing, lots, len(times))
    events = []
    for number, (pitch, (start, after)) in enumerate(zip(pitches, times, strict=True)):
        following = pitches[number + 1] if number + 1 < len(pitches) else None
        joined = following is not None and following != pitch and _playable((pitch, following), playing)
        # Never into the one after the next.
        longest = (times[number + 1][1] - after) // 2 if joined else 0
        events.append((pitch, _velocity(loudness, lots), start, after + min(overlap, longest)))
    return events


def _playable(pitches: Sequence[int], playing: Playing) -> bool:
    """Whether these can sound together."""
    strings = playing.strings
    return not strings or strings_for(pitches, strings, playing.highest - strings[-1]) is not None


def _times(playing: Playing, samples: int, lots: _Lots, count: int, slowest: float) -> list[tuple[int, int]]:
    """When notes start, and when the next one does, in samples; the last one's end is in the take.

    Args:
        playing: says when the first one starts.
        samples: of the take.
        lots: random numbers.
        count: how many notes.
        slowest: the longest time from one to the next on the average, in seconds.

    Single notes last half or twice as long as others. Together they take a third of the take or more, unless they
    would be too slow.
    """
    lengths = [(0.5, 1.0, 1.0, 1.0, 2.0)[lots.whole(0, 4)] for _ in range(count)]
    start = _samples(playing.onset)
    # Something of the take is left for what sounds on.
    room = (samples - start) / SAMPLE_RATE * lots.between(0.35, 0.92)
    scale = min(room, count * slowest) / sum(lengths)
    ends = [start + _samples(sum(lengths[: number + 1]) * scale) for number in range(count)]
    return list(zip([start, *ends[:-1]], ends, strict=True))


def _tune(playing: Playing, lots: _Lots, count: int) -> list[int]:
    """A walk along a scale, within the instrument's pitches."""
    scale = _SCALES[lots.whole(0, len(_SCALES) - 1)]
    root = lots.whole(playing.lowest, playing.highest)
    degree, pitches = 0, []
    for _ in range(count):
        octave, step = divmod(degree, len(scale))
        pitch = root + 12 * octave + scale[step]
        # At either end by octaves back.
        while pitch > playing.highest:
            pitch -= 12
        while pitch < playing.lowest:
            pitch += 12
        pitches.append(pitch)
        degree += _STEPS[lots.whole(0, len(_STEPS) - 1)]
    return pitches


def _chord(playing: Playing, lots: _Lots, size: int) -> list[int]:
    """The tones of a chord, from the lowest."""
    tones = _CHORDS[lots.whole(0, len(_CHORDS) - 1)]
    if playing.strings:
        return _fretted(playing, lots, tones, size)
    chosen = [*tones, _FOURTH_TONES[lots.whole(0, len(_FOURTH_TONES) - 1)]][:size]
    # Inversions, and a tone an octave up: close and open positions.
    for place in range(lots.whole(0, size - 1)):
        chosen[place] += 12
    if lots.whole(0, 3) == 0:
        chosen[-1] += 12
    chosen = sorted(set(chosen))
    lowest, highest = playing.lowest - chosen[0], playing.highest - chosen[-1]
    root = lots.whole(lowest, highest)
    return [root + tone for tone in chosen]


def _fretted(playing: Playing, lots: _Lots, tones: Sequence[int], size: int) -> list[int]:
    """A chord on neighbouring strings, within six frets."""
    strings = playing.strings
    first = lots.whole(0, len(strings) - size)
    # Up to where the hand still finds all tones.
    fret = lots.whole(0, playing.highest - strings[-1] - 6)
    root = strings[first] + fret
    pitches = [root]
    for string in strings[first + 1 : first + size]:
        # Neighbouring tones of a chord are five semitones apart at most, and so are strings: six frets always have one.
        low = max(0, fret - 1)
        places = range(max(string + low, pitches[-1] + 1), string + low + 6)
        there = [pitch for pitch in places if (pitch - root) % 12 in tones]
        pitches.append(there[lots.whole(0, len(there) - 1)])
    return pitches


def _velocity(loudness: int, lots: _Lots) -> int:
    return min(max(loudness + lots.whole(-_SPREAD, _SPREAD), VELOCITIES[0]), VELOCITIES[-1])


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _of_samples(rows: Sequence[Sequence[_Event]]) -> Performances:
    return Performances.from_notes(
        [Note(pitch, velocity, start / SAMPLE_RATE, (end - start) / SAMPLE_RATE) for pitch, velocity, start, end in row]
        for row in rows
    )
