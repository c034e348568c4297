"""What a worker of a cluster answers: that it made a shard, and what whoever asked needs to believe it.

Where the worker wrote the file itself, it has read it again from there. Whoever asked does not read it: of
millions of takes that would take longer than to render them.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from secret_sauce_hf.data.making import (
    Counted,
    Made,
    check_row,
    checked_content,
    chosen_row,
    counted_in,
    digests_in,
)
from secret_sauce_hf.data.manifest import Entry, entry_of
from secret_sauce_hf.data.names import DATA_FOLDER
from secret_sauce_hf.data.parquet import FAULTS
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.shards import is_finished
from secret_sauce_hf.data.targets import Folder, Place
from secret_sauce_hf.instruments import InputError

MOST_COUNTED = 2**28
"""Bytes of what the card counts in a shard: a million rows have some ten megabytes."""
TRIED = 8
"""Of so many shards one is tried, beside the first of every worker: a row may take as long as thirty rows together."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def answer_of_file(made: Made, folder: Folder) -> dict[str, Any]:
    """The answer that sends a shard's file: `size`, `sha256` and `content`."""
    content = folder.read(f"{DATA_FOLDER}/{made.shard.name}")
    return {"size": made.entry.size, "sha256": made.entry.sha256, "content": content}


def answer_of_place(made: Made, schema: pa.Schema, place: Place) -> dict[str, Any]:
    """The answer that tells of a shard's file where it was written, which is read again from there.

    Returns:
        `size` and `sha256`; the rows that were `lost`; `row`, digests of the one by which it is tried; and `counted`
        and `table_bytes`, for the card.

    Raises:
        InputError: what is there is not what was written.
    """
    content = place.read(f"{DATA_FOLDER}/{made.shard.name}")
    if content is None or entry_of(content, made.entry.rows) != made.entry:
        raise InputError(f"{place} does not hold it as it was written there.")
    if not is_finished(pa.BufferReader(content), made.shard, schema):
        raise InputError("what it wrote is no whole Parquet file with the columns and rows of this build.")
    chosen = chosen_row(made.entry, made.shard, made.lost)
    counted = counted_in(content, schema)
    return {
        "size": made.entry.size,
        "sha256": made.entry.sha256,
        "content": None,
        "lost": {str(row): why for row, why in made.lost.items()},
        "row": {} if chosen is None else digests_in(content, chosen[1]),
        "table_bytes": counted.table_bytes,
        "counted": counted.content,
    }


def is_tried(answer: Mapping[str, Any]) -> bool:
    """Whether a row of a shard is rendered here, though it is not the first of its worker; its checksum decides."""
    sha256 = answer.get("sha256")
    return not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256) or int(sha256[8:16], 16) % TRIED == 0


def checked_file(
    plan: Plan, shard: Shard, schema: pa.Schema, answer: Mapping[str, Any], content: bytes, tried: bool = True
) -> Made:
    """A shard whose file a worker sent.

    Args:
        plan: the build.
        shard: which of its shards.
        schema: from `shard_schema`.
        answer: from `answer_of_file`.
        content: the file that was sent.
        tried: whether one row of it is rendered here.

    Raises:
        InputError: it is not what it should be; the message goes on after "… is wrong: ".
    """
    made = checked_content(plan, shard, schema, content, tried=tried)
    if Entry(made.entry.rows, answer.get("size", -1), answer.get("sha256", "")) != made.entry:
        raise InputError("it has not the checksum that the worker tells.")
    return made


def checked_telling(plan: Plan, shard: Shard, schema: pa.Schema, answer: Mapping[str, Any], tried: bool = True) -> Made:
    """A shard that a worker wrote and tells of; nothing of it is read here.

    Args:
        plan: the build.
        shard: which of its shards.
        schema: from `shard_schema`.
        answer: from `answer_of_place`.
        tried: whether one row of it is rendered here.

    Raises:
        InputError: what it tells is not of such a shard; the message goes on after "… is wrong: ".
    """
    size, sha256, row, counted = (answer.get(name) for name in ("size", "sha256", "row", "counted"))
    table_bytes, lost = answer.get("table_bytes"), _lost(answer.get("lost"), shard)
    if not (
        isinstance(size, int)
        and isinstance(sha256, str)
        and _DIGEST.fullmatch(sha256)
        and isinstance(row, dict)
        and isinstance(table_bytes, int)
        and isinstance(counted, bytes)
        and len(counted) <= MOST_COUNTED
        and lost is not None
    ):
        raise InputError("the worker does not tell what it is.")
    entry = Entry(len(shard) - len(lost), size, sha256)
    try:
        # Of the small file the footer does not tell what was lost.
        whole = is_finished(pa.BufferReader(counted), Shard(shard.name, 0, entry.rows), schema)
    except FAULTS:
        whole = False
    if not whole:
        raise InputError("what the worker counted has not the columns and rows of this build.")
    if tried and (chosen := chosen_row(entry, shard, lost)) is not None:
        check_row(plan, schema, chosen[0], row)
    return Made(shard, entry, lost, counted=Counted(table_bytes, counted))


def _lost(told: Any, shard: Shard) -> dict[int, str] | None:
    """The rows of which a worker tells that they were lost; None if that is not what it tells."""
    if not isinstance(told, dict):
        return None
    rows = {str(row): row for row in range(shard.start, shard.stop)} if told else {}
    if not all(isinstance(why, str) and row in rows for row, why in told.items()):
        return None
    return {rows[row]: why[:500] for row, why in told.items()}
