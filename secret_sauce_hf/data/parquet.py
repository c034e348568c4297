"""Parquet files that anybody may have made: what their readers raise, as one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features
from datasets.exceptions import DatasetsError
from yaml import YAMLError

from secret_sauce_hf.data.pages import check_columns, rows_that_fit
from secret_sauce_hf.instruments import InputError

FAULTS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    ImportError,
    DatasetsError,
    pa.ArrowException,
    YAMLError,
)
"""What pyarrow and `datasets` raise for files, types and cards that they cannot read: they check few values first."""


@contextmanager
def readable(what: object, remedy: str = "build it again") -> Iterator[None]:
    """Turn `FAULTS` into an `InputError`; what is one already stays as it is.

    Args:
        what: that is read in this block, and nothing else.
        remedy: what helps.
    """
    try:
        yield
    except InputError:
        raise
    except FAULTS as error:
        raise InputError(f"{what} cannot be read ({reason(error)}); {remedy}.") from error


@contextmanager
def opened(path: Path, remedy: str = "build it again") -> Iterator[pq.ParquetFile]:
    """A Parquet file to read in this block; see `readable`."""
    # Of a pipe or a device whoever opens it may wait for ever.
    if path.exists() and not path.is_file():
        raise InputError(f"{path} cannot be read (not a file); {remedy}.")
    with readable(path, remedy), pq.ParquetFile(path) as file:
        try:
            check_columns(file.metadata)
        except InputError as error:
            raise InputError(f"{path} cannot be read ({error}); {remedy}.") from error
        yield file


def batches(
    path: Path, file: pq.ParquetFile, rows: int, columns: list[str] | None = None, remedy: str = "build it again"
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, as many at a time as fit into memory whatever the file holds.

    Args:
        path: the file.
        file: the same, open.
        rows: how many at a time, at most.
        columns: their names; all if None.
        remedy: what helps.

    Raises:
        InputError: a single row may take too much memory, see `pages`.
    """
    try:
        fitting = rows_that_fit(path, file, rows, columns)
    except InputError as error:
        raise InputError(f"{path} cannot be read ({error}); {remedy}.") from error
    yield from file.iter_batches(fitting, columns=columns)


def types_in(path: Path) -> Features:
    """The columns of a Parquet file.

    Raises:
        InputError: it cannot be read.
    """
    with opened(path) as file:
        return Features.from_arrow_schema(file.schema_arrow)


def reason(error: BaseException) -> str:
    """The first line of what went wrong first."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__
