"""Distances between two sounds.

Every function takes `reference` and `estimate` of the same shape `(samples,)` or
`(rows, samples)`, as floats of full scale 1 or as integers of their type's full
scale, and returns a float, or an array with one value per row. 0 means equal,
except for `rms_cosine`, where 1 does. Sources: "Hayes" is B. Hayes et al., Audio
synthesizer inversion in symmetric parameter spaces with approximately equivariant
flow matching, 2025; "SynthRL" is W. Shin et al., 2025.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np

from secret_sauce_hf.instruments import InputError, integer
from secret_sauce_hf.metrics.spectra import cepstra, decibels, frames, magnitudes, mel_powers

MSS_SCALES = ((10, 5, 32), (25, 10, 64), (100, 50, 128))
"""Window in ms, hop in ms and number of mel bands of each spectrogram of `mss`."""
SILENCE_RMS = 1e-5
"""Level (−100 dBFS) below which `level_difference` tells nothing apart."""

_ROWS_AT_ONCE = 64
_Metric = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def _by_rows(metric: _Metric) -> Callable[..., float | np.ndarray]:
    """Let a function of (rows, samples) take single sounds too, check them and bound its memory."""

    @wraps(metric)
    def checked(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float | np.ndarray:
        first, second = comparable(reference, estimate)
        sample_rate = check_rate(sample_rate)
        rows, other = np.atleast_2d(first), np.atleast_2d(second)
        parts = [
            metric(rows[start : start + _ROWS_AT_ONCE], other[start : start + _ROWS_AT_ONCE], sample_rate)
            for start in range(0, len(rows), _ROWS_AT_ONCE)
        ]
        values = np.concatenate(parts) if parts else np.empty(0)
        return values if first.ndim == 2 else float(values[0])

    return checked


def comparable(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sounds as every function here reads them: floats of full scale 1, of one shape.

    Raises:
        InputError: they are not finite, of another type, or of different shapes.
    """
    first, second = _waves(reference), _waves(estimate)
    if first.shape != second.shape:
        raise InputError(
            f"The two sounds have shapes {first.shape} and {second.shape}; cut or pad them to the same length."
        )
    return first, second


def check_rate(sample_rate: int) -> int:
    """A sound's rate as an integer, in Hz.

    Raises:
        InputError: it is none, or one in kHz.
    """
    return integer("sample_rate, in Hz,", sample_rate, 1_000, 10**7)


def _waves(sound: np.ndarray) -> np.ndarray:
    sound = np.asarray(sound)
    if sound.ndim not in (1, 2) or sound.shape[-1] == 0:
        raise InputError(f"A sound needs shape (samples,) or (rows, samples), not {sound.shape}.")
    # 64 bits are a list of Python's integers, whose full scale nobody means.
    if np.issubdtype(sound.dtype, np.signedinteger) and sound.dtype.itemsize <= 4:
        return sound / -float(np.iinfo(sound.dtype).min)
    if not np.issubdtype(sound.dtype, np.floating):
        raise InputError(f"A sound needs floats or signed integers of up to 32 bits, not {sound.dtype}.")
    if not np.isfinite(sound).all():
        raise InputError("A sound has samples that are not finite; NaN and infinity cannot be compared.")
    return sound.astype(np.float64, copy=False)


