"""The column `notes` back to what rows play, whoever wrote it."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from secret_sauce_hf.data.columns import NOTE_TYPES
from secret_sauce_hf.data.names import NOTES_COLUMN
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.notes import Performances

_LISTS: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
)
_WHOLE = ("pitch", "velocity")


def performances_of(column: pa.ChunkedArray, first_row: int, seconds: float) -> Performances:
    """What rows play.

    Args:
        column: the column `notes` of some rows: lists of structs, with the fields of `NOTE_TYPES` at least.
        first_row: number of the first of them, for messages.
        seconds: of their takes, in which every note must start.

    Raises:
        InputError: a column of another type, a row without notes, or a note that cannot be one; the message names
            the row and the note.
    """
    _check_type(column.type)
    # The chunks may have been of several sizes.
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    if lists.null_count:
        row = first_row + int(np.argmin(pc.is_valid(lists).to_numpy(zero_copy_only=False)))
        raise InputError(f"row {row}, column {NOTES_COLUMN}: there is nothing; give a list of one note at least.")
    counts = pc.list_value_length(lists).to_numpy().astype(np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    notes = lists.flatten()
    columns = {name: _values(notes, name, first, first_row) for name in NOTE_TYPES}
    performances = Performances(first, **columns)
    performances.check(lambda row: f"row {first_row + row}, column {NOTES_COLUMN}", seconds=seconds)
    return performances


def _check_type(kind: pa.DataType) -> None:
    struct = kind.value_type if any(is_list(kind) for is_list in _LISTS) else None
    if struct is not None and pa.types.is_struct(struct):
        # -1 also where a name occurs twice.
        places = {name: struct.get_field_index(name) for name in NOTE_TYPES}
        if all(place >= 0 and _fits(struct[place].type, name in _WHOLE) for name, place in places.items()):
            return
    raise InputError(
        f"column {NOTES_COLUMN}: {str(kind)[:80]}; it must be a list of notes for every row, each with numbers "
        f"{', '.join(NOTE_TYPES)}, whole ones as pitch and velocity: write it so, or give the column another name."
    )


def _fits(kind: pa.DataType, whole: bool) -> bool:
    return pa.types.is_integer(kind) or (not whole and pa.types.is_floating(kind))


def _values(notes: pa.StructArray, name: str, first: np.ndarray, first_row: int) -> np.ndarray:
    """One field of all notes; a note that is null has none."""
    values = pc.struct_field(notes, name)
    if values.null_count:
        number = int(np.argmin(pc.is_valid(values).to_numpy(zero_copy_only=False)))
        row = int(np.searchsorted(first, number, side="right")) - 1
        raise InputError(
            f"row {first_row + row}, column {NOTES_COLUMN}, note {number - int(first[row])}: no {name}; give one."
        )
    numbers = values.to_numpy(zero_copy_only=False)
    # What is too large for a whole number of 64 bits is no pitch either; it stays out of range.
    return np.clip(numbers, -1, 2**15).astype(np.int64) if name in _WHOLE else numbers.astype(np.float64)
