"""One voice of the Sub Phatty: everything that runs per sample, for many lanes side by side.

Oscillators, mixer, filter and drive run at `RATE`; modulation, envelopes and the
amplifier at a quarter of it, the rate of the takes. Single precision throughout,
which puts pitch off by less than 0.1 cents.

The lanes' loops have no branches, so that they become vector instructions.
"""

from typing import NamedTuple

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.dsp.arithmetic import next_seed, power_of_two_single, tangent_single
from secret_sauce_hf.engines.dsp.decimation import half_band, halve, history_rows
from secret_sauce_hf.engines.dsp.lanes import LANES

RATE = 88_200
"""Rate at which the sound is made, in Hz."""
OVERSAMPLING = 4
"""Samples per tick; a tick is a sample of the take."""
_TICKS = 8
"""Ticks per block."""
_BLOCK = OVERSAMPLING * _TICKS

_F = np.float32
_ZERO, _ONE, _TWO, _THREE, _FOUR, _EIGHT = (_F(n) for n in (0, 1, 2, 3, 4, 8))
_HALF, _QUARTER, _THREE_QUARTERS, _SIXTH = (_F(x) for x in (1 / 2, 1 / 4, 3 / 4, 1 / 6))

ATTACK_TARGET = 1.3
"""What an attack heads for; it ends at 1, which gives it the bent curve of a charging capacitor."""
_ATTACK_TARGET = _F(ATTACK_TARGET)

CUTOFF_REFERENCE = 640.0
"""Cutoffs are in octaves from here, in Hz: the middle of the range, where powers of two are most accurate."""
_LOWEST = _F(np.log2(16.0 / CUTOFF_REFERENCE))
_HIGHEST = _F(np.log2(22_000.0 / CUTOFF_REFERENCE))
_CUTOFF_ANGLE = _F(np.pi * CUTOFF_REFERENCE / RATE)

NARROWEST = 0.04
"""Duty cycle of the pulse at the end of the wave knob."""
_DUTY_SLOPE = _F(0.5 - NARROWEST)

_NOISE_GAIN = _F(1.5)
_BIPOLAR = _F(2.0**-22)
_SEED_SHIFT = np.uint32(9)

_LFO_SLEW = _F(0.35)
"""Per tick: a time constant of 0.1 ms rounds the edges of the LFO."""
_COUPLING = _F(1.0 - 2.0 * np.pi * 8.0 / (RATE / OVERSAMPLING))
"""Pole of the two coupling high-passes, 8 Hz."""
# The resonance fades towards the top: a filter that oscillates above what a take can hold
# (self-oscillation ends at 11 kHz) would only be heard by the aliases that the drive makes of it.
_FADING = _F(1 / 0.524)
_BEND = _F(2 / 3)
"""x / sqrt(1 + 2/3·x²) bends as tanh x does, x - x³/3 + …, and costs less."""

# Rows of the settings, each of LANES values.
SETTING_ROWS = 34
(
    STEP1,  # cycles per sample of oscillator 1
    STEP2,
    WAVE1,  # position of the knob, 0 to 1
    WAVE2,
    SYNC,  # 0 or 1
    LEVEL1,
    LEVEL2,
    LEVEL_SUB,
    LEVEL_NOISE,
    LFO_STEP,  # cycles per tick
    TRIANGLE,  # of these six one is 1, the others 0
    SQUARE,
    SAW,
    RAMP,
    SAMPLE_AND_HOLD,
    FILTER_ENVELOPE,
    PITCH1,  # depths of modulation: octaves
    PITCH2,
    MODULATED_CUTOFF,  # octaves
    MODULATED_WAVE,  # of the knob's range
    CUTOFF,  # octaves from CUTOFF_REFERENCE
    ENVELOPE_CUTOFF,  # octaves
    FEEDBACK,
    DRIVE_OTA,  # gains
    DRIVE_FET,
    DRIVE_BIAS,
    DRIVE_REST,  # what the biased stage gives in silence
    DRIVE_LEVEL,
    F_ATTACK,  # fractions of the way per tick
    F_DECAY,
    F_SUSTAIN,
    A_ATTACK,
    A_DECAY,
    A_SUSTAIN,
) = range(SETTING_ROWS)

