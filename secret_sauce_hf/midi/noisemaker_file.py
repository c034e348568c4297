"""Presets of TAL-NoiseMaker as files of its own, `.noisemakerpreset`.

What is written sets everything that the plug-in has: the preset's parameters, those that
its collection has fixed, and beneath them the base preset of 2018.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from secret_sauce_hf.instruments import INSTRUMENTS, Collection, InputError, Parameter, get_collection
from secret_sauce_hf.midi import noisemaker_base as base
from secret_sauce_hf.midi.messages import preset_cc
from secret_sauce_hf.presets import restricted

SUFFIX = ".noisemakerpreset"
MAX_BYTES = 4 * 2**20
"""Larger files are refused; a program has 3 KB, and the plug-in's banks have 128 of them."""

_NOISEMAKER = INSTRUMENTS["noisemaker"].parameters
_NAMES = {control: name for control, _, name in base.MIDI_MAP}
_TOP = 127
# Values are stored as 32-bit floats; one that is this near to a controller's step is meant to be it.
_NEAR = 1e-3


def is_noisemaker(collection: Collection) -> bool:
    """Whether presets of a collection are programs of the NoiseMaker."""
    return collection.instrument.parameters == _NOISEMAKER


def base_preset(collection: str | Collection) -> dict[str, float]:
    """What lies beneath a collection's presets: the instrument's own name → value, 0 to 1, of all else that it sets.

    Args:
        collection: the collection or its name.

    Returns:
        Nothing for an instrument of which that is not known.
    """
    if not is_noisemaker(get_collection(collection)):
        return {}
    set_by_presets = {_native_name(parameter) for parameter in _NOISEMAKER}
    return {name: value for name, value in base.VALUES.items() if name not in set_by_presets}


def write_program(collection: Collection, settings: Mapping[str, Any], name: str) -> bytes:
    """A preset as a file that the instrument loads, with the map of its controllers.

    Args:
        collection: a collection of the NoiseMaker.
        settings: name → setting of each of its parameters; the nearest value that its
            controller can send is written.
        name: what the instrument shows.

    Returns:
        The content of a `.noisemakerpreset`.

    Raises:
        InputError: see `Presets.from_settings`.
    """
    ccs = preset_cc(collection, settings, fixed=True)
    values = base.VALUES | {_native_name(parameter): cc / _TOP for parameter, cc in ccs.items()}
    shown = "".join(character for character in name if character.isprintable())[:60]
    attributes = "\n             ".join(f'{key}="{_number_text(value)}"' for key, value in values.items())
    maps = "\n".join(f'    <map param="{param}" controllernumber="{control}"/>' for control, param, _ in base.MIDI_MAP)
    return f"""<?xml version="1.0" encoding="UTF-8"?>

<tal curprogram="0" version="{base.VERSION}">
  <programs>
    <program programname={quoteattr(shown)}
             {attributes}>
      <splinePoints/>
    </program>
  </programs>
  <midimap>
{maps}
  </midimap>
</tal>
""".encode(errors="replace")


def read_program(collection: Collection, path: Path) -> dict[str, Any]:
    """The preset in a `.noisemakerpreset`: name → setting of each parameter of a collection.

    Of several programs it is the current one. A setting that lies between two values of its
    controller is read as it is.

    Args:
        collection: a collection of the NoiseMaker.
        path: the `.noisemakerpreset`.

    Raises:
        InputError: there is no such file, it is none of the NoiseMaker, or its program sets
            what no preset of the collection can have; the message names it.
    """
    if not path.is_file():
        raise InputError(f"No such file: {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB: not a preset of the NoiseMaker.")
    values = _values(_current_program(path.read_bytes(), path), path)
    complete = {parameter.name: _setting(parameter, values, path) for parameter in _NOISEMAKER}
    others = [
        f"{name} is {values[name]:.3g} (base: {value:.3g})"
        for name, value in base_preset(collection).items()
        if name not in base.SILENT and abs(values.get(name, value) - value) > _NEAR
    ]
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise InputError(
            f"{path} does not sound as presets of {collection.name} do, which leave all else as the base preset has "
            f"it: {', '.join(others[:3])}{more}."
        )
    try:
        return restricted(collection, complete)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _native_name(parameter: Parameter) -> str:
    return _NAMES[parameter.control[0]]


def _number_text(value: float) -> str:
    """A number as the plug-in writes it: that of 32 bits, with 20 digits."""
    return f"{float(np.float32(value)):.20g}"


def _current_program(data: bytes, path: Path) -> dict[str, str]:
    """The attributes of the current program.

    Nothing in the file can name another one, or make it larger than it is: document types,
    where entities are defined, are refused.
    """
    programs: list[dict[str, str]] = []
    roots: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(attributes if name == "tal" else {})
        if name == "program":
            programs.append(attributes)

    def refuse(*_: Any) -> None:
        raise InputError(f"{path} declares a document type, which no preset does: it is not read.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a preset of the NoiseMaker, or a damaged one: {error}.") from error
    current = roots[0].get("curprogram", "0")
    place = int(current) if current.isascii() and current.isdigit() and len(current) < 10 else 0
    if not programs or (len(programs) > 1 and place >= len(programs)):
        raise InputError(f"{path} is not a preset of the NoiseMaker: it holds no program.")
    # A single program is the one, whatever number it had in its bank.
    return programs[place if len(programs) > 1 else 0]


def _values(program: dict[str, str], path: Path) -> dict[str, float]:
    """Those attributes that the base preset has, as numbers."""
    values = {}
    for name in program.keys() & base.VALUES.keys():
        try:
            values[name] = float(program[name])
        except ValueError:
            values[name] = float("nan")
        if not 0 <= values[name] <= 1:
            raise InputError(f"{path}: {name} is {program[name][:40]!r}; it must be a number from 0 to 1.")
    return values


def _setting(parameter: Parameter, values: Mapping[str, float], path: Path) -> Any:
    """A parameter's setting, from what the program calls it."""
    name = _native_name(parameter)
    if name not in values:
        raise InputError(f"{path} lacks {name}: it is not a whole preset of the NoiseMaker.")
    value = values[name]
    if not parameter.classes:
        step = round(value * _TOP)
        unit = step / _TOP if abs(value * _TOP - step) < _NEAR else value
        return parameter.unit_to_setting(np.asarray(unit)).item()
    position = int(value * (base.POSITIONS[name] - 1) + 0.5)
    if position >= parameter.classes:
        raise InputError(f"{path}: {name} is {value:.3g}, a position that no preset of the collections has.")
    return parameter.unit_to_setting(np.asarray(position)).item()
