"""What other packages bring by entry points: engines, distances, strategies and methods.

A package names each in a group, by a name of its own, and says where it is:

    [project.entry-points."secret_sauce_hf.engines"]
    bass-box = "bass_box.engine:BassBox"
"""

from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pkgutil import resolve_name
from typing import Generic, TypeVar

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.needed import remedy

Kind = TypeVar("Kind")


class MissingExtra(InputError):
    """What was asked for stands on a package of an extra that is not installed."""


class Plugins(Generic[Kind]):
    """All of a kind: this package's own, which nobody replaces, and those that other packages bring.

    One is imported when somebody asks for it: some load what others do not need. A class is
    made an instance of, once; an instance is taken as it is.

    Args:
        kind: what each is, as messages say it.
        group: the group of entry points.
        base: MODULE:CLASS of which each must be an instance, with an attribute `name`.
        own: where this package's own are, MODULE:CLASS, by name.
    """

    def __init__(self, kind: str, group: str, base: str, own: Mapping[str, str] | None = None):
        self.kind, self.group, self.base, self.own = kind, group, base, dict(own or {})
        self._loaded: dict[str, Kind] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        found = {name: EntryPoint(name, value, self.group) for name, value in self.own.items()}
        for point in entry_points(group=self.group):
            # Of several packages' under one name the first that is found counts.
            found.setdefault(point.name, point)
        return found

    def names(self) -> list[str]:
        """The names of all: this package's own in their order, then others in alphabetical order."""
        return [*self.own, *sorted(self._points.keys() - self.own.keys())]

    def get(self, name: str) -> Kind:
        """The one of a name that is among `names`.

        Raises:
            InputError: what another package brought under this name cannot be loaded, or is none.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(self._points[name])
        return self._loaded[name]

    def _load(self, point: EntryPoint) -> Kind:
        try:
            found = point.load()
            found = found() if isinstance(found, type) else found
        except (ImportError, AttributeError, TypeError) as error:
            if isinstance(error, ImportError) and (needed := remedy(error)):
                raise MissingExtra(f"The {self.kind} {point.name} needs {needed}") from error
            raise InputError(f"The {self.kind} {point.name}, {point.value}, cannot be loaded: {error}.") from error
        if not isinstance(found, resolve_name(self.base)) or found.name != point.name:
            raise InputError(
                f"{point.value} is registered as the {self.kind} {point.name}, and is none: it must be a "
                f"{self.base.replace(':', '.')} with that name."
            )
        return found

    def forget(self) -> None:
        """Look anew for what is installed, and load it anew."""
        self._loaded.clear()
        self.__dict__.pop("_points", None)
