"""Tables of presets: drawing them, checking them, converting them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from secret_sauce_hf.instruments import Collection, InputError, Parameter, get_collection, integer, performing, priors
from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.instruments.notes import Note, Performances, constant_note
from secret_sauce_hf.instruments.rules import holds, may_hold
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.moved import old_names
from secret_sauce_hf.tables import FILE_COLUMN as FILE_COLUMN
from secret_sauce_hf.tables import NOTE_COLUMNS, CsvTable, check_known, guarded, note_cells

if not TYPE_CHECKING:
    __getattr__ = old_names(__name__)

MAX_ROWS = 10_000_000
"""More rows than this are no count but a mistake; they would not fit into memory either."""


class Presets:
    """Rows of one collection: presets, and what they play.

    Args:
        collection: the collection or its name.
        unit: shape (rows, parameters), in the collection's column order: 0..1 for a
            knob, the class index for a switch.
        files: the name of each row's sound file; `s0.wav`, `s1.wav`, … if None.
        performances: what each row plays; the one note that the collection's timing has if None.

    Raises:
        InputError: the shape does not fit, a unit is not legal or a file name is not
            one (see `from_settings`); there are other numbers of performances than of rows.
    """

    def __init__(
        self,
        collection: str | Collection,
        unit: np.ndarray,
        files: Sequence[str] | None = None,
        performances: Performances | None = None,
    ):
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
        if performances is not None and len(performances) != len(self.unit):
            raise InputError(f"{len(performances)} performances for {len(self.unit)} rows.")
        self._performances = performances
        legal = [p.legal_unit(self.unit[:, column]) for column, p in enumerate(self.parameters)]
        if at := _first(~np.stack(legal, axis=1)):
            row, column = at
            value, parameter = self.unit[row, column], self.parameters[column]
            raise InputError(
                f"row {row}, column {parameter.name}: no setting has the unit {value:g}; {parameter.allowed_unit()}."
            )
        for row, name in enumerate(self.files):
            if not _is_plain_file(name):
                raise InputError(
                    f"row {row}, column {FILE_COLUMN}: {name!r} must be a plain file name without folders."
                )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, one per column."""
        return self.collection.parameters

    @property
    def performances(self) -> Performances:
        """What each row plays."""
        if self._performances is None:
            self._performances = Performances.constant([constant_note(self.collection.timing)], len(self))
        return self._performances

    @property
    def play_constant(self) -> bool:
        """Whether every row plays the one note that the collection's timing has."""
        return self._performances is None or self._performances == Performances.constant(
            [constant_note(self.collection.timing)], len(self)
        )

    def playing(self, performances: Performances | Sequence[Note] | None) -> "Presets":
        """The same presets, which play something else.

        Args:
            performances: what each row plays; or notes, which every row plays; or None for the one note
                that the collection's timing has.

        Raises:
            InputError: there are other numbers of performances than of rows; no notes, or one that cannot be.
        """
        if performances is not None and not isinstance(performances, Performances):
            performances = Performances.constant(performances, len(self))
        return Presets(self.collection, self.unit, self.files, performances)

    def __len__(self) -> int:
        return len(self.unit)

    def __getitem__(self, rows: slice | np.ndarray | Sequence[int]) -> "Presets":
        """Some of the rows, by slice or by a list of row numbers."""
        indices = np.arange(len(self))[rows]
        if indices.ndim != 1:
            raise InputError("Select rows of presets by a slice or a list of row numbers.")
        performances = None if self._performances is None else self._performances.select(indices)
        return Presets(self.collection, self.unit[indices], [self.files[i] for i in indices], performances)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Presets)
            and self.collection == other.collection
            and self.files == other.files
            and np.array_equal(self.unit, other.unit)
            and self.performances == other.performances
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Presets of {self.collection.name}: {len(self)} rows, {len(self.parameters)} parameters>"

    @classmethod
    def from_cc(cls, collection: str | Collection, cc: np.ndarray, files: Sequence[str] | None = None) -> "Presets":
        """From CC integers of shape (rows, parameters).

        Raises:
            InputError: not integers of that shape, or a value that its parameter cannot
                have; the message names row, column, value and what is allowed.
        """
        collection = get_collection(collection)
        parameters = collection.parameters
        cc = np.asarray(cc)
        if cc.ndim != 2 or cc.shape[1] != len(parameters) or not np.issubdtype(cc.dtype, np.integer):
            raise InputError(
                f"CCs of {collection.name} need integers of shape (rows, {len(parameters)}), "
                f"got {cc.dtype} of shape {cc.shape}."
            )
        legal = np.stack([p.legal_cc(cc[:, column]) for column, p in enumerate(parameters)], axis=1)
        if at := _first(~legal):
            row, column = at
            parameter = parameters[column]
            raise InputError(f"row {row}, column {parameter.name}: CC {cc[row, column]} {parameter.allowed_cc()}.")
        unit = np.stack([p.cc_to_unit(cc[:, column]) for column, p in enumerate(parameters)], axis=1)
        return cls(collection, unit, files)

    @classmethod
    def of_search(cls, collection: Collection, cc: np.ndarray) -> "Presets":
        """From CC integers of shape (rows, parameters) that are known to be legal: nothing is checked.

        For searches, which make thousands of presets out of a few that were checked.
        """
        presets = cls.__new__(cls)
        presets.collection = collection
        columns = enumerate(collection.parameters)
        presets.unit = np.stack([p.cc_to_unit(cc[:, column]) for column, p in columns], axis=1)
        presets.files = [sound_file(row) for row in range(len(cc))]
        presets._performances = None
        return presets

    @classmethod
    def concatenated(cls, parts: Sequence["Presets"], files: Sequence[str] | None = None) -> "Presets":
        """The rows of several tables of one collection, one after the other.

        Args:
            parts: the tables, one at least.
            files: the name of each row's sound file; those that the rows have if None.
        """
        told = [part.performances for part in parts] if any(part._performances is not None for part in parts) else None
        return cls(
            parts[0].collection,
            np.concatenate([part.unit for part in parts]),
            [name for part in parts for name in part.files] if files is None else files,
            None if told is None else Performances.concatenated(told),
        )

    @classmethod
    def from_settings(cls, collection: str | Collection, rows: Iterable[Mapping[str, Any]]) -> "Presets":
        """From one mapping (name → setting) per row, with an optional `file`.

        A knob's setting is a number, or one in plain digits as a table holds it; a
        switch's is its label to the letter.

        Raises:
            InputError: a missing or unknown column, or a value that is not allowed;
                the message names row, column, value and what is allowed. Of several
                mistakes it is the first that is reported.
        """
        return cls.from_mappings(get_collection(collection), rows, lambda row: f"row {row}")

    @classmethod
    def from_csv(cls, collection: str | Collection, source: str | Path | TextIO) -> "Presets":
        """From a table in the 2018 format: a header line, labels in quotes, `file` last.

        What rows play may stand beside it: `note` (a MIDI number, or a name such as C2), `velocity`, `note_on` and
        `note_off` in seconds from the start of the take. What is not told, a column or a cell, is that of the
        collection's own note.

        What spreadsheets make of one is read too: semicolons, tabs or bars instead of commas
        (also announced by a line `sep=;`), decimal commas, a byte order mark, UTF-16, and
        empty cells and rows behind the table.

        Raises:
            InputError: see `from_settings`; or the file cannot be read as such a table.
        """
        return read_table(collection, source)[0]

    @classmethod
    def from_mappings(
        cls, collection: Collection, rows: Iterable[Mapping[str, Any]], where: Callable[[int], str]
    ) -> "Presets":
        """Presets from one mapping per row, for readers of files that name their rows themselves.

        Args:
            collection: the collection.
            rows: see `from_settings`.
            where: what a row is called in messages, by its number.

        Raises:
            InputError: see `from_settings`.
        """
        table: list[Mapping[str, Any]] = []
        files: dict[str, int] = {}
        fault: InputError | None = None
        try:
            for number, row in enumerate(rows):
                file = _check_row(collection, row, number, where)
                if file in files:
                    raise InputError(f"{where(number)}, column {FILE_COLUMN}: row {files[file]} has {file!r} already.")
                table.append(row)
                files[file] = number
        except InputError as error:
            # Raised below unless a cell of an earlier row is wrong too.
            fault = error
        # Column by column: cell by cell takes seconds for 10,000 rows.
        parameters = collection.parameters
        unit = np.empty((len(table), len(parameters)), dtype=np.float64)
        for column, parameter in enumerate(parameters):
            unit[:, column] = parameter.parse(row[parameter.name] for row in table)
        if at := _first(np.isnan(unit)):
            number, column = at
            parameter = parameters[column]
            cell = quoted(table[number][parameter.name])
            raise InputError(f"{where(number)}, column {parameter.name}: {cell} {parameter.allowed_setting()}.")
        if fault:
            raise fault
        return cls(collection, unit, list(files))

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
        fixed, own, columns = _completion(self.collection)
        units = np.repeat(fixed[None], len(self), axis=0)
        for column, (place, parameter) in enumerate(zip(own, columns, strict=True)):
            # By way of settings, whose rounding is part of every rendering; of a switch nothing is rounded.
            unit = self.unit[:, column]
            units[:, place] = parameter.setting_to_unit(parameter.unit_to_setting(unit)) if parameter else unit
        return units

    def heard(self) -> np.ndarray:
        """Whether each parameter is heard, by the declared rules: (rows, parameters), bool.

        The rules know the preset and what is played, not the sound: of a silent take nothing is heard, whatever
        they say.
        """
        settings = self.complete() | self.performances.asked(self.collection.seconds)
        heard = np.empty(self.unit.shape, dtype=bool)
        # Many parameters may share a rule, as those of an operator do.
        told = {rule: holds(rule, settings) for rule in {parameter.heard for parameter in self.parameters}}
        for column, parameter in enumerate(self.parameters):
            heard[:, column] = told[parameter.heard]
        return heard

    def to_csv(self, target: TextIO) -> None:
        """Write the table in the 2018 format, to the letter.

        A label or a name that a spreadsheet would take for a formula, which no collection of 2018 has, gets an
        apostrophe before it (see `tables.guarded`); readers of this package take it away.

        Where a row plays another note than the collection's timing has, the columns `note`, `velocity`,
        `note_on` and `note_off` tell what each one plays.

        Raises:
            InputError: a row plays several notes: `write_rows` writes these as JSON Lines.
        """
        columns = {
            p.name: [p.text(guarded(value) if p.classes else value) for value in values]
            for p, values in zip(self.parameters, self.settings.values(), strict=True)
        }
        if not self.play_constant:
            columns |= zip(NOTE_COLUMNS, note_cells(self.collection, self.performances), strict=True)
        if self.collection.has_file_column:
            columns[FILE_COLUMN] = [f'"{guarded(name)}"' for name in self.files]
        target.write(",".join(columns) + "\n")
        for row in zip(*columns.values(), strict=True):
            target.write(",".join(row) + "\n")


