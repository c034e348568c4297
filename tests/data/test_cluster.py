"""Builds on a Dask cluster: a real scheduler and real workers on loopback, whatever becomes of them."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
from dask_cluster import DaskCluster
from fsspec.implementations.memory import MemoryFileSystem

from secret_sauce_hf.data import build_at, build_collection, cluster, keeping
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.cluster import check_for_cluster
from secret_sauce_hf.data.cluster_engine import rendering
from secret_sauce_hf.data.plan import make_plan
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.engines.base import RowsLost
from secret_sauce_hf.evaluation import benchmark
from secret_sauce_hf.instruments import InputError, Note, get_collection, read_declaration, write_declaration
from secret_sauce_hf.instruments.instrument import Hosted, HostedParameter
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

pytest.importorskip("distributed")

LIGHT = get_collection("noisemaker-light")
ASKED = {"seed": 3, "count": 60, "rows_per_shard": 6, "progress": False}
GARBAGE = """
import hashlib
import os
from pathlib import Path
from secret_sauce_hf.data import cluster_worker
from secret_sauce_hf.engines.base import RowsLost
from secret_sauce_hf.engines.noisemaker.engine import NoiseMaker

KIND = Path(os.environ["GARBAGE_KIND"])
# Dask may load this twice.
honest = getattr(cluster_worker, "honest", cluster_worker.make_on_worker)
render = getattr(cluster_worker, "render", NoiseMaker.render)
cluster_worker.honest, cluster_worker.render = honest, render

def make(setup, name, start, stop, address):
    kind = KIND.read_text()
    if kind == "nothing":
        return None
    if kind == "ends":
        os._exit(1)
    made = honest(setup, name, start, stop, address)
    if kind == "cut":
        made["content"] = made["content"][:-9]
    if kind == "checksum":
        made["sha256"] = hashlib.sha256(b"").hexdigest()
    if kind == "other":
        made["content"] = honest(setup, name, start + 6, stop + 6, address)["content"]
    return made

def louder(self, presets, **options):
    kind = KIND.read_text()
    if kind == "ends":
        os._exit(1)
    takes = render(self, presets, **options)
    late = 50 - options["first_row"]
    if kind == "lost" and 0 <= late < len(takes):
        takes[late : late + 2] = 0
        raise RowsLost("too late", {late: "it is late"}, takes, (late + 1,))
    return takes // 2 if kind == "sound" else takes

