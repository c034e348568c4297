"""Sounds at another rate without soxr: for those who lack it, and for takes on their way to AST."""

import numpy as np
import pytest
import soxr
import torch

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.modeling import feature_extraction_secret_sauce
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import resample


def noise(rate: int, new_rate: int, part: float) -> tuple[np.ndarray, np.ndarray]:
    """A second of noise below `part` of the lower Nyquist frequency, at both rates: it repeats after a second."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=rate))
    spectrum[int(part * min(rate, new_rate) / 2) :] = 0
    other = np.zeros(new_rate // 2 + 1, complex)
    common = min(len(spectrum), len(other))
    other[:common] = spectrum[:common]
    return np.fft.irfft(spectrum, rate).astype(np.float32), np.fft.irfft(other, new_rate) * new_rate / rate


def error_db(told: np.ndarray, truth: np.ndarray) -> float:
    # The noise goes on in the truth where the sound ends.
    within = slice(600, -600)
    return float(20 * np.log10((told - truth)[within].std() / truth[within].std()))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_it_is_what_soxr_gives(rate: int):
    wave, truth = noise(rate, SAMPLE_RATE, 0.8)
    told = resample(torch.from_numpy(wave)[None], rate, SAMPLE_RATE)[0].numpy()
    expected = soxr.resample(wave, rate, SAMPLE_RATE)
    assert told.shape == expected.shape
    assert error_db(told, expected) < -85
    assert error_db(told, truth) < -115


@pytest.mark.parametrize(("rate", "new_rate"), [(48_000, 22_050), (22_050, 16_000), (8_000, 22_050)])
def test_the_pass_band_is_kept(rate: int, new_rate: int):
    wave, truth = noise(rate, new_rate, 0.9)
    assert error_db(resample(torch.from_numpy(wave)[None], rate, new_rate)[0].numpy(), truth) < -110


def test_what_has_no_place_at_the_lower_rate_is_gone():
    high = torch.sin(2 * torch.pi * 11_100 / 44_100 * torch.arange(44_100, dtype=torch.float64))
    assert resample(high.float()[None], 44_100, SAMPLE_RATE)[0, 600:-600].abs().max() < 1e-5


@pytest.mark.parametrize(
    ("rate", "samples"), [(1_000, 7), (44_101, 44_101), (767_999, 50_000), (768_000, 1), (8_000, 3)]
)
def test_any_rate_and_length(rate: int, samples: int):
    told = resample(torch.ones(2, samples), rate, SAMPLE_RATE)
    assert told.shape == (2, round(samples * SAMPLE_RATE / rate))
    assert torch.isfinite(told).all()


def test_long_waves_are_done_in_parts(monkeypatch):
    wave = torch.randn(2, 20_000, generator=torch.Generator().manual_seed(0))
    whole = resample(wave, 48_000, SAMPLE_RATE)
    monkeypatch.setattr(feature_extraction_secret_sauce, "RESAMPLED_AT_ONCE", 20_000)
    torch.testing.assert_close(resample(wave, 48_000, SAMPLE_RATE), whole, rtol=0, atol=1e-5)
