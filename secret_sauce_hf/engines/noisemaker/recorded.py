"""Where in its noise the plug-in was when it played the session of 2018."""

from functools import cache

import numpy as np

from secret_sauce_hf.compiling import kernel
from secret_sauce_hf.engines.noisemaker import envelopes, settings
from secret_sauce_hf.engines.noisemaker.envelopes import ATTACK, IDLE, RELEASE
from secret_sauce_hf.original.table import original_presets


@cache
def recorded_positions(collection: str) -> np.ndarray:
    """Where in the noise stream each note of the 2018 session starts, (rows, oscillators).

    The session was played by one instance, whose generators step once per sounding
    sample while their oscillator is set to Noise and turned up. A note's tail falls
    into the slot of the next row, whose preset has arrived by then.
    """
    presets = original_presets(collection)
    timing = presets.collection.timing
    rows = settings.lane_settings(presets.complete_unit())
    notes = np.zeros(len(presets), np.int64)
    tails = np.zeros(len(presets), np.int64)
    count_sounding(rows, round((timing.note_off - timing.note_on) * settings.RATE), notes, tails)
    tails_before = np.concatenate([[0], tails[:-1]])[:, None]
    stepping = np.stack(
        [
            (rows[:, settings.WAVE1] == settings.OSC1_NOISE) & (rows[:, settings.VOLUME1] > 0.0),
            (rows[:, settings.WAVE2] == settings.OSC2_NOISE) & (rows[:, settings.VOLUME2] > 0.0),
        ],
        axis=1,
    )
    spent = np.cumsum(stepping * (tails_before + notes[:, None]), axis=0)
    return spent - stepping * notes[:, None]


@kernel(nogil=True)
def count_sounding(rows, note_samples, notes, tails):
    """Samples for which each row's note sounds, before and after its note-off."""
    for row in range(len(rows)):
        level, stage, samples = 0.0, ATTACK, 0
        while samples < note_samples and stage != IDLE:
            level, stage = envelopes.held(
                level,
                stage,
                rows[row, settings.ATTACK_RATE],
                rows[row, settings.ATTACK_TARGET],
                rows[row, settings.DECAY_RATE],
                rows[row, settings.SUSTAIN],
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
