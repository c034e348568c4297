"""What a recording says of its level: silent, clipped, and where its sound starts. Plain functions."""

import numpy as np

from secret_sauce_hf.instruments.takes import SILENCE

FULL = 0.98
"""A converter's last value may lie a little below full scale, where its driver scales."""
FLAT = 4
"""Samples in a row at one value near full scale that no sound has by itself."""
_STEP = 3e-5
"""By which such samples differ at most: one step of 16 bits."""
_ABOVE = 4.0
_SHARE = 0.03
_SOON, _LATER = 0.002, 0.05


def peak(samples: np.ndarray) -> float:
    """The highest absolute sample, 0 where there are none; samples of shape (any,)."""
    return float(np.abs(samples).max(initial=0.0))


def dbfs(value: float) -> float:
    """An amplitude in dB re full scale, -120 at least."""
    return 20 * float(np.log10(max(value, 1e-6)))


def is_clipped(samples: np.ndarray) -> bool:
    """Whether a converter has cut off the tops: `FLAT` samples in a row at the same value near full scale.

    A value above full scale alone says nothing: between programs sound may be louder, and no top is cut off.

    Args:
        samples: floats of shape (any,), full scale ±1.
    """
    if len(samples) < FLAT:
        return False
    still = (np.abs(np.diff(samples)) <= _STEP) & (np.abs(samples[1:]) >= FULL)
    return bool(np.convolve(still, np.ones(FLAT - 1), "valid").max(initial=0.0) >= FLAT - 1)


def onset(samples: np.ndarray, floor: float) -> int | None:
    """The first sample that stands out of the noise; None where there is none.

    Args:
        samples: floats of shape (any,).
        floor: the noise's highest absolute sample.
    """
    loudest = peak(samples)
    threshold = max(_ABOVE * floor, SILENCE, _SHARE * loudest)
    return int(np.argmax(np.abs(samples) >= threshold)) if loudest >= threshold else None


def is_sharp(samples: np.ndarray, at: int, rate: int) -> bool:
    """Whether a sound starts at once: within 2 ms it is half as loud as it is within 50 ms.

    Args:
        samples: floats of shape (any,).
        at: where it starts.
        rate: in Hz.
    """
    soon, later = (peak(samples[at : at + round(seconds * rate)]) for seconds in (_SOON, _LATER))
    return soon >= 0.5 * later


def likeness(one: np.ndarray, other: np.ndarray, reach: int = 0) -> float:
    """The correlation of two sounds, at the best of the delays up to `reach` samples; 0 where one is silent.

    Args:
        one: floats of shape (samples,).
        other: floats of the same shape.
        reach: the longest delay that is tried, in samples.
    """
    one, other = (np.asarray(sound, np.float64) - np.mean(sound) for sound in (one, other))
    scale = float(np.sqrt(np.sum(one**2) * np.sum(other**2)))
    if scale <= 0:
        return 0.0
    length = len(one) + reach
    spectrum = np.fft.rfft(one, length) * np.conj(np.fft.rfft(other, length))
    found = np.fft.irfft(spectrum, length)
    return float(found[np.r_[0 : reach + 1, length - reach : length]].max() / scale)
