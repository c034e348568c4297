"""Recordings of an instrument in one Parquet file: settings as columns, a sound in each row as FLAC bytes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from secret_sauce_hf.data.parquet import batches, opened
from secret_sauce_hf.data.reading import Takes, read_audio
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.presets import FILE_COLUMN, Presets

SOUND_COLUMN = "flac"
MAX_ROWS = 100_000
MAX_SOUND_BYTES = 4 * 2**20
"""Of one row's FLAC; a take of a second has 20 KB."""
_BATCH = 200
_REMEDY = "give a Parquet file of recordings"


def read_recordings(path: str | Path, collection: Collection) -> Takes:
    """Read recordings with the settings that were played.

    Args:
        path: a Parquet file with a column per parameter (a knob's setting as a number, a
            switch's label as text), `flac` (the bytes of a file: 22,050 Hz, mono, as long as a
            take) and, where it has one, `file` (names). Other columns are left alone.
        collection: whose parameters the columns are.

    Raises:
        InputError: not such a file, too large, or a row that is wrong; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No such file of recordings: {path}.")
    sounds: list[np.ndarray] = []
    rows: list[dict[str, Any]] = []
    with opened(path, _REMEDY) as file:
        _check(file, path, collection)
        has_names = FILE_COLUMN in file.schema_arrow.names
        for row in _rows(path, file, [SOUND_COLUMN, *collection.columns, *([FILE_COLUMN] if has_names else [])]):
            sounds.append(_sound(row.pop(SOUND_COLUMN), len(rows), collection))
            rows.append(row if has_names else row | {FILE_COLUMN: sound_file(len(rows))})
    if not rows:
        raise InputError(f"There are no rows in {path}; give a Parquet file of recordings.")
    return Takes(np.stack(sounds), Presets.from_settings(collection, rows))


def digest(path: str | Path) -> str:
    """SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(file: pq.ParquetFile, path: Path, collection: Collection) -> None:
    schema, rows = file.schema_arrow, file.metadata.num_rows
    if missing := [name for name in (SOUND_COLUMN, *collection.columns) if name not in schema.names]:
        raise InputError(
            f"{path} lacks the column {missing[0]}; recordings of {collection.name} need {SOUND_COLUMN} and "
            f"{', '.join(collection.columns)}."
        )
    if not 0 < rows <= MAX_ROWS:
        raise InputError(f"{path} has {rows:,} rows; give a file of 1 to {MAX_ROWS:,}.")
    kind = schema.field(SOUND_COLUMN).type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise InputError(f"{path}, column {SOUND_COLUMN}: {kind} instead of the bytes of FLAC files.")


def _rows(path: Path, file: pq.ParquetFile, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in batches(path, file, _BATCH, columns, _REMEDY):
        yield from batch.to_pylist()


def _sound(content: bytes | None, row: int, collection: Collection) -> np.ndarray:
    if content is not None and len(content) > MAX_SOUND_BYTES:
        raise InputError(f"row {row}: {len(content):,} bytes of sound, at most {MAX_SOUND_BYTES:,} are read.")
    try:
        sound = read_audio({"bytes": content})
    except InputError as error:
        raise InputError(f"row {row}, column {SOUND_COLUMN}: {error}.") from error
    if len(sound) != collection.samples:
        raise InputError(
            f"row {row}: {len(sound)} samples, but a take of {collection.name} has {collection.samples} "
            f"({collection.samples / SAMPLE_RATE:.3g} s)."
        )
    return sound
