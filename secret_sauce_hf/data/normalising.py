"""A dataset that somebody else made, in this package's columns."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from secret_sauce_hf.data.columns import arrow_schema, features
from secret_sauce_hf.data.names import HEARD_COLUMN, NOTES_COLUMN
from secret_sauce_hf.data.parquet import types_in
from secret_sauce_hf.data.reading import iter_takes, split_names, types_of
from secret_sauce_hf.data.shards import CONTAINER, ROW_GROUP, takes_table, writer_options
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.instruments.takes import sound_file, to_int16
from secret_sauce_hf.presets import FILE_COLUMN, Presets
from secret_sauce_hf.progress import row_progress


def is_normal(path: Path, collection: Collection) -> bool:
    """Whether a Parquet file has the columns of the collection, of the very types; more may be there.

    Raises:
        InputError: it cannot be read.
    """
    found = types_in(path)
    # A dataset may do without what is heard, but what is there must be that.
    return all(
        found.get(name, kind if name == HEARD_COLUMN else None) == kind
        for name, kind in features(collection, notes=_noted(found, collection)).items()
    )


def normalise(
    source: Path, collection: Collection, out: Path, *, rows_per_shard: int = 1000, progress: bool = True
) -> dict[str, list[Path]]:
    """Write any dataset of a collection's takes again, as `build` and `collect` write them.

    Labels get the declared order, sounds become 16-bit FLAC, `heard` follows from the
    rules, rows without a `file` are numbered; other columns are left out. The same rows
    make the same bytes.

    Args:
        source: a folder that `iter_takes` reads.
        collection: whose takes they are.
        out: an empty folder for the files.
        rows_per_shard: the most rows in one of them.
        progress: whether to show a progress bar.

    Returns:
        The Parquet files of each split.

    Raises:
        InputError: a row that is no take of the collection; the message names it.
    """
    types = types_of(source)
    schema = arrow_schema(collection, notes=_noted(types, collection))
    named = FILE_COLUMN in types
    files: dict[str, list[Path]] = {}
    row = 0
    with row_progress("Rewriting", None, progress) as advance:
        for split in split_names(source):
            files[split] = []
            for presets, sounds in _pieces(source, split, collection, rows_per_shard):
                if not named:
                    numbered = [sound_file(number) for number in range(row, row + len(presets))]
                    presets = Presets(collection, presets.unit, numbered, presets.performances)
                path = out / f"{split}-{len(files[split]):05d}.parquet"
                with pq.ParquetWriter(path, schema, **writer_options(schema)) as writer:
                    writer.write_table(takes_table(presets, sounds, schema), row_group_size=ROW_GROUP)
                files[split].append(path)
                row += len(presets)
                advance(len(presets))
    return {split: paths for split, paths in files.items() if paths}


def _noted(types: Mapping[str, Any], collection: Collection) -> bool:
    """Whether there is a column that says what is played, or has to be."""
    return collection.plays is not None or NOTES_COLUMN in types


def _pieces(source: Path, split: str, collection: Collection, rows: int) -> Iterator[tuple[Presets, list[bytes]]]:
    """Presets and encoded sounds, `rows` at a time."""
    waiting: Presets | None = None
    sounds: list[bytes] = []
    for takes in iter_takes(source, split, collection=collection):
        waves = to_int16(takes.sounds)
        waiting = takes.presets if waiting is None else Presets.concatenated([waiting, takes.presets])
        sounds.extend(encode(wave, CONTAINER) for wave in waves)
        while len(sounds) >= rows:
            yield waiting[:rows], sounds[:rows]
            waiting, sounds = waiting[rows:], sounds[rows:]
    if waiting is not None and len(waiting):
        yield waiting, sounds
