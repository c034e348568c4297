"""What a declaration says of an instrument that is a plug-in.

    "plugin": {"format": "VST2", "name": "amsynth", "digest": "0f9c...", "file": "/usr/lib/vst/amsynth_vst.so"},
    "parameters": [
      {"kind": "knob", "name": "filter_cutoff", "index": 11, "listed": "filter_cutoff"},
      {"kind": "switch", "name": "osc2_sync", "positions": ["0", "1"], "index": 30, "listed": "osc2_sync",
       "values": [0.0, 1.0]},
      {"kind": "knob", "name": "volume", "control": 7}
    ]

file    the plug-in; one that is not absolute lies beside the declaration. Without it the engine must be told
format  VST3, VST2, AU or LV2
name    what the plug-in calls itself
digest  of the file when the declaration was made
index   a parameter's place in the plug-in's list, from 0; left out where the plug-in is sent its `control` instead
listed  the name that the plug-in lists it under, by which a list that has changed is noticed
values  what the plug-in is given, 0 to 1: for each label of a switch, or each value of a knob from 0 to its `top`;
        left out for a knob whose setting is given as it is, and for a switch whose labels divide the range evenly
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secret_sauce_hf.instruments.checking import is_number, quoted
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Hosted, HostedParameter
from secret_sauce_hf.instruments.parameters import Parameter

FORMATS = ("VST3", "VST2", "AU", "LV2")
PLUGIN_KEYS = ("format", "name", "digest", "file")
PARAMETER_KEYS = ("index", "listed", "values")
MOST_LISTED = 65_535
"""Of a plug-in's list; some list a hundred thousand, of which an instrument has 256 at most."""
_MOST_TEXT = 300
_DIGEST = re.compile("[0-9a-f]{0,64}")


def hosted(told: Mapping[str, Any], records: Sequence[Any], parameters: Sequence[Parameter], folder: Path) -> Hosted:
    """The plug-in of a parsed declaration.

    Args:
        told: what stands under `plugin`.
        records: what stands under `parameters`, mappings.
        parameters: these as parameters.
        folder: of the declaration.

    Raises:
        InputError: a value that cannot be; the message names the parameter.
    """
    texts = {key: told.get(key, "") for key in PLUGIN_KEYS}
    for key, text in texts.items():
        if not isinstance(text, str) or len(text) > (4096 if key == "file" else _MOST_TEXT) or "\0" in text:
            raise InputError(f"plugin: {key} is {quoted(text)}; give a text.")
    if texts["format"] not in FORMATS:
        raise InputError(f"plugin: format is {quoted(texts['format'])}; give one of {', '.join(FORMATS)}.")
    if not _DIGEST.fullmatch(texts["digest"]):
        raise InputError(f"plugin: digest is {quoted(texts['digest'])}; give hexadecimal digits, or leave it out.")
    file = str(folder.absolute() / texts["file"]) if texts["file"] else ""
    places = tuple(_place(record, parameter) for record, parameter in zip(records, parameters, strict=True))
    taken: dict[int, str] = {}
    for place, parameter in zip(places, parameters, strict=True):
        if place.index is None:
            continue
        if other := taken.get(place.index):
            raise InputError(f"parameter {parameter.name!r}: {other!r} has the index {place.index} already.")
        taken[place.index] = parameter.name
    return Hosted(texts["format"], texts["name"], texts["digest"], places, file)


def hosted_record(plugin: Hosted, with_file: bool) -> dict[str, str]:
    """What stands under `plugin` in a declaration; the path of the file only if it shall be told."""
    record = {"format": plugin.format, "name": plugin.name, "digest": plugin.digest}
    return record | ({"file": plugin.file} if with_file and plugin.file else {})


def hosted_records(plugin: Hosted) -> list[dict[str, Any]]:
    """What a declaration says of each parameter, beside what it says of any."""
    return [
        {}
        if place.index is None
        else {"index": place.index, "listed": place.listed} | ({"values": list(place.values)} if place.values else {})
        for place in plugin.parameters
    ]


def _place(record: Mapping[str, Any], parameter: Parameter) -> HostedParameter:
    name, index, listed = parameter.name, record.get("index"), record.get("listed", parameter.name)
    values = record.get("values", [])
    if index is None and parameter.control:
        if values or "listed" in record:
            raise InputError(
                f"parameter {name!r}: without an index it is set by its controller, and has no "
                f"{'values' if values else 'name in the list'}; leave that out, or give the index."
            )
        return HostedParameter(None, "")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= MOST_LISTED:
        raise InputError(
            f"parameter {name!r}: index is {quoted(index)}; give its place in the plug-in's list, from 0 on, or its "
            "control."
        )
    if not isinstance(listed, str) or len(listed) > _MOST_TEXT:
        raise InputError(f"parameter {name!r}: listed is {quoted(listed)}; give the name in the plug-in's list.")
    if not isinstance(values, list) or not all(is_number(value) and 0 <= value <= 1 for value in values):
        raise InputError(f"parameter {name!r}: values are {quoted(values)}; give a list of numbers from 0 to 1.")
    # Of a switch classes, of a knob what it counts to.
    wanted = parameter.classes or getattr(parameter, "high", 0) + 1
    if values and len(values) != wanted:
        raise InputError(f"parameter {name!r}: {len(values)} values for {wanted} positions; give one for each.")
    return HostedParameter(index, listed, tuple(float(value) for value in values))
