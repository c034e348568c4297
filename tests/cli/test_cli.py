"""The command line as a person meets it: what it prints, where, and how it fails."""

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from archive_files import archive_files, write_zip

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import COLLECTIONS, get_collection
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.midi import read_midi_file, read_preset
from secret_sauce_hf.modeling import checkpoint_path
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.rows import write_rows

COMMAND = Path(sys.executable).with_name("secret-sauce")


class Run:
    """One run of the command line in this process."""

    def __init__(self, capsys, arguments):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(argument) for argument in arguments])
        self.code = stop.value.code
        self.out, self.err = capsys.readouterr()

    def fails_with(self, pattern: str) -> None:
        """It ended in one line on standard error that says the mistake."""
        assert self.code == 2
        assert self.out == ""
        assert self.err.startswith("secret-sauce: ")
        assert self.err.count("\n") == 1, self.err
        assert re.search(pattern, self.err), self.err


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: Run(capsys, arguments)


# Presets and MIDI


@pytest.mark.parametrize("name", COLLECTIONS)
def test_presets_prints_a_collections_own_rows(run, name):
    """As a table, where every row plays one note."""
    result = run("presets", name)
    rows, expected = original_presets(name), io.StringIO()
    rows.to_csv(expected) if (rows.performances.counts == 1).all() else write_rows([rows], expected)
    assert (result.code, result.err) == (0, "")
    assert result.out == expected.getvalue()


def test_presets_from_a_seed_are_the_drawn_ones(run):
    result = run("presets", "noisemaker", "--seed", 7, "--count", 3, "--start", 5)
    expected = io.StringIO()
    draw_presets("noisemaker", 3, 7, 5).to_csv(expected)
    assert result.out == expected.getvalue()
    assert [row["file"] for row in csv.DictReader(io.StringIO(result.out))] == ["s5.wav", "s6.wav", "s7.wav"]


def test_presets_may_be_drawn_as_people_set_an_instrument(run):
    result = run("presets", "noisemaker", "--seed", 7, "--count", 3, "--prior", "musical")
    expected = io.StringIO()
    draw_presets("noisemaker", 3, 7, prior="musical").to_csv(expected)
    assert result.out == expected.getvalue() != run("presets", "noisemaker", "--seed", 7, "--count", 3).out


def test_presets_of_notes_are_a_table_and_those_of_phrases_lines(run):
    rows = list(csv.DictReader(io.StringIO(run("presets", "subphatty-notes", "--start", 7, "--count", 2).out)))
    played = original_presets("subphatty-notes", 7, 9).performances
    assert [(int(row["note"]), int(row["velocity"])) for row in rows] == [played[row][0][:2] for row in range(2)]
    lines = run("presets", "subphatty-phrases", "--start", 7, "--count", 2).out.splitlines()
    played = original_presets("subphatty-phrases", 7, 9).performances
    assert [len(json.loads(line)["notes"]) for line in lines] == played.counts.tolist()


