"""What was played where a listener hears a whistle, or a click, as notes."""

import numpy as np
import pytest

from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import match
from secret_sauce_hf.matching.salience import salient_pitches
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets

NOTES = get_collection("noisemaker-notes")
NAMES = (
    *("osc1_wave", "osc1_volume", "osc1_pulse_width", "osc2_wave", "osc2_volume", "lfo1_destination", "lfo1_rate"),
    *("lfo1_amount", "filter_cutoff", "filter_resonance", "filter_attack", "filter_decay", "filter_sustain"),
    *("amp_attack", "amp_decay", "amp_sustain"),
)
# Pitch, the settings in the order of the names, and what the listener hears.
WOBBLING = (
    51,
    ("Pulse", 4.88, 7.56, "Sine", 4.17, "OSC2PITCH", 7.4, 1.57, 9.06, 8.27, 9.29, 6.22, 7.24, 0.16, 4.09, 2.13),
)
SWELLING = (79, ("Pulse", 5.67, 1.57, "Saw", 4.72, "PW", 7.01, 10.0, 6.22, 7.4, 4.09, 0.71, 2.6, 8.82, 0.71, 5.35))


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline(None, collection=NOTES.name)


@pytest.mark.parametrize(("pitch", "values"), [WOBBLING, SWELLING], ids=["wobbles", "swells"])
def test_one_note_that_is_heard_as_several(pipe, pitch, values):
    row = Presets.from_settings(NOTES, [dict(zip(NAMES, values, strict=True))]).playing([Note(pitch, 100, 0.1, 1.0)])
    sound = {"array": to_float(render(row, noise_seed=1))[0], "sampling_rate": SAMPLE_RATE}
    assert len(pipe.listen(sound).notes) > 1
    found = match(sound, collection=NOTES, model=pipe, renders=8)
    assert [note.pitch for note in found.notes] == [pitch]


def tone(pitch: int, level: float = 1.0, harmonics: int = 8) -> np.ndarray:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    return sum(level / h * np.sin(2 * np.pi * h * hertz * time) for h in range(1, harmonics + 1))


@pytest.mark.parametrize("pitch", [36, 57, 84])
def test_harmonics_stand_out_of_a_loud_whistle(pitch):
    whistle = tone(pitch - 17, harmonics=1)
    assert salient_pitches(tone(pitch, 0.01) + whistle, SAMPLE_RATE, 3)[0] == pitch


def test_silence_has_no_pitch():
    assert salient_pitches(np.zeros(5_000), SAMPLE_RATE, 3) == []
    assert salient_pitches(np.zeros(0), SAMPLE_RATE, 3) == []


def test_a_click_is_looked_at():
    assert len(salient_pitches(np.eye(1, 40)[0], SAMPLE_RATE, 3)) <= 3