@_by_rows
def mss(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> np.ndarray:
    """Multi-scale spectral distance in dB (Hayes): how differently two sounds are coloured over time.

    Three log-mel spectrograms (windows of 10, 25 and 100 ms), each in dB relative to
    its sound's own maximum and cut off 80 dB below, as
    `librosa.power_to_db(ref=np.max)` does; the mean absolute difference, averaged over
    the three. Ignores level.
    """
    total = np.zeros(len(reference))
    for length, hop, bands in mss_scales(sample_rate):
        first, second = (
            decibels(mel_powers(waves, sample_rate, length, hop, bands), relative=True)
            for waves in (reference, estimate)
        )
        total += np.abs(first - second).mean(axis=(-2, -1))
    return total / len(MSS_SCALES)


@_by_rows
def wmfcc(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> np.ndarray:
    """Warped cepstral distance (Hayes): timbre, forgiving small shifts in time; sees level.

    20 coefficients of 128 mel bands (windows of 50 ms every 10 ms), the mean absolute
    difference of two frames summed along the best path of dynamic time warping. A
    diagonal step counts twice and the sum is divided by the number of frames of both
    sounds ("symmetric2" of H. Sakoe and S. Chiba, 1978), as in Hayes' evaluation.
    """
    length, hop = _samples(50, sample_rate), _samples(10, sample_rate)
    first, second = (cepstra(waves, sample_rate, length, hop, 128, 20) for waves in (reference, estimate))
    return np.array([_warped(one, other) for one, other in zip(first, second, strict=True)])


def _warped(first: np.ndarray, second: np.ndarray) -> float:
    cost = np.abs(first[:, None, :] - second[None, :, :]).mean(axis=-1)
    rows, columns = cost.shape
    # Every cell of an anti-diagonal depends on the two anti-diagonals before only.
    # `total` is one larger at the front, so that the first row and column need no care.
    total = np.full((rows + 1, columns + 1), np.inf)
    total[1, 1] = cost[0, 0]
    for diagonal in range(1, rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        here = cost[i, j]
        total[i + 1, j + 1] = np.minimum(total[i, j] + 2 * here, np.minimum(total[i, j + 1], total[i + 1, j]) + here)
    return float(total[-1, -1]) / (rows + columns)


@_by_rows
def sot(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> np.ndarray:
    """Spectral optimal transport (Hayes): how far energy has to move, as a fraction of Nyquist.

    Magnitude spectra (windows of 50 ms every 20 ms), each frame normalised to sum 1;
    the mean absolute difference of the cumulative sums over the bins, averaged over
    frames. A frame of silence counts as zeros.
    """
    length, hop = _samples(50, sample_rate), _samples(20, sample_rate)
    first, second = (
        np.cumsum(spectra / np.maximum(spectra.sum(axis=-1, keepdims=True), 1e-6), axis=-1)
        for spectra in (magnitudes(reference, length, hop), magnitudes(estimate, length, hop))
    )
    return np.abs(first - second).mean(axis=(-2, -1))


def sot_hertz(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float | np.ndarray:
    """`sot` in Hz: the same distance, independent of the sample rate it is computed at."""
    return sot(reference, estimate, sample_rate) * (sample_rate / 2)


@_by_rows
def rms_cosine(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> np.ndarray:
    """Cosine similarity of the RMS envelopes (Hayes; windows of 50 ms every 25 ms), 1 if of one shape.

    Silence is equal to silence (1) and unlike everything else (0).
    """
    length, hop = _samples(50, sample_rate), _samples(25, sample_rate)
    first, second = (np.sqrt(np.mean(frames(waves, length, hop) ** 2, axis=-1)) for waves in (reference, estimate))
    norms = np.linalg.norm(first, axis=-1), np.linalg.norm(second, axis=-1)
    product = norms[0] * norms[1]
    both_silent = ((norms[0] == 0) & (norms[1] == 0)).astype(np.float64)
    return np.divide((first * second).sum(axis=-1), product, out=both_silent, where=product > 0)


@_by_rows
def spectral_composite(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> np.ndarray:
    """.7·SC + .27·log-MAE + .03·MFCC (SynthRL), weighted to agree with 120 listeners; sees level.

    Windows of 1,024 samples every 256 (meant for 22,050 Hz). SC is the norm of the
    difference of the magnitude spectra over the reference's, at most 5; log-MAE the
    mean absolute difference of their log10, floored at 1e-4; MFCC that of 40
    coefficients of 128 mel bands.
    """
    spectra = [magnitudes(waves, 1024, 256) for waves in (reference, estimate)]
    norm = np.linalg.norm(spectra[0], axis=(-2, -1))
    difference = np.linalg.norm(spectra[0] - spectra[1], axis=(-2, -1))
    # Anything is infinitely far from silence but silence itself.
    against_silence = np.where(difference > 0, 5.0, 0.0)
    convergence = np.minimum(np.divide(difference, norm, out=against_silence, where=norm > 0), 5.0)
    logs = [np.log10(np.maximum(one, 1e-4)) for one in spectra]
    log_error = np.abs(logs[0] - logs[1]).mean(axis=(-2, -1))
    mfcc = [cepstra(waves, sample_rate, 1024, 256, 128, 40) for waves in (reference, estimate)]
    mfcc_error = np.abs(mfcc[0] - mfcc[1]).mean(axis=(-2, -1))
    return 0.7 * convergence + 0.27 * log_error + 0.03 * mfcc_error


@_by_rows
def level_difference(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> np.ndarray:  # noqa: ARG001
    """Absolute difference of the RMS levels over the whole sounds, in dB.

    Both levels are floored at −100 dBFS, so that silence equals silence.
    """
    levels = [
        20 * np.log10(np.maximum(np.sqrt(np.mean(waves**2, axis=-1)), SILENCE_RMS)) for waves in (reference, estimate)
    ]
    return np.abs(levels[0] - levels[1])


def mss_scales(sample_rate: int) -> list[tuple[int, int, int]]:
    """Window in samples, hop in samples and number of mel bands of each spectrogram of `mss`."""
    return [(_samples(window, sample_rate), _samples(hop, sample_rate), bands) for window, hop, bands in MSS_SCALES]


def _samples(milliseconds: int, sample_rate: int) -> int:
    # Rounded down, as in Hayes' evaluation.
    return int(milliseconds * sample_rate / 1000)


@dataclass(frozen=True)
class Distance:
    """A distance as tables show it."""

    name: str
    title: str
    unit: str
    function: Callable[..., float | np.ndarray]
    digits: str = ".3g"

    def show(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:{self.digits}} {self.unit}".rstrip()


DISTANCES = (
    Distance("mss", "Multi-scale spectral (MSS)", "dB", mss),
    Distance("level_difference", "Level difference", "dB", level_difference),
    Distance("wmfcc", "Warped MFCC", "", wmfcc),
    Distance("sot_hertz", "Spectral transport (SOT)", "Hz", sot_hertz, ".1f"),
    Distance("sot", "SOT, fraction of Nyquist", "", sot),
    Distance("rms_cosine", "Envelope cosine (1 is equal)", "", rms_cosine, ".4f"),
    Distance("spectral_composite", "Spectral composite", "", spectral_composite),
)
"""Every distance, the most telling first."""