def restricted(collection: Collection, complete: Mapping[str, Any]) -> dict[str, Any]:
    """A collection's part of the settings of an instrument.

    Args:
        collection: the collection.
        complete: name → setting of each of its parameters; settings of the instrument's
            others may be there too, but not otherwise than the collection has them fixed.

    Raises:
        InputError: a setting is missing, not allowed or otherwise than it is fixed.
    """
    own = {name: complete[name] for name in collection.columns if name in complete}
    (row,) = Presets.from_settings(collection, [own]).rows()
    for parameter, setting in fixed_settings(collection):
        if parameter.name not in complete:
            continue
        told = parameter.parse([complete[parameter.name]])
        if np.isnan(told[0]) or parameter.unit_to_cc(told[0]) != parameter.setting_to_cc(np.asarray(setting)):
            raise InputError(
                f"{parameter.name} is {quoted(complete[parameter.name])}, and every preset of {collection.name} "
                f"has {setting!r} there: read it for a collection of which {parameter.name} is a parameter."
            )
    return row


def fixed_settings(collection: Collection) -> list[tuple[Parameter, float | str]]:
    """The instrument's parameters that do not vary in a collection, each with its setting."""
    settings = dict(collection.fixed)
    others = (parameter for parameter in collection.instrument.parameters if parameter.name not in collection.columns)
    return [(parameter, settings[parameter.name]) for parameter in others]


