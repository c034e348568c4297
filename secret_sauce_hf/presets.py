"""Tables of presets: drawing them, checking them, converting them."""

import csv
import io
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from secret_sauce_hf.instruments import ORIGINAL_SEED, Collection, InputError, Knob, Parameter, get_collection
from secret_sauce_hf.instruments.spec import holds

FILE_COLUMN = "file"
MAX_CSV_BYTES = 256 * 2**20
"""Larger tables are refused; the 2018 tables have at most 4 MB."""


class Presets:
    """Rows of presets of one collection.

    Args:
        collection: the collection or its name.
        unit: shape (rows, parameters), in the collection's column order: 0..1 for a
            knob, the class index for a switch.
        files: the name of each row's sound file; `s0.wav`, `s1.wav`, … if None.
    """

    def __init__(self, collection: str | Collection, unit: np.ndarray, files: Sequence[str] | None = None):
        self.collection = get_collection(collection)
        self.unit = np.ascontiguousarray(unit, dtype=np.float64)
        if self.unit.ndim != 2 or self.unit.shape[1] != len(self.parameters):
            raise InputError(
                f"Presets of {self.collection.name} need an array of shape (rows, {len(self.parameters)}), "
                f"got {self.unit.shape}."
            )
        self.files = list(files) if files is not None else [sound_file(row) for row in range(len(self.unit))]
        if len(self.files) != len(self.unit):
            raise InputError(f"{len(self.files)} file names for {len(self.unit)} rows.")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, one per column."""
        return self.collection.parameters

    def __len__(self) -> int:
        return len(self.unit)

    def __getitem__(self, rows: slice | np.ndarray | Sequence[int]) -> "Presets":
        """Some of the rows, by slice or by a list of row numbers."""
        indices = np.arange(len(self))[rows]
        if indices.ndim != 1:
            raise InputError("Select rows of presets by a slice or a list of row numbers.")
        return Presets(self.collection, self.unit[indices], [self.files[i] for i in indices])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Presets)
            and self.collection == other.collection
            and self.files == other.files
            and np.array_equal(self.unit, other.unit)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Presets of {self.collection.name}: {len(self)} rows, {len(self.parameters)} parameters>"

    @classmethod
    def from_cc(
        cls, collection: str | Collection, cc: np.ndarray, files: Sequence[str] | None = None
    ) -> "Presets":
        """From CC integers of shape (rows, parameters).

        Raises:
            InputError: a value that its parameter cannot have.
        """
        collection = get_collection(collection)
        cc = np.asarray(cc)
        unit = np.empty(cc.shape, dtype=np.float64)
        for column, parameter in enumerate(collection.parameters):
            unit[:, column] = parameter.cc_to_unit(cc[:, column])
        return cls(collection, unit, files)

    @classmethod
    def from_settings(
        cls, collection: str | Collection, rows: Iterable[Mapping[str, Any]], first_line: int | None = None
    ) -> "Presets":
        """From one mapping (name → setting) per row, with an optional `file`.

        Args:
            collection: the collection or its name.
            rows: the rows; each needs every parameter of the collection and nothing else.
            first_line: the line of a file that the first row stands on, for messages.

        Raises:
            InputError: a missing or unknown column, or a value that is not allowed;
                the message names row, column, value and what is allowed.
        """
        collection = get_collection(collection)
        parameters = collection.parameters
        names = {parameter.name for parameter in parameters}
        units: list[list[float]] = []
        files: list[str] = []
        for number, row in enumerate(rows):
            where = f"row {number}" if first_line is None else f"row {number} (line {number + first_line})"
            if unknown := [name for name in row if name not in names and name != FILE_COLUMN]:
                raise InputError(
                    f"{where}: unknown column {unknown[0]!r}; {collection.name} has {', '.join(collection.columns)}."
                )
            if missing := [name for name in collection.columns if row.get(name) is None]:
                raise InputError(f"{where}: no value for {', '.join(missing)}.")
            for parameter in parameters:
                if reason := parameter.illegal(row[parameter.name]):
                    raise InputError(f"{where}, column {parameter.name}: {row[parameter.name]!r} {reason}.")
            units.append([float(p.setting_to_unit(_number(p, row[p.name]))) for p in parameters])
            files.append(_safe_file(row[FILE_COLUMN], where) if row.get(FILE_COLUMN) else sound_file(number))
        return cls(collection, np.array(units, dtype=np.float64).reshape(len(units), len(parameters)), files)

    @classmethod
    def from_csv(cls, collection: str | Collection, source: str | Path | TextIO) -> "Presets":
        """From a table in the 2018 format: a header line, labels in quotes, `file` last.

        Raises:
            InputError: see `from_settings`; or the file cannot be read as such a table.
        """
        collection = get_collection(collection)
        if isinstance(source, str | Path):
            path = Path(source)
            if not path.is_file():
                raise InputError(f"No such file: {path}.")
            if path.stat().st_size > MAX_CSV_BYTES:
                raise InputError(f"{path} is larger than {MAX_CSV_BYTES // 2**20} MB: not a table of presets.")
            try:
                source = io.StringIO(path.read_text(encoding="utf-8-sig"))
            except UnicodeDecodeError as error:
                raise InputError(f"{path} is not a text file in UTF-8: {error}.") from error
        # strict: a quote that is never closed is an error instead of one enormous cell.
        reader = csv.DictReader(source, strict=True)
        try:
            header = reader.fieldnames
            if not header:
                raise InputError("The table is empty: it needs a header line with the names of the parameters.")
            if repeated := [name for name in header if header.count(name) > 1]:
                raise InputError(f"The header names {repeated[0]!r} more than once.")
            if missing := [name for name in collection.columns if name not in header]:
                raise InputError(f"The header lacks {', '.join(missing)}.")
            return cls.from_settings(collection, _without_overflow(reader), first_line=2)
        except csv.Error as error:
            raise InputError(f"line {reader.line_num}: not a CSV table ({error}).") from error

    @property
    def cc(self) -> np.ndarray:
        """The nearest CC integers, shape (rows, parameters), int64."""
        cc = np.empty(self.unit.shape, dtype=np.int64)
        for column, parameter in enumerate(self.parameters):
            cc[:, column] = parameter.unit_to_cc(self.unit[:, column])
        return cc

    @property
    def settings(self) -> dict[str, np.ndarray]:
        """One array of settings per parameter: float64 for a knob, text for a switch."""
        return {p.name: p.unit_to_setting(self.unit[:, column]) for column, p in enumerate(self.parameters)}

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping (name → setting) per row."""
        columns = {name: values.tolist() for name, values in self.settings.items()}
        for row in range(len(self)):
            yield {name: values[row] for name, values in columns.items()}

    def complete(self) -> dict[str, np.ndarray]:
        """Settings of every parameter of the instrument, the collection's fixed ones included."""
        fixed = {name: np.full(len(self), value) for name, value in self.collection.fixed}
        return fixed | self.settings

    def complete_unit(self) -> np.ndarray:
        """Units of every parameter of the instrument, shape (rows, instrument's parameters)."""
        settings = self.complete()
        columns = [p.setting_to_unit(settings[p.name]) for p in self.collection.instrument.parameters]
        return np.stack(columns, axis=1) if columns else np.empty((len(self), 0))

    def heard(self) -> np.ndarray:
        """Whether each parameter is heard, by the declared rules: (rows, parameters), bool.

        A take that is (nearly) silent tells nothing of its settings all the same:
        the rules know the preset only, not the sound.
        """
        settings = self.complete()
        heard = np.empty(self.unit.shape, dtype=bool)
        for column, parameter in enumerate(self.parameters):
            heard[:, column] = holds(parameter.heard, settings)
        return heard

    def to_csv(self, target: TextIO) -> None:
        """Write the table in the 2018 format, to the letter."""
        with_file = self.collection.has_file_column
        target.write(",".join(self.collection.columns + ((FILE_COLUMN,) if with_file else ())) + "\n")
        columns = [
            [_digits(value) for value in values] if isinstance(p, Knob) else [f'"{value}"' for value in values]
            for p, values in zip(self.parameters, self.settings.values(), strict=True)
        ]
        if with_file:
            columns.append([f'"{name}"' for name in self.files])
        for row in zip(*columns, strict=True):
            target.write(",".join(row) + "\n")