def test_presets_of_2018_can_be_a_part(run):
    whole = run("presets", "noisemaker-light").out.splitlines()
    part = run("presets", "noisemaker-light", "--start", 998, "--count", 2).out.splitlines()
    assert part == [whole[0], *whole[-2:]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("presets", "nosemaker"), "Unknown collection 'nosemaker'; there are dx7, guitar"),
        (("presets", "noisemaker", "--seed", 1), "--seed needs --count"),
        (("presets", "noisemaker", "--count", -5), "count must be an integer from 0"),
        (("presets", "noisemaker", "--prior", "musical"), "--prior is of fresh rows"),
        (("presets", "noisemaker", "--seed", 1, "--count", 1, "--prior", "even"), "give one of uniform, musical"),
        (("build", "noisemaker", "--prior", "musical", "--out", "built"), "give a seed and a count"),
        (("sheet", "noisemaker", "--prior", "musical", "--out", "a.png"), "give a seed"),
        (("train", "noisemaker", "--fresh", 9, "--prior", "even", "--out", "model"), "give one of uniform, musical"),
        (("check-archive", "noisemaker-notes", "."), "was not recorded in 2018"),
        (("presets", "guitar-phrases", "--start", 2_001), "rows 0 to 1999 of its own"),
        (("presets", "noisemaker", "--start", 10_001), "rows 0 to 9999"),
        (("presets", "noisemaker", "--seed", -1, "--count", 1), "seed must be an integer from 0"),
        (("presets", "noisemaker", "--seed", "x", "--count", 1), "integer.*--help"),
        (("presets",), "Missing argument.*secret-sauce presets --help"),
        (("nonsense",), "No such command.*secret-sauce --help"),
        (("presets", "noisemaker", "--colour"), "No such option"),
        (("midi-track", "noisemaker", "no/such/folder.mid"), "no/such/folder.mid cannot be written"),
        (("midi-track", "noisemaker", "x.mid", "--presets", "missing.csv"), "No such file: missing.csv"),
        (("render", "noisemaker", "--presets", "missing.csv", "--out", "sounds"), "No such file: missing.csv"),
        (("render", "noisemaker", "--out", "sounds"), "There is nothing to render: give rows by --presets"),
        (("build", "subphatty", "--in-session", "--out", "built"), "subphatty renders every take from silence"),
        (("build", "subphatty", "--rows", "9:x", "--out", "built"), "give a number of rows"),
        (("build", "subphatty", "--rows", "9:10001", "--out", "built"), "up to 10000"),
        (("build", "subphatty", "--rows", "5", "--seed", 1, "--count", 5, "--out", "built"), "with a seed give"),
        (("build", "noisemaker", "--seed", 1, "--out", "built"), "count"),
        (("match", "missing.wav", "--collection", "piano"), "Unknown collection 'piano'"),
        (("match", "missing.wav", "--from", "2", "--to", "1"), "ends at 1 s, not after its start at 2 s"),
        (("match", "missing.wav", "--from", "soon"), "--from 'soon' is no time: write seconds .* or m:ss"),
        (("match", "missing.wav", "--region", "1"), "--region '1' is none: write FROM-TO"),
        (("match", "missing.wav", "--seconds", 1, "--renders", 1), "`seconds` or `renders`, not both"),
        (("match", "missing.wav", "--seconds", -1), "A search of -1.0 seconds is none"),
        (("match", "missing.wav", "--seconds", "soon"), "--seconds.*number.*match --help"),
        (("match", "missing.wav", "--candidates", 0), "candidates must be an integer from 1"),
    ],
)
def test_a_mistake_is_one_line(run, arguments, message):
    run(*arguments).fails_with(message)
    assert list(Path().iterdir()) == []


def test_a_table_is_not_combined_with_a_seed(run):
    Path("rows.csv").write_text(run("presets", "guitar-tiny").out)
    run("midi-track", "guitar-tiny", "x.mid", "--presets", "rows.csv", "--seed", 1).fails_with("leave out --seed")


@pytest.mark.parametrize("name", ["guitar-tiny", "noisemaker-light"])
def test_midi_track_plays_every_row(run, name):
    result = run("midi-track", name, "track.mid")
    assert result.code == 0
    notes = [message for message in mido.MidiFile("track.mid").tracks[0] if message.type == "note_on"]
    assert len(notes) == get_collection(name).count


def test_midi_track_takes_a_table_and_a_seed(run):
    Path("rows.csv").write_text(run("presets", "subphatty", "--seed", 3, "--count", 4).out)
    assert run("midi-track", "subphatty", "a.mid", "--presets", "rows.csv").code == 0
    assert run("midi-track", "subphatty", "b.mid", "--seed", 3, "--count", 4).code == 0
    assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes()


# Rendering and building


