"""How far renderings are from one reference: what the search makes small.

The distance is that of `secret_sauce_hf.metrics.mss`, weighted over time and told a little
about level and waveform. It is computed thousands of times per match, so that everything
about the reference is computed once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy.fft

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.instruments.takes import FULL_SCALE, SAMPLE_RATE, SILENCE
from secret_sauce_hf.metrics.sounds import mss_scales
from secret_sauce_hf.metrics.spectra import POWER_FLOOR, TOP_DB, hann, mel_bands

LEVEL_WEIGHT = 0.1
"""What a difference in level of 1 dB counts, in dB of spectral distance."""
LEVEL_MOST_DB = 6.0
"""A larger difference in level is of the recording, not of the preset, and does not count further."""
SOFT_DB = 35.0
"""A rendering that is softer than the reference by more than this is as good as silence: every further dB counts."""
SILENT_DB = 100.0
"""What silence counts as a rendering of a reference that is heard."""
WAVE_WEIGHT = 0.01
"""What 1 dB less of energy in the waveforms' difference counts, in dB of spectral distance."""
WAVE_FLOOR = 1e-4
"""Share of the energy below which the difference of two waveforms does not count."""
LEAD_WEIGHT = 0.1
"""How much the time before the note counts, where a recording may hold the end of the note before."""
MAX_SHIFT_SECONDS = 0.025
"""How far a recording's onset is believed to be off."""

_INT16 = np.float32(1 / FULL_SCALE)
# Rows whose spectra are computed together; so few that they stay in the processor's cache.
_ROWS_TOGETHER = 4


@dataclass(frozen=True)
class _Scale:
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
def _scales() -> tuple[_Scale, ...]:
    scales = []
    for length, hop, bands in mss_scales(SAMPLE_RATE):
        filters = mel_bands(SAMPLE_RATE, length, bands)
        # A bin lies in two neighbouring triangles at most: the products with all others are 0. Above the last
        # triangle it lies in none, and counts to the bands below.
        lower = np.maximum.accumulate(np.minimum((filters > 0).argmax(axis=1), bands - 2))
        shares = np.stack([np.take_along_axis(filters, (lower + step)[:, None], axis=1)[:, 0] for step in (0, 1)])
        starts = np.searchsorted(lower, np.arange(bands))
        scales.append(_Scale(length, hop, bands, hann(length).astype(np.float32), starts, shares.astype(np.float32)))
    return tuple(scales)


@kernel(nogil=True)
def _mel_powers(spectra, starts, shares, out):
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


class Analysis(NamedTuple):
    """What an objective compares of a few renderings; the same for every shift of the reference.

    Args:
        waves: float32 of shape (rows, samples), full scale 1.
        levels: their mel spectrograms in dB, each of shape (rows, frames, bands).
    """

    waves: np.ndarray
    levels: list[np.ndarray]


