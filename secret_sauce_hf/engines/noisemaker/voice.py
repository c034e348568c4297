"""One voice of the NoiseMaker: everything that runs per sample, for many lanes side by side.

Every constant was measured on the plug-in (DISTRHO port 3.22 with the base preset of
2018).
"""

from typing import NamedTuple

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.dsp.arithmetic import cosine_of_turns, power_of_two
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.noisemaker import envelopes, ladder, lfo, oscillators
from secret_sauce_hf.engines.noisemaker.envelopes import ATTACK, IDLE, RELEASE
from secret_sauce_hf.instruments import get_instrument

RATE = 44_100
"""Rate at which the engine runs, in Hz."""
BLOCK = 50
"""Samples per block; note-on and slot are multiples of it."""

_INSTRUMENT = get_instrument("noisemaker")
_COLUMN = {parameter.name: column for column, parameter in enumerate(_INSTRUMENT.parameters)}

# Note 60, with the base preset's fine tuning of -2 and +0.6 cents.
_OSC1_HERTZ = 440.0 * 2.0 ** (-9 / 12) * 2.0 ** (-0.02 / 12)
_OSC2_HERTZ = 440.0 * 2.0 ** (-9 / 12) * 2.0 ** (0.006 / 12)
_OSC1_START = 0.518
_LFO_START = 0.488 * 255.0
_NYQUIST_GUARD = 22_000.0
_TRIANGLE_GUARD = 19_845.0
_MASTER = np.float32(1.1127)
_DC_POLE = np.float32(0.999)
# The edges' corrections are read one sample on: the plug-in is early by that much.
_EDGE_LEAD = 1.0
_TRIANGLE_DELAY = 15
NOISE_MULTIPLIER = 16_807
TRIANGLE_RING = 16

# Columns of a lane's settings.
SETTINGS = 24
(
    WAVE1,
    WAVE2,
    GAIN1,
    GAIN2,
    _WIDTH,
    _DESTINATION,
    _LFO_STEP,
    _LFO_AMOUNT,
    CUTOFF,
    _ATTACK_RATE,
    _ATTACK_TARGET,
    _DECAY_RATE,
    _SUSTAIN,
    _F_ATTACK_RATE,
    _F_ATTACK_TARGET,
    _F_DECAY_RATE,
    _F_SUSTAIN,
    _F_ATTACK_IS_ZERO,
    RESONANCE,
    VOLUME1,
    VOLUME2,
) = range(21)

# Columns of a lane's state.
STATES = 16
(
    SMOOTH_CUTOFF,
    _LFO_PHASE,
    _LFO_VALUE,
    _AMP,
    AMP_STAGE,
    AMP_HOLD,
    _F_ENV,
    _F_STAGE,
    PHASE1,
    PHASE2,
    _FM_PHASE,
    _FM_HERTZ,
    _POSITION,
) = range(13)

_SAW, _PULSE = 0, 1
OSC1_NOISE = 2
TRIANGLE, _SINE, OSC2_NOISE = 2, 3, 4
_TO_FILTER, _TO_OSC1, _TO_OSC2, _TO_WIDTH, _TO_FM = 1, 2, 3, 4, 5

NOTE = envelopes.ATTACK
TAIL = envelopes.RELEASE
QUIET = envelopes.IDLE
IDLE_SAMPLES = 2_000
TAIL_SAMPLES = 250


class Tables(NamedTuple):
    """What the lanes read: see `onset_sweep`, `step_residual`, `corner_residual` and `sine_table`."""

    sweep: np.ndarray
    steps: np.ndarray
    corners: np.ndarray
    sine: np.ndarray


class Lanes(NamedTuple):
    """What the lanes are: their presets and their state."""

    settings: np.ndarray
    """float64, (LANES, SETTINGS), of `lane_settings`."""
    state: np.ndarray
    """float64, (LANES, STATES)."""
    generators: np.ndarray
    """uint32, (LANES, 2): the oscillators' noise."""
    rings: np.ndarray
    """float64, (2, LANES, RING): corrections of edges still to come."""
    delay: np.ndarray
    """float64, (LANES, TRIANGLE_RING): the triangle waits for its corrections."""
    filter_state: np.ndarray
    filter_constants: np.ndarray
    filter_seeds: np.ndarray
    """See `ladder_block`."""
    dc_state: np.ndarray
    """float32, two rows of LANES: input and output of the high-pass one sample ago."""


