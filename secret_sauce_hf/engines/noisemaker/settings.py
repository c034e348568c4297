"""What a preset and a pitch are to the NoiseMaker's voice.

Every constant was measured on the plug-in (DISTRHO port 3.22 with the base preset of
2018).
"""

import numpy as np

from secret_sauce_hf.engines.noisemaker import envelopes, lfo
from secret_sauce_hf.instruments import get_instrument

RATE = 44_100
"""Rate at which the engine runs, in Hz."""
VOICES = 4
IDLE_SAMPLES = 2_000
"""For so long the filter of a voice that has fallen silent runs on; then it stands still."""
NOISE_MULTIPLIER = 16_807

_COLUMN = {parameter.name: column for column, parameter in enumerate(get_instrument("noisemaker").parameters)}

# Columns of a row of settings.
SETTINGS = 24
(
    WAVE1,
    WAVE2,
    GAIN1,
    GAIN2,
    WIDTH,
    DESTINATION,
    LFO_STEP,
    LFO_AMOUNT,
    CUTOFF,
    ATTACK_RATE,
    ATTACK_TARGET,
    DECAY_RATE,
    SUSTAIN,
    F_ATTACK_RATE,
    F_ATTACK_TARGET,
    F_DECAY_RATE,
    F_SUSTAIN,
    F_ATTACK_IS_ZERO,
    RESONANCE,
    VOLUME1,
    VOLUME2,
) = range(21)

SAW, PULSE = 0, 1
OSC1_NOISE = 2
TRIANGLE, SINE, OSC2_NOISE = 2, 3, 4
TO_FILTER, TO_OSC1, TO_OSC2, TO_WIDTH, TO_FM = 1, 2, 3, 4, 5

# Columns of a row of `pitch_table`.
HERTZ1, HERTZ2, KEY_FOLLOW = range(3)


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
    settings[:, WIDTH] = value["osc1_pulse_width"]
    settings[:, DESTINATION] = value["lfo1_destination"]
    settings[:, LFO_STEP] = lfo.POINTS * lfo.lfo_hertz(value["lfo1_rate"]) / RATE
    settings[:, LFO_AMOUNT] = (2.0 * (value["lfo1_amount"] - 0.5)) ** 3
    settings[:, CUTOFF] = (8.0 ** value["filter_cutoff"] - 1.0) / 7.0
    settings[:, RESONANCE] = value["filter_resonance"]
    settings[:, ATTACK_RATE] = envelopes.attack_rate(value["amp_attack"])
    settings[:, ATTACK_TARGET] = envelopes.attack_target(value["amp_attack"])
    settings[:, DECAY_RATE] = envelopes.decay_rate(value["amp_decay"])
    settings[:, SUSTAIN] = value["amp_sustain"]
    settings[:, F_ATTACK_RATE] = envelopes.attack_rate(value["filter_attack"])
    settings[:, F_ATTACK_TARGET] = envelopes.attack_target(value["filter_attack"])
    settings[:, F_DECAY_RATE] = envelopes.decay_rate(value["filter_decay"])
    settings[:, F_SUSTAIN] = (20.0 ** value["filter_sustain"] - 1.0) / 19.0
    settings[:, F_ATTACK_IS_ZERO] = value["filter_attack"] == 0.0
    return settings


def pitch_table() -> np.ndarray:
    """What a note's pitch sets: float64, (128, 3), by MIDI number.

    Equal temperament with the base preset's fine tuning of -2 and +0.6 cents; the filter follows the
    keys by 1/512 of its b per semitone.
    """
    table = np.empty((128, 3))
    for pitch in range(128):
        equal = 440.0 * 2.0 ** ((pitch - 69) / 12)
        # At note 60 as it was measured first.
        table[pitch] = equal * 2.0 ** (-0.02 / 12), equal * 2.0 ** (0.006 / 12), (pitch - 72) / 512
    table[60, KEY_FOLLOW] = -0.0234
    return table


def noise_states(positions: np.ndarray) -> np.ndarray:
    """State of the generators at positions in their stream, in steps from their seed of 1: uint32, of that shape."""
    left = positions.astype(np.uint64)
    states, factor, word = np.ones(positions.shape, np.uint64), np.uint64(NOISE_MULTIPLIER), np.uint64(0xFFFFFFFF)
    while left.any():
        states = np.where(left & np.uint64(1), states * factor & word, states)
        left, factor = left >> np.uint64(1), factor * factor & word
    return states.astype(np.uint32)
