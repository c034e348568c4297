"""Strokes as they come to a listener: recorded, played back, coded, cut off, out of tune.

An engine's takes have the level of the instrument, no room around them and the whole of their
end. Most sounds that people have do not, and a model that has heard nothing else takes every
difference for one of the settings.
"""

import numpy as np
import scipy.fft
import scipy.signal
import soxr

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.instruments.takes import PEAK
from secret_sauce_hf.modeling.strokes_secret_sauce import FADE, Stroke
from secret_sauce_hf.training.augmentation import code, equalise

CLEAN = 0.3
"""Share of the strokes that stay as the instrument makes them."""
LEVEL = 0.6
"""Of the others, share whose level is another one, half of them at a peak that recordings are brought to."""
GAIN_DB = 15.0
PEAKS_DBFS = (-24.0, -0.1)
DETUNED = 0.4
DETUNE_CENTS = 60.0
CUT = 0.2
CUT_SECONDS = (0.2, 2.5)
LATE = 0.5
"""Share whose onset is heard a little early or late."""
LATE_SECONDS = 0.004
COLOURED = 0.3
EQ_DB = 3.0
"""Standard deviation of the gain at `EQ_BANDS` frequencies."""
EQ_BANDS = 6
NARROW = 0.3
"""Of the coloured ones, share that come through a small loudspeaker or a telephone."""
LOW_HZ = (60.0, 300.0)
HIGH_HZ = (3_000.0, 9_000.0)
REVERB = 0.15
REVERB_SECONDS = (0.2, 1.6)
WET = (0.05, 0.4)
NOISE = 0.25
NOISE_DBFS = (-85.0, -38.0)
HUM = 0.08
HUM_DBFS = (-70.0, -40.0)
OFFSET = 0.08
OFFSET_MOST = 0.05
CODEC = 0.08
"""It costs as much time as everything else."""
UNKNOWN = 0.1
"""Share whose duration is not told, nor their velocity."""
UNSURE_SECONDS = 0.012
"""Standard deviation of what is told of a duration."""
UNSURE_CENTS = 3.0


def damage(take: np.ndarray, stroke: Stroke, note_on: int, random: np.random.Generator) -> tuple[np.ndarray, Stroke]:
    """A stroke as it might be recorded, and what a listener would tell of it.

    Args:
        take: float32 of shape (samples,), full scale ±1.
        stroke: what it plays.
        note_on: sample of its onset.
        random: says what befalls it.

    Returns:
        float32 of shape (samples,), and the stroke.
    """
    stroke = _told(stroke, random)
    if random.random() < CLEAN:
        return take, stroke
    lots = random.random(10)
    if lots[0] < DETUNED:
        cents = random.uniform(-DETUNE_CENTS, DETUNE_CENTS)
        take = _detune(take, cents, note_on)
        stroke = stroke._replace(cents=stroke.cents + cents)
    if lots[1] < LATE:
        take = _moved(take, round(random.uniform(-LATE_SECONDS, LATE_SECONDS) * SAMPLE_RATE))
    if lots[2] < REVERB:
        take = _reverberate(take, random)
    if lots[3] < COLOURED:
        take = _coloured(take, random)
    if lots[4] < CUT:
        # What is recorded of a note may end before the note does.
        until = random.uniform(*CUT_SECONDS)
        if until < stroke.until:
            stroke = stroke._replace(until=until)
            if stroke.duration is not None and stroke.duration > until:
                stroke = stroke._replace(duration=None)
    if lots[5] < LEVEL:
        take = _level(take, random)
    if lots[6] < NOISE:
        take = take + (_gain(random.uniform(*NOISE_DBFS)) * random.standard_normal(len(take))).astype(np.float32)
    if lots[7] < HUM:
        take = take + _hum(len(take), random)
    if lots[8] < OFFSET:
        take = take + np.float32(random.uniform(-OFFSET_MOST, OFFSET_MOST))
    take = _end(take, note_on + round(stroke.until * SAMPLE_RATE))
    if lots[9] < CODEC:
        take = code(take, random.uniform(0.2, 0.9), "OGG" if random.random() < 0.5 else "MP3")
    return (take * np.float32(PEAK / max(PEAK, float(np.abs(take).max())))).astype(np.float32), stroke


