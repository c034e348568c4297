"""Rows as text: tables in the 2018 format, and what spreadsheets make of them; JSON Lines.

What is read here are names and values, notes among them; whether they are presets is for others to say.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from secret_sauce_hf.instruments.checking import quoted, repeated
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Collection
from secret_sauce_hf.instruments.notes import Note, Performances, check_notes, constant_note
from secret_sauce_hf.instruments.pitches import pitch_number

FILE_COLUMN = "file"
NOTE_COLUMNS = ("note", "velocity", "note_on", "note_off")
"""What a row plays, beside its parameters: one note, its times in seconds from the start of the take."""
MAX_TABLE_BYTES = 256 * 2**20
"""Larger tables are refused; the 2018 tables have at most 4 MB."""
MAX_LINES = 2**21
"""Longer files are refused: two million rows take half a minute to read, and what has more is not typed by anybody."""
MAX_LINE = 2**18
"""Characters of one row, as a line of JSON Lines or in a table; a row of a thousand notes has half of them."""
# By a byte order mark, or by the zeros beside the first letter.
_ENCODINGS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda data: data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"), "utf-32"),
    (lambda data: data[:2] in (b"\xff\xfe", b"\xfe\xff"), "utf-16"),
    (lambda data: data[1:2] == b"\0" != data[:1], "utf-16-le"),
    (lambda data: data[:1] == b"\0" != data[1:2], "utf-16-be"),
)
_SEPARATORS = (",", ";", "\t", "|")
_NOTHING = ' \n"' + "".join(_SEPARATORS)
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
# No setting is a thousand: what looks like its comma is a decimal one.
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]*(?:[eE][+-]?[0-9]+)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
# With the wide forms that some take for the same, and with space that some leave out.
_FORMULA = re.compile(r"'*\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
# Sums of times as they are written: none has so many digits.
_DIGITS = 200


def check_known(collection: Collection, names: Iterable[str], where: str) -> None:
    """Refuse names that are neither parameters nor `file`.

    Raises:
        InputError: the first that is none.
    """
    if unknown := [name for name in names if name not in collection.columns and name != FILE_COLUMN]:
        raise InputError(
            f"{where}: unknown column {quoted(unknown[0])}; {collection.name} has {', '.join(collection.columns)}."
        )


def read_text(source: str | Path | TextIO) -> str:
    """The text of a table, line ends made one, a byte order mark left out.

    Args:
        source: a path, or an open file of text or bytes.

    Raises:
        InputError: there is no such file, it is too large, has too many lines, or is no text.
    """
    name = "The table" if hasattr(source, "read") else str(source)
    if hasattr(source, "read"):
        data = source.read()
    else:
        path = Path(source)
        if not path.is_file():
            raise InputError(f"No such file: {path}.")
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise InputError(f"{path} is larger than {MAX_TABLE_BYTES // 2**20} MB: not a table of presets.")
        data = path.read_bytes()
    if isinstance(data, bytes):
        encoding = next((name for mark, name in _ENCODINGS if mark(data)), "utf-8")
        try:
            data = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise InputError(f"{name} is not a text file in UTF-8: {error}; save it as CSV in UTF-8.") from error
    text: str = data.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MAX_LINES:
        raise InputError(f"{name} has more than {MAX_LINES:,} lines; cut it into several files.")
    return text


def guarded(text: str) -> str:
    """A label or a name as a cell that no spreadsheet calculates: it gets an apostrophe where it looks like a formula.

    Formulas can fetch, send and start things, and labels and names are written by others. Numbers stay as they are:
    they are harmless, and have to be read as numbers. What begins with apostrophes before such a sign gets one more,
    so that `unguarded` gives back every text to the letter.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell that `guarded` made, or somebody wrote who knows of no such thing."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


