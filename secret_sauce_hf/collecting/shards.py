"""Rendering and writing one Parquet shard."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from secret_sauce_hf.collecting.plan import Plan, Shard
from secret_sauce_hf.collecting.sounds import ROWS_AT_ONCE, encode
from secret_sauce_hf.engines import render
from secret_sauce_hf.files import temporary
from secret_sauce_hf.instruments import Switch
from secret_sauce_hf.presets import FILE_COLUMN, Presets

ROW_GROUP = 100
"""Rows that a reader must fetch to see one of them; about a megabyte of FLAC."""

# Measured on 1,000 recordings of the NoiseMaker plug-in, one core: FLAC 13.1 MB, 0.31 ms
# to encode and 0.28 ms to decode a take; WAV in zstd-compressed Parquet 24.5 MB, 0.07 ms
# and 0.11 ms (uncompressed 39.7 MB). Rendering takes about a millisecond, so half the
# size costs little time; and players and the Hub's viewer know FLAC as well as WAV.
CONTAINER = "FLAC"
RECORD_KEY = b"secret_sauce_hf"


def shard_schema(schema: pa.Schema, plan: Plan) -> pa.Schema:
    """The schema of `datasets` (its types in the metadata) with the build's record beside."""
    record = json.dumps(plan.record, sort_keys=True).encode()
    return schema.with_metadata({**(schema.metadata or {}), RECORD_KEY: record})


def is_finished(path: Path, shard: Shard, schema: pa.Schema) -> bool:
    """Whether `path` holds this shard of this build, as far as its footer tells.

    Shards get their name only when complete; what is caught here is a file that was cut
    or exchanged afterwards.
    """
    try:
        with pq.ParquetFile(path) as file:
            return file.metadata.num_rows == len(shard) and file.schema_arrow.equals(schema, check_metadata=True)
    except (OSError, pa.ArrowInvalid):
        return False


def write_shard(plan: Plan, shard: Shard, schema: pa.Schema, folder: Path, advance: Callable[[int], None]) -> None:
    """Render a shard's rows and write its file, whole.

    Args:
        plan: the build.
        shard: which of its shards.
        schema: from `shard_schema`.
        folder: where the file goes.
        advance: called with the number of rows whenever some are done; what it raises
            ends the work and leaves no file behind.
    """
    path = folder / shard.name
    # Marked, as a worker of a build that was killed may not be gone yet.
    unfinished = temporary(path, f".{uuid4().hex}")
    try:
        with pq.ParquetWriter(unfinished, schema, **_writer_options(schema)) as writer:
            # Multiples of the row group, so that groups are full whatever the chunk.
            for start in range(shard.start, shard.stop, ROWS_AT_ONCE):
                stop = min(start + ROWS_AT_ONCE, shard.stop)
                writer.write_table(_rendered(plan, start, stop, schema), row_group_size=ROW_GROUP)
                advance(stop - start)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _rendered(plan: Plan, start: int, stop: int, schema: pa.Schema) -> pa.Table:
    presets = plan.presets(start, stop)
    preceding = plan.presets(start - 1, start) if plan.in_session and start > 0 else None
    # Without a seed the rows of 2018 get the noise of 2018.
    takes = render(presets, in_session=plan.in_session, preceding=preceding, noise_seed=plan.seed, first_row=start)
    return takes_table(presets, [encode(take, CONTAINER) for take in takes], schema)


def takes_table(presets: Presets, sounds: list[bytes], schema: pa.Schema) -> pa.Table:
    """Presets and their encoded sounds as the columns that `features` declares."""
    # The bytes say what they are; the name beside them must not say otherwise.
    paths = [f"{Path(name).stem}.{CONTAINER.lower()}" for name in presets.files]
    columns: list[Any] = [
        pa.StructArray.from_arrays([pa.array(sounds, pa.binary()), pa.array(paths)], ["bytes", "path"])
    ]
    for parameter, unit in zip(presets.parameters, presets.unit.T, strict=True):
        if isinstance(parameter, Switch):
            columns.append(pa.array(unit.astype(np.int64)))
        else:
            columns.append(pa.array(parameter.unit_to_setting(unit).astype(np.float32)))
    columns.append(pa.array(presets.files))
    heard = [pa.array(column) for column in presets.heard().T]
    columns.append(pa.StructArray.from_arrays(heard, list(presets.collection.columns)))
    names = ["audio", *presets.collection.columns, FILE_COLUMN, "heard"]
    return pa.table(columns, names=names).cast(schema)


def _writer_options(schema: pa.Schema) -> dict[str, Any]:
    """As `datasets` writes: sound bytes plain (they do not compress), the rest compressed, with a page index."""
    sound = {"audio.bytes"}
    rest = [leaf for leaf in _leaves(schema) if leaf not in sound]
    return {
        "compression": dict.fromkeys(sound, "none") | dict.fromkeys(rest, "snappy"),
        "use_dictionary": rest,
        "column_encoding": dict.fromkeys(sound, "PLAIN"),
        "write_page_index": True,
    }


def _leaves(schema: pa.Schema) -> list[str]:
    leaves = []
    for field in schema:
        if pa.types.is_struct(field.type):
            leaves += [f"{field.name}.{child.name}" for child in field.type]
        else:
            leaves.append(field.name)
    return leaves
