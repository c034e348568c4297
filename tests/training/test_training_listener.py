"""Training the listener: what is heard in takes, what is learned of it, and runs."""

import json
from dataclasses import astuple

import numpy as np
import pytest
import torch

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import InputError, Note, Performances, get_collection
from secret_sauce_hf.instruments.takes import SAMPLE_RATE
from secret_sauce_hf.modeling.listener_secret_sauce import NoteListener, features
from secret_sauce_hf.modeling.transcription_secret_sauce import FINE_HOP, HOP
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training import listening
from secret_sauce_hf.training.listening import SECONDS, recorded, train_listener
from secret_sauce_hf.training.listening_config import ListeningConfig
from secret_sauce_hf.training.phrases import (
    PRESENT_DB,
    STANDS_OUT_DB,
    Phrase,
    as_present,
    phrases,
    presence,
    targets,
)
from secret_sauce_hf.training.recorded_as import disturbed, in_a_room, tuned

PITCHES = range(21, 109)


def tone(start: float, end: float, seconds: float = 2.0, hertz: float = 440.0) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time) * ((time >= start) & (time < end))).astype(np.float32)


def row_of(collection: str, **settings):
    """A row of a collection with some settings, the others drawn."""
    declared = get_collection(collection)
    presets = draw_presets(declared, 1, 3)
    (values,) = presets.rows()
    return type(presets).from_settings(declared, [values | settings])


class TestPhrases:
    def test_the_octave_that_is_heard(self):
        row = row_of(
            "subphatty-notes", osc1_octave="4f", mixer_osc1=10.0, mixer_sub=0.0, mixer_osc2=0.0, mixer_noise=0.0
        ).playing(Performances.from_notes([[Note(60, 50, 0.1, 1.0)]]))
        (found,) = phrases(get_engine("subphatty"), np.zeros((1, 100), np.float32), row)
        assert found.notes.tolist() == [[72.0, 120.0, 0.1, 1.1]]
        assert found.tonal == 1

    @pytest.mark.parametrize(("levels", "tonal"), [((10, 0), 0.0), ((0, 10), 1.0), ((10, 3), np.nan)])
    def test_noise_has_no_pitch(self, levels, tonal):
        settings = {"osc1_wave": "Noise", "osc2_wave": "Saw", "osc1_volume": levels[0], "osc2_volume": levels[1]}
        row = row_of("noisemaker-notes", **settings)
        (found,) = phrases(get_engine("noisemaker"), np.zeros((1, 100), np.float32), row)
        assert found.tonal == pytest.approx(tonal, nan_ok=True)

    def test_one_voice_plays_the_last_key(self):
        notes = [[Note(60, 50, 0.1, 1.0), Note(62, 50, 0.5, 1.0)]]
        row = row_of("subphatty-phrases").playing(Performances.from_notes(notes))
        (found,) = phrases(get_engine("subphatty"), np.zeros((1, 100), np.float32), row)
        assert found.notes[0, 3] == 0.5

    def test_velocity_is_that_of_instruments_that_hear_it(self):
        row = row_of("guitar-notes").playing(Performances.from_notes([[Note(60, 50, 0.1, 1.0)]]))
        (found,) = phrases(get_engine("guitar-rack"), np.zeros((1, 100), np.float32), row)
        assert found.notes[0, 1] == 50


