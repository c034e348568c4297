import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from datasets import Audio, ClassLabel, Dataset, DatasetInfo, Features, Value, load_dataset
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard, DatasetCardData
from typer.testing import CliRunner

from secret_sauce_hf.cards.dataset import dataset_card
from secret_sauce_hf.cards.parameters import heard_text, simplify
from secret_sauce_hf.cards.templates import render_card
from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data import build_collection, columns, features, iter_takes, load_takes, read_audio, shards
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.card_facts import dataset_facts, split_files
from secret_sauce_hf.data.columns import arrow_schema
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.engines import render
from secret_sauce_hf.engines.noisemaker.engine import NoiseMaker
from secret_sauce_hf.instruments import COLLECTIONS, InputError, get_collection
from secret_sauce_hf.instruments.parameters import holds
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import draw_presets

LIGHT = "noisemaker-light"
# Rows on both sides of the border between training and testing.
BORDER = (788, 812)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_collection(LIGHT, tmp_path_factory.mktemp("built") / "light", rows=BORDER, progress=False)


def shard_bytes(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "data").iterdir())}


def sounds_by_file(folder):
    rows = {}
    for path in (folder / "data").iterdir():
        for row in pq.read_table(path, columns=["audio", "file"]).to_pylist():
            rows[row["file"]] = row["audio"]["bytes"]
    return rows


# The columns


