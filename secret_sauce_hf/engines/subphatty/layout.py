"""How the voice's numbers lie in memory: what its parts share."""

from typing import NamedTuple

import numpy as np

RATE = 88_200
"""Rate at which the sound is made, in Hz."""
OVERSAMPLING = 4
"""Samples per tick; a tick is a sample of the take."""
TICKS = 8
"""Ticks per block."""
BLOCK = OVERSAMPLING * TICKS
"""Samples per block."""

# Rows of the settings, each of LANES values.
SETTING_ROWS = 37
(
    STEP1,  # cycles per sample of oscillator 1 at note 60
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
    CUTOFF,  # octaves from the voice's CUTOFF_REFERENCE at note 60
    KEY_CUTOFF,  # octaves per octave of the keyboard
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
    F_RELEASE,
    A_ATTACK,
    A_DECAY,
    A_SUSTAIN,
    A_RELEASE,
) = range(SETTING_ROWS)

# Rows of the state.
STATE_ROWS = 38
(
    PHASE1,
    PHASE2,
    SUB,  # +1 or -1
    DUTY1,
    DUTY2,
    SAW_WEIGHT1,
    PULSE_WEIGHT1,
    SAW_WEIGHT2,
    PULSE_WEIGHT2,
    PENDING,  # the oscillators' sum one sample ago, which the next sample may still correct
    LATE,  # corrections that the next sample adds
    MIXER_INPUT,
    MIXER_ROOT,
    STAGE1,
    STAGE2,
    STAGE3,
    STAGE4,
    OTA_INPUT,
    OTA_ROOT,
    FET_INPUT,
    FET_ROOT,
    LFO_PHASE,
    LFO,
    KEY_STEP1,  # cycles per sample of the key that sounds
    KEY_STEP2,
    KEY_OCTAVES,  # cutoff of the key that sounds
    F_LEVEL,
    F_ATTACKING,
    F_RATE,  # where an envelope goes when it does not attack, and how fast
    F_GOAL,
    A_LEVEL,
    A_ATTACKING,
    A_RATE,
    A_GOAL,
    COUPLING1_IN,
    COUPLING1_OUT,
    COUPLING2_IN,
    COUPLING2_OUT,
) = range(STATE_ROWS)

# Rows of one tick's control signals.
CONTROL_ROWS = 12
(
    C_STEP1,
    C_PERIOD1,  # samples per cycle
    C_SAW1,  # weights and duty cycle at the end of the tick
    C_PULSE1,
    C_DUTY1,
    C_STEP2,
    C_PERIOD2,
    C_SAW2,
    C_PULSE2,
    C_DUTY2,
    C_FEEDBACK,
    C_G,  # tan(π·cutoff/RATE)
) = range(CONTROL_ROWS)


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


class Keys(NamedTuple):
    """What happens on the keyboard of each of several lanes, in the order of time."""

    first: np.ndarray
    """int64, (lanes + 1,): the events of a lane are those from `first[lane]` up to `first[lane + 1]`."""
    tick: np.ndarray
    """int64, (events,): when, in the lane's own ticks."""
    action: np.ndarray
    """int64, (events,): `TRIGGER`, `LEGATO` or `RELEASE`."""
    pitch: np.ndarray
    """int64, (events,): MIDI number of the key that sounds from then on."""


TRIGGER, LEGATO, RELEASE = range(3)
"""What an event does: start both envelopes; change the pitch only; release both envelopes."""
