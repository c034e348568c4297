"""Answers of any system, read from a file of JSON Lines."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.presets import Presets

MAX_BYTES = 128 * 2**20
MAX_LINE = 2**20
"""Bytes of a line: 64 candidates of an instrument with a hundred parameters have a tenth of it."""
MAX_CANDIDATES = 64
MAX_SECONDS = 1e7
KEYS = ("row", "file", "preset", "candidates", "seconds")
_LISTED = 5


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a system answered.

    Args:
        name: of the system, from the file's name.
        units: of each row the candidates, best first, shape (candidates, parameters); of all rows, or of the first.
        seconds: per sound, the median of what the lines say; None where none says.
    """

    name: str
    units: list[np.ndarray]
    seconds: float | None


def read_predictions(path: str | Path, collection: Collection, files: Sequence[str], first: int) -> Predictions:
    """Read the answers of a system to the rows of a benchmark.

    Every line is an object with `row` (the number of the sound among those that are scored, from 0) or `file` (its
    name), and `preset` (name to setting) or `candidates` (several presets, the best first); `seconds`, which the
    answer took, if it is to be shown.

    Args:
        path: the file, UTF-8.
        collection: whose presets they are.
        files: names of the rows that are scored.
        first: of so many rows, from the first, there must be an answer.

    Raises:
        InputError: the file cannot be read or is too large; a line is none of these, names no row or one that was
            answered before, or has a setting that is not legal; rows are missing. The message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file of predictions {path}; give one of JSON Lines.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MiB; give answers to {len(files):,} rows only.")
    numbers = {name: row for row, name in enumerate(files)}
    lines: dict[int, int] = {}
    told: list[Mapping[str, Any]] = []
    places: list[tuple[int, int]] = []
    seconds: list[float] = []
    with path.open("rb") as content:
        line = 0
        while raw := content.readline(MAX_LINE + 1):
            line += 1
            where = f"{path.name}, line {line}"
            if len(raw) > MAX_LINE:
                raise InputError(f"{where}: longer than {MAX_LINE:,} bytes; give one answer per line.")
            if not raw.strip():
                continue
            record = _record(raw, where)
            row = _row(record, numbers, where)
            if row in lines:
                raise InputError(f"{where}: line {lines[row]} answers row {row} already; give one line per row.")
            lines[row] = line
            for candidate in _candidates(record, where):
                told.append(candidate)
                places.append((row, line))
            if "seconds" in record:
                seconds.append(_seconds(record["seconds"], where))
    if missing := [row for row in range(first) if row not in lines]:
        more = f" and {len(missing) - _LISTED:,} more" if len(missing) > _LISTED else ""
        raise InputError(
            f"{path.name} answers {len(lines):,} rows and lacks row {', '.join(map(str, missing[:_LISTED]))}{more} of "
            f"the first {first:,}, which everybody answers: add them, or score fewer with --rows."
        )
    units = Presets.from_mappings(collection, told, lambda at: f"{path.name}, line {places[at][1]}").unit
    of_row: dict[int, list[np.ndarray]] = {}
    for (row, _), unit in zip(places, units, strict=True):
        of_row.setdefault(row, []).append(unit)
    count = len(files) if len(lines) == len(files) else first
    return Predictions(
        method_name(path.stem),
        [np.stack(of_row[row]) for row in range(count)],
        float(np.median(seconds)) if seconds else None,
    )


def method_name(text: str) -> str:
    """A name as methods have them, from a file's."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "predictions"


def _record(raw: bytes, where: str) -> Mapping[str, Any]:
    try:
        record = json.loads(raw.decode("utf-8"), parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON in UTF-8 ({str(error)[:60]}); write an object per line.") from error
    if not isinstance(record, dict):
        raise InputError(f"{where}: {quoted(record)} is no object; write one with row or file, and preset.")
    if unknown := [key for key in record if key not in KEYS]:
        raise InputError(f"{where}: {quoted(unknown[0])} is not known; there are {', '.join(KEYS)}.")
    return record


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _row(record: Mapping[str, Any], numbers: Mapping[str, int], where: str) -> int:
    if ("row" in record) == ("file" in record):
        raise InputError(f"{where}: give the sound by its row or by its file, by one of both.")
    if "file" in record:
        name = record["file"]
        if not isinstance(name, str) or name not in numbers:
            raise InputError(f"{where}: no sound that is scored has the file {quoted(name)}.")
        return numbers[name]
    row = record["row"]
    if type(row) is not int or not 0 <= row < len(numbers):
        raise InputError(f"{where}: {quoted(row)} is no row; they are numbered from 0 to {len(numbers) - 1}.")
    return row


def _candidates(record: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    if ("preset" in record) == ("candidates" in record):
        raise InputError(f"{where}: give one preset, or several candidates, the best first.")
    candidates = record["candidates"] if "candidates" in record else [record["preset"]]
    if not isinstance(candidates, list) or not 1 <= len(candidates) <= MAX_CANDIDATES:
        raise InputError(f"{where}: candidates must be a list of 1 to {MAX_CANDIDATES} presets.")
    for candidate in candidates:
        if not isinstance(candidate, dict):
            raise InputError(f"{where}: {quoted(candidate)} is no preset; write name and setting of each parameter.")
        if "file" in candidate:
            raise InputError(f"{where}: the file stands beside the preset, not in it.")
    return candidates


def _seconds(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_SECONDS:
        raise InputError(f"{where}: seconds are {quoted(value)}; give a number that is not negative.")
    return float(value)
