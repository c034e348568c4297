"""Collections that a person declares in a file: an instrument of one's own, its parameters and its takes.

The file is JSON:

    {
      "name": "my-bass",
      "title": "My bass box: 2 knobs and a switch",
      "instrument": {"name": "bass-box", "title": "Bass Box 9"},
      "take": {"seconds": 0.9, "note_on": 0.0667, "note_off": 0.9},
      "parameters": [
        {"kind": "knob", "name": "cutoff", "control": 74, "range": [10, 120], "about": "Cutoff"},
        {"kind": "knob", "name": "detune", "control": [12, 44]},
        {"kind": "switch", "name": "wave", "control": 70, "positions": {"Saw": 0, "Pulse": 64},
         "heard": ["above", "cutoff", 2.0]}
      ]
    }

Only `name` and `parameters` must be there. Of the parameters, in the order of the
dataset's columns:

control    a MIDI controller, two for a 14-bit knob (MSB, LSB), or left out where MIDI does
           not reach it; such a switch has a list of labels for `positions`
range      of a knob: the lowest and the highest controller value, everything if left out
positions  of a switch: each label's controller value
display    of a switch: how labels are shown where that differs
heard      when the parameter changes the sound at all: true (the default), false, or a rule
           on the others: ["is", switch, label, ...], ["above", knob, setting],
           ["below", knob, setting], ["all", rule, ...], ["any", rule, ...]
about      one line for cards

A rule may ask of what is played, too, where it names a knob:

note.lowest, note.highest    pitch, as MIDI number
note.away                    how far the pitch that is furthest from note 60 is from it, in semitones
note.softest, note.hardest   velocity, 1 to 127
note.held                    how long the longest note is held, in seconds of the take
note.gate                    the same of notes that overlap, which are one to a monophonic synthesiser
note.gates                   how many such there are, of one note or of several that overlap
note.rest                    how long no note is held at most, once one was, in seconds of the take
note.since                   from the first note's start to the end of the take, in seconds

So a release is heard where `["above", "note.rest", 0.05]`. Instead of a number a limit may be
a line of points, ["along", name, [value, limit], ...]: a decay is heard where its attack ends,
`["below", "attack", ["along", "note.held", [0.1, 3], [2, 7]]]`.

`fixed` maps parameters that do not vary to their settings; `columns` names those that do,
where their order is to be another. `take` has times in seconds from its start: `note_on`,
`note_off` and its length, `seconds`. What else it has is for recording sessions (see
`Timing`): `lead`, how long before the take its slot begins, `slot`, `patch`, `reset_first`.

Rows that do not all play the same note say how what they play is drawn, `"plays": {"kind": "notes", "lowest": 36,
"highest": 84}`, see `playing`.

An instrument that is a plug-in says which, `"plugin": {"file": ..., "format": "VST2", "name": ..., "digest": ...}`,
and of each parameter where the plug-in has it, see `hosting`. The engine for plug-ins loads that file: it is
believed because a person gave the declaration. What is published of a declaration names no file.

A declaration is data: nothing in it is ever run.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments.checking import check_collection, is_number, nearest, quoted, repeated
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.hosting import PARAMETER_KEYS, PLUGIN_KEYS, hosted, hosted_record, hosted_records
from secret_sauce_hf.instruments.instrument import Collection, Instrument, Timing, same_controls
from secret_sauce_hf.instruments.parameters import (
    ALWAYS,
    NEVER,
    Knob,
    Parameter,
    Rule,
    Switch,
)
from secret_sauce_hf.instruments.playing import PLAYING_KEYS, playing, playing_record

SUFFIX = ".json"
_PROGRAM = ".py"
MAX_BYTES = 2**20
"""Larger declarations are refused; that of the Sub Phatty has 8 KB."""

# As in 2018: a slot of a second, from whose 100th millisecond on is recorded.
_TAKE = {"seconds": 0.9, "lead": 0.1, "note_on": round(1 / 6 - 0.1, 9)}
_DIGITS = 9
_DEEPEST = 64

_COMMON_KEYS = ("kind", "name", "control", "heard", "about")
_KEYS = {"knob": (*_COMMON_KEYS, "range", "top"), "switch": (*_COMMON_KEYS, "positions", "display")}


def is_declaration(collection: object) -> bool:
    """Whether this is the path of a declaration, as far as its form tells."""
    # A program's path is one too, so that whoever gives one learns what became of those.
    return isinstance(collection, Path) or (isinstance(collection, str) and collection.endswith((SUFFIX, _PROGRAM)))


def read_declaration(path: str | Path) -> Collection:
    """The collection that a file declares.

    It has no rows of 2018: fresh rows need a seed. A file that declares one of the
    built-in collections as it is gives that one, rows and all.

    Args:
        path: a JSON file, see the module.

    Raises:
        InputError: the file cannot be read, or does not declare a collection that can be
            used; the message names file, parameter, mistake and remedy.
    """
    path = Path(path)
    if path.suffix == _PROGRAM:
        raise InputError(
            f"{path} is a program, and declarations are not run: import it yourself, and let "
            "secret_sauce_hf.instruments.write_declaration write its collection as JSON."
        )
    if path.suffix != SUFFIX:
        raise InputError(f"{path} is no declaration of a collection: its name must end in {SUFFIX}.")
    try:
        collection = _collection(_parse(_read(path)), path.parent)
        check_collection(collection)
        return _known_or_new(collection)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def declaration(collection: Collection, *, with_file: bool = True) -> dict[str, Any]:
    """A collection as the JSON-ready content of a declaration.

    `read_declaration` turns it back into the collection, less what belongs to the rows of
    2018 (their number, their split and the names of their files).

    Args:
        collection: the collection.
        with_file: whether the file of an instrument that is a plug-in is named.
    """
    timing = collection.timing
    lead, end = timing.cut
    take: dict[str, Any] = {"seconds": end - lead, "note_on": timing.note_on - lead, "note_off": timing.note_off - lead}
    take |= {"lead": lead, "slot": timing.slot, "patch": timing.patch}
    take = {key: round(seconds, _DIGITS) for key, seconds in take.items()}
    if timing.reset_first:
        take["reset_first"] = True
    fixed = dict(collection.fixed)
    parameters = collection.instrument.parameters
    record: dict[str, Any] = {
        "name": collection.name,
        "title": collection.title,
        "instrument": {"name": collection.instrument.name, "title": collection.instrument.title},
        "take": take,
        "parameters": [_record(parameter) for parameter in parameters],
    }
    if plugin := collection.instrument.plugin:
        record["plugin"] = hosted_record(plugin, with_file)
        record["parameters"] = [a | b for a, b in zip(record["parameters"], hosted_records(plugin), strict=True)]
    if collection.columns != tuple(p.name for p in parameters if p.name not in fixed):
        record["columns"] = list(collection.columns)
    if collection.plays is not None:
        record["plays"] = playing_record(collection.plays)
    return record | ({"fixed": fixed} if fixed else {})


def write_declaration(collection: Collection, path: str | Path) -> None:
    """Write a collection's declaration as JSON, whole or not at all; that of a plug-in names its file.

    Raises:
        InputError: the path does not end in .json, or its folder does not exist.
    """
    path = Path(path)
    if path.suffix != SUFFIX or path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: give a name that ends in .json, in a folder that exists.")
    write_whole(path, declaration_text(collection, with_file=True).encode())


def declaration_text(collection: Collection, *, with_file: bool = False) -> str:
    """A collection's declaration as JSON, a parameter a line.

    Args:
        collection: the collection.
        with_file: whether the file of an instrument that is a plug-in is named: a path of this machine,
            which nobody else needs to know.
    """
    entries = []
    for key, value in declaration(collection, with_file=with_file).items():
        if key == "parameters":
            text = "[\n    " + ",\n    ".join(_json(parameter) for parameter in value) + "\n  ]"
        else:
            text = _json(value)
        entries.append(f"  {_json(key)}: {text}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InputError("there is no such file; give the path of a declaration.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"the file is larger than {MAX_BYTES // 2**20} MB: no declaration of a collection.")
    return path.read_bytes()


def _known_or_new(collection: Collection) -> Collection:
    """The built-in collection that this is, or the collection as one without rows of 2018."""
    from secret_sauce_hf.instruments import COLLECTIONS, INSTRUMENTS

    instrument = INSTRUMENTS.get(collection.instrument.name)
    # When they are heard, and what is said about them, may have been told more finely since the file was written.
    if instrument is not None and same_controls(instrument.parameters, collection.instrument.parameters):
        machine = replace(collection.instrument, parameters=instrument.parameters)
        collection = replace(collection, instrument=machine)
    record = declaration(collection)
    known = COLLECTIONS.get(collection.name)
    if known is not None:
        # Files that were written before it stood there do not say what rows play.
        told = record | {"plays": declaration(known).get("plays")} if collection.plays is None else record
        if declaration(known) != {key: value for key, value in told.items() if value is not None}:
            raise InputError(
                f"the name {collection.name!r} is that of a built-in collection, which is not the same; choose another."
            )
        return known
    # An engine goes by the instrument's name, and by its parameters.
    if instrument is not None and instrument.parameters != collection.instrument.parameters:
        raise InputError(
            f"the instrument's name {instrument.name!r} is that of a built-in one, which has other parameters; choose "
            "another."
        )
    return replace(collection, count=0, train_count=0, enumerated=False, has_file_column=True)


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InputError(f"not a text in UTF-8 ({error}); save it as such.") from error
    except json.JSONDecodeError as error:
        raise InputError(f"line {error.lineno}, column {error.colno}: not JSON ({error.msg}).") from error
    except RecursionError as error:
        raise InputError("not a declaration: nested too deep.") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not JSON that can be read ({error}).") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = repeated(name for name, _ in pairs)
        raise InputError(f"{quoted(twice[0])} is there twice in one pair of braces; leave one out.")
    return record


def _no_constant(name: str) -> None:
    raise InputError(f"{name} is no number; give one in digits.")


def _collection(data: Any, folder: Path = Path()) -> Collection:
    """The collection of a parsed declaration; its values are checked elsewhere.

    Args:
        data: what was parsed.
        folder: of the declaration, from which a plug-in's file is named.
    """
    optional = ("title", "instrument", "plugin", "take", "plays", "columns", "fixed")
    data = _fields("the declaration", data, ("name", "parameters"), optional)
    name, told = data["name"], data.get("plugin")
    if not isinstance(data["parameters"], list):
        raise InputError("`parameters` must be a list of knobs and switches.")
    keys = () if told is None else PARAMETER_KEYS
    parameters = tuple(_parameter(record, number, keys) for number, record in enumerate(data["parameters"], 1))
    plugin = None
    if told is not None:
        plugin = hosted(_fields("plugin", told, (), PLUGIN_KEYS), data["parameters"], parameters, folder)
    machine = _fields("instrument", data.get("instrument", {}), (), ("name", "title"))
    title = machine.get("title", data.get("title", machine.get("name", name)))
    instrument = Instrument(machine.get("name", name), title, parameters, plugin)
    fixed = data.get("fixed", {})
    if not isinstance(fixed, dict):
        raise InputError('`fixed` must map names to settings, such as {"wave": "Saw"}.')
    columns = data.get("columns")
    if columns is None:
        columns = [parameter.name for parameter in parameters if parameter.name not in fixed]
    elif not isinstance(columns, list):
        raise InputError("`columns` must be a list of names of parameters.")
    collection = Collection(
        name=name,
        stem=str(name).replace("-", "_"),
        instrument=instrument,
        columns=tuple(columns),
        count=0,
        train_count=0,
        timing=_timing(data.get("take", {})),
        title=data.get("title", f"{instrument.title}: {_parts(parameters)}"),
        fixed=tuple(fixed.items()),
    )
    plays = data.get("plays")
    if plays is None:
        return collection
    told = _fields("plays", plays, ("kind", "lowest", "highest"), PLAYING_KEYS)
    return replace(collection, plays=playing(told, collection.seconds))


def _parameter(record: Any, number: int, keys: tuple[str, ...]) -> Parameter:
    name = record.get("name") if isinstance(record, dict) else None
    where = f"parameter {quoted(name)}" if isinstance(name, str) else f"parameter number {number}"
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in _KEYS:
        raise InputError(
            f'{where}: the kind is {quoted(kind)}; each parameter says "kind": "knob" or "kind": "switch".'
        )
    record = _fields(where, record, ("name", "positions") if kind == "switch" else ("name",), (*_KEYS[kind], *keys))
    if not isinstance(name, str):
        raise InputError(f"{where}: the name is {quoted(name)}; give a text in quotes.")
    try:
        control = record.get("control")
        control = () if control is None else _tuple(control) if isinstance(control, list) else (control,)
        heard = _rule(record.get("heard", True))
        about = record.get("about", "")
        if kind == "knob":
            drawn = record.get("range")
            return Knob(name, control, None if drawn is None else _tuple(drawn), heard, about, record.get("top", 0))
        codes, labels = _positions(record["positions"], bool(control))
        display = record.get("display", {})
        if not isinstance(display, dict):
            raise InputError('display must map labels to what is shown for them, such as {"Saw": "Sawtooth"}.')
        return Switch(name, control, codes, labels, heard=heard, about=about, display=tuple(display.items()))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _positions(positions: Any, has_control: bool) -> tuple[tuple, tuple]:
    """Controller values and labels of a switch."""
    if has_control and isinstance(positions, dict):
        return tuple(positions.values()), tuple(positions)
    if not has_control and isinstance(positions, list):
        return tuple(range(len(positions))), tuple(positions)
    if has_control:
        raise InputError('positions must map labels to controller values, such as {"Saw": 0, "Pulse": 64}.')
    raise InputError('positions must be a list of labels, such as ["Saw", "Pulse"], or the control is missing.')


def _rule(rule: Any) -> Rule:
    if isinstance(rule, bool):
        return ALWAYS if rule else NEVER
    if not isinstance(rule, list):
        raise InputError(f'heard is {quoted(rule)}; give true, false or a rule such as ["above", "cutoff", 2.0].')
    return _tuple(rule)


def _tuple(value: Any, depth: int = 0) -> Any:
    """Lists as tuples, all the way down."""
    if depth > _DEEPEST:
        raise InputError(f"lists are nested more than {_DEEPEST} deep; make it simpler.")
    return tuple(_tuple(item, depth + 1) for item in value) if isinstance(value, list) else value


def _timing(take: Any) -> Timing:
    times = ("seconds", "note_on", "note_off", "lead", "slot", "patch")
    take = _fields("take", take, (), (*times, "reset_first"))
    for key in times:
        if key in take and not is_number(take[key]):
            raise InputError(f"take: {key} is {quoted(take[key])}; give a number of seconds.")
    if not isinstance(take.get("reset_first", False), bool):
        raise InputError(f"take: reset_first is {quoted(take['reset_first'])}; give true or false.")
    take = _TAKE | take
    lead = take["lead"]
    # From the slot's start, without the noise of adding decimals.
    note_on, note_off, end = (
        round(lead + take.get(key, take["seconds"]), _DIGITS) for key in ("note_on", "note_off", "seconds")
    )
    return Timing(
        note_on=note_on,
        note_off=note_off,
        cut=(lead, end),
        slot=take.get("slot", max(end, note_off)),
        reset_first=take.get("reset_first", False),
        patch=take.get("patch", 0.0),
    )


def _fields(where: str, record: Any, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    """A mapping with all of the `required` keys, and no others than these and the `optional` ones."""
    known = tuple(dict.fromkeys((*required, *optional)))
    if not isinstance(record, dict):
        raise InputError(f"{where} must be a mapping in braces, with {', '.join(known)}.")
    if unknown := [key for key in record if key not in known]:
        raise InputError(f"{where} has the unknown key {quoted(unknown[0])}; {nearest(unknown[0], known)}")
    if missing := [key for key in required if key not in record]:
        raise InputError(f"{where} lacks {missing[0]!r}; add it.")
    return record


def _parts(parameters: tuple[Parameter, ...]) -> str:
    """`2 knobs and a switch`."""
    knobs = sum(isinstance(parameter, Knob) for parameter in parameters)
    counts = ((knobs, "knob", "knobs"), (len(parameters) - knobs, "switch", "switches"))
    return " and ".join(f"a {one}" if count == 1 else f"{count} {many}" for count, one, many in counts if count)


def _record(parameter: Parameter) -> dict[str, Any]:
    """A parameter as it stands in a declaration."""
    record: dict[str, Any] = {"kind": parameter.kind, "name": parameter.name}
    if parameter.control:
        record["control"] = parameter.control[0] if len(parameter.control) == 1 else list(parameter.control)
    if isinstance(parameter, Knob):
        if parameter.drawn:
            record["range"] = list(parameter.drawn)
        if parameter.top:
            record["top"] = parameter.top
    else:
        positions = dict(zip(parameter.labels, parameter.codes, strict=True))
        record["positions"] = positions if parameter.control else list(positions)
        if parameter.display:
            record["display"] = dict(parameter.display)
    if parameter.heard != ALWAYS:
        record["heard"] = False if parameter.heard == NEVER else _lists(parameter.heard)
    return record | ({"about": parameter.about} if parameter.about else {})


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value