cluster_worker.make_on_worker = make
NoiseMaker.render = louder
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory, hub):
    with DaskCluster(tmp_path_factory.mktemp("cluster"), environment={"HF_TOKEN": hub.token}) as started:
        yield started


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The build by one process."""
    return build_collection(LIGHT, tmp_path_factory.mktemp("whole") / "built", **ASKED)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mine(tmp_path):
    """A collection that a file declares."""
    path = tmp_path / "mine.json"
    write_declaration(replace(LIGHT, name="my-light", title="Mine", count=0, train_count=0), path)
    return read_declaration(path)


def test_the_same_files_as_of_one_process(machines, whole, tmp_path):
    folder = build_collection(LIGHT, tmp_path / "built", scheduler=machines.address, **ASKED)
    assert contents(folder) == contents(whole)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {name: entry["rows"] for name, entry in manifest["files"].items()} == {
        **{f"data/train-{number:05d}-of-00008.parquet": 6 for number in range(8)},
        **{f"data/test-{number:05d}-of-00002.parquet": 6 for number in range(2)},
    }
    assert manifest["versions"]["secret_sauce_hf"] == manifest["build"]["package"]


@pytest.mark.parametrize("kind", ["declared", "given", "session", "musical"])
def test_whatever_rows_are_built(machines, tmp_path, kind):
    collection, asked = LIGHT, {"seed": 3, "count": 9}
    if kind == "declared":
        collection = mine(tmp_path)
        asked |= {"plays": [Note(40, 90, 0.1, 0.3)], "seconds": 0.7}
    elif kind == "given":
        rows = draw_presets(LIGHT, 9, seed=5).playing([Note(50, 90, 0.1, 0.2), Note(57, 80, 0.4, 0.2)])
        asked = {"presets": rows[::-1]}
    elif kind == "session":
        asked = {"rows": (795, 804), "in_session": True}
    else:
        asked |= {"prior": "musical", "measure": True}
    asked |= {"rows_per_shard": 4, "progress": False}
    here = build_collection(collection, tmp_path / "here", **asked)
    there = build_collection(collection, tmp_path / "there", scheduler=machines.address, **asked)
    assert contents(there) == contents(here)
    assert finished_plan(there, collection) is not None


def test_a_worker_killed_in_the_middle_changes_nothing(machines, whole, tmp_path, monkeypatch):
    killed = []
    note = keeping.Ledger.note

    def kill_at_the_second(self, made):
        note(self, made)
        if len(self._entries) == 2:
            killed.append(machines.kill_worker())

    monkeypatch.setattr(keeping.Ledger, "note", kill_at_the_second)
    folder = build_collection(LIGHT, tmp_path / "built", scheduler=machines.address, **ASKED)
    assert len(killed) == 1 and contents(folder) == contents(whole)
    assert killed[0] not in machines.workers().values()


def test_only_what_is_missing_or_does_not_fit_its_checksum_is_made_again(machines, whole, tmp_path, monkeypatch):
    folder = tmp_path / "built"
    shutil.copytree(whole, folder)
    (folder / "data/train-00003-of-00008.parquet").unlink()
    spoilt = folder / "data/test-00001-of-00002.parquet"
    content = bytearray(spoilt.read_bytes())
    # Within the sounds: its footer is as it was.
    content[100] ^= 1
    spoilt.write_bytes(content)
    made = []
    monkeypatch.setattr(keeping.Ledger, "note", lambda self, one: (made.append(one.shard.name), self._keep(one)))
    build_collection(LIGHT, folder, scheduler=machines.address, **ASKED)
    assert sorted(made) == ["test-00001-of-00002.parquet", "train-00003-of-00008.parquet"]
    assert contents(folder) == contents(whole)
    build_collection(LIGHT, folder, scheduler=machines.address, **ASKED)
    assert len(made) == 2


@pytest.fixture(scope="module")
def liar(tmp_path_factory):
    """A cluster of one worker that returns whatever the file `kind` says."""
    folder = tmp_path_factory.mktemp("liar")
    program = folder / "garbage.py"
    program.write_text(GARBAGE)
    (folder / "kind").write_text("honest")
    with DaskCluster(folder, workers=0, failures=0) as started:
        started.add_worker("--preload", str(program), environment={"GARBAGE_KIND": str(folder / "kind")})
        yield started


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("cut", "it is no whole Parquet file"),
        ("other", "row .* has another 'audio'|it is no whole"),
        ("sound", "row [0-9]+ has another 'audio' than this machine makes"),
        ("checksum", "it has not the checksum that the worker tells"),
        ("nothing", "it sent no file"),
    ],
)
def test_garbage_is_found_out_before_it_counts(liar, whole, tmp_path, kind, told):
    (liar.folder / "kind").write_text(kind)
    with pytest.raises(
        InputError, match=rf"What the worker .* made of .* is wrong: ({told}).*the same command goes on"
    ):
        build_collection(LIGHT, tmp_path / "built", scheduler=liar.address, **ASKED)
    assert list((tmp_path / "built/data").iterdir()) == []
    if kind == "sound":
        address = f"file://{tmp_path}/placed"
        with pytest.raises(InputError, match="another 'audio'"):
            build_at(LIGHT, address, scheduler=liar.address, **ASKED)
        # Another one may have been on its way.
        assert len(list((tmp_path / "placed/data").iterdir())) <= 1
        (liar.folder / "kind").write_text("honest")
        build_at(LIGHT, address, scheduler=liar.address, **ASKED)
        assert contents(tmp_path / "placed") == contents(whole)


def test_a_shard_that_ends_every_worker_is_given_up(liar, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "MOST_LOSSES", 1)
    monkeypatch.setitem(ASKED, "count", 1)
    (liar.folder / "kind").write_text("ends")
    with pytest.raises(ChildProcessError, match=r"Every worker ended that was to make train-00000-of-00001\.parquet"):
        build_collection(LIGHT, tmp_path / "built", scheduler=liar.address, **ASKED)
    (liar.folder / "kind").write_text("honest")
    build_collection(LIGHT, tmp_path / "built", scheduler=liar.address, **ASKED)


def test_no_scheduler_is_one_line_and_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"^No Dask scheduler answers at {address} within 1 s"):
            build_collection(LIGHT, tmp_path / "built", scheduler=address, **ASKED)
    with pytest.raises(InputError, match=r"^No Dask scheduler answers at nosuch://here within 1 s"):
        build_collection(LIGHT, tmp_path / "built", scheduler="nosuch://here", **ASKED)
    with pytest.raises(InputError, match=r"^workers are processes of this machine"):
        build_collection(LIGHT, tmp_path / "built", scheduler=address, workers=2, **ASKED)
    assert not (tmp_path / "built").exists()


def test_workers_that_cannot_do_it_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 1.0)
    other, bare = tmp_path / "other", tmp_path / "bare"
    (other / "secret_sauce_hf-9.9.dist-info").mkdir(parents=True)
    (other / "secret_sauce_hf-9.9.dist-info/METADATA").write_text("Name: secret_sauce_hf\nVersion: 9.9\n")
    bare.mkdir()
    (bare / "vita.py").write_text("raise ModuleNotFoundError(\"No module named 'vita'\", name='vita')\n")
    with DaskCluster(tmp_path, workers=0) as started:
        with pytest.raises(InputError, match=r"^The scheduler at .* has no worker; start some with: dask worker tcp:"):
            build_collection(LIGHT, tmp_path / "built", scheduler=started.address, **ASKED)
        monkeypatch.undo()
        worker = started.add_worker("--no-nanny", path=other)
        with pytest.raises(
            InputError, match=r"^The worker tcp:.* has secret_sauce_hf 9\.9, and this machine 0.*install"
        ):
            build_collection(LIGHT, tmp_path / "built", scheduler=started.address, **ASKED)
        assert not (tmp_path / "built").exists()
        started.stop(worker)
        started.add_worker("--no-nanny", path=bare)
        pytest.importorskip("vita")
        with pytest.raises(InputError, match=r"^The worker tcp:.* cannot make .*pip install 'secret_sauce_hf\[vital\]"):
            build_collection("vital", tmp_path / "built", scheduler=started.address, **ASKED)


def test_places_that_are_no_good_are_one_line(machines, tmp_path):
    (tmp_path / "file").touch()
    for address, told in (
        (f"file://{tmp_path}/file/there", "cannot be (read|written to)"),
        ("nosuch://there", "cannot be read .*nosuch"),
        ("simplecache::file:///there", "is no address"),
        ("memory://there", r"The worker .* has written .*, and from here it is not in memory://there: give a place"),
    ):
        with pytest.raises(InputError, match=told):
            build_at(LIGHT, address, scheduler=machines.address, **ASKED)
    with pytest.raises(InputError, match="is an address, not a folder"):
        build_collection(LIGHT, f"file://{tmp_path}/there", **ASKED)


class Here(MemoryFileSystem):
    """A storage that is known to this process alone."""


def test_a_place_that_the_workers_cannot_write_to_is_one_line(machines):
    fsspec.register_implementation("here", Here)
    with pytest.raises(InputError, match=r"^The worker tcp://.* cannot make .*: here://there cannot be written to"):
        build_at(LIGHT, "here://there", scheduler=machines.address, **ASKED)


@pytest.mark.parametrize("there", [False, True])
def test_a_place_gets_the_same_files(machines, whole, tmp_path, there):
    place = tmp_path / "place"
    scheduler = machines.address if there else None
    build_at(LIGHT, f"file://{place}", scheduler=scheduler, **ASKED)
    assert contents(place) == contents(whole)
    (place / "data/train-00000-of-00008.parquet").write_bytes(b"PAR1")
    build_at(LIGHT, f"file://{place}", scheduler=scheduler, **ASKED)
    assert contents(place) == contents(whole)
    with pytest.raises(InputError, match=r"holds another build .*seed: 3 there, 4 here"):
        build_at(LIGHT, f"file://{place}", scheduler=scheduler, **(ASKED | {"seed": 4}))


def test_a_repository_of_the_hub_gets_the_same_files(hub, api, dataset, machines, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    asked = ASKED | {"count": 18}
    here = build_collection(LIGHT, tmp_path / "here", **asked)
    address = f"hf://datasets/{dataset}"
    build_at(LIGHT, address, scheduler=machines.address, **asked)
    commits = len(api.list_repo_commits(dataset, repo_type="dataset"))
    build_at(LIGHT, address, scheduler=machines.address, **asked)
    assert "hffs" not in capfd.readouterr().err
    system = fsspec.filesystem("hf", token=hub.token, skip_instance_cache=True)
    for name, content in contents(here).items():
        assert system.cat_file(f"datasets/{dataset}/{name}") == content, name
    # What was there was left alone.
    assert len(api.list_repo_commits(dataset, repo_type="dataset")) == commits
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    with pytest.raises(InputError, match=rf"{address}.*write permission"):
        build_at(LIGHT, address, overwrite=True, **(asked | {"seed": 4}))


def test_memory_and_any_other_storage(whole):
    build_at(LIGHT, "memory://deep/built", workers=1, **ASKED)
    system = fsspec.filesystem("memory")
    try:
        there = {path.removeprefix("/deep/built/"): system.cat_file(path) for path in system.find("/deep/built")}
        assert there == contents(whole)
        build_at(LIGHT, "memory://deep/built", overwrite=True, **(ASKED | {"count": 5}))
        assert len(system.find("/deep/built/data")) == 2
    finally:
        system.rm("/deep", recursive=True)


def test_plug_in_files_and_engines_of_ones_own_stay_here(tmp_path):
    places = tuple(HostedParameter(number, p.name) for number, p in enumerate(LIGHT.instrument.parameters))
    plugin = Hosted("VST3", "Box", "", places, "/nowhere/box.vst3")
    hosted = replace(LIGHT, name="box", instrument=replace(LIGHT.instrument, name="box", plugin=plugin))
    with pytest.raises(InputError, match=r"^box is a plug-in file, and a build on a cluster would choose"):
        build_collection(hosted, tmp_path / "built", scheduler="tcp://127.0.0.1:1", **ASKED)

    class Mine(get_engine(LIGHT).__class__):
        """Sounds otherwise, under the same name."""

    with pytest.raises(InputError, match=r"^Workers find the engine of noisemaker by its name"):
        check_for_cluster(make_plan(LIGHT, None, 1, 5, None, 5, engine=Mine()))


def test_control_c_cancels_and_the_same_command_goes_on(machines, tmp_path):
    command = [sys.executable, "-m", "secret_sauce_hf", "build", "noisemaker-light", "--seed", "3", "--count", "200"]
    command += ["--rows-per-shard", "5", "--out", "built", "--scheduler", machines.address]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 1200
        while not list(tmp_path.glob("built/data/*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert err.strip().splitlines()[-1] == "secret-sauce: Stopped; the same command goes on from here."
    assert "Traceback" not in err
    there = {path.name for path in (tmp_path / "built/data").iterdir()}
    assert 0 < len(there) < 40 and all(name.endswith(".parquet") for name in there)
    assert json.loads((tmp_path / "built/manifest.json").read_text())["files"].keys() == {f"data/{n}" for n in there}
    with machines.client() as client:
        until = time.monotonic() + 120
        while any(client.processing().values()) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(client.processing().values())
    before = {name: (tmp_path / "built/data" / name).stat().st_mtime_ns for name in there}
    asked = {"seed": 3, "count": 200, "rows_per_shard": 5, "progress": False}
    folder = build_collection(LIGHT, tmp_path / "built", scheduler=machines.address, **asked)
    assert {name: (folder / "data" / name).stat().st_mtime_ns for name in there} == before
    assert contents(folder) == contents(build_collection(LIGHT, tmp_path / "here", **asked))


def test_a_scheduler_that_ends_is_one_line(tmp_path, monkeypatch):
    note = keeping.Ledger.note
    with DaskCluster(tmp_path, workers=0) as started:
        started.add_worker("--no-nanny")

        def end(self, made):
            note(self, made)
            with contextlib.suppress(ProcessLookupError):
                os.kill(started.scheduler_process, signal.SIGKILL)

        monkeypatch.setattr(keeping.Ledger, "note", end)
        with pytest.raises(ChildProcessError, match=r"^The connection to the scheduler was lost; the same command"):
            build_collection(LIGHT, tmp_path / "built", scheduler=started.address, **ASKED)
    files = json.loads((tmp_path / "built/manifest.json").read_text())["files"]
    assert 0 < len(files) < 10
    for path in (tmp_path / "built/data").iterdir():
        assert f"data/{path.name}" in files


def test_where_distributed_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"^A build on a cluster needs distributed.*pip install '.*\[cluster\]'"):
        build_collection(LIGHT, tmp_path / "built", scheduler="tcp://127.0.0.1:1", **ASKED)
    assert not Path(tmp_path / "built").exists()


def rendered(engine, kind):
    """Takes of more rows than an engine renders together, in whatever way."""
    rows = draw_presets(LIGHT, 70, seed=5)
    if kind == "session":
        rows = original_presets(LIGHT, 800, 870)
        return engine.render(rows, in_session=True, preceding=original_presets(LIGHT, 799, 800), first_row=800)
    if kind == "notes":
        # The first ones play what the collection does, as a part of them would by itself.
        notes = [Note(40 + row % 24, 90, 0.1 + row / 1000, 0.3) for row in range(70)]
        played = Performances.from_notes([[note] for note in notes])
        return engine.render(Presets(LIGHT, rows.unit, None, played), first_row=3)
    if kind == "same noise":
        phases = np.linspace(0, 0.9, 70 * len(engine.free_phases)).reshape(70, -1)
        return engine.render(rows, noise_seed=4, first_row=9, same_noise=True, phases=phases)
    return engine.render(rows, noise_seed=4, first_row=9)


@pytest.mark.parametrize("kind", ["fresh", "session", "notes", "same noise"])
def test_an_engine_renders_there_as_here(machines, kind):
    own = get_engine(LIGHT)
    with rendering(machines.address, LIGHT, progress=False) as engine:
        assert engine.label == own.label and engine.batch < 70
        found = rendered(engine, kind)
    assert np.array_equal(found, rendered(own, kind))


def test_rows_that_are_lost_there_are_named(liar):
    rows = draw_presets(LIGHT, 70, seed=5)
    (liar.folder / "kind").write_text("lost")
    with rendering(liar.address, LIGHT, progress=False) as engine, pytest.raises(RowsLost, match="too late") as lost:
        engine.render(rows, noise_seed=4, first_row=9)
    assert lost.value.reasons == {41: "it is late"} and lost.value.unrendered == (42,)
    whole = get_engine(LIGHT).render(rows, noise_seed=4, first_row=9)
    kept = [row for row in range(70) if row not in (41, 42)]
    assert np.array_equal(lost.value.takes[kept], whole[kept]) and not lost.value.takes[41:43].any()
    (liar.folder / "kind").write_text("sound")
    with (
        rendering(liar.address, LIGHT, progress=False) as engine,
        pytest.raises(InputError, match=r"^What the worker tcp:.* rendered is wrong: a take is another"),
    ):
        engine.render(rows, noise_seed=4)
    (liar.folder / "kind").write_text("ends")
    with (
        rendering(liar.address, LIGHT, progress=False) as engine,
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(ChildProcessError, match="Every worker ended that was asked"),
    ):
        patch.setattr(cluster, "MOST_LOSSES", 1)
        engine.render(rows, noise_seed=4)
    (liar.folder / "kind").write_text("honest")


def test_a_benchmark_is_the_same_there(machines, tmp_path):
    data = build_collection(LIGHT, tmp_path / "data", seed=3, count=20, progress=False)
    asked = {"model": "none", "data": data, "rows": 3, "only": ("naive", "floor"), "progress": False}
    here = benchmark(LIGHT, **asked).record
    with rendering(machines.address, LIGHT, progress=False) as renderer:
        there = benchmark(LIGHT, **asked, renderer=renderer).record
    for record in (here, there):
        for way in record["ways"].values():
            way.pop("seconds")
    assert there == here
    assert here["ways"]["naive"]["settings_of_all"] is not None
