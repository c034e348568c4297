"""A training is the same whatever the number of processes that share it, and goes on with another one."""

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback
from two_processes import EVALUATIONS, FRESH, SMALL

from secret_sauce_hf.cli import launched, main
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.modeling.outputs_secret_sauce import divisors, totals
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.training import interrupted, run, strokes, train
from secret_sauce_hf.training.base import first_model
from secret_sauce_hf.training.data import extract, fresh_takes
from secret_sauce_hf.training.listening import train_listener
from secret_sauce_hf.training.listening_config import ListeningConfig
from secret_sauce_hf.training.together import ExampleSteps, Pieces, pieces_of

LIGHT = get_collection("noisemaker-light")
HALF = 5e-4
"""Weights below 1 are written in half precision, in which two neighbours differ by that at most."""


class StopsAt(TrainerCallback):
    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, _arguments, state, _control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def examples():
    _, extractor = first_model(LIGHT, None, 16, 1, 0)
    return extract(fresh_takes(get_engine(LIGHT), LIGHT, 11, seed=2), extractor, progress=False)


class TestLoss:
    def test_parts_sum_up_to_the_whole(self, examples):
        model, _ = first_model(LIGHT, None, 16, 1, 0)
        batch = examples.__getitems__(range(11))
        heard = model.heard_labels(examples.labels, batch["peak"])
        # One is heard in more rows than the fewest that count, one in fewer, in no part as often as in another.
        assert heard.sum(dim=0).min() < 8 < heard.sum(dim=0).max()
        whole = model(**batch).loss
        whole.backward()
        expected = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
        model.zero_grad()
        total = 0.0
        for rows in (range(2), range(2, 3), range(3, 11)):
            part = model(**examples.__getitems__(rows), num_items_in_batch=divisors(totals(heard))).loss
            part.backward()
            total += part.item()
        assert total == pytest.approx(whole.item(), rel=1e-6)
        for name, weight in model.named_parameters():
            if name in expected:
                torch.testing.assert_close(weight.grad, expected[name], rtol=1e-4, atol=1e-6)

    def test_a_number_of_items_is_not_used(self, examples):
        model, _ = first_model(LIGHT, None, 16, 1, 0)
        batch = examples.__getitems__(range(4))
        assert model(**batch, num_items_in_batch=torch.tensor(3)).loss == model(**batch, num_items_in_batch=7).loss


class TestSteps:
    def rows(self, examples, share=(0, 1), start=0, pieces=1):
        """Which sounds are read, step by step."""
        steps = ExampleSteps(examples, batch_size=4, steps=7, seed=5, share=share)
        steps.start = start
        cutoffs = examples.labels["filter_cutoff"].tolist()
        assert len(set(cutoffs)) == len(cutoffs)
        return [
            [cutoffs.index(cutoff) for cutoff in batch["filter_cutoff"].tolist()]
            for batch in Pieces(type("Loader", (), {"dataset": steps, "__iter__": lambda _: iter(steps)})(), pieces)
        ]

    def test_every_sound_comes_as_often_as_another(self, examples):
        rows = self.rows(examples)
        assert [len(batch) for batch in rows] == [4] * 7
        told = [row for batch in rows for row in batch]
        assert sorted(told[:11]) == sorted(told[11:22]) == list(range(11))
        assert told[:11] != told[11:22]

    def test_neither_shares_nor_pieces_nor_a_later_start_change_it(self, examples):
        whole = self.rows(examples)
        shares = [self.rows(examples, (part, 3)) for part in range(3)]
        assert [list(chain(*parts)) for parts in zip(*shares, strict=True)] == whole
        assert [len(batch) for batch in shares[0] + shares[2]] == [1] * 7 + [2] * 7
        assert self.rows(examples, start=3) == whole[3:]
        pieces = self.rows(examples, pieces=3)
        assert [list(chain(*pieces[at : at + 3])) for at in range(0, 21, 3)] == whole

    def test_pieces_are_as_small_as_asked_for(self):
        assert [pieces_of(10, most) for most in (None, 20, 10, 9, 4, 1)] == [1, 1, 1, 2, 3, 10]

    def test_more_processes_than_sounds(self, examples):
        with pytest.raises(InputError, match="A step of 2 sounds cannot be shared by 3 processes"):
            ExampleSteps(examples, batch_size=2, steps=1, share=(0, 3))


class TestOneVoice:
    @pytest.fixture
    def waited(self, monkeypatch):
        """For how long the command has waited."""
        waited = []
        monkeypatch.setattr(launched.time, "sleep", waited.append)
        monkeypatch.setenv("WORLD_SIZE", "2")
        return waited

    @pytest.mark.parametrize(("rank", "seconds"), [("0", []), ("1", [launched.FIRST_SECONDS])])
    def test_the_first_says_what_is_wrong_at_once(self, rank, seconds, waited, monkeypatch, capsys):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit):
            main(["train", "piano", "--out", "nowhere"])
        assert waited == seconds
        # The launcher has ended it by then; if not, it is the only one that knows.
        assert "Unknown collection" in capsys.readouterr().err

    def test_whoever_lost_another_leaves_it_to_that_one(self, waited, monkeypatch):
        monkeypatch.setenv("RANK", "0")
        with pytest.raises(InputError, match="Another process of this training has ended"), launched.one_voice():
            raise RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1")
        assert waited == [launched.LOST_SECONDS]

    def test_one_process_waits_for_nobody(self, waited, monkeypatch):
        monkeypatch.setenv("WORLD_SIZE", "1")
        with pytest.raises(RuntimeError, match="gloo"), launched.one_voice():
            raise RuntimeError("gloo")
        assert waited == []


