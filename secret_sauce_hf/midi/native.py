"""Presets as files of the instrument's own: `.noisemakerpreset` of TAL-NoiseMaker, `.syx` of the DX7, `.vital`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.midi import noisemaker_file, sysex, vital_file
from secret_sauce_hf.midi.noisemaker_file import base_preset as base_preset
from secret_sauce_hf.presets import Presets

NOISEMAKER_SUFFIX = noisemaker_file.SUFFIX


@dataclass(frozen=True)
class _Form:
    """A kind of file.

    Args:
        suffix: how its name ends.
        collection: the name of that with all parameters of the instrument.
        instrument: whose it is, for messages.
        fits: whether presets of a collection can be such files.
        write: of a collection, settings and a name the file's content.
        read: of a collection and a path the presets in the file, one at least, `files` telling their names.
    """

    suffix: str
    collection: str
    instrument: str
    fits: Callable[[Collection], bool]
    write: Callable[[Collection, Mapping[str, Any], str], bytes]
    read: Callable[[Collection, Path], Presets]


def _of_program(collection: Collection, path: Path) -> Presets:
    return Presets.from_settings(collection, [noisemaker_file.read_program(collection, path)])


def _of_vital(collection: Collection, path: Path) -> Presets:
    return Presets.from_settings(collection, [vital_file.read_preset(collection, path)])


_FORMS = (
    _Form(
        NOISEMAKER_SUFFIX,
        "noisemaker",
        "the NoiseMaker",
        noisemaker_file.is_noisemaker,
        noisemaker_file.write_program,
        _of_program,
    ),
    _Form(sysex.SUFFIX, "dx7", "the DX7", sysex.has_voices, sysex.write_voice, sysex.read_presets),
    _Form(vital_file.SUFFIX, "vital", "Vital", vital_file.is_vital, vital_file.write_preset, _of_vital),
)
OF_SUFFIX = {form.suffix: form.collection for form in _FORMS}
"""How files of instruments' own presets end, and the collection with all parameters of the instrument."""
NATIVE_SUFFIXES = tuple(OF_SUFFIX)


def native_suffix(collection: str | Collection) -> str | None:
    """How files of an instrument's own presets end; None if they cannot be written for a collection.

    Args:
        collection: the collection or its name.
    """
    collection = get_collection(collection)
    return next((form.suffix for form in _FORMS if form.fits(collection)), None)


def native_preset(collection: str | Collection, settings: Mapping[str, Any], name: str = "secret sauce") -> bytes:
    """A preset as a file that the instrument loads.

    Args:
        collection: a collection of the NoiseMaker, of the DX7 or of Vital, or its name.
        settings: name → setting of each of its parameters; the nearest value that the instrument has is written.
        name: what the instrument shows.

    Returns:
        The content of a `.noisemakerpreset`, with the map of its controllers, of a `.syx` with one voice,
        or of a `.vital`.

    Raises:
        InputError: no such file is known for the instrument, or see `Presets.from_settings`.
    """
    collection = get_collection(collection)
    return _form(collection).write(collection, settings, name)


def read_native_preset(collection: str | Collection, path: str | Path) -> dict[str, Any]:
    """The preset in a file of the instrument's own: name → setting of each parameter of a collection.

    Of several programs of the NoiseMaker it is the current one. A setting that lies between two values of its
    controller is read as it is.

    Args:
        collection: a collection of an instrument that has such files, or its name.
        path: the file.

    Raises:
        InputError: there is no such file, it is none of the instrument's or holds several presets, or one sets
            what no preset of the collection can have; the message names it.
    """
    presets = read_native_presets(collection, path)
    if len(presets) > 1:
        raise InputError(
            f"{path} holds {len(presets)} presets, and one is wanted here; choose one, or give it as a bank."
        )
    (row,) = presets.rows()
    return row


def read_native_presets(collection: str | Collection, path: str | Path) -> Presets:
    """All presets in a file of the instrument's own, as rows that play the collection's note.

    Args:
        collection: a collection of an instrument that has such files, or its name.
        path: the file.

    Returns:
        The rows, one at least; those of a bank have the presets' names in `files`.

    Raises:
        InputError: see `read_native_preset`.
    """
    collection = get_collection(collection)
    return _form(collection).read(collection, Path(path))


def _form(collection: Collection) -> _Form:
    for form in _FORMS:
        if form.fits(collection):
            return form
    *first, last = (f"those of {form.instrument} ({form.suffix})" for form in _FORMS)
    known = f"{', '.join(first)} and {last}"
    raise InputError(
        f"Presets of {collection.instrument.name} cannot be files of its own, only {known}; use MIDI or JSON."
    )