class CsvTable:
    """A table in the 2018 format: its rows, as often as they are asked for once.

    Args:
        collection: whose presets it has.
        source: the table: its path, or an open file.
        further: names of columns that it may have besides the parameters, `file` and those of the note.

    Attributes:
        further: the cells of those further columns that there are, of the rows read so far.
        notes: the note of each row read so far; None where no column tells of notes.

    Raises:
        InputError: the file cannot be read as such a table; while it is iterated, a row that is none.
    """

    def __init__(self, collection: Collection, source: str | Path | TextIO, further: Sequence[str] = ()):
        text, separator, self._skipped = _as_csv(read_text(source))
        self._collection = collection
        # strict: a quote that is never closed is an error instead of one enormous cell.
        self._row_size = 0
        self._reader = csv.DictReader(self._text_lines(text), strict=True, delimiter=separator)
        self._lines: list[int] = []
        try:
            # Spreadsheets save the empty columns beside a table, too.
            header = [name.strip() for name in self._reader.fieldnames or []]
            self._reader.fieldnames = header = _without_empty_end(header)
        except csv.Error as error:
            raise self._broken(error) from error
        self.further: dict[str, list[str]] = {name: [] for name in further if name in header}
        # A parameter of that name comes first.
        taken = {*collection.columns, *self.further}
        self._note_columns = [name for name in NOTE_COLUMNS if name in header and name not in taken]
        self.notes: list[Note] | None = [] if self._note_columns else None
        _check_header(collection, header, {*self.further, *self._note_columns})

    def where(self, row: int) -> str:
        """What a row is called in messages."""
        return f"row {row} (line {self._lines[row]})"

    @property
    def performances(self) -> Performances | None:
        """What each row plays; None where every one plays the note of the collection's timing."""
        if not self.notes or all(note == constant_note(self._collection.timing) for note in self.notes):
            return None
        return Performances.from_notes([note] for note in self.notes)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, in the form of 2018; empty ones are left out."""
        numbers = [parameter.name for parameter in self._collection.parameters if not parameter.classes]
        numbers += [name for name in self._note_columns if name != "note"]
        texts = [parameter.name for parameter in self._collection.parameters if parameter.classes]
        texts.append(FILE_COLUMN)
        try:
            for row in self._reader:
                self._row_size = 0
                beside = row.pop(None, [])
                if not any(beside) and not any(row.values()):
                    continue
                self._lines.append(self._reader.line_num + self._skipped)
                if any(beside):
                    raise InputError(f"line {self._lines[-1]}: more cells than the header has names.")
                for name, cell in row.items():
                    # A name of a file may begin or end with a space.
                    row[name] = cell if cell is None or name == FILE_COLUMN else cell.strip()
                for name in numbers:
                    if (cell := row[name]) and _DECIMAL_COMMA.fullmatch(cell):
                        row[name] = cell.replace(",", ".")
                for name in texts:
                    if cell := row.get(name):
                        row[name] = unguarded(cell)
                for name, cells in self.further.items():
                    cells.append(row.pop(name) or "")
                if self.notes is not None:
                    cells_of_note = {name: row.pop(name) or "" for name in self._note_columns}
                    where = self.where(len(self._lines) - 1)
                    self.notes.append(_note(cells_of_note, self._collection, where))
                yield row
        except csv.Error as error:
            raise self._broken(error) from error

    def _text_lines(self, text: str) -> Iterator[str]:
        """The lines of the table; a cell in quotes may have several, but no row has too many characters."""
        at, skipped = 0, self._skipped
        for number in count(1 + skipped):
            end = text.find("\n", at) + 1 or len(text)
            if at == end:
                return
            # Empty lines are no part of a row.
            self._row_size += end - at if end - at > 1 else 0
            if self._row_size > MAX_LINE:
                raise InputError(f"line {number}: a row of a table has at most {MAX_LINE:,} characters.")
            yield text[at:end]
            at = end

    def _broken(self, error: csv.Error) -> InputError:
        return InputError(f"line {self._reader.line_num + self._skipped}: not a CSV table ({error}).")


def note_cells(collection: Collection, performances: Performances) -> list[list[str]]:
    """What rows play as the columns `NOTE_COLUMNS` of a table.

    Raises:
        InputError: a row plays several notes, or a parameter has the name of one of these columns.
    """
    remedy = "write JSON Lines, which hold any performance (--format jsonl)"
    if taken := [name for name in NOTE_COLUMNS if name in collection.columns]:
        raise InputError(
            f"A parameter of {collection.name} is called {taken[0]!r}, as a column of the notes is; {remedy}."
        )
    several = performances.counts != 1
    if several.any():
        row = int(several.argmax())
        raise InputError(f"row {row} plays {performances.counts[row]} notes, and a table holds one a row; {remedy}.")
    with localcontext(prec=_DIGITS):
        times = [
            (repr(onset), f"{Decimal(repr(onset)) + Decimal(repr(duration)):f}")
            for onset, duration in zip(performances.onset.tolist(), performances.duration.tolist(), strict=True)
        ]
    pitches, velocities = map(str, performances.pitch.tolist()), map(str, performances.velocity.tolist())
    return [list(pitches), list(velocities), [on for on, _ in times], [off for _, off in times]]


@dataclass(frozen=True)
class JsonRow:
    """One row of JSON Lines, in the form of JSON.

    Args:
        where: what it is called in messages.
        preset: name → setting, not yet looked at.
        file: the name of its sound; None if it is not told.
        notes: what it plays; None for the collection's note.
        seconds: length of its take; None for the collection's.
    """

    where: str
    preset: Mapping[str, Any]
    file: str | None
    notes: tuple[Note, ...] | None
    seconds: float | None


_KEYS = ("file", "preset", "notes", "seconds")
_EXAMPLE = '{"preset": {"cutoff": 5.0, …}, "notes": [{"onset": 0.1, "duration": 0.5, "pitch": 36, "velocity": 90}]}'


def json_rows(text: str) -> Iterator[JsonRow]:
    """The rows of JSON Lines, one a line; empty lines are left out.

    Each is an object with `preset`, and where they are told `file`, `notes` (a list of objects that have `onset`
    and `duration` in seconds, `pitch` and `velocity`) and `seconds`. Nothing else may be there.

    Raises:
        InputError: while it is iterated, the first line that is no such row; it names the row, the line, the key and
            the remedy.
    """
    number = 0
    # Of several kinds of line ends JSON allows one to stand in texts: only \n parts rows.
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"row {number} (line {at})"
        yield json_row(_json(line, where), where)
        number += 1


def json_row(record: object, where: str) -> JsonRow:
    """One row in the form of JSON: see `json_rows`.

    Args:
        record: an object with `preset` and what may stand beside it.
        where: what the row is called in messages.

    Raises:
        InputError: it is no such row; the message names the key and the remedy.
    """
    if not isinstance(record, Mapping):
        raise InputError(f"{where}: {quoted(record)} is no row; write one object a line, as {_EXAMPLE}.")
    if unknown := [key for key in record if key not in _KEYS]:
        raise InputError(f"{where}: unknown key {quoted(unknown[0])}; a row has {', '.join(_KEYS)}.")
    if not isinstance(record.get("preset"), Mapping):
        told = f"preset is {quoted(record['preset'])}" if "preset" in record else "no preset"
        raise InputError(f"{where}: {told}; give an object of names and settings, as {_EXAMPLE}.")
    if not isinstance(record.get("file", ""), str):
        raise InputError(f'{where}, file: {quoted(record["file"])} is no name; give a text such as "s0.wav".')
    seconds = record.get("seconds", 1.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InputError(f"{where}, seconds: {quoted(seconds)} is no number; give seconds, or leave it out.")
    notes = json_notes(record["notes"], where) if "notes" in record else None
    return JsonRow(where, record["preset"], record.get("file"), notes, record.get("seconds"))


def json_line(file: str, preset: Mapping[str, Any], notes: Iterable[Note], seconds: float) -> str:
    """One row as a line of JSON Lines, its end included."""
    played = [{"onset": n.onset, "duration": n.duration, "pitch": n.pitch, "velocity": n.velocity} for n in notes]
    row = {"file": file, "preset": dict(preset), "notes": played, "seconds": seconds}
    return json.dumps(row, ensure_ascii=False) + "\n"


def _json(line: str, where: str) -> Any:
    if len(line) > MAX_LINE:
        raise InputError(f"{where}: {len(line):,} characters, a row has at most {MAX_LINE:,}.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = repeated(key for key, _ in pairs)
            raise InputError(f"{where}: the key {quoted(twice[0])} is there more than once; leave one of them.")
        return found

    def refuse(constant: str) -> Any:
        raise InputError(f"{where}: {constant} is no number of JSON; give one with digits.")

    try:
        return json.loads(line, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        why = str(error).replace("line 1 column", "column")[:100]
        raise InputError(f"{where}: not JSON ({why}); write one object a line, as {_EXAMPLE}.") from error


def json_notes(told: Any, where: str) -> tuple[Note, ...]:
    """Notes in the form of JSON: objects with `onset`, `duration`, `pitch` and `velocity`.

    Raises:
        InputError: no list, or one of other objects. Whether each can be played is left to `check_notes`.
    """
    if not isinstance(told, list):
        raise InputError(f"{where}, notes: {quoted(told)} is no list; give the notes in [ ], or leave them out.")
    notes = []
    for number, note in enumerate(told):
        name = f"{where}, note {number}"
        if not isinstance(note, dict):
            raise InputError(f"{name}: {quoted(note)} is no object; a note has {', '.join(sorted(Note._fields))}.")
        if unknown := [key for key in note if key not in Note._fields]:
            known = ", ".join(sorted(Note._fields))
            raise InputError(f"{name}: unknown key {quoted(unknown[0])}; a note has {known}.")
        if missing := [key for key in Note._fields if key not in note]:
            raise InputError(f"{name}: no {missing[0]}; a note has {', '.join(sorted(Note._fields))}.")
        notes.append(Note(_whole(note["pitch"]), _whole(note["velocity"]), note["onset"], note["duration"]))
    return tuple(notes)


def _whole(value: Any) -> Any:
    """36.0 as 36, as some programs write it; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _note(cells: Mapping[str, str], collection: Collection, where: str) -> Note:
    """The note that a row's cells tell; of what is not told, that of the collection's timing.

    Raises:
        InputError: a cell is none of a note; the message names the row and the column.
    """
    usual = constant_note(collection.timing)
    told = {name: cell for name, cell in cells.items() if cell}
    pitch, velocity = usual.pitch, usual.velocity
    if "note" in told:
        try:
            pitch = pitch_number(told["note"])
        except InputError as error:
            raise InputError(f"{where}, column note: {error}") from error
    if "velocity" in told:
        number = _number(told, "velocity", where)
        velocity = int(number) if number == int(number) else float(number)  # type: ignore[assignment]
    onset, duration = usual.onset, usual.duration
    if "note_on" in told or "note_off" in told:
        # As they are written: the difference of two binary numbers would not be the duration any more.
        with localcontext(prec=_DIGITS):
            on = _number(told, "note_on", where) if "note_on" in told else Decimal(repr(usual.onset))
            off = _number(told, "note_off", where) if "note_off" in told else Decimal(repr(usual.end))
            if off <= on:
                raise InputError(f"{where}, column note_off: {off:g} is not after note_on, {on:g}; make it later.")
            onset, duration = float(on), float(off - on)
    note = Note(pitch, velocity, onset, duration)
    check_notes([note], where, seconds=collection.seconds, name=lambda _: "its note")
    return note


