"""What the rows of a command play: a note, a clip, or what a file of rows says."""

import csv
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import mido
import numpy as np
import pytest
import soundfile

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data import load_takes, write_sounds
from secret_sauce_hf.engines import Engine, Job, registry
from secret_sauce_hf.instruments import Note, get_collection, with_seconds
from secret_sauce_hf.midi import preset_midi_file, read_clip, write_midi_file
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.rows import read_rows

LIGHT = get_collection("noisemaker-light")
NAME = LIGHT.name
RIFF = (Note(48, 90, 0.0, 0.25), Note(55, 64, 0.25, 0.25), Note(59, 100, 0.25, 0.5), Note(62, 100, 0.25, 0.5))


class Steps(Engine):
    """Plays every note as its pitch and velocity, in hundreds and ones, so that a take tells what was played."""

    name = "noisemaker"
    version = "steps-1"
    parameters = LIGHT.instrument.parameters
    remembers = True
    plays: ClassVar[range] = range(24, 97)
    voices: ClassVar[int] = 2

    def _render(self, job: Job) -> np.ndarray:
        takes = np.zeros((len(job.presets), job.presets.collection.samples), np.int16)
        for row, take in enumerate(takes):
            for note in job.presets.performances[row]:
                take[round(note.onset * 22_050) : round(note.end * 22_050)] = 100 * note.pitch + note.velocity
        if job.preceding is not None:
            takes[0, -1] = job.preceding.collection.samples
        return takes


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setattr(registry, "_named", lambda _: Steps())


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(csv_of(draw_presets(LIGHT, 2, 1)))

    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert stop.value.code == code, err
        return out, err

    return run


@pytest.fixture
def fails(run, tmp_path):
    def fails(message, *arguments):
        before = sorted(tmp_path.rglob("*"))
        out, err = run(*arguments, code=2)
        assert out == "" and err.count("\n") == 1, err
        assert re.search(message, err), err
        assert sorted(tmp_path.rglob("*")) == before

    return fails


def csv_of(presets: Presets) -> str:
    text = io.StringIO()
    presets.to_csv(text)
    return text.getvalue()


def write_clip(path="riff.mid", notes=RIFF) -> None:
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    write_midi_file(preset_midi_file(LIGHT, row, notes=notes), Path(path))


def sound(path) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0]


def played(path) -> list[tuple[int, float, float]]:
    """What the file of a take tells: of every note pitch and velocity in one number, its onset and its end."""
    take = sound(path)
    edges = [0, *(np.flatnonzero(np.diff(take)) + 1).tolist(), len(take)]
    steps = [(int(take[a]), round(a / 22_050, 3), round(b / 22_050, 3)) for a, b in pairwise(edges)]
    return [step for step in steps if step[0]]


# One note


def test_one_preset_with_a_note(run):
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    Path("one.json").write_text(json.dumps({"preset": row}))
    options = ("--note", "C2", "--velocity", 90, "--seconds", 2)
    _, err = run("render", NAME, "--presets", "one.json", *options, "--out", "sounds")
    assert err == "sounds: 1 sound of noisemaker-light.\n"
    assert len(sound("sounds/s0.wav")) == 44_100
    # Let go a tenth of a second before the end.
    assert played("sounds/s0.wav") == [(4890, 0.067, 1.9)]


@pytest.mark.parametrize(
    ("options", "step"),
    [
        ((), (6120, 0.067, 0.9)),
        (("--note", "36"), (3720, 0.067, 0.9)),
        (("--velocity", 1), (6001, 0.067, 0.9)),
        (("--note", "F#2", "--duration", 0.2), (5520, 0.067, 0.267)),
        (("--seconds", 0.3), (6120, 0.067, 0.3)),
        (("--note", "60", "--seconds", 0.3), (6120, 0.067, 0.2)),
        (("--note", "60", "--seconds", 0.06), (6120, 0.03, 0.045)),
        (("--note", "60", "--duration", 9, "--seconds", 1), (6120, 0.067, 1.0)),
    ],
)
def test_what_is_not_asked_for_is_the_collections(run, options, step):
    run("render", NAME, "--presets", "rows.csv", *options, "--out", "sounds")
    assert played("sounds/s0.wav") == played("sounds/s1.wav") == [step]