# Rows of the state.
STATE_ROWS = 30
(
    PHASE1,
    PHASE2,
    SUB,  # +1 or -1
    DUTY1,
    DUTY2,
    _SAW_WEIGHT1,
    _PULSE_WEIGHT1,
    _SAW_WEIGHT2,
    _PULSE_WEIGHT2,
    _PENDING,  # the oscillators' sum one sample ago, which the next sample may still correct
    _MIXER_INPUT,
    MIXER_ROOT,
    STAGE1,
    STAGE2,
    STAGE3,
    STAGE4,
    _OTA_INPUT,
    OTA_ROOT,
    FET_INPUT,
    FET_ROOT,
    LFO_PHASE,
    _LFO,
    _F_LEVEL,
    _F_ATTACKING,
    _A_LEVEL,
    _A_ATTACKING,
    _COUPLING1_IN,
    _COUPLING1_OUT,
    _COUPLING2_IN,
    _COUPLING2_OUT,
) = range(STATE_ROWS)

# Rows of one tick's control signals.
_CONTROL_ROWS = 12
(
    _C_STEP1,
    _C_PERIOD1,  # samples per cycle
    _C_SAW1,  # weights and duty cycle at the end of the tick
    _C_PULSE1,
    _C_DUTY1,
    _C_STEP2,
    _C_PERIOD2,
    _C_SAW2,
    _C_PULSE2,
    _C_DUTY2,
    _C_FEEDBACK,
    _C_G,  # tan(π·cutoff/RATE)
) = range(_CONTROL_ROWS)

FIRST_TAPS = half_band(6, 8.0)
SECOND_TAPS = half_band(28, 8.0)
_FIRST_HISTORY = history_rows(FIRST_TAPS) * LANES
_SECOND_HISTORY = history_rows(SECOND_TAPS) * LANES
# One sample for the edges' corrections, half a sample for each of the three saturators.
DELAY = round((2 * len(FIRST_TAPS) - 1 + 2.5) / 4 + (2 * len(SECOND_TAPS) - 1) / 2)
"""Ticks by which the sound lags behind its controls."""


class Lanes(NamedTuple):
    """What the lanes are: their presets and their state."""

    settings: np.ndarray
    """float32, `SETTING_ROWS` rows of LANES."""
    state: np.ndarray
    """float32, `STATE_ROWS` rows of LANES."""
    noise: np.ndarray
    """uint32, (LANES,): the noise generators."""
    holds: np.ndarray
    """uint32, (LANES,): the generators of sample and hold."""


@inlined
def _bipolar(seed):
    """Uniform in -1 to 1."""
    return _F(np.int32(seed >> _SEED_SHIFT)) * _BIPOLAR - _ONE


@inlined
def _envelope(level, attacking, attack, decay, sustain):
    """One tick of an envelope: (level, attacking), the latter 1 or 0."""
    rising = level + attack * (_ATTACK_TARGET - level)
    falling = level + decay * (sustain - level)
    ended = rising >= _ONE
    risen = _ONE if ended else rising
    return (risen if attacking > _HALF else falling), (_ZERO if ended else attacking)


@inlined
def _shape(wave):
    """Position of the wave knob to the weights of saw and pulse, and the pulse's duty cycle.

    The triangle has the rest of the weight. Up to 1/3 it fades into the saw, up to 2/3 the saw
    into the square, from there on the pulse narrows; past 1, where only modulation gets, it
    closes.
    """
    position = _THREE * max(wave, _ZERO)
    saw = min(position, _ONE)
    pulse = min(max(position - _ONE, _ZERO), _ONE)
    duty = max(_HALF - _DUTY_SLOPE * max(position - _TWO, _ZERO), _ZERO)
    return saw - pulse, pulse, duty


