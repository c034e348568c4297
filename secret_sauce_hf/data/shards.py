"""Rendering and writing one Parquet shard."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from secret_sauce_hf.data.columns import NOTE_TYPES, arrow_schema
from secret_sauce_hf.data.heard import Measurement, measure_heard
from secret_sauce_hf.data.names import AUDIO_COLUMN, CHANGE_COLUMN, HEARD_COLUMN, MEASURED_COLUMN, NOTES_COLUMN
from secret_sauce_hf.data.parquet import opened
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.sounds import encode, rows_at_once
from secret_sauce_hf.engines.base import Engine, RowsLost
from secret_sauce_hf.files import named, temporary
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.presets import FILE_COLUMN, MAX_ROWS, Presets
from secret_sauce_hf.processors import thread_count

ROW_GROUP = 100
"""Rows that a reader must fetch to see one of them; about a megabyte of FLAC."""

# Measured on 1,000 recordings of the NoiseMaker plug-in, one core: FLAC 13.1 MB, 0.31 ms
# to encode and 0.28 ms to decode a take; WAV in zstd-compressed Parquet 24.5 MB, 0.07 ms
# and 0.11 ms (uncompressed 39.7 MB). Rendering takes about a millisecond, so half the
# size costs little time; and players and the Hub's viewer know FLAC as well as WAV.
CONTAINER = "FLAC"
RECORD_KEY = b"secret_sauce_hf"
LOST_KEY = b"secret_sauce_hf_lost"
"""Rows that an engine could not render, and why."""


def shard_schema(plan: Plan) -> pa.Schema:
    """The columns of a build's files, with the types of `datasets` and the build's record in the metadata."""
    schema = arrow_schema(plan.collection, measured=plan.heard_threshold is not None, notes=plan.notes)
    record = json.dumps(plan.record, sort_keys=True).encode()
    return schema.with_metadata({**(schema.metadata or {}), RECORD_KEY: record})


def is_finished(path: Path | pa.BufferReader, shard: Shard, schema: pa.Schema) -> bool:
    """Whether a file, or its content, is this shard of this build, as far as its footer tells.

    Shards get their name only when complete; what is caught here is a file that was cut
    or exchanged afterwards.
    """
    try:
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows + len(lost_in(file.metadata))
            return rows == len(shard) and file.schema_arrow.equals(schema, check_metadata=True)
    # What it says of lost rows may be no mapping, or nested without an end.
    except (OSError, pa.ArrowInvalid, ValueError, TypeError, AttributeError, RecursionError):
        return False


def lost_rows(path: Path) -> dict[int, str]:
    """The rows of a shard that its engine could not render: number of the row → why.

    Raises:
        InputError: it is no shard that can be read.
    """
    with opened(path) as file:
        return lost_in(file.metadata)


def lost_in(metadata: pq.FileMetaData) -> dict[int, str]:
    """The same of a footer."""
    told = json.loads((metadata.metadata or {}).get(LOST_KEY, b"{}"))
    return {int(row): str(why) for row, why in told.items()}


def write_shard(plan: Plan, shard: Shard, schema: pa.Schema, folder: Path, advance: Callable[[int], None]) -> None:
    """Render a shard's rows and write its file, whole.

    Args:
        plan: the build.
        shard: which of its shards.
        schema: from `shard_schema`.
        folder: where the file goes.
        advance: called with the number of rows whenever some are done; what it raises
            ends the work and leaves no file behind.

    Raises:
        OSError: it cannot be written; `filename` is the file's.
    """
    path = folder / shard.name
    # Marked, as a worker of a build that was killed may not be gone yet.
    unfinished = temporary(path, f".{uuid4().hex}")
    lost: dict[int, str] = {}
    try:
        with named(path), pq.ParquetWriter(unfinished, schema, **writer_options(schema)) as writer:
            # Measuring is slow.
            together = min(rows_at_once(plan.collection), MAX_ROWS if plan.heard_threshold is None else ROW_GROUP)
            # Multiples of the row group, so that groups are full whatever the chunk.
            together -= together % ROW_GROUP if together > ROW_GROUP else 0
            for start in range(shard.start, shard.stop, together):
                stop = min(start + together, shard.stop)
                table, failed = rendered_table(plan, start, stop, schema)
                writer.write_table(table, row_group_size=ROW_GROUP)
                lost |= failed
                advance(stop - start)
            if lost:
                writer.add_key_value_metadata({LOST_KEY: json.dumps(lost).encode()})
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def rendered_table(plan: Plan, start: int, stop: int, schema: pa.Schema) -> tuple[pa.Table, dict[int, str]]:
    """Rows `start` to `stop` of a build, rendered, encoded and, where the plan says so, measured.

    Returns:
        The rows that were rendered; and those that were not, number → why.
    """
    presets = plan.presets(start, stop)
    engine = plan.engine
    lost: dict[int, str] = {}

    def part(first: int) -> list[bytes]:
        """One group of the engine: rendered and encoded by the same thread, so that no processor waits."""
        last = min(first + engine.batch, stop)
        before = plan.presets(first - 1, first) if plan.in_session and first > 0 else None
        # Without a seed the rows of 2018 get the noise of 2018, and a collection's newer ones that of seed 0.
        group = presets[first - start : last - start]
        try:
            takes = engine.render(
                group, in_session=plan.in_session, preceding=before, noise_seed=plan.seed, first_row=first
            )
        except RowsLost as error:
            takes, failed = _without(engine, group, first, plan.seed, error)
            lost.update({first + row: why for row, why in failed.items()})
        return [encode(take, CONTAINER) for take in takes]

    with ThreadPoolExecutor(thread_count()) as pool:
        parts = list(pool.map(part, range(start, stop, engine.batch)))
    measurement = None
    if plan.heard_threshold is not None:
        measurement = measure_heard(
            presets, engine=engine, noise_seed=plan.seed, first_row=start, threshold=plan.heard_threshold
        )
    sounds = [sound for part in parts for sound in part]
    if lost:
        kept = [row - start for row in range(start, stop) if row not in lost]
        presets, sounds = presets[kept], [sounds[row] for row in kept]
    return takes_table(presets, sounds, schema, measurement), lost


def _without(
    engine: Engine, presets: Presets, first: int, noise_seed: int | None, error: RowsLost
) -> tuple[np.ndarray, dict[int, str]]:
    """The takes of rows of which an engine has lost some, silence there; and those, number among these → why.

    Args:
        engine: the engine.
        presets: the rows.
        first: number of the first of them.
        noise_seed: as of `Engine.render`.
        error: what it said of them; rows that it has not tried are rendered one by one.
    """
    takes, lost = error.takes.copy(), dict(error.reasons)
    for row in error.unrendered:
        try:
            takes[row] = engine.render(presets[row : row + 1], noise_seed=noise_seed, first_row=first + row)[0]
        except RowsLost as again:
            lost[row] = again.reasons.get(0, "was lost")
    return takes, lost


def takes_table(
    presets: Presets, sounds: list[bytes], schema: pa.Schema, measurement: Measurement | None = None
) -> pa.Table:
    """Presets, their encoded sounds and what of them is heard as the columns that `features` declares."""
    # The bytes say what they are; the name beside them must not say otherwise.
    paths = [f"{Path(name).stem}.{CONTAINER.lower()}" for name in presets.files]
    columns: list[Any] = [
        pa.StructArray.from_arrays([pa.array(sounds, pa.binary()), pa.array(paths)], ["bytes", "path"])
    ]
    for parameter, unit in zip(presets.parameters, presets.unit.T, strict=True):
        if parameter.classes:
            columns.append(pa.array(unit.astype(np.int64)))
        else:
            columns.append(pa.array(parameter.unit_to_setting(unit).astype(np.float32)))
    columns.append(pa.array(presets.files))
    names = [AUDIO_COLUMN, *presets.collection.columns, FILE_COLUMN]
    if NOTES_COLUMN in schema.names:
        names.append(NOTES_COLUMN)
        columns.append(_notes(presets.performances))
    names.append(HEARD_COLUMN)
    structs = [presets.heard()]
    if measurement is not None:
        names += [MEASURED_COLUMN, CHANGE_COLUMN]
        structs += [measurement.heard, measurement.change]
    for struct in structs:
        columns.append(
            pa.StructArray.from_arrays([pa.array(column) for column in struct.T], list(presets.collection.columns))
        )
    return pa.table(columns, names=names).cast(schema)


def _notes(performances: Performances) -> pa.ListArray:
    """What rows play as the column `notes`."""
    fields = [pa.array(getattr(performances, name), kind) for name, kind in NOTE_TYPES.items()]
    notes = pa.StructArray.from_arrays(fields, list(NOTE_TYPES))
    return pa.ListArray.from_arrays(pa.array(performances.first, pa.int32()), notes)


def writer_options(schema: pa.Schema) -> dict[str, Any]:
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
        elif pa.types.is_list(field.type):
            # Of structs; the names between are Parquet's own.
            leaves += [f"{field.name}.list.element.{child.name}" for child in field.type.value_type]
        else:
            leaves.append(field.name)
    return leaves
