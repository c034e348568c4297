"""Recording an instrument: real JACK servers, amsynth, and a toy with every fault that an instrument may have."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from jack_machines import amsynth, have, jack_server, toy

from secret_sauce_hf.data import load_takes
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.from_instrument import KEPT, record_collection
from secret_sauce_hf.engines.hardware import recorder as recording
from secret_sauce_hf.engines.hardware.levels import is_clipped, likeness, onset
from secret_sauce_hf.engines.hardware.opening import open_link, sound_inputs
from secret_sauce_hf.engines.hardware.recorder import Calibration, Recorder
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.presets import draw_presets

pytestmark = pytest.mark.skipif(not have("jackd", "jack", "rtmidi"), reason="needs a JACK server and its client")

FOUND = Calibration(latency=0.0, spread=0.0, floor=0.0, level=0.5, sounding=8, clipped=0, tried=8, pace=1.0, alike=1.0)
"""What would be found out; measuring it again takes longer than the test."""


def declared(folder: Path, name: str, **controls: int) -> Path:
    parameters = [
        {"kind": "knob", "name": one, "control": number, "range": [20, 110], "about": one}
        for one, number in controls.items()
    ]
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps(
            {
                "name": name,
                "title": name,
                "instrument": {"name": name, "title": name},
                "take": {"seconds": 0.5, "note_on": 0.05, "note_off": 0.4},
                "parameters": parameters,
            }
        )
    )
    return path


@pytest.fixture(scope="module")
def server():
    with jack_server() as name:
        yield name


@pytest.fixture(scope="module")
def synth(server, tmp_path_factory):
    """amsynth on the server, and its declaration."""
    assert server
    if not have("amsynth"):
        pytest.skip("needs amsynth")
    home = tmp_path_factory.mktemp("home")
    with amsynth(home):
        controls = {"filter_cutoff": 74, "filter_resonance": 71, "amp_attack": 73, "osc2_detune": 76}
        yield declared(home, "amsynth", **controls)


@pytest.fixture
def box(server, tmp_path):
    """The toy's declaration."""
    assert server
    return declared(tmp_path, "toy", level=19, brightness=20)


def toy_link(**options):
    return open_link("jack", "toy:in", "toy:out", freewheel=True, **options)


class TestAmsynth:
    def test_takes_repeat_whatever_came_before(self, synth):
        with open_link("jack", "amsynth", "amsynth:L", freewheel=True) as link:
            recorder = Recorder(synth, link)
            found = recorder.prepare()
            presets = draw_presets(synth, 6, 1)
            takes = recorder.render(presets)
            order = [3, 1, 5, 0, 2, 4]
            again = recorder.render(presets[order])
        assert takes.dtype == np.int16 and takes.shape == (6, 11_025)
        assert found.spread <= 0.001 and found.latency < 0.01 and found.sounding > 4 and found.clipped == 0
        assert min(likeness(takes[row], again[at]) for at, row in enumerate(order)) >= 0.99
        # Different presets sound different.
        assert likeness(takes[1], takes[2]) < 0.99
        starts = [onset(take / 32_768, 0.0) for take in takes]
        # The first note is asked for 50 ms into the take; an attack comes after it.
        assert all(one is not None and one >= round(0.049 * 22_050) for one in starts)
        assert not any(recorder.retakes.values())

    def test_what_came_before_is_heard_without_a_rehearsal(self, synth):
        with open_link("jack", "amsynth", "amsynth:L", freewheel=True) as link:
            # That is why it is found out whether there has to be one.
            assert Recorder(synth, link, rehearses=False).prepare().alike < 0.99
            recorder = Recorder(synth, link)
            assert recorder.prepare().alike >= 0.99 and recorder.rehearses

    def test_in_real_time(self, synth):
        presets = draw_presets(synth, 2, 1)
        with open_link("jack", "amsynth", "amsynth:L", freewheel=True) as link:
            fast = Recorder(synth, link, latency=0.0, rehearses=True).render(presets)
        with open_link("jack", "amsynth", "amsynth:L") as link:
            recorder = Recorder(synth, link, latency=0.0, rehearses=True)
            assert link.waits
            # What is found out before takes longer than the takes.
            recorder.calibration = FOUND
            slow = recorder.render(presets)
        assert min(map(likeness, fast, slow)) >= 0.99

    def test_a_dataset_that_is_read_as_any_other(self, synth, tmp_path):
        told = []
        with open_link("jack", "amsynth", "amsynth:L", freewheel=True) as link:
            recorder = Recorder(synth, link)
            out = record_collection(recorder, tmp_path / "takes", seed=1, count=10, progress=False)
            recorder.tell = told.append
            # It is finished: nothing is played again.
            recorder.kept = 0
            record_collection(recorder, out, seed=1, count=10, progress=False)
            assert recorder.kept == 0
        assert not (out / KEPT).exists()
        plan = finished_plan(out, get_collection(synth))
        assert plan is not None and plan.engine.label == "amsynth recorded 1 (JACK, amsynth:L out, 22,050 Hz)"
        takes = load_takes(out, "train", collection=synth)
        assert takes.sounds.shape == (8, 11_025) and np.abs(takes.sounds).max() > 0.01
        card = (out / "README.md").read_text()
        assert "The sounds are the instrument's own, recorded 1 (JACK" in card
        with pytest.raises(InputError, match="record the instrument"):
            plan.engine.render(takes.presets)


