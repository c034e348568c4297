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
TRIANGLE_DELAY = 15
NOISE_MULTIPLIER = 16_807

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
) = range(12)

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
    pending: np.ndarray
    """float64, (2, LANES, SPREAD): what edges of both oscillators still add to the samples to come."""
    delay: np.ndarray
    """float64, (LANES, TRIANGLE_DELAY): the triangle waits for its corrections."""
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
    settings, state, pending, delay = lanes.settings, lanes.state, lanes.pending, lanes.delay
    state[lane, _AMP] = 0.0
    state[lane, AMP_STAGE] = ATTACK
    state[lane, _F_ENV] = 0.0
    state[lane, _F_STAGE] = ATTACK
    state[lane, _LFO_PHASE] = np.float32(_LFO_START)
    state[lane, PHASE1] = np.float32(_OSC1_START)
    state[lane, PHASE2] = np.float32(-0.5) if settings[lane, WAVE2] == TRIANGLE else np.float32(0.0)
    state[lane, _FM_PHASE] = 0.0
    state[lane, _FM_HERTZ] = _OSC1_HERTZ
    for sample in range(oscillators.SPREAD):
        pending[0, lane, sample] = 0.0
        pending[1, lane, sample] = 0.0
    for sample in range(TRIANGLE_DELAY):
        delay[lane, sample] = 0.0


@inlined
def _wait_block(settings, state, opening):
    """A block in which no note sounds: the cutoff settles."""
    for sample in range(BLOCK):
        for lane in range(LANES):
            at = sample * LANES + lane
            smooth = (1000.0 * state[SMOOTH_CUTOFF * LANES + lane] + settings[CUTOFF * LANES + lane]) / 1001.0
            state[SMOOTH_CUTOFF * LANES + lane] = smooth
            b = smooth - 0.0234
            swept = b + settings[_LFO_AMOUNT * LANES + lane] * (1.0 + state[_LFO_VALUE * LANES + lane]) / 2.0
            b = swept if settings[_DESTINATION * LANES + lane] == _TO_FILTER else b
            opening[at] = np.float32(b + 0.1)


