"""What the machines are: parameters as one declarative table each, and the collections.

Every module here that declares `INSTRUMENT` and `COLLECTIONS` is found by itself:
a new instrument is one new file. Outside of the package it is a file that `declaring`
reads, and whose path stands for the collection wherever a name does.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from secret_sauce_hf.instruments.declaring import (
    SUFFIX,
    declaration,
    declaration_text,
    is_declaration,
    read_declaration,
    write_declaration,
)
from secret_sauce_hf.instruments.errors import InputError, integer
from secret_sauce_hf.instruments.instrument import Collection, Instrument, Timing
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.instruments.parameters import Knob, Parameter, Switch, parameter_to_dict
from secret_sauce_hf.instruments.takes import CHANNEL, NOTE, SAMPLE_RATE, VELOCITY
from secret_sauce_hf.moved import old_names

__all__ = [
    "CHANNEL",
    "COLLECTIONS",
    "INSTRUMENTS",
    "NOTE",
    "SAMPLE_RATE",
    "VELOCITY",
    "Collection",
    "InputError",
    "Instrument",
    "Knob",
    "Note",
    "Parameter",
    "Performances",
    "Switch",
    "Timing",
    "declaration",
    "declaration_text",
    "get_collection",
    "get_instrument",
    "integer",
    "known_collection",
    "read_declaration",
    "same_parameters",
    "with_seconds",
    "write_declaration",
]

if not TYPE_CHECKING:
    __getattr__ = old_names(__name__)

INSTRUMENTS: dict[str, Instrument] = {}
COLLECTIONS: dict[str, Collection] = {}
for _info in iter_modules(__path__):
    _module = import_module(f"{__name__}.{_info.name}")
    if hasattr(_module, "INSTRUMENT"):
        INSTRUMENTS[_module.INSTRUMENT.name] = _module.INSTRUMENT
        COLLECTIONS |= {collection.name: collection for collection in _module.COLLECTIONS}


def get_collection(collection: str | Path | Collection) -> Collection:
    """The collection of that name, or that a file declares (a `Collection` is handed back as it is).

    Args:
        collection: a name, or the path of a declaration (see `read_declaration`): a `Path`,
            or a text that ends in .json. Only what a person typed may be given here, never
            what a file or the Hub says: see `known_collection`.

    Raises:
        InputError: there is no such collection, or the declaration has a mistake.
    """
    if isinstance(collection, Collection):
        return collection
    if is_declaration(collection):
        return read_declaration(collection)
    try:
        return COLLECTIONS[str(collection)]
    except KeyError:
        raise InputError(
            f"Unknown collection {collection!r}; there are {', '.join(COLLECTIONS)}, or give the path of a declaration "
            f"of your own, which ends in {SUFFIX}."
        ) from None


def known_collection(name: object) -> Collection:
    """The built-in collection that a record names, be it of a dataset, of a checkpoint or from the Hub.

    A record is not trusted to choose a file of this machine: a path is refused unread.

    Raises:
        InputError: the package has no collection of that name.
    """
    found = COLLECTIONS.get(name) if isinstance(name, str) else None
    if found is None:
        raise InputError(f"{str(name)[:80]!r} is no collection of this package; give the declaration that it is of.")
    return found


def same_parameters(one: Collection, other: Collection) -> bool:
    """Whether presets of one collection are presets of the other: heard rules and texts do not matter."""
    return [_essence(p) for p in one.parameters] == [_essence(p) for p in other.parameters]


def _essence(parameter: Parameter) -> dict[str, Any]:
    record = parameter_to_dict(parameter)
    return {key: value for key, value in record.items() if key not in ("heard", "about", "display")}


def get_instrument(name: str) -> Instrument:
    """The instrument of that name.

    Raises:
        InputError: there is no such instrument.
    """
    try:
        return INSTRUMENTS[name]
    except KeyError:
        raise InputError(f"Unknown instrument {name!r}; there are {', '.join(INSTRUMENTS)}.") from None