class TestInterrupted:
    def test_killed_in_the_middle(self, box, tmp_path):
        """The takes that there were are the dataset's; a row is not recorded twice."""
        out = tmp_path / "takes"
        words = ["--via", "jack", "--freewheel", "--midi", "toy:in", "--audio", "toy:out", "--no-rehearse"]
        words += ["--seed", 3, "--count", 24, "--out", out]
        command = [sys.executable, "-m", "secret_sauce_hf", "record", box, *words]
        with toy("hiss"):
            with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
                until = time.monotonic() + 40
                while len(list((out / KEPT).glob("*.take"))) < 2 and time.monotonic() < until:
                    time.sleep(0.05)
                run.kill()
            kept = {path.name: path.read_bytes() for path in (out / KEPT).glob("*.take")}
            assert 2 <= len(kept) < 24
            with toy_link() as link:
                recorder = Recorder(box, link, rehearses=False)
                record_collection(recorder, out, seed=3, count=24, progress=False)
                # Noise makes every take another one: these were not made again.
                assert recorder.kept == 24
        takes = load_takes(out, None, collection=box)
        for name, content in kept.items():
            row = int(name.split("-")[0])
            sound = np.rint(takes.sounds[row] * 32_768).astype(np.int16)
            assert np.array_equal(sound, np.frombuffer(content, "<i2"))

    def test_an_instrument_that_goes_in_the_middle(self, box, tmp_path):
        # In real time: a server that runs freely waits for a program that has left it for many seconds.
        with toy("die=5"), open_link("jack", "toy:in", "toy:out") as link:
            recorder = Recorder(box, link, rehearses=False)
            recorder.calibration = FOUND
            with pytest.raises(InputError, match=r"'toy:(in|out)' is gone.* takes are safe: the same command") as fault:
                record_collection(recorder, tmp_path / "takes", seed=3, count=12, progress=False)
        assert "\n" not in str(fault.value)
        with toy(), toy_link() as link:
            again = Recorder(box, link, rehearses=False)
            record_collection(again, tmp_path / "takes", seed=3, count=12, progress=False)
        assert again.kept == 12 and 0 < recorder.kept < 12

    def test_another_dataset_in_the_folder(self, box, tmp_path):
        with toy(), toy_link() as link:
            recorder = Recorder(box, link, rehearses=False)
            recorder.calibration = FOUND
            record_collection(recorder, tmp_path / "takes", seed=3, count=2, progress=False)
            with pytest.raises(InputError, match=r"holds another build \(seed"):
                record_collection(recorder, tmp_path / "takes", seed=4, count=2, progress=False)
            record_collection(recorder, tmp_path / "takes", seed=4, count=2, overwrite=True, progress=False)


