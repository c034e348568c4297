"""What moves a voice from sample to sample: envelopes, LFO and cutoff, for many lanes side by side."""

import numpy as np

from secret_sauce_hf.compiling import inlined
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.noisemaker import envelopes, lfo
from secret_sauce_hf.engines.noisemaker.envelopes import ATTACK
from secret_sauce_hf.engines.noisemaker.settings import (
    ATTACK_RATE,
    ATTACK_TARGET,
    CUTOFF,
    DECAY_RATE,
    DESTINATION,
    F_ATTACK_IS_ZERO,
    F_ATTACK_RATE,
    F_ATTACK_TARGET,
    F_DECAY_RATE,
    F_SUSTAIN,
    LFO_AMOUNT,
    SUSTAIN,
    TO_FILTER,
)

# Rows of the lanes' state, each of LANES values.
STATES = 20
(
    SMOOTH_CUTOFF,
    LFO_PHASE,
    LFO_VALUE,
    LFO_STEP_NOW,
    LFO_TICKS,
    AMP,
    AMP_STAGE,
    AMP_HOLD,
    F_ENV,
    F_STAGE,
    PHASE1,
    PHASE2,
    FM_PHASE,
    FM_HERTZ,
    LANE_HERTZ1,
    LANE_HERTZ2,
    LANE_KEY,
    LIFT,
) = range(18)

PREPARATION_LIFT = 0.1
"""By so much the filter of a silent voice, which gets ready for the next note, is wider open."""


@inlined
def wait_block(samples, settings, state, opening):
    """A block in which no lane sounds and the LFO stands still: the cutoff settles."""
    for sample in range(samples):
        for lane in range(LANES):
            at = sample * LANES + lane
            smooth = (1000.0 * state[SMOOTH_CUTOFF * LANES + lane] + settings[CUTOFF * LANES + lane]) / 1001.0
            state[SMOOTH_CUTOFF * LANES + lane] = smooth
            b = smooth + state[LANE_KEY * LANES + lane]
            swept = b + settings[LFO_AMOUNT * LANES + lane] * (1.0 + state[LFO_VALUE * LANES + lane]) / 2.0
            b = swept if settings[DESTINATION * LANES + lane] == TO_FILTER else b
            opening[at] = np.float32(b + PREPARATION_LIFT)


@inlined
def control_block(eventful, first, samples, settings, state, tables, since, opening, amp, modulation, sine, sweep):
    """Envelopes, LFO and cutoff of all lanes over a block, side by side.

    Args:
        eventful: whether a lane is being released, or was struck so lately that the onset's sweep goes on.
        first: sample of the lanes' own time at which the block begins.
        samples: how many, `BLOCK` at most.
        settings: rows of `LANES` values.
        state: rows of `LANES` values.
        tables: the sweep and the LFO's sine are read.
        since: sample at which each lane was struck last.
        opening: output, `sample * LANES + lane`.
        amp: output, like `opening`.
        modulation: output, what the LFO was before the sample, like `opening`.
        sine: of one value per lane, written over.
        sweep: like `sine`.
    """
    last = len(tables.sweep) - 1
    for sample in range(samples):
        # By itself: a table that is read at another place by every lane keeps a loop from becoming vector instructions.
        for lane in range(LANES):
            sine[lane] = lfo.read(np.float32(state[LFO_PHASE * LANES + lane]), tables.sine)
        if eventful:
            for lane in range(LANES):
                sweep[lane] = tables.sweep[min(first + sample - since[lane], last)]
        for lane in range(LANES):
            at = sample * LANES + lane
            smooth = (1000.0 * state[SMOOTH_CUTOFF * LANES + lane] + settings[CUTOFF * LANES + lane]) / 1001.0
            state[SMOOTH_CUTOFF * LANES + lane] = smooth
            lfo_value = state[LFO_VALUE * LANES + lane]
            modulation[at] = lfo_value
            b = smooth + state[LANE_KEY * LANES + lane]
            swept = b + settings[LFO_AMOUNT * LANES + lane] * (1.0 + lfo_value) / 2.0
            b = swept if settings[DESTINATION * LANES + lane] == TO_FILTER else b

            filter_level, filter_stage = envelopes.held(
                state[F_ENV * LANES + lane],
                state[F_STAGE * LANES + lane],
                settings[F_ATTACK_RATE * LANES + lane],
                settings[F_ATTACK_TARGET * LANES + lane],
                settings[F_DECAY_RATE * LANES + lane],
                settings[F_SUSTAIN * LANES + lane],
            )
            instant = settings[F_ATTACK_IS_ZERO * LANES + lane] > 0.0
            lifted = b + 3.93e-5 * (1.0 if (filter_stage == ATTACK) & instant else filter_level)
            level, stage = envelopes.held(
                state[AMP * LANES + lane],
                state[AMP_STAGE * LANES + lane],
                settings[ATTACK_RATE * LANES + lane],
                settings[ATTACK_TARGET * LANES + lane],
                settings[DECAY_RATE * LANES + lane],
                settings[SUSTAIN * LANES + lane],
            )
            if eventful:
                lifted -= sweep[lane]
                level, hold, stage = envelopes.released(level, state[AMP_HOLD * LANES + lane], stage)
                state[AMP_HOLD * LANES + lane] = hold
            phase = np.float32(state[LFO_PHASE * LANES + lane])
            step = np.float32(state[LFO_STEP_NOW * LANES + lane])
            stepped, smoothed = lfo.tick(phase, step, lfo_value, sine[lane])
            ticks = state[LFO_TICKS * LANES + lane] > 0.0

            opening[at] = np.float32(lifted + state[LIFT * LANES + lane])
            amp[at] = np.float32(level)
            state[AMP * LANES + lane] = level
            state[AMP_STAGE * LANES + lane] = stage
            state[F_ENV * LANES + lane] = filter_level
            state[F_STAGE * LANES + lane] = filter_stage
            state[LFO_PHASE * LANES + lane] = stepped if ticks else phase
            state[LFO_VALUE * LANES + lane] = smoothed if ticks else lfo_value
