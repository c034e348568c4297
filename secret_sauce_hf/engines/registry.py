"""Which engines there are: this package's own, and those that other packages bring.

A package brings an engine by an entry point in the group `secret_sauce_hf.engines`, whose
name is that of the instrument and which leads to a subclass of `Engine`:

    [project.entry-points."secret_sauce_hf.engines"]
    bass-box = "bass_box.engine:BassBox"

An engine is imported when somebody asks for it: this package's own load Numba.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from secret_sauce_hf.engines.base import Engine
from secret_sauce_hf.instruments import INSTRUMENTS, Collection, InputError, Instrument, get_collection

GROUP = "secret_sauce_hf.engines"
_OWN = "secret_sauce_hf"


def engine_names() -> list[str]:
    """The names of the instruments that an engine renders, in alphabetical order."""
    return sorted(_entry_points())


def get_engine(of: str | Path | Collection | Instrument) -> Engine:
    """The engine of an instrument, or of a collection whose takes it has to render.

    Args:
        of: an instrument or its name, or a collection, its name or the path of its declaration.

    Raises:
        InputError: there is no such engine, it cannot render the collection's takes, or what
            another package brought under this name is no engine.
    """
    if isinstance(of, Instrument):
        return _named(of.name)
    if isinstance(of, str) and (of in INSTRUMENTS or of in _entry_points()):
        return _named(of)
    collection = get_collection(of)
    engine = _named(collection.instrument.name)
    engine.check(collection)
    return engine


def find_engine(collection: Collection, *, in_session: bool = False) -> Engine | None:
    """The engine that renders the takes of a collection; None if there is none."""
    if collection.instrument.name not in _entry_points():
        return None
    engine = _named(collection.instrument.name)
    return engine if engine.supports(collection, in_session=in_session) else None


@cache
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        # Nobody takes the place of one of ours; of others the first that is found counts.
        if point.name not in found or (point.dist is not None and point.dist.name.replace("-", "_") == _OWN):
            found[point.name] = point
    return found


def _named(name: str) -> Engine:
    points = _entry_points()
    if name not in points:
        raise InputError(f"No engine renders {name!r}; there is one for {', '.join(sorted(points)) or 'none'}.")
    return _loaded(points[name])


@cache
def _loaded(point: EntryPoint) -> Engine:
    try:
        engine = point.load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise InputError(f"The engine of {point.name}, {point.value}, cannot be loaded: {error}.") from error
    if not isinstance(engine, Engine) or engine.name != point.name:
        raise InputError(
            f"{point.value} is registered as the engine of {point.name}, and is none: it must be a subclass of "
            "secret_sauce_hf.engines.Engine with that name."
        )
    return engine