class TestFaults:
    def test_a_silent_input(self, box):
        with toy("mute=0"), toy_link() as link, pytest.raises(InputError, match="No sound came in from any of 8"):
            Recorder(box, link).prepare()

    def test_an_input_that_falls_silent(self, box, tmp_path):
        with toy("mute=40"), toy_link() as link:
            recorder = Recorder(box, link, rehearses=False)
            with pytest.raises(InputError, match=r"No sound comes in any more, from row \d+ on") as fault:
                record_collection(recorder, tmp_path / "takes", seed=3, count=60, progress=False)
        # None of the silent takes is kept.
        kept = [np.frombuffer(path.read_bytes(), "<i2") for path in (tmp_path / "takes" / KEPT).glob("*.take")]
        assert len(kept) == recorder.kept and min(np.abs(take).max() for take in kept) > 100
        assert f"{len(kept)} takes are safe" in str(fault.value)

    def test_a_clipping_input(self, box):
        told = []
        with toy("clip"), toy_link() as link:
            with pytest.raises(InputError, match=r"of 8 sounds clip the input: turn it down, or keep"):
                Recorder(box, link).prepare()
            recorder = Recorder(box, link, keep_clipped=True, tell=told.append)
            recorder.prepare()
            assert any("clip the input" in line for line in told)
            # Where only a row clips, it is lost, and the others are not.
            recorder = Recorder(box, link)
            recorder.calibration = FOUND
            presets = draw_presets(box, 6, 3)
            lost = {}
            for row in range(6):
                try:
                    recorder.render(presets[row : row + 1], first_row=row)
                except InputError as error:
                    lost[row] = error.reasons[0]
        assert set(lost.values()) == {"clips the input"} and recorder.retakes["clips the input"] == len(lost)

    def test_ports_that_are_not_there(self, server):
        assert server
        with toy():
            for midi, audio, why in (
                ("theremin", "toy:out", r"No JACK port for MIDI 'theremin'; there is .*toy:in"),
                ("toy:in", "theremin", "No JACK port with sound 'theremin'; there is "),
                ("toy:in", "system", "give more of its name"),
                ("toy:in", "system:capture_1", "a sound card's: freewheel is for"),
            ):
                with pytest.raises(InputError, match=why):
                    open_link("jack", midi, audio, freewheel=True)
            assert "toy:out" in sound_inputs("jack")
        with pytest.raises(InputError, match="give cards or jack"):
            open_link("wires", "a", "b")
        with pytest.raises(InputError, match="Freewheel is JACK's"):
            open_link("cards", "a", "b", freewheel=True)
        with pytest.raises(InputError, match="has its own rate"):
            open_link("jack", "a", "b", rate=44_100)

    def test_no_server(self, monkeypatch):
        monkeypatch.setenv("JACK_DEFAULT_SERVER", f"none-{os.getpid()}")
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        with pytest.raises(InputError, match="No JACK server runs"):
            open_link("jack", "a", "b")

    def test_a_server_that_dies(self, tmp_path):
        box = declared(tmp_path, "toy", level=19, brightness=20)
        with jack_server() as name, toy(), open_link("jack", "toy:in", "toy:out") as link:
            recorder = Recorder(box, link, rehearses=False)
            # By its number: other servers may run.
            pids = subprocess.run(["pgrep", "-f", f"jackd.* {name} "], capture_output=True, text=True).stdout.split()
            threading.Timer(1.0, lambda: [os.kill(int(pid), signal.SIGTERM) for pid in pids]).start()
            with pytest.raises(InputError, match="JACK server is gone"):
                recorder.prepare()

    def test_what_midi_does_not_set(self, tmp_path, server):
        assert server
        path = declared(tmp_path, "toy", level=19)
        content = json.loads(path.read_text())
        content["parameters"].append({"kind": "knob", "name": "hidden", "about": "by hand"})
        path.write_text(json.dumps(content))
        with toy(), toy_link() as link, pytest.raises(InputError, match="No controller sets hidden"):
            Recorder(path, link)