def lane_settings(unit: np.ndarray) -> np.ndarray:
    """Units of the instrument's parameters to the engine's settings.

    Args:
        unit: (rows, parameters of the instrument).

    Returns:
        float64, (rows, `SETTINGS`).
    """
    value = {name: unit[:, column] for name, column in _COLUMN.items()}
    settings = np.zeros((len(unit), SETTINGS))
    settings[:, WAVE1] = value["osc1_wave"]
    settings[:, WAVE2] = value["osc2_wave"]
    settings[:, VOLUME1] = value["osc1_volume"]
    settings[:, VOLUME2] = value["osc2_volume"]
    settings[:, GAIN1] = (20.0 ** value["osc1_volume"] - 1.0) / 19.0
    settings[:, GAIN2] = (20.0 ** value["osc2_volume"] - 1.0) / 19.0
    settings[:, _WIDTH] = value["osc1_pulse_width"]
    settings[:, _DESTINATION] = value["lfo1_destination"]
    settings[:, _LFO_STEP] = lfo.POINTS * lfo.lfo_hertz(value["lfo1_rate"]) / RATE
    settings[:, _LFO_AMOUNT] = (2.0 * (value["lfo1_amount"] - 0.5)) ** 3
    settings[:, CUTOFF] = (8.0 ** value["filter_cutoff"] - 1.0) / 7.0
    settings[:, RESONANCE] = value["filter_resonance"]
    settings[:, _ATTACK_RATE] = envelopes.attack_rate(value["amp_attack"])
    settings[:, _ATTACK_TARGET] = envelopes.attack_target(value["amp_attack"])
    settings[:, _DECAY_RATE] = envelopes.decay_rate(value["amp_decay"])
    settings[:, _SUSTAIN] = value["amp_sustain"]
    settings[:, _F_ATTACK_RATE] = envelopes.attack_rate(value["filter_attack"])
    settings[:, _F_ATTACK_TARGET] = envelopes.attack_target(value["filter_attack"])
    settings[:, _F_DECAY_RATE] = envelopes.decay_rate(value["filter_decay"])
    settings[:, _F_SUSTAIN] = (20.0 ** value["filter_sustain"] - 1.0) / 19.0
    settings[:, _F_ATTACK_IS_ZERO] = value["filter_attack"] == 0.0
    return settings


def start_phases(settings: np.ndarray) -> dict[int, np.ndarray]:
    """Where the oscillators' phases begin, by column of the state, for rows of `lane_settings`."""
    return {
        PHASE1: np.full(len(settings), np.float32(_OSC1_START)),
        PHASE2: np.where(settings[:, WAVE2] == TRIANGLE, -0.5, 0.0),
    }


@inlined
def _next_noise(generators, lane, oscillator):
    """The plug-in's noise: s ← 16807·s mod 2³², read as a signed fraction."""
    generators[lane, oscillator] *= np.uint32(NOISE_MULTIPLIER)
    return np.int32(generators[lane, oscillator]) / 2_147_483_648.0


@inlined
def _start_note(lane, lanes):
    """What a note-on resets; the LFO's smoother and the filter keep their state."""
    settings, state, rings, delay = lanes.settings, lanes.state, lanes.rings, lanes.delay
    state[lane, _AMP] = 0.0
    state[lane, AMP_STAGE] = ATTACK
    state[lane, _F_ENV] = 0.0
    state[lane, _F_STAGE] = ATTACK
    state[lane, _LFO_PHASE] = np.float32(_LFO_START)
    state[lane, PHASE1] = np.float32(_OSC1_START)
    state[lane, PHASE2] = np.float32(-0.5) if settings[lane, WAVE2] == TRIANGLE else np.float32(0.0)
    state[lane, _FM_PHASE] = 0.0
    state[lane, _FM_HERTZ] = _OSC1_HERTZ
    for sample in range(oscillators.RING):
        rings[0, lane, sample] = 0.0
        rings[1, lane, sample] = 0.0
    for sample in range(TRIANGLE_RING):
        delay[lane, sample] = 0.0