def never_heard(collection: Collection, known: Mapping[str, Any]) -> set[str]:
    """Parameters without a known setting that are not heard whatever they, and the others without one, are set to.

    Nor whatever is played, where the rows of the collection do not all play the same note.

    Args:
        collection: the collection.
        known: name → setting of its other parameters.
    """
    settings = dict(collection.fixed) | collection.played | dict(known)
    return {p.name for p in collection.parameters if p.name not in known and not may_hold(p.heard, settings)}


@cache
def _completion(collection: Collection) -> tuple[np.ndarray, list[int], list[Parameter | None]]:
    """How presets become rows of the whole instrument.

    Returns:
        Units of the fixed parameters, NaN for the others, shape (instrument's parameters,);
        the place of each of the collection's columns among them; and the knob in each column,
        None for a switch.
    """
    parameters = collection.instrument.parameters
    names = [parameter.name for parameter in parameters]
    fixed = np.full(len(parameters), np.nan)
    # By the instrument's parameters: what is fixed may also be a name that only rules of what is heard know.
    settings = dict(collection.fixed)
    for place, parameter in enumerate(parameters):
        if parameter.name not in collection.columns:
            fixed[place] = parameter.setting_to_unit(np.asarray(settings[parameter.name]))
    knobs = [None if p.classes else p for p in collection.parameters]
    return fixed, [names.index(name) for name in collection.columns], knobs