@inlined
def _control_block(settings, state, holds, first, note_on, control, amp):
    """Modulation and envelopes, a block of ticks.

    Args:
        settings: see `Lanes`.
        state: see `Lanes`.
        holds: see `Lanes`.
        first: number of the block's first tick.
        note_on: number of the tick of the note-on.
        control: the control signals, `_CONTROL_ROWS` rows for each tick.
        amp: levels of the amplifier, a row for each tick. They are late by `DELAY`,
            as the sound is.
    """
    for tick in range(_TICKS):
        base = tick * _CONTROL_ROWS * LANES
        since = first + tick - note_on
        filter_start = _ONE if since == 0 else _ZERO
        filter_gate = _ONE if since >= 0 else _ZERO
        amp_start = _ONE if since == DELAY else _ZERO
        amp_gate = _ONE if since >= DELAY else _ZERO
        for lane in range(LANES):
            phase = state[LFO_PHASE * LANES + lane] + settings[LFO_STEP * LANES + lane]
            wrapped = phase >= _ONE
            phase = phase - _ONE if wrapped else phase
            seed = holds[lane]
            following = next_seed(seed)
            seed = following if wrapped else seed
            holds[lane] = seed
            state[LFO_PHASE * LANES + lane] = phase
            waves = (
                settings[TRIANGLE * LANES + lane] * (_ONE - _FOUR * abs(phase - _HALF))
                + settings[SQUARE * LANES + lane] * (_ONE if phase < _HALF else -_ONE)
                + (settings[SAW * LANES + lane] - settings[RAMP * LANES + lane]) * (_ONE - _TWO * phase)
                + settings[SAMPLE_AND_HOLD * LANES + lane] * _bipolar(seed)
            )
            lfo = state[_LFO * LANES + lane]
            lfo = lfo + _LFO_SLEW * (waves - lfo)
            state[_LFO * LANES + lane] = lfo

            contour, attacking = _envelope(
                state[_F_LEVEL * LANES + lane],
                max(state[_F_ATTACKING * LANES + lane], filter_start),
                settings[F_ATTACK * LANES + lane],
                settings[F_DECAY * LANES + lane],
                settings[F_SUSTAIN * LANES + lane] * filter_gate,
            )
            state[_F_LEVEL * LANES + lane] = contour
            state[_F_ATTACKING * LANES + lane] = attacking
            level, attacking = _envelope(
                state[_A_LEVEL * LANES + lane],
                max(state[_A_ATTACKING * LANES + lane], amp_start),
                settings[A_ATTACK * LANES + lane],
                settings[A_DECAY * LANES + lane],
                settings[A_SUSTAIN * LANES + lane] * amp_gate,
            )
            state[_A_LEVEL * LANES + lane] = level
            state[_A_ATTACKING * LANES + lane] = attacking
            amp[tick * LANES + lane] = level

            modulation = lfo + settings[FILTER_ENVELOPE * LANES + lane] * contour
            step = settings[STEP1 * LANES + lane] * power_of_two_single(settings[PITCH1 * LANES + lane] * modulation)
            control[base + _C_STEP1 * LANES + lane] = step
            control[base + _C_PERIOD1 * LANES + lane] = _ONE / step
            step = settings[STEP2 * LANES + lane] * power_of_two_single(settings[PITCH2 * LANES + lane] * modulation)
            control[base + _C_STEP2 * LANES + lane] = step
            control[base + _C_PERIOD2 * LANES + lane] = _ONE / step

            bend = settings[MODULATED_WAVE * LANES + lane] * modulation
            saw, pulse, duty = _shape(settings[WAVE1 * LANES + lane] + bend)
            control[base + _C_SAW1 * LANES + lane] = saw
            control[base + _C_PULSE1 * LANES + lane] = pulse
            control[base + _C_DUTY1 * LANES + lane] = duty
            saw, pulse, duty = _shape(settings[WAVE2 * LANES + lane] + bend)
            control[base + _C_SAW2 * LANES + lane] = saw
            control[base + _C_PULSE2 * LANES + lane] = pulse
            control[base + _C_DUTY2 * LANES + lane] = duty

            octaves = (
                settings[CUTOFF * LANES + lane]
                + settings[ENVELOPE_CUTOFF * LANES + lane] * contour
                + settings[MODULATED_CUTOFF * LANES + lane] * modulation
            )
            octaves = min(max(octaves, _LOWEST), _HIGHEST)
            g = tangent_single(_CUTOFF_ANGLE * power_of_two_single(octaves))
            control[base + _C_G * LANES + lane] = g
            fading = g * _FADING
            fading = fading * fading
            fading = fading * fading
            control[base + _C_FEEDBACK * LANES + lane] = settings[FEEDBACK * LANES + lane] / (_ONE + fading * fading)


