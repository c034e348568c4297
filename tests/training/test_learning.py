"""Learning an instrument in one go: what is left out, how long it takes, and that it goes on where it was."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.evaluation import Benchmark
from secret_sauce_hf.instruments import InputError, get_collection, read_declaration, write_declaration
from secret_sauce_hf.instruments.families import noted
from secret_sauce_hf.learning import learn
from secret_sauce_hf.learning.audible import LEAST_SHARE, chosen, reduced, shares_heard
from secret_sauce_hf.learning.budgeting import BATCH, EPOCHS, FEWEST_STEPS, Pace, StepClock, pace
from secret_sauce_hf.learning.recorded import collection_of, is_dataset
from secret_sauce_hf.matching import load_model, match
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
FULL = get_collection("noisemaker")


def test_what_is_heard_is_measured():
    shares = shares_heard(get_engine(LIGHT), LIGHT, 3, rows=24, progress=False)
    assert list(shares) == list(LIGHT.columns) and all(0 <= share <= 1 for share in shares.values())
    assert shares["filter_cutoff"] > 0.9 > LEAST_SHARE


def test_an_instrument_that_is_muted_is_told():
    silent = reduced(FULL, ("filter_cutoff",), "silent", {"osc1_volume": 0.0, "osc2_volume": 0.0})
    with pytest.raises(InputError, match=r"Nothing is heard of silent.*--without"):
        shares_heard(get_engine(FULL), silent, 0, rows=3, progress=False)


def test_parameters_are_chosen_and_the_others_fixed():
    assert chosen(LIGHT, (), ("osc2_wave",)) == ("lfo1_rate", "filter_cutoff", "lfo1_amount", "filter_resonance")
    assert chosen(LIGHT, ("osc2_wave", "lfo1_rate"), ()) == ("lfo1_rate", "osc2_wave")
    with pytest.raises(InputError, match=r"has no parameter 'cutoff'; .*filter_cutoff"):
        chosen(LIGHT, ("cutoff",), ())
    with pytest.raises(InputError, match="No parameter is left"):
        chosen(LIGHT, (), LIGHT.columns)
    less = reduced(LIGHT, ("filter_cutoff", "osc2_wave"), "less", {"lfo1_rate": 1.0})
    fixed = dict(less.fixed)
    assert less.columns == ("filter_cutoff", "osc2_wave") and fixed["lfo1_rate"] == 1.0
    # What people set most often, and of an instrument of which that is not known the middle.
    assert fixed["filter_resonance"] == 0.0 and fixed["osc1_wave"] == dict(LIGHT.fixed)["osc1_wave"]
    plain = replace(LIGHT, instrument=replace(LIGHT.instrument, name="plain"))
    assert dict(reduced(plain, ("osc2_wave",), "less").fixed)["filter_cutoff"] == pytest.approx(5, abs=0.1)
    rows = draw_presets(less, 3, 1)
    assert np.array_equal(render(rows), render(Presets(replace(less, name="other"), rows.unit)))


def test_the_time_says_how_many_sounds_are_rendered():
    assert Pace(step=0.5, takes=100).fresh(600) == round(0.72 * 1_200) * BATCH // EPOCHS
    assert Pace(step=60, takes=1).fresh(1) == FEWEST_STEPS * BATCH // EPOCHS


def test_a_step_is_what_most_steps_take(monkeypatch):
    # The first one waits for what is compiled, and what is between two of them is no step.
    times = iter([0.0, 30.0, 100.0, 102.0, 200.0, 203.0, 300.0, 302.5])
    monkeypatch.setattr("secret_sauce_hf.learning.budgeting.time.perf_counter", lambda: next(times))
    clock = StepClock()
    for _ in range(4):
        clock.on_step_begin()
        clock.on_step_end()
    assert clock.step == 2.5


def test_a_slow_engine_is_waited_for(tmp_path):
    class Slow(get_engine("noisemaker").__class__):
        def render(self, presets, **options):
            time.sleep(0.02 * len(presets))
            return super().render(presets, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secret_sauce_hf.learning.budgeting.PROBE_STEPS", 1)
        patch.setattr("secret_sauce_hf.learning.budgeting.default_workers", lambda: 1)
        patch.setattr("secret_sauce_hf.learning.budgeting.train", lambda *_, callbacks, **__: run_steps(callbacks[0]))
        found = pace(LIGHT, Slow(), None, "uniform", tmp_path / "probe", 1)
    assert 20 < found.takes < 51 and found.step > BATCH / EPOCHS * 0.02


def run_steps(clock):
    clock.on_step_begin()
    clock.on_step_end()


def test_a_collection_of_one_note_as_one_of_notes(tmp_path):
    mine = reduced(noted(LIGHT), LIGHT.columns, "mine")
    assert (mine.plays.lowest, mine.plays.highest) == (24, 96) and mine.seconds == pytest.approx(2.5)
    write_declaration(mine, tmp_path / "mine.json")
    assert read_declaration(tmp_path / "mine.json") == mine
    assert len(set(draw_presets(mine, 20, 1).performances.pitch.tolist())) > 5


@pytest.fixture(scope="module")
def small():
    """So little of everything that it takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secret_sauce_hf.learning.run.TAKES", 40)
        patch.setattr("secret_sauce_hf.learning.run.VALIDATION", 8)
        patch.setattr("secret_sauce_hf.learning.run.FINISHING_SOUNDS", 50)
        patch.setattr("secret_sauce_hf.learning.budgeting.PROBE_STEPS", 1)
        patch.setattr("secret_sauce_hf.learning.budgeting.FEWEST_STEPS", 1)
        patch.setattr("secret_sauce_hf.learning.budgeting.TRAINING_SHARE", 1e-6)
        patch.setattr("secret_sauce_hf.training.strokes.PAGE", 64)
        # A process that renders takes longer to begin than it would save.
        patch.setattr("secret_sauce_hf.training.run.default_workers", lambda: 0)
        yield patch


