"""A plucked steel string under a magnetic pickup, as a sum of its damped modes.

The patch of 2018 is not published: a bright, clean electric guitar is assumed. Every
take plays the same note, so this runs once per process and may take its time.
"""

import numpy as np
import scipy.signal

from secret_sauce_hf.engines.dsp.biquads import low_pass

FUNDAMENTAL = 440.0 * 2.0 ** (-9 / 12)
"""Note 60, in Hz."""
INHARMONICITY = 8e-5
"""B = π³ E d⁴ / (64 T l²), of a plain string of 0.4 mm stopped at half a metre."""

# Decay rate of a mode in 1/s: air and ends, and losses inside the string growing with
# the frequency squared (Bensa et al. 2003, "The simulation of piano string vibration").
_LOSS = 1.6
_LOSS_BY_SQUARE = 1.3e-8
# A finger on the string after note-off: decay rates in 1/s, and how long it takes to settle.
_DAMPER_LOSS = 30.0
_DAMPER_LOSS_BY_SQUARE = 6e-8
_DAMPER_SECONDS = 0.008

# Parts of the sounding length, from the bridge.
_PLUCKED_AT = 0.17
_PLECTRUM_WIDTH = 0.010
_PICKUP_AT = 0.235
_PICKUP_WIDTH = 0.040
# The plectrum lets go within this time.
_RELEASE_SECONDS = 2.5e-5
_PICKUP_HERTZ = 4_600.0
_PICKUP_Q = 1.7

# The two planes of vibration: amplitude at the pickup, cents off, factor of the losses.
# The bridge gives way across the top more than along it.
_PLANES = ((0.8, -0.25, 1.25), (0.2, 0.75, 0.7))
_HIGHEST_HERTZ = 14_000.0


def mode_hertz() -> np.ndarray:
    """Frequencies of a stiff string's modes, f_n = n f_1 √((1 + B n²) / (1 + B)), as far as they matter."""
    number = np.arange(1, int(_HIGHEST_HERTZ / FUNDAMENTAL) + 1)
    return FUNDAMENTAL * number * np.sqrt((1.0 + INHARMONICITY * number**2) / (1.0 + INHARMONICITY))


def _mode_amplitudes(count: int) -> np.ndarray:
    """Velocity at the pickup of each mode of a string drawn aside to a corner and let go.

    A corner at p gives displacements sin(nπp) / n², their velocities are n times that.
    """
    number = np.arange(1, count + 1)
    corner = np.sin(np.pi * number * _PLUCKED_AT) / number
    # np.sinc(x) is sin(πx) / (πx): the mean of a mode over a width of the string.
    plectrum = np.sinc(number * _PLECTRUM_WIDTH)
    pickup = np.sin(np.pi * number * _PICKUP_AT) * np.sinc(number * _PICKUP_WIDTH)
    release = np.exp(-0.5 * (2.0 * np.pi * FUNDAMENTAL * number * _RELEASE_SECONDS) ** 2)
    return corner * plectrum * pickup * release


def pluck(samples: int, rate: int, note_on: float, note_off: float) -> np.ndarray:
    """The voltage of the pickup.

    Args:
        samples: how many.
        rate: in Hz, above twice the highest mode (14 kHz).
        note_on: when the string is let go, in seconds from the first sample.
        note_off: when it is damped.

    Returns:
        float64, (samples,), with a peak of 1.
    """
    time = np.arange(samples) / rate - note_on
    sounding = time >= 0.0
    time = time[sounding]
    damped = np.maximum(time - (note_off - note_on), 0.0)
    # The integral of a damping that approaches its full value exponentially.
    damped -= _DAMPER_SECONDS * (1.0 - np.exp(-damped / _DAMPER_SECONDS))
    velocity = np.zeros(len(time))
    hertz = mode_hertz()
    for share, cents, loss_factor in _PLANES:
        for mode, amplitude in zip(hertz * 2.0 ** (cents / 1200), _mode_amplitudes(len(hertz)), strict=True):
            omega = 2.0 * np.pi * mode
            loss = loss_factor * (_LOSS + _LOSS_BY_SQUARE * omega**2)
            damper_loss = _DAMPER_LOSS + _DAMPER_LOSS_BY_SQUARE * omega**2
            velocity += share * amplitude * np.exp(-loss * time - damper_loss * damped) * np.sin(omega * time)
    voltage = np.zeros(samples)
    # The coil's inductance and the cable's capacitance.
    voltage[sounding] = scipy.signal.sosfilt(low_pass(_PICKUP_HERTZ, _PICKUP_Q, rate), velocity)
    return voltage / np.abs(voltage).max()