@inlined
def _control_block(holds, first, settings, state, tables, opening, amp, modulation, sine, lanes_sound):
    """Envelopes, LFO and cutoff of all lanes over a block, side by side.

    Args:
        holds: whether the note is held, or else released.
        first: sample of the note at which the block begins.
        settings: rows of `LANES` values.
        state: the same.
        tables: the sweep and the LFO's sine are read.
        opening: output, `sample * LANES + lane`.
        amp: output, like `opening`.
        modulation: output, what the LFO was before the sample, like `opening`.
        sine: of one value per lane, written over.
        lanes_sound: output, for how many samples of the block each lane sounds.
    """
    for lane in range(LANES):
        lanes_sound[lane] = 0
    for sample in range(BLOCK):
        sweep = tables.sweep[first + sample] if holds else 0.0
        # By itself: a table that is read at another place by every lane keeps a loop from becoming vector instructions.
        for lane in range(LANES):
            sine[lane] = lfo.read(np.float32(state[_LFO_PHASE * LANES + lane]), tables.sine)
        for lane in range(LANES):
            at = sample * LANES + lane
            smooth = (1000.0 * state[SMOOTH_CUTOFF * LANES + lane] + settings[CUTOFF * LANES + lane]) / 1001.0
            state[SMOOTH_CUTOFF * LANES + lane] = smooth
            lfo_value = state[_LFO_VALUE * LANES + lane]
            modulation[at] = lfo_value
            b = smooth - 0.0234
            swept = b + settings[_LFO_AMOUNT * LANES + lane] * (1.0 + lfo_value) / 2.0
            b = swept if settings[_DESTINATION * LANES + lane] == _TO_FILTER else b

            level = state[_AMP * LANES + lane]
            stage = state[AMP_STAGE * LANES + lane]
            sounds = stage != IDLE
            lanes_sound[lane] += 1 if sounds else 0

            filter_level = state[_F_ENV * LANES + lane]
            filter_stage = state[_F_STAGE * LANES + lane]
            new_filter_level, new_filter_stage = envelopes.held(
                filter_level,
                filter_stage,
                settings[_F_ATTACK_RATE * LANES + lane],
                settings[_F_ATTACK_TARGET * LANES + lane],
                settings[_F_DECAY_RATE * LANES + lane],
                settings[_F_SUSTAIN * LANES + lane],
            )
            instant = settings[_F_ATTACK_IS_ZERO * LANES + lane] > 0.0
            lifted = b + 3.93e-5 * (1.0 if (new_filter_stage == ATTACK) & instant else new_filter_level)
            if holds:
                lifted -= sweep
                new_level, new_stage = envelopes.held(
                    level,
                    stage,
                    settings[_ATTACK_RATE * LANES + lane],
                    settings[_ATTACK_TARGET * LANES + lane],
                    settings[_DECAY_RATE * LANES + lane],
                    settings[_SUSTAIN * LANES + lane],
                )
            else:
                hold = state[AMP_HOLD * LANES + lane]
                new_level, new_hold, new_stage = envelopes.released(level, hold, stage)
                state[AMP_HOLD * LANES + lane] = new_hold
            phase = np.float32(state[_LFO_PHASE * LANES + lane])
            step = np.float32(settings[_LFO_STEP * LANES + lane])
            new_phase, new_value = lfo.tick(phase, step, lfo_value, sine[lane])

            opening[at] = np.float32(lifted if sounds else b + 0.1)
            amp[at] = np.float32(new_level if sounds else 0.0)
            state[_AMP * LANES + lane] = new_level if sounds else level
            state[AMP_STAGE * LANES + lane] = new_stage if sounds else stage
            state[_F_ENV * LANES + lane] = new_filter_level if sounds else filter_level
            state[_F_STAGE * LANES + lane] = new_filter_stage if sounds else filter_stage
            state[_LFO_PHASE * LANES + lane] = new_phase if sounds else phase
            state[_LFO_VALUE * LANES + lane] = new_value if sounds else lfo_value


class _Block(NamedTuple):
    """Where the oscillators of one lane work: a value per sample of a block."""

    steps1: np.ndarray
    """float32, turns per sample; `steps2` alike."""
    steps2: np.ndarray
    duty: np.ndarray
    """float64."""
    moved: np.ndarray
    """float64: what the LFO is, where it moves the pitch or the width; of the first pitch, its hertz then."""
    phases: np.ndarray
    """float32."""
    corrections: np.ndarray
    """float64, `BLOCK + SPREAD`: what edges add to these samples and those after them."""
    values1: np.ndarray
    """float64."""
    values2: np.ndarray
    """float64, `TRIANGLE_DELAY + BLOCK`: the samples that the triangle is late by come first."""


