"""Matches that ask a model of every instrument: the nearest answers, the others are told."""

import json

import numpy as np
import pytest
import soundfile

from secret_sauce_hf.instruments import COLLECTIONS, INSTRUMENTS, InputError
from secret_sauce_hf.matching import demo_sound, load_model, match
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.loading import shipped
from secret_sauce_hf.matching.text import other_rows
from secret_sauce_hf.modeling.registration import CHECKPOINTS


@pytest.fixture(scope="module")
def models():
    return [load_model("guitar"), load_model("noisemaker-light")]


def test_one_shipped_model_of_every_instrument():
    names = shipped()
    instruments = [COLLECTIONS[name].instrument.name for name in names]
    there = {COLLECTIONS[path.parent.name].instrument.name for path in CHECKPOINTS.glob("*/config.json")}
    assert sorted(instruments) == sorted(there) and there <= set(INSTRUMENTS)
    # That which tells most.
    for name in names:
        same = [one for one in COLLECTIONS.values() if one.instrument.name == COLLECTIONS[name].instrument.name]
        assert len(COLLECTIONS[name].columns) == max(len(one.columns) for one in same)
    assert shipped(lambda one: one.instrument.name == "subphatty") == ["subphatty-notes"]


def test_the_nearest_answers_and_the_others_are_told(models):
    found = match(demo_sound().path, model=models, renders=40)
    assert found.collection.name == "noisemaker-light"
    (other,) = found.others
    assert other.collection.name == "guitar" and other.candidates[0].distance > found.candidates[0].distance
    assert found.renders <= 40 and 0 < other.renders < found.renders
    assert [point.distance for point in found.trace] == sorted((one.distance for one in found.trace), reverse=True)
    record = json.loads(json.dumps(found.to_dict()))
    assert record["others"] == [
        {
            "collection": "guitar",
            "instrument": "guitar-rack",
            "model": "guitar, as shipped",
            "distance": other.candidates[0].distance,
            "preset": other.preset,
        }
    ]
    assert [row[1] for row in other_rows(found)] == ["noisemaker-light", "guitar"]
    again = match(demo_sound().path, model=models, renders=40)
    assert again.preset == found.preset and again.distances == found.distances


def test_models_alone_are_compared_by_their_sound(models):
    samples, rate = soundfile.read(demo_sound().path)
    found = match(samples, sampling_rate=rate, model=models, seconds=0)
    assert found.collection.name == "noisemaker-light" and found.renders == 0 and found.trace == ()
    assert found.candidates[0].distance < found.others[0].candidates[0].distance


def test_silence_is_nobodys(models):
    found = match(np.zeros(30_000), sampling_rate=22_050, model=models, renders=10)
    assert found.silent and found.renders == 0 and found.others[0].silent


def test_control_c_tells_what_there_is(models, monkeypatch):
    measure, calls = Evaluator._measure, []

    def impatient(self, places):
        measure(self, places)
        calls.append(len(places))
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Evaluator, "_measure", impatient)
    found = match(demo_sound().path, model=models, renders=30)
    assert found.interrupted and len(found.others) == 1 and found.renders <= sum(calls)


def test_takes_are_of_one_collection():
    with pytest.raises(InputError, match="Takes are of one collection"):
        match(demo_sound().path, takes="nowhere")
    with pytest.raises(InputError, match="There is no model in the list"):
        match(demo_sound().path, model=[])
    with pytest.raises(InputError, match=r"Give a collection or a model, or .* load_models\(\)"):
        load_model()
