"""Folders of Parquet files in which something is wrong: told in one line, whoever reads them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secret_sauce_hf import InputError, load_takes
from secret_sauce_hf.data import build_collection, pages
from secret_sauce_hf.data.card_facts import dataset_facts, split_files
from secret_sauce_hf.data.normalising import is_normal
from secret_sauce_hf.data.parquet import batches, opened, types_in
from secret_sauce_hf.data.recorded import read_recordings
from secret_sauce_hf.data.shards import LOST_KEY, is_finished, lost_rows
from secret_sauce_hf.instruments import get_collection

LIGHT = get_collection("noisemaker-light")
FIRST, LATER = (f"train-0000{number}-of-00002.parquet" for number in range(2))
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, pa.Table]:
    folder = build_collection(
        LIGHT, tmp_path_factory.mktemp("built") / "light", seed=1, count=5, rows_per_shard=2, progress=False
    )
    return {path.name: pq.read_table(path) for path in (folder / "data").iterdir()}


def write(tables: dict[str, pa.Table], folder: Path, **changes: Change) -> Path:
    """A dataset of these files; `changes` of the first or the later one."""
    (folder / "data").mkdir(parents=True)
    change = {FIRST: changes.get("first"), LATER: changes.get("later")}
    for name, table in tables.items():
        pq.write_table((change.get(name) or (lambda same: same))(table), folder / "data" / name)
    return folder


def told(call: Callable, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def column(name: str, values: list, kind: pa.DataType | None = None) -> Change:
    return lambda table: table.set_column(
        table.column_names.index(name), name, pa.array(values[: len(table)] or [], kind)
    )


def labels(*names: str) -> Change:
    """The same numbers under other labels."""

    def change(table: pa.Table) -> pa.Table:
        said = json.loads(table.schema.metadata[b"huggingface"])
        said["info"]["features"]["osc2_wave"]["names"] = list(names)
        return table.replace_schema_metadata({b"huggingface": json.dumps(said).encode()})

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["filter_cutoff"]),
        labels("Pulse", "Saw", "Triangle", "Sine", "Noise"),
        column("lfo1_rate", ["1.0", "2.0"]),
        column("audio", ["a.wav", "b.wav"]),
    ],
    ids=["missing", "other labels", "texts", "no sounds"],
)
def test_columns_of_a_later_shard(built, change, tmp_path):
    said = told(load_takes, write(built, tmp_path, later=change))
    assert LATER in said and "of another type than" in said and "build it again" in said


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("lfo1_rate", [None, 1.0], pa.float32()),
        ("lfo1_rate", [float("nan"), 1.0], pa.float32()),
        ("lfo1_rate", [0, 1], pa.timestamp("s")),
        ("lfo1_rate", [True, False], None),
        ("lfo1_rate", [[1.0], [2.0]], None),
        ("osc2_wave", [None, 1], pa.int64()),
        ("osc2_wave", [0.5, 1.0], None),
        ("osc2_wave", [{"a": 1}, {"a": 2}], None),
    ],
)
def test_values_that_are_no_settings(built, name, values, kind, tmp_path):
    changes = {"first": column(name, values, kind), "later": column(name, values, kind)}
    without = {file: table.replace_schema_metadata(None) for file, table in built.items() if "train" in file}
    # The types say what is there, so that the values themselves are looked at.
    said = told(lambda: load_takes(write(without, tmp_path, **changes), collection=LIGHT))
    assert f"column {name}:" in said


@pytest.mark.parametrize(
    "sound",
    [
        {"bytes": "text", "path": None},
        {"bytes": None, "path": 7},
        {"bytes": None, "path": "a\0b"},
        {"bytes": None, "path": "x" * 5_000},
        {"bytes": b"", "path": ""},
    ],
    ids=["text", "number", "no name", "long name", "nothing"],
)
def test_sounds_that_are_none(built, sound, tmp_path):
    change = column("audio", [sound, sound])
    tables = {FIRST: built[FIRST].replace_schema_metadata(None)}
    said = told(lambda: load_takes(write(tables, tmp_path, first=change), collection=LIGHT))
    assert "row 0, column audio: no sound bytes" in said and len(said) < 300


@pytest.mark.parametrize("text", ["{", '{"info": 1}', '{"info": {"features": {"audio": []}}}', "[" * 100_000, "\xff"])
def test_what_a_file_says_of_its_types(built, text, tmp_path):
    change = lambda table: table.replace_schema_metadata({b"huggingface": text.encode("latin-1")})  # noqa: E731
    folder = write(built, tmp_path, first=change)
    for read in (load_takes, lambda folder: types_in(folder / "data" / FIRST)):
        assert FIRST in told(read, folder)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")])
@pytest.mark.parametrize("name", [FIRST, LATER])
def test_a_shard_that_is_no_file(built, make, name, tmp_path):
    folder = write(built, tmp_path)
    path = folder / "data" / name
    path.unlink()
    make(path)
    assert f"{path} cannot be read" in told(load_takes, folder)


def test_a_pipe_in_a_folder_that_datasets_reads(built, tmp_path):
    pq.write_table(built[FIRST], tmp_path / "train.parquet")
    os.mkfifo(tmp_path / "test.parquet")
    assert "is neither a file nor a folder" in told(load_takes, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        column("heard", [True, False]),
        column("heard", [{"lfo1_rate": "yes"}] * 2),
        lambda table: table.drop_columns(["heard"]),
    ],
    ids=["no struct", "other struct", "missing"],
)
def test_facts_of_a_dataset_whose_heard_is_not_that(built, change, tmp_path):
    folder = write(built, tmp_path, later=change)
    files = split_files(folder)
    assert "has other columns than" in told(dataset_facts, LIGHT, files)
    # Without the column a dataset is as it may be; with another one it is written again.
    assert is_normal(folder / "data" / LATER, LIGHT) == ("heard" not in pq.read_schema(files["train"][1]).names)


def test_facts_of_no_rows(built, tmp_path):
    folder = write({FIRST: built[FIRST].slice(0, 0)}, tmp_path)
    assert "has no rows" in told(dataset_facts, LIGHT, split_files(folder))
    assert "no rows" in told(load_takes, folder)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:4] + b"\xff" * 200 + data[204:]])
def test_recordings_that_are_damaged(built, damage, tmp_path):
    rows = built[FIRST]
    waves = [LIGHT.parameters[3].labels[value] for value in rows["osc2_wave"].to_pylist()]
    flac = pa.array([sound["bytes"] for sound in rows["audio"].to_pylist()])
    table = column("osc2_wave", waves)(rows).drop_columns(["audio", "heard"]).append_column("flac", flac)
    path = tmp_path / "recordings.parquet"
    pq.write_table(table.replace_schema_metadata(None), path)
    assert len(read_recordings(path, LIGHT)) == len(rows)
    path.write_bytes(damage(path.read_bytes()))
    assert "recordings.parquet cannot be read" in told(read_recordings, path, LIGHT)


def grown(built: dict[str, pa.Table], folder: Path, **columns: pa.Array) -> Path:
    """A dataset of one file, with these columns beside or in place of its own."""
    rows = len(next(iter(columns.values())))
    table = built[FIRST].take([0] * rows).replace_schema_metadata(None)
    for name, values in columns.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.chunked_array([values]))
    return write({FIRST: table}, folder)


def same_text(size: int, rows: int) -> pa.Array:
    """One long text in every row, which takes the place of one."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * size])


