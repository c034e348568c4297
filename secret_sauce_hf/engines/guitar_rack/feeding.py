"""Any sound in place of strings and amplifier: what the effects are fed of it."""

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal

from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.guitar_rack import amp, distortion
from secret_sauce_hf.engines.guitar_rack.playing import Source
from secret_sauce_hf.instruments import SAMPLE_RATE

LEVEL = 0.5
"""Gain into the cabinet; with every effect off a take peaks at about -9 dB."""
_MOST_GAIN = 10 ** (45 / 20)
"""What the cabinet has taken away by more than this (45 dB) stays away: there is only noise."""


@lru_cache(maxsize=4)
def fed_source(dry: bytes) -> Source:
    """Prepare a sound for the effects; several searches of the same sound share it.

    The distortion gets it at eight times its rate. What the strings' own sound has above half the takes' rate
    there is missing, and hardly heard.

    Args:
        dry: the sound's float32 samples; it lies where `playing.Source.dry` does, behind the amplifier.
    """
    sound = np.frombuffer(dry, np.float32)
    heard = np.flatnonzero(sound)
    sounding = int(heard[-1]) + 1 if len(heard) else 0
    padded = np.pad(sound[:sounding].astype(np.float64), distortion.MARGIN)
    taps = elementary.low_pass_taps(20 * distortion.OVERSAMPLING + 1, 1.0 / distortion.OVERSAMPLING, 9.0)
    signal = scipy.signal.resample_poly(padded, distortion.OVERSAMPLING, 1, window=taps)
    return Source(sound, distortion.oversampled(signal, SAMPLE_RATE), sounding)


def without_cabinet(clean: np.ndarray) -> np.ndarray:
    """What the effects are fed when all of them are off and this comes out of the cabinet.

    The inverse of the cabinet's response, where that is not too faint (regularised as N. Wiener does).

    Args:
        clean: float32 of shape (samples,), at 22,050 Hz.

    Returns:
        float32, of the same shape.
    """
    # As long again in silence: the inverse rings.
    size = scipy.fft.next_fast_len(2 * len(clean) + SAMPLE_RATE, real=True)
    turns = 2 * np.pi * np.arange(size // 2 + 1) / size
    delay = elementary.cos(turns) - 1j * elementary.sin(turns)
    sections = amp.cabinet(SAMPLE_RATE)[:, :, None]
    above, below = (sections[:, at] + delay * (sections[:, at + 1] + delay * sections[:, at + 2]) for at in (0, 3))
    response = LEVEL * (above / below).prod(axis=0)
    least = np.abs(response).max() / _MOST_GAIN
    inverse = response.conj() / (np.abs(response) ** 2 + least**2)
    spectrum = scipy.fft.rfft(clean.astype(np.float64), size)
    return scipy.fft.irfft(spectrum * inverse, size)[: len(clean)].astype(np.float32)
