"""The Sub Phatty's oscillators: everything that runs per sample up to the mixer, for many lanes side by side.

Two forms of the same: up to note 60 the edges of the waves are corrected over two samples, as ever;
the `wide` form corrects them over three, so that two octaves higher they alias no more.

The lanes' loops have no branches, so that they become vector instructions.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined
from secret_sauce_hf.engines.dsp.arithmetic import next_seed
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.subphatty.layout import (
    BLOCK,
    C_DUTY1,
    C_DUTY2,
    C_PERIOD1,
    C_PERIOD2,
    C_PULSE1,
    C_PULSE2,
    C_SAW1,
    C_SAW2,
    C_STEP1,
    C_STEP2,
    CONTROL_ROWS,
    DUTY1,
    DUTY2,
    LATE,
    LEVEL1,
    LEVEL2,
    LEVEL_NOISE,
    LEVEL_SUB,
    MIXER_INPUT,
    MIXER_ROOT,
    OVERSAMPLING,
    PENDING,
    PHASE1,
    PHASE2,
    PULSE_WEIGHT1,
    PULSE_WEIGHT2,
    SAW_WEIGHT1,
    SAW_WEIGHT2,
    SUB,
    SYNC,
)

_F = np.float32
_ZERO, _ONE, _TWO, _THREE, _FOUR, _EIGHT, _SIXTEEN = (_F(n) for n in (0, 1, 2, 3, 4, 8, 16))
_HALF, _QUARTER, _THREE_QUARTERS, _SIXTH = (_F(x) for x in (1 / 2, 1 / 4, 3 / 4, 1 / 6))

NARROWEST = 0.04
"""Duty cycle of the pulse at the end of the wave knob."""
_DUTY_SLOPE = _F(0.5 - NARROWEST)

_NOISE_GAIN = _F(1.5)
_BIPOLAR = _F(2.0**-22)
_SEED_SHIFT = np.uint32(9)


@inlined
def bipolar(seed):
    """Uniform in -1 to 1."""
    return _F(np.int32(seed >> _SEED_SHIFT)) * _BIPOLAR - _ONE


@inlined
def shape(wave):
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
def _heard(step, wide):
    """What is left of an oscillator towards the top: nothing from a quarter of the rate on, where corners get lost."""
    if wide:
        return min(max(_FOUR - _SIXTEEN * step, _ZERO), _ONE)
    return _ONE


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
def _halfway(phase, step, triangle, saw):
    """What half a sample earlier the straight parts of the shapes were above where they are."""
    falls = abs(phase - _HALF) < _QUARTER
    return step * (saw + triangle * (_TWO if falls else -_TWO))


@inlined
def _edge(since, height, wide):
    """Corrections of the sample before, the one after and the next after a step, `since` samples before the second.

    The step of a linear B-spline or, where `wide`, of a quadratic one, which aliases less and
    comes half a sample later: Välimäki & Huovilainen, "Antialiasing oscillators in
    subtractive synthesis" (2007), polynomial band-limited steps.
    """
    left = _ONE - since
    if wide:
        sixth = _SIXTH * height
        before = sixth * since * since * since
        late = -sixth * left * left * left
        # All three together keep the step's mean where it is.
        return before, -height * left - before - late, late
    half = _HALF * height
    return half * since * since, -half * left * left, _ZERO


@inlined
def _corner(since, bend, wide):
    """Corrections of the same samples after a corner, by the integral of the same step; `bend` is a sixth of the
    change of the slope per sample.
    """
    left = _ONE - since
    if wide:
        squared = since * since
        before = _QUARTER * bend * squared * squared
        squared = left * left
        late = _QUARTER * bend * squared * squared
        return before, bend * (_THREE * squared + _HALF) - before - late, late
    return bend * since * since * since, bend * left * left * left, _ZERO


@inlined
def _run(start, length, period, later, share, duty0, duty, step, triangle, saw, pulse, wide):
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
        wide: see `_edge`.

    Returns:
        (phase at the end, corrections of the sample before, of the one after and of the next).
    """
    end = start + length
    wrapped = end >= _ONE
    end = end - _ONE if wrapped else end
    # The same run, seen from the start of the cycle that it ends in.
    begin = start - _ONE if wrapped else start

    before, after, late = _edge(end * period + later, _TWO * (saw + pulse) if wrapped else _ZERO, wide)

    # The duty cycle moves, too: what counts is which side of it the phase is on.
    distance0 = begin - duty0
    distance = end - duty
    crosses = (distance0 < _ZERO) != (distance < _ZERO)
    travelled = distance - distance0
    since = distance / (travelled if crosses else _ONE) * share + later
    height = (-_TWO if distance0 < _ZERO else _TWO) * pulse if crosses else _ZERO
    edge_before, edge_after, edge_late = _edge(since, height, wide)

    # Corners of the triangle.
    past = end - (_QUARTER if end < _HALF else _THREE_QUARTERS)
    turns = (past >= _ZERO) and (past < length)
    bend = (-_EIGHT if end < _HALF else _EIGHT) * _SIXTH * step * triangle
    bend_before, bend_after, bend_late = _corner(past * period + later, bend if turns else _ZERO, wide)
    return (
        end,
        before + edge_before + bend_before,
        after + edge_after + bend_after,
        late + edge_late + bend_late,
    )


