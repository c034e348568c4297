"""The NoiseMaker's 24 dB/oct ladder filter, four times oversampled, many lanes at once."""

import numpy as np

from secret_sauce_hf.compiling import inlined
from secret_sauce_hf.engines.dsp.arithmetic import next_seed
from secret_sauce_hf.engines.dsp.lanes import LANES

# Rows of the state, each of LANES values. The delay lines' not as Python's integers: `_half_band` would be compiled
# for each of them.
STAGES = 0  # four one-poles
FEEDBACK = 4  # the saturated output of the sub-sample before
DRIVE = 5  # the input of the sample before
FIRST = np.int64(6)  # delay lines of the two half-band filters
SECOND = np.int64(15)
STATE_ROWS = 24

# Rows of the constants.
RESONANCE = 0
DRIVE_GAIN = 1
OUTPUT_GAIN = 2
RESONANT_GAIN = 3
CONSTANT_ROWS = 4

REST = 0.4
"""What the stages and the feedback are set to when a note has died away."""

_F = np.float32
_ZERO = _F(0.0)
_ONE = _F(1.0)
_TWO = _F(2.0)
_THREE = _F(3.0)
_SIX = _F(6.0)
_TWELVE = _F(12.0)
_QUARTER = _F(0.25)
_HALF = _F(0.5)
_THREE_QUARTERS = _F(0.75)
_POSITIVE = _F(0.99)
_FEEDBACK_LOW = _F(1.05)
_FEEDBACK_SLOPE = _F(1.4)
_EIGHTH = _F(0.125)
_MINUS_TWO_PI = _F(-2.0 * np.pi)
_P3, _P2, _P1, _P0 = _F(1.873), _F(0.4955), _F(-0.649), _F(1.4)
_T2, _T3, _T4, _T5 = _F(1 / 2), _F(1 / 6), _F(1 / 24), _F(1 / 120)
_NOISE = _F(0.001 / 2**23)
_SHIFT = np.uint32(9)
# Half-band filter: centre tap, then those at 1, 3, 5, 7 and 9 samples from it.
_H0, _H1, _H3, _H5, _H7, _H9 = (_F(tap / 16_384) for tap in (8_192, 5_042, -1_277, 429, -116, 18))


@inlined
def _saturate(x):
    """A rational approximation of tanh, a hundredth lower on the positive side."""
    twice = _TWO * x
    a = abs(twice)
    b = _SIX + _THREE * a + a * a
    y = twice * b / (a * b + _TWELVE)
    return y * _POSITIVE if y > _ZERO else y


@inlined
def _noise(seed):
    """Uniform in 0..1 times the filter's noise, from a 32-bit congruential generator."""
    return _F(seed >> _SHIFT) * _NOISE


@inlined
def _step(u, n, g, c, feedback, z1, z2, z3, z4, y):
    """One sub-sample: four one-poles in sequence inside a saturated feedback loop."""
    u = u - feedback * y + n
    g = g + n * c
    z1 = z1 + g * (u - z1)
    z2 = z2 + g * (z1 - z2)
    z3 = z3 + g * (z2 - z3)
    z4 = z4 + g * (z3 - z4)
    return z1, z2, z3, z4, _saturate(z4)


@inlined
def _half_band(state, row, lane, outer, centre):
    """Two samples in, one out: a 19-tap half-band filter in transposed form."""
    base = row * LANES + lane
    o9 = _H9 * outer
    o7 = _H7 * outer
    o5 = _H5 * outer
    o3 = _H3 * outer
    o1 = _H1 * outer
    result = state[base + 8 * LANES] + o9
    state[base + 8 * LANES] = state[base + 7 * LANES] + o7
    state[base + 7 * LANES] = state[base + 6 * LANES] + o5
    state[base + 6 * LANES] = state[base + 5 * LANES] + o3
    state[base + 5 * LANES] = state[base + 4 * LANES] + o1
    state[base + 4 * LANES] = state[base + 3 * LANES] + o1 + _H0 * centre
    state[base + 3 * LANES] = state[base + 2 * LANES] + o3
    state[base + 2 * LANES] = state[base + LANES] + o5
    state[base + LANES] = state[base] + o7
    state[base] = o9
    return result


@inlined
def ladder_block(samples, drive, opening, out, state, constants, seeds):
    """Filter a block.

    Args:
        samples: number of samples.
        drive: input, `sample * LANES + lane`, float32.
        opening: the square root b of the cutoff, like `drive`; c = min(b², 1).
        out: output, like `drive`.
        state: `STATE_ROWS` rows.
        constants: `CONSTANT_ROWS` rows.
        seeds: one row of uint32, the state of each lane's noise.
    """
    for sample in range(samples):
        for lane in range(LANES):
            at = sample * LANES + lane
            r = constants[RESONANCE * LANES + lane]
            c = min(opening[at] * opening[at], _ONE)
            k = c * _EIGHTH
            x = _MINUS_TWO_PI * k * (((_P3 * k + _P2) * k + _P1) * k + _P0)
            # 1 - exp(x), to the fifth order
            g = -x * (_ONE + x * (_T2 + x * (_T3 + x * (_T4 + x * _T5))))
            feedback = r * (_FEEDBACK_LOW + _FEEDBACK_SLOPE * c)
            level = _ONE - c
            new = drive[at] * constants[DRIVE_GAIN * LANES + lane]
            old = state[DRIVE * LANES + lane]
            slope = new - old
            gain = constants[OUTPUT_GAIN * LANES + lane] + constants[RESONANT_GAIN * LANES + lane] * c
            z1 = state[lane]
            z2 = state[LANES + lane]
            z3 = state[2 * LANES + lane]
            z4 = state[3 * LANES + lane]
            y = state[FEEDBACK * LANES + lane]
            seed = next_seed(seeds[lane])
            z1, z2, z3, z4, y = _step(old + _QUARTER * slope, _noise(seed) * level, g, c, feedback, z1, z2, z3, z4, y)
            y0 = y * gain
            seed = next_seed(seed)
            z1, z2, z3, z4, y = _step(old + _HALF * slope, _noise(seed) * level, g, c, feedback, z1, z2, z3, z4, y)
            y1 = y * gain
            seed = next_seed(seed)
            z1, z2, z3, z4, y = _step(
                old + _THREE_QUARTERS * slope, _noise(seed) * level, g, c, feedback, z1, z2, z3, z4, y
            )
            y2 = y * gain
            seed = next_seed(seed)
            z1, z2, z3, z4, y = _step(new, _noise(seed) * level, g, c, feedback, z1, z2, z3, z4, y)
            y3 = y * gain
            seeds[lane] = seed
            state[lane] = z1
            state[LANES + lane] = z2
            state[2 * LANES + lane] = z3
            state[3 * LANES + lane] = z4
            state[FEEDBACK * LANES + lane] = y
            state[DRIVE * LANES + lane] = new
            first = _half_band(state, FIRST, lane, y0, y1)
            second = _half_band(state, FIRST, lane, y2, y3)
            out[at] = _half_band(state, SECOND, lane, first, second)


@inlined
def rest(state):
    """The state in which the preparation of every lane for the next note begins."""
    for row in range(STATE_ROWS):
        value = _F(REST) if row <= FEEDBACK else _ZERO
        for lane in range(LANES):
            state[row * LANES + lane] = value


@inlined
def clear_decimators(lane, state):
    """What a note-on of a silent voice does to its filter, which else goes on."""
    for row in range(FIRST, STATE_ROWS):
        state[row * LANES + lane] = _ZERO