@inlined
def _naive(phase, duty, triangle, saw, pulse):
    """The mixture of the shapes at a phase, before its edges and corners are corrected; no shape has a DC.

    All start with their fundamental at a rising zero: mixed, they reinforce each other.
    """
    four = _FOUR * phase
    ramps = max(min(four, _TWO - four), four - _FOUR)
    high = _TWO if phase < duty else _ZERO
    return triangle * ramps + saw * (_ONE - _TWO * phase) + pulse * (high - _TWO * duty)


@inlined
def _step(since, height):
    """Corrections of the sample before and the one after a step, `since` samples before the latter.

    The step of a linear B-spline: Välimäki & Huovilainen, "Antialiasing oscillators in
    subtractive synthesis" (2007), polynomial band-limited step of the second order.
    """
    left = _ONE - since
    half = _HALF * height
    return half * since * since, -half * left * left


@inlined
def _run(start, length, period, later, share, duty0, duty, step, triangle, saw, pulse):
    """Let a phase run without a reset, for a whole sample or for the part before one.

    Args:
        start: phase at the beginning, in cycles.
        length: how far it runs.
        period: samples per cycle.
        later: samples from the end of the run to the sample that follows.
        share: samples that the run takes.
        duty0: duty cycle at the beginning.
        duty: duty cycle at the end.
        step: cycles per sample.
        triangle: weight of the triangle.
        saw: weight of the saw.
        pulse: weight of the pulse.

    Returns:
        (phase at the end, correction of the sample before, of the one after).
    """
    end = start + length
    wrapped = end >= _ONE
    end = end - _ONE if wrapped else end
    # The same run, seen from the start of the cycle that it ends in.
    begin = start - _ONE if wrapped else start

    before, after = _step(end * period + later, _TWO * (saw + pulse) if wrapped else _ZERO)

    # The duty cycle moves, too: what counts is which side of it the phase is on.
    distance0 = begin - duty0
    distance = end - duty
    crosses = (distance0 < _ZERO) != (distance < _ZERO)
    travelled = distance - distance0
    since = distance / (travelled if crosses else _ONE) * share + later
    edge_before, edge_after = _step(since, (-_TWO if distance0 < _ZERO else _TWO) * pulse if crosses else _ZERO)

    # Corners of the triangle, by the integral of the same step.
    past = end - (_QUARTER if end < _HALF else _THREE_QUARTERS)
    turns = (past >= _ZERO) and (past < length)
    since = past * period + later
    left = _ONE - since
    bend = (-_EIGHT if end < _HALF else _EIGHT) * _SIXTH * step * triangle
    bend = bend if turns else _ZERO
    return (
        end,
        before + edge_before + bend * since * since * since,
        after + edge_after + bend * left * left * left,
    )


