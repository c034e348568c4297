"""From the notes of a sound to what a model reads of them.

Notes that start together are a stroke. A model of notes reads a sound stroke by stroke: from
the moment before a stroke to the next one. What it reads beside spectra of a fixed scale is
what is played, and how the power lies relative to the fundamental: there a wave form looks the
same at every pitch.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

TOGETHER = 0.03
"""Notes whose onsets are at most this far apart, in seconds, are one stroke."""
MOST_STROKES = 8
"""Of a sound with more strokes the longest ones are read."""
PITCHES = 128
PLAYED_BINS = PITCHES + 10
"""Values of the input that tells what is played: one per pitch, and those of `played`."""
HARMONICS = 16
"""Harmonics that have a band each."""
UPPER_BANDS = 11
"""Bands above them, evenly spaced in octaves up to `TOP` times the fundamental."""
TOP = 340.0
HARMONIC_BINS = 2 * HARMONICS + 1 + UPPER_BANDS
POWER_FLOOR = 1e-10
"""Added to every power, relative to a full-scale sine: the noise of 16 bits lies there."""
FADE = 32
"""Samples over which a stroke's end is faded out, lest the cut sound like a click (1.5 ms)."""
SHORTEST = 0.005
"""Seconds below which lengths do not differ."""


class Stroke(NamedTuple):
    """Notes that start together, and how long a sound tells of them.

    Args:
        pitches: MIDI numbers, from the lowest.
        onset: of the first of them, in seconds from the start of the sound.
        until: when the next stroke starts or the sound ends, in seconds from `onset`.
        duration: how long the longest of them is held, in seconds; None if it is not known.
        velocity: mean MIDI velocity; None if it is not known.
        cents: how much higher than their pitches they sound.
    """

    pitches: tuple[int, ...]
    onset: float
    until: float
    duration: float | None = None
    velocity: float | None = None
    cents: float = 0.0

    @property
    def fundamental(self) -> float:
        """Of the lowest note, in Hz."""
        return 440.0 * 2.0 ** ((self.pitches[0] - 69 + self.cents / 100) / 12)


def strokes_of(notes: Iterable[Any], seconds: float, cents: float = 0.0) -> list[Stroke]:
    """The strokes of a performance, in the order of time.

    Args:
        notes: what is played, `Note`s.
        seconds: length of the sound; strokes that start after it are left out.
        cents: by how much the sound is higher than its notes.
    """
    groups: list[list[Any]] = []
    for note in sorted(notes, key=lambda note: (note.onset, note.pitch)):
        if groups and note.onset - groups[-1][0].onset <= TOGETHER:
            groups[-1].append(note)
        else:
            groups.append([note])
    starts = [group[0].onset for group in groups]
    ends = [*starts[1:], seconds][: len(starts)]
    return [
        Stroke(
            tuple(sorted({int(note.pitch) for note in group})),
            start,
            min(end, seconds) - start,
            max(note.duration for note in group),
            float(np.mean([note.velocity for note in group])),
            cents,
        )
        for group, start, end in zip(groups, starts, ends, strict=True)
        if start < seconds
    ]


def longest(strokes: Sequence[Stroke], count: int = MOST_STROKES) -> list[Stroke]:
    """The strokes that tell for longest, in the order of time, at most `count` of them."""
    chosen = sorted(range(len(strokes)), key=lambda place: -strokes[place].until)[:count]
    return [strokes[place] for place in sorted(chosen)]


def window(samples: np.ndarray, stroke: Stroke, rate: int, note_on: float, length: int) -> np.ndarray:
    """The part of a sound that tells of a stroke, with its onset at `note_on`: float32 of shape (length,).

    Args:
        samples: float32 of shape (samples,).
        stroke: one of it.
        rate: of the samples, in Hz.
        note_on: when the onset comes in the result, in seconds.
        length: of the result; what follows the stroke is silence.
    """
    lead = round(note_on * rate)
    first = round(stroke.onset * rate) - lead
    last = min(first + length, round((stroke.onset + stroke.until) * rate), len(samples))
    result = np.zeros(length, np.float32)
    start = max(first, 0)
    if last > start:
        result[start - first : last - first] = samples[start:last]
        if last < len(samples):
            fade = min(FADE, last - start)
            result[last - first - fade : last - first] *= np.linspace(1, 0, fade, dtype=np.float32)
    return result


