"""What is fixed in the rack: the amplifier in front of the effects and the cabinet behind them.

Both are guesses at what 2018 used ("Dirty Clean" and its matched cabinet).
"""

import numpy as np
import scipy.signal

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.engines.dsp.biquads import high_pass, high_shelf, low_pass, peak

# Gain before the valve: the loudest moments are rounded, the rest is nearly clean.
GAIN = 1.1
BIAS = 0.35
LEVEL = 0.7
CABINET_TAIL = 0.08
"""Seconds in which what comes out of the cabinet falls by 140 dB once nothing goes in."""


def saturate(samples: np.ndarray) -> np.ndarray:
    """x / √(1 + x²) of a sampled signal, by its mean between neighbouring samples.

    The antiderivative is √(1 + x²), and its difference quotient is (x + x') / (√(1 + x²) + √(1 + x'²)),
    which never divides by a small number (antiderivative anti-aliasing: Parker, Zavalishin and Le Bivic, 2016).
    """
    root = np.sqrt(1.0 + samples**2)
    before = np.concatenate([samples[:1], samples[:-1]])
    return (samples + before) / (root + np.concatenate([root[:1], root[:-1]]))


def amplify(voltage: np.ndarray, rate: int) -> np.ndarray:
    """An amplifier at the brink of distortion: a biased valve and a tone stack.

    Args:
        voltage: of the pickup, float64, (samples,), with a peak of 1.
        rate: in Hz, at least four times that of the takes, as the valve makes harmonics.

    Returns:
        The amplifier's output, float64, (samples,), with a peak below 1.
    """
    sound = saturate(BIAS + GAIN * scipy.signal.sosfilt(before_valve(rate), voltage))
    return LEVEL * scipy.signal.sosfilt(tone_stack(rate), sound - saturate(np.array([BIAS]))[0])


def before_valve(rate: int) -> np.ndarray:
    """What the amplifier's input leaves out: a section of a filter, float64, (1, 6)."""
    return high_pass(50.0, 0.7, rate)


def tone_stack(rate: int) -> np.ndarray:
    """What follows the valve: sections of a filter, float64, (3, 6)."""
    return np.concatenate(
        [
            # What the bias adds goes no further than the coupling capacitor.
            high_pass(35.0, 0.7, rate),
            peak(480.0, 0.7, -3.0, rate),
            high_shelf(2_500.0, 0.7, 3.0, rate),
        ]
    )


def cabinet(rate: int) -> np.ndarray:
    """A closed cabinet with one twelve-inch loudspeaker: nothing below its resonance, presence, nothing above 5 kHz.

    Returns:
        Sections of a filter, float64, (sections, 6).
    """
    return np.concatenate(
        [
            high_pass(80.0, 0.9, rate),
            peak(125.0, 1.2, 3.0, rate),
            peak(420.0, 0.8, -3.0, rate),
            peak(2_600.0, 1.3, 5.0, rate),
            low_pass(4_600.0, 1.1, rate),
            low_pass(5_200.0, 0.6, rate),
        ]
    )


@kernel(nogil=True)
def play_cabinet(sound, stops, sections, level):
    """Filter every row in place, in transposed direct form II.

    Args:
        sound: float32, (rows, samples).
        stops: the sample of each row from which it is silent, before and after, (rows,).
        sections: float64, (sections, 6); see `cabinet`.
        level: gain.
    """
    rows, samples = sound.shape
    count = len(sections)
    if len(stops) != rows or sections.shape[1] != 6:
        raise ValueError("Every row has an end, and every section six coefficients.")
    first = np.empty(count)
    second = np.empty(count)
    for row in range(rows):
        first[:] = 0.0
        second[:] = 0.0
        for sample in range(min(stops[row], samples)):
            x = level * sound[row, sample]
            for at in range(count):
                y = sections[at, 0] * x + first[at]
                first[at] = sections[at, 1] * x - sections[at, 4] * y + second[at]
                second[at] = sections[at, 2] * x - sections[at, 5] * y
                x = y
            sound[row, sample] = np.float32(x)