@inlined
def saturate(x, x0, root0):
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
def oscillators_block(settings, state, noise, control, out, wide):
    """Both oscillators, sub and noise, mixed and overdriven: a block of samples.

    Args:
        settings: see `Lanes`.
        state: see `Lanes`.
        noise: see `Lanes`.
        control: of the voice's control signals, `CONTROL_ROWS` for each tick.
        out: `sample * LANES + lane`.
        wide: whether the edges are corrected over three samples instead of two, see `_edge`. A constant.
    """
    for sample in range(BLOCK):
        base = sample // OVERSAMPLING * CONTROL_ROWS * LANES
        # Of the rest of its way to the end of the tick, for what moves in a straight line.
        portion = _ONE / _F(OVERSAMPLING - sample % OVERSAMPLING)
        for lane in range(LANES):
            step = control[base + C_STEP1 * LANES + lane]
            period = control[base + C_PERIOD1 * LANES + lane]
            saw = state[SAW_WEIGHT1 * LANES + lane]
            saw = saw + portion * (control[base + C_SAW1 * LANES + lane] - saw)
            state[SAW_WEIGHT1 * LANES + lane] = saw
            pulse = state[PULSE_WEIGHT1 * LANES + lane]
            pulse = pulse + portion * (control[base + C_PULSE1 * LANES + lane] - pulse)
            state[PULSE_WEIGHT1 * LANES + lane] = pulse
            triangle = _ONE - saw - pulse
            duty0 = state[DUTY1 * LANES + lane]
            duty = duty0 + portion * (control[base + C_DUTY1 * LANES + lane] - duty0)
            start = state[PHASE1 * LANES + lane]
            phase, before, after, late = _run(
                start, step, period, _ZERO, _ONE, duty0, duty, step, triangle, saw, pulse, wide
            )
            reset = phase < start
            since_reset = phase * period
            state[PHASE1 * LANES + lane] = phase
            state[DUTY1 * LANES + lane] = duty
            level = settings[LEVEL1 * LANES + lane] * _heard(step, wide)
            after += _halfway(phase, step, triangle, saw) if wide else _ZERO
            sum_now = level * (_naive(phase, duty, triangle, saw, pulse) + after)
            sum_before = level * before
            sum_late = level * late

            # The sub oscillator is a flip-flop behind oscillator 1.
            sub = state[SUB * LANES + lane]
            sub = -sub if reset else sub
            state[SUB * LANES + lane] = sub
            before, after, late = _edge(since_reset, _TWO * sub if reset else _ZERO, wide)
            level = settings[LEVEL_SUB * LANES + lane]
            sum_now += level * (sub + after)
            sum_before += level * before
            sum_late += level * late

            step = control[base + C_STEP2 * LANES + lane]
            period = control[base + C_PERIOD2 * LANES + lane]
            saw = state[SAW_WEIGHT2 * LANES + lane]
            saw = saw + portion * (control[base + C_SAW2 * LANES + lane] - saw)
            state[SAW_WEIGHT2 * LANES + lane] = saw
            pulse = state[PULSE_WEIGHT2 * LANES + lane]
            pulse = pulse + portion * (control[base + C_PULSE2 * LANES + lane] - pulse)
            state[PULSE_WEIGHT2 * LANES + lane] = pulse
            triangle = _ONE - saw - pulse
            duty0 = state[DUTY2 * LANES + lane]
            duty = duty0 + portion * (control[base + C_DUTY2 * LANES + lane] - duty0)
            synced = reset and settings[SYNC * LANES + lane] > _HALF
            later = since_reset if synced else _ZERO
            share = _ONE - later
            phase, before, after, late = _run(
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
                wide,
            )
            # The reset: a step from where the phase was to the start of the cycle, and a corner.
            jump = -_naive(phase, duty, triangle, saw, pulse) + (saw + pulse * (_TWO - _TWO * duty))
            jump = jump if synced else _ZERO
            reset_before, reset_after, reset_late = _edge(later, jump, wide)
            falls = abs(phase - _HALF) < _QUARTER
            bend = _EIGHT * _SIXTH * step * triangle
            bend_before, bend_after, bend_late = _corner(later, bend if synced and falls else _ZERO, wide)
            before += reset_before + bend_before
            after += reset_after + bend_after
            late += reset_late + bend_late
            phase = later * step if synced else phase
            # A narrow pulse may be over before the sample that follows.
            closed = synced and phase >= duty
            edge_before, edge_after, edge_late = _edge(
                (phase - duty) * period, -_TWO * pulse if closed else _ZERO, wide
            )
            state[PHASE2 * LANES + lane] = phase
            state[DUTY2 * LANES + lane] = duty
            level = settings[LEVEL2 * LANES + lane] * _heard(step, wide)
            edge_after += _halfway(phase, step, triangle, saw) if wide else _ZERO
            sum_now += level * (_naive(phase, duty, triangle, saw, pulse) + after + edge_after)
            sum_before += level * (before + edge_before)
            if wide:
                sum_now += state[LATE * LANES + lane]
                state[LATE * LANES + lane] = sum_late + level * (late + edge_late)

            seed = next_seed(noise[lane])
            noise[lane] = seed
            sum_now += settings[LEVEL_NOISE * LANES + lane] * _NOISE_GAIN * bipolar(seed)

            mixed = state[PENDING * LANES + lane] + sum_before
            state[PENDING * LANES + lane] = sum_now
            out[sample * LANES + lane], state[MIXER_INPUT * LANES + lane], state[MIXER_ROOT * LANES + lane] = saturate(
                mixed, state[MIXER_INPUT * LANES + lane], state[MIXER_ROOT * LANES + lane]
            )
