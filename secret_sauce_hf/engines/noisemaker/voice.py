"""The NoiseMaker's voices: everything that runs per sample, for many lives of voices side by side.

Every constant was measured on the plug-in (DISTRHO port 3.22 with the base preset of
2018). What lives and events are, see `planning`.
"""

from typing import NamedTuple

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.noisemaker import control, ladder, oscillators, planning, sources
from secret_sauce_hf.engines.noisemaker.envelopes import ATTACK, IDLE, RELEASE
from secret_sauce_hf.engines.noisemaker.settings import (
    HERTZ1,
    HERTZ2,
    KEY_FOLLOW,
    LFO_STEP,
    RESONANCE,
    SETTINGS,
    TRIANGLE,
    WAVE1,
    WAVE2,
)
from secret_sauce_hf.engines.noisemaker.sources import BLOCK, TRIANGLE_DELAY

_MASTER = np.float32(1.1127)
_DC_POLE = np.float32(0.999)
# Less than this is nothing; it would become numbers that processors are slow with.
_NOTHING = np.float32(1e-20)
# Samples of tracks that are summed at a time: so many of all lanes lie near the processor.
_SUMMED = 128
_F = np.float32

# What a lane does.
_DONE, _WAITS, _SOUNDS = range(3)

_RESTARTS_LFO = (
    planning.START,
    planning.RESTART,
    planning.LFO_RESTARTED,
    planning.LFO_HELD,
    planning.LFO_FREED,
)


class Tables(NamedTuple):
    """What the lanes read."""

    sweep: np.ndarray
    """Of `envelopes.onset_sweep`; it ends with 0."""
    steps: np.ndarray
    """Of `oscillators.step_residual`, `beside` each other."""
    corners: np.ndarray
    """Of `oscillators.corner_residual`, `beside` each other."""
    sine: np.ndarray
    """Of `lfo.sine_table`."""
    pitches: np.ndarray
    """Of `settings.pitch_table`."""


class _Filters(NamedTuple):
    """The lanes' filters; see `ladder.ladder_block`."""

    state: np.ndarray
    constants: np.ndarray
    seeds: np.ndarray


@inlined
def _load(lane, rows, row, settings, state, constants):
    """Send a lane a preset."""
    # Each shape has a phase of its own, which waits at its start until the shape is chosen.
    if settings[WAVE1 * LANES + lane] != rows[row, WAVE1]:
        state[control.PHASE1 * LANES + lane] = sources.OSC1_START
    if settings[WAVE2 * LANES + lane] != rows[row, WAVE2]:
        state[control.PHASE2 * LANES + lane] = sources.TRIANGLE_START if rows[row, WAVE2] == TRIANGLE else 0.0
    for column in range(SETTINGS):
        settings[column * LANES + lane] = rows[row, column]
    resonance = rows[row, RESONANCE]
    constants[ladder.RESONANCE * LANES + lane] = _F(4.2 * resonance)
    constants[ladder.DRIVE_GAIN * LANES + lane] = _F(1.0 + (1.0 - (1.0 - resonance) ** 2))
    constants[ladder.OUTPUT_GAIN * LANES + lane] = _F(1.0 + 1.1 * resonance)
    constants[ladder.RESONANT_GAIN * LANES + lane] = _F(2.5 * resonance)


@inlined
def _prepare(lane, life, found, tables, state, filters):
    """Begin a life with the preparation of its filter, before its preset is loaded."""
    numbers, values = found.numbers, found.values
    for row in range(control.STATES):
        state[row * LANES + lane] = 0.0
    state[control.SMOOTH_CUTOFF * LANES + lane] = values[life, planning.CUTOFF_BEFORE]
    # The preparation itself holds the LFO.
    state[control.LFO_PHASE * LANES + lane] = _F(planning.LFO_START)
    state[control.LFO_VALUE * LANES + lane] = values[life, planning.LFO_BEFORE]
    state[control.LANE_KEY * LANES + lane] = tables.pitches[numbers[life, planning.PITCH_BEFORE], KEY_FOLLOW]
    state[control.AMP_STAGE * LANES + lane] = IDLE
    state[control.F_STAGE * LANES + lane] = IDLE
    state[control.LIFT * LANES + lane] = control.PREPARATION_LIFT
    filters.seeds[lane] = np.uint32(numbers[life, planning.SEED])