@inlined
def _oscillators_block(settings, state, noise, control, out):
    """Both oscillators, sub and noise, mixed and overdriven: a block of samples.

    Args:
        settings: see `Lanes`.
        state: see `Lanes`.
        noise: see `Lanes`.
        control: of `_control_block`.
        out: `sample * LANES + lane`.
    """
    for sample in range(_BLOCK):
        base = sample // OVERSAMPLING * _CONTROL_ROWS * LANES
        # Of the rest of its way to the end of the tick, for what moves in a straight line.
        portion = _ONE / _F(OVERSAMPLING - sample % OVERSAMPLING)
        for lane in range(LANES):
            step = control[base + _C_STEP1 * LANES + lane]
            period = control[base + _C_PERIOD1 * LANES + lane]
            saw = state[_SAW_WEIGHT1 * LANES + lane]
            saw = saw + portion * (control[base + _C_SAW1 * LANES + lane] - saw)
            state[_SAW_WEIGHT1 * LANES + lane] = saw
            pulse = state[_PULSE_WEIGHT1 * LANES + lane]
            pulse = pulse + portion * (control[base + _C_PULSE1 * LANES + lane] - pulse)
            state[_PULSE_WEIGHT1 * LANES + lane] = pulse
            triangle = _ONE - saw - pulse
            duty0 = state[DUTY1 * LANES + lane]
            duty = duty0 + portion * (control[base + _C_DUTY1 * LANES + lane] - duty0)
            start = state[PHASE1 * LANES + lane]
            phase, before, after = _run(start, step, period, _ZERO, _ONE, duty0, duty, step, triangle, saw, pulse)
            reset = phase < start
            since_reset = phase * period
            state[PHASE1 * LANES + lane] = phase
            state[DUTY1 * LANES + lane] = duty
            level = settings[LEVEL1 * LANES + lane]
            sum_now = level * (_naive(phase, duty, triangle, saw, pulse) + after)
            sum_before = level * before

            # The sub oscillator is a flip-flop behind oscillator 1.
            sub = state[SUB * LANES + lane]
            sub = -sub if reset else sub
            state[SUB * LANES + lane] = sub
            before, after = _step(since_reset, _TWO * sub if reset else _ZERO)
            level = settings[LEVEL_SUB * LANES + lane]
            sum_now += level * (sub + after)
            sum_before += level * before

            step = control[base + _C_STEP2 * LANES + lane]
            period = control[base + _C_PERIOD2 * LANES + lane]
            saw = state[_SAW_WEIGHT2 * LANES + lane]
            saw = saw + portion * (control[base + _C_SAW2 * LANES + lane] - saw)
            state[_SAW_WEIGHT2 * LANES + lane] = saw
            pulse = state[_PULSE_WEIGHT2 * LANES + lane]
            pulse = pulse + portion * (control[base + _C_PULSE2 * LANES + lane] - pulse)
            state[_PULSE_WEIGHT2 * LANES + lane] = pulse
            triangle = _ONE - saw - pulse
            duty0 = state[DUTY2 * LANES + lane]
            duty = duty0 + portion * (control[base + _C_DUTY2 * LANES + lane] - duty0)
            synced = reset and settings[SYNC * LANES + lane] > _HALF
            later = since_reset if synced else _ZERO
            share = _ONE - later
            phase, before, after = _run(
                state[PHASE2 * LANES + lane],
                step * share,
                period,
                later,
                share,
                duty0,
                duty,
                step,
                triangle,
                saw,
                pulse,
            )
            # The reset: a step from where the phase was to the start of the cycle, and a corner.
            jump = -_naive(phase, duty, triangle, saw, pulse) + (saw + pulse * (_TWO - _TWO * duty))
            jump = jump if synced else _ZERO
            reset_before, reset_after = _step(later, jump)
            falls = abs(phase - _HALF) < _QUARTER
            bend = _EIGHT * _SIXTH * step * triangle
            bend = bend if synced and falls else _ZERO
            left = _ONE - later
            before += reset_before + bend * later * later * later
            after += reset_after + bend * left * left * left
            phase = later * step if synced else phase
            # A narrow pulse may be over before the sample that follows.
            closed = synced and phase >= duty
            edge_before, edge_after = _step((phase - duty) * period, -_TWO * pulse if closed else _ZERO)
            state[PHASE2 * LANES + lane] = phase
            state[DUTY2 * LANES + lane] = duty
            level = settings[LEVEL2 * LANES + lane]
            sum_now += level * (_naive(phase, duty, triangle, saw, pulse) + after + edge_after)
            sum_before += level * (before + edge_before)

            seed = next_seed(noise[lane])
            noise[lane] = seed
            sum_now += settings[LEVEL_NOISE * LANES + lane] * _NOISE_GAIN * _bipolar(seed)

            mixed = state[_PENDING * LANES + lane] + sum_before
            state[_PENDING * LANES + lane] = sum_now
            out[sample * LANES + lane], state[_MIXER_INPUT * LANES + lane], state[MIXER_ROOT * LANES + lane] = (
                _saturate(mixed, state[_MIXER_INPUT * LANES + lane], state[MIXER_ROOT * LANES + lane])
            )


