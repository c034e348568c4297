"""What the oscillators of one lane add up to, a block at a time."""

from typing import NamedTuple

import numpy as np

from secret_sauce_hf.compiling import inlined
from secret_sauce_hf.engines.dsp.arithmetic import cosine_of_turns, power_of_two
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.noisemaker import oscillators
from secret_sauce_hf.engines.noisemaker.control import (
    FM_HERTZ,
    FM_PHASE,
    LANE_HERTZ1,
    LANE_HERTZ2,
    PHASE1,
    PHASE2,
)
from secret_sauce_hf.engines.noisemaker.settings import (
    DESTINATION,
    GAIN1,
    GAIN2,
    LFO_AMOUNT,
    NOISE_MULTIPLIER,
    OSC1_NOISE,
    OSC2_NOISE,
    RATE,
    SAW,
    SINE,
    TO_FM,
    TO_OSC1,
    TO_OSC2,
    TO_WIDTH,
    TRIANGLE,
    VOLUME1,
    VOLUME2,
    WAVE1,
    WAVE2,
    WIDTH,
)

BLOCK = 50
"""Samples per block, at most."""
TRIANGLE_DELAY = 15
OSC1_START = 0.518
TRIANGLE_START = -0.5
_NYQUIST_GUARD = 22_000.0
_TRIANGLE_GUARD = 19_845.0
# The edges' corrections are read one sample on: the plug-in is early by that much.
_EDGE_LEAD = 1.0


class Sources(NamedTuple):
    """What the oscillators of the lanes remember from block to block, beside their phases."""

    generators: np.ndarray
    """uint32, two rows of `LANES`: the noise of both."""
    pending: np.ndarray
    """float64, (2 · LANES, SPREAD), those of one first: what edges still add to the samples to come."""
    delay: np.ndarray
    """float64, (LANES, TRIANGLE_DELAY): the triangle waits for its corrections."""


@inlined
def _next_noise(generators, lane, oscillator):
    """The plug-in's noise: s ← 16807·s mod 2³², read as a signed fraction."""
    at = oscillator * LANES + lane
    generators[at] *= np.uint32(NOISE_MULTIPLIER)
    return np.int32(generators[at]) / 2_147_483_648.0


class Scratch(NamedTuple):
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
    destination = int(settings[DESTINATION * LANES + lane])
    depth = abs(settings[LFO_AMOUNT * LANES + lane])
    octaves = 4.0 * settings[LFO_AMOUNT * LANES + lane]
    width = settings[WIDTH * LANES + lane]
    guard = _TRIANGLE_GUARD if int(settings[WAVE2 * LANES + lane]) == TRIANGLE else _NYQUIST_GUARD
    base1 = state[LANE_HERTZ1 * LANES + lane]
    base2 = state[LANE_HERTZ2 * LANES + lane]
    hertz1 = base1
    step1 = np.float32(np.float32(hertz1) / np.float32(RATE))
    step2 = np.float32(np.float32(min(base2, guard)) / np.float32(RATE))
    duty = 0.5 + (width - 0.5) * (1.0 - 2.5 * hertz1 / RATE)
    for sample in range(samples):
        block.steps1[sample] = step1
        block.steps2[sample] = step2
        block.duty[sample] = duty
    if TO_OSC1 <= destination <= TO_FM:
        moved = block.moved
        for sample in range(samples):
            moved[sample] = modulation[sample * LANES + lane]
        if destination == TO_OSC1:
            for sample in range(samples):
                hertz = min(base1 * power_of_two(octaves * moved[sample]), _NYQUIST_GUARD)
                block.steps1[sample] = np.float32(np.float32(hertz) / np.float32(RATE))
                block.duty[sample] = 0.5 + (width - 0.5) * (1.0 - 2.5 * hertz / RATE)
                moved[sample] = hertz
            hertz1 = moved[samples - 1]
        elif destination == TO_OSC2:
            for sample in range(samples):
                hertz2 = min(base2 * power_of_two(octaves * moved[sample]), guard)
                block.steps2[sample] = np.float32(np.float32(hertz2) / np.float32(RATE))
        elif destination == TO_WIDTH:
            for sample in range(samples):
                wider = min(width + depth * (1.0 + moved[sample]) / 2.0, 1.0)
                block.duty[sample] = 0.5 + (wider - 0.5) * (1.0 - 2.5 * hertz1 / RATE)
        else:
            phase = state[FM_PHASE * LANES + lane]
            step = state[FM_HERTZ * LANES + lane] / RATE
            turns = block.values1
            for sample in range(samples):
                phase += step
                phase = phase - 1.0 if phase >= 1.0 else phase
                # sin 2πx = cos 2π(x + 3/4)
                turn = phase + 0.75
                turns[sample] = turn - 1.0 if turn >= 1.0 else turn
                step = hertz1 / RATE
            state[FM_PHASE * LANES + lane] = phase
            for sample in range(samples):
                by = depth * (1.0 + moved[sample]) / 2.0
                hertz2 = base2 + 10.0 * by * hertz1 * (1.0 + cosine_of_turns(turns[sample]))
                block.steps2[sample] = np.float32(np.float32(min(hertz2, guard)) / np.float32(RATE))
    state[FM_HERTZ * LANES + lane] = hertz1


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
def sound_block(lane, samples, settings, state, modulation, tables, sources, block, drive):
    """The oscillators of one lane over a block of `samples`, one at least."""
    _set_pitches(lane, samples, settings, state, modulation, block)
    generators, delay = sources.generators, sources.delay
    corrections, values1, values2 = block.corrections, block.values1, block.values2

    wave = int(settings[WAVE1 * LANES + lane])
    phase = np.float32(state[PHASE1 * LANES + lane])
    if wave == OSC1_NOISE:
        _noise(lane, np.int64(0), settings[VOLUME1 * LANES + lane] > 0.0, samples, generators, values1)
    else:
        pending = sources.pending[lane]
        _resume(pending, corrections)
        if wave == SAW:
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
        _noise(lane, np.int64(1), settings[VOLUME2 * LANES + lane] > 0.0, samples, generators, values2)
    else:
        pending = sources.pending[LANES + lane]
        _resume(pending, corrections)
        if wave == SINE:
            phase = oscillators.sine(phase, block.steps2, samples, block.phases, values2)
        elif wave == TRIANGLE:
            for sample in range(TRIANGLE_DELAY):
                values2[sample] = delay[lane, sample]
            phase = oscillators.triangle(
                phase, block.steps2, samples, corrections, tables.corners, values2[TRIANGLE_DELAY:]
            )
            for sample in range(TRIANGLE_DELAY):
                delay[lane, sample] = values2[samples + sample]
        elif wave == SAW:
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
def start_sources(lane, wave2, state, sources):
    """What a note-on of a silent voice resets; its noise goes on."""
    state[PHASE1 * LANES + lane] = np.float32(OSC1_START)
    state[PHASE2 * LANES + lane] = np.float32(TRIANGLE_START) if wave2 == TRIANGLE else np.float32(0.0)
    state[FM_PHASE * LANES + lane] = 0.0
    state[FM_HERTZ * LANES + lane] = state[LANE_HERTZ1 * LANES + lane]
    for sample in range(oscillators.SPREAD):
        sources.pending[lane, sample] = 0.0
        sources.pending[LANES + lane, sample] = 0.0
    for sample in range(TRIANGLE_DELAY):
        sources.delay[lane, sample] = 0.0
