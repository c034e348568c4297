"""`secret-sauce benchmark` from its sounds to its files, small enough for a test."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from secret_sauce_hf import checkpoint_path
from secret_sauce_hf.cli.root import main
from secret_sauce_hf.data import build_collection, load_takes, read_recordings
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation import Benchmark, benchmark, read_benchmark, searching
from secret_sauce_hf.evaluation.material import gather
from secret_sauce_hf.evaluation.methods import learning
from secret_sauce_hf.evaluation.methods.registry import method_names
from secret_sauce_hf.evaluation.records import PICTURES
from secret_sauce_hf.hub.checkpoints import model_card
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.modeling import SecretSauceConfig
from secret_sauce_hf.original.table import original_presets

LIGHT = get_collection("noisemaker-light")
ENGINE = get_engine("noisemaker")
NAMES = method_names()
SMALL = {"rows": 2, "renders": 24, "baseline_steps": 2, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Batches are small: threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """32 train rows and 8 test rows."""
    return build_collection(LIGHT, tmp_path_factory.mktemp("light") / "built", seed=1, count=40, progress=False)


@pytest.fixture(scope="module")
def done(built, tmp_path_factory) -> tuple[Path, Benchmark]:
    """A benchmark of every method, and the folder in which it is kept."""
    folder = tmp_path_factory.mktemp("benchmark")
    return folder, benchmark(LIGHT, data=built, out=folder, command="secret-sauce benchmark light", **SMALL)


def _parquet(path: Path, rows: range, **changes) -> Path:
    """Recordings as a file: rows of 2018, each its number as a constant sound."""
    table = {"file": [f"s{row}.wav" for row in rows]}
    table |= {name: values.tolist() for name, values in original_presets(LIGHT, rows.start, rows.stop).settings.items()}
    table["gain"] = [1.0] * len(rows)
    table["flac"] = [_flac(np.full(LIGHT.samples, 0.001 * (row + 1))) for row in rows]
    table |= changes
    pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), path)
    return path


def _flac(sound: np.ndarray, rate: int = 22_050) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, sound, rate, format="FLAC", subtype="PCM_16")
    return content.getvalue()


class TestSounds:
    def test_without_a_dataset_they_are_those_of_a_build(self, tmp_path):
        rows = build_collection(LIGHT, tmp_path / "rows", rows=(798, 803), progress=False)
        material = gather(LIGHT, ENGINE, None, None)
        tests = load_takes(rows, "test")
        assert len(material.presets) == 200
        np.testing.assert_array_equal(material.sounds[:3], tests.sounds)
        assert material.presets[:3] == tests.presets
        assert material.source["build"].startswith("secret-sauce build noisemaker-light --out DIR --rows 0:1000")
        known = list(material.known())
        trains = load_takes(rows, "train")
        assert sum(map(len, known)) == 800
        np.testing.assert_array_equal(known[-1].sounds[-2:], trains.sounds)
        assert known[-1].presets.files[-2:] == trains.presets.files

    def test_recordings_are_read_as_they_are(self, tmp_path):
        takes = read_recordings(_parquet(tmp_path / "real.parquet", range(3, 6)), LIGHT)
        expected = original_presets(LIGHT, 3, 6)
        np.testing.assert_array_equal(takes.presets.cc, expected.cc)
        assert takes.presets.files == expected.files
        np.testing.assert_allclose(takes.sounds[:, 0], [0.004, 0.005, 0.006], atol=2e-5)

    def test_nobody_knows_a_row_that_is_scored(self, tmp_path):
        file = _parquet(tmp_path / "real.parquet", range(700, 703))
        material = gather(LIGHT, ENGINE, None, file)
        known = [takes.presets for takes in material.known()]
        scored = {tuple(row) for row in material.presets.cc.tolist()}
        assert not scored & {tuple(row) for presets in known for row in presets.cc.tolist()}
        # As many fresh ones took their place.
        assert material.left_out == 3
        assert sum(map(len, known)) == 800
        assert material.source["recordings"] == "real.parquet"
        assert len(material.source["sha256"]) == 64

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"filter_cutoff": None}, "lacks the column filter_cutoff; recordings of noisemaker-light need flac and"),
            ({"flac": None}, "lacks the column flac"),
            ({"flac": ["a", "b"]}, "column flac: string instead of the bytes of FLAC files"),
            ({"flac": [b"nonsense", b"nonsense"]}, "row 0, column flac: not a sound that can be read"),
            ({"flac": [_flac(np.zeros(99)), b""]}, "row 0: 99 samples, but a take of noisemaker-light has 19845"),
            ({"flac": [_flac(np.zeros(9), 44_100), b""]}, "row 0, column flac: 44100 Hz and 1 channels"),
            ({"flac": [bytes(2**22 + 1), b""]}, "row 0: 4,194,305 bytes of sound, at most 4,194,304 are read"),
            ({"osc2_wave": ["Sine", "sine"]}, "row 1, column osc2_wave: 'sine' must be one of"),
            ({"filter_cutoff": [1.0, 10.5]}, "row 1, column filter_cutoff: 10.5 must be a number from 0 to 10"),
        ],
    )
    def test_recordings_with_a_mistake(self, tmp_path, changes, message):
        with pytest.raises(InputError, match=message):
            read_recordings(_parquet(tmp_path / "real.parquet", range(2), **changes), LIGHT)

    def test_a_footer_that_tells_of_rows_that_are_not_there(self, tmp_path, monkeypatch):
        path = _parquet(tmp_path / "real.parquet", range(1))
        # As of some damaged footers, which say that there is one.
        monkeypatch.setattr("secret_sauce_hf.data.recorded._rows", lambda *_: iter(()))
        with pytest.raises(InputError, match=r"There are no rows in .*real\.parquet; give a Parquet file"):
            read_recordings(path, LIGHT)

    def test_files_that_are_no_recordings(self, tmp_path):
        with pytest.raises(InputError, match="No such file of recordings"):
            read_recordings(tmp_path / "none.parquet", LIGHT)
        (tmp_path / "text.parquet").write_text("text")
        with pytest.raises(InputError, match=r"text\.parquet cannot be read .*give a Parquet file"):
            read_recordings(tmp_path / "text.parquet", LIGHT)
        with pytest.raises(InputError, match="has 0 rows; give a file of 1 to 100,000"):
            read_recordings(_parquet(tmp_path / "empty.parquet", range(0)), LIGHT)


class TestRun:
    def test_everybody_answers_the_same_sounds(self, done):
        record = done[1].record
        assert list(record["ways"]) == list(NAMES)
        assert record["missing"] == []
        assert record["data"]["rows"] == 8
        assert record["data"]["first"] == 2
        assert record["data"]["known"] == 32
        for name, way in record["ways"].items():
            assert len(way["rows"]["mss"]) == 2
            assert way["sounds"]["mss"]["median"][0] == pytest.approx(np.median(way["rows"]["mss"]), abs=1e-3)
            assert (way["settings"] is None) == (name == "floor")
            assert (way["settings_of_all"] is not None) == (
                name in ("naive", "knn", "nearest", "lstm", "regression", "model")
            )
        assert 0 < record["ways"]["matching"]["renders"] <= 24
        assert record["ways"]["genetic-renders"]["renders"] == record["ways"]["matching"]["renders"]
        assert record["ways"]["lstm"]["trained"]["steps"] == 2
        # Searching from our model's answer ends no further away than it began.
        assert record["ways"]["matching"]["rows"]["mss"][0] <= record["ways"]["model"]["rows"]["mss"][0] + 0.5
        assert (
            record["ways"]["matching"]["sounds"]["mss"]["median"][0]
            < record["ways"]["naive"]["sounds"]["mss"]["median"][0]
        )
        assert set(record["over_time"]) == {"matching", "genetic"}
        assert 0 <= record["calibration"]["coverage"][0] <= 1

    def test_what_is_kept_is_not_measured_again(self, built, done, monkeypatch):
        folder, first = done

        def refuse(*_, **__):
            raise AssertionError("measured again")

        monkeypatch.setattr(searching, "match", refuse)
        monkeypatch.setattr(searching.genetic, "search", refuse)
        monkeypatch.setattr(learning, "fit", refuse)
        again = benchmark(LIGHT, data=built, out=folder, command="secret-sauce benchmark light", **SMALL)
        clocked = ("model",)
        for name in set(NAMES) - set(clocked):
            assert again.record["ways"][name] == first.record["ways"][name]

    def test_stopped_it_goes_on_from_the_row_it_was_at(self, built, done, tmp_path, monkeypatch):
        without = [name for name in NAMES if name not in ("matching", "model")]
        quick = {"data": built, "out": tmp_path, "without": without, **SMALL}
        seen: list[int] = []
        real = searching.match

        def counted(*arguments, **options):
            # Once before, so that it is compiled; then row by row.
            seen.append(options["renders"])
            if len(seen) == 3:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        monkeypatch.setattr(searching, "match", counted)
        with pytest.raises(KeyboardInterrupt):
            benchmark(LIGHT, **quick)
        assert seen == [1, 24, 24]
        stopped = benchmark(LIGHT, **quick).record["ways"]["matching"]
        assert seen == [1, 24, 24, 1, 24]
        # The same as in one go; there is no floor without the truth.
        assert stopped["rows"] | {"floors": []} == done[1].record["ways"]["matching"]["rows"] | {"floors": []}

    def test_a_search_that_was_ended_early_does_not_count(self, built, tmp_path, monkeypatch):
        real = searching.match

        def ended(*arguments, **options):
            found = real(*arguments, **options)
            object.__setattr__(found, "interrupted", True)
            return found

        monkeypatch.setattr(searching, "match", ended)
        without = [name for name in NAMES if name not in ("matching", "naive")]
        with pytest.raises(KeyboardInterrupt):
            benchmark(LIGHT, data=built, out=tmp_path, without=without, **SMALL)
        assert [path.name.partition("-")[0] for path in (tmp_path / ".rows").iterdir()] == ["naive"]

    def test_without_an_engine_only_settings_are_scored(self, built):
        declared = _declared_elsewhere()
        found = benchmark(declared, data=built, without=["model", "lstm", "regression"], **SMALL)
        assert list(found.record["ways"]) == ["naive", "knn", "nearest"]
        assert set(found.record["missing"]) >= {"matching", "genetic", "floor"}
        assert found.record["over_time"] == {}
        assert found.record["ways"]["knn"]["settings"]["all"]["knob_mae"][0] > 0
        assert "No engine renders this instrument" in found.markdown()
        assert "MSS, dB" not in found.markdown()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"rows": 0}, "rows must be an integer from 1"),
            ({"seconds": 0.0}, "--seconds and --baseline-seconds must be positive"),
            ({"seed": -1}, "seed must be an integer from 0"),
            ({"renders": 0}, "renders must be an integer from 1"),
            ({"without": ["everybody"]}, "--without everybody: there is no such way to answer"),
            ({"model": "nowhere"}, "No such checkpoint folder: nowhere"),
            ({"data": "nowhere"}, "nowhere"),
        ],
    )
    def test_arguments_that_cannot_be(self, options, message):
        with pytest.raises(InputError, match=message):
            benchmark(LIGHT, **SMALL | options)

    def test_a_model_of_another_collection(self):
        with pytest.raises(InputError, match="tells the settings of noisemaker-light, not of subphatty"):
            benchmark("subphatty", model="noisemaker-light", **SMALL)

    def test_no_model_and_no_engine(self):
        declared = _declared_elsewhere()
        with pytest.raises(InputError, match=r"No checkpoint ships for .*give one with --model, or leave ours out"):
            benchmark(declared, **SMALL | {"only": ["model"]})
        with pytest.raises(InputError, match="No engine renders elsewhere: give recorded train and test rows with --d"):
            benchmark(declared, without=["model"], **SMALL)


def _declared_elsewhere() -> Collection:
    """The light collection of another instrument, which nothing renders."""
    instrument = replace(LIGHT.instrument, name="elsewhere")
    return replace(LIGHT, name="elsewhere-light", instrument=instrument)


class TestFiles:
    def test_record_markdown_and_pictures(self, done, tmp_path):
        _, found = done
        # Of an earlier one, which has nothing to do with this.
        (tmp_path / PICTURES["learning"]).write_bytes(b"old")
        files = {path.name for path in found.save(tmp_path)}
        assert files == {path.name for path in tmp_path.iterdir()}
        assert files >= {"benchmark.json", "benchmark.md", "benchmark.png", "benchmark-seconds.png"}
        assert json.loads((tmp_path / "benchmark.json").read_text()) == found.record
        text = (tmp_path / "benchmark.md").read_text()
        # Of settings, of sounds, and of pairs.
        assert text.count("| model + matching |") == 3
        # Those, and the settings of all rows.
        assert text.count("| model alone |") == 4
        assert "secret-sauce benchmark light" in text
        for path in tmp_path.glob("*.png"):
            assert path.read_bytes().startswith(b"\x89PNG")
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="is a file; give a folder"):
            found.save(tmp_path / "file")

    def test_a_learning_curve_where_the_training_tells_one(self, done, tmp_path):
        record = done[1].record | {
            "history": [
                {"sounds": 1_000 * 4**step, "sounds_seen": 1, "knob_mae": 2.0 / (step + 1), "switch_accuracy": 0.9}
                for step in range(4)
            ]
        }
        names = {path.name for path in Benchmark(record).save(tmp_path)}
        assert PICTURES["learning"] in names

    def test_it_is_of_the_weights_that_lie_beside_it(self, done, tmp_path):
        folder = tmp_path / "ckpt"
        shutil.copytree(checkpoint_path(LIGHT.name), folder)
        (folder / "benchmark.json").unlink(missing_ok=True)
        assert read_benchmark(folder) is None
        done[1].save(folder)
        found = read_benchmark(folder)
        assert found is not None
        assert found.record == done[1].record
        Benchmark(done[1].record | {"weights": "0" * 64}).save(folder)
        with pytest.raises(InputError, match=r"is about other weights.*benchmark noisemaker-light --model"):
            read_benchmark(folder)
        for content, message in (("{", "cannot be read"), ('{"schema": 0}', "not a benchmark of this version")):
            (folder / "benchmark.json").write_text(content)
            with pytest.raises(InputError, match=message):
                read_benchmark(folder)

    def test_the_card_shows_it_with_the_command(self, done):
        folder = checkpoint_path(LIGHT.name)
        config = SecretSauceConfig.from_pretrained(folder)
        evaluation = json.loads((folder / "evaluation.json").read_text())
        record = done[1].record | {"command": "secret-sauce benchmark noisemaker-light --model mine --rows 2"}
        card, plain = (
            model_card(LIGHT, config, evaluation, {}, benchmark=shown, repo="me/light")
            for shown in (Benchmark(record), None)
        )
        assert "## Beside other ways to answer" in card
        assert "## Beside other ways to answer" not in plain
        assert "secret-sauce benchmark noisemaker-light --model me/light --rows 2\n" in card
        figure = record["ways"]["matching"]["sounds"]["mss"]["median"]
        row = next(line for line in card.splitlines() if line.startswith("| model + matching |") and "dB" not in line)
        assert row in card
        assert f"| {figure[0]:.2f} ({figure[1]:.2f}–{figure[2]:.2f}) |" in card
        assert "](benchmark.png)" in card


class TestCommand:
    def test_tables_fit_and_files_are_written(self, built, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        without = [
            word for name in ("lstm", "regression", "genetic", "genetic-renders") for word in ("--without", name)
        ]
        with pytest.raises(SystemExit) as end:
            main(["benchmark", "noisemaker-light", "--data", str(built), "--rows", "1", "--seconds", ".2", *without])
        assert end.value.code == 0
        shown = capsys.readouterr()
        assert max(map(len, shown.out.splitlines())) <= 120
        assert "…" not in shown.out
        for name in ("naive", "knn", "nearest", "model", "matching", "floor"):
            assert f"\n {name} " in shown.out
        assert "8 sounds, 1 of them searched for: about 1 s" in shown.err
        record = json.loads((tmp_path / "noisemaker-light-benchmark" / "benchmark.json").read_text())
        # Names only.
        assert str(tmp_path) not in json.dumps(record)
        assert record["command"].startswith(
            "secret-sauce benchmark noisemaker-light --model shipped --data built --rows 1"
        )

    def test_a_mistake_is_one_line(self, capsys):
        with pytest.raises(SystemExit) as end:
            main(["benchmark", "noisemaker-light", "--without", "nobody"])
        assert end.value.code == 2
        assert capsys.readouterr().err.startswith("secret-sauce: --without nobody: there is no such way to answer;")

    def test_ctrl_c_says_how_to_go_on(self, built, tmp_path, monkeypatch, capsys):
        def stop(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(searching, "match", stop)
        with pytest.raises(SystemExit) as end:
            without = ["--without", "lstm", "--without", "regression"]
            main(["benchmark", "noisemaker-light", "--data", str(built), "--out", str(tmp_path), *without])
        assert end.value.code == 130
        assert "the same command, without --again, goes on from here" in capsys.readouterr().err


def test_settings_that_sound_the_same_are_left_out_where_nobody_asks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--rows", "2", "--only", "naive", "--no-same", "--out", "found"]
    with pytest.raises(SystemExit) as ended:
        main(["benchmark", "noisemaker-light", *options])
    assert not ended.value.code
    record = json.loads((tmp_path / "found" / "benchmark.json").read_text())
    assert record["command"].endswith(" --only naive --no-same")
    assert not list((tmp_path / "found" / ".rows").glob("same-*"))