class TestReadBack:
    """The toy answers as the Sub Phatty is said to; CC 19 is its cutoff."""

    def recorder(self, link):
        recorder = Recorder("subphatty", link, rehearses=False)
        recorder.calibration = FOUND
        return recorder

    def test_a_patch_that_arrives(self, server):
        assert server
        with toy("drop=19"), toy_link(back="toy:answers") as link:
            recorder = self.recorder(link)
            recorder.render(draw_presets("subphatty", 2, 1))
        # What was lost is sent again.
        assert recorder.retakes == {"had another patch than was sent": 1}

    def test_a_patch_that_does_not(self, server):
        assert server
        with toy("deaf=19"), toy_link(back="toy:answers") as link, pytest.raises(InputError) as lost:
            self.recorder(link).render(draw_presets("subphatty", 1, 1))
        assert "does not take its patch (CC 19 is 64, not " in lost.value.reasons[0]

    def test_who_can_answer(self, box):
        with toy(), toy_link(back="toy:answers") as link, pytest.raises(InputError, match="only of subphatty"):
            Recorder(box, link)


class TestCards:
    """PortAudio and rtmidi, both by a JACK server, as on a machine with a sound card."""

    @pytest.fixture(autouse=True)
    def needs(self):
        if not have("sounddevice"):
            pytest.skip("needs sounddevice")

    def test_takes_by_two_clocks(self, tmp_path, monkeypatch):
        for name, fewer in (("PROBES", 1), ("REPEATS", 2)):
            monkeypatch.setattr(recording, name, fewer)
        box = declared(tmp_path, "toy", level=19, brightness=20)
        # Another rate than that of takes, and a period in which Python is never late.
        with jack_server(44_100, 2_048), toy():
            with open_link("cards", "toy:in", "toy", api="jack") as link:
                assert link.rate == 44_100 and link.label == "toy, channel 1" and not link.exact
                recorder = Recorder(box, link, rehearses=False)
                found = recorder.prepare()
                assert 0.001 < found.latency < 0.1 and found.spread < 0.1
                presets = draw_presets(box, 2, 3)
                takes = [recorder.render(presets) for _ in range(3)]
                link.check()
            for refused, why in (
                ({"rate": 22_050}, "toy does not record at 22,050 Hz"),
                ({"rate": 1}, "The rate is 1 Hz"),
                ({"channel": 2}, "toy has no channel 2"),
            ):
                with pytest.raises(InputError, match=why):
                    open_link("cards", "toy:in", "toy", api="jack", **refused)
            with pytest.raises(InputError, match="No sound input 'theremin'; there is "):
                open_link("cards", "toy:in", "theremin", api="jack")
            with pytest.raises(InputError, match="No MIDI port 'theremin'; there is toy:in"):
                open_link("cards", "theremin", "toy", api="jack")
        for same in zip(*takes, strict=True):
            starts = [onset(take / 32_768, 0.0) for take in same]
            # Two of three at the note of 50 ms, give or take 5: a machine with much else to do is late itself.
            good = [take for take, start in zip(same, starts, strict=True) if abs(start - 1_102) <= 110]
            assert len(good) >= 2, starts
            assert likeness(good[0], good[1], 220) >= 0.95, starts


def test_what_levels_say():
    sine = np.sin(np.linspace(0, 60, 4_000))
    assert not is_clipped(0.999 * sine) and not is_clipped(3 * sine) and is_clipped(np.clip(1.2 * sine, -1, 1))
    assert not is_clipped(np.zeros(2))
    late = np.concatenate([np.zeros(100), sine[40:]])
    assert onset(late, 0.0) == 100 and onset(np.zeros(50), 0.0) is None and onset(0.01 * sine, 0.01) is None
    assert likeness(sine[:3_000], sine[5:3_005], 10) > 0.998 and likeness(sine, np.zeros(4_000)) == 0.0
    assert likeness(sine, -sine) < -0.99


def test_the_example_goes_all_the_way(tmp_path):
    """Declared, recorded, answered, sent back, recorded again, compared; without the minutes of training."""
    if not have("amsynth"):
        pytest.skip("needs amsynth")
    words = ["--takes", "12", "--references", "2", "--epochs", "0"]
    example = Path(__file__).parents[2] / "examples" / "record_amsynth.py"
    done = subprocess.run([sys.executable, example, tmp_path, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "made again: none" in done.stdout and "nearest take: " in done.stdout
    assert float(done.stdout.partition("correlation at least ")[2].split()[0].rstrip(".")) >= 0.99