@inlined
def _strike(lane, pitch, pitches, state):
    """A note-on, from whatever level both envelopes have."""
    state[control.LANE_HERTZ1 * LANES + lane] = pitches[pitch, HERTZ1]
    state[control.LANE_HERTZ2 * LANES + lane] = pitches[pitch, HERTZ2]
    state[control.LANE_KEY * LANES + lane] = pitches[pitch, KEY_FOLLOW]
    state[control.AMP_STAGE * LANES + lane] = ATTACK
    state[control.F_STAGE * LANES + lane] = ATTACK


@inlined
def _start(lane, life, found, settings, state, filters, played):
    """What else the note-on of a silent voice does; its filter goes on from where its preparation has brought it."""
    numbers, values = found.numbers, found.values
    sources.start_sources(lane, settings[WAVE2 * LANES + lane], state, played)
    played.generators[lane] = np.uint32(numbers[life, planning.GENERATOR1])
    played.generators[LANES + lane] = np.uint32(numbers[life, planning.GENERATOR2])
    state[control.SMOOTH_CUTOFF * LANES + lane] = values[life, planning.CUTOFF_THEN]
    state[control.LFO_VALUE * LANES + lane] = values[life, planning.LFO_THEN]
    state[control.LFO_TICKS * LANES + lane] = 1.0
    state[control.AMP * LANES + lane] = 0.0
    state[control.F_ENV * LANES + lane] = 0.0
    state[control.LIFT * LANES + lane] = 0.0
    ladder.clear_decimators(lane, filters.state)
    if numbers[life, planning.RESEEDED] != 0:
        filters.seeds[lane] = np.uint32(numbers[life, planning.NEW_SEED])


@inlined
def _amplify(samples, filtered, amp):
    for at in range(samples * LANES):
        filtered[at] *= amp[at]


@inlined
def _mix(lane, samples, sound, into, first):
    """Add a lane to a track, as far as it reaches."""
    for sample in range(max(-first, 0), min(samples, len(into) - first)):
        into[first + sample] += sound[sample * LANES + lane]