@pytest.mark.parametrize("name", COLLECTIONS)
def test_features_follow_the_declaration_and_survive_a_card(name, tmp_path):
    collection = get_collection(name)
    types = features(name)
    told = [] if collection.plays is None else ["notes"]
    assert list(types) == ["audio", *collection.columns, "file", *told, "heard"]
    # One channel: an argument since datasets 4, before that always.
    assert (types["audio"].sampling_rate, getattr(types["audio"], "num_channels", 1)) == (22_050, 1)
    for parameter in collection.parameters:
        if parameter.kind == "switch":
            assert types[parameter.name] == ClassLabel(names=list(parameter.labels))
        else:
            assert types[parameter.name] == Value("float32")
    assert types["heard"] == {column: Value("bool") for column in collection.columns}

    # YAML has opinions of its own about labels such as on and off.
    data = DatasetCardData()
    DatasetInfosDict({"default": DatasetInfo(features=types)}).to_dataset_card_data(data)
    (tmp_path / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n")
    assert DatasetInfosDict.from_directory(tmp_path)["default"].features == types
    assert Features.from_arrow_schema(types.arrow_schema) == types


def test_features_of_an_unknown_collection():
    with pytest.raises(InputError, match="Unknown collection 'moog'"):
        features("moog")


# Builds as `datasets` sees them


def test_load_dataset_gives_typed_rows_plain_and_streamed(built, tmp_path):
    plain = load_dataset(str(built), cache_dir=str(tmp_path))
    streamed = load_dataset(str(built), streaming=True)
    assert {split: len(rows) for split, rows in plain.items()} == {"train": 12, "test": 12}
    presets = original_presets(LIGHT, *BORDER)
    expected = list(zip(presets.rows(), presets.files, presets.heard(), strict=True))
    for split, part in (("train", expected[:12]), ("test", expected[12:])):
        assert plain[split].features == streamed[split].features == features(LIGHT)
        rows = list(plain[split].cast_column("audio", Audio(decode=False)))
        assert rows == list(streamed[split].cast_column("audio", Audio(decode=False)))
        wave = plain[split].features["osc2_wave"]
        for row, (settings, file, heard) in zip(rows, part, strict=True):
            assert row["file"] == file
            assert row["audio"]["path"] == file.replace(".wav", ".flac")
            assert row["heard"] == dict(zip(presets.collection.columns, heard.tolist(), strict=True))
            assert wave.int2str(row["osc2_wave"]) == settings.pop("osc2_wave")
            assert {name: row[name] for name in settings} == pytest.approx(settings, rel=1e-6)


def test_sounds_are_those_of_the_session(built):
    in_session = render(
        original_presets(LIGHT, *BORDER), in_session=True, preceding=original_presets(LIGHT, 787, 788), first_row=788
    )
    stored = sounds_by_file(built)
    for row, take in enumerate(in_session, 788):
        decoded, rate = soundfile.read(io.BytesIO(stored[f"s{row}.wav"]), dtype="int16")
        assert rate == 22_050
        assert np.array_equal(decoded, take)


def test_heard_selects_rows(built, tmp_path):
    takes = load_dataset(str(built), split="train", cache_dir=str(tmp_path)).cast_column("audio", Audio(decode=False))
    selected = takes.filter(lambda row: row["heard"]["lfo1_rate"])
    away = [file for file, amount in zip(takes["file"], takes["lfo1_amount"], strict=True) if abs(amount - 5) > 1.2]
    assert selected["file"][:] == away
    assert 0 < len(selected) < len(takes)


def test_shards_carry_the_types_and_small_row_groups(tmp_path):
    out = build_collection(LIGHT, tmp_path / "out", seed=3, count=260, progress=False)
    file = pq.ParquetFile(out / "data" / "train-00000-of-00001.parquet")
    assert Features.from_arrow_schema(file.schema_arrow) == features(LIGHT)
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [100, 100, 8]


@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_types_are_told_alike_under_every_version_of_datasets(name, measured, monkeypatch):
    told = json.loads(arrow_schema(name, measured=measured).metadata[b"huggingface"])
    assert json.dumps(told["info"]["features"]["audio"]) == (
        '{"sampling_rate": 22050, "num_channels": 1, "_type": "Audio"}'
    )
    assert Features.from_dict(told["info"]["features"]) == features(name, measured=measured)
    before = arrow_schema(name, measured=measured)
    # As before version 4.4, whose type has no channels.
    monkeypatch.setattr(columns, "_ONE_CHANNEL", {})
    assert arrow_schema(name, measured=measured).equals(before, check_metadata=True)


def test_the_card_says_what_wrote_the_bytes(tmp_path, monkeypatch):
    out = build_collection(LIGHT, tmp_path / "out", rows=(0, 2), progress=False)
    card = (out / "README.md").read_text()
    assert f"FLAC by libsndfile {soundfile.__libsndfile_version__}, in Parquet by parquet-cpp-arrow version" in card
    assert "The same versions make the same bytes again" in card
    assert "      audio:\n        sampling_rate: 22050\n        num_channels: 1\n" in card
    # And so does one that an older version writes.
    monkeypatch.setattr(columns, "_ONE_CHANNEL", {})
    plan = finished_plan(out)
    assert plan is not None
    assert dataset_card(plan.collection, dataset_facts(plan.collection, split_files(out), plan)) == card


def test_fresh_rows(tmp_path):
    out = build_collection(LIGHT, tmp_path / "out", seed=7, count=10, progress=False)
    train, test = load_takes(out, "train"), load_takes(out, "test")
    assert (len(train), len(test)) == (8, 2)
    presets = draw_presets(LIGHT, 10, seed=7)
    assert train.presets == presets[:8]
    assert test.presets == presets[8:]
    expected = render(presets, noise_seed=7)
    assert np.array_equal(np.concatenate([train.sounds, test.sounds]) * 2**15, expected)


@pytest.mark.parametrize(
    "count, sizes", [(1, {"train": 1}), (2, {"train": 1, "test": 1}), (5, {"train": 4, "test": 1})]
)
def test_split_of_few_fresh_rows(count, sizes, tmp_path):
    out = build_collection(LIGHT, tmp_path / "out", seed=1, count=count, progress=False)
    assert {split: len(rows) for split, rows in load_dataset(str(out), streaming=False).items()} == sizes


# The card


def test_card_agrees_with_the_data(built):
    data = DatasetCard.load(built / "README.md").data
    info = DatasetInfosDict.from_directory(built)["default"]
    assert info.features == features(LIGHT)
    assert {split: part.num_examples for split, part in info.splits.items()} == {"train": 12, "test": 12}
    assert info.download_size == sum(path.stat().st_size for path in (built / "data").iterdir())
    assert data.configs[0]["data_files"] == [
        {"split": "train", "path": "data/train-*"},
        {"split": "test", "path": "data/test-*"},
    ]
    assert data.license == "apache-2.0"
    assert data.size_categories == ["n<1K"]
    head = (built / "README.md").read_text().split("---")[1]
    assert yaml.safe_load(head)["pretty_name"].startswith("noisemaker-light: ")


def test_card_says_when_each_parameter_is_heard(built):
    card = (built / "README.md").read_text()
    heard = original_presets(LIGHT, *BORDER).heard()
    row = next(line for line in card.splitlines() if line.startswith("| `lfo1_rate`"))
    assert row.endswith(
        f"| knob | 0 to 10 | 17 | `lfo1_amount` > 6.2 or `lfo1_amount` < 3.8 | {heard[:, 0].mean():.1%} |"
    )
    assert "rows 788 to 811 of 1,000" in card
    assert "not the recordings of 2018" in card


def test_what_the_card_shows_works(built, tmp_path, monkeypatch, capsys):
    shutil.copytree(built, tmp_path / "DIR")
    monkeypatch.chdir(tmp_path)
    card = (built / "README.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {})
    assert "s788.wav (19845,) 22050" in capsys.readouterr().out


def test_every_figure_of_the_card_comes_again_from_its_command(built, tmp_path, monkeypatch):
    card = (built / "README.md").read_text()
    [command] = re.findall(r"^secret-sauce (build .*)$", card, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli.app, command.split()).exit_code == 0
    assert (tmp_path / "DIR" / "README.md").read_text() == card
    assert shard_bytes(tmp_path / "DIR") == shard_bytes(built)


def test_a_card_that_lacks_something_is_an_error():
    with pytest.raises(ValueError, match=r"dataset_card.* cannot be filled: 'head' is undefined"):
        render_card("dataset_card.md.jinja")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_simplified_rules_say_the_same(name):
    presets = draw_presets(name, 500, seed=11)
    played = presets.performances.asked(presets.collection.seconds)
    settings = presets.complete() | played
    fixed = dict(presets.collection.fixed)
    for parameter in presets.parameters:
        simple = simplify(parameter.heard, fixed)
        said = np.broadcast_to(holds(simple, presets.settings | played), len(presets))
        assert np.array_equal(said, np.broadcast_to(holds(parameter.heard, settings), len(presets)))
        assert heard_text(parameter.heard, presets.collection)


def test_rules_as_text():
    collection = get_collection("noisemaker")
    texts = {parameter.name: heard_text(parameter.heard, collection) for parameter in collection.parameters}
    assert texts["filter_attack"] == "never"
    assert texts["filter_cutoff"] == "always"
    assert texts["osc1_pulse_width"] == "`osc1_volume` > 0.75 and `osc1_wave` is Pulse"
    assert texts["lfo1_amount"].startswith(
        "`lfo1_destination` is FILTER or (`lfo1_destination` is OSC1PITCH and `osc1_volume` > 0.75 and "
        "`osc1_wave` is Saw or Pulse) or "
    )


# The same bytes however they are made


def test_rows_do_not_depend_on_shards_chunks_or_workers(built, tmp_path, monkeypatch):
    in_processes = build_collection(
        LIGHT, tmp_path / "processes", rows=BORDER, rows_per_shard=5, workers=2, progress=False
    )
    monkeypatch.setattr(shards, "rows_at_once", lambda _: 3)
    in_chunks = build_collection(LIGHT, tmp_path / "chunks", rows=BORDER, rows_per_shard=7, progress=False)
    expected = sounds_by_file(built)
    assert len(expected) == 24
    assert sounds_by_file(in_processes) == expected
    assert sounds_by_file(in_chunks) == expected
    monkeypatch.undo()
    alone = build_collection(LIGHT, tmp_path / "alone", rows=BORDER, rows_per_shard=5, progress=False)
    assert shard_bytes(alone) == shard_bytes(in_processes)
    assert len(shard_bytes(alone)) == 6
    assert (alone / "README.md").read_bytes() == (in_processes / "README.md").read_bytes()


def test_fresh_rows_do_not_depend_on_their_number(tmp_path):
    few = build_collection(LIGHT, tmp_path / "few", seed=5, count=4, in_session=True, progress=False)
    more = build_collection(
        LIGHT, tmp_path / "more", seed=5, count=9, in_session=True, rows_per_shard=2, progress=False
    )
    assert sounds_by_file(few).items() <= sounds_by_file(more).items()


# Going on after a stop


def test_finished_shards_are_kept_and_others_made_again(tmp_path, monkeypatch):
    def build():
        return build_collection(LIGHT, tmp_path / "out", rows=(0, 12), rows_per_shard=4, progress=False)

    whole = shard_bytes(build())
    data = tmp_path / "out" / "data"
    names = sorted(whole)
    (data / names[0]).unlink()
    (data / names[1]).write_bytes(whole[names[1]][:2000])
    (data / f".{names[0]}.1234.tmp").write_bytes(whole[names[0]][:100])
    kept = (data / names[2]).stat().st_mtime_ns
    rendered = []
    plain = NoiseMaker.render

    def noted(engine, presets, **rest):
        rendered.append(presets.files)
        return plain(engine, presets, **rest)

    monkeypatch.setattr(NoiseMaker, "render", noted)
    build()
    assert rendered == [["s0.wav", "s1.wav", "s2.wav", "s3.wav"], ["s4.wav", "s5.wav", "s6.wav", "s7.wav"]]
    assert shard_bytes(tmp_path / "out") == whole
    assert (data / names[2]).stat().st_mtime_ns == kept
    build()
    assert len(rendered) == 2


def test_a_shard_of_another_build_is_not_taken_for_ours(tmp_path):
    ours = build_collection(LIGHT, tmp_path / "ours", rows=(0, 4), progress=False)
    other = build_collection(LIGHT, tmp_path / "other", rows=(4, 8), progress=False)
    name = "train-00000-of-00001.parquet"
    expected = (ours / "data" / name).read_bytes()
    shutil.copy(other / "data" / name, ours / "data" / name)
    build_collection(LIGHT, ours, rows=(0, 4), progress=False)
    assert (ours / "data" / name).read_bytes() == expected


@pytest.mark.parametrize("name", ["train-00099-of-00100.parquet", "train-junk.parquet"])
def test_a_file_that_load_dataset_would_take_for_ours_is_refused(tmp_path, name):
    out = build_collection(LIGHT, tmp_path / "out", rows=(0, 4), progress=False)
    (out / "data" / name).write_bytes(b"junk")
    with pytest.raises(InputError, match=f"holds '{name}', which is not of this build"):
        build_collection(LIGHT, out, rows=(0, 4), progress=False)
    assert (out / "data" / name).read_bytes() == b"junk"


def test_ctrl_c_leaves_finished_shards_only(tmp_path, monkeypatch):
    calls = []

    plain = NoiseMaker.render

    def interrupted(engine, presets, **rest):
        calls.append(presets)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return plain(engine, presets, **rest)

    monkeypatch.setattr(NoiseMaker, "render", interrupted)
    monkeypatch.setattr(shards, "rows_at_once", lambda _: 2)
    with pytest.raises(KeyboardInterrupt):
        build_collection(LIGHT, tmp_path / "out", rows=(0, 12), rows_per_shard=4, progress=False)
    assert [path.name for path in (tmp_path / "out" / "data").iterdir()] == ["train-00000-of-00003.parquet"]


_BUILD = """
import sys
from secret_sauce_hf.data import build_collection
if __name__ == "__main__":
    build_collection("noisemaker-light", sys.argv[1], seed=2, count=200, rows_per_shard=25,
                     workers=int(sys.argv[2]), progress=False)
"""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "out"
    return build_collection(LIGHT, folder, seed=2, count=200, rows_per_shard=25, progress=False)


@pytest.mark.parametrize("workers, signal_number", [(1, signal.SIGKILL), (2, signal.SIGKILL), (2, signal.SIGINT)])
def test_a_stopped_build_goes_on(tmp_path, uninterrupted, workers, signal_number):
    script = tmp_path / "build.py"
    script.write_text(_BUILD)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, str(script), str(out), str(workers)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not any((out / "data").glob("train-*.parquet")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    if signal_number == signal.SIGINT:
        # To the whole group, as a terminal does.
        os.killpg(process.pid, signal_number)
    else:
        process.kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal_number
    wait_for_end_of_group(process.pid)
    finished = shard_bytes(out)
    assert 0 < sum(not name.startswith(".") for name in finished) < len(shard_bytes(uninterrupted))
    assert not (out / "README.md").exists()
    if signal_number == signal.SIGINT:
        assert not any(name.startswith(".") for name in finished)
        assert errors.count("Traceback") == 1 and errors.rstrip().endswith("KeyboardInterrupt")
    build_collection(LIGHT, out, seed=2, count=200, rows_per_shard=25, progress=False)
    assert shard_bytes(out) == shard_bytes(uninterrupted)
    assert (out / "README.md").read_bytes() == (uninterrupted / "README.md").read_bytes()


def wait_for_end_of_group(group):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("a worker outlived its build")


def test_a_killed_worker(tmp_path):
    def kill_one():
        while len(children := multiprocessing.active_children()) < 2:
            time.sleep(0.002)
        # Their imports take longer than this, so that both still have their work before them.
        time.sleep(0.1)
        children[0].kill()

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    with pytest.raises(ChildProcessError, match="the same command goes on from the finished shards"):
        build_collection(LIGHT, tmp_path / "out", rows=BORDER, workers=2, progress=False)
    killer.join()
    assert not multiprocessing.active_children()


# What cannot be built


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rows": (5, 5)}, "Rows 5 to 5 cannot be built"),
        ({"rows": (-1, 5)}, "Rows -1 to 5"),
        ({"rows": (990, 1001)}, "has 1000 rows of 2018"),
        ({"seed": 1}, "need a `count`"),
        ({"count": 5}, "needs a seed"),
        ({"seed": 1, "count": 0}, "count must be an integer from 1"),
        ({"seed": -1, "count": 5}, "seed must be an integer from 0"),
        ({"seed": 1, "count": 5, "rows": (0, 5)}, "with a seed give `count`"),
        ({"rows_per_shard": 0}, "rows_per_shard must be an integer from 1"),
        ({"workers": 0}, "workers must be an integer from 1"),
        ({"workers": 1.5}, "workers must be an integer from 1 to 1024, not 1.5"),
        ({"rows": 5}, "rows is 5; give a pair"),
        ({"rows": (1,)}, "give a pair"),
        ({"rows": "5"}, "rows is '5'"),
        ({"rows": (1.5, 3)}, "start must be an integer from .*, not 1.5"),
        ({"seed": 1.5, "count": 5}, "seed must be an integer from .*, not 1.5"),
        ({"seed": 1, "count": 2.5}, "count must be an integer from .*, not 2.5"),
        ({"rows_per_shard": 2.5}, "rows_per_shard must be an integer from .*, not 2.5"),
        ({"seed": 1, "count": 10**20}, "count must be an integer from 1 to 10000000, not 100000000000000000000"),
        ({"seed": 1, "count": 10**7, "rows_per_shard": 1}, "raise rows_per_shard or build fewer rows"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        build_collection(LIGHT, tmp_path / "out", progress=False, **arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_engines")
def test_no_engine(tmp_path):
    with pytest.raises(InputError, match="No engine renders"):
        build_collection(LIGHT, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_another_build_is_replaced_only_when_asked(tmp_path):
    out = build_collection(LIGHT, tmp_path / "out", seed=1, count=6, rows_per_shard=2, progress=False)
    before = shard_bytes(out)
    with pytest.raises(InputError, match=r"holds another build \(seed: 1 there, 2 here.*--overwrite"):
        build_collection(LIGHT, out, seed=2, count=6, rows_per_shard=2, in_session=False, progress=False)
    assert shard_bytes(out) == before
    (out / "data" / "notes.txt").write_text("mine")
    build_collection(LIGHT, out, rows=(0, 3), overwrite=True, progress=False)
    assert sorted(shard_bytes(out)) == ["notes.txt", "train-00000-of-00001.parquet"]
    assert load_takes(out).presets == original_presets(LIGHT, 0, 3)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is not empty and not a build"):
            build_collection(LIGHT, tmp_path, rows=(0, 1), overwrite=overwrite, progress=False)
    with pytest.raises(InputError, match="is a file; give a folder"):
        build_collection(LIGHT, tmp_path / "README.md", rows=(0, 1), progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_spoilt_record(content, tmp_path):
    (tmp_path / ".build.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match="holds another build"):
        build_collection(LIGHT, tmp_path, rows=(0, 1), progress=False)


def test_a_changed_declaration_is_another_build(built, tmp_path):
    shutil.copytree(built, tmp_path / "out")
    record = json.loads((built / ".build.json").read_text())
    (tmp_path / "out" / ".build.json").write_text(json.dumps(record | {"declaration": "0"}))
    with pytest.raises(InputError, match="declaration: '0' there"):
        build_collection(LIGHT, tmp_path / "out", rows=BORDER, progress=False)


# Reading back


def test_takes_are_the_same_from_a_folder_and_from_datasets(built, tmp_path):
    takes = load_takes(built)
    assert takes.sounds.shape == (24, 19_845) and takes.sounds.dtype == np.float32
    assert takes.presets == original_presets(LIGHT, *BORDER)
    plain = load_dataset(str(built), cache_dir=str(tmp_path))
    for other in (plain, load_dataset(str(built), streaming=True)):
        read = load_takes(other)
        assert read.presets == takes.presets
        assert np.array_equal(read.sounds, takes.sounds)
        assert len(load_takes(other, "test")) == len(load_takes(other["test"])) == 12
    batches = list(iter_takes(plain["train"].select([3, 1])))
    assert [batch.presets.files for batch in batches] == [["s791.wav", "s789.wav"]]


def dataset_of(takes, waves=None, **changes):
    """A dataset as somebody else would make it with our columns: other order of labels, WAV, no `heard`."""
    settings = {name: column.tolist() for name, column in takes.presets.settings.items()}
    columns = {
        "audio": [{"bytes": encode((sound * 2**15).astype(np.int16), "WAV"), "path": None} for sound in takes.sounds],
        "file": takes.presets.files,
    }
    types = Features({name: kind for name, kind in features(LIGHT).items() if name in settings or name == "file"})
    types["osc2_wave"] = waves or types["osc2_wave"]
    # Encoding an Audio column needs torchcodec; a struct of the same type does not.
    types["audio"] = {"bytes": Value("binary"), "path": Value("string")}
    data = Dataset.from_dict({name: (columns | settings | changes)[name] for name in types}, features=types)
    return data.cast_column("audio", Audio(decode=False))


@pytest.mark.parametrize(
    "waves", [ClassLabel(names=["Noise", "Sine", "Triangle", "Pulse", "Saw"]), Value("string")], ids=["labels", "text"]
)
def test_labels_are_read_by_name(built, waves):
    takes = load_takes(built)
    other = dataset_of(takes, waves)
    assert other.features["osc2_wave"] == waves
    assert load_takes(other).presets == takes.presets
    assert np.array_equal(load_takes(other).sounds, takes.sounds)


def wav(samples, rate=22_050):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


TAKE = wav(np.zeros(19_845))


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("audio", {"bytes": None, "path": "/nowhere/a.wav"}, "row 1, column audio: no sound bytes"),
        ("audio", {"bytes": None, "path": "/dev/zero"}, "row 1, column audio: no sound bytes"),
        ("audio", {"bytes": None, "path": __file__}, "row 1, column audio: not a sound that can be read"),
        ("audio", None, "row 1, column audio: no sound bytes"),
        ("audio", {"bytes": b"RIFF, not really", "path": None}, "row 1, column audio: not a sound that can be read"),
        ("audio", {"bytes": TAKE[:30], "path": None}, "row 1, column audio: not a sound that can be read"),
        (
            "audio",
            {"bytes": wav(np.zeros(100), 44_100), "path": None},
            "44100 Hz and 1 channels instead of 22050 Hz mono",
        ),
        ("audio", {"bytes": wav(np.zeros((100, 2))), "path": None}, "22050 Hz and 2 channels instead of 22050 Hz mono"),
        ("audio", {"bytes": wav(np.zeros(22_050 * 61)), "path": None}, "longer than 60 s: not a take"),
        ("audio", {"bytes": wav(np.zeros(100)), "path": None}, "row 1: 100 samples, the row before has 19845"),
        ("filter_cutoff", 10.1, "row 1, column filter_cutoff: .* must be a number from 0 to 10"),
        ("filter_cutoff", float("nan"), "row 1, column filter_cutoff: .* must be a number from 0 to 10"),
        ("filter_cutoff", None, "row 1, column filter_cutoff: .* must be a number from 0 to 10"),
        ("osc2_wave", None, "row 1, column osc2_wave: .* must be one of Saw, Pulse"),
    ],
)
def test_bad_rows_are_named(built, column, value, message):
    takes = load_takes(built, "train")
    values = dataset_of(takes)[column][:]
    values[1] = value
    with pytest.raises(InputError, match=message):
        load_takes(dataset_of(takes, **{column: values}))


def test_bad_sources(built, tmp_path):
    with pytest.raises(InputError, match="No split 'validation'"):
        load_takes(built, "validation")
    with pytest.raises(InputError, match=r"No shards in .*give a folder that"):
        load_takes(tmp_path)
    with pytest.raises(InputError, match="Cannot read takes from a list"):
        load_takes([1, 2])
    plain = load_dataset(str(built), cache_dir=str(tmp_path))
    with pytest.raises(InputError, match="No split 'validation' in the dataset; there is train, test"):
        load_takes(plain, "validation")
    with pytest.raises(InputError, match="one split already"):
        load_takes(plain["train"], "train")
    with pytest.raises(InputError, match="no known collection"):
        load_takes(plain["train"].remove_columns("lfo1_rate"))
    with pytest.raises(InputError, match="lacks the column 'lfo1_rate' of noisemaker-light"):
        load_takes(plain["train"].remove_columns("lfo1_rate"), collection=LIGHT)
    with pytest.raises(InputError, match="has no rows"):
        load_takes(plain["train"].select([]))
    with pytest.raises(InputError, match="no sound bytes"):
        read_audio({"path": "a.wav"})


def test_a_cut_shard(built, tmp_path):
    shutil.copytree(built, tmp_path / "out")
    path = tmp_path / "out" / "data" / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"test-00000-of-00001.parquet cannot be read .*build it again"):
        load_takes(tmp_path / "out")


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, secret_sauce_hf.data; print(sorted({'datasets', 'pyarrow', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