def test_presets_with_a_note_are_a_table(run):
    out, err = run("presets", NAME, "--presets", "rows.csv", "--note", "Bb1", "--velocity", 5, "--duration", 0.25)
    (first, second) = csv.DictReader(io.StringIO(out))
    assert err == "" and (first["note"], second["velocity"]) == ("46", "5")
    Path("low.csv").write_text(out)
    run("render", NAME, "--presets", "low.csv", "--out", "sounds")
    assert played("sounds/s1.wav") == [(4605, 0.067, 0.317)]
    out, _ = run("presets", NAME, "--presets", "rows.csv")
    assert out == Path("rows.csv").read_text()


def test_presets_of_another_length_are_json_lines(run, fails):
    out, _ = run("presets", NAME, "--seed", 1, "--count", 2, "--seconds", 1.5)
    (presets,) = read_rows(LIGHT, io.StringIO(out))
    assert presets == Presets(with_seconds(LIGHT, 1.5), presets.unit)
    out, _ = run("presets", NAME, "--presets", "rows.csv", "--format", "jsonl")
    assert json.loads(out.splitlines()[1])["notes"][0]["pitch"] == 60
    fails("leave out --format csv", "presets", NAME, "--count", 1, "--seconds", 2, "--format", "csv")


# A clip


def test_every_row_plays_a_clip(run):
    write_clip()
    _, err = run("render", NAME, "--presets", "rows.csv", "--clip", "riff.mid", "--out", "sounds")
    assert err.splitlines()[0] == (
        "riff.mid: 1 of 4 notes start while all 2 voices of noisemaker are held: each takes the voice of another."
    )
    assert played("sounds/s1.wav") == [(4890, 0, 0.25), (6300, 0.25, 0.75)]
    assert len(sound("sounds/s1.wav")) == round(1.25 * 22_050)
    run("render", NAME, "--presets", "rows.csv", "--clip", "riff.mid", "--seconds", 0.2, "--out", "short")
    assert played("short/s0.wav") == [(4890, 0, 0.2)]


def test_rows_that_play_a_clip_go_in_and_out(run, fails):
    write_clip()
    out, err = run("presets", NAME, "--presets", "rows.csv", "--clip", "riff.mid")
    assert err == ""
    Path("riffs.jsonl").write_text(out)
    (presets,) = read_rows(LIGHT, "riffs.jsonl")
    assert len(presets) == 2 and [note.pitch for note in presets.performances[1]] == [48, 55, 59, 62]
    run("render", NAME, "--rows", "riffs.jsonl", "--out", "sounds")
    assert played("sounds/s1.wav") == [(4890, 0, 0.25), (6300, 0.25, 0.75)]
    _, err = run("midi-track", NAME, "one.mid", "--rows", "riffs.jsonl", "--row", 1)
    assert err == "one.mid: row 1 of 2, a clip of 1.25 s.\n"
    assert read_clip("one.mid").notes == read_clip("riff.mid").notes
    fails("There is no row 2: there are 2, and", "midi-track", NAME, "x.mid", "--rows", "riffs.jsonl", "--row", 2)
    run("midi-track", NAME, "all.mid", "--rows", "riffs.jsonl")
    assert sum(message.type == "note_on" for message in mido.MidiFile("all.mid").tracks[0]) == 8
    # What rows play is replaced, wherever it lies.
    options = ("--rows", "riffs.jsonl", "--note", "C2", "--seconds", 0.2, "--out", "low")
    run("render", NAME, *options)
    assert played("low/s0.wav") == [(4920, 0.067, 0.133)]


