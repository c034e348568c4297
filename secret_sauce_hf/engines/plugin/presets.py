"""Presets as files of the plug-in's own: `.fxp` and `.fxb` of VST2, `.vstpreset` of VST3, read and written.

A file is checked here and loaded in the plug-in's own process, which has a time limit. What its parameters are at then
is a row. A state may hold more than that, samples or a table of modulations: so the sound of the loaded preset is
compared with that of the row, and whoever asks is warned where they differ.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.engines.plugin.engine import PluginEngine
from secret_sauce_hf.engines.plugin.failures import WorkerFault
from secret_sauce_hf.engines.plugin.preset_bytes import (
    FORMATS,
    MAX_PRESET_BYTES,
    owner,
    parameters_in,
    preset_of_bank,
    preset_of_values,
    programs,
)
from secret_sauce_hf.engines.plugin.repeating import SAME, agreement
from secret_sauce_hf.instruments import Collection, InputError, Instrument, get_collection
from secret_sauce_hf.instruments.instrument import Hosted
from secret_sauce_hf.instruments.notes import constant_note
from secret_sauce_hf.presets import Presets, restricted
from secret_sauce_hf.progress import logger_of

_LOG = logger_of(__name__)
MOST_FILES = 10_000
"""A folder with more presets is refused."""
_WRITTEN = {"VST2": ".fxp", "VST3": ".vstpreset"}


def preset_suffix(collection: Collection) -> str | None:
    """How preset files of a collection's plug-in end; None of what is no plug-in whose presets are known."""
    plugin = collection.instrument.plugin
    return None if plugin is None else _WRITTEN.get(plugin.format)


def preset_files(collection: Collection, path: Path) -> list[Path]:
    """The files that a plug-in's presets are read from: a file, or those of a folder in the order of their names.

    Raises:
        InputError: there is none, or more than `MOST_FILES`.
    """
    if not path.is_dir():
        return [path]
    plugin = collection.instrument.plugin
    endings = [suffix for suffix, form in FORMATS.items() if plugin is not None and form == plugin.format]
    known = (file for file in path.iterdir() if file.suffix.lower() in endings and not file.name.startswith("."))
    files = sorted(file for file in known if file.is_file())
    if not files:
        raise InputError(f"{path} holds no presets of the plug-in: those end in {' or '.join(endings) or 'nothing'}.")
    if len(files) > MOST_FILES:
        raise InputError(f"{path} holds {len(files):,} presets; give a folder of at most {MOST_FILES:,}.")
    return files


def read_plugin_presets(
    collection: str | Path | Collection,
    path: str | Path,
    *,
    engine: PluginEngine | None = None,
    compare: bool = True,
) -> Presets:
    """Presets of a plug-in, from a file or a folder of them, as rows that play the collection's note.

    Args:
        collection: of an instrument that is a plug-in, or the path of its declaration.
        path: a `.fxp`, `.fxb` or `.vstpreset`, or a folder of such.
        engine: hosts the plug-in; the one for its format if None.
        compare: whether each preset is heard as it is loaded, and as the row that was read; a warning names those that
            differ.

    Returns:
        The rows, one at least, with the presets' names in `files`.

    Raises:
        InputError: there is no such file, it is none of the plug-in's, breaks off or is larger than
            `MAX_PRESET_BYTES`; the plug-in refuses it, or does not survive it; it sets what no preset of the
            collection can have; a parameter is set by a controller, which no preset tells.
    """
    collection, path = get_collection(collection), Path(path)
    for parameter, place in zip(
        collection.instrument.parameters, _hosted(collection.instrument).parameters, strict=True
    ):
        if place.index is None:
            raise InputError(
                f"{path}: {parameter.name} of {collection.name} is set by controller {parameter.control[0]}, and no "
                "preset file tells controllers; give presets as MIDI or JSON."
            )
    engine = engine or _engine(collection)
    try:
        known = owner(engine.saved_preset()[0])
    except (WorkerFault, InputError) as error:
        raise InputError(f"{engine.file.path}, to know its presets: it {error}.") from error
    settings: list[dict[str, Any]] = []
    names: list[str] = []
    different: list[str] = []
    for where, name, content in _contents(preset_files(collection, path)):
        try:
            row, agrees = _read(collection, engine, known, content, compare)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        settings.append(row)
        names.append(_free_file(name, names))
        if agrees < SAME:
            different.append(f"{where} ({agrees:.2f})")
    if different:
        shown = ", ".join(different[:5]) + (", …" if len(different) > 5 else "")
        _LOG.warning(
            "%d of %d presets sound otherwise than their %d parameters do (agreement 1 is the same): %s. Their states "
            "hold more than the parameters of %s.",
            len(different),
            len(settings),
            len(collection.columns),
            shown,
            collection.name,
        )
    presets = Presets.from_settings(collection, settings)
    return Presets(collection, presets.unit, names)


