"""The records that cards, builds and listings are made of, written by anybody: used as they must be, or refused."""

import copy
import json
from typing import Any

import pytest
from kinds import ORIGINAL

from secret_sauce_hf import InputError, checkpoint_path
from secret_sauce_hf.cards.records import check_evaluation, check_training
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.evaluation.records import read_evaluation, read_history
from secret_sauce_hf.evaluation.results import read_benchmark
from secret_sauce_hf.evaluation.store import Store
from secret_sauce_hf.forms import count, each, fields, line, list_of, maybe, number, plain, read_record, some
from secret_sauce_hf.instruments import get_collection

LIGHT = get_collection("noisemaker-light")
SHIPPED = [name for name in ORIGINAL if (checkpoint_path(name) / "config.json").is_file()]
DEEP = "[" * 100_000


def shipped(name: str, collection: str = LIGHT.name) -> Any:
    return json.loads((checkpoint_path(collection) / f"{name}.json").read_text())


def changed(record: Any, path: str, value: Any) -> Any:
    """A copy in which a value is another one; `...` takes it out."""
    record = copy.deepcopy(record)
    *way, last = path.split("/")
    inside = record
    for key in way:
        inside = inside[int(key) if isinstance(inside, list) else key]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return record


def refused(call, *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize("collection", SHIPPED)
def test_what_ships_is_as_it_must_be(collection):
    check_evaluation(shipped("evaluation", collection), get_collection(collection).columns)
    check_training(shipped("training", collection))
    read_benchmark(checkpoint_path(collection))


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (number, [0, -1.5, 1e14], [True, "1", None, float("nan"), float("inf"), 10**400, []]),
        (count, [0, 7], [-1, 1.0, False, 10**20, "3"]),
        (line, ["", "é"], ["a\nb", 3, None, "x" * 20_000, "\x00"]),
        (plain, ["a", 1, 2.5, None, True], [[], {}, float("nan"), "a\nb"]),
        (maybe(count), [None, 3], ["", [1], {}, []]),
        (some(fields({"a": count})), [None, {}, {"a": 1}], [[], {"b": 1}, 0]),
        (each(number), [{}, {"a": 1}], [{"a": "x"}, [1], {"a\n": 1}]),
        (list_of(line), [[], ["a"]], [{}, "a", [1]]),
        (fields({"a": count}, {"b": line}), [{"a": 1}, {"a": 1, "b": "x", "c": []}], [{}, {"a": 1, "b": 1}, [], None]),
    ],
    ids=["number", "count", "line", "plain", "maybe", "some", "each", "list", "fields"],
)
def test_forms(form, good, bad):
    for value in good:
        form(value, "it")
    for value in bad:
        assert "it" in refused(form, value, "it")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data", []),
        ("data/rows", "7"),
        ("data/source", ["a"]),
        ("data/split", "te\nst"),
        ("data/references", ...),
        ("scores/naive", ...),
        ("scores/model/knob_mae", "0.5"),
        ("scores/model/heard", {}),
        ("scores/nearest/per_parameter/lfo1_rate", float("nan")),
        ("sounds", [1]),
        ("sounds/floor", 10**400),
        ("versions", "1"),
        ("collection", None),
    ],
)
def test_evaluations(path, value):
    said = refused(check_evaluation, changed(shipped("evaluation"), path, value), LIGHT.columns)
    assert path.split("/")[-1] in said and "run `secret-sauce evaluate` again" in said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run", "noisemaker"),
        ("run/collection", ...),
        ("run/data", 5),
        ("run/seed", [1]),
        ("sounds", "all"),
        ("versions", ...),
        ("validation_sounds", -1),
        ("parameters", 1.5),
        ("seconds", "10"),
        ("machine", 3),
        ("calibration", {"error": "small"}),
        ("base", {"run": 3}),
        ("build", {"a": 1}),
    ],
)
def test_trainings(path, value):
    said = refused(check_training, changed(shipped("training"), path, value))
    assert "The record of the training cannot be used" in said and "remove it" in said


def test_a_training_without_an_end():
    record: dict = shipped("training")
    for _ in range(200):
        record = record | {"base": record}
    assert "more than 100 runs" in refused(check_training, record)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", 2),
        ("weights", ["a"]),
        ("ways", []),
        ("ways/model", "good"),
        ("ways/model/seconds", "fast"),
        ("ways/model/settings/all/knob_mae", 0.5),
        ("ways/model/settings/heard", ...),
        ("ways/model/sounds/mss/median", [1.0, None, 2.0]),
        ("ways/lstm/trained", {"epochs": None, "seconds": 1}),
        ("data/known", "8,000"),
        ("published", None),
        ("calibration/switch_error", [1]),
        ("command", 7),
        ("budget", ...),
    ],
)
def test_benchmarks(path, value, tmp_path):
    record = changed(shipped("benchmark"), path, value)
    (tmp_path / "benchmark.json").write_text(json.dumps(record))
    said = refused(read_benchmark, tmp_path)
    assert "benchmark.json" in said and "run `secret-sauce benchmark` again, or remove it" in said


@pytest.mark.parametrize("text", ["", "[]", "null", DEEP, "{", "\xff", "1" * 5_000])
def test_files_that_are_no_records(text, tmp_path):
    for name in ("evaluation", "benchmark", "training"):
        (tmp_path / f"{name}.json").write_bytes(text.encode("latin-1"))
    for read in (read_evaluation, read_benchmark, read_history):
        assert "cannot be read" in refused(read, tmp_path)
    (tmp_path / ".build.json").write_bytes(text.encode("latin-1"))
    assert "is not a build of this version" in refused(finished_plan, tmp_path)
    assert "cannot be read" in refused(read_record, tmp_path / ".build.json")
    out = lambda: build_collection(LIGHT, tmp_path, seed=1, count=1, progress=False)  # noqa: E731
    assert "holds another build" in refused(out)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("start", "0"),
        ("stop", 1e300),
        ("seed", [1]),
        ("collection", ["a"]),
        ("heard_threshold", "6"),
        ("in_session", {}),
    ],
)
def test_records_of_builds(key, value, tmp_path):
    folder = build_collection(LIGHT, tmp_path / "built", seed=1, count=2, progress=False)
    record = json.loads((folder / ".build.json").read_text()) | {key: value}
    (folder / ".build.json").write_text(json.dumps(record))
    assert "is not a build of this version" in refused(finished_plan, folder)


@pytest.mark.parametrize("history", ["all", [1], [{"loss": "x"}], {}])
def test_histories(history, tmp_path):
    (tmp_path / "training.json").write_text(json.dumps({"history": history, "run": {"base": None}}))
    assert "cannot be read" in refused(read_history, tmp_path)


def test_lines_of_a_store_that_are_none(tmp_path):
    part = Store(tmp_path).part("matching", {})
    part.put("a", 1)
    [path] = tmp_path.rglob("*.jsonl")
    path.write_bytes(
        b'[]\n{"key": ["a"], "value": 1}\n{"value": 2}\nnull\n\xff\n' + DEEP.encode() + b"\n" + path.read_bytes()
    )
    assert Store(tmp_path).part("matching", {})["a"] == 1
