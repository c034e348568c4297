"""Short-time spectra, mel bands and cepstra, with librosa's definitions.

Written out here so that the metrics need NumPy and SciPy only; the tests hold
every function against librosa.
"""

from functools import lru_cache

import numpy as np
import scipy.fft

POWER_FLOOR = 1e-10
"""Power below which a decibel value is not told apart, as in `librosa.power_to_db`."""
TOP_DB = 80.0
"""Range of a spectrogram in decibels below its maximum, as in `librosa.power_to_db`."""


def frames(waves: np.ndarray, length: int, hop: int) -> np.ndarray:
    """Cut into frames centred on multiples of `hop`, with zeros beyond both ends.

    Args:
        waves: shape (..., samples), at least one sample.
        length: samples of a frame.
        hop: samples from one frame to the next.

    Returns:
        A view of shape (..., frames, length).
    """
    padding = [(0, 0)] * (waves.ndim - 1) + [(length // 2, length // 2)]
    padded = np.pad(waves, padding)
    return np.lib.stride_tricks.sliding_window_view(padded, length, axis=-1)[..., ::hop, :]


def magnitudes(waves: np.ndarray, length: int, hop: int) -> np.ndarray:
    """Magnitude of the short-time Fourier transform with a periodic Hann window.

    Args:
        waves: shape (..., samples).
        length: samples of a window.
        hop: samples from one window to the next.

    Returns:
        Shape (..., frames, length // 2 + 1), from 0 Hz to Nyquist.
    """
    return np.abs(scipy.fft.rfft(frames(waves, length, hop) * hann(length), axis=-1))


def mel_powers(waves: np.ndarray, sample_rate: int, length: int, hop: int, bands: int) -> np.ndarray:
    """Power in mel bands from 0 Hz to Nyquist, shape (..., frames, bands)."""
    return magnitudes(waves, length, hop) ** 2 @ mel_bands(sample_rate, length, bands)


def decibels(powers: np.ndarray, *, relative: bool) -> np.ndarray:
    """Powers of shape (..., frames, bands) in decibels, at most 80 dB below each sound's maximum.

    Args:
        powers: at least 0.
        relative: whether 0 dB is the sound's own maximum instead of a power of 1.
    """
    levels = 10.0 * np.log10(np.maximum(powers, POWER_FLOOR))
    maximum = levels.max(axis=(-2, -1), keepdims=True)
    if relative:
        levels, maximum = levels - maximum, 0.0
    return np.maximum(levels, maximum - TOP_DB)


def cepstra(waves: np.ndarray, sample_rate: int, length: int, hop: int, bands: int, count: int) -> np.ndarray:
    """The first `count` mel-frequency cepstral coefficients, shape (..., frames, count)."""
    levels = decibels(mel_powers(waves, sample_rate, length, hop, bands), relative=False)
    return scipy.fft.dct(levels, type=2, norm="ortho", axis=-1)[..., :count]


@lru_cache(maxsize=16)
def hann(length: int) -> np.ndarray:
    """Periodic Hann window of shape (length,); do not write to it."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    window.setflags(write=False)
    return window


@lru_cache(maxsize=16)
def mel_bands(sample_rate: int, length: int, bands: int) -> np.ndarray:
    """Triangular filters of unit area, evenly spaced on Slaney's mel scale.

    Source: M. Slaney, Auditory Toolbox, 1998 (what `librosa.filters.mel` computes by default).

    Returns:
        Shape (length // 2 + 1, bands); do not write to it.
    """
    edges = _mel_to_hertz(np.linspace(0.0, _hertz_to_mel(sample_rate / 2), bands + 2))
    hertz = np.fft.rfftfreq(length, 1 / sample_rate)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (edges[2:] - edges[:-2])
    filters.setflags(write=False)
    return filters


# Slaney's scale: linear up to 1 kHz (15 mel), then 27 mel for a factor of 6.4.
_HERTZ_PER_MEL = 200.0 / 3.0
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _hertz_to_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _HERTZ_PER_MEL
    return _BREAK_MEL + float(np.log(hertz / _BREAK_HERTZ)) / _LOG_STEP


def _mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(
        mel < _BREAK_MEL,
        mel * _HERTZ_PER_MEL,
        _BREAK_HERTZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL)),
    )
