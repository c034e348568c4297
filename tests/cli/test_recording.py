"""`secret-sauce record`, `listen` and `match --send`, with a toy on a real JACK server."""

import json
import threading
import time

import mido
import numpy as np
import pytest
import soundfile
from jack_machines import have, jack_server, toy

from secret_sauce_hf.data import load_takes
from secret_sauce_hf.engines.hardware.links import library
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.needed import EXTRAS

pytestmark = pytest.mark.skipif(not have("jackd", "jack", "rtmidi"), reason="needs a JACK server and its client")
JACK = ("--via", "jack", "--audio", "toy:out")
BOX = {
    "name": "toy",
    "title": "Toy",
    "instrument": {"name": "toy", "title": "Toy"},
    "take": {"seconds": 0.5, "note_on": 0.05, "note_off": 0.4},
    "parameters": [
        {"kind": "knob", "name": "level", "control": 19, "range": [20, 110], "about": "Level"},
        {"kind": "knob", "name": "brightness", "control": 20, "range": [0, 127], "about": "Brightness"},
    ],
}


@pytest.fixture(scope="module")
def instrument():
    with jack_server(), toy():
        yield "toy"


@pytest.fixture
def box(tmp_path, instrument):
    assert instrument
    path = tmp_path / "toy.json"
    path.write_text(json.dumps(BOX))
    return path


@pytest.fixture
def refused(run):
    """Runs a command that has to fail, in one line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert code == 2 and out == "" and err.count("\n") == 1
        return err

    return refused


def test_from_rows_to_a_dataset(run, box, tmp_path):
    words = ("--midi", "toy:in", *JACK, "--freewheel", "--no-rehearse")
    code, _, told = run("record", box, *words, "--check")
    assert code == 0 and "round trip 0.0" in told and "noise floor" in told
    code, _, told = run("record", box, *words, "--seed", 1, "--count", 4, "--out", "takes")
    assert code == 0 and "4 takes to record: about " in told and "load it with" in told
    assert load_takes(tmp_path / "takes", None, collection=box).sounds.shape == (4, 11_025)
    # It is finished: nothing is played any more, and nothing measured.
    code, _, told = run("record", box, *words, "--seed", 1, "--count", 4, "--out", "takes")
    assert code == 0 and "round trip" not in told


def test_inputs_are_listed(run, instrument):
    assert instrument
    code, out, _ = run("ports", "--audio", "--via", "jack")
    assert code == 0 and "toy:out" in out.splitlines()


def test_a_sound_is_heard_from_its_onset(run, tmp_path, instrument):
    """Somebody plays after the command listens."""
    assert instrument
    backend = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
    with backend.open_output("toy:in") as port:

        def play():
            time.sleep(1.5)
            port.send(mido.Message("note_on", note=69))

        player = threading.Thread(target=play)
        player.start()
        code, _, told = run("listen", *JACK, "--length", 1, "--wait", 20, "--only-record")
        player.join()
    assert code == 0 and "Listening to JACK, toy:out" in told, told
    sound, rate = soundfile.read(tmp_path / "listened.wav")
    first = np.argmax(np.abs(sound) > 0.05) / rate
    assert rate == 22_050 and 0.01 < first < 0.03 and 0.3 < len(sound) / rate <= 1.1


def test_a_match_is_sent(run, box, refused, tmp_path):
    run("record", box, "--midi", "toy:in", *JACK, "--freewheel", "--no-rehearse", "--rows", 1, "--out", "none")
    take = tmp_path / "take.wav"
    tone = 0.3 * np.sin(np.arange(11_025) * 0.12) * np.exp(-np.arange(11_025) / 2_000)
    soundfile.write(take, tone, 22_050)
    words = ("match", take, "--collection", "noisemaker-light", "--seconds", 0, "--out", "found")
    heard = mido.Backend("mido.backends.rtmidi/UNIX_JACK").open_input("machine", virtual=True)
    with heard:
        code, _, told = run(*words, "--send", "--port", "machine", "--send-unheard", "--midi-channel", 2)
        assert code == 0 and "messages of" in told
        until, found = time.monotonic() + 10, []
        while len(found) < 16 and time.monotonic() < until:
            found += heard.iter_pending()
            time.sleep(0.01)
    assert len(found) == 16 and {message.channel for message in found} == {1}
    assert "No MIDI port 'theremin'" in refused(*words, "--send", "--port", "theremin")
    assert "--port is where --send sends" in refused(*words, "--port", "machine")
    assert "--send is of one sound" in refused("match", take, take, "--send")


def test_what_goes_wrong(refused, box):
    words = ("record", box, "--midi", "toy:in", *JACK)
    assert "Give the folder of the dataset by --out" in refused(*words)
    assert "There is no MIDI channel 17" in refused(*words, "--out", "a", "--midi-channel", 17)
    assert "No JACK port for MIDI 'theremin'" in refused("record", box, "--midi", "theremin", *JACK, "--out", "a")
    assert "give cards or jack" in refused("record", box, "--midi", "a", "--audio", "b", "--via", "air", "--out", "a")
    assert "The gap is 5 s" in refused(*words, "--out", "a", "--gap", 5_000)
    assert "The round trip is 2 s" in refused(*words, "--out", "a", "--latency", 2_000)
    assert "has no rows of its own" in refused(*words, "--freewheel", "--out", "a")


def test_nothing_is_played(run, instrument):
    assert instrument
    code, _, told = run("listen", *JACK, "--wait", 0.3)
    assert code == 2 and "Nothing was heard in 0.3 s" in told and told.count("\n") == 2
    code, _, told = run("listen", *JACK, "--length", 99)
    assert code == 2 and "The length is 99 s" in told


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setitem(EXTRAS, "no_such_package", "record")
    with pytest.raises(InputError, match=r"Recording needs no_such_package, .*pip install 'secret_sauce_hf\[record\]'"):
        library("no_such_package", "Recording")