def test_render_names_sounds_by_the_table(run):
    Path("rows.csv").write_text(run("presets", "noisemaker-light", "--start", 3, "--count", 2).out)
    assert run("render", "noisemaker-light", "--presets", "rows.csv", "--out", "sounds").code == 0
    assert sorted(path.name for path in Path("sounds").iterdir()) == ["s3.wav", "s4.wav"]
    info = soundfile.info("sounds/s3.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (22_050, 1, "PCM_16", 19_845)


def test_render_in_session_knows_the_row_before(run):
    Path("rows.csv").write_text(run("presets", "noisemaker", "--start", 40, "--count", 1).out)
    run("render", "noisemaker", "--presets", "rows.csv", "--out", "silence")
    run("render", "noisemaker", "--presets", "rows.csv", "--out", "session", "--in-session")
    Path("two.csv").write_text(run("presets", "noisemaker", "--start", 39, "--count", 2).out)
    run("render", "noisemaker", "--presets", "two.csv", "--out", "both", "--in-session")
    in_session = Path("session/s40.wav").read_bytes()
    assert in_session == Path("both/s40.wav").read_bytes()
    assert in_session != Path("silence/s40.wav").read_bytes()


def test_build_makes_a_dataset(run):
    from datasets import load_dataset

    result = run("build", "noisemaker-light", "--seed", 2, "--count", 5, "--out", "built")
    assert result.code == 0, result.err
    dataset = load_dataset("built", cache_dir="cache")
    assert {split: len(rows) for split, rows in dataset.items()} == {"train": 4, "test": 1}


# Matching

# The file, and what the one line must say about it.
BROKEN_SOUNDS = {
    "empty.wav": "empty",
    "text.wav": "Not a sound file",
    "nan.wav": "not finite",
    "infinite.wav": "not finite",
    "nothing.wav": "no samples",
    "folder.wav": "No such sound file",
    "missing.wav": "No such sound file",
}
ODD_SOUNDS = ("silence", "cut", "short", "long", "low", "high", "six", "eight", "[bold]$x_$")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Path:
    """Every kind of file that somebody will try, most of them of a tone that decays."""
    folder = tmp_path_factory.mktemp("sounds")

    def tone(rate: int, seconds: float = 0.9) -> np.ndarray:
        seconds_in = np.arange(round(rate * seconds)) / rate
        return 0.5 * np.sign(np.sin(2 * np.pi * 261.6 * seconds_in)) * np.exp(-3 * seconds_in)

    def write(name: str, wave: np.ndarray, rate: int = 22_050, subtype: str = "PCM_16") -> None:
        soundfile.write(folder / f"{name}.wav", wave, rate, subtype=subtype)

    (folder / "folder.wav").mkdir()
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("This is no sound, whatever its name says.\n" * 50)
    write("nan", np.where(np.arange(19_845) == 9_000, np.nan, tone(22_050)), subtype="FLOAT")
    write("infinite", np.where(np.arange(19_845) == 9_000, np.inf, tone(22_050)), subtype="FLOAT")
    write("nothing", np.zeros(0))
    write("silence", np.zeros(19_845))
    write("cut", tone(22_050))
    (folder / "cut.wav").write_bytes((folder / "cut.wav").read_bytes()[:20_000])
    write("short", tone(22_050, 0.01))
    write("long", np.concatenate([tone(8_000), np.zeros(8_000 * 600)]), 8_000)
    write("low", tone(8_000), 8_000)
    write("high", tone(192_000), 192_000, "PCM_24")
    write("six", np.stack([tone(44_100)] * 6, axis=1), 44_100)
    write("eight", tone(22_050), subtype="PCM_U8")
    write("[bold]$x_$", tone(22_050))
    return folder


@pytest.mark.parametrize("name", BROKEN_SOUNDS)
def test_a_sound_that_cannot_be_read_is_one_line(run, sounds, name):
    result = run("match", sounds / name)
    result.fails_with(BROKEN_SOUNDS[name])
    assert name in result.err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("name", ODD_SOUNDS)
def test_a_sound_of_an_odd_form_is_matched(run, sounds, name):
    result = run("match", sounds / f"{name}.wav", "-c", "noisemaker-light", "--renders", 20)
    assert result.code == 0, result.err
    assert "Traceback" not in result.err
    assert f"{name}.wav as a preset of noisemaker-light" in result.out
    folder = Path(f"{name}-match")
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{name}.{kind}" for kind in ("json", "mid", "noisemakerpreset", "png", "wav")
    ]
    found = json.loads((folder / f"{name}.json").read_text())
    assert read_preset("noisemaker-light", read_midi_file(folder / f"{name}.mid")) == found["preset"]
    assert all(np.isfinite(value) for value in found["distances"].values())
    if name == "silence":
        assert not any(found["heard"].values())
        assert result.out.count("(not heard)") == len(found["preset"])