@pytest.fixture(scope="module")
def learned(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("learned") / "mine"
    arguments = {"minutes": 0.5, "without": ("osc2_wave",), "rows": 2, "seconds": 0.2, "progress": False, "seed": 3}
    # The report fails: what took long is done already, and the same call goes on behind it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secret_sauce_hf.learning.run.benchmark", _fail)
        with pytest.raises(RuntimeError, match="stopped"):
            learn(LIGHT, out, **arguments)
    state = json.loads((out / ".learning" / "state.json").read_text())
    with pytest.raises(InputError, match="holds a run of other arguments"):
        learn(LIGHT, out, **arguments | {"seed": 4})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("train", "pace", "shares_heard"):
            patch.setattr(f"secret_sauce_hf.learning.run.{name}", _fail)
        found = learn(LIGHT, out, **arguments)
    assert small and state["asked"]["name"] == "noisemaker-light-learned"
    return found


def _fail(*_, **__):
    raise RuntimeError("stopped")


def test_what_is_left_is_a_checkpoint_a_declaration_and_a_report(learned):
    assert not (learned.folder / ".learning").exists()
    assert read_declaration(learned.folder / "declaration.json") == learned.collection
    assert list(learned.left_out) == ["osc2_wave"]
    report = (learned.folder / "report.md").read_text()
    for text in ("| matching", "| nearest", "osc2_wave (", "![heard](report/heard.png)"):
        assert text in report
    assert all((learned.folder / name.split(")")[0]).is_file() for name in report.split("](")[1:])
    assert Benchmark(learned.record).record["data"]["first"] == 2


def test_it_matches_with_the_engine_and_what_is_fixed(learned):
    (take,) = render(draw_presets(learned.collection, 1, 50))
    loaded = load_model(model=learned.folder)
    assert loaded.collection == learned.collection
    found = match({"array": take, "sampling_rate": 22_050}, model=loaded, renders=40)
    assert found.rendered is not None and set(found.preset) == set(learned.collection.columns)
    assert found.fixed["osc2_wave"] == "Saw" and found.candidates[0].distance < 20


def test_a_declaration_of_another_model_beside_a_checkpoint_is_left_aside(learned, tmp_path):
    shutil.copytree(learned.folder, tmp_path / "copy")
    (tmp_path / "copy" / "declaration.json").write_text(
        json.dumps({"name": "other", "parameters": [{"kind": "knob", "name": "x"}]})
    )
    assert load_model(model=tmp_path / "copy").declared is None


@pytest.mark.usefixtures("small")
def test_a_model_of_notes_gets_a_listener_and_is_matched(tmp_path):
    found = learn(
        LIGHT, tmp_path / "mine", minutes=0.5, only=("filter_cutoff",), notes=True, rows=1, seconds=0.2, progress=False
    )
    loaded = load_model(model=found.folder)
    assert loaded.pipe.reads_notes and loaded.pipe.model.listener is not None
    (take,) = render(draw_presets(found.collection, 1, 50))
    answer = match({"array": take, "sampling_rate": 22_050}, model=loaded, renders=40)
    assert answer.rendered is not None and answer.notes and answer.in_domain is not None


@pytest.mark.parametrize(("arguments", "message"), [
    ({"minutes": 0}, "minutes is 0; give from 0.5"),
    ({"minutes": float("nan")}, "minutes is nan"),
    ({"minutes": 1, "rows": 0}, "rows"),
    ({"minutes": 1, "only": ("nothing",)}, "has no parameter 'nothing'"),
])  # fmt: skip
def test_what_cannot_be(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        learn(LIGHT, tmp_path / "out", progress=False, **arguments)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "song.txt").write_text("la")
    with pytest.raises(InputError, match="is not empty; choose a new folder"):
        learn(LIGHT, tmp_path, minutes=1, progress=False)
    mine = replace(LIGHT, instrument=replace(LIGHT.instrument, name="mine"), name="mine", count=0, seed=None)
    with pytest.raises(InputError, match="No engine renders"):
        learn(mine, tmp_path / "out", minutes=1, progress=False)


@pytest.fixture(scope="module")
def box():
    return replace(LIGHT, name="box", instrument=replace(LIGHT.instrument, name="box", title="Box"))


@pytest.fixture(scope="module")
def takes(box, tmp_path_factory):
    """A folder that tells by itself whose sounds it has."""
    folder = tmp_path_factory.mktemp("box") / "takes"
    build_collection(LIGHT, folder, seed=3, count=60, progress=False)
    write_declaration(box, folder / "declaration.json")
    return folder


@pytest.fixture(scope="module")
def of_takes(takes, tmp_path_factory):
    out = tmp_path_factory.mktemp("box") / "mine"
    arguments = {"minutes": 0.5, "progress": False, "seed": 3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secret_sauce_hf.learning.recorded.TRAINING_SHARE", 1e-6)
        patch.setattr("secret_sauce_hf.learning.recorded.TIMED", 1)
        patch.setattr("secret_sauce_hf.learning.run.benchmark", _fail)
        with pytest.raises(RuntimeError, match="stopped"):
            learn(takes, out, **arguments)
    with pytest.MonkeyPatch.context() as patch:
        # What took long is done.
        patch.setattr("secret_sauce_hf.learning.run.train", _fail)
        return learn(takes, out, **arguments)


class TestDatasets:
    """What was recorded of an instrument that nothing here plays."""

    def test_its_train_rows_teach_and_its_test_rows_judge(self, of_takes, box):
        assert of_takes.collection.name == "box-learned" and of_takes.collection.columns == box.columns
        assert set(of_takes.record["ways"]) == {"naive", "nearest", "model"}
        data = of_takes.record["data"]
        assert (data["split"], data["rows"], data["known"]) == ("test", 12, 48)
        run = json.loads((of_takes.folder / "training.json").read_text())["run"]
        assert run["data"] == "takes" and run["validation"] == 0 and run["epochs"] >= 1

    def test_its_model_answers_without_an_engine(self, of_takes):
        (take,) = render(draw_presets(LIGHT, 1, 50))
        answer = match({"array": take, "sampling_rate": 22_050}, model=of_takes.folder)
        assert answer.rendered is None and answer.collection == of_takes.collection

    def test_the_report_pretends_no_search(self, of_takes):
        report = (of_takes.folder / "report.md").read_text()
        assert "12 sounds that nobody has seen before; the nearest neighbour knows 48 others" in report
        assert "searched for" not in report and "takes a second" not in report

    def test_of_notes(self, tmp_path):
        notes = get_collection("noisemaker-light-notes")
        build_collection(notes, tmp_path / "takes", seed=3, count=30, progress=False)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (("TRAINING_SHARE", 1e-6), ("BATCH", 4), ("TIMED", 1)):
                patch.setattr(f"secret_sauce_hf.learning.recorded.{name}", value)
            found = learn(tmp_path / "takes", tmp_path / "mine", minutes=0.5, rows=1, seconds=0.2, progress=False)
        pipe = load_model(model=found.folder).pipe
        assert pipe.reads_notes and pipe.model.listener is not None
        assert {"model", "matching"} <= set(found.record["ways"])

    @pytest.mark.parametrize(("arguments", "message"), [
        ({"only": ("filter_cutoff",)}, "Of a dataset all parameters are learned"),
        ({"notes": True}, "Of a dataset all parameters are learned"),
        ({"collection": "guitar"}, "lacks the column"),
    ])  # fmt: skip
    def test_what_cannot_be(self, takes, arguments, message, tmp_path):
        with pytest.raises(InputError, match=message):
            learn(takes, tmp_path / "out", minutes=1, progress=False, **arguments)

    def test_no_test_rows(self, takes, tmp_path):
        shutil.copytree(takes, tmp_path / "takes")
        for path in (tmp_path / "takes" / "data").glob("test-*"):
            path.unlink()
        with pytest.raises(InputError, match="test"):
            learn(tmp_path / "takes", tmp_path / "out", minutes=1, progress=False)

    def test_a_collection_of_no_dataset(self, tmp_path):
        with pytest.raises(InputError, match="collection says whose sounds a dataset has"):
            learn(LIGHT, tmp_path / "out", minutes=1, collection=LIGHT, progress=False)

    def test_a_declaration_among_the_takes_names_no_file(self, tmp_path):
        record = {
            "name": "mine",
            "plugin": {"format": "VST2", "name": "Mine", "digest": "ef" * 32, "file": "/tmp/evil.so"},
            "parameters": [{"kind": "knob", "name": "x", "index": 0, "listed": "x"}],
        }
        (tmp_path / "declaration.json").write_text(json.dumps(record))
        assert get_collection(tmp_path / "declaration.json").instrument.plugin.file == "/tmp/evil.so"
        assert collection_of(tmp_path, None).instrument.plugin.file == ""

    def test_what_is_a_dataset(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("takes").mkdir()
        Path("dx7").mkdir()
        Path("bundle.vst3").mkdir()
        for source in ("takes", Path("takes"), "someone/takes"):
            assert is_dataset(source), source
        for source in ("dx7", "bundle.vst3", "gone.so", "plugins/gone.so", "my-synth.json", "vital", LIGHT):
            assert not is_dataset(source), source
