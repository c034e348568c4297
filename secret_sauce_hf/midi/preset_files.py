"""A preset in a file, whichever kind of file it is: what `match` writes is read back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection
from secret_sauce_hf.midi.files import read_midi_file
from secret_sauce_hf.midi.messages import read_preset
from secret_sauce_hf.midi.native import NATIVE_SUFFIXES, OF_SUFFIX, read_native_preset
from secret_sauce_hf.presets import restricted

MIDI_SUFFIXES = (".mid", ".midi")
JSON_SUFFIX = ".json"
PRESET_SUFFIXES = (*MIDI_SUFFIXES, JSON_SUFFIX, *NATIVE_SUFFIXES)
"""How files that hold one preset end."""
MAX_JSON_BYTES = 2**24
"""Larger records are refused; one of a match has some KB."""


def read_preset_file(
    collection: str | Collection, path: str | Path, *, channel: int | None = None
) -> dict[str, float | str]:
    """The preset in a file: name → setting of each parameter of a collection.

    A preset of another collection of the same instrument is read too, if it sets all that
    this one needs, and has what this one has fixed.

    Args:
        collection: the collection or its name.
        path: a MIDI file (.mid, .midi); the record of a match, or a mapping from names to
            settings (.json); or one of the instrument's own (.noisemakerpreset, .vital, .syx with one voice).
        channel: the only MIDI channel to listen to; any if None.

    Raises:
        InputError: there is no such file, it ends otherwise, cannot be read, or holds no preset
            of the collection.
    """
    collection, path = get_collection(collection), Path(path)
    suffix = path.suffix.lower()
    if suffix in MIDI_SUFFIXES:
        messages = read_midi_file(path)
        try:
            return read_preset(collection, messages, channel=channel)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    if suffix == JSON_SUFFIX:
        return _read_record(collection, path)
    if suffix in NATIVE_SUFFIXES:
        return read_native_preset(collection, path)
    raise InputError(f"{path} is not a preset's file by its name: those end in {', '.join(PRESET_SUFFIXES)}.")


def collection_of_file(path: str | Path) -> Collection | None:
    """The built-in collection whose preset a file holds, as far as the file tells: a match's record, or its ending.

    Args:
        path: as of `read_preset_file`.

    Returns:
        The collection; None where a file of any collection looks like that.

    Raises:
        InputError: a .json that cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == JSON_SUFFIX:
        name = _json(path).get("collection")
        return COLLECTIONS.get(name) if isinstance(name, str) else None
    return COLLECTIONS[OF_SUFFIX[suffix]] if suffix in OF_SUFFIX else None


def _read_record(collection: Collection, path: Path) -> dict[str, Any]:
    """The preset that a match's record holds, or a mapping from names to settings."""
    record = _json(path)
    if isinstance(record.get("preset"), Mapping):
        fixed = record.get("fixed")
        record = {**(fixed if isinstance(fixed, Mapping) else {}), **record["preset"]}
    # A match tells the settings of parameters that MIDI does not reach, too.
    known = {parameter.name for parameter in collection.instrument.parameters} | {name for name, _ in collection.fixed}
    if unknown := [name for name in record if name not in known]:
        raise InputError(f"{path}: {collection.instrument.name} has no parameter {unknown[0][:60]!r}.")
    try:
        return restricted(collection, record)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _json(path: Path) -> Mapping[str, Any]:
    """The mapping in a JSON file."""
    if not path.is_file():
        raise InputError(f"No such file: {path}.")
    if path.stat().st_size > MAX_JSON_BYTES:
        raise InputError(f"{path} is larger than {MAX_JSON_BYTES // 2**20} MB: not a preset.")
    try:
        record = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a JSON file: {str(error)[:120]}.") from error
    if not isinstance(record, Mapping):
        raise InputError(f"{path} holds no preset: a mapping from names to settings.")
    return record
