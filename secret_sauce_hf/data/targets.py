"""Where a build goes: a folder of this machine, or a place that an address names, `s3://…`, `hf://…`, `file://…`."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from secret_sauce_hf.data.names import DATA_FOLDER
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.outputs import LOCK, check_folder, claimed, expanded
from secret_sauce_hf.remote import redact, remote_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.+)", re.DOTALL)
"""A letter alone is a drive of Windows."""
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hf", "memory"})
"""Storages in which a file appears whole or not at all. Elsewhere it gets its name when it is whole."""
_LOCAL = frozenset({"file", "local"})
_LEFT_SECONDS = 24 * 3600.0
"""After so long nobody is writing a shard any more; clocks of storages differ by less."""
_INSIDE = re.compile(r"data/[A-Za-z0-9][A-Za-z0-9._-]{0,199}|[.A-Za-z][A-Za-z0-9._-]{0,199}")


def is_address(out: object) -> bool:
    """Whether this is an address, such as `s3://bucket/folder`, and no path of this machine."""
    return isinstance(out, str) and _ADDRESS.fullmatch(out) is not None


@dataclass(frozen=True)
class Folder:
    """A folder of this machine.

    Args:
        path: the folder; made where it is missing.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def check(self) -> None:
        """See, before the work, that files can be written there.

        Raises:
            InputError: they cannot.
        """
        check_folder(self.path, what="the dataset")

    def claimed(self) -> AbstractContextManager[None]:
        """Have it for this build alone, see `outputs.claimed`."""
        return claimed(self.path, "a build")

    def top(self) -> set[str]:
        """What lies there, by name; a claim left out."""
        return {path.name for path in self.path.iterdir()} - {LOCK} if self.path.is_dir() else set()

    def shards(self) -> dict[str, int]:
        """The files among the data, hidden ones left out: name → bytes."""
        found = (self.path / DATA_FOLDER).glob("[!.]*")
        return {path.name: path.stat().st_size for path in found if path.is_file()}

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """A file; None if there is none, or more than so many bytes."""
        path = self.path / _inside(name)
        if not path.is_file() or (most is not None and path.stat().st_size > most):
            return None
        return path.read_bytes()

    def size(self, name: str) -> int | None:
        """How many bytes a file has; None if there is none."""
        path = self.path / _inside(name)
        return path.stat().st_size if path.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        write_whole(self.path / _inside(name), content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.path / _inside(name)).unlink(missing_ok=True)

    def prepare(self) -> None:
        """Make what the files lie in, and remove what was left of builds that were killed."""
        data = self.path / DATA_FOLDER
        data.mkdir(parents=True, exist_ok=True)
        for leftover in data.glob(".*.parquet.*.tmp"):
            leftover.unlink(missing_ok=True)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder to write a shard in."""
        yield self.path / DATA_FOLDER

    def take(self, path: Path) -> None:
        """Take a file from the workplace to where it belongs: there it is."""


@dataclass(frozen=True)
class Place:
    """A place that an address names, in any storage that fsspec knows.

    What it needs to be let in, it finds as fsspec does: in the environment, in the files of the storage's own client
    or in `~/.config/fsspec`.

    Args:
        address: `PROTOCOL://PATH`.
    """

    address: str

    def __str__(self) -> str:
        return redact(self.address.rstrip("/"))

    def check(self) -> None:
        """See, before the work, that the storage is known and what is there can be listed.

        Raises:
            InputError: there is no such storage, its client is not installed, or it does not let us in.
        """
        if "::" in self.address or ".." in self.address.split("/"):
            raise InputError(f"{self} is no place to write to: give one address, without :: and .. in it.")
        with self._said("read"):
            self.top()

    def claimed(self) -> AbstractContextManager[None]:
        """Have it for this build alone where it is a folder of this machine; other storages know no such thing."""
        if self._protocol not in _LOCAL:
            return nullcontext()
        return claimed(Path(self._system()[1]), "a build")

    def top(self) -> set[str]:
        """What lies there, by name; a claim left out."""
        return {str(row["name"]).rstrip("/").rpartition("/")[2] for row in self._listed("")} - {LOCK}

    def shards(self) -> dict[str, int]:
        """The files among the data, hidden ones left out: name → bytes."""
        rows = [row for row in self._listed(DATA_FOLDER) if row["type"] == "file"]
        named = {str(row["name"]).rpartition("/")[2]: int(row["size"] or 0) for row in rows}
        return {name: size for name, size in named.items() if not name.startswith(".")}

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """A file; None if there is none, or more than so many bytes.

        Raises:
            InputError: it cannot be read.
        """
        with self._said("read"):
            system, root = self._system()
            path = f"{root}/{_inside(name)}"
            try:
                if most is not None and int(system.info(path)["size"] or 0) > most:
                    return None
                return bytes(system.cat_file(path))
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """How many bytes a file has; None if there is none.

        Raises:
            InputError: it cannot be read.
        """
        with self._said("read"):
            system, root = self._system()
            try:
                return int(system.info(f"{root}/{_inside(name)}")["size"] or 0)
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file, if it is not there as it is.

        Raises:
            InputError: it cannot be written.
        """
        if self.read(name) == content:
            # In a repository each writing is a commit.
            return
        self._write(name, lambda system, path: system.pipe_file(path, content))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            InputError: it cannot be removed.
        """
        with self._said("written to"):
            system, root = self._system()
            try:
                system.rm_file(f"{root}/{_inside(name)}")
            except FileNotFoundError:
                return

    def prepare(self) -> None:
        """Make what the files lie in, where a storage has folders, and remove what was left of builds that were killed.

        Raises:
            InputError: it cannot be written to.
        """
        with self._said("written to"):
            system, root = self._system()
            if self._protocol not in _WHOLE:
                system.makedirs(f"{root}/{DATA_FOLDER}", exist_ok=True)
                for row in self._listed(DATA_FOLDER):
                    if str(row["name"]).endswith(".tmp") and self._is_left(system, row["name"]):
                        system.rm_file(row["name"])

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder of this machine to write a shard in, gone afterwards."""
        with TemporaryDirectory(prefix="secret-sauce-") as folder:
            yield Path(folder)

    def take(self, path: Path) -> None:
        """Take a file from the workplace to where it belongs.

        Raises:
            InputError: it cannot be written.
        """
        self._write(f"{DATA_FOLDER}/{path.name}", lambda system, to: system.put_file(str(path), to))

    def _is_left(self, system: "AbstractFileSystem", path: str) -> bool:
        """Whether nobody can be writing a file any more, as far as the storage tells."""
        if self._protocol in _LOCAL:
            return True
        try:
            changed = system.modified(path)
        except (NotImplementedError, OSError, KeyError):
            return True
        return time.time() - changed.timestamp() > _LEFT_SECONDS

    @property
    def _protocol(self) -> str:
        return self.address.partition("://")[0].lower()

    def _system(self) -> "tuple[AbstractFileSystem, str]":
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self.address)
        # Other machines write there, too.
        system.invalidate_cache()
        return system, root.rstrip("/")

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        with self._said("read"):
            system, root = self._system()
            try:
                return list(system.ls(f"{root}/{folder}".rstrip("/"), detail=True))
            except FileNotFoundError:
                return []

    def _write(self, name: str, write: "Callable[[AbstractFileSystem, str], object]") -> None:
        with self._said("written to"), _without_bars(self._protocol):
            system, root = self._system()
            path = f"{root}/{_inside(name)}"
            if self._protocol in _WHOLE:
                write(system, path)
                return
            folder, _, last = path.rpartition("/")
            unfinished = f"{folder}/.{last}.{uuid4().hex}.tmp"
            try:
                write(system, unfinished)
                if self._protocol in _LOCAL:
                    Path(unfinished).replace(path)
                else:
                    system.mv(unfinished, path)
            finally:
                if system.exists(unfinished):
                    system.rm_file(unfinished)

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Tell what goes wrong in this block in one line."""
        try:
            if self._protocol == "hf":
                with remote_errors(str(self), sending=what != "read"):
                    yield
            else:
                yield
        except (InputError, KeyboardInterrupt):
            raise
        except ImportError as error:
            raise InputError(f"{self} needs a client of that storage ({redact(str(error))[:200]}).") from error
        except Exception as error:  # Every storage's client has errors of its own.
            lines = (str(error).strip() or type(error).__name__).splitlines()
            raise InputError(
                f"{self} cannot be {what} ({redact(lines[0])[:200].rstrip('.')}); check the address, and what this "
                "machine may do there."
            ) from error


@contextmanager
def _without_bars(protocol: str) -> Iterator[None]:
    """Show no progress bar of the Hub's client for each file in this block: there is one for all of them."""
    if protocol == "hf":
        from huggingface_hub.utils.tqdm import (
            are_progress_bars_disabled,
            disable_progress_bars,
            enable_progress_bars,
        )

        if not are_progress_bars_disabled():
            disable_progress_bars()
            try:
                yield
            finally:
                enable_progress_bars()
            return
    yield


Target: TypeAlias = Folder | Place


def target_of(out: str | Path) -> Target:
    """The folder or the place that is meant.

    Raises:
        InputError: the path cannot be one.
    """
    return Place(str(out)) if is_address(out) else Folder(expanded(out))


def is_unfinished(found: str, *names: str) -> bool:
    """Whether a file's name is that which one of these has before it is whole: what a build that was killed may leave.

    Args:
        found: the name of what lies there.
        names: of files.
    """
    return found.endswith(".tmp") and any(found.startswith(f".{name}.") for name in names)


def _inside(name: str) -> str:
    """A file's name in a build, which leads nowhere else."""
    if _INSIDE.fullmatch(name) is None:
        raise InputError(f"{name[:80]!r} is no name of a file of a build.")
    return name