def read_table(
    collection: str | Collection, source: str | Path | TextIO, further: Sequence[str] = ()
) -> tuple[Presets, dict[str, list[str]]]:
    """Read a table in the 2018 format that may have further columns.

    Args:
        collection: the collection or its name.
        source: the table: its path, or an open file.
        further: names of columns that it may have besides the parameters and `file`.

    Returns:
        The presets, and the cells of those further columns that there are.

    Raises:
        InputError: see `Presets.from_csv`.
    """
    collection = get_collection(collection)
    table = CsvTable(collection, source, further)
    presets = Presets.from_mappings(collection, table, table.where)
    played = table.performances
    return presets if played is None else presets.playing(played), table.further


def draw_presets(
    collection: str | Collection, count: int, seed: int, start: int = 0, *, prior: str = priors.UNIFORM
) -> Presets:
    """Fresh random rows: presets, and what they play where the collection's rows do not all play the same.

    Counter-based (Philox): row i is the same whatever `start` and `count` are.

    Args:
        collection: the collection or its name.
        count: number of rows.
        seed: any non-negative integer.
        start: number of the first row.
        prior: "uniform" over the legal CC values of every parameter, or "musical" (see `instruments.priors`).

    Raises:
        InputError: one of them is no whole number, negative or absurdly large; no such prior.
    """
    collection = get_collection(collection)
    count, seed, start = integer("count", count, 0, MAX_ROWS), integer("seed", seed), integer("start", start)
    prior = priors.check_prior(prior, collection)
    cc = priors.drawn(collection, prior, row_random(seed, start, count, len(collection.columns)))
    presets = Presets.from_cc(collection, cc, [sound_file(row) for row in range(start, start + count)])
    if (playing := collection.plays) is None:
        return presets
    raw = row_random(seed, start, count, performing.WIDTHS[playing.kind], performing.STREAMS[playing.kind])
    return presets.playing(performing.performances(playing, collection.samples, raw))


def row_random(seed: int, start: int, count: int, width: int, stream: int = 0, same: bool = False) -> np.ndarray:
    """Random 64-bit integers that depend on seed, stream and row number only.

    Args:
        seed: any non-negative integer.
        start: number of the first row.
        count: number of rows.
        width: numbers per row.
        stream: tells apart what is drawn for different purposes from one seed.
        same: whether every row gets the numbers of row `start`.

    Returns:
        uint64 of shape (count, width).

    Raises:
        InputError: the seed or the start is no whole number, or negative.
    """
    seed, start = integer("seed", seed), integer("start", start)
    if same:
        return np.repeat(row_random(seed, start, 1, width, stream), count, axis=0)
    # One step of Philox's counter yields four integers.
    steps = -(-width // 4)
    key = np.random.SeedSequence([seed, stream]).generate_state(2, np.uint64)
    generator = np.random.Philox(key=key)
    generator.advance(start * steps)
    return generator.random_raw(count * steps * 4).reshape(count, steps * 4)[:, :width]


def _first(mask: np.ndarray) -> tuple[int, int] | None:
    """Row and column of the first true cell, row by row."""
    return divmod(int(mask.argmax()), mask.shape[1]) if mask.any() else None


def _is_plain_file(name: Any) -> bool:
    """Whether `name` names a file, not a path, on any system and fits a cell of a table."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode(errors="replace")) <= 255
        and name.isprintable()
        and not name.startswith(".")
        and not set(name) & set('/\\:"')
    )


def _check_row(collection: Collection, row: Mapping[str, Any], number: int, where: Callable[[int], str]) -> str:
    """The row's file name.

    Raises:
        InputError: not a mapping, a parameter is missing or unknown, or the file name is not one.
    """
    if not isinstance(row, Mapping):
        raise InputError(f"{where(number)}: not a mapping from names to settings but {quoted(row)}.")
    if missing := [name for name in collection.columns if row.get(name) is None]:
        raise InputError(f"{where(number)}: no value for {', '.join(missing)}.")
    if len(row) > len(collection.columns):
        check_known(collection, row, where(number))
    file = row.get(FILE_COLUMN)
    if file is None or file == "":
        return sound_file(number)
    if not _is_plain_file(file):
        raise InputError(
            f"{where(number)}, column {FILE_COLUMN}: {quoted(file)} must be a plain file name without folders."
        )
    return str(file)