@kernel(nogil=True)
def play(chosen, found, lives, first, rows, tables, tracks, mix, begin):
    """Play lives side by side and add each to the track of its row and voice.

    Args:
        chosen: int64, which lives, `LANES` at most.
        found: `Plan`, its events in the order of lives, and of time within each.
        lives: how many of its rows are lives.
        first: int64, (lives + 1,): the events of life i are those from `first[i]` up to `first[i + 1]`.
        rows: float64, (presets, `SETTINGS`).
        tables: `Tables`.
        tracks: int64, (rows of takes, `VOICES`): the track of each voice.
        mix: float32, (tracks, samples): each track, added to.
        begin: sample at which the tracks begin.

    Raises:
        ValueError: more lives than lanes, or arrays that do not go together.
    """
    if len(chosen) > LANES:
        raise ValueError("The NoiseMaker's voice was asked for more lives than it has lanes.")
    if (
        lives > min(len(found.numbers), len(found.values))
        or len(first) != lives + 1
        or first[lives] > len(found.events)
    ):
        raise ValueError("The NoiseMaker's voice was given lives and events that do not go together.")
    if rows.shape[1] != SETTINGS or len(tables.pitches) != 128 or len(tables.sweep) == 0:
        raise ValueError("The NoiseMaker's voice was given tables of another size.")
    numbers, events = found.numbers, found.events
    for life in chosen:
        if not 0 <= life < lives or first[life] < 0 or first[life] > first[life + 1]:
            raise ValueError("The NoiseMaker's voice was asked for a life that there is not.")
        if not 0 <= numbers[life, planning.SETTINGS_ROW] < len(rows):
            raise ValueError("The NoiseMaker's voice was given a life without a preset.")
        if not 0 <= numbers[life, planning.ROW] < len(tracks):
            raise ValueError("The NoiseMaker's voice was given a life without a row.")
        if not 0 <= numbers[life, planning.VOICE] < tracks.shape[1]:
            raise ValueError("The NoiseMaker's voice was given a voice that cannot be.")
        if not 0 <= tracks[numbers[life, planning.ROW], numbers[life, planning.VOICE]] < len(mix):
            raise ValueError("The NoiseMaker's voice was given a life without a track.")
        if not (0 <= numbers[life, planning.PITCH] < 128 and 0 <= numbers[life, planning.PITCH_BEFORE] < 128):
            raise ValueError("The NoiseMaker's voice was given a pitch that cannot be.")
        for event in range(first[life], first[life + 1]):
            what, which = events[event, planning.WHAT], events[event, planning.WHICH]
            most = len(rows) if what == planning.LOADED else 128
            if not 0 <= which < most:
                raise ValueError("The NoiseMaker's voice was given an event that cannot be.")

    # A constant size or another number of dimensions would be compiled by itself.
    lanes = np.int64(LANES)
    values = lanes * BLOCK
    drive = np.zeros(values, np.float32)
    opening = np.zeros(values, np.float32)
    amp = np.zeros(values, np.float32)
    filtered = np.zeros(values, np.float32)
    modulation = np.zeros(values)
    sine = np.zeros(lanes)
    sweep = np.zeros(lanes)
    # Lanes beside each other, in arrays of this call's own: else nothing below becomes vector instructions.
    settings = np.zeros(lanes * SETTINGS)
    state = np.zeros(lanes * control.STATES)
    filters = _Filters(
        np.zeros(lanes * ladder.STATE_ROWS, np.float32),
        np.zeros(lanes * ladder.CONSTANT_ROWS, np.float32),
        np.zeros(lanes, np.uint32),
    )
    played = sources.Sources(
        np.zeros(lanes * 2, np.uint32),
        np.zeros((lanes * 2, np.int64(oscillators.SPREAD))),
        np.zeros((lanes, np.int64(TRIANGLE_DELAY))),
    )
    size = np.int64(BLOCK)
    scratch = sources.Scratch(
        np.zeros(size, np.float32),
        np.zeros(size, np.float32),
        np.zeros(size),
        np.zeros(size),
        np.zeros(size, np.float32),
        np.zeros(size + oscillators.SPREAD),
        np.zeros(size),
        np.zeros(TRIANGLE_DELAY + size),
    )
    does = np.zeros(lanes, np.int64)
    since = np.zeros(lanes, np.int64)
    following = np.zeros(lanes, np.int64)
    to_load = np.zeros(lanes, np.int64)
    ladder.rest(filters.state)
    for lane in range(len(chosen)):
        life = chosen[lane]
        _prepare(lane, life, found, tables, state, filters)
        to_load[lane] = numbers[life, planning.SETTINGS_ROW]
        does[lane] = _WAITS
        since[lane] = -len(tables.sweep)
        following[lane] = first[life]

    # As what they become: what is called with a constant is compiled for it, too.
    now, longest = np.int64(0), np.int64(BLOCK)
    while True:
        samples, running, sounding, eventful = longest, False, False, False
        for lane in range(len(chosen)):
            if does[lane] == _DONE:
                continue
            life = chosen[lane]
            held = state[control.LFO_STEP_NOW * LANES + lane] == 0.0
            while True:
                if to_load[lane] >= 0:
                    _load(lane, rows, to_load[lane], settings, state, filters.constants)
                    to_load[lane] = -1
                if following[lane] == first[life + 1] or events[following[lane], planning.WHEN] > now:
                    break
                what = events[following[lane], planning.WHAT]
                which = events[following[lane], planning.WHICH]
                following[lane] += 1
                if what == planning.START or what == planning.RESTART:
                    _strike(lane, which, tables.pitches, state)
                    since[lane] = now
                    if what == planning.START:
                        _start(lane, life, found, settings, state, filters, played)
                        does[lane] = _SOUNDS
                elif what == planning.RELEASED:
                    state[control.AMP_STAGE * LANES + lane] = RELEASE
                    state[control.AMP_HOLD * LANES + lane] = 1.0
                elif what == planning.LOADED:
                    to_load[lane] = which
                elif what == planning.LFO_TICKS or what == planning.LFO_STOPS:
                    state[control.LFO_TICKS * LANES + lane] = 1.0 if what == planning.LFO_TICKS else 0.0
                held = what == planning.LFO_HELD or (held and what != planning.START and what != planning.LFO_FREED)
                if what in _RESTARTS_LFO:
                    # Its smoother runs on.
                    state[control.LFO_PHASE * LANES + lane] = _F(planning.LFO_START)
            state[control.LFO_STEP_NOW * LANES + lane] = 0.0 if held else settings[LFO_STEP * LANES + lane]
            if now >= numbers[life, planning.LENGTH]:
                does[lane] = _DONE
                state[control.AMP * LANES + lane] = 0.0
                state[control.AMP_STAGE * LANES + lane] = IDLE
                continue
            running = True
            sounds = does[lane] == _SOUNDS
            sounding |= sounds or state[control.LFO_TICKS * LANES + lane] > 0.0
            eventful |= now - since[lane] < len(tables.sweep)
            eventful |= state[control.AMP_STAGE * LANES + lane] == RELEASE
            samples = min(samples, numbers[life, planning.LENGTH] - now)
            if following[lane] < first[life + 1]:
                samples = min(samples, events[following[lane], planning.WHEN] - now)
        if not running:
            break
        if not sounding:
            control.wait_block(samples, settings, state, opening)
        elif eventful:
            control.control_block(
                True, now, samples, settings, state, tables, since, opening, amp, modulation, sine, sweep
            )
        else:
            control.control_block(
                False, now, samples, settings, state, tables, since, opening, amp, modulation, sine, sweep
            )
        for at in range(samples * LANES):
            drive[at] = _F(0.0)
        for lane in range(len(chosen)):
            if does[lane] == _SOUNDS:
                sources.sound_block(lane, samples, settings, state, modulation, tables, played, scratch, drive)
        ladder.ladder_block(samples, drive, opening, filtered, filters.state, filters.constants, filters.seeds)
        if sounding:
            _amplify(samples, filtered, amp)
            for lane in range(len(chosen)):
                if does[lane] == _SOUNDS:
                    life = chosen[lane]
                    track = tracks[numbers[life, planning.ROW], numbers[life, planning.VOICE]]
                    at = numbers[life, planning.BEGIN] + now - numbers[life, planning.PREPARED] - begin
                    _mix(lane, samples, filtered, mix[track], at)
        now += samples


