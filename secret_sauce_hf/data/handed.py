"""Datasets that are no folder of takes: saved by `datasets`, of sounds in files, or rendered on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Audio, Dataset, DatasetDict, load_from_disk

from secret_sauce_hf.data.columns import arrow_schema
from secret_sauce_hf.data.names import AUDIO_COLUMN
from secret_sauce_hf.data.plan import make_plan
from secret_sauce_hf.data.shards import rendered_table
from secret_sauce_hf.data.splitting import parts_of
from secret_sauce_hf.instruments import Collection, InputError

MAX_FILE_BYTES = 2**26
"""Of a sound's file; a minute of stereo in 32 bits at 96 kHz has 46 MB."""
_SAVED = ("state.json", "dataset_dict.json")


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` of `datasets` made a folder."""
    return any((folder / name).is_file() for name in _SAVED)


def saved_dataset(folder: Path) -> DatasetDict:
    """What `save_to_disk` wrote, by split; a single one is called as it was, or train.

    Raises:
        InputError: it names a file that is not in the folder.
    """
    found = load_from_disk(str(folder.resolve()))
    splits = DatasetDict({str(found.split or "train"): found}) if isinstance(found, Dataset) else found
    for file in (file for part in splits.values() for file in part.cache_files):
        if not Path(file["filename"]).resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{folder} names a file outside itself; do not use it.")
    return splits


def has_own_paths(source: Any) -> bool:
    """Whether the paths in a dataset are those of whoever hands it over, and not of who wrote it elsewhere.

    Those of an audio folder follow from its files. Those of what was made in a program, or
    read by a format's name from files that were named to it, are the user's.
    """
    for part in source.values() if isinstance(source, dict) else [source]:
        builder = part.info.builder_name
        # A repository's or a folder's name is there otherwise.
        if builder not in (None, "generator", "audiofolder", part.info.dataset_name):
            return False
    return True


def with_bytes(table: pa.Table, feature: Any) -> pa.Table:
    """A table in which the bytes of sounds stand that lie in files, as of an audio folder.

    Only where `has_own_paths`.

    Args:
        table: rows with the column `audio`.
        feature: the type of that column for `datasets`.
    """
    if not isinstance(feature, Audio) or AUDIO_COLUMN not in table.column_names:
        return table
    rows = table[AUDIO_COLUMN].to_pylist()
    if all(row is None or row["bytes"] for row in rows):
        return table
    filled = [row and {"bytes": row["bytes"] or _content(row["path"]), "path": row["path"]} for row in rows]
    column = table.column_names.index(AUDIO_COLUMN)
    return table.set_column(column, AUDIO_COLUMN, pa.array(filled, feature.pa_type))


def _content(name: str | None) -> bytes | None:
    """The bytes of a file of this machine; None where there is none, which is told of the row when it is read."""
    path = Path(name) if name else None
    try:
        if path is None or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def rendered_tables(collection: Collection, split: Any, rows: int) -> Iterator[pa.Table]:
    """A collection's own rows as `build_collection` makes them, some at a time, and nothing on the disk.

    Raises:
        InputError: the collection has no rows of its own, no engine, or no such split.
    """
    plan = make_plan(collection, None, None, None, None, rows)
    limits = plan.splits
    parts = parts_of(split, list(limits), lambda name: limits[name][1] - limits[name][0], collection.name)
    schema = arrow_schema(collection, notes=plan.notes)

    def tables() -> Iterator[pa.Table]:
        for part in parts:
            first, end = limits[part.split]
            stop = end if part.stop is None else first + part.stop
            for start in range(first + part.start, stop, rows):
                yield rendered_table(plan, start, min(start + rows, stop), schema)[0]

    return tables()
