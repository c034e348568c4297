"""Which engines there are: this package's own, and those that other packages bring.

A package brings an engine by an entry point in the group `secret_sauce_hf.engines`, whose
name is that of the instrument and which leads to a subclass of `Engine`:

    [project.entry-points."secret_sauce_hf.engines"]
    bass-box = "bass_box.engine:BassBox"

An engine is imported when somebody asks for it: this package's own load Numba.

An instrument that is a plug-in has the engine for plug-ins, whatever it is called. It loads the file
that the instrument's declaration names, so that such a declaration must come from who uses the machine.
"""

from functools import lru_cache
from pathlib import Path

from secret_sauce_hf.engines.base import Engine
from secret_sauce_hf.instruments import INSTRUMENTS, Collection, InputError, Instrument, get_collection
from secret_sauce_hf.instruments.instrument import Hosted
from secret_sauce_hf.plugins import MissingExtra, Plugins

ENGINES: Plugins[Engine] = Plugins(
    "engine",
    "secret_sauce_hf.engines",
    "secret_sauce_hf.engines:Engine",
    {
        "dx7": "secret_sauce_hf.engines.dx7.engine:DX7",
        "guitar-rack": "secret_sauce_hf.engines.guitar_rack.engine:GuitarRack",
        "noisemaker": "secret_sauce_hf.engines.noisemaker.engine:NoiseMaker",
        "subphatty": "secret_sauce_hf.engines.subphatty.engine:SubPhatty",
        "vital": "secret_sauce_hf.engines.vital.engine:Vital",
    },
)


def engine_names() -> list[str]:
    """The names of the instruments that an engine renders, in alphabetical order."""
    return sorted(ENGINES.names())


def get_engine(of: str | Path | Collection | Instrument) -> Engine:
    """The engine of an instrument, or of a collection whose takes it has to render.

    Args:
        of: an instrument or its name, or a collection, its name or the path of its declaration.

    Raises:
        InputError: there is no such engine, it cannot render the collection's takes, or what
            another package brought under this name is no engine; a plug-in that cannot be loaded.
    """
    if isinstance(of, Instrument):
        return _named(of.name) if of.plugin is None else _hosted(of, of.plugin)
    if isinstance(of, str) and (of in INSTRUMENTS or of in ENGINES.names()):
        return _named(of)
    collection = get_collection(of)
    engine = get_engine(collection.instrument)
    engine.check(collection)
    return engine


def find_engine(collection: Collection, *, in_session: bool = False) -> Engine | None:
    """The engine that renders the takes of a collection; None if there is none, or what it stands on is missing.

    Raises:
        InputError: the instrument is a plug-in whose file is told, and it cannot be loaded.
    """
    plugin = collection.instrument.plugin
    there = collection.instrument.name in ENGINES.names() if plugin is None else bool(plugin.file)
    if not there:
        return None
    try:
        engine = get_engine(collection.instrument)
    except MissingExtra:
        return None
    return engine if engine.supports(collection, in_session=in_session) else None


def _named(name: str) -> Engine:
    names = engine_names()
    if name not in names:
        raise InputError(f"No engine renders {name!r}; there is one for {', '.join(names)}.")
    return ENGINES.get(name)


@lru_cache(maxsize=8)
def _hosted(instrument: Instrument, plugin: Hosted) -> Engine:  # noqa: ARG001 - instruments are the same without it
    """The engine for an instrument that is a plug-in, one for all who ask in this process."""
    from secret_sauce_hf.engines.plugin.engine import PluginEngine

    return PluginEngine(instrument)
