"""Files of rows, which may play anything: tables of one note a row, JSON Lines, and files of one preset.

The rows of one file may have takes of several lengths. Rows that follow each other and have takes of one length are one
`Presets`; a file is a list of them, in the order of its rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TextIO

from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.instruments.lengths import LONGEST, with_seconds
from secret_sauce_hf.instruments.notes import Note, Performances, check_notes, constant_note
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.presets import Presets, restricted
from secret_sauce_hf.tables import (
    FILE_COLUMN,
    NOTE_COLUMNS,
    JsonRow,
    check_known,
    json_line,
    json_row,
    json_rows,
    read_text,
)

JSON_LINES = (".jsonl", ".ndjson")
"""How files of JSON Lines end."""


def read_rows(
    collection: str | Path | Collection, source: str | Path | TextIO, *, seconds: float | None = None
) -> list[Presets]:
    """Read JSON Lines: one row a line, with what it plays.

        {"file": "s0.wav", "preset": {"cutoff": 5.0, "wave": "Saw"}, "seconds": 2.0,
         "notes": [{"onset": 0.1, "duration": 0.5, "pitch": 36, "velocity": 90}]}

    (on one line). `preset` has a setting for every parameter of the collection: a knob's number, a switch's label.
    What else may be left out: `file` is then s0.wav, s1.wav, … by the row's number; `notes` the collection's own note;
    `seconds` the length of the collection's takes.

    Args:
        collection: the collection, its name, or the path of its declaration.
        source: the file: its path, or an open one.
        seconds: length of every take, whatever the rows say.

    Returns:
        The rows in order, those beside each other whose takes have one length together. Nothing of an empty file.

    Raises:
        InputError: the file cannot be read, or a line is no row; the message names the first mistake: its row, its
            line, and the remedy.
    """
    collection = get_collection(collection)
    usual = collection if seconds is None else with_seconds(collection, seconds)
    lengths: dict[float, Collection] = {}
    found: list[tuple[JsonRow, str, Collection]] = []
    taken: dict[str, str] = {}
    fault: InputError | None = None
    try:
        for number, row in enumerate(json_rows(read_text(source))):
            if seconds is None and row.seconds is not None:
                played = lengths.get(row.seconds) or _length(row, collection)
                lengths[row.seconds] = played
            else:
                played = usual
            _check(row, played)
            file = sound_file(number) if row.file is None else row.file
            if file in taken:
                raise InputError(f"{row.where}, file: {quoted(file)} is that of {taken[file]} already.")
            taken[file] = row.where
            found.append((row, file, played))
    except InputError as error:
        # Raised below unless a setting of an earlier row is wrong too.
        fault = error
    parts = [_part(list(run)) for _, run in groupby(found, key=lambda one: one[2].timing)]
    if fault:
        raise fault
    return parts


def read_file(
    collection: str | Path | Collection, path: str | Path, *, seconds: float | None = None, replaced: bool = False
) -> list[Presets]:
    """Read the rows of a file of any kind, by how its name ends.

    Args:
        collection: the collection, its name, or the path of its declaration.
        path: JSON Lines (.jsonl, .ndjson); one preset (.mid, .midi, .json), see `midi.read_preset_file`; presets of
            the instrument's own (.noisemakerpreset, .syx, .vital), see `midi.read_native_presets`; else a table in
            the 2018 format, see `Presets.from_csv`.
        seconds: length of every take; the collection's, or what JSON Lines say, if None.
        replaced: whether the rows will play something else, so that their own notes may lie anywhere.

    Returns:
        The rows in order, those beside each other whose takes have one length together; one part at least.

    Raises:
        InputError: the file cannot be read, or holds a row that is none of the collection's.
    """
    from secret_sauce_hf.midi import NATIVE_SUFFIXES, PRESET_SUFFIXES, read_native_presets, read_preset_file

    collection, path = get_collection(collection), Path(path)
    wanted = collection if seconds is None else with_seconds(collection, seconds)
    suffix = path.suffix.lower()
    if suffix in NATIVE_SUFFIXES:
        return [read_native_presets(wanted, path)]
    if suffix in PRESET_SUFFIXES:
        return [Presets.from_settings(wanted, [read_preset_file(collection, path)])]
    if suffix in JSON_LINES:
        parts = read_rows(collection, path, seconds=None if replaced else seconds)
        if not replaced or seconds is None:
            return parts or [Presets.from_settings(wanted, [])]
    else:
        # Notes that are replaced may lie anywhere.
        parts = [Presets.from_csv(with_seconds(collection, LONGEST) if replaced else wanted, path)]
        if not replaced:
            return parts
    told = [Presets(wanted, p.unit, p.files, None if p.play_constant else p.performances) for p in parts]
    return [Presets.concatenated(told)] if told else [Presets.from_settings(wanted, [])]


def one_row(
    collection: Collection,
    record: object,
    where: str = "the row",
    *,
    notes: Sequence[Note] | None = None,
    seconds: float | None = None,
) -> Presets:
    """One row in the form of JSON, as a line of `read_rows` has it, or its preset alone.

    Args:
        collection: the collection.
        record: a mapping with `preset` and what may stand beside it; or one from names to settings.
        where: what the row is called in messages.
        notes: what it plays, where it does not say so.
        seconds: the length of its take, where it does not say so.

    Returns:
        A table of this row.

    Raises:
        InputError: it is no such row; the message names the mistake and the remedy.
    """
    told = isinstance(record, Mapping) and isinstance(record.get("preset"), Mapping)
    row = json_row(record if told or not isinstance(record, Mapping) else {"preset": record}, where)
    known = {parameter.name for parameter in collection.instrument.parameters} | {name for name, _ in collection.fixed}
    if unknown := [name for name in row.preset if name not in known]:
        raise InputError(f"{where}: {collection.instrument.name} has no parameter {quoted(unknown[0])}.")
    row = replace(
        row,
        preset=restricted(collection, row.preset),
        notes=row.notes if row.notes is not None or notes is None else tuple(notes),
        seconds=row.seconds if row.seconds is not None else seconds,
    )
    played = collection if row.seconds is None else _length(row, collection)
    _check(row, played)
    return _part([(row, row.file or sound_file(0), played)])


def write_rows(parts: Iterable[Presets], target: TextIO) -> None:
    """Write rows as JSON Lines, which `read_rows` reads: each with its file's name, its preset, its notes and seconds.

    Args:
        parts: the rows, in order.
        target: where the text goes.
    """
    for part in parts:
        performances, seconds = part.performances, round(part.collection.seconds, 9)
        for number, preset in enumerate(part.rows()):
            target.write(json_line(part.files[number], preset, performances[number], seconds))


def holds_in_table(parts: Sequence[Presets], collection: Collection) -> bool:
    """Whether a table in the 2018 format can hold rows: one note a row, takes of the collection's own length."""
    if any(part.collection.timing != collection.timing for part in parts):
        return False
    if all(part.play_constant for part in parts):
        return True
    alone = all(bool((part.performances.counts == 1).all()) for part in parts)
    return alone and not set(NOTE_COLUMNS) & set(collection.columns)