def write_plugin_preset(
    collection: str | Path | Collection,
    settings: Mapping[str, Any],
    name: str = "secret sauce",
    *,
    engine: PluginEngine | None = None,
) -> bytes:
    """A preset as a file that hosts load into the plug-in, which writes it itself.

    It is loaded again and heard: where it does not sound as the settings do, a warning says so.

    Args:
        collection: of an instrument that is a plug-in, or the path of its declaration.
        settings: name → setting of each of its parameters.
        name: what hosts show.
        engine: hosts the plug-in; the one for its format if None.

    Returns:
        The content of a `.fxp` (VST2) or `.vstpreset` (VST3).

    Raises:
        InputError: see `Presets.from_settings`; presets of such plug-ins are not known; the plug-in writes none.
    """
    collection = get_collection(collection)
    engine = engine or _engine(collection)
    values = engine.plugin_values(Presets.from_settings(collection, [settings]))[0]
    notes = (constant_note(collection.timing),)
    try:
        state, told = engine.saved_preset(values)
        wanted = engine.played(values, notes, collection.seconds)
        # A plug-in may write banks that it does not take for presets: then all its parameters are written.
        makers = [lambda: preset_of_bank(state, name, len(told)), lambda: preset_of_values(state, name, told)]
        if state.startswith(b"VST3"):
            makers = [lambda: state]
        contents = [make() for make in makers]
    except (WorkerFault, InputError) as error:
        raise InputError(f"{engine.file.path}, to write a preset: it {error}.") from error
    found = []
    for content in contents:
        try:
            _, sound = engine.loaded_preset(content, notes, collection.seconds)
            found.append(agreement(sound, wanted))
        except WorkerFault:
            found.append(-1.0)
        if found[-1] >= SAME:
            return content
    if engine.report is None or engine.report.repeats:
        _LOG.warning(
            "The preset of %s sounds otherwise, once it is loaded, than its settings do (agreement %.2f of 1): the "
            "plug-in does not keep all of them in its state. The preset's MIDI or JSON has them.",
            collection.name,
            max(found),
        )
    return contents[int(np.argmax(found))]


def _read(
    collection: Collection, engine: PluginEngine, known: str, content: bytes, compare: bool
) -> tuple[dict[str, Any], float]:
    """The settings of one preset, and how far its sound agrees with theirs."""
    plugin = _hosted(collection.instrument)
    if owner(content) != known:
        raise InputError(f"is a preset of another plug-in ({_readable(owner(content))}), not of {plugin.name}.")
    count = parameters_in(content)
    if count is not None and count != engine.listed:
        raise InputError(
            f"has {count:,} parameters, and {plugin.name} lists {engine.listed:,}: it is of another version of it."
        )
    notes = (constant_note(collection.timing),)
    try:
        values, sound = engine.loaded_preset(content, notes, collection.seconds)
    except WorkerFault as error:
        raise InputError(f"{plugin.name} {error}.") from error
    row = restricted(collection, _settings(engine, plugin, values))
    if not compare or (engine.report is not None and not engine.report.repeats):
        return row, 1.0
    told = engine.plugin_values(Presets.from_settings(collection, [row]))[0]
    try:
        return row, agreement(engine.played(told, notes, collection.seconds), sound)
    except WorkerFault as error:
        raise InputError(f"{plugin.name}, with the settings that it has read: it {error}.") from error


def _settings(engine: PluginEngine, plugin: Hosted, values: np.ndarray) -> dict[str, Any]:
    """Name → setting of all parameters of the instrument, from the values of the plug-in's list."""
    settings = {}
    for parameter, place in zip(engine.parameters, plugin.parameters, strict=True):
        value = float(values[place.index or 0])
        table = place.values or (tuple(np.linspace(0, 1, parameter.classes).tolist()) if parameter.classes else ())
        if table:
            nearest = np.asarray(int(np.abs(np.asarray(table) - value).argmin()))
            unit = nearest if parameter.classes else parameter.cc_to_unit(nearest)
        else:
            unit = np.asarray(value)
        settings[parameter.name] = parameter.unit_to_setting(unit).item()
    return settings


def _contents(files: list[Path]) -> Iterator[tuple[str, str, bytes]]:
    """Every preset in some files: where it is, what it is called, and its bytes."""
    for file in files:
        if not file.is_file():
            raise InputError(f"No such file: {file}.")
        if file.stat().st_size > MAX_PRESET_BYTES:
            raise InputError(f"{file} is larger than {MAX_PRESET_BYTES // 2**20} MB: not a preset.")
        try:
            found = programs(file.read_bytes())
        except InputError as error:
            raise InputError(f"{file} {error}.") from error
        for number, (name, content) in enumerate(found, 1):
            if len(found) == 1:
                yield str(file), file.stem, content
            else:
                yield f"{file}, preset {number}", f"{file.stem} {number:03d} {name}".strip(), content


def _free_file(name: str, taken: list[str]) -> str:
    """What the sound of a preset is called: as the preset, as far as files can be."""
    plain = re.sub(r"[^\w .+&-]", "_", name)[:100].strip(" .") or "preset"
    file, count = f"{plain}.wav", 1
    while file in taken:
        count += 1
        file = f"{plain} {count}.wav"
    return file


def _readable(identifier: str) -> str:
    """An identifier as people know it: that of VST2 is four letters."""
    text = bytes.fromhex(identifier).decode("latin-1")
    return text if len(identifier) == 8 and text.isprintable() else identifier


def _hosted(instrument: Instrument) -> Hosted:
    if instrument.plugin is None:
        raise InputError(f"{instrument.name} is no plug-in: preset files of plug-ins are not for it.")
    return instrument.plugin


def _engine(collection: Collection) -> PluginEngine:
    """The engine by which presets of a plug-in are read and written."""
    plugin = _hosted(collection.instrument)
    if plugin.format not in _WRITTEN:
        raise InputError(f"Preset files of {plugin.format} plug-ins are not known; only those of VST2 and VST3.")
    return _loading(collection.instrument, plugin)


@lru_cache(maxsize=4)
def _loading(instrument: Instrument, plugin: Hosted) -> PluginEngine:
    """An engine whose host loads presets: of VST3 DawDreamer does not ask what parameters are at afterwards."""
    return PluginEngine(instrument, host="pedalboard" if plugin.format == "VST3" else None)