def _told(stroke: Stroke, random: np.random.Generator) -> Stroke:
    """What a listener would tell of a stroke."""
    unknown_duration, unknown_velocity = random.random(2) < (UNKNOWN, 0.5)
    duration = stroke.duration
    if duration is not None:
        duration = max(duration + random.normal(0, UNSURE_SECONDS), 0.01)
        if unknown_duration or duration >= stroke.until:
            duration = None
    return stroke._replace(
        duration=duration,
        velocity=None if unknown_velocity else stroke.velocity,
        cents=stroke.cents + random.normal(0, UNSURE_CENTS),
    )


def _gain(decibels: float) -> np.float32:
    return np.float32(10 ** (decibels / 20))


def _detune(take: np.ndarray, cents: float, note_on: int) -> np.ndarray:
    """Played a little faster or slower, with the onset where it was; the length stays."""
    ratio = 2 ** (cents / 1200)
    moved = soxr.resample(take, SAMPLE_RATE * ratio, SAMPLE_RATE, quality="HQ")
    early = note_on - round(note_on / ratio)
    return _moved(np.pad(moved, (0, max(len(take) - len(moved), 0)))[: len(take)], early)


def _moved(take: np.ndarray, samples: int) -> np.ndarray:
    if samples >= 0:
        return np.pad(take, (samples, 0))[: len(take)]
    return np.pad(take, (0, -samples))[-len(take) :]


def _reverberate(take: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """In a room: noise that fades exponentially, brighter at first, after a few milliseconds."""
    seconds, wet = random.uniform(*REVERB_SECONDS), random.uniform(*WET)
    length = round(seconds * SAMPLE_RATE)
    tail = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail = scipy.signal.lfilter([1 - (damping := random.uniform(0.2, 0.8))], [1, -damping], tail)
    tail[: round(random.uniform(0, 0.02) * SAMPLE_RATE)] = 0
    tail /= np.sqrt(np.square(tail).sum() + 1e-12)
    size = scipy.fft.next_fast_len(len(take) + length, real=True)
    room = scipy.fft.irfft(scipy.fft.rfft(take, size) * scipy.fft.rfft(tail.astype(np.float32), size), size)[
        : len(take)
    ]
    return ((1 - wet) * take + wet * room).astype(np.float32)


def _coloured(take: np.ndarray, random: np.random.Generator) -> np.ndarray:
    take = equalise(take, random.normal(0.0, EQ_DB, EQ_BANDS))
    if random.random() < NARROW:
        low, high = (np.exp(random.uniform(*np.log(ends))) for ends in (LOW_HZ, HIGH_HZ))
        sections = scipy.signal.butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
        take = scipy.signal.sosfilt(sections, take).astype(np.float32)
    return take


def _level(take: np.ndarray, random: np.random.Generator) -> np.ndarray:
    peak = float(np.abs(take).max())
    if random.random() < 0.5 or peak < 1e-4:
        return take * _gain(random.uniform(-GAIN_DB, GAIN_DB))
    return take * (_gain(random.uniform(*PEAKS_DBFS)) / np.float32(peak))


def _hum(samples: int, random: np.random.Generator) -> np.ndarray:
    hertz = random.choice([50.0, 60.0])
    time = np.arange(samples) / SAMPLE_RATE
    waves = [
        np.sin(2 * np.pi * (hertz * harmonic * time + random.random())) / harmonic ** random.uniform(0.5, 2)
        for harmonic in (1, 2, 3)
    ]
    return (_gain(random.uniform(*HUM_DBFS)) * np.sum(waves, axis=0)).astype(np.float32)


def _end(take: np.ndarray, last: int) -> np.ndarray:
    """Silent from a sample on; the noise of a room would go on, but a sound that is cut off has ended."""
    if last >= len(take):
        return take
    take = take.copy()
    take[last:] = 0
    fade = min(FADE, last)
    take[last - fade : last] *= np.linspace(1, 0, fade, dtype=np.float32)
    return take
