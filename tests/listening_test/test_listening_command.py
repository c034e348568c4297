"""`secret-sauce listening-test`: from answers of all kinds to a test, and from results to tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from participants import RATE, keys_of, result, tone, write

from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.listening_test import read_match_folder, read_references
from secret_sauce_hf.listening_test.form import read_key
from secret_sauce_hf.presets import draw_presets

LIGHT = get_collection("noisemaker-light")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder: code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        return ended.value.code, *capsys.readouterr()

    return run


def answered(folder: Path, name: str, samples: np.ndarray, region: tuple[float, float], more: Any = None) -> None:
    """An answer to `name`.wav as `match --out` writes it."""
    folder.mkdir(exist_ok=True)
    record = {"sound": f"{name}.wav", "preset": {}, "region": list(region)} | (more or {})
    (folder / f"{name}.json").write_text(json.dumps(record))
    soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="PCM_16")


@pytest.fixture
def folders(tmp_path) -> Path:
    """Three sounds, and two systems that answered them."""
    (tmp_path / "sounds").mkdir()
    for number in range(3):
        # A stereo sound of another rate, whose part from .5 s on was matched.
        samples = np.repeat(np.pad(tone(number), (RATE // 2, 0)), 2)
        soundfile.write(tmp_path / "sounds" / f"s{number}.wav", np.stack([samples, samples], axis=1), 2 * RATE)
        answered(tmp_path / "one", f"s{number}", tone(number), (0.5, 1.5))
        answered(tmp_path / "two", f"s{number}", tone(number, 1.2), (0.5, 1.5))
    return tmp_path


class TestMake:
    def test_from_folders_of_matches(self, run, folders):
        # Other files of JSON in such a folder are none of matches.
        (folders / "one" / "benchmark.json").write_text('{"ways": {}}')
        code, out, err = run(
            "listening-test",
            "make",
            "--system",
            "one=one",
            "--system",
            "two=two",
            "--sounds",
            "sounds",
            "--out",
            "test",
        )
        assert code == 0, err
        assert "Wrote 3 trials" in out
        assert "BS.1534-3 asks for 5 sounds" in err
        key = read_key("test")
        assert key["systems"] == ["one", "two"]
        assert key["command"].startswith("secret-sauce listening-test make --method mushra --system one=one")
        for sound in key["sounds"]:
            assert sound["seconds"] == pytest.approx(1.0)
            distances = {one["condition"]: one["mss"] for one in sound["stimuli"].values()}
            # The part that was answered is the one that is compared.
            assert distances["one"] < 1 < distances["two"]

    def test_what_match_writes_is_read(self, run, tmp_path):
        """A take as it is, and one within a longer sound: the same part is compared, and is as far."""
        takes = to_float(get_engine("noisemaker").render(draw_presets(LIGHT, 2, seed=5), noise_seed=1))
        soundfile.write(tmp_path / "s0.wav", takes[0], RATE)
        soundfile.write(tmp_path / "s1.wav", np.pad(takes[1], (RATE // 2, RATE // 4)), RATE)
        assert run("match", "s0.wav", "s1.wav", "-c", LIGHT.name, "--seconds", "0", "--out", "found")[0] == 0
        sounds = ["--sounds", "s0.wav", "--sounds", "s1.wav"]
        code, _, err = run("listening-test", "make", "--system", "ours=found", *sounds, "--out", "test")
        assert code == 0, err
        for sound in read_key("test")["sounds"]:
            told = json.loads((tmp_path / "found" / sound["name"]).with_suffix(".json").read_text())
            ours = next(one["mss"] for one in sound["stimuli"].values() if one["condition"] == "ours")
            assert ours == pytest.approx(told["distances"]["mss"], abs=1e-3 if sound["name"] == "s0.wav" else 0.2)

    def test_from_predictions(self, run, tmp_path):
        build_collection(LIGHT, tmp_path / "built", seed=1, count=40, progress=False)
        rows = [dict(row) for row in draw_presets(LIGHT, 40, seed=1).rows()][32:]
        right = "".join(json.dumps({"row": row, "preset": preset}) + "\n" for row, preset in enumerate(rows))
        wrong = "".join(json.dumps({"row": row, "preset": rows[row - 1]}) + "\n" for row in range(8))
        (tmp_path / "Right answers.jsonl").write_text(right)
        (tmp_path / "wrong.jsonl").write_text(wrong)
        options = ["-c", LIGHT.name, "--data", "built", "--trials", 3, "--floor", "--out", "test"]
        files = ["--predictions", "Right answers.jsonl", "--predictions", "wrong.jsonl"]
        code, _, err = run("listening-test", "make", *options, *files)
        assert code == 0, err
        key = read_key("test")
        assert key["systems"] == ["right-answers", "wrong", "floor"]
        for sound in key["sounds"]:
            distances = {one["condition"]: one["mss"] for one in sound["stimuli"].values()}
            assert max(distances["right-answers"], distances["floor"]) < 0.5
            assert min(distances["wrong"], distances["another-preset"]) > 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "Give answers to compare: --system NAME=DIR"),
            (["--system", "one"], "--system 'one' is none: write NAME=DIR."),
            (["--system", "one=one"], "Give the sounds that were matched: --sounds"),
            (["--system", "a=one", "--system", "a=two"], "Two of --system have the same name"),
            (["--system", "One=one", "--sounds", "sounds"], "'One' is no name of a system"),
            (["--system", "one=none", "--sounds", "sounds"], "There is no folder none with the answers of one"),
            (["--system", "one=sounds", "--sounds", "sounds"], "There is no match in sounds"),
            (["--system", "one=one", "--sounds", "nothing"], "No such sound file: nothing"),
            (["--system", "one=one", "--sounds", "sounds", "-c", "noisemaker"], "--collection is whose presets"),
            (["--floor"], "--predictions and --floor are of one collection"),
            (["--floor", "-c", "noisemaker", "--sounds", "sounds"], "the sounds are the collection's rows"),
            (["--floor", "-c", "none"], "none"),
            (["--predictions", "x.jsonl", "-c", "noisemaker"], "No such file of predictions: x.jsonl"),
            (["--method", "abx", "--system", "one=one", "--sounds", "sounds"], "--method is 'abx'"),
        ],
    )
    def test_mistakes_are_one_line(self, arguments, message, run, folders):
        code, out, err = run("listening-test", "make", *arguments, "--out", "test")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert message in err
        assert not (folders / "test").exists()

    def test_an_engine_is_needed(self, run, no_engines):  # noqa: ARG002 - a fixture that does something
        code, _, err = run("listening-test", "make", "--floor", "-c", "noisemaker", "--out", "test")
        assert code == 2
        assert "No engine renders noisemaker: what it answers cannot be heard" in err


class TestFolders:
    def test_two_answers_to_one_sound(self, folders):
        (folders / "one" / "again.json").write_text((folders / "one" / "s0.json").read_text())
        (folders / "one" / "again.wav").write_bytes((folders / "one" / "s0.wav").read_bytes())
        with pytest.raises(InputError, match=r"s0\.json and again\.json both answer s0\.wav"):
            read_match_folder("one", folders / "one")

    def test_of_a_long_name_the_beginning_is_told(self, folders):
        record = json.loads((folders / "one" / "s0.json").read_text()) | {"sound": "x" * 5_000}
        for name in ("a", "b"):
            (folders / "one" / f"{name}.json").write_text(json.dumps(record))
            (folders / "one" / f"{name}.wav").write_bytes((folders / "one" / "s0.wav").read_bytes())
        with pytest.raises(InputError, match=r"b\.json and a\.json both answer x{80}; leave one"):
            read_match_folder("one", folders / "one")

    def test_an_answer_that_nobody_rendered(self, folders):
        (folders / "one" / "s1.wav").unlink()
        with pytest.raises(InputError, match=r"s1\.json has no s1\.wav beside it"):
            read_match_folder("one", folders / "one")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"sound": 3}, "must be a line of text"),
            ({"region": [0]}, "must be two times in seconds"),
            ({"region": [0, "x"]}, "must be a number"),
            ({"region": [float("nan"), 1]}, "must be a number"),
        ],
    )
    def test_odd_records(self, changes, message, tmp_path):
        answered(tmp_path / "odd", "s0", tone(0), (0, 1), changes)
        with pytest.raises(InputError, match=message):
            read_match_folder("odd", tmp_path / "odd")

    def test_sounds_of_one_name(self, tmp_path):
        with pytest.raises(InputError, match="have the same name"):
            read_references([tmp_path / "a" / "s.wav", tmp_path / "b" / "s.wav"])


class TestEvaluate:
    def test_tables_and_files(self, run, made, tmp_path):
        for number in range(7):
            given = result(made["mushra"], f"p{number}", lambda name, _: 95 if name in ("reference", "near") else 40)
            write(tmp_path / "answers", f"{number}.json", given)
        write(tmp_path / "answers", "foreign.json", {"a": 1})
        code, out, err = run("listening-test", "evaluate", "answers", "--test", made["mushra"].folder, "--out", "found")
        assert code == 0, err
        assert "7 participants, 6 sounds; 0 excluded, 1 of 8 files not counted." in out
        assert "95.0 [95.0, 95.0]" in out
        assert "secret-sauce: foreign.json is not counted: it is no result of a listening test." in err
        assert sorted(path.name for path in Path("found").iterdir()) == ["listening-test.json", "listening-test.png"]
        record = json.loads(Path("found/listening-test.json").read_text())
        assert record["test"] == keys_of(made["mushra"])["test"]

    def test_mistakes_are_one_line(self, run, made, tmp_path):
        write(tmp_path, "other.json", result(made["2afc"], "p", lambda *_: 1))
        for arguments, message in (
            (["other.json", "--test", made["mushra"].folder], "it is of another test"),
            (["none.json", "--test", made["mushra"].folder], "No such result: none.json"),
            (["other.json", "--test", "."], "There is no key.json"),
            (["other.json", "--test", made["2afc"].folder, "--out", "other.json"], "other.json is a file"),
        ):
            code, out, err = run("listening-test", "evaluate", *arguments)
            assert (code, out) == (2, "")
            assert err.count("\n") == 1
            assert message in err
