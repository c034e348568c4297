"""Checkpoints of an interrupted run that are damaged: the run goes on from one that is whole."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from secret_sauce_hf.training.kept import last_checkpoint


@pytest.fixture
def work(tmp_path):
    """Two checkpoints, with the files that the Trainer writes."""
    for step in (4, 20):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        save_file({"weight": torch.arange(1_000.0)}, folder / "model.safetensors")
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"):
            torch.save({"state": torch.arange(1_000.0)}, folder / name)
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return tmp_path


def test_the_last_one_is_gone_on_from(work):
    (work / "checkpoint-x").mkdir()
    (work / "checkpoint-99").write_text("a file")
    assert last_checkpoint(work) == str(work / "checkpoint-20")
    assert last_checkpoint(work / "checkpoint-4") is None


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, flipped) for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")),
        *(
            (name, lambda path: path.write_bytes(path.read_bytes()[:-100]))
            for name in ("model.safetensors", "optimizer.pt", "trainer_state.json")
        ),
        *((name, Path.unlink) for name in ("model.safetensors", "optimizer.pt", "trainer_state.json")),
        ("trainer_state.json", lambda path: path.write_text("[" * 100_000)),
        ("trainer_state.json", lambda path: path.write_text('{"global_step": 4}')),
        ("trainer_state.json", lambda path: path.write_bytes(b"\xff")),
        ("optimizer.pt", lambda path: path.write_bytes(b"cos\nsystem\n.")),
        ("model.safetensors", lambda path: path.write_bytes((2**63).to_bytes(8, "little") + b"{}")),
    ],
)
def test_a_damaged_one_is_left_for_the_one_before(work, name, damage):
    damage(work / "checkpoint-20" / name)
    assert last_checkpoint(work) == str(work / "checkpoint-4")
    assert not (work / "checkpoint-20").exists()
    shutil.rmtree(work / "checkpoint-4")
    assert last_checkpoint(work) is None


def test_one_of_several_processes_may_not_have_written_its_part(work):
    (work / "run.json").write_text('{"whole": true}')
    (work / "checkpoint-4" / "whole").touch()
    assert last_checkpoint(work) == str(work / "checkpoint-4")
    assert not (work / "checkpoint-20").exists()