def test_a_match_goes_where_it_is_told(run, sounds):
    assert run("match", sounds / "six.wav", "-c", "guitar", "--out", "a/b", "--seconds", 0).code == 0
    assert Path("a/b/six.mid").is_file()
    Path("file").touch()
    run("match", sounds / "six.wav", "--out", "file", "--seconds", 0).fails_with("file is a file; give a folder")


def test_every_file_of_a_match_is_read_back(run):
    """The table has the controllers' numbers; each file renders the take that was written."""
    soundfile.write("unsure.wav", render(draw_presets("noisemaker-light", 5, seed=9))[4], 22_050)
    options = ("--renders", "64.0", "--candidates", 2, "--out", "found", "--send-unheard")
    result = run("match", "unsure.wav", "-c", "noisemaker-light", *options)
    assert result.code == 0, result.err
    assert "CC: value" in result.out and re.search(r"^ osc2_volume +10\.00 +32: 127 *$", result.out, re.MULTILINE)
    assert "found/unsure-2.noisemakerpreset" in result.out
    rows = set()
    for kind in ("mid", "json", "noisemakerpreset"):
        for collection in ("noisemaker", "noisemaker-light"):
            out = f"{kind}-{collection}"
            assert run("render", collection, "--presets", f"found/unsure.{kind}", "--out", out).code == 0
            assert Path(out, "s0.wav").read_bytes() == Path("found/unsure.wav").read_bytes()
        rows.add(run("presets", "noisemaker", "--presets", f"found/unsure.{kind}").out)
    assert len(rows) == 1
    run("presets", "subphatty", "--presets", "found/unsure.noisemakerpreset").fails_with("only those of the NoiseMaker")
    run("presets", "noisemaker", "--seed", "1e0", "--count", "1.5").fails_with("is not a valid integer")


def test_a_match_tells_what_the_search_bought_and_further_candidates(run):
    # A sound that the model is not sure of.
    soundfile.write("unsure.wav", render(draw_presets("noisemaker-light", 5, seed=9))[4], 22_050)
    options = ("match", "unsure.wav", "-c", "noisemaker-light", "--renders", 64)
    result = run(*options, "--candidates", 3, "--out", "found")
    assert (result.code, result.err) == (0, "")
    found = json.loads(Path("found/unsure.json").read_text())
    alone, best = found["model_alone"]["distance"], found["distances"]["mss"]
    told = rf"^The model alone: MSS {alone:.2f} dB; after {found['renders']} renderings in \d+\.\d s: {best:.2f} dB\.$"
    assert re.search(told, result.out, re.MULTILINE), result.out
    assert "3 different presets, ranked by their sound, rendered and compared:" in result.out
    for place, one in enumerate(found["candidates"], 1):
        assert re.search(rf"^ *{place} +{one['distance']:.2f} dB +{one['origin']}", result.out, re.MULTILINE)
    assert len(found["candidates"]) == 3
    light = ("-c", "noisemaker-light", "--seconds", 0)
    sure = run("match", demo_sound().path, *light, "--candidates", 999, "--out", "alone")
    assert re.fullmatch(r"\d+ of the 999 presets asked for differ enough in what is heard\.\n", sure.err)


def test_takes_are_candidates(run):
    run("build", "noisemaker-light", "--rows", "209:213", "--out", "takes")
    light = ("-c", "noisemaker-light")
    result = run("match", demo_sound().path, *light, "--renders", 3, "--takes", "takes", "--out", "found")
    assert result.code == 0, result.err
    found = json.loads(Path("found/noisemaker-light-s211.json").read_text())
    assert found["candidates"][0]["origin"] == "nearest take"
    assert found["preset"] == pytest.approx(demo_sound().settings, abs=1e-6)
    wrong = run("match", demo_sound().path, "--takes", "nowhere", "--out", "other")
    wrong.fails_with("nowhere")