class TestTargets:
    def test_a_note(self):
        found = targets(tone(0.5, 1.5), np.array([[69.2, 127, 0.5, 1.5]]), 1.0, -120.0, PITCHES)
        place = 69 - PITCHES[0]
        frames = np.flatnonzero(found.sounding[place])
        assert frames[0] * HOP / SAMPLE_RATE == pytest.approx(0.5, abs=HOP / SAMPLE_RATE)
        assert frames[-1] * HOP / SAMPLE_RATE == pytest.approx(1.5, abs=HOP / SAMPLE_RATE)
        assert found.sounding.any(axis=1).sum() == found.onset.any(axis=1).sum() == 1
        centre = (found.fine_onset * np.arange(len(found.fine_onset))).sum() / found.fine_onset.sum()
        assert centre * FINE_HOP / SAMPLE_RATE == pytest.approx(0.5, abs=0.001)
        assert found.velocity.max() == 1
        assert found.onset_known.all()
        assert found.end_known.all()

    def test_what_is_not_heard_is_not_learned(self):
        # It rises late and is gone early.
        found = targets(tone(0.9, 1.1), np.array([[69, 100, 0.2, 1.8]]), 1.0, -120.0, PITCHES)
        sounds = np.flatnonzero(found.sounding.any(axis=0)) * HOP / SAMPLE_RATE
        assert 0.85 < sounds[0] < sounds[-1] < 1.15
        assert not found.onset_known[round(0.5 * SAMPLE_RATE / FINE_HOP)]
        assert not found.end_known[round(1.5 * SAMPLE_RATE / FINE_HOP)]

    def test_noise_has_times_and_no_pitch(self):
        found = targets(tone(0.5, 1.5), np.array([[69, 100, 0.5, 1.5]]), 0.0, -120.0, PITCHES)
        assert not found.onset.any()
        assert not found.sounding.any()
        assert found.fine_onset.any()

    def test_what_is_not_sure_is_left_out(self):
        assert targets(tone(0.5, 1.5), np.array([[69, 100, 0.5, 1.5]]), np.nan, -120.0, PITCHES).pitched == 0

    def test_a_note_under_noise_is_not_heard(self):
        found = targets(0.001 * tone(0.5, 1.5), np.array([[69, 100, 0.5, 1.5]]), 1.0, -30.0, PITCHES)
        assert not found.sounding.any()

    @pytest.mark.parametrize(("pitch", "heard"), [(9, 21), (119.6, 108)])
    def test_pitches_beyond_the_range_come_in_by_octaves(self, pitch, heard):
        found = targets(tone(0.5, 1.5), np.array([[pitch, 100, 0.5, 1.5]]), 1.0, -120.0, PITCHES)
        assert PITCHES[int(found.sounding.any(axis=1).argmax())] == heard


class TestPresence:
    def spectrum(self, sound: np.ndarray) -> np.ndarray:
        return features(torch.from_numpy(sound.astype(np.float32))[None]).pitched[0].numpy()

    def test_a_tone_is_there_and_what_is_a_fifth_above_is_not(self):
        spectrum = self.spectrum(tone(0.0, 2.0))[:, 5:-5]
        level, stands_out = presence(spectrum, 69)
        assert level == pytest.approx(0.0, abs=1.0)
        assert stands_out > STANDS_OUT_DB
        assert presence(spectrum, 76)[0] < -PRESENT_DB

    def test_nothing_stands_out_of_noise(self):
        noise = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE)
        assert presence(self.spectrum(noise), 69)[1] < presence(self.spectrum(tone(0.0, 2.0)), 69)[1] / 2

    @pytest.mark.parametrize(("level", "pitched", "heard"), [(1.0, 1.0, True), (2e-3, 0.0, True), (1e-5, 1.0, False)])
    def test_only_what_is_there_is_learned(self, level, pitched, heard):
        # Beneath a tone of another pitch, as a filter's ringing may be.
        sound = level * tone(0.5, 1.5) + tone(0.5, 1.5, hertz=90.0)
        target = targets(sound, np.array([[69, 100, 0.5, 1.5]]), 1.0, -120.0, PITCHES)
        found = as_present(target, self.spectrum(sound), PITCHES)
        assert found.pitched == pitched
        assert found.sounding.any() == heard
        assert np.array_equal(found.fine_onset, target.fine_onset)


