"""What the world does to a command: a full disk, a kill between two steps, a clock that jumps, an engine of garbage."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.torch import load_file

import secret_sauce_hf
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import Engine, Job
from secret_sauce_hf.engines.base import RowsLost
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import InputError, get_collection, sounds
from secret_sauce_hf.matching import match
from secret_sauce_hf.training import train
from secret_sauce_hf.training.interrupted import room_for
from secret_sauce_hf.training.kept import KeepLast

LIGHT = get_collection("noisemaker-light")
SMALL = {"batch_size": 32, "hidden_size": 16, "layers": 1, "validation": 32, "workers": 0, "progress": False}
ASKED = {"seed": 2, "count": 24, "rows_per_shard": 12, "progress": False}


@contextmanager
def files_up_to(size):
    """No file of this process grows beyond so many bytes in this block, as on a disk without room."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def jumps(monkeypatch):
    """The wall clock is set a day ahead and back whenever somebody looks."""
    ahead, now = cycle((86_400, -86_400)), time.time
    monkeypatch.setattr(time, "time", lambda: now() + next(ahead))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return contents(build_collection(LIGHT, tmp_path_factory.mktemp("whole") / "built", **ASKED))


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# A full disk


def test_a_build_on_a_full_disk_names_the_file_and_goes_on(tmp_path, whole):
    with files_up_to(20_000), pytest.raises(OSError, match=r"File too large: '.*/data/train-00000-of-00002\.parquet'"):
        build_collection(LIGHT, tmp_path / "out", **ASKED)
    assert not list((tmp_path / "out" / "data").iterdir())
    assert contents(build_collection(LIGHT, tmp_path / "out", **ASKED)) == whole


