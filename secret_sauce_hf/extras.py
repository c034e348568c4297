"""Names that load on first use, and what to install where an extra is missing."""

from collections.abc import Callable
from typing import Any

from lazy_loader import attach_stub

from secret_sauce_hf.moved import moved
from secret_sauce_hf.needed import remedy


def lazy(name: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a room exports, by the stub beside its `__init__.py`, loaded on first use.

    Args:
        name: the room's `__name__`.
        file: its `__file__`.

    Returns:
        Its `__getattr__`, `__dir__` and `__all__`. Where a package of an extra is missing, the
        first raises an `InputError` that says which to install. Names that have left the room
        are found with a `DeprecationWarning` (see `moved`).
    """
    load, list_names, names = attach_stub(name, file)

    def get(attribute: str) -> Any:
        if attribute not in names:
            return moved(name, attribute)
        try:
            return load(attribute)
        except ModuleNotFoundError as error:
            if (needed := remedy(error)) is None:
                raise
            # NumPy, which comes with it, takes longer than everything that the front door imports.
            from secret_sauce_hf.instruments import InputError

            raise InputError(f"{attribute} needs {needed}") from error

    return get, list_names, names
