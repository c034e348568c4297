"""What a trained model of notes gets besides: a listener, its calibration, and what tells strangers."""

import json

import numpy as np
import pytest
import soundfile

from secret_sauce_hf import InputError
from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.modeling.listener_secret_sauce import NoteListener
from secret_sauce_hf.training import strokes as module
from secret_sauce_hf.training.base import first_model
from secret_sauce_hf.training.finishing import finish
from secret_sauce_hf.training.run import save_checkpoint

LIGHT = get_collection("noisemaker-light-notes")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(module, "PAGE", 64)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model that has learnt nothing, a listener, and sounds of nobody's."""
    folder = tmp_path_factory.mktemp("finishing")
    save_checkpoint(*first_model(LIGHT, None, 64, 1, 0), folder / "trained", {"run": {"collection": LIGHT.name}})
    NoteListener(channels=4, fine_channels=4, told=2).save(folder / "listener")
    (folder / "strangers" / "inner").mkdir(parents=True)
    random = np.random.default_rng(3)
    for number in range(8):
        hertz = 100 * 2 ** (number / 3)
        time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
        sound = 0.3 * np.sin(2 * np.pi * hertz * time) * np.exp(-3 * time) + 0.01 * random.standard_normal(len(time))
        soundfile.write(folder / "strangers" / "inner" / f"{number}.wav", sound, SAMPLE_RATE)
    return folder


def test_everything_is_there_afterwards(made, tmp_path):
    out = tmp_path / "finished"
    record = finish(
        made / "trained", out, listener=made / "listener", strangers=made / "strangers", sounds=64, progress=False
    )
    told = record["finished"]
    assert told["strangers"] == 8 and told["sounds"] == 64
    # A sine that fades has nothing of a saw: even a model that has learnt nothing reads them otherwise.
    assert 0.5 < told["domain"]["auroc"] <= 1
    assert json.loads((out / "training.json").read_text())["run"] == {"collection": LIGHT.name}
    pipe = load_pipeline(out)
    assert 0 < pipe.model.config.domain_warning <= 0.5
    answer = pipe(made / "strangers" / "inner" / "0.wav")
    assert 0 <= answer["in_domain"] <= 1 and answer["notes"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "has no listener; give the folder of one"),
        ({"listener": "trained"}, "has no listener.json"),
        ({"listener": "listener", "strangers": "listener"}, "There are no sounds in"),
        ({"listener": "listener", "strangers": "nowhere"}, "is no folder"),
        ({"listener": "listener", "sounds": 5}, "sounds must be an integer from 50"),
    ],
)
def test_what_is_missing_is_said(made, tmp_path, options, message):
    options = {name: made / value if isinstance(value, str) else value for name, value in options.items()}
    with pytest.raises(InputError, match=message):
        finish(made / "trained", tmp_path / "out", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_a_model_of_one_note_is_finished(tmp_path):
    with pytest.raises(InputError, match="is a model of one note"):
        finish("noisemaker-light", tmp_path / "out", progress=False)


def test_nothing_is_overwritten(made, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        finish(made / "trained", tmp_path, listener=made / "listener", progress=False)