def test_control_c_keeps_the_best_so_far(run, monkeypatch):
    measure = Evaluator._measure

    def impatient(*arguments):
        measure(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Evaluator, "_measure", impatient)
    result = run("match", demo_sound().path, "-c", "noisemaker-light", "--out", "found")
    assert result.code == 130
    found = json.loads(Path("found/noisemaker-light-s211.json").read_text())
    assert found["interrupted"] and found["renders"] > 0
    assert f"this is the best of {found['renders']} presets that were rendered.\n" in result.err
    assert result.err.endswith("secret-sauce: Stopped.\n")
    assert "found/noisemaker-light-s211.mid" in result.out


def _without(name):
    return lambda folder: (folder / name).unlink()


def _empty(name):
    return lambda folder: (folder / name).write_bytes(b"")


def _other_size(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": config["intermediate_size"] * 2}))


def _cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without("config.json"), "config.json"),
        (_without("model.safetensors"), "model.safetensors"),
        (_without("preprocessor_config.json"), "preprocessor_config.json"),
        (_empty("config.json"), "config.json"),
        (_empty("preprocessor_config.json"), "preprocessor_config.json"),
        (_empty("model.safetensors"), "safetensors"),
        (_cut_weights, "model.safetensors is not a whole safetensors file"),
        (_other_size, "do not fit"),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_a_broken_checkpoint_is_one_line(run, damage, message):
    shutil.copytree(checkpoint_path("noisemaker-light"), "broken")
    damage(Path("broken"))
    run("match", demo_sound().path, "--model", "broken").fails_with(message)


def test_a_model_that_is_not_there_is_one_line(run):
    run("match", demo_sound().path, "--model", "no/such/model").fails_with("no/such/model")
    shipped = checkpoint_path("noisemaker-light")
    run("match", demo_sound().path, "--model", shipped, "--collection", "noisemaker").fails_with(
        "predicts presets of noisemaker-light, not of noisemaker"
    )


def test_a_trained_model_can_be_matched_with(run):
    sizes = ("--fresh", 12, "--validation", 8, "--epochs", 1, "--batch-size", 4)
    result = run("train", "noisemaker-light", *sizes, "--out", "mine")
    assert result.code == 0, result.err
    assert all(re.search(rf"^ *{name} .*\d\.\d\d\d", result.out, re.MULTILINE) for name in demo_sound().settings)
    assert run("match", demo_sound().path, "--model", "mine", "--seconds", 0).code == 0
    run("train", "noisemaker-light", *sizes, "--out", "mine").fails_with("mine is not empty")
    run("train", "noisemaker-light", "--out", "other").fails_with("--data.*--fresh")


def test_demo_shows_truth_beside_the_model_alone_and_the_match(run):
    result = run("demo")
    assert result.code == 0, result.err
    truth = demo_sound().settings
    found = json.loads(Path("demo/noisemaker-light-s211.json").read_text())
    alone = found["model_alone"]["preset"]

    def shown(setting):
        return setting if isinstance(setting, str) else f"{setting:.2f}"

    for name, setting in truth.items():
        values = " +".join(shown(told) for told in (setting, alone[name], found["preset"][name]))
        assert re.search(rf"^ *{name} +{values} ", result.out, re.MULTILINE), result.out
    knobs = [name for name, setting in truth.items() if isinstance(setting, float)]
    for title, preset in (("Matched", found["preset"]), ("Model alone", alone)):
        error = np.mean([abs(preset[name] - truth[name]) for name in knobs])
        assert f"{title}: knobs are off by {error:.2f} of 10 on average, " in result.out
    assert f"; after {found['renders']} renderings: {found['distances']['mss']:.2f} dB.\n" in result.out
    assert found["distances"]["mss"] < 0.5
    for kind in ("mid", "json", "wav", "png"):
        assert f"demo/noisemaker-light-s211.{kind}" in result.out


# The command itself


