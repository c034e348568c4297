"""What the commands are given and where they write: told at once, and no input is lost."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from secret_sauce_hf.cli.inputs import sources
from secret_sauce_hf.instruments import InputError, get_collection, write_declaration
from secret_sauce_hf.matching import demo_sound, match
from secret_sauce_hf.modeling import checkpoint_path, load_pipeline
from secret_sauce_hf.presets import draw_presets

TONE = (0.5 * np.sin(np.arange(9_000) / 12)).astype(np.float32)


def write_tone(path: Path) -> bytes:
    path.parent.mkdir(exist_ok=True)
    content = io.BytesIO()
    soundfile.write(content, TONE, 22_050, format="WAV")
    path.write_bytes(content.getvalue())
    return content.getvalue()


def write_table(path: Path, collection: str = "noisemaker-light", count: int = 2) -> None:
    table = io.StringIO()
    draw_presets(collection, count, 3).to_csv(table)
    path.write_text(table.getvalue())


def fails(result, pattern: str) -> None:
    code, out, err = result
    assert (code, out, err.count("\n")) == (2, "", 1), result
    assert re.search(pattern, err), err


MISTAKES = [
    (["match", "gone.wav"], "No such sound file: gone.wav"),
    (["match", "TONE.wav"], "No such sound file: TONE.wav; there is tone.wav"),
    (["match", "tone.wav", "empty"], "No such sound file: empty is a folder, and no sound is in it"),
    (["match", "tone.wav", "--model", "gone"], "No such checkpoint folder: gone"),
    (["match", "tone.wav", "--takes", "gone"], "gone is neither a folder nor the id of a dataset"),
    (["match", "tone.wav", "--takes", "empty"], "--takes are of one collection: give it by --collection"),
    (["match", "tone.wav", "--dry", "gone.wav"], "No such sound file: gone.wav"),
    (["match", "tone.wav", "tone.wav", "--dry", "tone.wav"], "--dry is of one sound, and 2 are given"),
    (["render", "guitar", "--out", "sounds"], "There is nothing to render: give rows by --presets, or settings by"),
    (["render", "guitar", "--set", "delay=1", "--out", "sounds"], "has no parameter 'delay'; did you mean"),
    (["render", "guitar", "--set", "delay_time=11", "--out", "sounds"], "'11' is no setting; it must be a number"),
    (["render", "guitar", "--set", "delay_time", "--out", "sounds"], "is none: write NAME=SETTING"),
    (["render", "guitar", "--set", "delay_time=1", "--clean", "--out", "sounds"], "--clean says what --dry is"),
    (["match", "tone.wav", "--out", "tone.wav/found"], "tone.wav is a file; choose another folder"),
    (["evaluate", "gone", "--data", "empty"], "No such checkpoint folder: gone"),
    (["evaluate", "noisemaker-light", "--data", "gone"], "gone is neither a folder nor the id"),
    (["evaluate", "noisemaker-light", "--data", "empty", "--out", "tone.wav"], "tone.wav is a file; give a folder"),
    (["train", "noisemaker-light", "--data", "gone", "--out", "mine"], "gone is neither a folder nor the id"),
    (["train", "noisemaker-light", "--fresh", 9, "--base", "gone", "--out", "mine"], "No such checkpoint folder"),
    (["render", "noisemaker-light", "--presets", "gone.csv", "--out", "sounds"], "No such file: gone.csv"),
    (["collect", "noisemaker-light", "--presets", "gone.csv", "--sounds", ".", "--out", "takes"], "No such file"),
    (["collect", "noisemaker-light", "--presets", "a.csv", "--sounds", "gone", "--out", "takes"], "No such folder"),
    (["benchmark", "noisemaker-light", "--recordings", "gone.parquet"], "No such file of recordings: gone"),
    (["sheet", "--data", "gone"], "gone is neither a folder nor the id"),
]
# One process makes them all: to begin one takes longer than to tell a mistake.
_MAKING = """
import contextlib, io, json, sys
from pathlib import Path
from secret_sauce_hf.cli import main
heavy = ("torch", "transformers", "datasets", "numba", "scipy", "matplotlib", "pyarrow")
for arguments in json.loads(sys.argv[1]):
    code, out, err = None, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
    loaded = [name for name in heavy if name in sys.modules]
    files = sorted(map(str, Path().rglob("*")))
    print(json.dumps([code, out.getvalue(), err.getvalue(), loaded, files]))