def _length(row: JsonRow, collection: Collection) -> Collection:
    try:
        return with_seconds(collection, row.seconds or 0.0)
    except InputError as error:
        raise InputError(f"{row.where}, seconds: {error}") from error


def _check(row: JsonRow, collection: Collection) -> None:
    """Refuse numbers that are texts, and notes that are none: what `Presets` would take, or could not name."""
    check_known(collection, row.preset, row.where)
    for parameter in collection.parameters:
        setting = row.preset.get(parameter.name)
        if isinstance(setting, str) and not parameter.classes:
            raise InputError(
                f"{row.where}, column {parameter.name}: {quoted(setting)} is text; write a number, without quotes."
            )
    if FILE_COLUMN in row.preset:
        raise InputError(f"{row.where}: preset has {FILE_COLUMN!r}, which belongs beside it.")
    if row.notes is not None:
        check_notes(row.notes, row.where, seconds=collection.seconds)


def _part(run: list[tuple[JsonRow, str, Collection]]) -> Presets:
    """Rows whose takes have one length."""
    collection = run[0][2]
    settings = [{**row.preset, FILE_COLUMN: file} for row, file, _ in run]
    presets = Presets.from_mappings(collection, settings, lambda number: run[number][0].where)
    if all(row.notes is None for row, *_ in run):
        return presets
    usual = (constant_note(collection.timing),)
    return presets.playing(Performances.from_notes(row.notes or usual for row, *_ in run))
