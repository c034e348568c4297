"""Files that are there whole or not at all, what their names may be, and what JSON files can hold."""

import hashlib
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAME_BYTES = 255
"""Of a file's name: no more than this is allowed by any common file system, and some allow less."""


def name_bytes(folder: Path) -> int:
    """How many bytes a file's name may have in a folder, or where it will be made."""
    for place in (folder, *folder.absolute().parents):
        try:
            return min(os.pathconf(place, "PC_NAME_MAX"), NAME_BYTES)
        except (OSError, ValueError, AttributeError):
            # Not there yet, or not told here.
            continue
    return NAME_BYTES


def fitting(stem: str, ending: str, limit: int = NAME_BYTES) -> str:
    """A file's name of a stem and an ending, the stem's end cut off where the name had more bytes than are allowed."""
    while stem and len(os.fsencode(stem + ending)) > limit:
        stem = stem[:-1]
    return stem + ending


def temporary(path: Path, mark: str = "") -> Path:
    """Where a file is written before it gets its name: hidden, in the same folder.

    Args:
        path: the name that it gets.
        mark: what tells the writers apart where there may be several.
    """
    name = f".{path.name}{mark}.tmp"
    limit = name_bytes(path.parent)
    if len(os.fsencode(name)) > limit:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        name = fitting(f".{path.name}", f"~{digest}{mark}.tmp", limit)
    return path.with_name(name)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half-written under its own name.

    A link stays: the file that it leads to is replaced, or made. What is no ordinary file, a
    named pipe, a device or a descriptor of this process (`/dev/stdout`), is written into.

    Raises:
        OSError: it cannot be written; `filename` is the file's.
    """
    with named(path):
        _write_whole(path, content)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let what goes wrong while a file is written tell its name: a full disk does not say whose it is.

    Args:
        path: the name that the file was to get.

    Raises:
        OSError: what was raised in the block; `filename` is the path, unless it is that of another file, and
            `strerror` the system's own word.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or not (error.filename is None or str(error.filename).endswith(".tmp")):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def _write_whole(path: Path, content: bytes) -> None:
    if is_stream(path):
        # Not created: it may be gone by now.
        with open(os.open(path, os.O_WRONLY), "wb") as stream:  # noqa: PTH123 - by a descriptor
            stream.write(content)
        return
    target = followed(path)
    unfinished = temporary(target)
    try:
        unfinished.write_bytes(content)
        if target.is_file():
            # Who may read it stays as it was.
            unfinished.chmod(stat.S_IMODE(target.stat().st_mode))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def followed(path: Path) -> Path:
    """The file that a link leads to, whether it is there or not; anything else as it is."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def is_stream(path: Path) -> bool:
    """Whether a path leads to something to write into, which cannot be replaced: a pipe, a device, a descriptor."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return True
    # Standard output that a shell has sent into a file: the shell goes on writing there.
    for _ in range(40):
        place = Path(os.path.abspath(path))  # noqa: PTH100 - links must not be resolved
        if place.parts[1:2] in (("dev",), ("proc",)) and stat.S_ISREG(mode):
            return place.parts[1:3] != ("dev", "shm")
        if not path.is_symlink():
            return False
        path = path.parent / path.readlink()
    return False


def jsonable(value: Any) -> Any:
    """A value in which NaN and infinity, which JSON does not know, are None."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
