"""Sounds of phrases as anybody may hand them over: cut anywhere, soft, out of tune, with hum, noise, room and codec.

`augmentation` makes small changes, since its takes are recorded straight from the instrument; these are large.
"""

import numpy as np
import scipy.fft
import soxr

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.training.augmentation import code

DETUNED = 0.7
"""Probability of another tuning."""
DETUNE_CENTS = 60.0
LEVEL_DB = (-30.0, 0.0)
"""Of the peak."""
NOISE_DBFS = (-85.0, -40.0)
HUM_DBFS = (-75.0, -35.0)
OFFSET = 0.1
EACH = 0.25
"""Probability of hum, offset, reverb and colour."""
NOISY = 0.5
CODED = 0.08


def tuned(take: np.ndarray, cents: float) -> np.ndarray:
    """A take played faster, so that it is so many cents higher; it gets shorter by as much."""
    if not cents:
        return take
    return soxr.resample(take, SAMPLE_RATE * 2 ** (cents / 1200), SAMPLE_RATE, quality="MQ").astype(np.float32)


def in_a_room(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """With the colour of a loudspeaker and the reverberation of a room, each perhaps."""
    reverberates, coloured = random.random(2) < EACH
    if not (reverberates or coloured):
        return sound
    length = len(sound)
    size = scipy.fft.next_fast_len(length + (SAMPLE_RATE if reverberates else 0), real=True)
    spectrum = scipy.fft.rfft(sound, size)
    if reverberates:
        length_of_echo, level = round(random.uniform(0.1, 0.7) * SAMPLE_RATE), 10 ** (random.uniform(-20.0, -3.0) / 20)
        # By 60 dB over its length.
        echo = random.standard_normal(length_of_echo) * 10 ** (-3 * np.linspace(0, 1, length_of_echo))
        echo *= level / np.sqrt(np.square(echo).sum())
        # The walls are further away than the loudspeaker.
        response = np.concatenate([[1.0], np.zeros(round(random.uniform(0.001, 0.02) * SAMPLE_RATE)), echo])
        spectrum = spectrum * scipy.fft.rfft(response, size)
    if coloured:
        hertz = np.maximum(scipy.fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0)
        points = np.geomspace(60.0, SAMPLE_RATE / 2, 8)
        gains = np.interp(np.log(hertz), np.log(points), random.normal(0.0, 4.0, 8))
        low, high = random.uniform(20.0, 200.0), random.uniform(3_000.0, 11_000.0)
        # Twelve decibels per octave beyond what the loudspeaker plays.
        gains -= 10 * np.log10(1 + (low / hertz) ** 4) + 10 * np.log10(1 + (hertz / high) ** 4)
        spectrum = spectrum * 10 ** (gains / 20)
    return scipy.fft.irfft(spectrum, size)[:length].astype(np.float32)


def disturbed(sound: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, float]:
    """With noise, hum and an offset, each perhaps, and perhaps through a codec; and the level of the noise in dB."""
    length = len(sound)
    noisy = random.random() < NOISY
    hums, offset, coded = random.random(3) < (EACH, EACH, CODED)
    noise_db = -120.0
    if noisy:
        noise_db = random.uniform(*NOISE_DBFS)
        noise = random.standard_normal(length).astype(np.float32)
        if random.random() < 0.5:
            # Darker: half of it is what the samples before were.
            noise = np.convolve(noise, np.array([0.5, 0.5, 0.35, 0.25]), "same").astype(np.float32)
        sound = sound + noise * np.float32(10 ** (noise_db / 20))
    if hums:
        angle = 2 * np.pi * random.choice([50.0, 60.0]) / SAMPLE_RATE * np.arange(length)
        numbers = np.arange(1, 7)
        shares, turns = random.uniform(0.0, 1.0, 6) / numbers, random.uniform(0.0, 2 * np.pi, 6)
        hum = shares @ np.sin(np.outer(numbers, angle) + turns[:, None])
        sound = sound + (hum * 10 ** (random.uniform(*HUM_DBFS) / 20)).astype(np.float32)
    if offset:
        sound = sound + np.float32(random.uniform(-OFFSET, OFFSET))
    if coded:
        sound = code(sound, random.uniform(0.2, 0.9))
        sound = np.pad(sound, (0, length - len(sound)))
    return sound.astype(np.float32), noise_db
