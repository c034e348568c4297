"""What workers of a cluster tell of shards: it is believed only if it can be."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secret_sauce_hf.data import answers
from secret_sauce_hf.data.answers import answer_of_place, checked_telling, is_tried
from secret_sauce_hf.data.making import make_shard
from secret_sauce_hf.data.plan import Shard, make_plan
from secret_sauce_hf.data.shards import shard_schema
from secret_sauce_hf.data.targets import Place
from secret_sauce_hf.engines.base import RowsLost
from secret_sauce_hf.engines.guitar_rack.engine import GuitarRack
from secret_sauce_hf.instruments import InputError, get_collection

TINY = get_collection("guitar-tiny")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A build's plan, its columns, its only shard, and what a worker answers of it; and where it wrote it."""
    place = Place(f"file://{tmp_path_factory.mktemp('place')}")
    place.prepare()
    plan = make_plan(TINY, None, 1, 1, None, 6)
    plan = replace(plan, stop=7, rows_per_shard=6)
    shard, schema = plan.shards[0], shard_schema(plan)
    made = make_shard(plan, shard, schema, place, lambda _: None)
    return plan, schema, shard, answer_of_place(made, schema, place), place


def test_what_is_told_is_the_shard_without_its_sounds(told):
    plan, schema, shard, answer, place = told
    made = checked_telling(plan, shard, schema, answer)
    content = place.read(f"data/{shard.name}")
    assert (made.entry.rows, made.entry.size, made.lost) == (len(shard), len(content), {})
    assert made.entry.sha256 == hashlib.sha256(content).hexdigest()
    whole, counted = (pq.read_table(io.BytesIO(part)) for part in (content, made.counted.content))
    assert counted.schema.equals(whole.schema, check_metadata=True)
    assert len(made.counted.content) < len(content) / 5
    for name in whole.column_names:
        if name in ("file", "heard"):
            assert counted[name] == whole[name]
        else:
            assert counted[name].null_count == len(whole)


def other_rows(schema):
    table = pa.Table.from_batches([], schema)
    pq.write_table(table, sink := pa.BufferOutputStream())
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("size", "1", "the worker does not tell what it is"),
        ("sha256", "0" * 63, "the worker does not tell what it is"),
        ("sha256", None, "the worker does not tell what it is"),
        ("table_bytes", None, "the worker does not tell what it is"),
        ("lost", {"1000": "it is late"}, "the worker does not tell what it is"),
        ("lost", {"0": 3}, "the worker does not tell what it is"),
        ("lost", ["0"], "the worker does not tell what it is"),
        ("lost", {"0": "it is late"}, "what the worker counted has not the columns and rows"),
        ("counted", b"", "what the worker counted has not the columns and rows"),
        ("counted", b"PAR1" * 9, "what the worker counted has not the columns and rows"),
        ("counted", other_rows, "what the worker counted has not the columns and rows"),
        ("row", None, "the worker does not tell what it is"),
        ("row", {}, r"row [0-5] has another 'audio' than this machine makes"),
        ("row", {"audio": 1}, r"row [0-5] has another 'audio' than this machine makes"),
    ],
)
def test_what_cannot_be_is_not_believed(told, name, value, said):
    plan, schema, shard, answer, _ = told
    value = value(schema) if callable(value) else value
    with pytest.raises(InputError, match=said):
        checked_telling(plan, shard, schema, answer | {name: value})


def test_more_than_anybody_counts_is_not_read(told, monkeypatch):
    plan, schema, shard, answer, _ = told
    monkeypatch.setattr(answers, "MOST_COUNTED", 1_000)
    with pytest.raises(InputError, match="does not tell what it is"):
        checked_telling(plan, shard, schema, answer)


def test_a_worker_that_is_known_is_tried_now_and_then(told):
    plan, schema, shard, answer, _ = told
    assert checked_telling(plan, shard, schema, answer | {"row": {}}, tried=False).entry.size == answer["size"]
    digests = [hashlib.sha256(bytes([number])).hexdigest() for number in range(256)]
    assert 20 <= sum(is_tried({"sha256": digest}) for digest in digests) <= 44
    assert is_tried({}) and is_tried({"sha256": "no digest"})


def test_a_place_that_has_something_else_is_found_by_whoever_wrote_there(told):
    plan, schema, shard, _, place = told
    made = make_shard(plan, shard, schema, place, lambda _: None)
    place.remove(f"data/{shard.name}")
    with pytest.raises(InputError, match="does not hold it as it was written there"):
        answer_of_place(made, schema, place)
    assert place.size(f"data/{shard.name}") is None
    make_shard(plan, shard, schema, place, lambda _: None)
    with pytest.raises(InputError, match="no whole Parquet file with the columns and rows"):
        answer_of_place(replace(made, shard=Shard(shard.name, 0, 9)), schema, place)


def test_rows_that_were_lost_are_told(told, monkeypatch, tmp_path):
    plan, schema, shard, _, _ = told
    render = GuitarRack.render

    def lose(self, presets, **options):
        takes = render(self, presets, **options)
        if options["first_row"] <= 2 < options["first_row"] + len(presets):
            raise RowsLost("no", {2 - options["first_row"]: "it is late"}, np.zeros_like(takes))
        return takes

    place = Place(f"file://{tmp_path}")
    place.prepare()
    with monkeypatch.context() as context:
        context.setattr(GuitarRack, "render", lose)
        made = make_shard(plan, shard, schema, place, lambda _: None)
    answer = answer_of_place(made, schema, place)
    assert answer["lost"] == {"2": "it is late"}
    found = checked_telling(plan, shard, schema, answer, tried=False)
    assert (found.lost, found.entry.rows) == ({2: "it is late"}, len(shard) - 1)
