"""The NoiseMaker's envelopes: exponential segments towards targets beyond their ends."""

import numpy as np

from secret_sauce_hf.compiling import inlined

IDLE, ATTACK, DECAY, SUSTAIN, RELEASE = range(5)

BELOW_ZERO = 0.004
"""Decay and release aim this far below zero, so that they end."""
_RELEASE_RATE = 0.06401
"""Its last digit follows from how many samples of noise the releases of 1,000 recorded notes took."""


def attack_rate(unit: np.ndarray) -> np.ndarray:
    """Fraction of the way to the target per sample at 44.1 kHz, for an attack knob at `unit`."""
    return 0.8 * (1.2e-6 + 0.028 * (1.0 - unit / 2.0) ** 24)


def attack_target(unit: np.ndarray) -> np.ndarray:
    """Level that the attack aims at; it ends at 1."""
    return 1.04 + unit / 2.0


def decay_rate(unit: np.ndarray) -> np.ndarray:
    """Fraction of the way to the target per sample at 44.1 kHz, for a decay knob at `unit`."""
    return 1.2e-6 + 0.028 * (1.0 - unit / 2.0) ** 23


def onset_sweep() -> np.ndarray:
    """The hidden envelope that pulls the filter down at every note-on, one value per sample, up to the first 0.

    It holds at 1 while an attack runs (144 samples) and falls to 0 in about 195 more.
    """
    sweep = []
    value, rising = 0.0, True
    while rising or value > 0.0:
        if rising:
            value += 0.0224 * (1.04 - value)
            if value > 1.0:
                value, rising = 1.0, False
            sweep.append(1.0)
        else:
            value = max(value - 0.0280 * (value + BELOW_ZERO), 0.0)
            sweep.append(value)
    return np.array(sweep)


@inlined
def held(value, stage, rate, target, decay, sustain):
    """One sample of attack, decay and sustain; without a branch, for lanes side by side.

    Returns:
        (value, stage); the stage is IDLE once the value has come down to 0.
    """
    rising = value + rate * (target - value)
    falling = value - decay * (value + BELOW_ZERO)
    risen = rising > 1.0
    fallen = falling <= sustain
    after_attack = DECAY if risen else stage
    after_decay = (SUSTAIN if sustain > 0.0 else IDLE) if fallen else stage
    attacked = 1.0 if risen else rising
    decayed = sustain if fallen else falling
    following = attacked if stage == ATTACK else (decayed if stage == DECAY else value)
    return following, after_attack if stage == ATTACK else (after_decay if stage == DECAY else stage)


@inlined
def released(value, hold, stage):
    """One sample of release; without a branch, for lanes side by side.

    Args:
        value: level of the envelope.
        hold: falls from 1 to 0 and softens the start of the release.
        stage: RELEASE, or IDLE once the value has come down to 0.

    Returns:
        (value, hold, stage)
    """
    lower = max(hold - 0.004, 0.0)
    falling = value - _RELEASE_RATE * (value + BELOW_ZERO) * (1.0 - lower)
    silent = falling <= 0.0
    releases = stage == RELEASE
    return (
        (0.0 if silent else falling) if releases else value,
        lower if releases else hold,
        (IDLE if silent else stage) if releases else stage,
    )
