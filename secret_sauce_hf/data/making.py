"""Making one shard, and seeing that one that was made elsewhere is what it should be."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from secret_sauce_hf.data.manifest import Entry, entry_of, entry_of_file
from secret_sauce_hf.data.names import HEARD_COLUMN, MEASURED_COLUMN, NOTES_COLUMN
from secret_sauce_hf.data.parquet import FAULTS, reason
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.shards import is_finished, lost_in, lost_rows, rendered_table, write_shard
from secret_sauce_hf.data.targets import Target
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.presets import FILE_COLUMN

_COUNTED = (FILE_COLUMN, NOTES_COLUMN, HEARD_COLUMN, MEASURED_COLUMN)


@dataclass(frozen=True)
class Counted:
    """What a card counts in a shard: a small file in place of a large one.

    Args:
        table_bytes: of all of its columns, as its footer tells.
        content: a Parquet file with the rows and types of the shard, in which the columns that nobody counts, the
            sounds and the settings, are empty.
    """

    table_bytes: int
    content: bytes


@dataclass(frozen=True)
class Made:
    """A shard that is where it belongs.

    Args:
        shard: which.
        entry: its file, as the manifest tells of it.
        lost: the rows that the engine could not render, number → why.
        content: its bytes, if they are at hand.
        counted: what the card counts in it, if somebody else has read it.
    """

    shard: Shard
    entry: Entry
    lost: dict[int, str]
    content: bytes | None = None
    counted: Counted | None = None


def make_shard(plan: Plan, shard: Shard, schema: pa.Schema, target: Target, advance: Callable[[int], None]) -> Made:
    """Render a shard and write its file to where it belongs, whole.

    Args:
        plan: the build.
        shard: which of its shards.
        schema: from `shard_schema`.
        target: where it goes.
        advance: as of `write_shard`; called with 0 once more before the file gets to its place.
    """
    with target.workplace() as folder:
        write_shard(plan, shard, schema, folder, advance)
        made = made_of(folder / shard.name, shard)
        advance(0)
        target.take(folder / shard.name)
    return made


def made_of(path: Path, shard: Shard) -> Made:
    """What a shard's file of this machine holds.

    Raises:
        InputError: it cannot be read.
    """
    lost = lost_rows(path)
    return Made(shard, entry_of_file(path, len(shard) - len(lost)), lost)


def checked_content(
    plan: Plan, shard: Shard, schema: pa.Schema, content: bytes, told: Entry | None = None, tried: bool = True
) -> Made:
    """Find out whether bytes from elsewhere are a shard: its columns, its build and its rows, and that one is right.

    One row, which its checksum chooses, is rendered here and has to be there to the byte, settings and sound.

    Args:
        plan: the build.
        shard: which of its shards it should be.
        schema: from `shard_schema`.
        content: the file.
        told: what is known of it; then nothing is rendered if it is that.
        tried: whether that row is rendered.

    Raises:
        InputError: it is something else; the message goes on after "… is wrong: ".
    """
    if not is_finished(pa.BufferReader(content), shard, schema):
        raise InputError("it is no whole Parquet file with the columns and rows of this build.")
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            lost = lost_in(file.metadata)
            entry = entry_of(content, len(shard) - len(lost))
            if tried and entry != told and (chosen := chosen_row(entry, shard, lost)) is not None:
                row, place = chosen
                check_row(plan, schema, row, row_digests(_row(file, place)))
    except FAULTS as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it cannot be read ({reason(error)}).") from error
    return Made(shard, entry, lost, content)


def chosen_row(entry: Entry, shard: Shard, lost: Mapping[int, str]) -> tuple[int, int] | None:
    """The row of a shard by which it is tried, which its checksum chooses.

    Returns:
        Its number, and its place among the rows of the file; None if the file has none.
    """
    kept = [row for row in range(shard.start, shard.stop) if row not in lost]
    if not kept:
        return None
    place = int(entry.sha256[:8], 16) % len(kept)
    return kept[place], place


def row_digests(row: pa.Table) -> dict[str, str]:
    """What a row holds, column by column: the SHA-256 of its values, to the bit."""
    return {name: hashlib.sha256(repr(row[name].to_pylist()).encode()).hexdigest() for name in row.column_names}


def digests_in(content: bytes, place: int) -> dict[str, str]:
    """`row_digests` of one row of a file."""
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        return row_digests(_row(file, place))


def check_row(plan: Plan, schema: pa.Schema, row: int, there: Mapping[str, object]) -> None:
    """Render a row here, and see that it is what somebody else has made of it.

    Args:
        plan: the build.
        schema: from `shard_schema`.
        row: its number.
        there: from `row_digests`.

    Raises:
        InputError: it is another; the message goes on after "… is wrong: ".
    """
    table, failed = rendered_table(plan, row, row + 1, schema)
    here = {} if failed else row_digests(table)
    if other := [name for name, digest in here.items() if there.get(name) != digest]:
        raise InputError(f"row {row} has another {other[0]!r} than this machine makes.")


def counted_in(content: bytes, schema: pa.Schema) -> Counted:
    """What the card counts in a shard.

    Args:
        content: its file.
        schema: from `shard_schema`.
    """
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        footer = file.metadata
        table_bytes = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
        columns = file.read([name for name in schema.names if name in _COUNTED])
    filled = [
        columns[field.name].cast(field.type) if field.name in _COUNTED else pa.nulls(len(columns), field.type)
        for field in schema
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(filled, schema=schema), sink)
    return Counted(table_bytes, sink.getvalue().to_pybytes())


def _row(file: pq.ParquetFile, place: int) -> pa.Table:
    """One row of a file."""
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if place < rows:
            return file.read_row_group(group).slice(place, 1).combine_chunks()
        place -= rows
    raise InputError("it has fewer rows than its footer tells.")
