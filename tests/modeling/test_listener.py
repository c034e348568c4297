"""The listener: what it reads of sounds, how its odds become notes, and its files."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import InputError, Note, Performances, get_collection
from secret_sauce_hf.instruments.takes import SAMPLE_RATE, SILENCE, to_float
from secret_sauce_hf.modeling.listener_secret_sauce import (
    BINS,
    HIGHEST_BIN,
    LOWEST_BIN,
    MOST_SECONDS,
    Features,
    NoteListener,
    features,
)
from secret_sauce_hf.modeling.transcription_secret_sauce import (
    FINE_HOP,
    HOP,
    NO_PITCH,
    STEPS,
    HeardNote,
    Logits,
    transcribed,
    tuned_notes,
    tuning,
)
from secret_sauce_hf.presets import Presets

PITCHES = range(21, 109)


def tone(pitch: float, seconds: float = 1.0, harmonics: int = 3) -> np.ndarray:
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    angle = 2 * np.pi * hertz / SAMPLE_RATE * np.arange(round(seconds * SAMPLE_RATE))
    return (0.3 * sum(np.sin(number * angle) / number for number in range(1, harmonics + 1))).astype(np.float32)


@pytest.fixture(scope="module")
def listener() -> NoteListener:
    torch.manual_seed(0)
    return NoteListener().eval()


@pytest.fixture(scope="module")
def takes() -> np.ndarray:
    """A saw of the NoiseMaker's at three pitches, held from .1 to 1.1 s."""
    setting = {
        "osc2_wave": "Saw",
        "filter_cutoff": 10.0,
        "filter_resonance": 0.0,
        "lfo1_rate": 5.0,
        "lfo1_amount": 5.0,
    }
    presets = Presets.from_settings(get_collection("noisemaker-light-notes"), [setting] * 3)
    rows = [[Note(pitch, 120, 0.1, 1.0)] for pitch in (28, 60, 88)]
    presets = presets.playing(Performances.from_notes(rows))
    return to_float(get_engine("noisemaker").render(presets, noise_seed=0))


class TestFeatures:
    def test_there_is_a_frame_per_hop_and_one_more(self):
        heard = features(torch.zeros(2, 10 * HOP))
        assert heard.pitched.shape[2] == 11
        assert heard.fine.shape[2] == 11 * STEPS

    @pytest.mark.parametrize("pitch", [24, 31, 60, 72, 96])
    def test_a_tone_is_at_its_place(self, pitch):
        heard = features(torch.from_numpy(tone(pitch, harmonics=1))[None])
        middle = heard.pitched[0, :, 20]
        assert int(middle.argmax()) == (pitch - LOWEST_BIN) * BINS

    def test_a_semitone_in_the_bass_is_told_apart(self):
        # 1.9 Hz, in windows of 186 ms.
        low, high = (features(torch.from_numpy(tone(pitch))[None]).pitched[0, :, 20] for pitch in (24, 25))
        assert int(high.argmax()) - int(low.argmax()) == BINS

    def test_neither_level_nor_offset_matter(self):
        sound = torch.from_numpy(tone(60))[None]
        plain, soft = features(sound), features(0.02 * sound)
        offset = features(sound + 0.1)
        assert torch.allclose(plain.pitched, soft.pitched, atol=0.01)
        assert torch.allclose(plain.fine, soft.fine, atol=0.01)
        # Where the offset begins and ends it is a step.
        assert torch.allclose(plain.pitched[..., 8:-8], offset.pitched[..., 8:-8], atol=0.05)

    def test_every_sound_of_a_batch_is_for_itself(self):
        one, other = torch.from_numpy(tone(60))[None], 0.1 * torch.from_numpy(tone(40))[None]
        both, alone = features(torch.cat([one, other])), features(other)
        for mine, yours in zip(both, alone, strict=True):
            assert torch.allclose(mine[1:], yours, atol=1e-4)


