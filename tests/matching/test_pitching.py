"""What was played where a listener hears a whistle as the note, or one note as two."""

import numpy as np
import pytest

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import match
from secret_sauce_hf.matching.attempt import LEAD_SECONDS
from secret_sauce_hf.matching.guides import ModelGuide
from secret_sauce_hf.matching.pitching import likeliest
from secret_sauce_hf.matching.problem import Budget
from secret_sauce_hf.matching.readings import single
from secret_sauce_hf.matching.salience import by_salience
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets, draw_presets

NOTES, LIGHT = get_collection("noisemaker-notes"), get_collection("noisemaker-light-notes")
SETTINGS = {
    "wobbles": {
        "osc1_wave": "Pulse",
        "osc1_volume": 4.88,
        "osc1_pulse_width": 7.56,
        "osc2_wave": "Sine",
        "osc2_volume": 4.17,
        "lfo1_destination": "OSC2PITCH",
        "lfo1_rate": 7.4,
        "lfo1_amount": 1.57,
        "filter_cutoff": 9.06,
        "filter_resonance": 8.27,
        "filter_attack": 9.29,
        "filter_decay": 6.22,
        "filter_sustain": 7.24,
        "amp_attack": 0.16,
        "amp_decay": 4.09,
        "amp_sustain": 2.13,
    },
    "whistles": {
        "lfo1_rate": 8.98,
        "filter_cutoff": 2.13,
        "lfo1_amount": 1.73,
        "osc2_wave": "Pulse",
        "filter_resonance": 1.02,
    },
    "swells": {
        "osc1_wave": "Saw",
        "osc1_volume": 7.71,
        "osc1_pulse_width": 8.9,
        "osc2_wave": "Sine",
        "osc2_volume": 5.04,
        "lfo1_destination": "NOTHING",
        "lfo1_rate": 5.51,
        "lfo1_amount": 9.61,
        "filter_cutoff": 7.87,
        "filter_resonance": 4.17,
        "filter_attack": 0.39,
        "filter_decay": 3.78,
        "filter_sustain": 8.74,
        "amp_attack": 9.76,
        "amp_decay": 4.09,
        "amp_sustain": 5.51,
    },
}
WOBBLING = NOTES, "wobbles", [Note(51, 100, 0.1, 1.0)]
WHISTLING = LIGHT, "whistles", [Note(81, 100, 0.1, 0.8)]
SWELLING = NOTES, "swells", [Note(64, 100, 0.12, 0.32), Note(62, 100, 0.14, 0.93), Note(68, 100, 0.15, 0.28)]


def heard_and_asked(collection, settings, notes, budget: Budget):
    """The notes that a listener hears, and those that are found likeliest."""
    row = Presets.from_settings(collection, [SETTINGS[settings]]).playing(notes)
    pipe = load_pipeline(None, collection=collection.name)
    listened = pipe.listen({"array": to_float(render(row, noise_seed=1))[0], "sampling_rate": SAMPLE_RATE})
    engine = get_engine(collection)
    return listened.notes, likeliest(ModelGuide(pipe), collection, engine, listened, LEAD_SECONDS, 0, budget)[0].notes


@pytest.mark.parametrize("made", [WOBBLING, WHISTLING, SWELLING], ids=["wobbles", "whistles", "swells"])
def test_what_was_played_where_else_is_heard(made):
    heard, asked = heard_and_asked(*made, Budget(None, None))
    played = sorted(note.pitch for note in made[-1])
    assert sorted(note.pitch for note in heard) != played
    assert sorted(note.pitch for note in asked) == played


@pytest.mark.parametrize("budget", [(None, 40), (0.0, None), (1e-9, None)], ids=["few", "no time", "hardly any time"])
def test_what_was_heard_is_kept_where_nothing_can_be_asked(budget):
    heard, asked = heard_and_asked(*WHISTLING, Budget(*budget))
    assert heard == asked


@pytest.mark.parametrize("renders", [60, 150, 200, 320])
def test_no_more_is_rendered_than_there_is_budget_for(renders):
    budget = Budget(None, renders)
    heard_and_asked(*WHISTLING, budget)
    assert 48 <= budget.used <= renders


def test_a_search_is_as_long_as_it_is_told_with_what_was_asked():
    row = Presets.from_settings(LIGHT, [SETTINGS["whistles"]]).playing(WHISTLING[-1])
    sound = {"array": to_float(render(row, noise_seed=1))[0], "sampling_rate": SAMPLE_RATE}
    found = match(sound, collection=LIGHT, renders=500)
    assert 400 <= found.renders <= 500


@pytest.mark.parametrize("pitch", [55, 79])
def test_presets_of_a_bank_are_tried_in_other_octaves(pitch):
    """An octave off is what is heard where a preset sounds in another octave than that of its key."""
    bank = draw_presets(get_collection("noisemaker"), 40, seed=8).cc
    row = Presets.from_cc(NOTES, bank[11:12]).playing([Note(67, 100, 0.1, 0.8)])
    pipe = load_pipeline(None, collection=NOTES.name)
    listened = pipe.listen({"array": to_float(render(row, noise_seed=1))[0], "sampling_rate": SAMPLE_RATE})
    wrong = single(listened, [pitch])[0]
    for given, told in ((None, pitch), (bank, 67)):
        budget = Budget(None, 500)
        asked, met = likeliest(ModelGuide(pipe), NOTES, get_engine(NOTES), wrong, LEAD_SECONDS, 0, budget, given)
        assert [note.pitch for note in asked.notes] == [told] and budget.used <= 500
    assert bank[11].tolist() in met.tolist()


PITCHES = range(21, 109)


def tone(pitch: int, level: float = 1.0, harmonics: int = 8) -> np.ndarray:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    return sum(level / h * np.sin(2 * np.pi * h * hertz * time) for h in range(1, harmonics + 1))


@pytest.mark.parametrize("pitch", [36, 57, 84])
def test_harmonics_stand_out_of_a_loud_whistle(pitch):
    whistle = tone(pitch - 17, harmonics=1)
    assert by_salience(tone(pitch, 0.01) + whistle, SAMPLE_RATE, PITCHES)[0] == pitch


@pytest.mark.parametrize("samples", [np.zeros(5_000), np.zeros(0), np.eye(1, 40)[0]], ids=["silence", "none", "click"])
def test_what_has_no_pitch_orders_none(samples):
    assert sorted(by_salience(samples, SAMPLE_RATE, PITCHES)) == list(PITCHES)