@inlined
def _saturate(x, x0, root0):
    """x / sqrt(1 + x²), anti-aliased by its antiderivative F(x) = sqrt(1 + x²).

    Parker et al., "Reducing the aliasing of nonlinear waveshaping using continuous-time
    convolution" (DAFx 2016): the mean of the saturator between two samples,
    (F(x) - F(x0)) / (x - x0). As F² = 1 + x², that is (x + x0) / (F(x) + F(x0)): never 0/0.

    Returns:
        (output, x, F(x)), the last two for the next sample.
    """
    root = np.sqrt(_ONE + x * x)
    return (x + x0) / (root + root0), x, root


@inlined
def _filter_block(settings, state, control, sound, out):
    """The ladder and the multidrive: a block of samples.

    Four transistor pairs in sequence inside a feedback loop, each passing on a
    saturated difference. The saturations' gains 1/q are taken from the state, then the
    trapezoidal system is linear and is solved without a delay in the loop: Zavalishin,
    "The Art of VA Filter Design" (2018), ch. 6; with u the saturated outputs,
    u_i = (s_i + g·u_{i-1}) / (q_i + g) and u_0 = (x - k·q_4·u_4) / q_0.
    """
    for sample in range(_BLOCK):
        base = sample // OVERSAMPLING * _CONTROL_ROWS * LANES
        for lane in range(LANES):
            at = sample * LANES + lane
            g = control[base + _C_G * LANES + lane]
            k = control[base + _C_FEEDBACK * LANES + lane]
            x = sound[at]
            s1 = state[STAGE1 * LANES + lane]
            s2 = state[STAGE2 * LANES + lane]
            s3 = state[STAGE3 * LANES + lane]
            s4 = state[STAGE4 * LANES + lane]
            difference = x - k * s4
            q0 = np.sqrt(_ONE + _BEND * difference * difference)
            r1 = _ONE / (np.sqrt(_ONE + _BEND * s1 * s1) + g)
            r2 = _ONE / (np.sqrt(_ONE + _BEND * s2 * s2) + g)
            r3 = _ONE / (np.sqrt(_ONE + _BEND * s3 * s3) + g)
            q4 = np.sqrt(_ONE + _BEND * s4 * s4)
            r4 = _ONE / (q4 + g)
            free = r4 * (s4 + g * r3 * (s3 + g * r2 * (s2 + g * r1 * s1)))
            forced = g * r1 * g * r2 * g * r3 * g * r4
            loop = k * q4
            u0 = (x - loop * free) / (q0 + loop * forced)
            u1 = r1 * (s1 + g * u0)
            u2 = r2 * (s2 + g * u1)
            u3 = r3 * (s3 + g * u2)
            u4 = r4 * (s4 + g * u3)
            twice = _TWO * g
            state[STAGE1 * LANES + lane] = s1 + twice * (u0 - u1)
            state[STAGE2 * LANES + lane] = s2 + twice * (u1 - u2)
            state[STAGE3 * LANES + lane] = s3 + twice * (u2 - u3)
            state[STAGE4 * LANES + lane] = s4 + twice * (u3 - u4)

            y, state[_OTA_INPUT * LANES + lane], state[OTA_ROOT * LANES + lane] = _saturate(
                settings[DRIVE_OTA * LANES + lane] * q4 * u4,
                state[_OTA_INPUT * LANES + lane],
                state[OTA_ROOT * LANES + lane],
            )
            y, state[FET_INPUT * LANES + lane], state[FET_ROOT * LANES + lane] = _saturate(
                settings[DRIVE_FET * LANES + lane] * y + settings[DRIVE_BIAS * LANES + lane],
                state[FET_INPUT * LANES + lane],
                state[FET_ROOT * LANES + lane],
            )
            out[at] = (y - settings[DRIVE_REST * LANES + lane]) * settings[DRIVE_LEVEL * LANES + lane]


