"""One voice of the Sub Phatty: everything that runs per sample, for many lanes side by side.

Oscillators, mixer, filter and drive run at `RATE`; modulation, envelopes and the
amplifier at a quarter of it, the rate of the takes. Single precision throughout,
which puts pitch off by less than 0.1 cents.

The lanes' loops have no branches, so that they become vector instructions.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.dsp.arithmetic import next_seed, power_of_two_single, tangent_single
from secret_sauce_hf.engines.dsp.decimation import half_band, halve, history_rows
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.subphatty.layout import (
    A_ATTACK,
    A_ATTACKING,
    A_GOAL,
    A_LEVEL,
    A_RATE,
    BLOCK,
    C_DUTY1,
    C_DUTY2,
    C_FEEDBACK,
    C_G,
    C_PERIOD1,
    C_PERIOD2,
    C_PULSE1,
    C_PULSE2,
    C_SAW1,
    C_SAW2,
    C_STEP1,
    C_STEP2,
    CONTROL_ROWS,
    COUPLING1_IN,
    COUPLING1_OUT,
    COUPLING2_IN,
    COUPLING2_OUT,
    CUTOFF,
    DRIVE_BIAS,
    DRIVE_FET,
    DRIVE_LEVEL,
    DRIVE_OTA,
    DRIVE_REST,
    ENVELOPE_CUTOFF,
    F_ATTACK,
    F_ATTACKING,
    F_GOAL,
    F_LEVEL,
    F_RATE,
    FEEDBACK,
    FET_INPUT,
    FET_ROOT,
    FILTER_ENVELOPE,
    KEY_CUTOFF,
    KEY_OCTAVES,
    KEY_STEP1,
    KEY_STEP2,
    LFO,
    LFO_PHASE,
    LFO_STEP,
    MODULATED_CUTOFF,
    MODULATED_WAVE,
    OTA_INPUT,
    OTA_ROOT,
    OVERSAMPLING,
    PITCH1,
    PITCH2,
    RAMP,
    RATE,
    RELEASE,
    SAMPLE_AND_HOLD,
    SAW,
    SETTING_ROWS,
    SQUARE,
    STAGE1,
    STAGE2,
    STAGE3,
    STAGE4,
    STATE_ROWS,
    STEP1,
    STEP2,
    TICKS,
    TRIANGLE,
    TRIGGER,
    WAVE1,
    WAVE2,
)
from secret_sauce_hf.engines.subphatty.oscillators import bipolar, oscillators_block, saturate, shape

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

_LFO_SLEW = _F(0.35)
"""Per tick: a time constant of 0.1 ms rounds the edges of the LFO."""
_COUPLING = _F(1.0 - 2.0 * np.pi * 8.0 / (RATE / OVERSAMPLING))
"""Pole of the two coupling high-passes, 8 Hz."""
# The resonance fades towards the top: a filter that oscillates above what a take can hold
# (self-oscillation ends at 11 kHz) would only be heard by the aliases that the drive makes of it.
_FADING = _F(1 / 0.524)
_BEND = _F(2 / 3)
"""x / sqrt(1 + 2/3·x²) bends as tanh x does, x - x³/3 + …, and costs less."""

SILENT = 5e-7
"""An amplifier at this level is closed: what it lets through is rounded away in a take."""
_SILENT = _F(SILENT)
_TAIL = _F(5e-6)
_NOTHING = _F(1e-25)
NEVER = np.int64(2**62)
"""A tick that does not come."""
_TWELFTH = _F(1 / 12)

FIRST_TAPS = half_band(6, 8.0)
SECOND_TAPS = half_band(28, 8.0)
_FIRST_HISTORY = history_rows(FIRST_TAPS) * LANES
_SECOND_HISTORY = history_rows(SECOND_TAPS) * LANES
# One sample for the edges' corrections, half a sample for each of the three saturators.
DELAY = round((2 * len(FIRST_TAPS) - 1 + 2.5) / 4 + (2 * len(SECOND_TAPS) - 1) / 2)
"""Ticks by which the sound lags behind its controls."""


@inlined
def _envelope(level, attacking, attack, rate, goal):
    """One tick of an envelope: (level, attacking), the latter 1 or 0."""
    rising = level + attack * (_ATTACK_TARGET - level)
    falling = level + rate * (goal - level)
    ended = rising >= _ONE
    risen = _ONE if ended else rising
    return (risen if attacking > _HALF else falling), (_ZERO if ended else attacking)


@inlined
def _control_block(settings, state, holds, keys, heard, first, upcoming, control, amp):
    """Keyboard, modulation and envelopes, a block of ticks.

    Args:
        settings: see `Lanes`.
        state: see `Lanes`.
        holds: see `Lanes`.
        keys: see `Keys`.
        heard: see `_press`.
        first: number of the block's first tick.
        upcoming: tick of the next event of any lane.
        control: the control signals, `CONTROL_ROWS` rows for each tick.
        amp: levels of the amplifier, a row for each tick. They are late by `DELAY`,
            as the sound is.

    Returns:
        `upcoming` for the next block.
    """
    for tick in range(TICKS):
        base = tick * CONTROL_ROWS * LANES
        if first + tick >= upcoming:
            upcoming = _press(settings, state, keys, heard, first + tick)
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
                + settings[SAMPLE_AND_HOLD * LANES + lane] * bipolar(seed)
            )
            lfo = state[LFO * LANES + lane]
            lfo = lfo + _LFO_SLEW * (waves - lfo)
            state[LFO * LANES + lane] = lfo

            contour, attacking = _envelope(
                state[F_LEVEL * LANES + lane],
                state[F_ATTACKING * LANES + lane],
                settings[F_ATTACK * LANES + lane],
                state[F_RATE * LANES + lane],
                state[F_GOAL * LANES + lane],
            )
            state[F_LEVEL * LANES + lane] = contour
            state[F_ATTACKING * LANES + lane] = attacking
            level, attacking = _envelope(
                state[A_LEVEL * LANES + lane],
                state[A_ATTACKING * LANES + lane],
                settings[A_ATTACK * LANES + lane],
                state[A_RATE * LANES + lane],
                state[A_GOAL * LANES + lane],
            )
            state[A_LEVEL * LANES + lane] = level
            state[A_ATTACKING * LANES + lane] = attacking
            amp[tick * LANES + lane] = level

            modulation = lfo + settings[FILTER_ENVELOPE * LANES + lane] * contour
            step = state[KEY_STEP1 * LANES + lane] * power_of_two_single(settings[PITCH1 * LANES + lane] * modulation)
            step = min(step, _HALF)
            control[base + C_STEP1 * LANES + lane] = step
            control[base + C_PERIOD1 * LANES + lane] = _ONE / step
            step = state[KEY_STEP2 * LANES + lane] * power_of_two_single(settings[PITCH2 * LANES + lane] * modulation)
            step = min(step, _HALF)
            control[base + C_STEP2 * LANES + lane] = step
            control[base + C_PERIOD2 * LANES + lane] = _ONE / step

            bend = settings[MODULATED_WAVE * LANES + lane] * modulation
            saw, pulse, duty = shape(settings[WAVE1 * LANES + lane] + bend)
            control[base + C_SAW1 * LANES + lane] = saw
            control[base + C_PULSE1 * LANES + lane] = pulse
            control[base + C_DUTY1 * LANES + lane] = duty
            saw, pulse, duty = shape(settings[WAVE2 * LANES + lane] + bend)
            control[base + C_SAW2 * LANES + lane] = saw
            control[base + C_PULSE2 * LANES + lane] = pulse
            control[base + C_DUTY2 * LANES + lane] = duty

            octaves = (
                state[KEY_OCTAVES * LANES + lane]
                + settings[ENVELOPE_CUTOFF * LANES + lane] * contour
                + settings[MODULATED_CUTOFF * LANES + lane] * modulation
            )
            octaves = min(max(octaves, _LOWEST), _HIGHEST)
            g = tangent_single(_CUTOFF_ANGLE * power_of_two_single(octaves))
            control[base + C_G * LANES + lane] = g
            fading = g * _FADING
            fading = fading * fading
            fading = fading * fading
            control[base + C_FEEDBACK * LANES + lane] = settings[FEEDBACK * LANES + lane] / (_ONE + fading * fading)
    return upcoming


@inlined
def _filter_block(settings, state, control, sound, out):
    """The ladder and the multidrive: a block of samples.

    Four transistor pairs in sequence inside a feedback loop, each passing on a
    saturated difference. The saturations' gains 1/q are taken from the state, then the
    trapezoidal system is linear and is solved without a delay in the loop: Zavalishin,
    "The Art of VA Filter Design" (2018), ch. 6; with u the saturated outputs,
    u_i = (s_i + g·u_{i-1}) / (q_i + g) and u_0 = (x - k·q_4·u_4) / q_0.
    """
    for sample in range(BLOCK):
        base = sample // OVERSAMPLING * CONTROL_ROWS * LANES
        for lane in range(LANES):
            at = sample * LANES + lane
            g = control[base + C_G * LANES + lane]
            k = control[base + C_FEEDBACK * LANES + lane]
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

            y, state[OTA_INPUT * LANES + lane], state[OTA_ROOT * LANES + lane] = saturate(
                settings[DRIVE_OTA * LANES + lane] * q4 * u4,
                state[OTA_INPUT * LANES + lane],
                state[OTA_ROOT * LANES + lane],
            )
            y, state[FET_INPUT * LANES + lane], state[FET_ROOT * LANES + lane] = saturate(
                settings[DRIVE_FET * LANES + lane] * y + settings[DRIVE_BIAS * LANES + lane],
                state[FET_INPUT * LANES + lane],
                state[FET_ROOT * LANES + lane],
            )
            out[at] = (y - settings[DRIVE_REST * LANES + lane]) * settings[DRIVE_LEVEL * LANES + lane]


@inlined
def _amplify_block(state, sound, amp, out, first):
    """Coupling, amplifier, coupling: a block of ticks, written from column `first` of `out` on as far as it has any."""
    for tick in range(TICKS):
        for lane in range(LANES):
            at = tick * LANES + lane
            x = sound[at]
            y = x - state[COUPLING1_IN * LANES + lane] + _COUPLING * state[COUPLING1_OUT * LANES + lane]
            state[COUPLING1_IN * LANES + lane] = x
            state[COUPLING1_OUT * LANES + lane] = y
            x = y * amp[at]
            y = x - state[COUPLING2_IN * LANES + lane] + _COUPLING * state[COUPLING2_OUT * LANES + lane]
            state[COUPLING2_IN * LANES + lane] = x
            state[COUPLING2_OUT * LANES + lane] = y
            amp[at] = y
    for lane in range(LANES):
        for tick in range(min(TICKS, out.shape[1] - first)):
            out[lane, first + tick] = amp[tick * LANES + lane]


@inlined
def _tune(settings, state, lane, pitch):
    """The key that sounds in a lane: oscillators and cutoff follow it."""
    octaves = _F(pitch - 60) * _TWELFTH
    ratio = _F(2.0 ** ((pitch - 60) / 12.0))
    state[KEY_STEP1 * LANES + lane] = settings[STEP1 * LANES + lane] * ratio
    state[KEY_STEP2 * LANES + lane] = settings[STEP2 * LANES + lane] * ratio
    state[KEY_OCTAVES * LANES + lane] = settings[CUTOFF * LANES + lane] + settings[KEY_CUTOFF * LANES + lane] * octaves


@inlined
def _gate(settings, state, lane, action, attacking, attack):
    """What a key does to an envelope, whose rows of state and settings start with `attacking` and `attack`."""
    if action == TRIGGER:
        state[attacking * LANES + lane] = _ONE
        state[(attacking + 1) * LANES + lane] = settings[(attack + 1) * LANES + lane]
        state[(attacking + 2) * LANES + lane] = settings[(attack + 2) * LANES + lane]
    elif action == RELEASE:
        state[attacking * LANES + lane] = _ZERO
        state[(attacking + 1) * LANES + lane] = settings[(attack + 3) * LANES + lane]
        state[(attacking + 2) * LANES + lane] = _ZERO


@inlined
def _press(settings, state, keys, heard, now):
    """Do what happens on the keyboards in a tick.

    The amplifier is late by `DELAY`, as the sound is.

    Args:
        settings: see `Lanes`.
        state: see `Lanes`.
        keys: see `Keys`.
        heard: int64, (2 * LANES,): the next event of each lane, of oscillators and filter, then of the amplifier.
        now: the tick.

    Returns:
        Tick of the next event of any lane.
    """
    upcoming = NEVER
    for lane in range(LANES):
        last = keys.first[lane + 1]
        event = heard[lane]
        while event < last and keys.tick[event] <= now:
            _tune(settings, state, lane, keys.pitch[event])
            _gate(settings, state, lane, keys.action[event], F_ATTACKING, F_ATTACK)
            event += 1
        heard[lane] = event
        if event < last:
            upcoming = min(upcoming, keys.tick[event])
        event = heard[LANES + lane]
        while event < last and keys.tick[event] + DELAY <= now:
            _gate(settings, state, lane, keys.action[event], A_ATTACKING, A_ATTACK)
            event += 1
        heard[LANES + lane] = event
        if event < last:
            upcoming = min(upcoming, keys.tick[event] + DELAY)
    return upcoming


@inlined
def _is_silent(state):
    """Whether nothing is heard in any lane any more, if no key is pressed; see `SILENT`."""
    for lane in range(LANES):
        level = max(state[A_LEVEL * LANES + lane], state[A_GOAL * LANES + lane])
        if state[A_ATTACKING * LANES + lane] > _HALF or level > _SILENT:
            return False
        if abs(state[COUPLING2_OUT * LANES + lane]) > _TAIL:
            return False
    return True


@inlined
def _check_sizes(settings, state, noise, holds, keys, out):
    """Raise ValueError where an array is not of the size that `play` reads or writes."""
    if len(settings) != SETTING_ROWS * LANES or len(state) != STATE_ROWS * LANES:
        raise ValueError("settings or state are not those of all lanes")
    if len(noise) != LANES or len(holds) != LANES or len(out) != LANES:
        raise ValueError("noise, holds or out are not those of all lanes")
    events = len(keys.tick)
    if len(keys.first) != LANES + 1 or len(keys.action) != events or len(keys.pitch) != events:
        raise ValueError("the keys are not those of all lanes")
    for lane in range(LANES):
        if not 0 <= keys.first[lane] <= keys.first[lane + 1] <= events:
            raise ValueError("the keys' events are beyond their columns")


@kernel(nogil=True)
def play(lanes, keys, wide, out, first_taps, second_taps):
    """Run every lane up to the end of `out`, or until nothing is heard any more.

    Args:
        lanes: see `Lanes`.
        keys: see `Keys`, of LANES lanes; tick 0 is where the lanes start. Before its first
            event, a lane is tuned to the pitch of that.
        wide: whether the oscillators are to be of the form for keys above note 60.
        out: float32, (LANES, ticks); what sounds at a tick is written `DELAY` columns later.
        first_taps: of the first decimator, `FIRST_TAPS`.
        second_taps: of the second, `SECOND_TAPS`.

    Returns:
        How many columns of `out` are written; in those that follow, every lane is silent.

    Raises:
        ValueError: an array is not of the size that is read or written.
    """
    settings, state, noise, holds = lanes
    _check_sizes(settings, state, noise, holds, keys, out)
    control = np.zeros(TICKS * CONTROL_ROWS * LANES, np.float32)
    amp = np.zeros(TICKS * LANES, np.float32)
    mixed = np.zeros(BLOCK * LANES, np.float32)
    filtered = np.zeros(BLOCK * LANES, np.float32)
    slow = np.zeros(TICKS * LANES, np.float32)
    buffer1 = np.zeros(_FIRST_HISTORY + BLOCK * LANES, np.float32)
    buffer2 = np.zeros(_SECOND_HISTORY + BLOCK // 2 * LANES, np.float32)
    heard = np.zeros(2 * LANES, np.int64)
    for lane in range(LANES):
        heard[lane] = heard[LANES + lane] = keys.first[lane]
        _tune(settings, state, lane, keys.pitch[keys.first[lane]] if keys.first[lane] < keys.first[lane + 1] else 60)
    ticks = out.shape[1]
    upcoming = np.int64(0)
    for tick in range(0, ticks, TICKS):
        upcoming = _control_block(settings, state, holds, keys, heard, tick, upcoming, control, amp)
        if wide:
            oscillators_block(settings, state, noise, control, mixed, True)
        else:
            oscillators_block(settings, state, noise, control, mixed, False)
        _filter_block(settings, state, control, mixed, filtered)
        for value in range(BLOCK * LANES):
            buffer1[_FIRST_HISTORY + value] = filtered[value]
        halve(BLOCK, buffer1, first_taps, buffer2, _SECOND_HISTORY // LANES)
        halve(BLOCK // 2, buffer2, second_taps, slow, 0)
        _amplify_block(state, slow, amp, out, tick)
        # Smaller numbers than single precision has in full take a processor a hundred times as long.
        for value in range(len(state)):
            state[value] = state[value] if abs(state[value]) > _NOTHING else _ZERO
        if upcoming == NEVER and _is_silent(state):
            return min(tick + TICKS, ticks)
    return ticks