class Objective:
    """Distance of renderings from a reference, in dB: 0 is equal.

    Args:
        reference: float32 of shape (samples,), at `SAMPLE_RATE`.
        known: first and last sample, exclusive, that the recording covers; elsewhere
            nothing is compared.
        note_on: sample at which a rendering's note starts.
        shift: by how many samples the reference is late.
    """

    def __init__(self, reference: np.ndarray, known: tuple[int, int], note_on: int, shift: int = 0):
        self.reference = reference
        self.known = known
        self.note_on = note_on
        self.shift = shift
        samples = len(reference)
        start, stop = max(known[0] - shift, 0), min(known[1] - shift, samples)
        wave = np.zeros(samples, np.float32)
        wave[start:stop] = reference[start + shift : stop + shift]
        self._scales = _scales()
        # Of samples: what lies before the note, or outside of the recording, tells less or nothing.
        weights = np.where(np.arange(samples) < note_on, LEAD_WEIGHT, 1.0)
        weights[:start] = weights[stop:] = 0.0
        self._weights = []
        for scale in self._scales:
            centres = np.minimum(scale.centres(samples), samples - 1)
            # A window that sees the note counts in full.
            seen = np.minimum(centres + scale.length // 4, samples - 1)
            frames = np.where(weights[centres] > 0, weights[seen], 0.0)
            if not frames.any():
                frames[:] = 1.0
            self._weights.append((frames / frames.sum() / scale.bands).astype(np.float32))
        self._targets = [levels[0] for levels in self._levels(wave[None])]
        self._body = slice(min(max(start, note_on), max(stop - 1, 0)), max(stop, 1))
        self._wave = wave[self._body]
        self._energy = float(self._wave @ self._wave)
        self._audible = bool(np.abs(self._wave).max() >= SILENCE)

    def shifted(self, shift: int) -> "Objective":
        """An objective of the same reference, taken to be late by `shift` samples."""
        return Objective(self.reference, self.known, self.note_on, shift)

    def __call__(self, takes: np.ndarray) -> np.ndarray:
        """Distances of renderings, int16 of shape (rows, samples): float64, (rows,)."""
        # A few at a time, from one end to the other, so that they stay in the processor's cache.
        parts = [self.compare([part]) for part in self._analyses(takes)]
        return np.concatenate(parts) if parts else np.empty(0)

    def analyse(self, takes: np.ndarray) -> list[Analysis]:
        """What `compare` needs to know of renderings, int16 of shape (rows, samples)."""
        return list(self._analyses(takes))

    def compare(self, analyses: list[Analysis]) -> np.ndarray:
        """Distances of renderings that this objective, or one `shifted` from it, has analysed: float64, (rows,)."""
        return np.concatenate([self._distances(analysis) for analysis in analyses])

    def residuals(self, takes: np.ndarray) -> np.ndarray:
        """Differences of the spectrograms from the reference's in dB, int16 takes to float32 (rows, cells)."""
        parts = []
        for _, levels in self._analyses(takes):
            cells = [(one - target).reshape(len(one), -1) for one, target in zip(levels, self._targets, strict=True)]
            parts.append(np.concatenate(cells, axis=1))
        return np.concatenate(parts)

    def _analyses(self, takes: np.ndarray) -> Iterator[Analysis]:
        for at in range(0, len(takes), _ROWS_TOGETHER):
            waves = takes[at : at + _ROWS_TOGETHER] * _INT16
            yield Analysis(waves, self._levels(waves))

    @property
    def cell_weights(self) -> np.ndarray:
        """What 1 dB in each cell of `residuals` counts, shape (cells,)."""
        scales = zip(self._weights, self._scales, strict=True)
        return np.concatenate([np.repeat(weights, scale.bands) for weights, scale in scales]) / len(self._scales)

    def _distances(self, analysis: Analysis) -> np.ndarray:
        waves = analysis.waves
        spectral = np.zeros(len(waves))
        for levels, target, weights in zip(analysis.levels, self._targets, self._weights, strict=True):
            spectral += (np.abs(levels - target).sum(axis=2) @ weights) / len(self._scales)
        bodies = waves[:, self._body]
        energies = np.einsum("rs,rs->r", bodies, bodies, dtype=np.float64)
        products = np.einsum("rs,s->r", bodies, self._wave, dtype=np.float64)
        both = np.maximum(energies * self._energy, 1e-20)
        residue = np.maximum(1 - products**2 / both, WAVE_FLOOR)
        louder = 10 * np.log10((energies + 1e-9) / (self._energy + 1e-9))
        level = np.abs(louder)
        waveform = 10 * np.log10(residue / WAVE_FLOOR)
        distances = spectral + LEVEL_WEIGHT * np.minimum(level, LEVEL_MOST_DB) + WAVE_WEIGHT * waveform
        distances += np.maximum(-louder - SOFT_DB, 0.0)
        if self._audible and (energies < SILENCE**2 * bodies.shape[1]).any():
            distances += np.where(np.abs(waves).max(axis=1) < SILENCE, SILENT_DB, 0.0)
        # The last bits depend on how the rows were batched; the search must not.
        return np.round(distances, 5)

    def _levels(self, waves: np.ndarray) -> list[np.ndarray]:
        """Mel spectrograms in dB re each sound's own maximum, each (rows, frames, bands)."""
        rows, samples = waves.shape
        most = max(scale.length for scale in self._scales) // 2
        padded = np.zeros((rows, samples + 2 * most + 1), np.float32)
        padded[:, most : most + samples] = waves
        levels = []
        for scale in self._scales:
            first = most - scale.length // 2
            windows = np.lib.stride_tricks.sliding_window_view(padded[:, first:], scale.length, axis=1)
            frames = windows[:, : (samples // scale.hop) * scale.hop + 1 : scale.hop] * scale.window
            spectra = scipy.fft.rfft(frames, axis=-1)
            powers = np.empty((*spectra.shape[:2], scale.bands), np.float32)
            _mel_powers(spectra, scale.starts, scale.shares, powers)
            decibels = np.log10(np.maximum(powers, np.float32(POWER_FLOOR))) * np.float32(10)
            decibels -= decibels.max(axis=(1, 2), keepdims=True)
            levels.append(np.maximum(decibels, np.float32(-TOP_DB)))
        return levels