@inlined
def _lane_block(lane, phase_of_take, first, lanes, tables, drive, opening, amp):
    """Everything before the filter, for one lane over a block: drive, cutoff and gain per sample."""
    settings, state, generators, rings, delay = (
        lanes.settings,
        lanes.state,
        lanes.generators,
        lanes.rings,
        lanes.delay,
    )
    steps = tables.steps
    wave1 = int(settings[lane, WAVE1])
    wave2 = int(settings[lane, WAVE2])
    gain1 = settings[lane, GAIN1]
    gain2 = settings[lane, GAIN2]
    sounds1 = settings[lane, VOLUME1] > 0.0
    sounds2 = settings[lane, VOLUME2] > 0.0
    destination = int(settings[lane, _DESTINATION])
    lfo_step = np.float32(settings[lane, _LFO_STEP])
    amount = settings[lane, _LFO_AMOUNT]
    cutoff = settings[lane, CUTOFF]
    instant_filter_attack = settings[lane, _F_ATTACK_IS_ZERO] > 0.0

    smooth_cutoff = state[lane, SMOOTH_CUTOFF]
    lfo_phase = np.float32(state[lane, _LFO_PHASE])
    lfo_value = state[lane, _LFO_VALUE]
    level = state[lane, _AMP]
    stage = int(state[lane, AMP_STAGE])
    hold = state[lane, AMP_HOLD]
    filter_level = state[lane, _F_ENV]
    filter_stage = int(state[lane, _F_STAGE])
    phase1 = np.float32(state[lane, PHASE1])
    phase2 = np.float32(state[lane, PHASE2])
    fm_phase = state[lane, _FM_PHASE]
    fm_hertz = state[lane, _FM_HERTZ]
    position = int(state[lane, _POSITION])

    for sample in range(BLOCK):
        at = sample * LANES + lane
        smooth_cutoff = (1000.0 * smooth_cutoff + cutoff) / 1001.0
        b = smooth_cutoff - 0.0234
        if destination == _TO_FILTER:
            b += amount * (1.0 + lfo_value) / 2.0
        if phase_of_take == QUIET or stage == IDLE:
            drive[at] = np.float32(0.0)
            opening[at] = np.float32(b + 0.1)
            amp[at] = np.float32(0.0)
            continue

        filter_level, filter_stage = envelopes.held(
            filter_level,
            filter_stage,
            settings[lane, _F_ATTACK_RATE],
            settings[lane, _F_ATTACK_TARGET],
            settings[lane, _F_DECAY_RATE],
            settings[lane, _F_SUSTAIN],
        )
        b += 3.93e-5 * (1.0 if filter_stage == ATTACK and instant_filter_attack else filter_level)
        if phase_of_take == NOTE:
            b -= tables.sweep[first + sample]

        hertz1 = _OSC1_HERTZ
        hertz2 = _OSC2_HERTZ
        width = settings[lane, _WIDTH]
        if destination == _TO_OSC1:
            hertz1 = min(hertz1 * power_of_two(4.0 * amount * lfo_value), _NYQUIST_GUARD)
        elif destination == _TO_OSC2:
            hertz2 *= power_of_two(4.0 * amount * lfo_value)
        elif destination == _TO_WIDTH:
            width = min(width + abs(amount) * (1.0 + lfo_value) / 2.0, 1.0)
        elif destination == _TO_FM:
            depth = abs(amount) * (1.0 + lfo_value) / 2.0
            fm_phase += fm_hertz / RATE
            if fm_phase >= 1.0:
                fm_phase -= 1.0
            # sin 2πx = cos 2π(x + 3/4)
            turns = fm_phase + 0.75
            hertz2 += 10.0 * depth * hertz1 * (1.0 + cosine_of_turns(turns - 1.0 if turns >= 1.0 else turns))
        fm_hertz = hertz1
        hertz2 = min(hertz2, _TRIANGLE_GUARD if wave2 == TRIANGLE else _NYQUIST_GUARD)

        value1 = 0.0
        if wave1 == OSC1_NOISE:
            if sounds1:
                value1 = _next_noise(generators, lane, 0)
        else:
            step1 = np.float32(np.float32(hertz1) / np.float32(RATE))
            if wave1 == _SAW:
                value1, phase1 = oscillators.saw(phase1, step1, rings[0], lane, position, steps, _EDGE_LEAD)
            else:
                duty = 0.5 + (width - 0.5) * (1.0 - 2.5 * hertz1 / RATE)
                value1, phase1 = oscillators.pulse(
                    phase1, step1, duty, rings[0], lane, position, tables.steps, _EDGE_LEAD
                )
            value1 += oscillators.take_residual(rings[0], lane, position)

        value2 = 0.0
        if wave2 == OSC2_NOISE:
            if sounds2:
                value2 = _next_noise(generators, lane, 1)
        else:
            step2 = np.float32(np.float32(hertz2) / np.float32(RATE))
            if wave2 == _SINE:
                value2 = -0.5 * cosine_of_turns(phase2)
                phase2 = np.float32(phase2 + step2)
                if phase2 >= np.float32(1.0):
                    phase2 = np.float32(phase2 - np.float32(1.0))
            elif wave2 == _SAW:
                value2, phase2 = oscillators.saw(phase2, step2, rings[1], lane, position, steps, _EDGE_LEAD)
            elif wave2 == _PULSE:
                value2, phase2 = oscillators.pulse(
                    phase2, step2, 0.5, rings[1], lane, position, tables.steps, _EDGE_LEAD
                )
            else:
                naive, phase2 = oscillators.triangle(phase2, step2, rings[1], lane, position, tables.corners)
                value2 = delay[lane, (position - _TRIANGLE_DELAY) & (TRIANGLE_RING - 1)]
                delay[lane, position & (TRIANGLE_RING - 1)] = naive
            value2 += oscillators.take_residual(rings[1], lane, position)
        position = (position + 1) & (oscillators.RING - 1)

        if phase_of_take == NOTE:
            level, stage = envelopes.held(
                level,
                stage,
                settings[lane, _ATTACK_RATE],
                settings[lane, _ATTACK_TARGET],
                settings[lane, _DECAY_RATE],
                settings[lane, _SUSTAIN],
            )
        else:
            level, hold, stage = envelopes.released(level, hold, stage)
        drive[at] = np.float32(-(gain1 * value1 + gain2 * value2))
        opening[at] = np.float32(b)
        amp[at] = np.float32(level)
        lfo_phase, lfo_value = lfo.lfo_tick(lfo_phase, lfo_step, lfo_value, tables.sine)

    state[lane, SMOOTH_CUTOFF] = smooth_cutoff
    state[lane, _LFO_PHASE] = lfo_phase
    state[lane, _LFO_VALUE] = lfo_value
    state[lane, _AMP] = level
    state[lane, AMP_STAGE] = stage
    state[lane, AMP_HOLD] = hold
    state[lane, _F_ENV] = filter_level
    state[lane, _F_STAGE] = filter_stage
    state[lane, PHASE1] = phase1
    state[lane, PHASE2] = phase2
    state[lane, _FM_PHASE] = fm_phase
    state[lane, _FM_HERTZ] = fm_hertz
    state[lane, _POSITION] = position