"""


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory) -> dict[str, list]:
    """By the command, what became of every mistake, one after the other, in a process that has loaded nothing else."""
    folder = tmp_path_factory.mktemp("mistakes")
    write_tone(folder / "tone.wav")
    (folder / "empty").mkdir()
    write_table(folder / "a.csv")
    commands = [[str(argument) for argument in arguments] for arguments, _ in MISTAKES]
    words = [sys.executable, "-c", _MAKING, json.dumps(commands)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return {" ".join(command): json.loads(line) for command, line in zip(commands, lines, strict=True)}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_what_is_missing_is_told_before_anything_is_loaded(arguments, message, mistakes):
    code, out, err, loaded, files = mistakes[" ".join(map(str, arguments))]
    fails((code, out, err), message)
    assert (loaded, files) == ([], ["a.csv", "empty", "tone.wav"])


def test_match_overwrites_none_of_its_inputs(run):
    content = write_tone(Path("bass.wav"))
    write_declaration(get_collection("noisemaker-light"), Path("bass.json"))
    shutil.copytree(checkpoint_path("noisemaker-light"), "mine")
    Path("here").symlink_to(".")
    write_tone(Path("config.wav"))
    for options in (("--out", "."), ("--out", "here"), ("--out", "mine/..")):
        fails(run("match", "bass.wav", "--seconds", 0, *options), "bass.wav would be overwritten by .*bass.wav")
    Path("other").mkdir()
    Path("other/bass.json").symlink_to("../bass.json")
    fails(run("match", "bass.wav", "-c", "bass.json", "--out", "other", "--seconds", 0), "bass.json would be over")
    fails(run("match", "config.wav", "--model", "mine", "--out", "mine", "--seconds", 0), "config.json would be over")
    assert Path("bass.wav").read_bytes() == content
    assert not list(Path().glob("*.mid")) and not list(Path("mine").glob("*.mid"))
    found = match("bass.wav", collection="noisemaker-light", seconds=0)
    with pytest.raises(InputError, match=r"bass.wav would be overwritten"):
        found.save(".", "bass")
    assert Path("bass.wav").read_bytes() == content


def test_render_leaves_recordings_alone(run):
    write_table(Path("rows.csv"))
    content = write_tone(Path("s1.wav"))
    options = ("render", "noisemaker-light", "--presets", "rows.csv", "--out")
    fails(run(*options, "."), r"s1.wav is in \. already; choose another folder, or have them replaced \(--overwrite\)")
    assert Path("s1.wav").read_bytes() == content and not Path("s0.wav").exists()
    assert run(*options, ".", "--overwrite")[0] == 0
    assert Path("s1.wav").read_bytes() != content
    Path("track.mid").symlink_to("rows.csv")
    for name in ("rows.csv", "track.mid"):
        fails(run("midi-track", "noisemaker-light", name, "--presets", "rows.csv"), "rows.csv would be overwritten")
    assert run("midi-track", "noisemaker-light", "/dev/null", "--presets", "rows.csv")[0] == 0


def test_several_sounds_with_one_model(run, monkeypatch):
    for name in ("bass.wav", "d/Bass.wav", "d/z.wav", "d/.hidden.wav"):
        write_tone(Path(name))
    Path("d/notes.txt").write_text("no sound")
    Path("d/bad.wav").write_text("no sound")
    loaded = []

    def counted(*arguments, **options):
        loaded.append(arguments)
        return load_pipeline(*arguments, **options)

    monkeypatch.setattr("secret_sauce_hf.modeling.load_pipeline", counted)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("bass.wav").read_bytes())))
    code, out, err = run("match", "bass.wav", "d", "-", "-c", "noisemaker-light", "--seconds", 0, "--out", "found")
    assert code == 2
    assert err == (
        "secret-sauce: Not a sound file that can be read: d/bad.wav (Format not recognised). Convert it to WAV.\n"
    )
    assert len(loaded) == 1
    stems = ("Bass-2", "bass", "sound", "z")
    assert sorted(path.name for path in Path("found").iterdir()) == sorted(
        f"{stem}.{kind}" for stem in stems for kind in ("json", "mid", "noisemakerpreset", "png", "wav")
    )
    alone = json.loads(Path("found/bass.json").read_text())
    assert json.loads(Path("found/z.json").read_text()) == alone | {"sound": "z.wav"}
    assert alone["model"] == "noisemaker-light, as shipped"
    assert re.findall(r"^(\S+) as a preset", out, re.MULTILINE) == [
        "bass.wav",
        "Bass.wav",
        "z.wav",
        "sound",
    ]


@pytest.mark.parametrize("name", ["x" * 251 + ".wav", "ж" * 125 + ".wav", "b\udcffss.wav", "-.wav", "a\nb.wav"])
def test_names_of_every_kind(run, name):
    write_tone(Path("folder") / name)
    (one,) = sources(["folder"])
    (other,) = sources([f"folder/{name}"])
    assert one == other
    for text in (str(one.folder), f"{one.stem}.json"):
        assert len(os.fsencode(text)) <= 255
    code, _, err = run("match", "folder", "-c", "noisemaker-light", "--seconds", 0)
    assert (code, err) == (0, "")
    suffixes = sorted(path.suffix for path in one.folder.iterdir())
    assert suffixes == [".json", ".mid", ".noisemakerpreset", ".png", ".wav"]
    json.loads((one.folder / f"{one.stem}.json").read_bytes())["sound"].encode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_what_is_found_is_printed_before_it_is_written(tmp_path, bare):
    write_tone(tmp_path / "bass.wav")
    (tmp_path / "found").mkdir()
    (tmp_path / "found/bass.json").symlink_to("/dev/full")
    words = ["match", "bass.wav", "-c", "noisemaker-light", "--seconds", "0", "--out", "found"]
    done = bare.completed("import sys; from secret_sauce_hf.cli import main; main(sys.argv[1:])", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "secret-sauce: found/bass.json: No space left on device.\n"
    assert "bass.wav as a preset of noisemaker-light" in done.stdout
    assert "Envelope cosine" in done.stdout


def test_a_terminal_that_cannot_print(tmp_path):
    write_tone(tmp_path / "bäss.wav")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "secret_sauce_hf"]
    done = subprocess.run([*command, "match", "gone–.wav"], capture_output=True, cwd=tmp_path, env=environment)
    assert done.stderr == rb"secret-sauce: No such sound file: gone\u2013.wav." + b"\n"
    done = subprocess.run([*command, "match", "--help"], capture_output=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and b"SOUND..." in done.stdout
    table = subprocess.run(
        [*command, "presets", "guitar-tiny", "--count", "2"], capture_output=True, cwd=tmp_path, env=environment
    )
    expected = io.StringIO()
    draw_presets("guitar-tiny", 1, 1).to_csv(expected)
    assert table.stdout.decode().splitlines()[0] == expected.getvalue().splitlines()[0]


def test_the_demo_sound_is_safe(run):
    folder = demo_sound().path.parent
    before = {path: path.read_bytes() for path in folder.iterdir()}
    fails(
        run("match", demo_sound().path, "--out", folder, "--seconds", 0, "--model", folder),
        "s211.json would be overwritten",
    )
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