class TestRecorded:
    def test_tuning(self):
        higher = tuned(tone(0.0, 2.0), 100.0)
        spectrum = np.abs(np.fft.rfft(higher[:SAMPLE_RATE]))
        assert int(spectrum.argmax()) == pytest.approx(440 * 2 ** (1 / 12), abs=1)
        assert len(higher) == pytest.approx(2 * SAMPLE_RATE / 2 ** (1 / 12), abs=2)

    def test_rooms_and_disturbances_keep_the_length(self):
        sound = tone(0.2, 0.8, 1.0)
        for seed in range(12):
            random = np.random.default_rng(seed)
            changed, noise_db = disturbed(in_a_room(sound, random), random)
            assert changed.shape == sound.shape
            assert changed.dtype == np.float32
            assert np.isfinite(changed).all()
            assert -120.0 <= noise_db <= -40.0

    def test_notes_move_with_the_sound(self):
        phrase = Phrase(tone(0.1, 1.1), np.array([[69.0, 100, 0.1, 1.1]]), 1.0)
        for seed in range(8):
            sound, wanted = recorded(phrase, np.random.default_rng(seed), PITCHES)
            assert len(sound) == round(SECONDS * SAMPLE_RATE)
            if not wanted.fine_onset.any():
                continue
            onset = int(wanted.fine_onset.argmax()) * FINE_HOP
            level = np.abs(np.fft.rfft(sound[onset + 256 : onset + 2304]))
            before = np.abs(np.fft.rfft(sound[max(onset - 2304, 0) : max(onset - 256, 1)]))
            tones = slice(int(400 / SAMPLE_RATE * 2048), int(480 / SAMPLE_RATE * 2048))
            assert level[tones].max() > 3 * (before[tones].max() if len(before) >= 1024 else 0)

    def test_the_same_numbers_make_the_same_sound(self):
        phrase = Phrase(tone(0.1, 1.1), np.array([[69.0, 100, 0.1, 1.1]]), 1.0)
        one, other = (recorded(phrase, np.random.default_rng(5), PITCHES) for _ in range(2))
        assert np.array_equal(one[0], other[0])
        for mine, yours in zip(astuple(one[1]), astuple(other[1]), strict=True):
            assert np.array_equal(mine, yours)


SMALL = ListeningConfig(fresh=12, batch_size=4, seed=2)


@pytest.fixture
def few_rows(monkeypatch):
    """Of every collection a few rows at a time."""
    monkeypatch.setattr(listening, "CHUNK", 2)
    monkeypatch.setattr(listening, "POOL", 4)


@pytest.mark.usefixtures("few_rows")
class TestRuns:
    def test_a_run_writes_a_listener_and_is_the_same_again(self, tmp_path):
        records = [train_listener(tmp_path / name, SMALL, progress=False) for name in ("one", "other")]
        assert records[0]["sounds"] == 12
        assert records[0]["losses"] == records[1]["losses"]
        one, other = (NoteListener.load(tmp_path / name).state_dict() for name in ("one", "other"))
        assert all(torch.equal(values, other[name]) for name, values in one.items())
        told = json.loads((tmp_path / "one" / "listener.json").read_text())["training"]
        assert told["settings"]["fresh"] == 12
        assert "noisemaker-notes" in told["collections"]
        assert {path.name for path in (tmp_path / "one").iterdir()} == {"listener.json", "listener.safetensors"}

    def test_an_interrupted_run_goes_on(self, tmp_path, monkeypatch):
        whole = train_listener(tmp_path / "whole", SMALL, progress=False)
        monkeypatch.setattr(listening, "SAVED_SECONDS", 0.0)
        average, calls = listening._average, []

        def interrupted(*arguments):
            calls.append(arguments)
            if len(calls) == 3:
                raise KeyboardInterrupt
            average(*arguments)

        monkeypatch.setattr(listening, "_average", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_listener(tmp_path / "cut", SMALL, progress=False)
        again = train_listener(tmp_path / "cut", SMALL, resume=True, progress=False)
        assert again["steps"] == whole["steps"]
        one, other = (NoteListener.load(tmp_path / name).state_dict() for name in ("whole", "cut"))
        assert all(torch.equal(values, other[name]) for name, values in one.items())

    def test_nothing_to_go_on_from(self, tmp_path):
        with pytest.raises(InputError, match="no run to go on with"):
            train_listener(tmp_path, SMALL, resume=True, progress=False)

    @pytest.mark.parametrize(
        ("settings", "match"),
        [
            ({}, "when the run ends"),
            ({"fresh": -1}, "fresh must be"),
            ({"minutes": 0.0}, "minutes must be positive"),
            ({"fresh": 1, "learning_rate": 0.0}, "learning_rate must be positive"),
            ({"fresh": 1, "batch_size": 0}, "batch_size must be"),
        ],
    )
    def test_settings_that_no_run_can_have(self, settings, match):
        with pytest.raises(InputError, match=match):
            ListeningConfig(**settings)
