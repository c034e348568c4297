"""`secret-sauce match --bank`: a preset of one's own, told with its name."""

import json
import re
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.engines import render
from secret_sauce_hf.presets import draw_presets

DRAWN = draw_presets("noisemaker-light", 80, 51)


@pytest.fixture
def run(run):
    """Runs the command in a folder with a sound and a bank, see `run` of all commands."""
    soundfile.write("bass.wav", render(DRAWN[[7]], noise_seed=3)[0], 22_050)
    Path("bank").mkdir()
    with Path("bank/mine.csv").open("w") as file:
        DRAWN.to_csv(file)
    return run


def test_the_name_is_told_and_written(run):
    options = ("-c", "noisemaker-light", "--bank", "bank")
    code, out, err = run("match", "bass.wav", *options, "--candidates", 2, "--out", "found")
    assert (code, err) == (0, "")
    assert "In the bank of 80 presets: mine.csv, row 7." in out
    assert re.search(r"^ *1 +0\.\d\d dB +mine\.csv, row 7", out, re.MULTILINE), out
    record = json.loads(Path("found/bass.json").read_text())
    assert record["candidates"][0]["name"] == "mine.csv, row 7" and record["bank"] == 80
    # What was written is a bank again.
    code, out, err = run("match", "bass.wav", *options[:2], "--bank", "found/bass.json", "--json", "--candidates", 2)
    assert (code, err) == (0, "")
    assert [one["name"] for one in json.loads(out)["candidates"]] == ["bass.json"]
    code, _, err = run("match", "bass.wav", *options[:2], "--bank", "found/bass.json", "--candidates", 2)
    assert (code, err) == (0, "1 of the 2 presets asked for are in the bank.\n")


def test_a_model_says_whose_presets_the_bank_has(run):
    given = ("--model", "noisemaker-light", "--bank", "bank", "--seconds", 0, "--json")
    code, out, err = run("match", "bass.wav", "bass.wav", *given)
    assert (code, err) == (0, "")
    one, other = map(json.loads, out.splitlines())
    assert one["candidates"] == other["candidates"] and one["candidates"][0]["origin"] == "bank"
    assert one["ranking"] == "how well they fit what the model hears" and one["renders"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bank", "bank"), "--bank has presets of one collection: give it by --collection"),
        (("-c", "noisemaker-light", "--bank", "gone"), "No such bank: gone"),
        (("-c", "noisemaker-light", "--bank", "empty"), "The bank empty holds no presets: no file in it ends in"),
        (("-c", "subphatty", "--bank", "bank/mine.csv"), "bank/mine.csv: "),
        (("-c", "noisemaker-light", "--bank", "bank", "--takes", "empty"), "--bank and --takes are two ways"),
        (
            ("-c", "noisemaker-light", "--bank", "bank/bass.json", "--out", "bank"),
            "bank/bass.json would be overwritten",
        ),
    ],
)
def test_what_is_no_bank_is_one_line(run, options, message):
    Path("empty").mkdir()
    Path("bank/bass.json").write_text(json.dumps(next(DRAWN.rows())))
    code, out, err = run("match", "bass.wav", *options)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert message in err


def test_help_tells_of_it():
    text = CliRunner().invoke(cli.app, ["match", "--help"], terminal_width=200).output
    assert "--bank" in text and "one of your own presets" in text
