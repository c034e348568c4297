"""`match --json`, parts of sounds and riffs on the command line, and `render --dry`."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.engines import render
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.presets import draw_presets


def test_a_line_for_every_sound_and_nothing_else(run):
    Path("d").mkdir()
    samples, rate = soundfile.read(demo_sound().path)
    soundfile.write("d/one.wav", samples, rate)
    Path("d/two.wav").write_text("no sound")
    code, out, err = run("match", "d", "gone.wav", "-c", "noisemaker-light", "--seconds", 0, "--json")
    assert code == 2
    one, two, gone = map(json.loads, out.splitlines())
    assert one["sound"] == "one.wav" and one["preset"] and one["files"] == {} and one["region"] == [0.0, 0.9]
    assert two == {"sound": "d/two.wav", "error": two["error"]} and "Not a sound file" in two["error"]
    assert gone == {"sound": "gone.wav", "error": "No such sound file: gone.wav."}
    assert err.count("secret-sauce: ") == err.count("\n") == 2
    assert [path.name for path in Path().iterdir()] == ["d"]


def test_files_are_written_where_they_are_wanted(run):
    options = ("--seconds", 0, "--json", "--out", "found", "--from", "0:00.5", "-c", "guitar")
    code, out, err = run("match", demo_sound().path, *options)
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert all(Path(path).is_file() for path in record["files"].values()) and "midi" in record["files"]
    saved = json.loads(Path(record["files"]["json"]).read_text())
    assert saved == {key: value for key, value in record.items() if key != "files"}
    assert record["sound_seconds"] == pytest.approx(0.9) and record["region"][1] > 0.5


def test_a_part_beyond_the_sound_is_one_line(run):
    code, out, err = run("match", demo_sound().path, "-c", "guitar", "--from", 5, "--seconds", 0)
    assert (code, out, err.count("\n")) == (2, "", 1) and "starts at 5 s, but the sound ends at 0.90 s" in err


def test_a_riff_goes_through_the_rack(run):
    clean = render(draw_presets("guitar", 1, 3))[0]
    soundfile.write("dry.wav", np.concatenate([clean, clean]), 22_050)
    on = ("--set", "disto_on_off=on", "--set", "disto_drive=9")
    code, _, err = run("render", "guitar", "--dry", "dry.wav", *on, "--out", "wet")
    assert code == 0, err
    wet, rate = soundfile.read("wet/s0.wav")
    assert rate == 22_050 and len(wet) == 2 * len(clean) and np.abs(wet).max() > 0.01
    assert run("render", "guitar", "--dry", "dry.wav", "--clean", "--set", "disto_on_off=off", "--out", "same")[0] == 0
    same, _ = soundfile.read("same/s0.wav")
    sound, _ = soundfile.read("dry.wav")
    assert np.square(same - sound).sum() < 0.01 * np.square(sound).sum()
    code, out, err = run("match", "wet/s0.wav", "--dry", "dry.wav", "--renders", 0, "--json")
    assert code == 0, err
    record = json.loads(out)
    # Two models know the rack; what either finds is it.
    assert record["collection"] in ("guitar", "guitar-notes") and record["dry"] == "dry.wav"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("render", "guitar", "--dry", "long.wav"), "has 31.0 s; cut it to at most 30 s"),
        (("render", "guitar", "--dry", "dry.wav", "--note", "C2"), "--dry is what is played"),
        (("render", "noisemaker", "--dry", "dry.wav", "--set", "filter_cutoff=5"), "makes its sound itself"),
    ],
)
def test_what_cannot_be_fed_is_one_line(run, options, message):
    soundfile.write("dry.wav", np.zeros(2_000), 22_050)
    soundfile.write("long.wav", np.zeros(31 * 8_000), 8_000)
    more = () if "noisemaker" in options else ("--set", "disto_on_off=on")
    code, out, err = run(*options, *more, "--out", "wet")
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert message in err and not Path("wet").exists()


def test_help_teaches():
    text = CliRunner().invoke(cli.app, ["match", "--help"], terminal_width=200).output
    for option in ("--from", "--to", "--region", "--dry", "--json"):
        assert option in text
