"""How kernels are compiled, and where their machine code is kept."""

import hashlib
import os
import pickle
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numba
from numba import njit
from numba.core import serialize
from numba.core.compiler import CompileResult
from platformdirs import user_cache_path

from secret_sauce_hf.files import temporary
from secret_sauce_hf.progress import logger_of

log = logger_of(__name__)

# Full fast-math also reassociates, and then a cached kernel differs from a fresh one in the last bit.
_OPTIONS: dict[str, Any] = {"fastmath": {"nnan", "nsz", "ninf"}, "error_model": "numpy"}
_CALLED_FROM_PYTHON: dict[str, Any] = {"no_cfunc_wrapper": True}
# Without the ways in from Python and C, which take about as long to compile as a short function itself; and without
# counting who uses an array, which its caller does: in inner loops that was a third of the time.
_CALLED_BY_KERNELS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
_DIGEST_BYTES = hashlib.sha256().digest_size


def kernel(**options: Any) -> Callable[[Callable], Any]:
    """Compile a function and keep the machine code between runs.

    It is kept in a folder named after the sources of all kernels, since helpers are inlined
    from other files. What is found there is unpickled: a folder which others can write to
    is not used. What is damaged there, or cannot be read, is compiled anew.
    """

    def compile_(function: Callable) -> Any:
        dispatcher = njit(**_OPTIONS, **_CALLED_FROM_PYTHON, **options)(function)
        if _has_private_cache():
            dispatcher._cache = _Kept(function)
        return dispatcher

    return compile_


class _Kept:
    """The machine code of one kernel, a file per signature; what a dispatcher of Numba asks for it.

    Numba's own cache raises whatever damaged bytes make `pickle` raise, and runs machine
    code of which one bit is wrong. Here a digest stands before the content.

    Args:
        function: the kernel in Python.
    """

    def __init__(self, function: Callable):
        code = function.__code__
        self._name = f"{function.__module__}.{function.__qualname__}-{code.co_firstlineno}"
        self._version = (numba.__version__, sys.implementation.cache_tag)
        self.cache_path = str(_cache_folder())

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """What was kept of this signature; None if nothing was, or nothing whole."""
        target_context.refresh()
        key = self._key(signature, target_context.codegen())
        try:
            kept = self._path(key).read_bytes()
        except OSError:
            return None
        digest, content = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        if digest != _digest(key, content):
            log.info("%s is damaged: the kernel is compiled anew.", self._path(key))
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(content))  # noqa: S301 - of a folder of one's own

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep it, unless it holds addresses of this process; where it cannot be written it is not kept."""
        if compiled.library.has_dynamic_globals or any(not part.can_cache for part in compiled.lifted):
            return
        key = self._key(signature, compiled.library.codegen)
        content = serialize.dumps(compiled._reduce())
        path = self._path(key)
        unfinished = temporary(path, f".{uuid4().hex}")
        try:
            unfinished.write_bytes(_digest(key, content) + content)
            unfinished.replace(path)
        except OSError as error:
            # A full disk is no fault of the sound that is being rendered.
            _warn_once(path.parent, error.strerror)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def flush(self) -> None:
        """Forget nothing: what is kept depends on the sources, which have not changed."""

    def _key(self, signature: Any, codegen: Any) -> bytes:
        return repr((self._name, self._version, signature, codegen.magic_tuple())).encode()

    def _path(self, key: bytes) -> Path:
        return Path(self.cache_path) / f"{self._name}.{hashlib.sha256(key).hexdigest()[:16]}"


def _digest(key: bytes, content: bytes) -> bytes:
    # With the key, so that a file under another's name is not taken for it.
    return hashlib.sha256(key + content).digest()


@cache
def _warn_once(folder: Path, reason: str) -> None:
    log.warning(
        "%s cannot be written to (%s): kernels are compiled anew in every process. Free some space, or set "
        "XDG_CACHE_HOME to a folder elsewhere.",
        folder,
        reason,
    )


def inlined(function: Callable) -> Any:
    """Compile a helper into its callers; a real call would stop them from being vectorised.

    Like `helper`, it makes no arrays and returns none, be it in a tuple; a part of one that it is given it may use.
    """
    return njit(**_OPTIONS, **_CALLED_BY_KERNELS, forceinline=True)(function)


def helper(function: Callable) -> Any:
    """Compile a function that kernels call and nothing else does; it is kept as a part of them."""
    return njit(**_OPTIONS, **_CALLED_BY_KERNELS)(function)


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
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # Another process has just given it its name.
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