def lengths(folder: Path) -> list[int]:
    path = folder / "data" / FIRST
    with opened(path) as file:
        return [len(batch) for batch in batches(path, file, 200)]


def test_what_grows_is_read_in_smaller_parts(built, tmp_path, monkeypatch):
    folder = grown(built, tmp_path / "texts", more=same_text(100_000, 400))
    assert (folder / "data" / FIRST).stat().st_size < 100_000
    assert lengths(folder) == [200, 200]
    monkeypatch.setattr(pages, "MAX_READ_BYTES", 4 * 10**6)
    assert max(lengths(folder)) <= 40 and sum(lengths(folder)) == 400
    # By parts of other texts, where each has all of the one before.
    table = built[FIRST].drop_columns(["audio"]).take([0] * 40).append_column("more", pa.array(["x" * 100_000] * 40))
    (tmp_path / "parts" / "data").mkdir(parents=True)
    encoding = dict.fromkeys(["more"], "DELTA_BYTE_ARRAY")
    pq.write_table(table, tmp_path / "parts" / "data" / FIRST, use_dictionary=False, column_encoding=encoding)
    assert max(lengths(tmp_path / "parts")) <= 30 and sum(lengths(tmp_path / "parts")) == 40
    monkeypatch.setattr(pages, "MAX_READ_BYTES", 200_000)
    assert "one row of it may take" in told(lengths, folder)


@pytest.mark.parametrize(
    "columns",
    [
        {"file": same_text(10**6, 50)},
        {"notes": pa.array([[1] * 100_000], pa.list_(pa.int8()))},
        {"audio": pa.array([{"bytes": bytes(10**6), "path": "s0.wav"}])},
    ],
    ids=["text", "list", "zeros"],
)
def test_a_row_that_takes_too_much(built, columns, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "MAX_READ_BYTES", 10**6)
    folder = grown(built, tmp_path, **columns)
    assert "one row of it may take" in told(lambda: load_takes(folder, collection=LIGHT))
    if "file" in columns:
        assert "one row of it may take" in told(dataset_facts, LIGHT, split_files(folder))


def test_columns_and_headers_that_are_absurd(built, tmp_path, monkeypatch):
    folder = write(built, tmp_path)
    path = folder / "data" / FIRST
    place = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    content = path.read_bytes()
    for damage in (b"\xff" * 4, b"\x15\x00\x15\x01", b"\x15\x00\x15\x00\x15\x7f", b"\x19"):
        path.write_bytes(content[:place] + damage + content[place + len(damage) :])
        assert FIRST in told(lambda: load_takes(folder, collection=LIGHT))
    path.write_bytes(content)
    for name, message in (("MAX_COLUMNS", "columns, more than the 3"), ("MAX_CHUNKS", "row groups, too many")):
        with monkeypatch.context() as patch:
            patch.setattr(pages, name, 3)
            assert message in told(load_takes, folder)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", '{"x": 1}', "1" * 5_000, "\xff"])
def test_what_a_shard_says_of_lost_rows(built, text, tmp_path):
    told_of = {LOST_KEY: text.encode("latin-1")}
    path = write({FIRST: built[FIRST].replace_schema_metadata(told_of)}, tmp_path) / "data" / FIRST
    assert not is_finished(path, range(2), built[FIRST].schema)
    assert FIRST in told(lost_rows, path)