@inlined
def _amplify_block(state, sound, amp, out, row):
    """Coupling, amplifier, coupling: a block of ticks, written from `row` of `out` on as far as it has rows."""
    for tick in range(_TICKS):
        for lane in range(LANES):
            at = tick * LANES + lane
            x = sound[at]
            y = x - state[_COUPLING1_IN * LANES + lane] + _COUPLING * state[_COUPLING1_OUT * LANES + lane]
            state[_COUPLING1_IN * LANES + lane] = x
            state[_COUPLING1_OUT * LANES + lane] = y
            x = y * amp[at]
            y = x - state[_COUPLING2_IN * LANES + lane] + _COUPLING * state[_COUPLING2_OUT * LANES + lane]
            state[_COUPLING2_IN * LANES + lane] = x
            state[_COUPLING2_OUT * LANES + lane] = y
            amp[at] = y
        if 0 <= (row + tick) * LANES < len(out):
            for lane in range(LANES):
                out[(row + tick) * LANES + lane] = amp[tick * LANES + lane]


@kernel(nogil=True)
def play(first, note_on, keep_from, out, lanes, first_taps, second_taps):
    """Run every lane up to the end of `out`, the note held from `note_on` on.

    Args:
        first: tick at which the lanes start.
        note_on: tick of the note-on.
        keep_from: tick of the first sample of `out`.
        out: float32, `sample * LANES + lane`.
        lanes: see `Lanes`.
        first_taps: of the first decimator, `FIRST_TAPS`.
        second_taps: of the second, `SECOND_TAPS`.
    """
    settings, state, noise, holds = lanes
    control = np.zeros(_TICKS * _CONTROL_ROWS * LANES, np.float32)
    amp = np.zeros(_TICKS * LANES, np.float32)
    mixed = np.zeros(_BLOCK * LANES, np.float32)
    filtered = np.zeros(_BLOCK * LANES, np.float32)
    slow = np.zeros(_TICKS * LANES, np.float32)
    buffer1 = np.zeros(_FIRST_HISTORY + _BLOCK * LANES, np.float32)
    buffer2 = np.zeros(_SECOND_HISTORY + _BLOCK // 2 * LANES, np.float32)
    end = keep_from + DELAY + len(out) // LANES
    for tick in range(first, end, _TICKS):
        _control_block(settings, state, holds, tick, note_on, control, amp)
        _oscillators_block(settings, state, noise, control, mixed)
        _filter_block(settings, state, control, mixed, filtered)
        for value in range(_BLOCK * LANES):
            buffer1[_FIRST_HISTORY + value] = filtered[value]
        halve(_BLOCK, buffer1, first_taps, buffer2, _SECOND_HISTORY // LANES)
        halve(_BLOCK // 2, buffer2, second_taps, slow, 0)
        _amplify_block(state, slow, amp, out, tick - keep_from - DELAY)
