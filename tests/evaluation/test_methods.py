"""Methods that other packages bring, the order in which methods answer, and where their rows are from."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.data.source import locate
from secret_sauce_hf.engines import Engine, find_engine, get_engine
from secret_sauce_hf.evaluation import benchmark
from secret_sauce_hf.evaluation.material import gather
from secret_sauce_hf.evaluation.methods import registry
from secret_sauce_hf.evaluation.methods.registry import get_method, in_turn, method_names
from secret_sauce_hf.evaluation.searching import Budget, Searcher
from secret_sauce_hf.evaluation.store import Store
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import draw_presets

LIGHT = get_collection("noisemaker-light")
MINE = replace(LIGHT, name="my-light", count=0, train_count=0)
"""A collection that somebody declared."""
MIDDLE = """
import numpy as np
from secret_sauce_hf.evaluation import Answer, Method


class Middle(Method):
    name, title, about = "middle", "the middle", "every knob in the middle, every switch at its first label"

    def answer(self, task):
        middle = [0.0 if parameter.classes else 0.5 for parameter in task.presets.parameters]
        units = np.tile(middle, (len(task.presets), 1))
        return Answer(units[: task.first], units)
"""


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Iterator[Path]:
    """A package with a method, on the path; `entry_points.txt` says which."""
    info = tmp_path / "middle-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: middle\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[secret_sauce_hf.methods]\nmiddle = middle_method:Middle\n")
    (tmp_path / "middle_method.py").write_text(MIDDLE)
    monkeypatch.syspath_prepend(tmp_path)
    registry.METHODS.forget()
    yield info / "entry_points.txt"
    registry.METHODS.forget()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build_collection(MINE, tmp_path_factory.mktemp("mine") / "built", seed=1, count=15, progress=False)


class TestOutside:
    def test_a_method_from_outside_the_package_is_one_class(self, installed, built):  # noqa: ARG002
        assert method_names()[-2:] == ("middle", "floor")
        others = [name for name in method_names() if name not in ("naive", "middle", "floor")]
        found = benchmark(MINE, data=built, rows=2, without=others, progress=False)
        assert list(found.record["ways"]) == ["naive", "middle", "floor"]
        mine = found.record["ways"]["middle"]
        assert mine["settings_of_all"]["all"]["knob_mae"][0] > 0
        assert len(mine["rows"]["mss"]) == 2
        assert "| the middle |" in found.markdown()

    def test_nobody_takes_the_place_of_one_of_ours(self, installed):
        installed.write_text("[secret_sauce_hf.methods]\nnaive = middle_method:Middle\n")
        registry.METHODS.forget()
        assert get_method("naive").title == "naive"

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("other = middle_method:Middle", "is registered as the method other, and is none"),
            ("middle = middle_method:np", "is registered as the method middle, and is none"),
            ("middle = middle_method:Nobody", "The method middle, middle_method:Nobody, cannot be loaded"),
            ("middle = nowhere:Middle", "The method middle, nowhere:Middle, cannot be loaded"),
        ],
    )
    def test_what_is_no_method(self, installed, line, message):
        installed.write_text(f"[secret_sauce_hf.methods]\n{line}\n")
        registry.METHODS.forget()
        with pytest.raises(InputError, match=message):
            get_method(line.split()[0])

    def test_an_unknown_name(self):
        with pytest.raises(InputError, match="There is no method 'svm'; there are naive, knn"):
            get_method("svm")


class TestOrder:
    def test_who_looks_at_others_answers_after_them(self):
        ordered = [method.name for method in in_turn(get_method(name) for name in method_names())]
        assert sorted(ordered) == sorted(method_names())
        assert ordered.index("matching") < ordered.index("genetic-renders")
        assert ordered.index("matching") < ordered.index("genetic")

    def test_methods_that_wait_for_each_other(self):
        pair = [SimpleNamespace(name="a", after=("b",)), SimpleNamespace(name="b", after=("a",))]
        with pytest.raises(InputError, match="The methods a, b wait for each other"):
            in_turn(pair)


class Silent(Engine):
    """An engine that somebody hands in: it plays silence, remembers nothing, and counts what it is asked for."""

    name = "noisemaker"
    version = "silent"
    parameters = LIGHT.instrument.parameters
    rows = 0

    def _render(self, job):
        Silent.rows += len(job.presets)
        return np.zeros((len(job.presets), job.presets.collection.samples), np.int16)


class Counted(type(get_engine("noisemaker"))):
    version = "counted"
    rows = 0

    def _render(self, job):
        Counted.rows += len(job.presets)
        return super()._render(job)


class TestEngine:
    def test_rows_of_2018_are_played_by_the_engine_that_is_handed_in(self):
        few = replace(LIGHT, count=10, train_count=8)
        material = gather(few, Silent(), None, None)
        assert not material.sounds.any() and len(material.sounds) == Silent.rows == 2
        # A command would play them by the engine that is installed.
        assert material.source["build"] is None

    def test_matching_searches_with_the_engine_that_is_handed_in(self):
        budget = Budget(10.0, 30, 0)
        pipe = load_pipeline("noisemaker-light")
        searcher = Searcher(LIGHT, Counted(), pipe, None, budget, Store(None), progress=False)
        sound = to_float(get_engine("noisemaker").render(draw_presets(LIGHT, 1, 5)))
        assert 0 < searcher.match(sound)[0].renders <= Counted.rows


class TestSource:
    def test_a_build_of_a_declared_collection_is_found(self, built):
        found = locate(built, MINE, find_engine(MINE))
        assert found["source"] == "built"
        assert found["build"].startswith("secret-sauce build declaration.json --out DIR --seed 1 --count 15")

    def test_where_the_declaration_is_not_known_no_command_is_told(self, built):
        assert locate(built, None, find_engine(MINE)) == {"source": "built", "revision": None, "build": None}

    def test_a_build_of_another_declaration_is_refused(self, built):
        with pytest.raises(InputError, match="declaration was"):
            locate(built, replace(MINE, columns=MINE.columns[:-1]), find_engine(MINE))