@kernel(nogil=True)
def sum_tracks(mix, first):
    """Add up the voices of rows, then a 7 Hz high-pass y = x - x' + 0.999 y', then the master volume.

    Args:
        mix: float32, (tracks, samples); track i is the sound of row i in the end, those after the rows' are what
            they were.
        first: int64, (rows + 1,): the tracks of row i are those from `first[i]` up to `first[i + 1]`; one at
            least, and `LANES` rows at most.

    Raises:
        ValueError: arrays that do not go together.
    """
    count = len(first) - 1
    samples = mix.shape[1]
    if count > LANES:
        raise ValueError("The NoiseMaker was given more rows than lanes.")
    for row in range(count):
        # No track is written over before its row has been read.
        if not row <= first[row] < first[row + 1] <= len(mix):
            raise ValueError("The NoiseMaker was given a row without a track.")
    lanes = np.int64(LANES)
    before = np.zeros(lanes, np.float32)
    passed = np.zeros(lanes, np.float32)
    block = np.zeros(lanes * _SUMMED, np.float32)
    for start in range(0, samples, _SUMMED):
        length = min(_SUMMED, samples - start)
        for row in range(count):
            sound = mix[first[row], start : start + length]
            for sample in range(length):
                block[sample * LANES + row] = sound[sample]
            for track in range(first[row] + 1, first[row + 1]):
                sound = mix[track, start : start + length]
                for sample in range(length):
                    block[sample * LANES + row] += sound[sample]
        for sample in range(length):
            for row in range(LANES):
                at = sample * LANES + row
                x = block[at]
                y = x - before[row] + _DC_POLE * passed[row]
                y = y if abs(y) > _NOTHING else _F(0.0)
                before[row] = x
                passed[row] = y
                block[at] = y * _MASTER
        for row in range(count):
            sound = mix[row, start : start + length]
            for sample in range(length):
                sound[sample] = block[sample * LANES + row]