class Played(NamedTuple):
    """What several strokes play, as tensors.

    Args:
        pitches: shape (strokes, `PITCHES`), 1 where a pitch is played.
        until: float64 of shape (strokes,), in seconds, as of `Stroke`.
        duration: likewise; 0 where it is not known.
        velocity: float64 of shape (strokes,); 0 where it is not known.
        cents: float64 of shape (strokes,).
    """

    pitches: torch.Tensor
    until: torch.Tensor
    duration: torch.Tensor
    velocity: torch.Tensor
    cents: torch.Tensor

    @property
    def lowest(self) -> torch.Tensor:
        """The lowest pitch of each: float64 of shape (strokes,)."""
        numbers = torch.arange(PITCHES, dtype=torch.float64, device=self.pitches.device)
        return torch.where(self.pitches > 0, numbers, PITCHES - 1.0).amin(dim=1)

    @property
    def fundamental(self) -> torch.Tensor:
        """Of the lowest note of each, in Hz: float64 of shape (strokes,)."""
        return 440.0 * torch.exp2((self.lowest - 69 + self.cents / 100) / 12)


def stack(strokes: Sequence[Stroke]) -> Played:
    """Strokes as tensors."""
    pitches = torch.zeros(len(strokes), PITCHES)
    for row, stroke in enumerate(strokes):
        pitches[row, list(stroke.pitches)] = 1.0
    columns = zip(*((s.until, s.duration or 0.0, s.velocity or 0.0, s.cents) for s in strokes), strict=True)
    return Played(pitches, *(torch.tensor(column, dtype=torch.float64) for column in columns))


def played(strokes: Played) -> torch.Tensor:
    """What is played, as a model reads it: float32 of shape (strokes, 1, `PLAYED_BINS`), of the order of ±1.

    A one for every pitch; then cents, number of notes, lowest pitch, fundamental, the length of the
    sound (twice), duration and whether it is known, velocity and whether it is known.
    """
    until = strokes.until.clamp_min(SHORTEST)
    lasts, struck = strokes.duration > 0, strokes.velocity > 0
    values = [
        strokes.cents / 50,
        strokes.pitches.sum(dim=1) / 4,
        (strokes.lowest - 60) / 24,
        strokes.fundamental / 1000,
        torch.log2(until) / 2,
        until / 2,
        torch.where(lasts, torch.log2(strokes.duration.clamp_min(SHORTEST)) / 2, 0.0),
        lasts,
        torch.where(struck, strokes.velocity / 64 - 1, 0.0),
        struck,
    ]
    told = [strokes.pitches.float(), *(value.float()[:, None] for value in values)]
    return torch.cat(told, dim=1)[:, None]


def harmonics(
    takes: torch.Tensor, fundamentals: torch.Tensor, size: int, hop: int, frames: int, first: int, rate: int
) -> torch.Tensor:
    """Log10 of the power in bands relative to the fundamental: float32 of shape (takes, frames, `HARMONIC_BINS`).

    The first band ends at a quarter of the fundamental. Every harmonic has one, from a quarter of
    the fundamental below it to a quarter above, and so has what lies before each; above
    the `HARMONICS`-th the bands are evenly spaced in octaves. 0 is the power of a full-scale sine.

    Args:
        takes: float32 of shape (takes, samples).
        fundamentals: of what each plays, in Hz: float64 of shape (takes,).
        size: of the windows, in samples.
        hop: from window to window.
        frames: how many windows.
        first: sample where the first one starts.
        rate: of the takes, in Hz.
    """
    need = first + (frames - 1) * hop + size
    padded = functional.pad(takes, (0, max(need - takes.shape[1], 0)))[:, first:need]
    hann = torch.hann_window(size, dtype=takes.dtype, device=takes.device)
    spectrum = torch.fft.rfft(padded.unfold(1, size, hop) * hann)
    power = (spectrum.real.square() + spectrum.imag.square()).double() * (2 / hann.sum()).square()
    # Power below each edge between two bins; bands are differences, for which single precision is too coarse.
    below = functional.pad(power.cumsum(dim=2), (1, 0))
    places = (fundamentals[:, None] * _edges().to(takes.device) * size / rate + 0.5).clamp_(0, below.shape[2] - 1)
    lower = places.floor().long().clamp_max(below.shape[2] - 2)
    share = (places - lower)[:, None]
    index = lower[:, None].expand(-1, frames, -1)
    at = below.gather(2, index) * (1 - share) + below.gather(2, index + 1) * share
    return torch.log10(at.diff(dim=2).clamp_min(0) + POWER_FLOOR).float()


def _edges() -> torch.Tensor:
    """Where the bands of `harmonics` begin and end, in fundamentals: shape (`HARMONIC_BINS` + 1,)."""
    near = np.arange(2 * HARMONICS + 1) * 0.5 + 0.25
    far = np.geomspace(near[-1], TOP, UPPER_BANDS + 1)[1:]
    return torch.from_numpy(np.concatenate([[0.0], near, far]))
