"""What the machines are: parameters as one declarative table each, and the collections.

Every module here that declares `INSTRUMENT` and `COLLECTIONS` is found by itself:
a new instrument is one new file.
"""

from importlib import import_module
from pkgutil import iter_modules

from secret_sauce_hf.instruments.spec import (
    CHANNEL,
    NOTE,
    ORIGINAL_SEED,
    SAMPLE_RATE,
    VELOCITY,
    Collection,
    InputError,
    Instrument,
    Knob,
    Parameter,
    Switch,
    Timing,
)

__all__ = [
    "CHANNEL",
    "COLLECTIONS",
    "INSTRUMENTS",
    "NOTE",
    "ORIGINAL_SEED",
    "SAMPLE_RATE",
    "VELOCITY",
    "Collection",
    "InputError",
    "Instrument",
    "Knob",
    "Parameter",
    "Switch",
    "Timing",
    "get_collection",
    "get_instrument",
]

INSTRUMENTS: dict[str, Instrument] = {}
COLLECTIONS: dict[str, Collection] = {}
for _info in iter_modules(__path__):
    _module = import_module(f"{__name__}.{_info.name}")
    if hasattr(_module, "INSTRUMENT"):
        INSTRUMENTS[_module.INSTRUMENT.name] = _module.INSTRUMENT
        COLLECTIONS |= {collection.name: collection for collection in _module.COLLECTIONS}


def get_collection(collection: str | Collection) -> Collection:
    """The collection of that name (a `Collection` is handed back as it is).

    Raises:
        InputError: there is no such collection.
    """
    if isinstance(collection, Collection):
        return collection
    try:
        return COLLECTIONS[collection]
    except KeyError:
        raise InputError(f"Unknown collection {collection!r}; there are {', '.join(COLLECTIONS)}.") from None


def get_instrument(name: str) -> Instrument:
    """The instrument of that name.

    Raises:
        InputError: there is no such instrument.
    """
    try:
        return INSTRUMENTS[name]
    except KeyError:
        raise InputError(f"Unknown instrument {name!r}; there are {', '.join(INSTRUMENTS)}.") from None
