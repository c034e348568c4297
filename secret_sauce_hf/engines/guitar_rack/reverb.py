"""The reverb: a feedback delay network of eight lines (Jot and Chaigne, 1991); its ranges are guesses."""

import numpy as np

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.engines.dsp import elementary
from secret_sauce_hf.engines.guitar_rack.lines import one_pole

LINES = 8
_RING = 2_048
_MASK = _RING - 1
# In seconds, for the largest room: lines without common divisors, and what spreads the sound before them.
_LINE_SECONDS = (0.0231, 0.0277, 0.0323, 0.0379, 0.0421, 0.0467, 0.0529, 0.0593)
_DIFFUSER_SECONDS = (0.0131, 0.0083)
_PRE_DELAY_SECONDS = 0.028
_SMALLEST = 0.18
_DIFFUSION = 0.6
_LEVEL = 0.7
# An orthogonal matrix: the butterflies below, over √8.
_SCALE = 1.0 / np.sqrt(8.0)


def decay_seconds(room_size: np.ndarray) -> np.ndarray:
    """T60, the time in which the tail falls by 60 dB: 0.25 s to 4 s."""
    return 0.25 * elementary.power(16.0, room_size)


def reverb_tail(room_size: np.ndarray, rate: int) -> np.ndarray:
    """For how many samples the tail goes on, until it is 140 dB down."""
    before = _PRE_DELAY_SECONDS + 0.1
    return rate * (before + decay_seconds(room_size) * 140.0 / 60.0)


def room_scale(room_size: np.ndarray) -> np.ndarray:
    """Lengths of the lines beside those of the largest room."""
    return elementary.power(_SMALLEST, 1.0 - room_size)


def line_samples(room_size: np.ndarray, rate: int) -> np.ndarray:
    """Lengths of the eight lines, the two diffusers and the pre-delay: whole samples, (rows, 11), int64."""
    seconds = np.array(_LINE_SECONDS + _DIFFUSER_SECONDS + (_PRE_DELAY_SECONDS,))
    return np.rint(room_scale(room_size)[:, None] * seconds * rate).astype(np.int64)


def line_gains(room_size: np.ndarray, lengths: np.ndarray, rate: int) -> np.ndarray:
    """Gains of the eight lines that let the tail fall by 60 dB in `decay_seconds`: (rows, 8)."""
    return elementary.power(10.0, -3.0 * lengths[:, :LINES] / (decay_seconds(room_size)[:, None] * rate))


def tail_levels(gains: np.ndarray) -> np.ndarray:
    """Level of the tail: a steady sound makes it about as loud in every room, (rows,).

    A line adds up to 1 / (1 - g²) of the power that it is fed.
    """
    return _LEVEL * np.sqrt((1.0 - gains**2).mean(axis=1) / LINES)


def damping_coefficients(bright: np.ndarray, rate: int) -> np.ndarray:
    """Of the one-poles in the lines, whose cutoff is 1.2 kHz to 10 kHz, and of the one before them: (rows, 2)."""
    hertz = np.stack(
        [1_200.0 * elementary.power(10_000.0 / 1_200.0, bright), 1_000.0 * elementary.power(9.0, bright)], axis=1
    )
    return 1.0 - elementary.exp(-2.0 * np.pi * hertz / rate)


def thin_coefficient(rate: int) -> float:
    """Of the one-pole that keeps the lowest bass out of the room."""
    return one_pole(120.0, rate)


@kernel(nogil=True)
def reverberate(sound, stops, on, lengths, gains, levels, damping, thin):
    """Add the tail, in place.

    Args:
        sound: float32, (rows, samples).
        stops: the sample of each row from which it is silent, before and after, (rows,).
        on: bool, (rows,).
        lengths: of `line_samples`.
        gains: of `line_gains`.
        levels: of `tail_levels`.
        damping: of `damping_coefficients`.
        thin: of `thin_coefficient`.
    """
    rows, samples = sound.shape
    if not len(stops) == len(on) == len(levels) == rows or gains.shape != (rows, LINES) or damping.shape != (rows, 2):
        raise ValueError("Every row has its settings, and an end.")
    if lengths.shape != (rows, LINES + 3) or (lengths >= _RING).any():
        raise ValueError("Every row has eleven lengths, and none is longer than the rings.")
    ring = np.empty(_RING * LINES, np.float32)
    before = np.empty(_RING, np.float32)
    diffusers = np.empty((2, _RING), np.float32)
    value = np.empty(LINES, np.float32)
    other = np.empty(LINES, np.float32)
    state = np.empty(LINES, np.float32)
    gain = np.empty(LINES, np.float32)
    for row in range(rows):
        if not on[row]:
            continue
        ring[:] = np.float32(0.0)
        before[:] = np.float32(0.0)
        diffusers[:] = np.float32(0.0)
        state[:] = np.float32(0.0)
        for line in range(LINES):
            gain[line] = np.float32(gains[row, line] * _SCALE)
        level = np.float32(levels[row])
        damp = np.float32(damping[row, 0])
        entry = np.float64(damping[row, 1])
        treble = 0.0
        bass = 0.0
        for sample in range(min(stops[row], samples)):
            here = sample & _MASK
            x = sound[row, sample]
            treble += entry * (x - treble)
            bass += thin * (treble - bass)
            before[here] = np.float32(treble - bass)
            fed = np.float64(before[(sample - lengths[row, LINES + 2]) & _MASK])
            # Schroeder's all-passes
            for at in range(2):
                late = np.float64(diffusers[at, (sample - lengths[row, LINES + at]) & _MASK])
                inner = fed - _DIFFUSION * late
                diffusers[at, here] = np.float32(inner)
                fed = late + _DIFFUSION * inner
            into = np.float32(fed)
            for line in range(LINES):
                heard = ring[((sample - lengths[row, line]) & _MASK) * LINES + line]
                state[line] += damp * (heard - state[line])
                value[line] = state[line]
            tail = (value[0] - value[1] + value[2] - value[3]) + (value[4] - value[5] + value[6] - value[7])
            for line in range(4):
                other[line] = value[line] + value[line + 4]
                other[line + 4] = value[line] - value[line + 4]
            for half in (0, 4):
                for line in range(half, half + 2):
                    value[line] = other[line] + other[line + 2]
                    value[line + 2] = other[line] - other[line + 2]
            for line in range(0, LINES, 2):
                other[line] = value[line] + value[line + 1]
                other[line + 1] = value[line] - value[line + 1]
            for line in range(LINES):
                ring[here * LINES + line] = into + gain[line] * other[line]
            sound[row, sample] = x + level * tail
