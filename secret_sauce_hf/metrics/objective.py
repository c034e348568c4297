"""How far renderings are from one reference: what the search makes small.

The distance is that of `secret_sauce_hf.metrics.mss`, weighted over time and told a little
about level and waveform; where noise sounds, a likelihood takes its place (see `Objective.in_noise`).
It is computed thousands of times per match, so that everything about the reference is computed once.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
import soxr
from scipy.special import digamma

from secret_sauce_hf.instruments.listening import cut
from secret_sauce_hf.instruments.takes import FULL_SCALE, SAMPLE_RATE, SILENCE
from secret_sauce_hf.metrics.mels import levels_and_peaks, scales
from secret_sauce_hf.metrics.noise import NATS_DB, Noise, divergence

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
ALIGNED_SAMPLES = 16_000
"""From a little before the note on, by whose waveform renderings are moved: .7 s."""

_MOST_LATE = round(MAX_SHIFT_SECONDS * SAMPLE_RATE)
_ALIGNED_SIZE = scipy.fft.next_fast_len(ALIGNED_SAMPLES + _MOST_LATE, real=True)
_INT16 = np.float32(1 / FULL_SCALE)
# Rows whose spectra are computed together; so few that they stay in the processor's cache.
_ROWS_TOGETHER = 4
# The spectrogram that levels are aligned by: neither short in time nor in frequency.
_MIDDLE = 1


class Analysis(NamedTuple):
    """What an objective compares of a few renderings; the same for every shift of the reference.

    Args:
        waves: float32 of shape (rows, samples), full scale 1.
        levels: their mel spectrograms in dB, each of shape (rows, frames, bands).
        peaks: the spectrograms' maxima in dB, each of shape (rows,).
    """

    waves: np.ndarray
    levels: list[np.ndarray]
    peaks: list[np.ndarray]


class Objective:
    """Distance of renderings from a reference, in dB: 0 is equal.

    Args:
        reference: float32 of shape (samples,), at `SAMPLE_RATE`.
        known: first and last sample, exclusive, that the recording covers; elsewhere
            nothing is compared.
        note_on: sample at which a rendering's note starts.
        shift: by how many samples the reference is late.
        cents: by how much it is tuned higher than the renderings.
        noise: what in it is noise, see `in_noise`.
        free: whether renderings are moved, see `freed`.

    Attributes:
        floor: what the very preset of a noisy reference comes to, about; 0 without `noise`.
    """

    def __init__(
        self,
        reference: np.ndarray,
        known: tuple[int, int],
        note_on: int,
        shift: int = 0,
        cents: float = 0.0,
        noise: Noise | None = None,
        free: bool = False,
    ):
        self.reference = reference
        self.known = known
        self.note_on = note_on
        self.shift = shift
        self.cents = cents
        self.noise = noise
        self.free = free
        samples = len(reference)
        start, stop = max(known[0] - shift, 0), min(known[1] - shift, samples)
        wave = np.zeros(samples, np.float32)
        wave[start:stop] = reference[start + shift : stop + shift]
        if cents:
            wave, start, stop = retuned(wave, (start, stop), note_on, cents)
        self._scales = scales()
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
        levels, peaks = levels_and_peaks(wave[None])
        self._targets = [level[0] for level in levels]
        self._peaks = [float(peak[0]) for peak in peaks]
        self._body = slice(min(max(start, note_on), max(stop - 1, 0)), max(stop, 1))
        self._placed = wave
        first = max(self._body.start - _MOST_LATE, 0)
        self._aligned_by = slice(first, first + ALIGNED_SAMPLES)
        self._wave = wave[self._body]
        self._energy = float(self._wave @ self._wave)
        self._audible = bool(np.abs(self._wave).max() >= SILENCE)
        self.floor = 0.0
        self._wave_weight = WAVE_WEIGHT
        if noise is not None:
            self._cells, self._compared, self.floor = self._noisy_weights(noise)
            # No waveform of noise is that of other noise.
            self._wave_weight *= 1 - self.noise_share(noise)

    def shifted(self, shift: int) -> "Objective":
        """An objective of the same reference, taken to be late by `shift` samples."""
        return self._changed(shift=shift)

    def tuned(self, cents: float) -> "Objective":
        """An objective of the same reference, taken to be tuned higher by `cents`."""
        return self._changed(cents=cents)

    def in_noise(self, takes: np.ndarray) -> "Objective":
        """An objective that measures noise by its likelihood.

        What of a sound is noise is read off renderings of one preset near it, which differ in their noise only.
        There the expected power of a rendering is compared with the sound's by `noise.divergence`, as its own
        noise is taken off it; elsewhere levels are compared as ever. All levels are compared but for one common
        factor, the median, since the maximum of a noisy spectrogram is left to chance.

        Args:
            takes: int16 of shape (rows, samples), 8 rows at least, the first with the noise that the renderings to
                be measured have.
        """
        levels, peaks = levels_and_peaks(takes * _INT16)
        return self._changed(noise=Noise.of_renderings(levels, peaks))

    def without_noise(self) -> "Objective":
        """An objective of the same reference that compares levels only, wherever there is noise."""
        return self._changed(noise=None)

    def freed(self) -> "Objective":
        """An objective of the same reference that moves each rendering to where its waveform is most like it.

        A preset that is far from the sound, and a shift that suits it, hold on to each other: with another preset the
        shift is wrong, and the other way round. So every rendering gets the shift that suits it. Noise is compared
        where it is: its waveform tells nothing.
        """
        return self._changed(free=True)

    def settled(self, take: np.ndarray) -> "Objective":
        """An objective that is not `freed` any more, with the shift that suits one rendering, int16, (samples,)."""
        if not self.free:
            return self
        late = int(self.lags(take[None])[0]) if self.moves else 0
        return self._changed(shift=self.shift + late, free=False)

    def lags(self, takes: np.ndarray) -> np.ndarray:
        """By how many samples more than `shift` the reference is late for each rendering, going by the waveforms.

        Args:
            takes: int16 of shape (rows, samples).

        Returns:
            Where the cross-correlation is largest, whatever its sign, within `MAX_SHIFT_SECONDS`: shape (rows,).
        """
        return self._lags(takes * _INT16)

    def _lags(self, waves: np.ndarray) -> np.ndarray:
        products = self._spectrum * scipy.fft.rfft(waves[:, self._aligned_by], _ALIGNED_SIZE).conj()
        shifts = np.arange(-_MOST_LATE, _MOST_LATE + 1)
        return shifts[np.abs(scipy.fft.irfft(products, _ALIGNED_SIZE))[:, shifts].argmax(axis=1)]

    @property
    def moves(self) -> bool:
        """Whether every rendering has a shift of its own."""
        return self.free and self.noise is None

    @cached_property
    def _spectrum(self) -> np.ndarray:
        return scipy.fft.rfft(self._placed[self._aligned_by], _ALIGNED_SIZE)

    def _changed(self, **changes: Any) -> "Objective":
        settings = {"shift": self.shift, "cents": self.cents, "noise": self.noise, "free": self.free}
        return Objective(self.reference, self.known, self.note_on, **(settings | changes))

    def noise_share(self, noise: Noise) -> float:
        """How much of what is compared is noise, 0 to 1."""
        cells = zip(noise.shares, self._weights, strict=True)
        return sum(float(share.sum(axis=1) @ weights) for share, weights in cells) / len(self._scales)

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
        for analysis in self._analyses(takes):
            if self.noise is not None:
                differences = self._aligned(analysis, self.noise)
            else:
                differences = [one - target for one, target in zip(analysis.levels, self._targets, strict=True)]
            cells = [difference.reshape(len(difference), -1) for difference in differences]
            parts.append(np.concatenate(cells, axis=1))
        return np.concatenate(parts)

    def _analyses(self, takes: np.ndarray) -> Iterator[Analysis]:
        for at in range(0, len(takes), _ROWS_TOGETHER):
            waves = takes[at : at + _ROWS_TOGETHER] * _INT16
            if self.moves:
                late = self._lags(waves).tolist()
                waves = np.stack([cut(wave, -own, len(wave)) for wave, own in zip(waves, late, strict=True)])
            yield Analysis(waves, *levels_and_peaks(waves))

    @property
    def cell_weights(self) -> np.ndarray:
        """What 1 dB in each cell of `residuals` counts, shape (cells,)."""
        if self.noise is not None:
            return np.concatenate([(tonal + noisy).ravel() for tonal, noisy in self._cells])
        each = zip(self._weights, self._scales, strict=True)
        return np.concatenate([np.repeat(weights, scale.bands) for weights, scale in each]) / len(self._scales)

    def _distances(self, analysis: Analysis) -> np.ndarray:
        waves = analysis.waves
        spectral = np.zeros(len(waves))
        if self.noise is not None:
            spectral += self._noisy(analysis, self.noise)
        else:
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
        distances = spectral + LEVEL_WEIGHT * np.minimum(level, LEVEL_MOST_DB) + self._wave_weight * waveform
        distances += np.maximum(-louder - SOFT_DB, 0.0)
        if self._audible and (energies < SILENCE**2 * bodies.shape[1]).any():
            distances += np.where(np.abs(waves).max(axis=1) < SILENCE, SILENT_DB, 0.0)
        # The last bits depend on how the rows were batched; the search must not.
        return np.round(distances, 5)

    def _aligned(self, analysis: Analysis, noise: Noise) -> list[np.ndarray]:
        """What is expected of renderings less what the reference has in dB, but for a common factor: per scale."""
        differences = []
        told = zip(analysis.levels, analysis.peaks, self._targets, self._peaks, noise.corrections, strict=True)
        for levels, peaks, target, peak, correction in told:
            differences.append(levels + (peaks[:, None, None] + (correction - target - np.float32(peak))))
        middle = differences[_MIDDLE][:, self._compared]
        gains = np.median(middle.reshape(len(middle), -1), axis=1)[:, None, None]
        for difference in differences:
            difference -= gains
        return differences

    def _noisy(self, analysis: Analysis, noise: Noise) -> np.ndarray:
        """Spectral distances where there is noise: float64, (rows,)."""
        distances = np.zeros(len(analysis.waves))
        for difference, (tonal, noisy) in zip(self._aligned(analysis, noise), self._cells, strict=True):
            distances += np.einsum("rfb,fb->r", np.abs(difference), tonal, dtype=np.float64)
            distances += np.einsum("rfb,fb->r", divergence(difference), noisy, dtype=np.float64)
        return distances

    def _noisy_weights(self, noise: Noise) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, float]:
        """What 1 dB counts in each cell, tonal and noisy; which middle frames are seen in full; and `floor`."""
        cells = []
        floor = 0.0
        for weights, share, sure in zip(self._weights, noise.shares, noise.sure, strict=True):
            each = weights[:, None] / len(self._scales)
            noisy = each * share * sure
            noisy *= (each * share).sum() / max(float(noisy.sum()), 1e-20)
            cells.append((each * (1 - share), noisy))
            # The divergence's mean where powers follow a gamma distribution of shape a, whose variance is 1 / a.
            shape = np.maximum(sure.astype(np.float64) ** 2, 0.5)
            floor += float((noisy * (np.log(shape) - digamma(shape))).sum()) * NATS_DB
        weights = self._weights[_MIDDLE]
        return cells, weights > weights.max() / 2, floor


def retuned(wave: np.ndarray, known: tuple[int, int], note_on: int, cents: float) -> tuple[np.ndarray, int, int]:
    """A sound that is tuned higher by `cents`, tuned down; its note starts where it did.

    Returns:
        The sound, and the first and last sample, exclusive, that are known of it.
    """
    ratio = 2.0 ** (cents / 1200)
    slow = soxr.resample(wave, SAMPLE_RATE, SAMPLE_RATE * ratio, quality="HQ").astype(np.float32)
    first = round(note_on * ratio) - note_on
    tuned = np.zeros_like(wave)
    start, stop = max(-first, 0), min(len(slow) - first, len(wave))
    tuned[start:stop] = slow[start + first : stop + first]
    covered = [round(edge * ratio) - first for edge in known]
    return tuned, max(covered[0], start, 0), min(covered[1], stop)