def test_help_and_collections_name_everything(run):
    text = run("--help").out
    for command in ("presets", "midi-track", "render", "build", "train", "match", "demo", "collections"):
        assert command in text
        assert "Usage:" in run(command, "--help").out
    assert run().out == text
    table = run("collections").out
    assert all(name in table for name in COLLECTIONS)


def _start(*arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_version_and_help_do_not_wait_for_the_heavy_libraries(tmp_path):
    code = (
        "import sys\n"
        "from secret_sauce_hf.cli import main\n"
        "for arguments in (['--version'], ['--help'], ['presets', 'noisemaker-light']):\n"
        "    try: main(arguments)\n"
        "    except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'transformers', 'numba', 'datasets', 'matplotlib', 'scipy', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("secret-sauce 0.")


def test_a_reader_that_has_had_enough_is_no_error(tmp_path):
    with _start("presets", "noisemaker", cwd=tmp_path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("package", "arguments", "code", "extra"),
    [
        ("torch", ["match", str(demo_sound().path), "--out", "found"], 2, "models"),
        ("cma", ["match", str(demo_sound().path), "-c", "noisemaker-light", "--out", "found"], 2, "models"),
        ("torch", ["train", "noisemaker-light", "--fresh", "9", "--out", "found"], 2, "models"),
        (
            "matplotlib",
            ["match", str(demo_sound().path), "-c", "noisemaker-light", "--out", "found", "--seconds", "0"],
            0,
            "plots",
        ),
    ],
)
def test_a_missing_extra_is_one_line(tmp_path, bare, package, arguments, code, extra):
    script = (
        f"import sys; sys.modules[{package!r}] = None; "  # as if it were not installed
        f"from secret_sauce_hf.cli import main; main({arguments})"
    )
    if package == "torch":
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    else:
        done = bare.completed(script, cwd=tmp_path)
    assert done.returncode == code
    assert re.fullmatch(rf".*{package}.*secret_sauce_hf\[{extra}\].*\n", done.stderr), done.stderr
    assert (tmp_path / "found").exists() == (code == 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_one_line(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "presets", "noisemaker-light"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
    assert done.returncode == 2
    assert done.stderr == "secret-sauce: Output: No space left on device.\n"


def test_control_c_stops_a_build_in_one_line(tmp_path):
    arguments = ("build", "noisemaker-light", "--seed", "1", "--count", "100000", "--rows-per-shard", "50")
    with _start(*arguments, "--out", "built", cwd=tmp_path) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("built/data/*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "secret-sauce: Stopped; the same command goes on from here."
    assert "Traceback" not in err
    assert not [path for path in (tmp_path / "built/data").iterdir() if path.suffix != ".parquet"]


def test_a_folder_that_cannot_be_written_is_one_line(run):
    Path("file").touch()
    run("midi-track", "guitar-tiny", "file/track.mid").fails_with("file/track.mid cannot be written")
    run("build", "noisemaker-light", "--seed", 1, "--count", 2, "--out", "file").fails_with("file")


# Archives of 2018


def test_check_archive_names_every_bad_sound(run):
    files = archive_files("guitar-tiny")
    sounds = "guitar_tiny/guitar_tiny_samples"
    gone = [f"s{row}.wav" for row in range(3, 13)]
    for name in gone:
        del files[f"{sounds}/{name}"]
    write_zip(Path("whole.zip"), archive_files("guitar-tiny"))
    write_zip(Path("bad.zip"), files | {f"{sounds}/s20.wav": b"RIFF", f"{sounds}/s99.wav": b""})
    assert (run("check-archive", "guitar-tiny", "whole.zip")).out == "nothing is wrong\n"
    result = run("check-archive", "guitar-tiny", "bad.zip")
    assert result.code == 1 and result.err == ""
    missing, broken, extra = result.out.splitlines()
    assert missing == f"10 sounds are missing: {', '.join(gone)}"
    assert broken.startswith("1 sound is broken: s20.wav (not a sound that can be read")
    assert "object at 0x" not in broken
    assert extra == "1 file belongs to no row: s99.wav"
    run("check-archive", "guitar", "bad.zip").fails_with("holds no archive of guitar")