@inlined
def _set_pitches(lane, samples, settings, state, modulation, block):
    """Increments of both phases and the pulse's duty over a block, which the LFO may move."""
    destination = int(settings[_DESTINATION * LANES + lane])
    depth = abs(settings[_LFO_AMOUNT * LANES + lane])
    octaves = 4.0 * settings[_LFO_AMOUNT * LANES + lane]
    width = settings[_WIDTH * LANES + lane]
    guard = _TRIANGLE_GUARD if int(settings[WAVE2 * LANES + lane]) == TRIANGLE else _NYQUIST_GUARD
    hertz1 = _OSC1_HERTZ
    step1 = np.float32(np.float32(hertz1) / np.float32(RATE))
    step2 = np.float32(np.float32(min(_OSC2_HERTZ, guard)) / np.float32(RATE))
    duty = 0.5 + (width - 0.5) * (1.0 - 2.5 * hertz1 / RATE)
    for sample in range(samples):
        block.steps1[sample] = step1
        block.steps2[sample] = step2
        block.duty[sample] = duty
    if _TO_OSC1 <= destination <= _TO_FM:
        moved = block.moved
        for sample in range(samples):
            moved[sample] = modulation[sample * LANES + lane]
        if destination == _TO_OSC1:
            for sample in range(samples):
                hertz = min(_OSC1_HERTZ * power_of_two(octaves * moved[sample]), _NYQUIST_GUARD)
                block.steps1[sample] = np.float32(np.float32(hertz) / np.float32(RATE))
                block.duty[sample] = 0.5 + (width - 0.5) * (1.0 - 2.5 * hertz / RATE)
                moved[sample] = hertz
            hertz1 = moved[samples - 1]
        elif destination == _TO_OSC2:
            for sample in range(samples):
                hertz2 = min(_OSC2_HERTZ * power_of_two(octaves * moved[sample]), guard)
                block.steps2[sample] = np.float32(np.float32(hertz2) / np.float32(RATE))
        elif destination == _TO_WIDTH:
            for sample in range(samples):
                wider = min(width + depth * (1.0 + moved[sample]) / 2.0, 1.0)
                block.duty[sample] = 0.5 + (wider - 0.5) * (1.0 - 2.5 * hertz1 / RATE)
        else:
            phase = state[_FM_PHASE * LANES + lane]
            step = state[_FM_HERTZ * LANES + lane] / RATE
            turns = block.values1
            for sample in range(samples):
                phase += step
                phase = phase - 1.0 if phase >= 1.0 else phase
                # sin 2πx = cos 2π(x + 3/4)
                turn = phase + 0.75
                turns[sample] = turn - 1.0 if turn >= 1.0 else turn
                step = hertz1 / RATE
            state[_FM_PHASE * LANES + lane] = phase
            for sample in range(samples):
                by = depth * (1.0 + moved[sample]) / 2.0
                hertz2 = _OSC2_HERTZ + 10.0 * by * hertz1 * (1.0 + cosine_of_turns(turns[sample]))
                block.steps2[sample] = np.float32(np.float32(min(hertz2, guard)) / np.float32(RATE))
    state[_FM_HERTZ * LANES + lane] = hertz1


@inlined
def _correct(pending, samples, corrections, values):
    """Add what edges before asked for, and keep what they ask of the samples after the block."""
    for sample in range(samples):
        values[sample] += corrections[sample]
    for sample in range(oscillators.SPREAD):
        pending[sample] = corrections[samples + sample]


@inlined
def _resume(pending, corrections):
    """Begin a block's corrections with those that are pending."""
    for sample in range(oscillators.SPREAD):
        corrections[sample] = pending[sample]
    for sample in range(oscillators.SPREAD, BLOCK + oscillators.SPREAD):
        corrections[sample] = 0.0


@inlined
def _noise(lane, oscillator, sounds, samples, generators, out):
    """Noise over a block; of an oscillator that does not sound it stands still."""
    for sample in range(samples):
        out[sample] = _next_noise(generators, lane, oscillator) if sounds else 0.0


