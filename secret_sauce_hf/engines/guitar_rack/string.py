"""A plucked steel string under a magnetic pickup, as a sum of its damped modes.

The patch of 2018 is not published: a bright, clean electric guitar is assumed. What
stands here plays its note, note 60 at velocity 120, to the last bit as ever: in
float64, once per process. Other notes are `strings`' matter, by the same formulas.
"""

import numpy as np
import scipy.signal

from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.dsp.biquads import low_pass

FUNDAMENTAL = 440.0 * float(elementary.power(2.0, -9 / 12))
"""Note 60, in Hz."""
INHARMONICITY = 8e-5
"""B = π³ E d⁴ / (64 T l²), of a plain string of about 0.4 mm: the B string at its first fret."""

# Decay rate of a mode in 1/s: air and ends, and losses inside the string growing with
# the frequency squared (Bensa et al. 2003, "The simulation of piano string vibration").
LOSS = 1.6
LOSS_BY_SQUARE = 1.3e-8
# A finger on the string after note-off: decay rates in 1/s, and how long it takes to settle.
DAMPER_LOSS = 30.0
DAMPER_LOSS_BY_SQUARE = 6e-8
DAMPER_SECONDS = 0.008

# Parts of the sounding length, from the bridge.
PLUCKED_AT = 0.17
PLECTRUM_WIDTH = 0.010
PICKUP_AT = 0.235
PICKUP_WIDTH = 0.040
# The plectrum lets go within this time.
RELEASE_SECONDS = 2.5e-5
_PICKUP_HERTZ = 4_600.0
_PICKUP_Q = 1.7

# The two planes of vibration: amplitude at the pickup, cents off, factor of the losses.
# The bridge gives way across the top more than along it.
PLANES = ((0.8, -0.25, 1.25), (0.2, 0.75, 0.7))
HIGHEST_HERTZ = 14_000.0
"""Modes that would lie below it if the string were not stiff are heard."""


def mode_hertz(fundamental: float = FUNDAMENTAL, inharmonicity: float = INHARMONICITY) -> np.ndarray:
    """Frequencies of a stiff string's modes, f_n = n f_1 √((1 + B n²) / (1 + B)), as far as they matter.

    Args:
        fundamental: f_1, in Hz.
        inharmonicity: B (Fletcher and Rossing, "The Physics of Musical Instruments", 2.18).
    """
    number = np.arange(1, int(HIGHEST_HERTZ / fundamental) + 1)
    return fundamental * number * np.sqrt((1.0 + inharmonicity * number**2) / (1.0 + inharmonicity))


def mode_amplitudes(count: int, stretch: float = 1.0) -> np.ndarray:
    """Velocity at the pickup of each mode of a string drawn aside to a corner and let go at once.

    A corner at p gives displacements sin(nπp) / n², their velocities are n times that.

    Args:
        count: number of modes.
        stretch: how much longer the string of 2018 sounds: plectrum and pickup stay where they are,
            so that they are this many times further along a string that is stopped shorter.
    """
    number = np.arange(1, count + 1)
    corner = elementary.sin(np.pi * number * (PLUCKED_AT * stretch)) / number
    # sinc(x) is sin(πx) / (πx): the mean of a mode over a width of the string.
    plectrum = elementary.sinc(number * (PLECTRUM_WIDTH * stretch))
    pickup = elementary.sin(np.pi * number * (PICKUP_AT * stretch)) * elementary.sinc(number * (PICKUP_WIDTH * stretch))
    return corner * plectrum * pickup


def release_gains(count: int, fundamental: float = FUNDAMENTAL, seconds: float = RELEASE_SECONDS) -> np.ndarray:
    """What a plectrum that lets go within some time, as a Gaussian, leaves of each mode."""
    number = np.arange(1, count + 1)
    return elementary.exp(-0.5 * (2.0 * np.pi * fundamental * number * seconds) ** 2)


def coil(rate: int) -> np.ndarray:
    """The coil's inductance and the cable's capacitance: a section of a filter, (1, 6)."""
    return low_pass(_PICKUP_HERTZ, _PICKUP_Q, rate)


def pickup_voltage(samples: int, rate: int, note_on: float, note_off: float) -> np.ndarray:
    """The note of 2018 under the pickup, as loud as `mode_amplitudes` says.

    Args:
        samples: how many.
        rate: in Hz, above twice the highest mode (15.4 kHz).
        note_on: when the string is let go, in seconds from the first sample.
        note_off: when it is damped.

    Returns:
        float64, (samples,).
    """
    time = np.arange(samples) / rate - note_on
    sounding = time >= 0.0
    time = time[sounding]
    damped = np.maximum(time - (note_off - note_on), 0.0)
    # The integral of a damping that approaches its full value exponentially.
    damped -= DAMPER_SECONDS * (1.0 - elementary.exp(-damped / DAMPER_SECONDS))
    velocity = np.zeros(len(time))
    hertz = mode_hertz()
    amplitudes = mode_amplitudes(len(hertz)) * release_gains(len(hertz))
    for share, cents, loss_factor in PLANES:
        for mode, amplitude in zip(hertz * elementary.power(2.0, cents / 1200), amplitudes, strict=True):
            omega = 2.0 * np.pi * mode
            loss = loss_factor * (LOSS + LOSS_BY_SQUARE * omega**2)
            damper_loss = DAMPER_LOSS + DAMPER_LOSS_BY_SQUARE * omega**2
            decay = elementary.exp(-loss * time - damper_loss * damped)
            velocity += share * amplitude * decay * elementary.sin(omega * time)
    voltage = np.zeros(samples)
    voltage[sounding] = scipy.signal.sosfilt(coil(rate), velocity)
    return voltage


def pluck(samples: int, rate: int, note_on: float, note_off: float) -> np.ndarray:
    """The same with a peak of 1, see `pickup_voltage`."""
    voltage = pickup_voltage(samples, rate, note_on, note_off)
    return voltage / np.abs(voltage).max()