@inlined
def _amplify_block(filtered, amp, dc_state, out, offset, keep):
    """Amplifier, 7 Hz high-pass y = x - x' + 0.999 y', master volume."""
    for sample in range(BLOCK):
        for lane in range(LANES):
            at = sample * LANES + lane
            x = filtered[at] * amp[at]
            y = x - dc_state[lane] + _DC_POLE * dc_state[LANES + lane]
            dc_state[lane] = x
            dc_state[LANES + lane] = y
            if keep:
                out[(offset + sample) * LANES + lane] = y * _MASTER


@kernel(nogil=True)
def play(phase_of_take, samples, used, keep_from, out, lanes, tables):
    """Run the lanes for `samples` (a multiple of BLOCK) in one phase of a take: NOTE, TAIL or QUIET.

    The first `used` lanes sound; of the others only the filter runs, which takes all lanes at once.
    Sound from sample `keep_from` on is written to `out`, float32, `sample * LANES + lane`.

    Raises:
        ValueError: `samples` is no multiple of BLOCK, or `out` or the sweep is too short for it; or
            there are fewer lanes than `used`.
    """
    if used > LANES:
        raise ValueError("The NoiseMaker's voice was asked for more lanes than it has.")
    if samples % BLOCK != 0 or keep_from % BLOCK != 0 or (samples - keep_from) * LANES > len(out):
        raise ValueError("The NoiseMaker's voice was given a buffer that its samples do not fit into.")
    if phase_of_take == NOTE and samples > len(tables.sweep):
        raise ValueError("The NoiseMaker's onset sweep is shorter than the note.")
    drive = np.zeros(BLOCK * LANES, np.float32)
    opening = np.zeros(BLOCK * LANES, np.float32)
    amp = np.zeros(BLOCK * LANES, np.float32)
    filtered = np.zeros(BLOCK * LANES, np.float32)
    if phase_of_take == NOTE:
        for lane in range(used):
            _start_note(lane, lanes)
    for first in range(0, samples, BLOCK):
        for lane in range(used):
            _lane_block(lane, phase_of_take, first, lanes, tables, drive, opening, amp)
        ladder.ladder_block(
            BLOCK, drive, opening, filtered, lanes.filter_state, lanes.filter_constants, lanes.filter_seeds
        )
        _amplify_block(filtered, amp, lanes.dc_state, out, first - keep_from, first >= keep_from)


