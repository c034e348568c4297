"""Instruments that no model has learnt: the search begins at presets as they are usually set."""

import json
from dataclasses import replace

import numpy as np
import pytest

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.evaluation import benchmark
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError, Note, get_collection
from secret_sauce_hf.instruments.priors import is_musical
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching import load_model, match
from secret_sauce_hf.matching.attempt import spread_order
from secret_sauce_hf.matching.guides import DRAWN, EVENLY, PriorGuide
from secret_sauce_hf.matching.text import search_summary, setting_rows
from secret_sauce_hf.modeling.loading import take_extractor
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT, NOTES, DX7 = (get_collection(name) for name in ("noisemaker-light", "noisemaker-light-notes", "dx7"))
PLAYED = Note(50, 100, 0.1, 0.6)


def played(collection, seed: int, note: Note = PLAYED) -> tuple[Presets, dict]:
    """A preset that people might set, and what it sounds like."""
    row = draw_presets(collection, 1, seed, prior="musical" if is_musical(collection) else "uniform").playing([note])
    return row, {"array": to_float(render(row, noise_seed=1))[0], "sampling_rate": SAMPLE_RATE}


@pytest.fixture(scope="module")
def prior():
    return load_model(NOTES, "none")


@pytest.fixture(scope="module")
def found(prior):
    return match(played(NOTES, 2)[1], model=prior, renders=600)


class TestNotes:
    def test_the_search_comes_nearer_than_a_usual_preset(self, found):
        assert found.distances["mss"] < 0.5 * found.alone.distance
        assert [note.pitch for note in found.notes] == [PLAYED.pitch]

    def test_nobody_pretends_to_know_how_sure_it_is(self, found):
        assert found.model is None and found.confidence == {}
        assert {row[2] for row in setting_rows(found)} == {"–", "(not heard)"}
        assert json.loads(json.dumps(found.to_dict()))["model"] is None
        assert any(line.startswith("There is no model of TAL-NoiseMaker") for line in found.remarks)
        assert search_summary(found)[0].startswith("A usual preset: MSS")

    def test_the_same_number_of_renders_finds_the_same(self, prior, found):
        assert match(played(NOTES, 2)[1], model=prior, renders=600).preset == found.preset

    def test_given_notes(self, prior):
        note = {"pitch": 50, "velocity": 100, "onset": 0.1, "duration": 0.6}
        given = match(played(NOTES, 2)[1], model=prior, renders=100, notes=[note])
        assert given.notes == (PLAYED,)

    def test_what_is_written(self, found, tmp_path):
        files = found.save(tmp_path, "sound")
        assert json.loads(files["json"].read_text())["confidence"] == {}
        assert {"midi", "wav", "png", "noisemakerpreset"} <= files.keys()


class TestOneNote:
    def test_a_machine_that_plays_one_note_needs_no_ear(self):
        guitar = get_collection("guitar-tiny")
        row = draw_presets(guitar, 1, 5)
        sound = to_float(render(row))[0]
        prior = load_model(guitar, "none")
        assert prior.guide().reads_notes == bool(get_engine(guitar).plays)
        found = match(sound, sampling_rate=SAMPLE_RATE, model=prior, renders=200)
        assert found.distances["mss"] < found.alone.distance

    def test_silence(self, prior):
        silent = match(np.zeros(SAMPLE_RATE, np.float32), sampling_rate=SAMPLE_RATE, model=prior, renders=50)
        assert silent.silent and silent.renders == 0


class TestAnInstrumentThatHasNone:
    def test_a_voice_of_the_dx7(self, tmp_path):
        pytest.importorskip("dexed")
        _, sound = played(DX7, 9)
        found = match(sound, collection="dx7", renders=400)
        assert found.model is None and found.distances["mss"] < found.alone.distance
        assert len(found.save(tmp_path, "voice")["syx"].read_bytes()) == 163

    def test_an_engine_that_is_handed_plays_any_note(self):
        """As a recorder does, which plays the machine itself."""
        box = replace(NOTES, name="box", instrument=replace(NOTES.instrument, name="box"), plays=None)
        playing = type("Box", (type(get_engine(NOTES)),), {"name": "box"})()
        found = match(played(NOTES, 2)[1], collection=box, engine=playing, renders=200)
        assert [note.pitch for note in found.notes] == [PLAYED.pitch]
        assert found.distances["mss"] < found.alone.distance

    def test_another_version_of_an_instrument_that_is_declared(self):
        fixed = (*NOTES.fixed, (NOTES.columns[4], 5.0))
        own = replace(NOTES, name="own", columns=NOTES.columns[:4], fixed=fixed)
        found = match(played(NOTES, 2)[1], collection=own, renders=100)
        assert set(found.preset) == set(own.columns)


