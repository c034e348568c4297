"""Places to write to: whether they can be written, that no input is lost there, and that two do not write at once."""

import os
import platform
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import ParamSpec, TypeVar

from secret_sauce_hf.files import OPENED, is_stream, lock, name_bytes
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.sounds import expanded as expanded  # a checkpoint carries it
from secret_sauce_hf.progress import visible

Given = ParamSpec("Given")
Done = TypeVar("Done")

_SHOWN = 3


def near_miss(path: Path) -> Path | None:
    """What lies in the folder of a path that is missing under nearly its name: in other case, or composed otherwise."""
    wanted = _folded(path.name)
    try:
        return next((found for found in sorted(path.parent.iterdir()) if _folded(found.name) == wanted), None)
    except (OSError, ValueError):
        return None


def same_text(path: Path) -> Path:
    """A path, or the one that is there with the same letters in another Unicode form (composed, decomposed).

    File systems and spreadsheets write "é" as one character or as two, and nobody sees which.
    """
    if not os.path.lexists(path):
        found = near_miss(path)
        if found is not None and _composed(found.name) == _composed(path.name):
            return found
    return path


LOCK = ".secret-sauce.lock"
"""In a folder that is being written to: who does that."""
_held: set[tuple[str, int]] = set()
"""Folders that are claimed, each with the thread that did."""


@contextmanager
def claimed(folder: Path, what: str) -> Iterator[None]:
    """Have a folder for this process alone while a work goes on that two of would spoil.

    The claim ends with the block, and with the process, however that ends. Within the block the same thread may claim
    it again. The folder is made where it is missing, and taken away again where it is still empty then.

    Args:
        folder: where is written.
        what: is done, for people: "build".

    Raises:
        InputError: another process, or another thread, has it; the message says which, since when and what it does.
        OSError: the folder cannot be made, or written to.
    """
    key = (os.path.realpath(folder), threading.get_ident())
    if key in _held:
        yield
        return
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _claim(folder / LOCK, what):
            _held.add(key)
            try:
                yield
            finally:
                _held.discard(key)
    finally:
        # A mistake must not leave folders in the way of the next try.
        for place in missing:
            with suppress(OSError):
                place.rmdir()


def alone(what: str) -> Callable[[Callable[Given, Done]], Callable[Given, Done]]:
    """A decorator: a function that writes into the folder `out` has it for this process alone meanwhile, see `claimed`.

    Of processes that train together the first claims it for all.
    """

    def decorated(function: Callable[Given, Done]) -> Callable[Given, Done]:
        form = signature(function)

        @wraps(function)
        def work(*args: Given.args, **options: Given.kwargs) -> Done:
            out = form.bind(*args, **options).arguments["out"]
            if os.environ.get("RANK", "0") != "0":
                return function(*args, **options)
            with claimed(check_folder(out, what="what is made"), what):
                return function(*args, **options)

        return work

    return decorated


@contextmanager
def _claim(path: Path, what: str) -> Iterator[None]:
    while True:
        stream = open(os.open(path, OPENED, 0o644), "r+b")  # noqa: PTH123, SIM115 - as it is
        if not lock(stream):
            with stream:
                who = visible(stream.read(200).decode("utf-8", "replace")) or "nobody says which"
            raise InputError(
                f"Another process is writing to {path.parent} ({who}); wait until it has ended, or choose another "
                "folder."
            )
        if os.path.lexists(path) and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            break
        # Whoever had it is done, and took it away meanwhile.
        stream.close()
    try:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        stream.truncate()
        stream.write(f"{what}, process {os.getpid()} on {platform.node()[:60]}, since {now}".encode())
        stream.flush()
        yield
    finally:
        if sys.platform == "win32":
            # There nothing that is open can be taken away.
            stream.close()
        path.unlink(missing_ok=True)
        stream.close()


def is_free(folder: Path) -> bool:
    """Whether nothing is in a folder, or it is not there; a claim does not count."""
    return not folder.is_dir() or all(found.name == LOCK for found in folder.iterdir())


def check_folder(
    folder: str | Path, names: Iterable[str] = (), *, inputs: Iterable[str | Path] = (), what: str = "the files"
) -> Path:
    """See, before the work, that files can be written into a folder. It is not made yet.

    Args:
        folder: where they go.
        names: of the files that will be written, as far as they are known.
        inputs: what is read to make them. Files: none of them is overwritten, under whatever
            name or link they are reached.
        what: goes there, for people.

    Returns:
        The folder, `~` expanded.

    Raises:
        InputError: it is a file, or leads nowhere; it cannot be written to; a name is one of
            a folder, or of an input.
    """
    folder = expanded(folder)
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            kind = "a file" if folder.exists() else "a link that leads nowhere"
            raise InputError(f"{folder} is {kind}; give a folder for {what} to go to.")
        _check_place(folder)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} cannot be written to ({_reason(error)}); choose another folder.") from error
    for name in names:
        _check_file(folder / name, inputs, "choose another folder")
    return folder


def check_file(path: str | Path, *, inputs: Iterable[str | Path] = ()) -> Path:
    """See, before the work, that a file can be written. Pipes and devices can.

    Args:
        path: the file; its folder has to be there.
        inputs: as of `check_folder`.

    Returns:
        The path, `~` expanded.

    Raises:
        InputError: it is a folder, or cannot be written; its folder is not there; it is an input.
    """
    path = expanded(path)
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: it is a folder, or its own folder does not exist.")
        if not is_stream(path):
            # A link is followed when it is written.
            target = Path(os.path.realpath(path))
            if not target.parent.is_dir():
                raise InputError(f"{path} cannot be written: it is a link that leads nowhere.")
            _check_place(target.parent)
            if len(os.fsencode(target.name)) > name_bytes(target.parent):
                raise InputError(f"{path} cannot be written: its name is too long.")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be written ({_reason(error)}).") from error
    _check_file(path, inputs, "choose another name")
    return path


def check_free(folder: Path, names: Iterable[str], remedy: str) -> None:
    """See that none of these files is there already.

    Raises:
        InputError: which are, and the remedy.
    """
    if there := [name for name in names if os.path.lexists(folder / name)]:
        more = f" and {len(there) - _SHOWN:,} more" if len(there) > _SHOWN else ""
        verb = "is" if len(there) == 1 else "are"
        raise InputError(f"{', '.join(there[:_SHOWN])}{more} {verb} in {folder} already; {remedy}.")


def _check_place(folder: Path) -> None:
    """Raise an OSError if nothing can be made in a folder, or where it would be made."""
    for part in folder.parts:
        if "\0" in part:
            raise ValueError("a name in it has a null character")
        if len(os.fsencode(part)) > name_bytes(folder):
            raise InputError(f"{folder} cannot be written to: a name in it is too long; choose another folder.")
    place = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not place.is_dir():
        raise InputError(f"{folder} cannot be made: {place} is a file; choose another folder.")
    # Asking for permission is not enough: root has it on read-only file systems, too.
    with tempfile.TemporaryFile(dir=place):
        pass


def _check_file(path: Path, inputs: Iterable[str | Path], remedy: str) -> None:
    if path.is_dir():
        raise InputError(f"{path} cannot be written: it is a folder; {remedy}.")
    if not path.exists() or is_stream(path):
        return
    for source in map(Path, inputs):
        if source.exists() and path.samefile(source):
            raise InputError(f"{source} would be overwritten by {path}; {remedy}.")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _composed(name).casefold())