def test_channels_are_counted_from_1(run, fails):
    messages = []
    for channel in (0, 3):
        messages += [mido.Message("note_on", note=60 + channel, velocity=90, channel=channel)]
        messages += [mido.Message("note_off", note=60 + channel, channel=channel, time=240)]
    mido.MidiFile(tracks=[mido.MidiTrack(messages)]).save("two.mid")
    options = ("render", NAME, "--presets", "rows.csv", "--clip", "two.mid", "--out")
    run(*options, "four", "--channel", 4)
    assert played("four/s0.wav") == [(6390, 0.25, 0.5)]
    _, err = run(*options, "both")
    assert err.startswith("two.mid: the channels 1, 4 are played together: choose one with --channel.\n")
    fails("two.mid has no notes on channel 2; there are some on 1, 4", *options, "none", "--channel", 2)
    fails("--channel 0: MIDI channels are 1 to 16", *options, "none", "--channel", 0)


# Files of rows


def test_rows_of_several_lengths_follow_each_other(run):
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    note = {"onset": 0, "duration": 0.1, "pitch": 40, "velocity": 1}
    rows = [{"preset": row, "seconds": seconds, "notes": [note]} for seconds in (0.5, 0.5, 0.25, 0.5)]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run("render", NAME, "--rows", "rows.jsonl", "--in-session", "--out", "sounds")
    takes = [sound(f"sounds/s{number}.wav") for number in range(4)]
    assert [len(take) for take in takes] == [11_025, 11_025, 5_512, 11_025]
    assert [int(take[-1]) for take in takes] == [0, 0, 11_025, 5_512]
    run("render", NAME, "--rows", "rows.jsonl", "--seconds", 0.3, "--out", "alike")
    assert {len(sound(path)) for path in Path("alike").iterdir()} == {6_615}


# Builds


def test_a_build_plays_it(run, fails):
    write_clip()
    options = ("build", NAME, "--seed", 1, "--count", 5, "--out", "built")
    _, err = run(*options, "--clip", "riff.mid")
    assert "1 of 4 notes start while all 2 voices" in err
    takes = load_takes("built")
    assert takes.sounds.shape == (5, round(1.25 * 22_050))
    assert np.rint(takes.sounds[4, 10_000] * 32_768) == 6300
    fails("built holds another build.*plays.*choose another folder", *options, "--note", "C2")
    command = re.search("secret-sauce build .*", Path("built/README.md").read_text())
    assert command is not None and "--seconds 1.25 --clip CLIP.mid" in command[0]
    run(*options[:-1], "low", "--note", "C2", "--seconds", 2)
    card = Path("low/README.md").read_text()
    assert re.search("--seconds 2.0 --note 48 --velocity 120 --duration 1.83", card)


# Mistakes


@pytest.mark.parametrize("command", [("render", NAME, "--presets", "rows.csv"), ("build", NAME)])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--note", 128), "'128' is no MIDI note; give 0 to 127, or C-2 to G8"),
        (("--note", "H1"), "'H1' is no pitch; give a MIDI number from 0 to 127, or a name such as C2"),
        (("--note", "B-1"), "the pitch is 23, and what is played here goes from 24 to 96"),
        (("--note", 100), "(row 0|what every row plays), note 0: the pitch is 100, and .* goes from 24 to 96"),
        (("--velocity", 0), "note 0: the velocity is 0 .which MIDI takes for a note-off.; give 1 to 127"),
        (("--velocity", 128), "the velocity is 128; give 1 to 127"),
        (("--duration", 0), "the duration is 0.0; give seconds above 0"),
        (("--duration", -1), "the duration is -1.0"),
        (("--duration", "nan"), "the duration is nan"),
        (("--seconds", 31), "A take of 31.0 seconds is none; give 0.05 to 30 seconds"),
        (("--seconds", -2), "A take of -2.0 seconds is none"),
        (("--seconds", "long"), "--seconds"),
        (("--channel", 1), "--channel chooses among the channels of a --clip"),
        (("--clip", "riff.mid", "--note", "C2"), "--clip says what is played: leave out --note"),
        (("--clip", "gone.mid"), "No such file: gone.mid"),
        (("--clip", "rows.csv"), "rows.csv is not a MIDI file"),
        (("--clip", "empty.mid"), "empty.mid has no notes"),
        (("--clip", "hour.mid"), "hour.mid lasts 3600 s, a take at most 30"),
        (("--clip", "high.mid"), "high.mid, note 0: the pitch is 120, and what is played here goes from 24 to 96"),
        (("--clip", "riff.mid", "--seconds", 40), "A take of 40.0 seconds is none"),
    ],
)
def test_what_cannot_be_played_is_one_line_and_makes_nothing(fails, command, options, message):
    write_clip()
    write_clip("high.mid", [Note(120, 1, 0, 1)])
    mido.MidiFile(tracks=[mido.MidiTrack()]).save("empty.mid")
    hour = mido.MidiTrack([mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=960 * 3600)])
    mido.MidiFile(tracks=[hour], ticks_per_beat=480).save("hour.mid")
    fails(message, *command, *options, "--out", "made")