def test_a_training_on_a_full_disk_is_told_in_one_line_and_goes_on(tmp_path):
    asked = SMALL | {"fresh": 32, "epochs": 1, "seed": 1}
    out = tmp_path / "out"
    with (
        files_up_to(50_000),
        pytest.raises(InputError, match=r"cannot be written into .* \(File too large\)") as caught,
    ):
        train(LIGHT, None, out, **asked)
    assert str(caught.value).endswith("free some space, then resume the run (--resume).")
    assert not list(out.glob("*.safetensors"))
    train(LIGHT, None, out, resume=True, **asked)
    assert load_file(out / "model.safetensors") and not (out / ".training").exists()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"), "the disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (RuntimeError("PytorchStreamReader failed reading zip archive"), None),
        (OSError(errno.ENOENT, "No such file or directory"), None),
    ],
)
def test_what_is_no_full_disk_is_not_told_as_one(tmp_path, error, why):
    with pytest.raises(InputError if why else type(error), match=why or "No such file|Reader"), room_for(tmp_path):
        raise error


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with files_up_to(1_000), pytest.raises(OSError, match="File too large") as caught:
        write_whole(path, bytes(5_000))
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid(), reason="only root may mount")
def test_a_small_disk_of_its_own(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(OSError, match=r"No space left on device: '.*-of-00002\.parquet'"):
            build_collection(LIGHT, disk / "out", **ASKED)
        assert not list((disk / "out" / "data").iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


# Killed between two steps


@pytest.mark.parametrize("left", ["data", "data/.train-00000-of-00002.parquet.ab.tmp", "..build.json.tmp"])
def test_a_build_killed_before_its_record_was_there(tmp_path, whole, left):
    place = tmp_path / "out" / left
    place.mkdir(parents=True) if left == "data" else place.parent.mkdir(parents=True)
    if left != "data":
        place.write_bytes(b"half")
    found = contents(build_collection(LIGHT, tmp_path / "out", **ASKED))
    assert {name: found.get(name) for name in whole} == whole


def test_what_somebody_else_has_in_data_is_no_build(tmp_path):
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "data" / "mine.csv").write_bytes(b"1")
    with pytest.raises(InputError, match="is not empty and not a build of this package"):
        build_collection(LIGHT, tmp_path / "out", **ASKED)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
def test_a_build_killed_at_any_step_ends_as_if_it_had_not_been():
    """Every third of all steps, by a process that forks."""
    kills = Path(__file__).with_name("benchmarks") / "kills.py"
    command = [sys.executable, kills, "--command", "build", "--kills", "8", "--rows", "12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0 and done.stdout.endswith(" 0 faults\n"), done.stdout + done.stderr


def test_a_training_killed_before_it_began_or_when_it_had_ended(tmp_path):
    asked = SMALL | {"fresh": 32, "epochs": 1, "seed": 1}
    out = tmp_path / "out"
    work = out / ".training"
    work.mkdir(parents=True)
    (work / ".run.json.tmp").write_bytes(b"{")
    train(LIGHT, None, out, resume=True, **asked)
    ended = contents(out)
    # It was killed while it removed what it needs no more: its record goes first.
    (work / "checkpoint-1").mkdir(parents=True)
    (work / "checkpoint-1" / "optimizer.pt").write_bytes(b"half")
    with pytest.raises(InputError, match="is finished, and nothing is left of it to resume"):
        train(LIGHT, None, out, resume=True, **asked)
    assert contents(out) == ended
    with pytest.raises(InputError, match="is not empty; choose a new folder"):
        train(LIGHT, None, out, **asked)


# A clock that jumps


def test_checkpoints_go_by_their_steps_whatever_the_clock_says(tmp_path):
    for step in (2, 4, 6, 8, 10):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        # Set back an hour between any two.
        os.utime(folder, (1e9 - 3_600 * step,) * 2)
    state = SimpleNamespace(is_world_process_zero=True, best_model_checkpoint=str(tmp_path / "checkpoint-4"))
    KeepLast(tmp_path).on_save(None, SimpleNamespace(is_world_process_zero=False))
    assert len(list(tmp_path.iterdir())) == 5
    KeepLast(tmp_path).on_save(None, state)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-4", "checkpoint-8"]


@pytest.mark.usefixtures("jumps")
def test_a_build_a_search_and_a_training_while_the_clock_jumps(tmp_path, whole):
    assert contents(build_collection(LIGHT, tmp_path / "built", **ASKED)) == whole
    sound = Path(secret_sauce_hf.__file__).parent / "assets" / "noisemaker-light-s211.flac"
    begun = time.monotonic()
    found = match(sound, collection=LIGHT, seconds=0.3)
    assert found.renders > 1 and 0.25 < found.seconds <= time.monotonic() - begun
    record = train(LIGHT, None, tmp_path / "out", **SMALL | {"fresh": 32, "epochs": 1, "seed": 1})
    assert 0 < record["seconds"] < 3_600


def test_nothing_asks_for_the_time_of_day():
    """Only clocks that nobody sets: `time.monotonic`, `time.perf_counter`; but where a storage tells its own time."""
    asks = re.compile(r"\b(?:time\.(?:time|time_ns|localtime|gmtime)|(?:datetime|date)\.(?:now|utcnow|today))\(")
    imports = re.compile(r"^\s*from time import [^#\n]*\b(?:time|time_ns|localtime|gmtime)\b", re.MULTILINE)
    package = Path(secret_sauce_hf.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    found = {path.relative_to(package).as_posix() for path, t in texts.items() if asks.search(t) or imports.search(t)}
    assert found == {"data/targets.py"}


# Garbage


class Garbage(Engine):
    name = "noisemaker"
    version = "garbage-1"
    parameters = LIGHT.instrument.parameters
    emulates = guesses = "nothing"

    def __init__(self, kind):
        self.kind = kind

    def _render(self, job: Job) -> np.ndarray:
        rows, samples = len(job.presets), job.presets.collection.samples
        if self.kind == "lost":
            raise RowsLost("It is lost.", {0: "was lost"}, np.zeros((rows, 7), np.int16))
        return {
            "fewer": np.zeros((rows - 1, samples), np.int16),
            "shorter": np.zeros((rows, samples - 1), np.int16),
            "floats": np.full((rows, samples), np.nan, np.float32),
            "nothing": None,
        }[self.kind]


@pytest.mark.parametrize("kind", ["fewer", "shorter", "floats", "nothing", "lost"])
def test_an_engine_that_makes_something_else(tmp_path, kind):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="The engine noisemaker garbage-1 has a fault: these rows are int16 of shape"):
        build_collection(LIGHT, out, engine=Garbage(kind), **ASKED)
    assert not list((out / "data").iterdir()) and json.loads((out / "manifest.json").read_text())["files"] == {}


# What is a visitor's


def test_a_sound_that_is_decoded_elsewhere_has_no_name_on_the_disk(monkeypatch, tmp_path):
    """Of a process that is killed meanwhile nothing stays."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = {}

    def run(command, *, pass_fds, **_):
        copy = Path(command[command.index("-i") + 1])
        seen["files"] = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
        seen["read"] = Path(f"/dev/fd/{pass_fds[0]}").read_bytes()
        assert copy.is_symlink()
        raise OSError(errno.ENOEXEC, "no program")

    monkeypatch.setattr(sounds.shutil, "which", lambda _: "ffmpeg")
    monkeypatch.setattr(sounds.subprocess, "run", run)
    content = b"\0\0\0 ftypM4A " + bytes(20_000)
    with pytest.raises(InputError, match="ffmpeg does not decode it"):
        sounds.read_samples({"bytes": content, "path": "visitor.m4a"})
    assert seen == {"files": [], "read": content}