def sound_file(row: int) -> str:
    """The file name of a row's sound, as in 2018."""
    return f"s{row}.wav"


def original_presets(collection: str | Collection, start: int = 0, stop: int | None = None) -> Presets:
    """The rows of 2018, from `start` up to `stop` (all if None)."""
    collection = get_collection(collection)
    stop = collection.count if stop is None else stop
    if not 0 <= start <= stop <= collection.count:
        raise InputError(f"{collection.name} has rows 0 to {collection.count - 1} of 2018, not {start} to {stop - 1}.")
    cc = _enumerate_cc(collection) if collection.enumerated else _draw_original_cc(collection, stop)
    return Presets.from_cc(collection, cc[start:stop], [sound_file(row) for row in range(start, stop)])


def draw_presets(collection: str | Collection, count: int, seed: int, start: int = 0) -> Presets:
    """Fresh random rows, uniform over the legal CC values of every parameter.

    Counter-based (Philox): row i is the same whatever `start` and `count` are.

    Args:
        collection: the collection or its name.
        count: number of rows.
        seed: any non-negative integer.
        start: number of the first row.

    Raises:
        InputError: a negative number.
    """
    collection = get_collection(collection)
    if min(count, seed, start) < 0:
        raise InputError(f"count ({count}), seed ({seed}) and start ({start}) must not be negative.")
    raw = row_random(seed, start, count, len(collection.columns))
    cc = np.empty(raw.shape, dtype=np.int64)
    for column, parameter in enumerate(collection.parameters):
        # The upper 32 bits times the number of values: uneven by less than 2^-18.
        if isinstance(parameter, Knob):
            low, high = parameter.limits
            cc[:, column] = low + ((raw[:, column] >> np.uint64(32)) * np.uint64(high - low + 1) >> np.uint64(32))
        else:
            index = (raw[:, column] >> np.uint64(32)) * np.uint64(len(parameter.codes)) >> np.uint64(32)
            cc[:, column] = np.asarray(parameter.codes)[index.astype(np.intp)]
    return Presets.from_cc(collection, cc, [sound_file(row) for row in range(start, start + count)])