class TestMachines:
    def test_processes_share_the_cores(self, monkeypatch):
        monkeypatch.setattr("secret_sauce_hf.processors._available", lambda: 9)
        for count, cores in (("2", 4), ("20", 1), ("none", 9)):
            monkeypatch.setenv("LOCAL_WORLD_SIZE", count)
            assert thread_count() == cores

    def test_a_folder_that_not_all_machines_see(self, tmp_path, monkeypatch):
        monkeypatch.setattr(interrupted, "SEEN_SECONDS", 0.0)
        with pytest.raises(InputError, match="give an --out in a folder that all machines share"):
            interrupted.check_seen(tmp_path / "run.json")

    def test_a_listener_is_trained_by_one(self, tmp_path, monkeypatch):
        monkeypatch.setenv("RANK", "0")
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.raises(InputError, match="A listener is trained by one process"):
            train_listener(tmp_path / "listener", ListeningConfig(fresh=1))

    def test_a_run_over_a_dataset_in_the_order_of_an_earlier_version(self, tmp_path):
        (tmp_path / ".training").mkdir()
        (tmp_path / ".training" / "run.json").write_text(json.dumps({"data": "light"}))
        with pytest.raises(InputError, match="An earlier version of the package began the run"):
            train(LIGHT, "light", tmp_path, resume=True, **SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes trained, and what one did, with small pages and not after every step a checkpoint."""
    folder = tmp_path_factory.mktemp("ranks")
    build_collection(LIGHT, folder / "data", seed=4, count=40, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strokes, "PAGE", 32)
        patch.setattr(run, "EVALUATIONS", EVALUATIONS)
        with pytest.raises(KeyboardInterrupt):
            train(LIGHT, None, folder / "begun", callbacks=[StopsAt(3)], **FRESH)
        program = Path(__file__).with_name("two_processes.py")
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, program, folder], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        (folder / "codes").write_text(done.stdout.splitlines()[-1])
        (folder / "errors").write_text(done.stderr)
        train(LIGHT, None, folder / "one-fresh", **FRESH)
        train("noisemaker-light-notes", None, folder / "one-notes", **FRESH | {"fresh": 18})
        train(LIGHT, folder / "data", folder / "one-built", epochs=1, **SMALL)
        yield folder


class TestTwoProcesses:
    def same(self, one: Path, other: Path) -> None:
        """See that two runs came to the same."""
        losses = [[entry["loss"] for entry in record(path)["history"]] for path in (one, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        before, after = (load_file(path / "model.safetensors") for path in (one, other))
        for name, weight in before.items():
            places = slice(None)
            if name.endswith("qkv.bias"):
                # What is added to all keys changes no attention: these move by rounding alone.
                third = len(weight) // 3
                places = np.r_[:third, 2 * third : 3 * third]
            torch.testing.assert_close(weight[places].float(), after[name][places].float(), rtol=0, atol=HALF)

    @pytest.mark.parametrize("what", ["fresh", "notes", "built"])
    def test_they_come_to_what_one_does(self, folder, what):
        assert json.loads((folder / "codes").read_text())[0] == [0, 0], (folder / "errors").read_text()
        self.same(folder / f"one-{what}", folder / what)
        one, two = record(folder / f"one-{what}"), record(folder / what)
        assert (one["sounds"], one["validation_sounds"]) == (two["sounds"], two["validation_sounds"])
        assert one["validation"]["nearest"] == two["validation"]["nearest"]
        assert not (folder / what / ".training").exists()

    def test_they_go_on_with_what_one_began(self, folder):
        self.same(folder / "one-fresh", folder / "begun")

    def test_only_the_first_one_prints(self, folder):
        printed = [(folder / f"printed-{who}").read_text() for who in ("first", "other")]
        assert "Wrote" in printed[0]
        assert printed[1] == ""

    def test_one_goes_on_where_one_of_two_was_killed(self, folder):
        codes = json.loads((folder / "codes").read_text())[1]
        assert codes == [0, -9], (folder / "errors").read_text()
        # The other one does not wait for it for ever, and the command line knows what that means.
        assert (folder / "lost").read_text() == "True"
        train(LIGHT, None, folder / "killed", resume=True, micro_batch=7, **FRESH)
        self.same(folder / "one-fresh", folder / "killed")


def record(folder: Path) -> dict:
    return json.loads((folder / "training.json").read_text())
