"""The TAL-NoiseMaker as the collections use it: two oscillators, ladder, amplifier, LFO.

Every constant was measured on the plug-in (DISTRHO port 3.22 with the base preset of
2018); the oscillators, the filter, the envelopes and the LFO have modules of their own.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from secret_sauce_hf.engines import envelopes, ladder, lfo, oscillators
from secret_sauce_hf.engines.arithmetic import cosine_of_turns, power_of_two
from secret_sauce_hf.engines.compiling import LANES, inlined, kernel
from secret_sauce_hf.engines.envelopes import ATTACK, IDLE, RELEASE
from secret_sauce_hf.engines.takes import cut_takes, thread_count
from secret_sauce_hf.instruments import SAMPLE_RATE, Timing, get_instrument
from secret_sauce_hf.presets import Presets, row_random

VERSION = "1"
"""Raise it whenever the sound changes."""

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
_TRIANGLE_RING = 16

# Columns of a lane's settings.
_SETTINGS = 24
(
    _WAVE1,
    _WAVE2,
    _GAIN1,
    _GAIN2,
    _WIDTH,
    _DESTINATION,
    _LFO_STEP,
    _LFO_AMOUNT,
    _CUTOFF,
    _ATTACK_RATE,
    _ATTACK_TARGET,
    _DECAY_RATE,
    _SUSTAIN,
    _F_ATTACK_RATE,
    _F_ATTACK_TARGET,
    _F_DECAY_RATE,
    _F_SUSTAIN,
    _F_ATTACK_IS_ZERO,
    _RESONANCE,
    _VOLUME1,
    _VOLUME2,
) = range(21)

# Columns of a lane's state.
_STATES = 16
(
    _SMOOTH_CUTOFF,
    _LFO_PHASE,
    _LFO_VALUE,
    _AMP,
    _AMP_STAGE,
    _AMP_HOLD,
    _F_ENV,
    _F_STAGE,
    _PHASE1,
    _PHASE2,
    _FM_PHASE,
    _FM_HERTZ,
    _POSITION,
) = range(13)

_SAW, _PULSE = 0, 1
_OSC1_NOISE = 2
_TRIANGLE, _SINE, _OSC2_NOISE = 2, 3, 4
_TO_FILTER, _TO_OSC1, _TO_OSC2, _TO_WIDTH, _TO_FM = 1, 2, 3, 4, 5

_NOTE = envelopes.ATTACK
_TAIL = envelopes.RELEASE
_QUIET = envelopes.IDLE
_IDLE_SAMPLES = 2_000
_TAIL_SAMPLES = 250


def lane_settings(unit: np.ndarray) -> np.ndarray:
    """Units of the instrument's parameters to the engine's settings.

    Args:
        unit: (rows, parameters of the instrument).

    Returns:
        float64, (rows, `_SETTINGS`).
    """
    value = {name: unit[:, column] for name, column in _COLUMN.items()}
    settings = np.zeros((len(unit), _SETTINGS))
    settings[:, _WAVE1] = value["osc1_wave"]
    settings[:, _WAVE2] = value["osc2_wave"]
    settings[:, _VOLUME1] = value["osc1_volume"]
    settings[:, _VOLUME2] = value["osc2_volume"]
    settings[:, _GAIN1] = (20.0 ** value["osc1_volume"] - 1.0) / 19.0
    settings[:, _GAIN2] = (20.0 ** value["osc2_volume"] - 1.0) / 19.0
    settings[:, _WIDTH] = value["osc1_pulse_width"]
    settings[:, _DESTINATION] = value["lfo1_destination"]
    settings[:, _LFO_STEP] = lfo.POINTS * lfo.lfo_hertz(value["lfo1_rate"]) / RATE
    settings[:, _LFO_AMOUNT] = (2.0 * (value["lfo1_amount"] - 0.5)) ** 3
    settings[:, _CUTOFF] = (8.0 ** value["filter_cutoff"] - 1.0) / 7.0
    settings[:, _RESONANCE] = value["filter_resonance"]
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


@inlined
def _next_noise(generators, lane, oscillator):
    """The plug-in's noise: s ← 16807·s mod 2³², read as a signed fraction."""
    generators[lane, oscillator] *= np.uint32(16_807)
    return np.int32(generators[lane, oscillator]) / 2_147_483_648.0


