"""Places to write to, looked at before the work: whether they can be written, and that no input is lost there."""

import os
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from secret_sauce_hf.files import is_stream, name_bytes
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.sounds import expanded as expanded  # a checkpoint carries it

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
