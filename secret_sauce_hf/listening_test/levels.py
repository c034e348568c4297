"""How loud sounds are, made equally loud; and anchors, sounds through a low-pass."""

import math
from collections.abc import Mapping

import numpy as np

TARGET_LUFS = -23.0
"""How loud every sound of a test is, if none would be clipped (EBU R 128)."""
CEILING_DBFS = -1.0
"""No sample of a test is higher."""
MOST_GAIN_DB = 40.0
"""What would have to be made louder than by this is as good as silent, and left quiet."""
BLOCK, STEP = 0.4, 0.1
"""Seconds of a block whose loudness is measured, and from one to the next."""
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
"""Blocks below the first, in LUFS, are silence; those so much below the mean of the others, in LU, are pauses."""
FADE_IN, FADE_OUT = 0.002, 0.010
"""Seconds over which every sound begins and ends."""
_OFFSET = -0.691
_REJECTION_DB = 60.0


def k_weighting(rate: int) -> np.ndarray:
    """The two filters of K-weighting as second-order sections, shape (2, 6).

    BS.1770 tells their coefficients for 48 kHz. For other rates they follow from the analogue filters behind them: a
    shelf of 4 dB from 1,682 Hz on, and a high-pass at 38 Hz.

    Args:
        rate: in Hz.
    """
    k, q = math.tan(math.pi * 1_681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    a1, a2 = 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0
    b = [(high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0]
    shelf = [*b, 1.0, a1, a2]
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return np.array([shelf, [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]])


def loudness(samples: np.ndarray, rate: int) -> float:
    """Integrated loudness of one channel in LUFS, gated as of BS.1770-5; -inf of silence.

    A sound shorter than a block is one block.

    Args:
        samples: shape (samples,), full scale ±1.
        rate: in Hz.
    """
    from scipy.signal import sosfilt

    if not len(samples):
        return -math.inf
    powers = np.square(sosfilt(k_weighting(rate), np.asarray(samples, np.float64)))
    size = min(round(BLOCK * rate), len(powers))
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    starts = np.arange(0, len(powers) - size + 1, max(round(STEP * rate), 1))
    blocks = (sums[starts + size] - sums[starts]) / size
    heard = blocks[_lufs(blocks) > ABSOLUTE_GATE]
    if not len(heard):
        return -math.inf
    kept = heard[_lufs(heard) > float(_lufs(heard.mean())) + RELATIVE_GATE]
    return float(_lufs(kept.mean()))


def low_passed(samples: np.ndarray, rate: int, cutoff: float) -> np.ndarray:
    """A sound without what is above a frequency, at the same time: float64 of the same shape.

    A linear-phase filter that passes up to `cutoff` within .01 dB and rejects 60 dB from an octave's seventh above
    (3.5 → 4 kHz, 7 → 8 kHz): BS.1534-3 asks of the 3.5 kHz anchor for a ripple below .1 dB, 25 dB at 4 kHz
    and 50 dB at 4.5 kHz.

    Args:
        samples: shape (samples,).
        rate: in Hz.
        cutoff: in Hz; where half the rate is not above it, the sound stays as it is.
    """
    from scipy.signal import fftconvolve, firwin, kaiserord

    width = cutoff / 7
    if cutoff + width >= rate / 2:
        return np.asarray(samples, np.float64)
    taps, beta = kaiserord(_REJECTION_DB, width / (rate / 2))
    filter_ = firwin(taps | 1, cutoff + width / 2, window=("kaiser", beta), fs=rate)
    return fftconvolve(np.asarray(samples, np.float64), filter_, mode="same")


def faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """A sound that begins and ends at 0, so that neither its loop nor its end clicks: of the same shape."""
    result = np.array(samples, np.float64)
    for seconds, part in ((FADE_IN, slice(None)), (FADE_OUT, slice(None, None, -1))):
        size = min(round(seconds * rate), len(result))
        result[part][:size] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(size) / max(size, 1))
    return result


def gains(sounds: Mapping[str, np.ndarray], rate: int, target: float) -> dict[str, float | None]:
    """By how many dB each sound has to be turned up to be as loud as a target; None of what is as good as silent.

    Args:
        sounds: by name, shape (samples,).
        rate: in Hz.
        target: in LUFS.
    """
    found = {name: target - loudness(samples, rate) for name, samples in sounds.items()}
    return {name: gain if gain <= MOST_GAIN_DB else None for name, gain in found.items()}


def headroom(peak: float) -> float:
    """By how many dB a test has to be turned down whose highest sample this is; 0 if it need not be."""
    return max(20 * math.log10(peak) - CEILING_DBFS, 0.0) if peak > 0 else 0.0


def _lufs(power: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return _OFFSET + 10 * np.log10(power)
