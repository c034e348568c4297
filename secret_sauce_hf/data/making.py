"""Making one shard, and seeing that one that was made elsewhere is what it should be."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from secret_sauce_hf.data.manifest import Entry, entry_of, entry_of_file
from secret_sauce_hf.data.parquet import FAULTS, reason
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.shards import is_finished, lost_in, lost_rows, rendered_table, write_shard
from secret_sauce_hf.data.targets import Target
from secret_sauce_hf.instruments import InputError


@dataclass(frozen=True)
class Made:
    """A shard that is where it belongs.

    Args:
        shard: which.
        entry: its file, as the manifest tells of it.
        lost: the rows that the engine could not render, number → why.
        content: its bytes, if they are at hand.
    """

    shard: Shard
    entry: Entry
    lost: dict[int, str]
    content: bytes | None = None


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


def checked_content(plan: Plan, shard: Shard, schema: pa.Schema, content: bytes) -> Made:
    """Find out whether bytes from elsewhere are a shard: its columns, its build and its rows, and that one is right.

    One row, which its checksum chooses, is rendered here and has to be there to the byte, settings and sound.

    Args:
        plan: the build.
        shard: which of its shards it should be.
        schema: from `shard_schema`.
        content: the file.

    Raises:
        InputError: it is something else; the message goes on after "… is wrong: ".
    """
    if not is_finished(pa.BufferReader(content), shard, schema):
        raise InputError("it is no whole Parquet file with the columns and rows of this build.")
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            lost = lost_in(file.metadata)
            entry = entry_of(content, len(shard) - len(lost))
            kept = [row for row in range(shard.start, shard.stop) if row not in lost]
            if kept:
                place = int(entry.sha256[:8], 16) % len(kept)
                there = _row(file, place)
                here, failed = rendered_table(plan, kept[place], kept[place] + 1, schema)
                if other := [name for name in schema.names if not failed and there[name] != here[name]]:
                    raise InputError(f"row {kept[place]} has another {other[0]!r} than this machine makes.")
    except FAULTS as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it cannot be read ({reason(error)}).") from error
    return Made(shard, entry, lost, content)


def _row(file: pq.ParquetFile, place: int) -> pa.Table:
    """One row of a file."""
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if place < rows:
            return file.read_row_group(group).slice(place, 1).combine_chunks()
        place -= rows
    raise InputError("it has fewer rows than its footer tells.")