@inlined
def _start_note(lane, state, settings, rings, delay):
    """What a note-on resets; the LFO's smoother and the filter keep their state."""
    state[lane, _AMP] = 0.0
    state[lane, _AMP_STAGE] = ATTACK
    state[lane, _F_ENV] = 0.0
    state[lane, _F_STAGE] = ATTACK
    state[lane, _LFO_PHASE] = np.float32(_LFO_START)
    state[lane, _PHASE1] = np.float32(_OSC1_START)
    state[lane, _PHASE2] = np.float32(-0.5) if settings[lane, _WAVE2] == _TRIANGLE else np.float32(0.0)
    state[lane, _FM_PHASE] = 0.0
    state[lane, _FM_HERTZ] = _OSC1_HERTZ
    for sample in range(oscillators.RING):
        rings[0, lane, sample] = 0.0
        rings[1, lane, sample] = 0.0
    for sample in range(_TRIANGLE_RING):
        delay[lane, sample] = 0.0


@inlined
def _lane_block(
    lane,
    phase_of_take,
    first,
    settings,
    state,
    generators,
    rings,
    delay,
    sweep,
    steps,
    corners,
    table,
    drive,
    opening,
    amp,
):
    """Everything before the filter, for one lane over a block: drive, cutoff and gain per sample."""
    wave1 = int(settings[lane, _WAVE1])
    wave2 = int(settings[lane, _WAVE2])
    gain1 = settings[lane, _GAIN1]
    gain2 = settings[lane, _GAIN2]
    sounds1 = settings[lane, _VOLUME1] > 0.0
    sounds2 = settings[lane, _VOLUME2] > 0.0
    destination = int(settings[lane, _DESTINATION])
    lfo_step = np.float32(settings[lane, _LFO_STEP])
    amount = settings[lane, _LFO_AMOUNT]
    cutoff = settings[lane, _CUTOFF]
    instant_filter_attack = settings[lane, _F_ATTACK_IS_ZERO] > 0.0

    smooth_cutoff = state[lane, _SMOOTH_CUTOFF]
    lfo_phase = np.float32(state[lane, _LFO_PHASE])
    lfo_value = state[lane, _LFO_VALUE]
    level = state[lane, _AMP]
    stage = int(state[lane, _AMP_STAGE])
    hold = state[lane, _AMP_HOLD]
    filter_level = state[lane, _F_ENV]
    filter_stage = int(state[lane, _F_STAGE])
    phase1 = np.float32(state[lane, _PHASE1])
    phase2 = np.float32(state[lane, _PHASE2])
    fm_phase = state[lane, _FM_PHASE]
    fm_hertz = state[lane, _FM_HERTZ]
    position = int(state[lane, _POSITION])

    for sample in range(BLOCK):
        at = sample * LANES + lane
        smooth_cutoff = (1000.0 * smooth_cutoff + cutoff) / 1001.0
        b = smooth_cutoff - 0.0234
        if destination == _TO_FILTER:
            b += amount * (1.0 + lfo_value) / 2.0
        if phase_of_take == _QUIET or stage == IDLE:
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
        if phase_of_take == _NOTE:
            b -= sweep[first + sample]

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
        hertz2 = min(hertz2, _TRIANGLE_GUARD if wave2 == _TRIANGLE else _NYQUIST_GUARD)

        value1 = 0.0
        if wave1 == _OSC1_NOISE:
            if sounds1:
                value1 = _next_noise(generators, lane, 0)
        else:
            step1 = np.float32(np.float32(hertz1) / np.float32(RATE))
            if wave1 == _SAW:
                value1, phase1 = oscillators.saw(phase1, step1, rings[0], lane, position, steps, _EDGE_LEAD)
            else:
                duty = 0.5 + (width - 0.5) * (1.0 - 2.5 * hertz1 / RATE)
                value1, phase1 = oscillators.pulse(phase1, step1, duty, rings[0], lane, position, steps, _EDGE_LEAD)
            value1 += oscillators.take_residual(rings[0], lane, position)

        value2 = 0.0
        if wave2 == _OSC2_NOISE:
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
                value2, phase2 = oscillators.pulse(phase2, step2, 0.5, rings[1], lane, position, steps, _EDGE_LEAD)
            else:
                naive, phase2 = oscillators.triangle(phase2, step2, rings[1], lane, position, corners)
                value2 = delay[lane, (position - _TRIANGLE_DELAY) & (_TRIANGLE_RING - 1)]
                delay[lane, position & (_TRIANGLE_RING - 1)] = naive
            value2 += oscillators.take_residual(rings[1], lane, position)
        position = (position + 1) & (oscillators.RING - 1)

        if phase_of_take == _NOTE:
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
        lfo_phase, lfo_value = lfo.lfo_tick(lfo_phase, lfo_step, lfo_value, table)

    state[lane, _SMOOTH_CUTOFF] = smooth_cutoff
    state[lane, _LFO_PHASE] = lfo_phase
    state[lane, _LFO_VALUE] = lfo_value
    state[lane, _AMP] = level
    state[lane, _AMP_STAGE] = stage
    state[lane, _AMP_HOLD] = hold
    state[lane, _F_ENV] = filter_level
    state[lane, _F_STAGE] = filter_stage
    state[lane, _PHASE1] = phase1
    state[lane, _PHASE2] = phase2
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
def _play(
    phase_of_take,
    samples,
    keep_from,
    out,
    settings,
    state,
    generators,
    rings,
    delay,
    filter_state,
    filter_constants,
    filter_seeds,
    dc_state,
    sweep,
    steps,
    corners,
    table,
):
    """Run every lane for `samples` (a multiple of BLOCK) in one phase of a take.

    Sound from sample `keep_from` on is written to `out`.
    """
    drive = np.zeros(BLOCK * LANES, np.float32)
    opening = np.zeros(BLOCK * LANES, np.float32)
    amp = np.zeros(BLOCK * LANES, np.float32)
    filtered = np.zeros(BLOCK * LANES, np.float32)
    if phase_of_take == _NOTE:
        for lane in range(LANES):
            _start_note(lane, state, settings, rings, delay)
    for first in range(0, samples, BLOCK):
        for lane in range(LANES):
            _lane_block(
                lane,
                phase_of_take,
                first,
                settings,
                state,
                generators,
                rings,
                delay,
                sweep,
                steps,
                corners,
                table,
                drive,
                opening,
                amp,
            )
        ladder.ladder_block(BLOCK, drive, opening, filtered, filter_state, filter_constants, filter_seeds)
        _amplify_block(filtered, amp, dc_state, out, first - keep_from, first >= keep_from)


