"""What is played in a sound: given, heard, or some of both; and what the pipeline of a model of notes makes of it."""

import numpy as np
import pytest
import torch

from secret_sauce_hf import InputError, Note
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import load_model, match
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.modeling.hearing_secret_sauce import listen, read_notes
from secret_sauce_hf.modeling.listener_secret_sauce import NoteListener
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.outputs_secret_sauce import DomainHead
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.base import first_model
from secret_sauce_hf.training.run import save_checkpoint

NOTES = get_collection("noisemaker-light-notes")


def tone(pitch=57, seconds=1.5, onset=0.2, held=1.0, cents=0.0):
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
    wave = sum(np.sin(2 * np.pi * hertz * harmonic * time) / harmonic for harmonic in range(1, 6))
    return (0.2 * wave * ((time >= onset) & (time < onset + held))).astype(np.float32)


def sound(*args, **options):
    return {"array": tone(*args, **options), "sampling_rate": SAMPLE_RATE}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small model of notes that has learnt nothing, with a listener and what tells strangers."""
    torch.manual_seed(1)
    model, extractor = first_model(NOTES, None, 64, 1, 0)
    listener = NoteListener(channels=4, fine_channels=4, told=2)
    model.config.listener, model.listener = listener.sizes, listener
    model.config.domain_size, model.domain = 8, DomainHead(64, len(NOTES.columns), 8)
    model.config.domain_warning = 1.0
    folder = tmp_path_factory.mktemp("notes")
    save_checkpoint(model, extractor, folder)
    return folder


@pytest.fixture(scope="module")
def pipe(checkpoint):
    return load_pipeline(checkpoint)


class TestReadNotes:
    def test_the_ways_to_give_one(self):
        expected = {"pitch": 60, "velocity": 100, "onset": 0.5, "duration": 1.0}
        for given in (
            (60, 100, 0.5, 1.0),
            expected,
            Note(60, 100, 0.5, 1.0),
            (np.int64(60), 100.0, np.float32(0.5), 1),
        ):
            assert read_notes([given]) == [expected]

    def test_what_is_missing_is_not_told(self):
        assert read_notes([{"pitch": 60}]) == [{"pitch": 60, "velocity": None, "onset": None, "duration": None}]
        assert read_notes([(60,)]) == read_notes([{"pitch": 60, "onset": None}])

    @pytest.mark.parametrize(
        ("notes", "message"),
        [
            ([], "There are 0 notes"),
            ([(60,)] * 1_001, "There are 1,001 notes"),
            ("C3", "give a list with pitch, velocity, onset, duration"),
            (60, "give a list"),
            ({"pitch": 60}, "give a list"),
            ([60], "note 0 is 60"),
            ([{"pitch": 60, "key": 1}], "note 0 has key"),
            ([(128,)], "note 0: the pitch must be an integer from 0 to 127, not 128"),
            ([(60.5,)], "the pitch must be an integer"),
            ([(60, 0)], "the velocity must be an integer from 1 to 127"),
            ([(60, 100, -0.1)], "the onset is -0.1; give seconds, 0 or more"),
            ([(60, 100, float("nan"))], "the onset is nan"),
            ([(60, 100, 0, 0)], "the duration is 0; give seconds, above 0"),
            ([(60, 100, 0, True)], "the duration is True"),
        ],
    )
    def test_what_is_none(self, notes, message):
        with pytest.raises(InputError, match=message):
            read_notes(notes)


class TestListen:
    def test_given_notes_are_taken_as_they_are(self, pipe):
        told = [(57, 90, 0.2, 1.0), (64, 80, 0.7, 0.5)]
        listened = pipe.listen(sound(), notes=told)
        assert listened.given and np.allclose(np.array(listened.told), told, atol=1e-3)
        assert [stroke.pitches for stroke in listened.strokes] == [(57,), (64,)]

    def test_times_that_are_not_told_are_heard(self, pipe):
        listened = pipe.listen(sound(), notes=[{"pitch": 57}])
        (note,) = listened.notes
        assert not listened.given and note.pitch == 57
        assert note.onset == pytest.approx(0.2, abs=0.05)

    @pytest.mark.parametrize("cents", [-40.0, 0.0, 25.0])
    def test_the_tuning_is_that_of_the_given_notes(self, pipe, cents):
        # This listener has learnt nothing: what it hears has another tuning.
        heard = pipe.listen(sound(cents=cents), notes=[(57, 100, 0.2, 1.0)])
        assert heard.cents == pytest.approx(cents, abs=2.0)
        no_pitch = {"array": np.random.default_rng(3).normal(0, 0.1, SAMPLE_RATE), "sampling_rate": SAMPLE_RATE}
        assert pipe.listen(no_pitch, notes=[(57, 100, 0.0, 1.0)]).cents == 0.0

    def test_without_a_listener_all_of_them_are_needed(self, pipe):
        assert listen(pipe.feature_extractor, None, sound(), notes=[(57, 90, 0.2, 1.0)]).notes
        with pytest.raises(InputError, match="This model has no listener: tell it the notes with their onsets"):
            listen(pipe.feature_extractor, None, sound(), notes=[(57, 90, 0.2)])

    def test_a_note_after_the_sound(self, pipe):
        with pytest.raises(InputError, match=r"The first note starts at 3 s, and the sound lasts 1\.5 s"):
            pipe.listen(sound(), notes=[(57, 90, 3.0, 1.0)])

    def test_silence_has_no_notes_and_one_stroke(self, pipe):
        listened = pipe.listen({"array": np.zeros(SAMPLE_RATE, np.float32), "sampling_rate": SAMPLE_RATE})
        assert listened.notes == () and len(listened.strokes) == 1


class TestPipeline:
    def test_the_answer_tells_notes_and_domain(self, pipe):
        answer = pipe(sound(), notes=[(57, 90, 0.2, 1.0)], num_candidates=3)
        assert answer["notes"] == [{"pitch": 57, "velocity": 90, "onset": 0.2, "duration": 1.0}]
        assert 0 <= answer["in_domain"] <= 1
        assert set(answer["preset"]) == set(NOTES.columns) and len(answer["candidates"]) == 3

    def test_several_sounds_of_any_length(self, pipe):
        answers = pipe([sound(), sound(60, seconds=0.3), sound(40, seconds=6.0)], batch_size=4)
        assert len(answers) == 3 and all(answer["notes"] for answer in answers)

    def test_a_chord_and_a_melody_are_one_preset(self, pipe):
        chord = [(pitch, 90, 0.2, 1.0) for pitch in (57, 61, 64)]
        melody = [(57, 90, 0.2, 0.3), (59, 90, 0.6, 0.3), (60, 90, 1.0, 0.3)]
        for played in (chord, melody):
            answer = pipe(sound(), notes=played)
            assert len(answer["notes"]) == 3 and set(answer["confidence"]) == set(NOTES.columns)

    def test_a_model_of_one_note_takes_none(self):
        with pytest.raises(InputError, match=r"trained on one note .*noisemaker-light-notes"):
            load_pipeline(collection="noisemaker-light")(sound(), notes=[(57,)])

    def test_without_the_package(self, checkpoint):
        # The weights of listener and head come back as they were saved.
        again = SecretSauceModel.from_pretrained(checkpoint)
        assert again.listener is not None and again.domain is not None
        assert again.config.domain_warning == 1.0

    @pytest.mark.parametrize("sizes", [{"channels": 10**6}, {"channels": "many"}, {"channels": True}])
    def test_a_config_with_sizes_that_cannot_be(self, pipe, sizes):
        with pytest.raises(InputError, match="it must be sizes of a NoteListener"):
            type(pipe.model.config).from_dict(pipe.model.config.to_dict() | {"listener": sizes})


class TestMatch:
    def test_with_notes_given(self, checkpoint):
        model = load_model(None, checkpoint)
        found = match(sound(), model=model, notes=[Note(57, 90, 0.2, 1.0)], renders=40)
        assert [note.pitch for note in found.notes] == [57]
        # Up to a moment after the note has ended.
        assert found.region == pytest.approx((0.1, 1.25), abs=0.02)
        assert len(found.reference) == len(found.rendered)
        assert found.to_dict()["notes"] == [{"pitch": 57, "velocity": 90, "onset": 0.2, "duration": 1.0}]

    def test_what_it_can_hardly_make_is_said(self, checkpoint):
        found = match(sound(), model=load_model(None, checkpoint), seconds=0)
        assert found.doubtful and any("can hardly make this sound" in remark for remark in found.remarks)

    def test_what_a_search_has_made_is_not_doubted(self, checkpoint):
        settings = {"lfo1_rate": 5.0, "filter_cutoff": 9.0, "lfo1_amount": 5.0, "osc2_wave": "Saw"}
        presets = Presets.from_settings(NOTES, [settings | {"filter_resonance": 2.0}])
        (take,) = to_float(render(presets.playing([Note(57, 100, 0.1, 1.0)]), noise_seed=1))
        loaded = load_model(NOTES, checkpoint)
        options = {"notes": [(57, 100, 0.1, 1.0)], "sampling_rate": SAMPLE_RATE, "seed": 0}
        alone = match(take, model=loaded, renders=0, **options)
        found = match(take, model=loaded, renders=1_200, **options)
        assert found.distances["mss"] < 0.5
        assert alone.in_domain < 0.9 < found.in_domain

    def test_a_note_that_the_instrument_does_not_reach(self):
        model, extractor = first_model(get_collection("guitar-notes"), None, 64, 1, 0)
        model.config.listener, model.listener = (one := NoteListener(channels=4, fine_channels=4, told=2)).sizes, one
        from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline

        guitar = AudioToPresetPipeline(model=model.eval(), feature_extractor=extractor, task="audio-to-preset")
        found = match(sound(30), model=guitar, notes=[Note(30, 90, 0.2, 1.0)], seconds=0)
        assert any("by octaves" in remark for remark in found.remarks)
        cluster = [Note(pitch, 90, 0.2, 1.0) for pitch in (40, 41, 42, 43)]
        found = match(sound(40), model=guitar, notes=cluster, seconds=0)
        assert any("cannot play all of this at once" in remark for remark in found.remarks)

    def test_notes_outside_of_the_region(self, checkpoint):
        model = load_model(None, checkpoint)
        with pytest.raises(InputError, match=r"None of the notes starts in what is matched, 0\.00 to 0\.50 s"):
            match(sound(), model=model, notes=[Note(57, 90, 0.7, 0.2)], region=(0.0, 0.5), seconds=0)

    def test_notes_for_a_model_of_one(self):
        with pytest.raises(InputError, match="was trained on one note"):
            match(sound(), collection="noisemaker-light", notes=[Note(57, 90, 0.2, 1.0)], seconds=0)
