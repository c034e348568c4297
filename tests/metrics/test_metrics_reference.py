"""The metrics against implementations that nobody here wrote: librosa, dtw-python and auraloss."""

from collections.abc import Callable

import auraloss
import dtw
import librosa
import numpy as np
import pytest
import torch

from secret_sauce_hf import metrics
from secret_sauce_hf.metrics import spectra
from secret_sauce_hf.metrics.sounds import MSS_SCALES

RATE = 22_050


def _sweep(samples: int) -> np.ndarray:
    time = np.arange(samples) / RATE
    return 0.4 * np.sin(2 * np.pi * (80 * time + 2_500 * time**2)) * np.exp(-2 * time)


def _noise(samples: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.1, samples) * np.linspace(1, 0.01, samples)


def _pulses(samples: int) -> np.ndarray:
    return 0.6 * np.sign(np.sin(2 * np.pi * 131 * np.arange(samples) / RATE)) * (np.arange(samples) > samples // 3)


SOUNDS: tuple[Callable[[int], np.ndarray], ...] = (_sweep, _noise, _pulses)
PAIRS = [(first, second) for first in SOUNDS for second in SOUNDS if first is not second]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0].__name__[1:]}-{pair[1].__name__[1:]}")
def pair(request) -> tuple[np.ndarray, np.ndarray]:
    # Of a length that no hop divides.
    first, second = request.param
    return first(12_345), second(12_345)


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize(("window", "hop", "bands"), MSS_SCALES)
@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.__name__[1:])
def test_the_log_mels_of_mss_are_librosas(sound, window, hop, bands):
    wave = sound(12_345)
    length, step = window * RATE // 1000, hop * RATE // 1000
    mels = librosa.feature.melspectrogram(y=wave, sr=RATE, n_fft=length, hop_length=step, n_mels=bands)
    expected = librosa.power_to_db(mels, ref=np.max).T
    found = spectra.decibels(spectra.mel_powers(wave, RATE, length, step, bands), relative=True)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize(("window", "hop", "count"), [(1_102, 220, 20), (1_024, 256, 40), (2_048, 512, 20)])
@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.__name__[1:])
def test_cepstra_are_librosas(sound, window, hop, count):
    wave = sound(12_345)
    expected = librosa.feature.mfcc(y=wave, sr=RATE, n_mfcc=count, n_fft=window, hop_length=hop, n_mels=128).T
    np.testing.assert_allclose(spectra.cepstra(wave, RATE, window, hop, 128, count), expected, atol=1e-2)


def test_wmfcc_is_the_normalised_distance_of_dtw_python(pair):
    first, second = (
        librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=20, n_fft=1_102, hop_length=220, n_mels=128).T for y in pair
    )
    cost = np.abs(first[:, None] - second[None]).mean(axis=2)
    expected = dtw.dtw(cost.astype(np.float64), step_pattern="symmetric2", distance_only=True).normalizedDistance
    assert metrics.wmfcc(*pair, RATE) == pytest.approx(expected, rel=1e-4)


def test_wmfcc_of_sounds_that_differ_in_tempo_is_that_of_dtw_python():
    slow, fast = _sweep(12_345), np.pad(_sweep(12_345)[::2], (0, 12_345 - 6_173))
    mfcc = [librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=20, n_fft=1_102, hop_length=220).T for y in (slow, fast)]
    cost = np.abs(mfcc[0][:, None] - mfcc[1][None]).mean(axis=2).astype(np.float64)
    warped = dtw.dtw(cost, step_pattern="symmetric2")
    # The path leaves the diagonal, so that the warping is put to the test.
    assert np.abs(warped.index1 - warped.index2).max() > 5
    assert metrics.wmfcc(slow, fast, RATE) == pytest.approx(warped.normalizedDistance, rel=1e-4)


def test_the_composite_is_made_of_what_auraloss_and_librosa_give(pair):
    # Between silence, beyond which auraloss' reflected padding and ours of zeros are the same.
    first, second = (np.pad(wave, 1_024) for wave in pair)
    convergence, log_magnitude = _auraloss(first, second)
    mfcc = [librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=40, n_fft=1_024, hop_length=256) for y in (first, second)]
    expected = 0.7 * min(convergence, 5) + 0.27 * log_magnitude + 0.03 * np.abs(mfcc[0] - mfcc[1]).mean()
    assert metrics.spectral_composite(first, second, RATE) == pytest.approx(expected, rel=1e-3)


def _auraloss(reference: np.ndarray, estimate: np.ndarray) -> tuple[float, float]:
    """Spectral convergence, and the mean absolute difference of log10 magnitudes."""
    # Its floor of 1e-8 is one of powers: 1e-4 of magnitudes.
    loss = auraloss.freq.STFTLoss(fft_size=1_024, hop_size=256, win_length=1_024, eps=1e-8, output="full")
    sounds = [torch.from_numpy(wave.astype(np.float32))[None, None] for wave in (estimate, reference)]
    _, convergence, log_magnitude, *_ = loss(*sounds)
    return float(convergence), float(log_magnitude) / np.log(10)
