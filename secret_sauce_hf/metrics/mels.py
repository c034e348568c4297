"""The spectrograms that an objective compares, computed thousands of times per match."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.instruments.takes import SAMPLE_RATE
from secret_sauce_hf.metrics.sounds import mss_scales
from secret_sauce_hf.metrics.spectra import POWER_FLOOR, TOP_DB, hann, mel_bands


@dataclass(frozen=True)
class Scale:
    """One of the three spectrograms."""

    length: int
    hop: int
    bands: int
    window: np.ndarray
    starts: np.ndarray
    """Per band the first bin of which it is the lower of two bands that the bin lies in: (bands,), last the end."""
    shares: np.ndarray
    """How much of each bin its lower and its upper band get, (2, bins)."""

    def centres(self, samples: int) -> np.ndarray:
        """The sample in the middle of every frame."""
        return np.arange(samples // self.hop + 1) * self.hop


@cache
def scales() -> tuple[Scale, ...]:
    """The three spectrograms of `secret_sauce_hf.metrics.mss`."""
    made = []
    for length, hop, bands in mss_scales(SAMPLE_RATE):
        filters = mel_bands(SAMPLE_RATE, length, bands)
        # A bin lies in two neighbouring triangles at most: the products with all others are 0. Above the last
        # triangle it lies in none, and counts to the bands below.
        lower = np.maximum.accumulate(np.minimum((filters > 0).argmax(axis=1), bands - 2))
        shares = np.stack([np.take_along_axis(filters, (lower + step)[:, None], axis=1)[:, 0] for step in (0, 1)])
        starts = np.searchsorted(lower, np.arange(bands))
        made.append(Scale(length, hop, bands, hann(length).astype(np.float32), starts, shares.astype(np.float32)))
    return tuple(made)


@kernel(nogil=True)
def mel_powers(spectra, starts, shares, out):
    """Power in mel bands: spectra (rows, frames, bins) to out (rows, frames, bands).

    Not a product of matrices: BLAS would compute it in threads of its own, which stall
    whenever another program needs a processor.
    """
    last = out.shape[2] - 1
    for row in range(spectra.shape[0]):
        for frame in range(spectra.shape[1]):
            lower = np.float32(0.0)
            for band in range(last):
                upper = np.float32(0.0)
                for index in range(starts[band], starts[band + 1]):
                    value = spectra[row, frame, index]
                    power = value.real * value.real + value.imag * value.imag
                    lower += power * shares[0, index]
                    upper += power * shares[1, index]
                out[row, frame, band] = lower
                lower = upper
            out[row, frame, last] = lower


def levels_and_peaks(waves: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Mel spectrograms of waves of shape (rows, samples), and how high they reach.

    Returns:
        Per scale: decibels below the spectrogram's own maximum, `TOP_DB` at most, float32 of shape (rows, frames,
        bands); and that maximum in decibels, float32 of shape (rows,).
    """
    rows, samples = waves.shape
    most = max(scale.length for scale in scales()) // 2
    padded = np.zeros((rows, samples + 2 * most + 1), np.float32)
    padded[:, most : most + samples] = waves
    levels, peaks = [], []
    for scale in scales():
        first = most - scale.length // 2
        windows = np.lib.stride_tricks.sliding_window_view(padded[:, first:], scale.length, axis=1)
        frames = windows[:, : (samples // scale.hop) * scale.hop + 1 : scale.hop] * scale.window
        spectra = scipy.fft.rfft(frames, axis=-1)
        powers = np.empty((*spectra.shape[:2], scale.bands), np.float32)
        mel_powers(spectra, scale.starts, scale.shares, powers)
        decibels = np.log10(np.maximum(powers, np.float32(POWER_FLOOR))) * np.float32(10)
        peak = decibels.max(axis=(1, 2))
        decibels -= peak[:, None, None]
        levels.append(np.maximum(decibels, np.float32(-TOP_DB)))
        peaks.append(peak)
    return levels, peaks