def test_rows_that_play_notes_of_their_own(fails):
    note = {"onset": 0, "duration": 0.1, "pitch": 20, "velocity": 1}
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    Path("rows.jsonl").write_text("\n".join(json.dumps({"preset": row, "notes": [note]}) for _ in range(2)))
    options = ("render", NAME, "--rows", "rows.jsonl", "--out", "made")
    fails("row 0, note 0: the pitch is 20, and what is played here goes from 24 to 96", *options)
    fails("with --velocity or --duration give --note, for all", *options, "--velocity", 3)
    Path("rows.jsonl").write_text(json.dumps({"preset": row, "tempo": 1}))
    fails(r"row 0 \(line 1\): unknown key 'tempo'", *options)
    Path("rows.jsonl").write_text("")
    fails("The table has no rows", *options)
    fails("unknown column 'lfo1_rate'", "render", "guitar", "--presets", "rows.csv", "--out", "made")
    fails("rows.csv would be overwritten", "midi-track", NAME, "rows.csv", "--presets", "rows.csv")
    write_clip()
    fails(
        "riff.mid would be overwritten", "midi-track", NAME, "riff.mid", "--seed", 1, "--count", 1, "--clip", "riff.mid"
    )


def test_takes_that_differ_in_length_are_those_of_one_by_one(tmp_path):
    """Rendered at once, each row keeps its number, and so its noise; what fails leaves the rest undone."""

    class Numbered(Steps):
        def _render(self, job):
            numbers = np.arange(job.first_row, job.first_row + len(job.presets), dtype=np.int16)
            return np.repeat(numbers[:, None], job.presets.collection.samples, axis=1)

    rows = draw_presets(LIGHT, 50, 1)
    parts = [
        Presets(with_seconds(LIGHT, 0.1 + (row // 3) / 100), rows.unit[row : row + 3], rows.files[row : row + 3])
        for row in range(0, 50, 3)
    ]
    folder = write_sounds(parts, tmp_path / "sounds", engine=Numbered(), progress=False)
    for row, name in enumerate(rows.files):
        take = sound(folder / name)
        assert set(take.tolist()) == {row} and len(take) == parts[row // 3].collection.samples

    class Failing(Numbered):
        def _render(self, job):
            if job.first_row == 9:
                raise OSError("the disk is full")
            return super()._render(job)

    with pytest.raises(OSError, match="the disk is full"):
        write_sounds(parts, tmp_path / "failed", engine=Failing(), progress=False)


def test_takes_too_short_for_what_rows_play(fails):
    options = ("presets", "noisemaker-notes", "--count", 2, "--seconds", 0.08)
    fails("row 0, note 0: it starts at 0.1 s, and the take lasts 0.08 s; let it start within the take", *options)
