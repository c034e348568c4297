"""Takes as a recording would have them: other levels, noise, tuning, tone, codecs and onsets.

An engine's sounds are all alike in these respects, and a model that has heard nothing
else takes every difference for one of the settings.
"""

import io

import numpy as np
import scipy.fft
import soundfile
import soxr

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.instruments.takes import PEAK

SHARE = 0.3
"""Share of the takes that are changed; most stay as they are, for they are what is recorded straight from a synth."""
EACH = 0.5
"""Probability of each change in these."""
CODEC = 0.15
"""That of the codec, which costs as much time as everything else."""
GAIN_DB = 3.0
NOISE_DBFS = (-85.0, -45.0)
DETUNE_CENTS = 8.0
EQ_DB = 2.0
"""Standard deviation of the gain at `EQ_BANDS` frequencies."""
EQ_BANDS = 6
ONSET_SECONDS = 0.003


def augment(takes: np.ndarray, seed: int, first_row: int) -> np.ndarray:
    """Change some of the takes; which and how follows from `seed` and a row's number alone.

    Args:
        takes: float32 of shape (takes, samples), full scale ±1.
        seed: any non-negative integer.
        first_row: number of the first.

    Returns:
        Of the same shape.
    """
    changed = takes.copy()
    for row, take in enumerate(takes):
        random = np.random.default_rng((seed, first_row + row))
        if random.random() < SHARE:
            take = _change(take, random)
            changed[row] = take * np.float32(PEAK / max(PEAK, float(np.abs(take).max())))
    return changed


def _change(take: np.ndarray, random: np.random.Generator) -> np.ndarray:
    detunes, shifts, equalises, gains, hisses = random.random(5) < EACH
    if detunes:
        take = _detune(take, random.uniform(-DETUNE_CENTS, DETUNE_CENTS))
    if shifts:
        take = _shift(take, round(random.uniform(-ONSET_SECONDS, ONSET_SECONDS) * SAMPLE_RATE))
    if equalises:
        take = _equalise(take, random.normal(0.0, EQ_DB, EQ_BANDS))
    if gains:
        take = take * np.float32(10 ** (random.uniform(-GAIN_DB, GAIN_DB) / 20))
    if hisses:
        level = 10 ** (random.uniform(*NOISE_DBFS) / 20)
        take = take + (level * random.standard_normal(len(take))).astype(np.float32)
    if random.random() < CODEC:
        take = code(take, random.uniform(0.2, 0.9))
    return take


def _detune(take: np.ndarray, cents: float) -> np.ndarray:
    """Played a little faster or slower; the length stays."""
    moved = soxr.resample(take, SAMPLE_RATE * 2 ** (cents / 1200), SAMPLE_RATE)[: len(take)]
    return np.pad(moved, (0, len(take) - len(moved)), mode="edge")


def _shift(take: np.ndarray, samples: int) -> np.ndarray:
    if samples >= 0:
        return np.pad(take, (samples, 0))[: len(take)]
    return np.pad(take, (0, -samples))[-len(take) :]


def _equalise(take: np.ndarray, gains_db: np.ndarray) -> np.ndarray:
    """A gain per frequency, straight between points that are evenly spaced in octaves from 60 Hz."""
    size = scipy.fft.next_fast_len(len(take), real=True)
    hertz = np.maximum(scipy.fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0)
    points = np.geomspace(60.0, SAMPLE_RATE / 2, len(gains_db))
    curve = 10 ** (np.interp(np.log(hertz), np.log(points), gains_db) / 20)
    return scipy.fft.irfft(scipy.fft.rfft(take, size) * curve, size)[: len(take)].astype(np.float32)


def code(take: np.ndarray, compression: float) -> np.ndarray:
    """Through Ogg Vorbis and back."""
    coded = io.BytesIO()
    soundfile.write(
        coded, np.clip(take, -1, 1), SAMPLE_RATE, format="OGG", subtype="VORBIS", compression_level=compression
    )
    coded.seek(0)
    return soundfile.read(coded, dtype="float32")[0][: len(take)]
