"""The distortion: an overdrive that clips the treble more than the bass, eight times oversampled.

Modelled on the pedals that Guitar Rig's Skreamer is modelled on; the ranges are guesses.
"""

from typing import NamedTuple

import numpy as np
import scipy.signal

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.guitar_rack.lines import one_pole

OVERSAMPLING = 8
_REACH = 10
"""Takes' samples that the decimator looks to either side."""
MARGIN = _REACH + 1
"""Takes' samples that an oversampled signal goes on for at either end of the take."""
EDGE = 0.91
"""Middle of the decimator's slope, of half the takes' rate."""
_BLOCK = 1_024
_ONE = np.float32(1.0)

# The clipped path begins here, as in the pedal: bass passes with little gain.
_TREBLE_HERTZ = 600.0
_TILT_HERTZ = 900.0


class Oversampled(NamedTuple):
    """What the distortion is fed, float32 of shape (OVERSAMPLING, samples + 2·MARGIN): sample 8·n + p is `[p, n]`."""

    whole: np.ndarray
    treble: np.ndarray


def decimator() -> np.ndarray:
    """A low-pass for eight times 22,050 Hz: passes 7 kHz, and what would alias to below 9 kHz is 80 dB down.

    Returns:
        float32, (OVERSAMPLING, 2·_REACH + 1): the taps, by phase.
    """
    taps = np.zeros(OVERSAMPLING * (2 * _REACH + 1))
    # Symmetric around the first sample of the middle frame: no delay.
    taps[: 1 - OVERSAMPLING] = elementary.low_pass_taps(OVERSAMPLING * 2 * _REACH + 1, EDGE / OVERSAMPLING, 8.0)
    return np.ascontiguousarray(taps.reshape(-1, OVERSAMPLING).T, dtype=np.float32)


def oversampled(signal: np.ndarray, rate: int) -> Oversampled:
    """Prepare an oversampled signal for the distortion.

    Args:
        signal: float64, (OVERSAMPLING · (samples + 2·MARGIN),): it begins `MARGIN` samples before the take.
        rate: of the takes, in Hz.
    """
    b, a = treble_filter(OVERSAMPLING * rate)
    treble = scipy.signal.lfilter(b, a, signal)
    return Oversampled(*(by_phase(np.asarray(part, dtype=np.float32)) for part in (signal, treble)))


