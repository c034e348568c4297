"""Where in its noise the plug-in was when it played the session of 2018."""

from functools import cache

import numpy as np

from secret_sauce_hf.engines.noisemaker import voice
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
    settings = voice.lane_settings(presets.complete_unit())
    notes = np.zeros(len(presets), np.int64)
    tails = np.zeros(len(presets), np.int64)
    voice.count_sounding(settings, round((timing.note_off - timing.note_on) * voice.RATE), notes, tails)
    tails_before = np.concatenate([[0], tails[:-1]])[:, None]
    stepping = np.stack(
        [
            (settings[:, voice.WAVE1] == voice.OSC1_NOISE) & (settings[:, voice.VOLUME1] > 0.0),
            (settings[:, voice.WAVE2] == voice.OSC2_NOISE) & (settings[:, voice.VOLUME2] > 0.0),
        ],
        axis=1,
    )
    spent = np.cumsum(stepping * (tails_before + notes[:, None]), axis=0)
    return spent - stepping * notes[:, None]