@kernel(nogil=True)
def _ring_out(samples, keep_from, out, dc_state, state, settings):
    """Silence: the filter is frozen, the high-pass rings on and the cutoff settles."""
    for sample in range(samples):
        for lane in range(LANES):
            y = _DC_POLE * dc_state[LANES + lane] - dc_state[lane]
            dc_state[lane] = np.float32(0.0)
            dc_state[LANES + lane] = y
            if sample >= keep_from:
                out[(sample - keep_from) * LANES + lane] = y * _MASTER
    for lane in range(LANES):
        for _ in range(samples):
            state[lane, _SMOOTH_CUTOFF] = (1000.0 * state[lane, _SMOOTH_CUTOFF] + settings[lane, _CUTOFF]) / 1001.0


@kernel(nogil=True)
def _rest_filter(filter_state):
    ladder.rest(filter_state)


@cache
def _tables(note_samples: int) -> tuple[np.ndarray, ...]:
    return (
        envelopes.onset_sweep(note_samples),
        oscillators.step_residual(),
        oscillators.corner_residual(),
        lfo.sine_table(),
    )


class _Voices:
    """LANES voices and the order in which a slot of the session plays them."""

    def __init__(self, timing: Timing, generators: np.ndarray, seeds: np.ndarray):
        self.note_on = round(timing.note_on * RATE)
        self.note_samples = round((timing.note_off - timing.note_on) * RATE)
        self.cut = round(timing.cut[0] * RATE)
        self.tables = _tables(self.note_samples)
        self.generators = generators
        self.seeds = seeds
        self.state = np.zeros((LANES, _STATES))
        self.rings = np.zeros((2, LANES, oscillators.RING))
        self.delay = np.zeros((LANES, _TRIANGLE_RING))
        self.dc_state = np.zeros(2 * LANES, np.float32)
        self.filter_state = np.zeros(ladder.STATE_ROWS * LANES, np.float32)
        self.discarded = np.zeros(0, np.float32)

    def load(self, settings: np.ndarray) -> None:
        """Send every lane its preset."""
        self.settings = settings
        resonance = settings[:, _RESONANCE]
        constants = np.zeros((ladder.CONSTANT_ROWS, LANES), np.float32)
        constants[ladder.RESONANCE] = 4.2 * resonance
        constants[ladder.DRIVE_GAIN] = 1.0 + (1.0 - (1.0 - resonance) ** 2)
        constants[ladder.OUTPUT_GAIN] = 1.0 + 1.1 * resonance
        constants[ladder.RESONANT_GAIN] = 2.5 * resonance
        self.filter_constants = constants.ravel()

    def wake(self) -> None:
        """A fresh instance, silent, with its cutoff settled."""
        self.state[:, _SMOOTH_CUTOFF] = self.settings[:, _CUTOFF]
        self.settle()

    def settle(self) -> None:
        """What the filter does once a note has died away: 2,000 samples on silence."""
        _rest_filter(self.filter_state)
        self.play(_QUIET, _IDLE_SAMPLES)
        self.filter_state[ladder.FIRST * LANES :] = 0.0

    def release(self) -> None:
        """Note-off."""
        held = self.state[:, _AMP_STAGE] != IDLE
        self.state[held, _AMP_STAGE] = RELEASE
        self.state[:, _AMP_HOLD] = 1.0
        self.play(_TAIL, _TAIL_SAMPLES)

    def play(self, phase_of_take: int, samples: int, out: np.ndarray | None = None) -> None:
        """Play on; without `out` the sound is not kept."""
        keep_from = samples if out is None else 0
        _play(
            phase_of_take, samples, keep_from, self.discarded if out is None else out, self.settings, self.state,
            self.generators, self.rings, self.delay, self.filter_state, self.filter_constants, self.seeds,
            self.dc_state, *self.tables,
        )  # fmt: skip

    def take(self, elapsed: int) -> np.ndarray:
        """The sound of one take, float32 of shape (samples, LANES), `elapsed` samples into its slot."""
        lead = self.note_on - self.cut
        out = np.empty((lead + self.note_samples) * LANES, np.float32)
        _ring_out(self.note_on - elapsed, self.cut - elapsed, out, self.dc_state, self.state, self.settings)
        self.play(_NOTE, self.note_samples, out[lead * LANES :])
        return out.reshape(-1, LANES)


