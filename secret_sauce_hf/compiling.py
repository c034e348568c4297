"""How kernels are compiled, and where their machine code is kept."""

import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit
from platformdirs import user_cache_path

log = logging.getLogger(__name__)

# Full fast-math also reassociates, and then a cached kernel differs from a fresh one in the last bit.
_OPTIONS: dict[str, Any] = {"fastmath": {"nnan", "nsz", "ninf"}, "error_model": "numpy"}


def kernel(**options: Any) -> Callable[[Callable], Any]:
    """Compile a function and keep the machine code between runs.

    Numba looks for changes in the file of the function only, not in the helpers that
    it inlines from others: the cache is kept in a folder named after all of them. Numba
    unpickles what it finds there, so that a folder which others can write to is not used.
    """

    def compile_(function: Callable) -> Any:
        if not _has_private_cache():
            return njit(**_OPTIONS, **options)(function)
        previous = config.CACHE_DIR  # type: ignore[attr-defined]
        config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
        try:
            return njit(**_OPTIONS, cache=True, **options)(function)
        except RuntimeError:
            # No folder can be written to: compile anew in every process.
            return njit(**_OPTIONS, **options)(function)
        finally:
            config.CACHE_DIR = previous  # type: ignore[attr-defined]

    return compile_


def inlined(function: Callable) -> Any:
    """Compile a helper into its callers; a real call would stop them from being vectorised."""
    return njit(**_OPTIONS, forceinline=True)(function)


@cache
def _has_private_cache() -> bool:
    """Whether compiled kernels may be kept; says why where they may not."""
    folder = _cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stranger = _first_not_ours(folder)
    except OSError as error:
        log.warning("%s cannot be used (%s): kernels are compiled anew in every process.", folder, error.strerror)
        return False
    if stranger is not None:
        log.warning(
            "%s belongs to somebody else, or others can write to it: compiled kernels are not loaded from %s but "
            "compiled anew in every process. Remove it, or set XDG_CACHE_HOME to a folder of your own.",
            stranger,
            folder,
        )
    return stranger is None


def _first_not_ours(folder: Path) -> Path | None:
    """The first path, of a folder, of those it lies in and of what lies in it, that somebody else could change."""
    if not hasattr(os, "getuid"):
        return None  # Windows, where a user's folder is closed to others.
    trusted = {0, os.getuid()}
    real = folder.resolve()
    for path in dict.fromkeys([*reversed(folder.parents), folder, *reversed(real.parents), real]):
        status = path.lstat()
        # In a sticky folder, such as /tmp, nobody renames what is another's. A link's own mode means nothing.
        open_to_others = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX and not path.is_symlink()
        if status.st_uid not in trusted or open_to_others:
            return path
    closed = folder.stat().st_mode & 0o077 == 0
    for path in _everything(folder):
        status = path.lstat()
        if status.st_uid != os.getuid() or path.is_symlink() or (status.st_mode & 0o022 and not closed):
            return path
    return None


def _everything(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.rglob("*")


@cache
def _cache_folder() -> Path:
    """The folder of these sources, the same for every kernel of a process."""
    digest = hashlib.sha256()
    here = Path(__file__)
    # Those that hold kernels, and what these inline.
    rooms = (here.with_name(room).rglob("*.py") for room in ("engines", "metrics"))
    for path in [here, *(path for room in rooms for path in sorted(room))]:
        digest.update(path.read_bytes())
    return user_cache_path("secret_sauce_hf", appauthor=False) / f"kernels-{digest.hexdigest()[:16]}"
