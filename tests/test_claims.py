"""Two that write to one place at once: neither takes away what the other writes, and one killed is in nobody's way."""

import inspect
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.data import build_at, build_collection, collect_recordings
from secret_sauce_hf.data.from_instrument import record_collection
from secret_sauce_hf.engines import Engine, Job
from secret_sauce_hf.evaluation.exporting import export_benchmark
from secret_sauce_hf.files import temporary, write_whole
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.learning import learn
from secret_sauce_hf.listening_test import make_listening_test
from secret_sauce_hf.outputs import LOCK, claimed, is_free
from secret_sauce_hf.training import train
from secret_sauce_hf.training.finishing import finish
from secret_sauce_hf.training.listening import train_listener

LIGHT = get_collection("noisemaker-light")


class Silent(Engine):
    name, version, parameters = "noisemaker", "silent-1", LIGHT.instrument.parameters

    def _render(self, job: Job) -> np.ndarray:
        return np.zeros((len(job.presets), job.presets.collection.samples), np.int16)


@contextmanager
def claimed_by_another(folder: Path):
    """The folder is claimed by another thread meanwhile, which counts as another process does."""
    begun, over = threading.Event(), threading.Event()

    def work():
        with claimed(folder, "a test"):
            begun.set()
            over.wait(60)

    other = threading.Thread(target=work)
    other.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        over.set()
        other.join()


def build(folder, **options):
    return build_collection(LIGHT, folder, seed=1, count=2, engine=Silent(), progress=False, **options)


def test_a_file_that_many_write_is_always_that_of_one(tmp_path):
    path = tmp_path / "found.json"
    contents = [bytes([number]) * 50_000 for number in range(8)]

    def write(content):
        for _ in range(10):
            write_whole(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_what_a_killed_writer_left_is_taken_over(tmp_path):
    path = tmp_path / "found.json"
    temporary(path).write_bytes(b"half of something longer")
    write_whole(path, b"whole")
    assert {found.name: found.read_bytes() for found in tmp_path.iterdir()} == {path.name: b"whole"}


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_a_link_in_the_way_is_not_followed(tmp_path):
    (tmp_path / "mine").write_bytes(b"mine")
    temporary(tmp_path / "found").symlink_to(tmp_path / "mine")
    (tmp_path / LOCK).symlink_to(tmp_path / "mine")
    with pytest.raises(OSError):
        write_whole(tmp_path / "found", b"theirs")
    with pytest.raises(OSError), claimed(tmp_path, "a test"):
        raise AssertionError
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_file_that_cannot_get_its_name_leaves_nothing(tmp_path):
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder", b"content")
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


def test_who_has_a_folder_is_told(tmp_path):
    folder = tmp_path / "a" / "b"
    with claimed_by_another(folder):
        told = rf"Another process is writing to .*b \(a test, process {os.getpid()} on .*, since 2.*\); wait until"
        with pytest.raises(InputError, match=told), claimed(folder, "another test"):
            raise AssertionError
        assert is_free(folder)
    assert not (tmp_path / "a").exists()


def test_one_may_claim_again_what_it_has(tmp_path):
    with claimed(tmp_path, "a test"), claimed(tmp_path, "a part of it"):
        pass
    with claimed(tmp_path, "a test"):
        assert [found.name for found in tmp_path.iterdir()] == [LOCK]
    assert is_free(tmp_path)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="what kills at once is called otherwise here")
def test_the_claim_of_a_killed_process_is_taken_over(tmp_path):
    program = """if True:
        import sys, time
        from pathlib import Path
        from secret_sauce_hf.outputs import claimed
        with claimed(Path(sys.argv[1]), "a test"):
            print("claimed", flush=True)
            time.sleep(600)
    """
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"claimed\n"
        with pytest.raises(InputError, match=f"process {process.pid} on"), claimed(tmp_path, "a test"):
            raise AssertionError
        process.kill()
    assert (tmp_path / LOCK).is_file()
    with claimed(tmp_path, "a test"):
        pass
    assert is_free(tmp_path)


@pytest.mark.parametrize("out", ["{}", "file://{}"])
def test_a_second_build_leaves_the_first_alone(out, tmp_path):
    folder = tmp_path / "built"
    writing = folder / "data" / ".train-00000-of-00001.parquet.0.tmp"
    writing.parent.mkdir(parents=True)
    writing.write_bytes(b"half")
    options = {"seed": 1, "count": 2, "engine": Silent(), "progress": False}
    make = build_collection if out == "{}" else build_at
    with claimed_by_another(folder), pytest.raises(InputError, match="Another process is writing to"):
        make(LIGHT, out.format(folder), **options)
    assert writing.read_bytes() == b"half"


def test_what_a_killed_build_left_goes(tmp_path):
    folder = build(tmp_path / "built")
    left = folder / "data" / ".train-00000-of-00001.parquet.0.tmp"
    left.write_bytes(b"half")
    (folder / LOCK).write_text("a build, process 1 on nowhere, since ever")
    before = sorted(path.name for path in folder.rglob("*.parquet"))
    build(folder)
    assert not left.exists() and not (folder / LOCK).exists()
    assert sorted(path.name for path in folder.rglob("*.parquet")) == before


@pytest.mark.parametrize(
    "function",
    [train, finish, train_listener, learn, record_collection, make_listening_test, export_benchmark],
    ids=lambda function: function.__name__,
)
def test_whatever_writes_a_folder_claims_it(function, tmp_path):
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    given = {one.name: None for one in needed} | {"out": tmp_path / "out"}
    with claimed_by_another(tmp_path / "out"), pytest.raises(InputError, match="Another process is writing to"):
        function(**given)


def test_recordings_are_collected_by_one(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(b"")
    row = ",".join(p.text(p.labels[0] if p.classes else 5.0) for p in LIGHT.parameters)
    (tmp_path / "rows.csv").write_text(f"{','.join(LIGHT.columns)},file\n{row},a.wav\n")
    with claimed_by_another(tmp_path / "out"), pytest.raises(InputError, match="Another process is writing to"):
        collect_recordings(LIGHT, tmp_path / "rows.csv", tmp_path / "sounds", tmp_path / "out", progress=False)