def _render_group(
    timing: Timing, settings: np.ndarray, before: np.ndarray | None, generators: np.ndarray, seeds: np.ndarray
) -> np.ndarray:
    voices = _Voices(timing, generators.copy(), seeds.copy())
    elapsed = 0
    if before is not None:
        voices.load(before)
        voices.wake()
        _ring_out(voices.note_on, voices.note_on, voices.discarded, voices.dc_state, voices.state, voices.settings)
        voices.play(_NOTE, voices.note_samples)
        voices.generators[:] = generators
        voices.seeds[:] = seeds
        voices.load(settings)
        voices.release()
        voices.settle()
        elapsed = _TAIL_SAMPLES + _IDLE_SAMPLES
    else:
        voices.load(settings)
        voices.wake()
    return cut_takes(voices.take(elapsed), RATE, SAMPLE_RATE)


def render(
    presets: Presets, *, in_session: bool, preceding: Presets | None, noise_seed: int, first_row: int
) -> np.ndarray:
    """Render one take per row; see `secret_sauce_hf.engines.render`."""
    rows = len(presets)
    unit = presets.complete_unit()
    settings = lane_settings(unit)
    before = None
    if in_session:
        previous = np.roll(unit, 1, axis=0)
        # The very first row has none before it: its slot starts from silence.
        previous[:1] = unit[:1] if preceding is None else preceding.complete_unit()
        before = lane_settings(previous)
        if preceding is None:
            # A note that makes no sound leaves the same state as none.
            before[:1, [_GAIN1, _GAIN2]] = 0.0
    raw = row_random(noise_seed, first_row, rows, 2, stream=1)
    # Any point of the plug-in's own stream may be where a take's noise begins.
    start = [[pow(16_807, int(word) & 0xFFFFFFFF, 2**32), pow(16_807, int(word) >> 32, 2**32)] for word in raw[:, 0]]
    generators = np.array(start, dtype=np.uint32).reshape(rows, 2)
    seeds = (raw[:, 1] & np.uint64(0xFFFFFFFF)).astype(np.uint32)

    takes = np.empty((rows, presets.collection.samples), dtype=np.int16)

    def group(first: int) -> None:
        # A last group that is not full plays its last row in the lanes left over.
        lanes = np.minimum(np.arange(first, first + LANES), rows - 1)
        sound = _render_group(
            presets.collection.timing,
            settings[lanes],
            None if before is None else before[lanes],
            generators[lanes],
            seeds[lanes],
        )
        takes[first : first + LANES] = sound[: rows - first]

    firsts = range(0, rows, LANES)
    if len(firsts) <= 1:
        for first in firsts:
            group(first)
    else:
        with ThreadPoolExecutor(thread_count()) as pool:
            list(pool.map(group, firsts))
    return takes