class TestNetwork:
    def test_shapes_and_size(self, listener):
        told = listener(features(torch.zeros(2, 20 * HOP)))
        for values in (told.onset, told.sounding, told.velocity):
            assert values.shape == (2, len(PITCHES), 21)
        assert told.fine_onset.shape == told.fine_end.shape == (2, 21 * STEPS)
        assert sum(parameter.numel() for parameter in listener.parameters()) < 250_000

    def test_it_hears_all_pitches_in_the_same_way(self, listener):
        # The same spectrum some semitones higher: the same odds there, away from the borders.
        random = torch.Generator().manual_seed(0)
        pitched = torch.zeros(1, (HIGHEST_BIN - LOWEST_BIN) * BINS, 12)
        pitched[:, 141:241] = torch.rand(1, 100, 12, generator=random)
        fine = torch.zeros(1, 32, 12 * STEPS)
        higher = torch.roll(pitched, 5 * BINS, dims=1)
        plain, moved = (listener(Features(values, fine)).onset[0] for values in (pitched, higher))
        assert torch.allclose(plain[28:50], moved[33:55], atol=1e-4)

    @pytest.mark.parametrize("samples", [2, 100, HOP, 2_205, 3 * SAMPLE_RATE])
    def test_any_length_has_a_note(self, listener, samples):
        sound = tone(60, 3.0)[:samples] + np.float32(0.01)
        sound[0] += 0.3
        heard = listener.listen(sound)
        assert heard.notes
        for note in heard.notes:
            assert 0 <= note.onset <= samples / SAMPLE_RATE
            assert note.duration > 0
            assert 1 <= note.velocity <= 127
            assert 0 <= note.confidence <= 1

    @pytest.mark.parametrize("sound", [np.zeros(0, np.float32), np.full(SAMPLE_RATE, 0.2), tone(60) * 2 * SILENCE])
    def test_silence_has_none(self, listener, sound):
        assert listener.listen(sound) == ((), 0.0)

    def test_the_same_sound_is_heard_the_same_again(self, listener):
        assert listener.listen(tone(57)) == listener.listen(tone(57))

    @pytest.mark.parametrize(
        ("sound", "match"),
        [
            (np.zeros((2, 100), np.float32), "one channel"),
            (np.zeros(100, np.int16), "one channel"),
            (np.full(100, np.nan), "no numbers"),
            (np.zeros(MOST_SECONDS * SAMPLE_RATE + 1, np.float32), "longer than"),
        ],
    )
    def test_what_is_no_sound_is_refused(self, listener, sound, match):
        with pytest.raises(InputError, match=match):
            listener.listen(sound)


class TestFiles:
    def test_they_come_back(self, listener, tmp_path):
        listener.save(tmp_path, {"steps": 3})
        again = NoteListener.load(tmp_path)
        assert again.sizes == listener.sizes
        assert json.loads((tmp_path / "listener.json").read_text())["training"] == {"steps": 3}
        for name, values in again.state_dict().items():
            assert torch.allclose(values, listener.state_dict()[name], atol=1e-3)

    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match=r"no listener\.json"):
            NoteListener.load(tmp_path)

    @pytest.mark.parametrize(
        ("record", "match"),
        [
            ("[]", "holds no listener"),
            ("{", "holds no listener"),
            ('{"format": 2, "sizes": {}}', "another version"),
            ('{"format": 1, "sizes": {"channels": 100000}}', "holds no listener"),
            ('{"format": 1, "sizes": {"other": 1}}', "holds no listener"),
            ('{"format": 1, "sizes": {"channels": 8}}', "holds no listener"),
        ],
    )
    def test_damaged_record(self, listener, tmp_path, record, match):
        listener.save(tmp_path)
        (tmp_path / "listener.json").write_text(record)
        with pytest.raises(InputError, match=match):
            NoteListener.load(tmp_path)

    def test_damaged_weights(self, listener, tmp_path):
        listener.save(tmp_path)
        (tmp_path / "listener.safetensors").write_bytes(b"nothing")
        with pytest.raises(InputError, match="holds no listener"):
            NoteListener.load(tmp_path)

    def test_weights_that_are_no_numbers(self, listener, tmp_path):
        listener.save(tmp_path)
        weights = {name: torch.full_like(values, torch.nan) for name, values in listener.state_dict().items()}
        save_file(weights, tmp_path / "listener.safetensors")
        with pytest.raises(InputError, match="numbers that are none"):
            NoteListener.load(tmp_path)


def odds(frames: int, *notes: tuple[int, int, int]) -> Logits:
    """Those of notes (pitch, first frame, frame of the end) that are heard for sure."""
    told = Logits(*(np.zeros((len(PITCHES), frames)) for _ in range(3)), *(np.zeros(frames * STEPS) for _ in range(2)))
    for pitch, start, stop in notes:
        place = pitch - PITCHES[0]
        told.onset[place, start] = 0.9
        told.sounding[place, start:stop] = 0.9
        told.velocity[place, start] = 0.5
        told.fine_onset[start * STEPS + 1] = 0.9
        told.fine_end[min(stop * STEPS - 3, frames * STEPS - 1)] = 0.9
    return told