@kernel(nogil=True)
def ring_out(samples, keep_from, out, lanes):
    """Silence: the filter is frozen, the high-pass rings on and the cutoff settles.

    Sound from sample `keep_from` on is written to `out`, float32, `sample * LANES + lane`.

    Raises:
        ValueError: `out` is too short.
    """
    if keep_from < 0 or (samples - keep_from) * LANES > len(out):
        raise ValueError("The NoiseMaker's voice was given a buffer that its samples do not fit into.")
    dc_state = lanes.dc_state
    for sample in range(samples):
        for lane in range(LANES):
            y = _DC_POLE * dc_state[LANES + lane] - dc_state[lane]
            dc_state[lane] = np.float32(0.0)
            dc_state[LANES + lane] = y
            if sample >= keep_from:
                out[(sample - keep_from) * LANES + lane] = y * _MASTER
    for lane in range(LANES):
        smooth = lanes.state[lane, SMOOTH_CUTOFF]
        for _ in range(samples):
            smooth = (1000.0 * smooth + lanes.settings[lane, CUTOFF]) / 1001.0
        lanes.state[lane, SMOOTH_CUTOFF] = smooth


@kernel(nogil=True)
def count_sounding(settings, note_samples, notes, tails):
    """Samples for which each row's note sounds, before and after its note-off."""
    for row in range(len(settings)):
        level, stage, samples = 0.0, ATTACK, 0
        while samples < note_samples and stage != IDLE:
            level, stage = envelopes.held(
                level,
                stage,
                settings[row, _ATTACK_RATE],
                settings[row, _ATTACK_TARGET],
                settings[row, _DECAY_RATE],
                settings[row, _SUSTAIN],
            )
            samples += 1
            if stage == envelopes.SUSTAIN:
                samples = note_samples
        notes[row] = samples
        hold, tail = 1.0, 0
        stage = RELEASE if stage != IDLE else IDLE
        while stage != IDLE:
            level, hold, stage = envelopes.released(level, hold, stage)
            tail += 1
        tails[row] = tail


@kernel(nogil=True)
def rest_filter(filter_state):
    """See `ladder.rest`."""
    ladder.rest(filter_state)
