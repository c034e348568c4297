"""What the pages of a Parquet file can grow to when they are read, told before anything is decoded.

A few kilobytes can hold terabytes: a dictionary has a long text once and names it in every row, a run says that a
value comes a million times, and zeros compress a thousandfold. The footer tells sizes too, but nobody holds a file to
what it tells: readers go by the headers of the pages. So these are walked through, which decodes nothing. The format:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from secret_sauce_hf.instruments import InputError

MAX_COLUMNS = 4_096
"""Of the leaves of a schema; the widest collection that is allowed has a quarter of them."""
MAX_CHUNKS = 1_000_000
"""Columns times row groups, and pages; a gigabyte of takes has a tenth of them."""
MAX_READ_BYTES = 2**29
"""What may be decoded at once: 200 takes of a minute, the longest that are read, have as much as WAV."""

_MAX_DEPTH = 8
# Of the format: kinds of pages, and encodings in which a value may be larger than its share of the page.
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_BY_DICTIONARY = {2, 8}
_BY_PREFIX = 7
_NUMBER_BYTES = 16
"""Of any value that is no text, with its levels."""


@dataclass
class Chunk:
    """What one column of one row group may grow to.

    Args:
        values: how many there are, what is in lists counted each.
        total: bytes of all pages, unpacked.
        largest: bytes of the largest page, unpacked.
        value: the most bytes that one value may have; none where all together are not more than `total`.
        repeated: whether a row may have any number of values.
    """

    values: int = 0
    total: int = 0
    largest: int = 0
    value: int = 0
    repeated: bool = False

    def size(self, rows: int) -> int:
        """The most bytes that so many rows of it take in memory."""
        values = self.values if self.repeated else min(self.values, rows)
        if self.value:
            told = values * self.value
        else:
            # No value is larger than its page, and all together are what the pages hold.
            told = self.total if self.repeated else min(self.total, values * self.largest)
        return told + values * _NUMBER_BYTES + 2 * self.largest


def rows_that_fit(path: Path, file: pq.ParquetFile, wanted: int, columns: list[str] | None = None) -> int:
    """How many rows of a file may be decoded at once, `wanted` at most.

    Args:
        path: the file.
        file: the same, open.
        wanted: rows, 1 at least.
        columns: names of those that will be read; all if None.

    Raises:
        InputError: a single row could take more than `MAX_READ_BYTES`, or the headers of pages are damaged.
    """
    metadata = file.metadata
    check_columns(metadata)
    schema, read = metadata.schema, None if columns is None else set(columns)
    leaves = [leaf for leaf in range(len(schema)) if read is None or schema.column(leaf).path.split(".")[0] in read]
    pages = 0
    rows = wanted
    with path.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as view:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            chunks = []
            for leaf in leaves:
                chunk, count = _chunk(view, group.column(leaf), schema.column(leaf))
                chunks.append(chunk)
                pages += count
                if pages > MAX_CHUNKS:
                    raise InputError(f"it has more than {MAX_CHUNKS:,} pages")
            while rows > 1 and sum(chunk.size(rows) for chunk in chunks) > MAX_READ_BYTES:
                rows = rows // 2
            if (size := sum(chunk.size(rows) for chunk in chunks)) > MAX_READ_BYTES:
                raise InputError(
                    f"one row of it may take {size / 1e6:,.0f} MB, more than the {MAX_READ_BYTES / 1e6:,.0f} that are "
                    "read at once"
                )
    return rows


def check_columns(metadata: pq.FileMetaData) -> None:
    """Refuse a footer of which only looking at every column would take minutes.

    Raises:
        InputError: there are too many columns, or row groups.
    """
    if metadata.num_columns > MAX_COLUMNS:
        raise InputError(f"it has {metadata.num_columns:,} columns, more than the {MAX_COLUMNS:,} that are read")
    if metadata.num_columns * metadata.num_row_groups > MAX_CHUNKS:
        raise InputError(f"it has {metadata.num_row_groups:,} row groups, too many; write larger ones")


def _chunk(view: mmap.mmap, told: pq.ColumnChunkMetaData, column: pq.ColumnSchema) -> tuple[Chunk, int]:
    """What a column of a row group may grow to, and how many pages it has."""
    if told.num_values == 0:
        # Readers look at no page of it, and there may be a dictionary only.
        return Chunk(), 0
    # The same places as readers start and end at.
    start, dictionary = told.data_page_offset, told.dictionary_page_offset
    if dictionary is not None and 0 < dictionary < start:
        start = dictionary
    chunk, count, dictionary_bytes = Chunk(repeated=column.max_repetition_level > 0), 0, 0
    text = told.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
    for header in _headers(view, start, start + told.total_compressed_size):
        count += 1
        size = header.get(2, 0)
        chunk.largest = max(chunk.largest, size)
        chunk.total += size
        if header.get(1) == _DICTIONARY:
            dictionary_bytes = max(dictionary_bytes, size)
            continue
        about = header.get(5) or header.get(8) or {}
        chunk.values += max(_number(about, 1), 0)
        encoding = _number(about, 2 if header.get(1) == _DATA else 4)
        if text and encoding in _BY_DICTIONARY:
            chunk.value = max(chunk.value, dictionary_bytes)
        elif text and encoding == _BY_PREFIX:
            chunk.value = max(chunk.value, size)
    # Where some pages are by dictionary and some are not, no value is larger than the largest page.
    if chunk.value:
        chunk.value = chunk.largest
    return chunk, count


def _number(about: Any, field: int) -> int:
    value = about.get(field, 0) if isinstance(about, dict) else 0
    return value if isinstance(value, int) else 0


def _headers(view: mmap.mmap, at: int, end: int) -> Iterator[dict[int, Any]]:
    """The headers of the pages from a place to another, in Thrift's compact form: number of a field → its value."""
    if not 0 <= at <= end <= len(view):
        raise InputError("a column begins or ends outside the file")
    while at < end:
        try:
            header, at = _struct(view, at, end)
        except IndexError as error:
            raise InputError("the header of a page is damaged") from error
        packed = header.get(3)
        if not isinstance(packed, int) or packed < 0 or not isinstance(header.get(2), int) or header[2] < 0:
            raise InputError("the header of a page is damaged")
        yield header
        at += packed


def _varint(view: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError("a number that does not end")


def _signed(view: mmap.mmap, at: int) -> tuple[int, int]:
    value, at = _varint(view, at)
    return value >> 1 ^ -(value & 1), at


def _struct(view: mmap.mmap, at: int, end: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    found: dict[int, Any] = {}
    field = 0
    if depth > _MAX_DEPTH:
        raise IndexError("too deep")
    while head := view[at]:
        if at >= end:
            raise IndexError("beyond the column")
        at += 1
        if head >> 4:
            field += head >> 4
        else:
            field, at = _signed(view, at)
        found[field], at = _value(view, at, end, head & 0x0F, depth)
    return found, at + 1


def _value(view: mmap.mmap, at: int, end: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, at
    if kind == 3:
        return view[at], at + 1
    if kind in (4, 5, 6):
        return _signed(view, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        size, at = _varint(view, at)
        return None, at + size
    if kind == 12:
        return _struct(view, at, end, depth + 1)
    # No header of a page has lists or maps.
    raise IndexError("of an unknown kind")