class TestTranscription:
    SOUND = tone(60, 2.0)

    def test_a_note(self):
        (note,) = transcribed(odds(80, (60, 10, 40)), self.SOUND, PITCHES)
        assert note.pitch == 60
        assert note.velocity == pytest.approx(64, abs=1)
        assert note.onset == pytest.approx(81 * FINE_HOP / SAMPLE_RATE, abs=1e-6)
        assert note.onset + note.duration == pytest.approx(317 * FINE_HOP / SAMPLE_RATE, abs=1e-6)

    def test_the_same_note_again_is_another(self):
        notes = transcribed(odds(80, (60, 10, 20), (60, 20, 30)), self.SOUND, PITCHES)
        assert [note.pitch for note in notes] == [60, 60]
        assert notes[0].onset + notes[0].duration <= notes[1].onset + 0.01

    def test_a_chord_starts_together(self):
        notes = transcribed(odds(80, (60, 10, 40), (64, 11, 40), (67, 10, 40)), self.SOUND, PITCHES)
        assert [note.pitch for note in notes] == [60, 64, 67]
        assert np.ptp([note.onset for note in notes]) < 0.03

    def test_a_note_between_two_semitones_is_one(self):
        told = odds(80, (60, 10, 40))
        told.onset[:, 10] = 0
        told.onset[39:41, 10] = 0.12, 0.15
        told.sounding[40] = told.sounding[39]
        (note,) = transcribed(told, self.SOUND, PITCHES)
        assert note.pitch == 61

    def test_an_overtone_is_no_note(self):
        (note,) = transcribed(odds(80, (60, 10, 40), (79, 10, 40)), self.SOUND, PITCHES)
        assert note.pitch == 60

    def test_what_sounds_at_the_beginning_starts_there(self):
        told = odds(80, (60, 0, 40))
        told.onset[:] = 0
        told.fine_onset[:] = 0
        (note,) = transcribed(told, self.SOUND, PITCHES)
        assert (note.pitch, note.onset) == (60, 0.0)

    def test_what_is_hardly_a_note_is_one_if_there_is_no_other(self):
        told = odds(80, (60, 10, 40))
        told.onset[:] *= 0.2
        told.sounding[:] *= 0.3
        (note,) = transcribed(told, self.SOUND, PITCHES)
        assert note.pitch == 60
        assert note.confidence < 0.3

    def test_noise_lasts_as_long_as_it_is_loud(self):
        noise = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
        noise[: SAMPLE_RATE // 2] = 0
        noise[-SAMPLE_RATE // 2 :] = 0
        (note,) = transcribed(odds(88), noise, PITCHES)
        assert note.pitch == NO_PITCH
        assert note.onset == pytest.approx(0.5, abs=0.01)
        assert note.duration == pytest.approx(1.0, abs=0.02)
        assert note.confidence < 0.1


class TestTuning:
    @pytest.mark.parametrize("cents", [-45.0, -3.0, 0.0, 20.0, 49.0])
    @pytest.mark.parametrize("pitch", [28, 60, 90])
    def test_tones(self, pitch, cents):
        sound = tone(pitch + cents / 100)
        heard = tuned_notes(sound, [HeardNote(pitch, 100, 0.0, 1.0, 0.0, 0.9)])
        assert heard.notes[0].pitch == pitch
        assert heard.notes[0].cents == pytest.approx(cents, abs=2.0)
        assert heard.tuned == pytest.approx(cents, abs=2.0)

    def test_takes(self, takes):
        # Oscillator 2 is tuned .6 cents high.
        for take, pitch in zip(takes, (28, 60, 88), strict=True):
            heard = tuned_notes(take, [HeardNote(pitch, 100, 0.1, 1.0, 0.0, 0.9)])
            assert heard.notes[0].cents == pytest.approx(0.6, abs=1.5)

    @pytest.mark.parametrize("cents", [-48.0, 0.0, 30.0])
    def test_of_notes_that_are_known(self, cents):
        sound = np.concatenate([tone(60 + cents / 100), tone(67 + cents / 100)])
        notes = [HeardNote(60, 100, 0.0, 1.0, 0.0, 1.0), HeardNote(67, 100, 1.0, 1.0, 0.0, 1.0)]
        assert tuning(sound, notes) == pytest.approx(cents, abs=2.0)

    @pytest.mark.parametrize("pitch", [28, 45, 60, 75, 90])
    def test_of_a_pitch_that_is_not_there_nothing_is_told(self, pitch):
        noise = 0.3 * np.random.default_rng(pitch).standard_normal(SAMPLE_RATE).astype(np.float32)
        note = HeardNote(pitch, 100, 0.0, 1.0, 0.0, 0.9)
        assert tuned_notes(noise, [note]).tuned == tuning(noise, [note]) == 0.0
        beyond = note._replace(onset=2.0)
        assert tuning(noise, [beyond]) == tuning(noise, []) == 0.0

    def test_an_unsure_note_follows_the_others(self):
        sound = np.concatenate([tone(60.3), 0.3 * np.random.default_rng(1).standard_normal(SAMPLE_RATE)])
        notes = [HeardNote(60, 100, 0.0, 1.0, 0.0, 0.9), HeardNote(72, 100, 1.0, 1.0, 0.0, 0.9)]
        heard = tuned_notes(sound.astype(np.float32), notes)
        assert heard.tuned == pytest.approx(30.0, abs=2.0)
        assert heard.notes[1].pitch == 72 and heard.notes[1].cents == heard.tuned

    def test_notes_agree_on_what_a_semitone_is(self):
        # Both 48 cents high; one was taken for the semitone above.
        sound = np.concatenate([tone(60.48), tone(64.48)])
        notes = [HeardNote(60, 100, 0.0, 1.0, 0.0, 0.9), HeardNote(65, 100, 1.0, 1.0, 0.0, 0.9)]
        heard = tuned_notes(sound, notes)
        assert {note.pitch - round(note.cents / 100 - 0.48) for note in heard.notes} == {60, 64}
        assert abs(heard.notes[0].cents - heard.notes[1].cents) < 5