def row_random(seed: int, start: int, count: int, width: int, stream: int = 0) -> np.ndarray:
    """Random 64-bit integers of shape (count, width) that depend on seed, stream and row only."""
    # One step of Philox's counter yields four integers.
    steps = -(-width // 4)
    key = np.random.SeedSequence([seed, stream]).generate_state(2, np.uint64)
    generator = np.random.Philox(key=key)
    generator.advance(start * steps)
    return generator.random_raw(count * steps * 4).reshape(count, steps * 4)[:, :width]


def _draw_original_cc(collection: Collection, rows: int) -> np.ndarray:
    """`random.randint` as Python 2 drew it, one draw per parameter, row by row."""
    generator = random.Random(ORIGINAL_SEED)
    sizes, offsets = [], []
    for parameter in collection.parameters:
        low, high = parameter.limits if isinstance(parameter, Knob) else (0, len(parameter.codes) - 1)
        sizes.append(high - low + 1)
        offsets.append(low)
    draws = np.array([generator.random() for _ in range(rows * len(sizes))]).reshape(rows, len(sizes))
    cc = (draws * sizes).astype(np.int64) + offsets
    for column, parameter in enumerate(collection.parameters):
        if not isinstance(parameter, Knob):
            cc[:, column] = np.asarray(parameter.codes)[cc[:, column]]
    return cc


def _enumerate_cc(collection: Collection) -> np.ndarray:
    """Every combination of the switches, counted in binary over the sorted names."""
    alphabetical = sorted(collection.columns)
    rows = np.arange(collection.count)
    cc = np.empty((collection.count, len(alphabetical)), dtype=np.int64)
    for column, parameter in enumerate(collection.parameters):
        bit = len(alphabetical) - 1 - alphabetical.index(parameter.name)
        cc[:, column] = parameter.unit_to_cc((rows >> bit) & 1)
    return cc


def _digits(value: float) -> str:
    """A number as Python 2 wrote it: 12 significant digits, always with a point."""
    text = f"{value:.12g}"
    return text if "." in text else text + ".0"


def _number(parameter: Parameter, setting: Any) -> Any:
    return np.clip(float(setting), *parameter.setting_limits) if isinstance(parameter, Knob) else setting


def _safe_file(name: Any, where: str) -> str:
    name = str(name)
    if Path(name).name != name or "\\" in name or name.startswith(".") or "\0" in name:
        raise InputError(f"{where}, column file: {name!r} must be a plain file name without folders.")
    return name


def _without_overflow(reader: csv.DictReader) -> Iterator[dict[str, Any]]:
    for row in reader:
        if None in row:
            raise InputError(f"line {reader.line_num}: more cells than the header has names.")
        yield row