class TestBanks:
    def test_the_preset_of_a_bank_is_found_among_all(self, prior):
        bank = draw_presets(NOTES, 150, 77)
        sound = {
            "array": to_float(render(bank[[140]].playing([PLAYED]), noise_seed=1))[0],
            "sampling_rate": SAMPLE_RATE,
        }
        found = match(sound, model=prior, bank=bank)
        assert found.preset == next(bank[[140]].rows()) and found.renders >= 150

    def test_of_a_large_one_some_from_all_of_it(self):
        order = spread_order(10_000)
        assert sorted(order.tolist()) == list(range(10_000))
        assert np.diff(np.sort(order[:100])).max() < 200


class TestProposals:
    def test_they_are_those_that_people_set_and_some_others(self):
        guide = PriorGuide(DX7, take_extractor(DX7))
        mode = list(DX7.columns).index("op1_mode")
        assert len(guide._drawn) == DRAWN
        usual, evenly = guide._drawn[: -round(EVENLY * DRAWN)], guide._drawn[-round(EVENLY * DRAWN) :]
        assert abs(np.mean(evenly[:, mode] == evenly[:, mode].max()) - 0.5) < 0.05
        assert np.mean(usual[:, mode] == evenly[:, mode].max()) < 0.2

    def test_the_posterior_is_a_distribution(self):
        guide = PriorGuide(NOTES, take_extractor(NOTES))
        for units, probabilities in zip(guide.posterior.units, guide.posterior.probabilities, strict=True):
            assert np.isclose(probabilities.sum(), 1.0) and (np.diff(units) > 0).all()
        drawn = guide.posterior.sample(50, np.random.default_rng(0))
        assert np.isfinite(guide.posterior.score(drawn)).all()
        answer, proposals = guide.propose(NOTES, {"peak": 1.0}, 9, 0, np.random.default_rng(0))
        assert len(proposals.cc) == 9 and set(proposals.origins) == {"prior"}
        assert next(Presets.from_cc(NOTES, proposals.cc[:1]).rows()) == answer["preset"]

    def test_each_sound_gets_the_same(self):
        guide = PriorGuide(NOTES, take_extractor(NOTES))
        told = guide.propose_each(NOTES, [{}, {}, {}], 5, 1)
        assert told.shape == (3, 5, len(NOTES.columns)) and (told[0] == told[2]).all()


class TestWhatCannotBe:
    def test_no_search(self, prior):
        for limit in ({"seconds": 0}, {"renders": 0}):
            with pytest.raises(
                InputError, match="no model of noisemaker-light-notes that could answer without a search"
            ):
                match(played(NOTES, 2)[1], model=prior, **limit)

    def test_no_collection(self):
        with pytest.raises(InputError, match="Without a model the collection has to be given"):
            match(played(NOTES, 2)[1], model="none")

    def test_no_engine_but_takes(self):
        elsewhere = replace(LIGHT, name="box", instrument=replace(LIGHT.instrument, name="box"))
        presets = draw_presets(LIGHT, 12, 4)
        sounds = to_float(render(presets, noise_seed=2))
        takes = Takes(sounds, Presets(elsewhere, presets.unit))
        sound = {"array": sounds[5], "sampling_rate": SAMPLE_RATE}
        with pytest.raises(InputError, match="There is no model of box, and its presets cannot be rendered either"):
            match(sound, collection=elsewhere)
        found = match(sound, collection=elsewhere, takes=takes)
        assert found.preset == next(presets[[5]].rows()) and found.candidates[0].origin == "nearest take"
        assert found.remarks[-1].endswith("the answer is the nearest of the takes.")
        assert found.ranking == "the distances of recorded takes"


def test_a_benchmark_without_a_model():
    options = {"rows": 2, "renders": 60, "progress": False, "only": ["matching"], "same": False}
    found, ours = (benchmark(LIGHT, model=model, **options).record for model in ("none", None))
    assert found["model"] is None and "model" not in found["ways"]
    titles = [record["ways"]["matching"]["title"] for record in (found, ours)]
    assert titles == ["matching, no model", "model + matching"]
    theirs, own = (record["ways"]["matching"]["rows"]["mss"] for record in (found, ours))
    assert np.mean(own) < np.mean(theirs)