@inlined
def _sound_block(lane, samples, settings, state, modulation, lanes, tables, block, drive):
    """The oscillators of one lane over a block, of which it sounds for `samples`, one at least."""
    _set_pitches(lane, samples, settings, state, modulation, block)
    generators, delay = lanes.generators, lanes.delay
    corrections, values1, values2 = block.corrections, block.values1, block.values2

    wave = int(settings[WAVE1 * LANES + lane])
    phase = np.float32(state[PHASE1 * LANES + lane])
    if wave == OSC1_NOISE:
        _noise(lane, 0, settings[VOLUME1 * LANES + lane] > 0.0, samples, generators, values1)
    else:
        pending = lanes.pending[0, lane]
        _resume(pending, corrections)
        if wave == _SAW:
            phase = oscillators.saw(phase, block.steps1, samples, corrections, tables.steps, _EDGE_LEAD, values1)
        else:
            phase = oscillators.pulse(
                phase, block.steps1, block.duty, samples, corrections, tables.steps, _EDGE_LEAD, values1
            )
        _correct(pending, samples, corrections, values1)
        state[PHASE1 * LANES + lane] = phase

    wave = int(settings[WAVE2 * LANES + lane])
    phase = np.float32(state[PHASE2 * LANES + lane])
    if wave == OSC2_NOISE:
        _noise(lane, 1, settings[VOLUME2 * LANES + lane] > 0.0, samples, generators, values2)
    else:
        pending = lanes.pending[1, lane]
        _resume(pending, corrections)
        if wave == _SINE:
            phase = oscillators.sine(phase, block.steps2, samples, block.phases, values2)
        elif wave == TRIANGLE:
            for sample in range(TRIANGLE_DELAY):
                values2[sample] = delay[lane, sample]
            phase = oscillators.triangle(
                phase, block.steps2, samples, corrections, tables.corners, values2[TRIANGLE_DELAY:]
            )
            for sample in range(TRIANGLE_DELAY):
                delay[lane, sample] = values2[samples + sample]
        elif wave == _SAW:
            phase = oscillators.saw(phase, block.steps2, samples, corrections, tables.steps, _EDGE_LEAD, values2)
        else:
            for sample in range(samples):
                block.duty[sample] = 0.5
            phase = oscillators.pulse(
                phase, block.steps2, block.duty, samples, corrections, tables.steps, _EDGE_LEAD, values2
            )
        _correct(pending, samples, corrections, values2)
        state[PHASE2 * LANES + lane] = phase

    gain1 = settings[GAIN1 * LANES + lane]
    gain2 = settings[GAIN2 * LANES + lane]
    for sample in range(samples):
        drive[sample * LANES + lane] = np.float32(-(gain1 * values1[sample] + gain2 * values2[sample]))


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
    modulation = np.zeros(BLOCK * LANES)
    sine = np.zeros(LANES)
    lanes_sound = np.zeros(LANES, np.int64)
    block = _Block(
        np.zeros(BLOCK, np.float32),
        np.zeros(BLOCK, np.float32),
        np.zeros(BLOCK),
        np.zeros(BLOCK),
        np.zeros(BLOCK, np.float32),
        np.zeros(BLOCK + oscillators.SPREAD),
        np.zeros(BLOCK),
        np.zeros(TRIANGLE_DELAY + BLOCK),
    )
    if phase_of_take == NOTE:
        for lane in range(used):
            _start_note(lane, lanes)
    # Lanes beside each other, in arrays of this call's own: else nothing below becomes vector instructions.
    settings = np.empty(SETTINGS * LANES)
    state = np.empty(STATES * LANES)
    for lane in range(LANES):
        for column in range(SETTINGS):
            settings[column * LANES + lane] = lanes.settings[lane, column]
        for column in range(STATES):
            state[column * LANES + lane] = lanes.state[lane, column]
    for first in range(0, samples, BLOCK):
        if phase_of_take == NOTE:
            _control_block(True, first, settings, state, tables, opening, amp, modulation, sine, lanes_sound)
        elif phase_of_take == TAIL:
            _control_block(False, first, settings, state, tables, opening, amp, modulation, sine, lanes_sound)
        else:
            _wait_block(settings, state, opening)
        if phase_of_take != QUIET:
            for at in range(BLOCK * LANES):
                drive[at] = np.float32(0.0)
            for lane in range(used):
                if lanes_sound[lane] == 0:
                    continue
                _sound_block(lane, lanes_sound[lane], settings, state, modulation, lanes, tables, block, drive)
        ladder.ladder_block(
            BLOCK, drive, opening, filtered, lanes.filter_state, lanes.filter_constants, lanes.filter_seeds
        )
        _amplify_block(filtered, amp, lanes.dc_state, out, first - keep_from, first >= keep_from)
    for lane in range(LANES):
        for column in range(STATES):
            lanes.state[lane, column] = state[column * LANES + lane]


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
