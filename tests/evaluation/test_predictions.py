"""Answers of other systems: from files, from plain callables, and rows exported for them."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from secret_sauce_hf.cli.root import main
from secret_sauce_hf.data import build_collection, load_takes, read_recordings
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.evaluation import benchmark, export_benchmark, predictions, read_predictions
from secret_sauce_hf.evaluation.exported import TASKS, is_export, read_export, task_values
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
ENGINE = get_engine("noisemaker")
FILES = [f"s{row}.wav" for row in range(8)]
PRESETS = [dict(row) for row in draw_presets(LIGHT, 8, seed=3).rows()]


def _file(folder: Path, *lines: object) -> Path:
    path = folder / "Their system_v2.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def _answers(rows: int) -> list[dict]:
    return [{"row": row, "preset": PRESETS[row]} for row in range(rows)]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """32 train rows and 8 test rows."""
    return build_collection(LIGHT, tmp_path_factory.mktemp("light") / "built", seed=1, count=40, progress=False)


class TestFile:
    def test_rows_and_files_presets_and_candidates(self, tmp_path):
        lines = [
            {"file": "s1.wav", "candidates": [PRESETS[1], PRESETS[5]], "seconds": 2},
            "",
            {"row": 0, "preset": PRESETS[0], "seconds": 4.0},
        ]
        found = read_predictions(_file(tmp_path, *lines), LIGHT, FILES, 2)
        assert found.name == "their-system-v2"
        assert [len(units) for units in found.units] == [1, 2]
        np.testing.assert_array_equal(found.units[1], Presets.from_settings(LIGHT, [PRESETS[1], PRESETS[5]]).unit)
        assert found.seconds == 3.0
        # All of them, in whatever order.
        assert len(read_predictions(_file(tmp_path, *reversed(_answers(8))), LIGHT, FILES, 2).units) == 8

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{nonsense", r"line 2: not JSON in UTF-8"),
            ('{"row": 1, "preset": {"filter_cutoff": NaN}}', "line 2: not JSON .*NaN is no number"),
            ("[1]", "line 2: .* is no object; write one with row or file"),
            ("[" * 100_000, "line 2: not JSON"),
            ({"row": 1, "preset": PRESETS[1], "score": 1}, "line 2: 'score' is not known; there are row, file, preset"),
            ({"preset": PRESETS[1]}, "line 2: give the sound by its row or by its file"),
            ({"row": 1, "file": "s1.wav", "preset": PRESETS[1]}, "by one of both"),
            ({"row": 8, "preset": PRESETS[1]}, "line 2: 8 is no row; they are numbered from 0 to 7"),
            ({"row": True, "preset": PRESETS[1]}, "True is no row"),
            ({"row": 1.0, "preset": PRESETS[1]}, "1.0 is no row"),
            ({"file": "s9.wav", "preset": PRESETS[1]}, "no sound that is scored has the file 's9.wav'"),
            ({"file": ["s1.wav"], "preset": PRESETS[1]}, "no sound that is scored has the file"),
            ({"row": 0, "preset": PRESETS[1]}, "line 2: line 1 answers row 0 already"),
            ({"row": 1}, "line 2: give one preset, or several candidates"),
            ({"row": 1, "candidates": []}, "candidates must be a list of 1 to 64 presets"),
            ({"row": 1, "candidates": [PRESETS[1]] * 65}, "candidates must be a list of 1 to 64"),
            ({"row": 1, "candidates": [3]}, "3 is no preset"),
            ({"row": 1, "preset": PRESETS[1] | {"file": "a.wav"}}, "the file stands beside the preset"),
            ({"row": 1, "preset": {}}, "line 2: no value for lfo1_rate"),
            ({"row": 1, "preset": PRESETS[1] | {"reverb": 1}}, "line 2.*reverb"),
            ({"row": 1, "preset": PRESETS[1] | {"filter_cutoff": 11}}, "line 2, column filter_cutoff: 11 must be"),
            ({"row": 1, "preset": PRESETS[1] | {"osc2_wave": "Zaw"}}, "line 2, column osc2_wave: 'Zaw' must be one of"),
            ({"row": 1, "preset": PRESETS[1], "seconds": -1}, "seconds are -1; give a number"),
            ({"row": 1, "preset": PRESETS[1], "seconds": "3"}, "seconds are '3'"),
        ],
    )
    def test_a_line_with_a_mistake(self, tmp_path, line, message):
        with pytest.raises(InputError, match=message):
            read_predictions(_file(tmp_path, {"row": 0, "preset": PRESETS[0]}, line), LIGHT, FILES, 2)

    def test_missing_rows_are_told(self, tmp_path):
        with pytest.raises(
            InputError, match=r"answers 2 rows and lacks row 2, 3, 4, 5, 6 and 1 more of the first 8.*--rows"
        ):
            read_predictions(_file(tmp_path, *_answers(2)), LIGHT, FILES, 8)

    def test_sizes_are_bounded(self, tmp_path, monkeypatch):
        path = _file(tmp_path, *_answers(2))
        monkeypatch.setattr(predictions, "MAX_LINE", 50)
        with pytest.raises(InputError, match="line 1: longer than 50 bytes"):
            read_predictions(path, LIGHT, FILES, 2)
        monkeypatch.setattr(predictions, "MAX_BYTES", 50)
        with pytest.raises(InputError, match="larger than"):
            read_predictions(path, LIGHT, FILES, 2)
        with pytest.raises(InputError, match="no file of predictions"):
            read_predictions(tmp_path / "none.jsonl", LIGHT, FILES, 2)


class TestBenchmark:
    def test_a_system_that_knows_the_truth_is_right_everywhere(self, built, tmp_path):
        truth = load_takes(built, "test").presets
        rows = [dict(row) for row in truth.rows()]
        # The truth comes second, behind a wrong preset; whoever renders both finds it.
        lines = [{"file": name, "candidates": [PRESETS[0], row]} for name, row in zip(truth.files, rows, strict=True)]
        path = _file(tmp_path, *lines)
        asked = []

        def knows(sound, sampling_rate):
            asked.append((sound.shape, sound.dtype, sampling_rate))
            return rows[len(asked) - 1]

        found = benchmark(
            LIGHT,
            data=built,
            predictions=[path],
            methods={"oracle": knows},
            only=["naive", "floor"],
            rows=6,
            progress=False,
        )
        record = found.record
        assert list(record["ways"]) == [
            "naive", "their-system-v2", "their-system-v2-nearest", "oracle", "floor",
        ]  # fmt: skip
        assert asked == [((LIGHT.samples,), np.float32, 22_050)] * 6
        oracle, wrong, nearest = (
            record["ways"][name] for name in ("oracle", "their-system-v2", "their-system-v2-nearest")
        )
        assert oracle["settings"]["heard"]["within_step"][0] == 1
        assert oracle["settings"]["same"]["all_right"][0] == oracle["settings"]["same"]["whole"][0] == 1
        assert wrong["settings"]["same"]["all_right"][0] < 0.5
        assert wrong["settings_of_all"] is not None
        assert nearest["settings"]["same"]["all_right"][0] == 1
        # Its settings are the truth itself, whose noise and phases come no nearer than the floor.
        assert oracle["sounds"]["floors"]["median"][0] <= 1.5
        assert wrong["sounds"]["floors"]["median"][0] > 2
        assert task_values(oracle)["all_right_or_same"] == 100
        assert set(task_values(wrong)) == set(TASKS)
        pair = next(p for p in record["pairs"]["mss"] if {p["one"], p["other"]} == {"naive", "oracle"})
        assert pair["rows"] == 6 and pair["holm"] is not None
        text = found.markdown()
        assert "all right or same %" in text and "Holm" in text and "× floor" in text

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (3, "mine answers row 0 with int"),
            ([], "mine answers row 0 with list"),
            ([3], "mine answers row 0 with int in a list"),
            ({"filter_cutoff": 1}, "the answer of mine to row 0: no value for"),
        ],
    )
    def test_callables_that_answer_with_something_else(self, built, answer, message):
        with pytest.raises(InputError, match=message):
            benchmark(LIGHT, data=built, methods={"mine": lambda *_: answer}, only=["floor"], rows=1, progress=False)

    def test_names_that_cannot_be(self, built):
        options = {"data": built, "rows": 1, "progress": False}
        with pytest.raises(InputError, match="'My method' is no name of a method; use lower case"):
            benchmark(LIGHT, methods={"My method": lambda *_: {}}, **options)
        with pytest.raises(InputError, match="There is a method naive already"):
            benchmark(LIGHT, methods={"naive": lambda *_: {}}, **options)
        with pytest.raises(InputError, match="--only nobody: there is no such way"):
            benchmark(LIGHT, only=["nobody"], **options)

    def test_what_is_trained_is_trained_with_several_seeds(self, built):
        found = benchmark(LIGHT, data=built, only=["lstm"], rows=2, baseline_steps=2, seeds=3, seed=5, progress=False)
        seeds = found.record["ways"]["lstm"]["seeds"]
        assert seeds["seeds"] == [5, 6, 7]
        errors = seeds["settings"]["all"]["knob_mae"]
        # After two steps they may still answer the same, two of them.
        assert len(errors) == 3 and len(set(errors)) > 1
        assert errors[0] == pytest.approx(found.record["ways"]["lstm"]["settings"]["all"]["knob_mae"][0])
        assert "lstm, trained with 3 seeds" in found.markdown()


class TestExport:
    def test_the_rows_of_a_dataset(self, built, tmp_path):
        files = export_benchmark(LIGHT, tmp_path / "out", data=built, rows=3, progress=False)
        assert all(path.is_file() for path in files)
        assert is_export(tmp_path / "out") and not is_export(built)
        record = read_export(tmp_path / "out")
        assert (record["rows"], record["hidden"], record["collection"]) == (3, False, LIGHT.name)
        takes, expected = load_takes(tmp_path / "out", "test"), load_takes(built, "test")
        assert takes.presets == expected.presets[:3]
        np.testing.assert_array_equal(takes.sounds, expected.sounds[:3])
        described = yaml.safe_load((tmp_path / "out" / "eval.yaml").read_text())
        assert set(described) == {"name", "description", "evaluation_framework", "tasks"}
        assert described["tasks"] == [{"id": name, "config": "default", "split": "test"} for name in TASKS]
        with pytest.raises(InputError, match="is not empty"):
            export_benchmark(LIGHT, tmp_path / "out", data=built, rows=3, progress=False)

    def test_hidden_settings_are_scored_by_whoever_keeps_them(self, built, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            main(["benchmark", LIGHT.name, "--data", str(built), "--export", "out", "--hidden", "--rows", "2"])
        assert ended.value.code == 0
        content = (tmp_path / "out" / "data" / "test-00000-of-00001.parquet").read_bytes()
        assert not any(name.encode() in content for name in LIGHT.columns)
        kept = read_recordings(tmp_path / "out-answers.parquet", LIGHT)
        np.testing.assert_allclose(kept.presets.unit, load_takes(built, "test").presets.unit[:2], rtol=1e-12)
        path = _file(tmp_path, *_answers(2))
        command = ["benchmark", LIGHT.name, "--recordings", "out-answers.parquet", "--predictions", str(path)]
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*command, "--only", "floor", "--rows", "2", "--out", "scored"])
        assert ended.value.code == 0
        record = json.loads((tmp_path / "scored" / "benchmark.json").read_text())
        assert list(record["ways"]) == ["their-system-v2", "floor"]
        assert "--predictions" in record["command"]
        assert "right or same" in capsys.readouterr().out

    def test_mistakes(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            main(["benchmark", LIGHT.name, "--hidden"])
        assert "--export DIR" in capsys.readouterr().err
        with pytest.raises(InputError, match="play notes of their own"):
            export_benchmark("noisemaker-notes", tmp_path / "out", rows=1, hidden=True, progress=False)