def _number(cells: Mapping[str, str], name: str, where: str) -> Decimal:
    if not _NUMBER.fullmatch(cells[name]):
        raise InputError(f"{where}, column {name}: {quoted(cells[name])} must be a number.")
    return Decimal(cells[name])


def _as_csv(text: str) -> tuple[str, str, int]:
    """A table's text from its header on, what separates its cells, and how many lines went before."""
    # The table may begin below the sheet's first rows, which hold nothing.
    start = len(text) - len(text.lstrip(_NOTHING))
    start = text.rfind("\n", 0, start) + 1
    skipped, text = text.count("\n", 0, start), text[start:]
    first, _, rest = text.partition("\n")
    # Excel's own way to say so; it writes the line itself and hides it.
    if announced := _SEPARATOR_LINE.fullmatch(first):
        return rest, announced[1], skipped + 1
    outside_quotes = re.sub('"[^"]*"', "", first)
    # No name of a column has one of them.
    return text, next((mark for mark in _SEPARATORS if mark in outside_quotes), _SEPARATORS[0]), skipped


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    cells = list(cells)
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _check_header(collection: Collection, header: Sequence[str], others: Iterable[str]) -> None:
    if not header:
        raise InputError("The table is empty: it needs a header line with the names of the parameters.")
    if twice := repeated(header):
        raise InputError(f"The header names {quoted(twice[0])} more than once.")
    if "notes" in header and "notes" not in {*collection.columns, *others}:
        raise InputError(
            f"The header: a table holds one note a row, in the columns {', '.join(NOTE_COLUMNS)}; several, as in "
            "'notes', are for JSON Lines (.jsonl)."
        )
    check_known(collection, [name for name in header if name not in set(others)], "The header")
    if missing := [name for name in collection.columns if name not in header]:
        raise InputError(f"The header lacks {', '.join(missing)}.")
