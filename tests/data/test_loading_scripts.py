"""The loading scripts as users run them: by path on datasets 3.6, by class since."""

import hashlib
import http.server
import importlib.util
import inspect
import io
import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import datasets
import numpy as np
import pytest
import soundfile
from archive_files import TINY, archive_files, noise, table, write_folder, write_zip
from datasets import Audio, DatasetDict, load_dataset

from secret_sauce_hf.data import build_collection, builder, features, load_takes
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.instruments import COLLECTIONS, InputError, get_collection
from secret_sauce_hf.original import archives
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import draw_presets

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "loading_scripts"
OLD = int(datasets.__version__.split(".")[0]) < 4
LIGHT = "noisemaker-light"
# Rows on both sides of the border between training and testing.
BORDER = (788, 812)


@pytest.fixture(scope="module", autouse=True)
def modules(tmp_path_factory):
    """datasets 3.6 copies scripts to a folder of modules; not into the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")), raising=False)
        yield


def script(name):
    return SCRIPTS / f"{get_collection(name).stem}.py"


def builder_class(name):
    """The class in a script; an importable one, as other processes must find it."""
    stem = script(name).stem
    if stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(stem, script(name))
        sys.modules[stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[stem])
    (found,) = (kind for kind in vars(sys.modules[stem]).values() if inspect.isclass(kind) and kind.__module__ == stem)
    return found


def load(name, cache, *, streaming=False, num_proc=None, **arguments):
    """Every split."""
    if OLD:
        rest = {"streaming": True} if streaming else {"num_proc": num_proc}
        return load_dataset(str(script(name)), cache_dir=str(cache), trust_remote_code=True, **rest, **arguments)
    made = builder_class(name)(cache_dir=str(cache), **arguments)
    if streaming:
        return made.as_streaming_dataset()
    made.download_and_prepare(num_proc=num_proc)
    return made.as_dataset()


def rows_of(dataset):
    return {split: list(part.cast_column("audio", Audio(decode=False))) for split, part in dataset.items()}


# One script per collection


def test_there_is_a_script_per_collection():
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {collection.stem for collection in COLLECTIONS.values()}
    # datasets 3.6 would take its types from a card beside the scripts.
    assert {path.name for path in SCRIPTS.iterdir()} - {"__pycache__"} == {path.name for path in SCRIPTS.glob("*.py")}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_what_a_script_declares(name, tmp_path):
    kind = builder_class(name)
    assert name == kind.COLLECTION
    made = kind(cache_dir=str(tmp_path))
    assert made.info.features == features(name)
    assert made.plan.splits == {
        "train": (0, get_collection(name).train_count),
        "test": (get_collection(name).train_count, get_collection(name).count),
    }
    # 3.6 checks that what a script imports is there, and reads one module per line.
    lines = [line for line in script(name).read_text().splitlines() if line.startswith(("import ", "from "))]
    assert lines == ["from secret_sauce_hf.data.builder import CollectionBuilder"]


def test_the_examples_in_a_script(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(SCRIPTS)
    text = script(LIGHT).read_text()
    by_class = text[text.index("    from noisemaker_light") : text.index("\nWith `datasets` 3.6")]
    by_path = text[text.index("    takes = load_dataset") : text.index("\nThe sounds")]
    names = {"load_dataset": load_dataset}
    exec(textwrap.dedent(by_path if OLD else by_class).replace("rows=200", "rows=4"), names)
    assert load_takes(names["takes"]).presets == original_presets(LIGHT, 0, 4)
    if not OLD:
        assert len(list(names["stream"].cast_column("audio", Audio(decode=False)))) == 4


# Sounds of the engine


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    out = build_collection(LIGHT, folder / "out", rows=BORDER, progress=False)
    return load_dataset(str(out), cache_dir=str(folder / "cache"))


def test_rows_are_those_of_a_build(built, tmp_path):
    plain = load(LIGHT, tmp_path, rows=BORDER, rows_per_shard=5, num_proc=2)
    streamed = load(LIGHT, tmp_path, rows=BORDER, rows_per_shard=5, streaming=True)
    assert {split: len(part) for split, part in plain.items()} == {"train": 12, "test": 12}
    assert rows_of(plain) == rows_of(streamed) == rows_of(built)
    for split in plain:
        assert plain[split].features == streamed[split].features == built[split].features == features(LIGHT)
    # Each shard of a stream is a unit of its own for shuffling and for workers.
    assert streamed["train"].n_shards == 3


def test_takes_are_read_back(built, tmp_path):
    expected = load_takes(built)
    assert expected.presets == original_presets(LIGHT, *BORDER)
    for streaming in (False, True):
        dataset = load(LIGHT, tmp_path, rows=BORDER, streaming=streaming)
        takes = load_takes(dataset)
        assert takes.presets == expected.presets
        assert np.array_equal(takes.sounds, expected.sounds)
        assert load_takes(dataset, "test").presets == expected.presets[12:]
        assert len(load_takes(dataset["train"])) == 12


def test_fresh_rows_are_those_of_a_build(tmp_path):
    arguments = {"seed": 7, "count": 5, "in_session": True}
    out = build_collection(LIGHT, tmp_path / "out", progress=False, **arguments)
    expected = rows_of(load_dataset(str(out), cache_dir=str(tmp_path)))
    made = load(LIGHT, tmp_path, **arguments)
    assert rows_of(made) == expected
    assert load_takes(made).presets == draw_presets(LIGHT, 5, 7)
    assert rows_of(load(LIGHT, tmp_path, streaming=True, **arguments | {"in_session": False})) != expected


@pytest.mark.parametrize("name, rows", [("noisemaker-notes", (7_999, 8_001)), ("guitar-phrases", (1_599, 1_601))])
def test_rows_tell_what_they_play(name, rows, tmp_path):
    out = build_collection(name, tmp_path / "out", rows=rows, progress=False)
    expected = load_dataset(str(out), cache_dir=str(tmp_path))
    plain, streamed = load(name, tmp_path, rows=rows), load(name, tmp_path, rows=rows, streaming=True)
    assert plain["test"].features == streamed["test"].features == expected["test"].features == features(name)
    assert rows_of(plain) == rows_of(streamed) == rows_of(expected)
    (row,) = rows_of(plain)["test"]
    assert row["notes"][0].keys() == {"onset", "duration", "pitch", "velocity"} and row["notes"][0]["onset"] == 0.1
    assert load_takes(plain).presets == load_takes(streamed).presets == original_presets(name, *rows)
    musical = load(name, tmp_path, seed=3, count=2, prior="musical")
    assert load_takes(musical, collection=name).presets == draw_presets(name, 2, 3, prior="musical")


def test_what_was_not_recorded_has_no_archive(tmp_path):
    for arguments in ({"data_dir": str(tmp_path)}, {"download": True}):
        with pytest.raises(InputError, match="There are no recordings of subphatty-notes: leave `data_dir` and"):
            load("subphatty-notes", tmp_path, **arguments)


def test_measured_rows_are_those_of_a_build(tmp_path):
    out = build_collection(LIGHT, tmp_path / "out", rows=(799, 801), measure=True, progress=False)
    expected = load_dataset(str(out), cache_dir=str(tmp_path))
    made = load(LIGHT, tmp_path, rows=(799, 801), measure=True)
    assert made["train"].features == expected["train"].features == features(LIGHT, measured=True)
    assert rows_of(made) == rows_of(expected)


@pytest.mark.skipif(not OLD, reason="later versions decode through torchcodec: see test_torchcodec")
def test_datasets_36_decodes_by_itself(built):
    sounds = load_takes(built, "test").sounds
    for row, sound in zip(built["test"], sounds, strict=True):
        assert row["audio"]["sampling_rate"] == 22_050
        assert np.array_equal(row["audio"]["array"], sound)


@pytest.mark.parametrize(
    "rows, expected",
    [(3, (0, 3)), ((788, 812), BORDER), ([788, 812], BORDER), (range(5, 9), (5, 9)), (None, (0, 1000))],
)
def test_ways_to_say_which_rows(rows, expected, tmp_path):
    plan = builder_class(LIGHT)(rows=rows, cache_dir=str(tmp_path)).plan
    assert (plan.start, plan.stop) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rows": 0}, "Rows 0 to 0 cannot be built"),
        ({"rows": 1001}, "has 1000 rows of 2018"),
        ({"rows": "all"}, "rows is 'all'; give a number, a pair"),
        ({"rows": (1, 2, 3)}, r"rows is \(1, 2, 3\)"),
        ({"rows": range(0, 10, 2)}, "without steps"),
        ({"rows": 3, "seed": 1}, "with a seed give `count`"),
        ({"seed": 1}, "need a `count`"),
        ({"count": 5}, "needs a seed"),
        ({"rows_per_shard": 0}, "rows_per_shard must be an integer from 1"),
        ({"data_dir": "a", "download": True}, "Give `data_dir` or `download=True`, not both"),
        ({"data_dir": "a", "seed": 1, "count": 2}, "the archive has the rows of 2018 only"),
        ({"data_dir": "a", "in_session": False}, "were made in session"),
        ({"data_dir": "a", "measure": True}, "not on recordings; leave `measure` out"),
        ({"data_dir": "/nowhere/at/all"}, "No such file or folder: /nowhere/at/all"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_bad_arguments(arguments, message, streaming, tmp_path):
    with pytest.raises(InputError, match=message):
        load(LIGHT, tmp_path, streaming=streaming, **arguments)


@pytest.mark.usefixtures("no_engines")
def test_no_engine(tmp_path):
    with pytest.raises(InputError, match="No engine renders"):
        load(LIGHT, tmp_path, rows=3)


# The cache


def test_the_cache_is_not_stale(tmp_path, monkeypatch):
    kind = builder_class(LIGHT)

    def folder(**arguments):
        return kind(cache_dir=str(tmp_path), **arguments).cache_dir

    same = folder(rows=4)
    assert folder(rows=4) == same
    assert len({same, folder(rows=5), folder(rows=4, in_session=False), folder(rows=4, hash="mine")}) == 4
    with monkeypatch.context() as patch:
        patch.setattr("secret_sauce_hf.engines.noisemaker.engine.NoiseMaker.version", "other")
        assert folder(rows=4) != same
    with monkeypatch.context() as patch:
        patch.setattr(soundfile, "__libsndfile_version__", "other")
        assert folder(rows=4) != same
    with monkeypatch.context() as patch:
        changed = get_collection(LIGHT)
        patch.setitem(COLLECTIONS, LIGHT, type(changed)(**vars(changed) | {"train_count": 2}))
        assert folder(rows=4) != same
        assert folder(rows=4) == folder(rows=4)
    assert folder(rows=4) == same


def test_what_is_in_the_cache_is_not_made_again(tmp_path, monkeypatch):
    first = rows_of(load(LIGHT, tmp_path, rows=4))
    monkeypatch.setattr(builder, "rendered_table", None)
    assert rows_of(load(LIGHT, tmp_path, rows=4)) == first


# Recordings out of an archive


@pytest.fixture(scope="module")
def files():
    return archive_files()


@pytest.fixture(scope="module", params=["folder", "zip"])
def archive(request, files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    return write_folder(folder, files) if request.param == "folder" else write_zip(folder / "tiny.zip", files)


def check_recordings(dataset, rows=range(32)):
    takes = load_takes(dataset, collection=TINY)
    assert takes.presets == original_presets(TINY)[list(rows)]
    assert np.array_equal(takes.sounds, np.stack([noise(row) for row in rows]) / np.float32(2**15))
    assert isinstance(dataset, dict)
    return rows_of(dataset)


def test_recordings(archive, tmp_path):
    plain = load(TINY, tmp_path, data_dir=str(archive))
    assert {split: len(part) for split, part in plain.items()} == {"train": 25, "test": 7}
    rows = check_recordings(plain)
    assert check_recordings(load(TINY, tmp_path, data_dir=str(archive), rows_per_shard=6, num_proc=2)) == rows
    streamed = load(TINY, tmp_path, data_dir=str(archive), rows_per_shard=6, streaming=True)
    assert check_recordings(streamed) == rows
    assert plain["test"].features == streamed["test"].features == features(TINY)
    first = rows["test"][0]
    assert first["file"] == "s25.wav" and first["audio"]["path"] == "s25.flac"
    heard = original_presets(TINY, 25, 26).heard()[0].tolist()
    assert first["heard"] == dict(zip(get_collection(TINY).columns, heard, strict=True))
    # Only what was asked for is looked at.
    assert rows_of(load(TINY, tmp_path, data_dir=str(archive), rows=(24, 26))) == {
        "train": rows["train"][-1:],
        "test": rows["test"][:1],
    }


def test_a_changed_archive_is_read_again(files, tmp_path):
    path = tmp_path / "tiny.zip"
    write_zip(path, files)
    check_recordings(load(TINY, tmp_path, data_dir=str(path)))
    sounds = "guitar_tiny/guitar_tiny_samples/"
    write_zip(path, files | {f"{sounds}s0.wav": files[f"{sounds}s1.wav"], "more.txt": b"x"})
    takes = load_takes(load(TINY, tmp_path, data_dir=str(path)), collection=TINY)
    assert np.array_equal(takes.sounds[0], takes.sounds[1])


@pytest.fixture
def flawed(files, tmp_path):
    """A broken sound, a missing one and one too many."""
    sounds = "guitar_tiny/guitar_tiny_samples/"
    changes = {f"{sounds}s3.wav": b"x", f"{sounds}s99.wav": b"x"}
    kept = {name: content for name, content in files.items() if not name.endswith("/s26.wav")}
    return write_zip(tmp_path / "flawed.zip", kept | changes)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_flawed_archive(flawed, streaming, tmp_path, caplog):
    with pytest.raises(InputError, match=r"1 sound is missing: s26\.wav; 1 sound is broken: s3\.wav .*skip_bad=True"):
        load(TINY, tmp_path, data_dir=str(flawed), streaming=streaming)
    with caplog.at_level(logging.WARNING):
        left = load(TINY, tmp_path, data_dir=str(flawed), streaming=streaming, skip_bad=True, rows_per_shard=4)
    check_recordings(left, [row for row in range(32) if row not in (3, 26)])
    assert "1 sound is missing: s26.wav" in caplog.text and "s99.wav" in caplog.text
    with pytest.raises(InputError, match="no good row is left for the split test"):
        load(TINY, tmp_path, data_dir=str(flawed), streaming=streaming, skip_bad=True, rows=(26, 27))


def test_another_collections_archive(archive, tmp_path):
    with pytest.raises(InputError, match="holds no archive of noisemaker-light"):
        load(LIGHT, tmp_path, data_dir=str(archive))


def test_a_table_of_other_settings(files, tmp_path):
    lines = table().splitlines(keepends=True)
    changed = "".join([lines[0], lines[2], lines[1], *lines[3:]]).encode()
    write_folder(tmp_path / "there", files | {"guitar_tiny/guitar_tiny.csv": changed})
    with pytest.raises(InputError, match="2 rows differ from the table of 2018: row 0, row 1"):
        load(TINY, tmp_path / "cache", data_dir=str(tmp_path / "there"))


# Fetching the archive


@pytest.fixture
def drive(tmp_path, files, monkeypatch):
    """A stand-in for Google Drive on this machine: what it has, and what was asked of it."""
    drive = SimpleNamespace(content=write_zip(tmp_path / "drive.zip", files).read_bytes(), asked=[])
    there = f"/{archives.DRIVE_IDS[TINY]}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            drive.asked.append(self.command)
            content = drive.content if self.path == there else b""
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(builder, "DRIVE_URL", f"http://127.0.0.1:{server.server_port}/{{id}}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # That the rest of a run must not reach the network is no matter here.
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    yield drive
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("streaming", [False, True])
def test_download(drive, streaming, tmp_path):
    for _ in range(2):
        check_recordings(load(TINY, tmp_path / "cache", download=True, streaming=streaming))
    assert drive.asked.count("GET") == 1


def test_a_page_instead_of_the_archive_is_not_kept(drive, tmp_path):
    archive, drive.content = drive.content, b"<html>Too many users have viewed this file</html>"
    with pytest.raises(InputError, match="is not a zip file that can be read"):
        load(TINY, tmp_path / "cache", download=True)
    drive.content = archive
    check_recordings(load(TINY, tmp_path / "cache", download=True))


def test_download_of_something_that_is_gone(drive, tmp_path, monkeypatch):
    monkeypatch.setitem(archives.DRIVE_IDS, TINY, "gone")
    with pytest.raises(InputError, match="use a browser and give the file as data_dir"):
        load(TINY, tmp_path, download=True)
    assert drive.asked


def test_download_without_its_extra(drive, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    # `fsspec.registry` is also the name of something in it.
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "http", raising=False)
    with pytest.raises(InputError, match=r"pip install 'secret_sauce_hf\[archives\]'"):
        load(TINY, tmp_path, download=True)
    assert not drive.asked


# Between the versions

_DIGESTS = """
import json, sys
folder, *sys.path[:0] = sys.argv[1:]
from test_loading_scripts import digests
print(json.dumps(digests(folder)))
"""


def digests(folder):
    """What can be compared between environments: samples, settings, names, heard."""
    found = {}
    several = ((LIGHT, BORDER), ("noisemaker", (7_999, 8_001)), ("noisemaker-phrases", (1_599, 1_601)))
    for name, rows in several:
        for split, part in rows_of(DatasetDict(load(name, folder, rows=rows))).items():
            digest = hashlib.sha256()
            for row in part:
                samples, rate = soundfile.read(io.BytesIO(row.pop("audio")["bytes"]), dtype="int16")
                digest.update(samples.tobytes() + json.dumps([rate, row], sort_keys=True).encode())
            found[f"{name} {split} {len(part)}"] = digest.hexdigest()
    # A build has the same bytes, and so has its card.
    for name, rows in ((LIGHT, BORDER), ("noisemaker-notes", (7_999, 8_001))):
        out = build_collection(name, Path(folder) / f"build-{name}", rows=rows, rows_per_shard=8, progress=False)
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            content = path.read_bytes()
            if path.name == "manifest.json":
                # It tells, among others, the version of datasets.
                manifest = json.loads(content)
                assert manifest.pop("versions")["datasets"] == datasets.__version__
                content = json.dumps(manifest).encode()
            found[path.relative_to(Path(folder)).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


@pytest.mark.skipif(OLD, reason="compares with the newer version's environment")
def test_rows_are_the_same_on_datasets_36(tmp_path):
    python = ROOT / ".venv-datasets36" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs the environment that `make test-datasets36` makes")
    other = subprocess.run(
        [python, "-c", _DIGESTS, tmp_path / "old", Path(__file__).parent, ROOT / "tests"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"HF_HOME": str(tmp_path / "home")},
    )
    assert other.returncode == 0, other.stderr
    assert json.loads(other.stdout) == digests(tmp_path / "new")
    # What one of them built, the other one takes for finished.
    theirs, ours = (tmp_path / which / f"build-{LIGHT}" for which in ("old", "new"))
    assert finished_plan(theirs) == finished_plan(ours)
    shard = theirs / "data" / "train-00001-of-00002.parquet"
    shard.unlink()
    build_collection(LIGHT, theirs, rows=BORDER, rows_per_shard=8, progress=False)
    assert shard.read_bytes() == (ours / "data" / shard.name).read_bytes()
