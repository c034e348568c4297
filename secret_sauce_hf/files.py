"""Files that are there whole or not at all, what their names may be, and what JSON files can hold."""

import errno
import hashlib
import math
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

NAME_BYTES = 255
"""Of a file's name: no more than this is allowed by any common file system, and some allow less."""
WAIT_SECONDS = 60.0
"""How long a file waits for another process that is writing it; longer than the slowest disk needs for the largest."""
OPENED = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
"""How a file of ours is opened that may be another process's now: a link that somebody put there leads elsewhere."""
_LOCKED_AT = 2**40
"""Which byte is locked where a lock is one of bytes: none that is read."""


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
    with _unfinished(target) as (unfinished, stream):
        stream.write(content)
        stream.flush()
        if target.is_file():
            # Who may read it stays as it was.
            unfinished.chmod(stat.S_IMODE(target.stat().st_mode))
        if sys.platform == "win32":
            stream.close()
        unfinished.replace(target)


@contextmanager
def _unfinished(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """An empty file to write in, which becomes `target`, or is gone at the end of the block.

    Of several processes that write the same file one waits for the other, so that none takes away what another is
    writing. What a process left that was killed is taken over.
    """
    if sys.platform == "win32":
        # There nobody takes away what is open, but it must be closed before it gets its name.
        path = temporary(target, f".{os.getpid()}-{threading.get_ident()}")
        stream = path.open("wb")
    else:
        path = temporary(target)
        stream = _taken_over(path)
    try:
        with stream:
            try:
                yield path, stream
            finally:
                # Before the lock goes: after that it may be another's.
                if sys.platform != "win32" and _is_at(stream, path):
                    path.unlink()
    finally:
        if sys.platform == "win32":
            path.unlink(missing_ok=True)


def _taken_over(path: Path) -> BinaryIO:
    """A file that this process alone writes in, emptied.

    Raises:
        OSError: it cannot be written, or another process has it for too long.
    """
    until = time.monotonic() + WAIT_SECONDS
    while True:
        stream = open(os.open(path, OPENED, 0o666), "r+b")  # noqa: PTH123, SIM115 - not emptied yet
        if lock(stream):
            if _is_at(stream, path):
                stream.truncate()
                return stream
            # The other one has given it its name meanwhile, or taken it away.
            stream.close()
            continue
        stream.close()
        if time.monotonic() > until:
            raise OSError(errno.EBUSY, "another process is writing it", str(path))
        time.sleep(0.01)


def _is_at(stream: BinaryIO, path: Path) -> bool:
    """Whether an open file is the one of this name."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.lstat())
    except OSError:
        return False


def lock(stream: BinaryIO) -> bool:
    """Take an open file for this process, until it is closed or the process ends, however that ends.

    Returns:
        Whether it was free; true, too, where the file system knows no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(_LOCKED_AT)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
            stream.seek(0)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)
    return True


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