def treble_filter(rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the clipped path, of the first order: coefficients b and a, (2,) each."""
    # The bilinear transform of s / (s + ω).
    tangent = float(elementary.tan(np.pi * _TREBLE_HERTZ / rate))
    return np.array([1.0, -1.0]) / (1.0 + tangent), np.array([1.0, (tangent - 1.0) / (tangent + 1.0)])


def by_phase(signal: np.ndarray) -> np.ndarray:
    """(8·n,) to (8, n), so that loops over time read neighbours."""
    return np.ascontiguousarray(signal.reshape(-1, OVERSAMPLING).T)


def drive_gain(unit: np.ndarray) -> np.ndarray:
    """Gain of the clipped path, 6 dB to 46 dB."""
    return 2.0 * elementary.power(100.0, unit)


def drive_level(unit: np.ndarray) -> np.ndarray:
    """Level after clipping; turning up the drive makes it only somewhat louder."""
    return 0.5 * elementary.power(2.2, -unit)


def tilt_gain(unit: np.ndarray) -> np.ndarray:
    """Gain above 900 Hz over that below: -16 dB to 16 dB."""
    return elementary.power(10.0, (2.0 * unit - 1.0) * 16.0 / 20.0)


def tilt_coefficient(rate: int) -> float:
    """Of the one-pole that divides bass from treble."""
    return one_pole(_TILT_HERTZ, rate)


@kernel(nogil=True)
def decimate(phases, taps, out):
    """One signal to the rate of the takes.

    Args:
        phases: float32, (OVERSAMPLING, samples + 2·MARGIN).
        taps: of `decimator`.
        out: float32, (samples,).
    """
    samples = len(out)
    if phases.shape[0] != OVERSAMPLING or phases.shape[1] < samples + 2 * MARGIN or taps.shape[1] != 2 * _REACH + 1:
        raise ValueError("The signal has eight phases and goes on at both ends; there are 21 taps for each.")
    shift = MARGIN - _REACH
    for start in range(0, samples, _BLOCK):
        count = min(_BLOCK, samples - start)
        block = out[start : start + count]
        block[:] = np.float32(0.0)
        for phase in range(OVERSAMPLING):
            # Three taps at a time: there are 21. Slices, as indices that might be negative prevent vectors.
            for tap in range(0, taps.shape[1], 3):
                t0, t1, t2 = taps[phase, tap], taps[phase, tap + 1], taps[phase, tap + 2]
                at = shift + tap + start
                s0 = phases[phase, at : at + count]
                s1 = phases[phase, at + 1 : at + 1 + count]
                s2 = phases[phase, at + 2 : at + 2 + count]
                for sample in range(count):
                    block[sample] += t0 * s0[sample] + t1 * s1[sample] + t2 * s2[sample]


@kernel(nogil=True)
def distort(sound, on, gains, levels, tilts, coefficient, whole, treble, taps):
    """Replace the rows whose distortion is on by the signal distorted.

    The saturation is x / √(1 + x²), anti-aliased as in `amp.saturate`.

    Args:
        sound: float32, (rows, samples); behind the end of the signal it is left as it is.
        on: bool, (rows,).
        gains: of `drive_gain`, (rows,).
        levels: of `drive_level`, (rows,).
        tilts: of `tilt_gain`, (rows,).
        coefficient: of `tilt_coefficient`.
        whole: of `Oversampled`.
        treble: of `Oversampled`.
        taps: of `decimator`.
    """
    rows = len(sound)
    samples = whole.shape[1] - 2 * MARGIN
    if not len(on) == len(gains) == len(levels) == len(tilts) == rows:
        raise ValueError("Every row has its settings.")
    if samples > sound.shape[1] or treble.shape != whole.shape or len(whole) != OVERSAMPLING:
        raise ValueError("The signal has eight phases, and is no longer than the takes.")
    # A block at a time, which stays in the cache.
    most = min(_BLOCK, samples) + 2 * MARGIN
    driven = np.zeros((OVERSAMPLING, most), np.float32)
    roots = np.ones((OVERSAMPLING, most), np.float32)
    clipped = np.zeros((OVERSAMPLING, most), np.float32)
    for row in range(rows):
        if not on[row]:
            continue
        gain = np.float32(gains[row])
        for start in range(0, samples, _BLOCK):
            length = min(_BLOCK, samples - start) + 2 * MARGIN
            for phase in range(OVERSAMPLING):
                fed, high = whole[phase, start : start + length], treble[phase, start : start + length]
                x, root = driven[phase], roots[phase]
                for at in range(length):
                    value = fed[at] + gain * high[at]
                    x[at] = value
                    root[at] = np.sqrt(_ONE + value * value)
            for phase in range(OVERSAMPLING):
                # The sample before the first phase's is the last phase's of the frame before.
                before = (phase - 1) % OVERSAMPLING
                back = 1 if phase == 0 else 0
                for at in range(1, length):
                    clipped[phase, at] = (driven[phase, at] + driven[before, at - back]) / (
                        roots[phase, at] + roots[before, at - back]
                    )
            decimate(clipped, taps, sound[row, start : start + length - 2 * MARGIN])
        # Half the tilt up, half down.
        up = levels[row] * np.sqrt(tilts[row])
        down = levels[row] / np.sqrt(tilts[row])
        bass = 0.0
        for sample in range(samples):
            x = np.float64(sound[row, sample])
            bass += coefficient * (x - bass)
            sound[row, sample] = np.float32(down * bass + up * (x - bass))
