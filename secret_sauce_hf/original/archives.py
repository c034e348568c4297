"""The archives of 2018: a table of settings and a folder of WAV files, unpacked or as a zip.

An archive comes from elsewhere and is not trusted: it is read where it lies and nothing
is unpacked; sizes are limited before anything is read, and a name that leads out of the
archive is refused.
"""

import hashlib
import io
import lzma
import os
import stat
import weakref
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

import numpy as np
import soundfile

from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, get_collection
from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.original.table import are_original
from secret_sauce_hf.presets import Presets

DRIVE_URL = "https://drive.usercontent.google.com/download?id={id}&export=download&confirm=t"
"""Where Google Drive hands out a file, its question about large files answered."""

DRIVE_IDS = {
    "guitar-tiny": "1QL4HLUNds6rm3T0XlWFWy3V_5DKy-yTy",
    "guitar": "1b-0anGE1csjUBiTLR1Ji6dOv53IswOQv",
    "noisemaker-light": "18Q6q9jKayFjwJ-gC84opHz1LSozHSeNi",
    "noisemaker": "1-QRmDChzf9MLsgOvUe4HemVqslPlH5ET",
    "subphatty": "1ZIcsoY0Cr8mUcBB8UqfjMRH1_weewUA0",
}
"""The file on Google Drive that the announcement of 2018 links for each collection."""

# The largest archive of 2018 has 10,000 sounds of 40 kB and a table of 4 MB.
MAX_SOUND_BYTES = 2**20
MAX_TABLE_BYTES = 16 * 2**20
MAX_ENTRIES = 50_000
MAX_LISTING_BYTES = 2**24
"""Of a zip's list of entries, which is read whole before any is counted: 335 for each of `MAX_ENTRIES`."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How entries may be packed; LZMA asks for a dictionary of up to 4 GB before it unpacks a byte."""
MAX_TOTAL_BYTES = 2 * 2**30
"""Most bytes that the entries of a zip may unpack to, all together."""

SHOWN = 5
"""How many of a report's names its text lists."""

_LONGEST = 120
"""Characters of what a library says, which may quote as much of a file as it likes."""

# What a desktop leaves behind in a folder.
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
# What `zipfile` and its decompressors raise for damaged or hostile content; RuntimeError
# is for encryption, ValueError for a name that is not in the encoding it claims.
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError)

_Place = TypeVar("_Place", Path, PurePosixPath)


@dataclass(frozen=True)
class ArchiveReport:
    """What is wrong with some rows of an archive.

    Args:
        start: number of the first row that was looked at.
        stop: number of the row after the last.
        missing: names of sounds that are not there.
        broken: names of sounds that are not takes of the collection, each with the reason.
        changed: numbers of rows whose settings or file name are not those of 2018.
        extra: names in the folder of sounds that no row has.
    """

    start: int
    stop: int
    missing: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    changed: tuple[int, ...]
    extra: tuple[str, ...]

    @property
    def bad_rows(self) -> tuple[int, ...]:
        """Numbers of the rows that cannot be used; extra sounds spoil none."""
        bad = set(self.missing) | {name for name, _ in self.broken}
        changed = set(self.changed)
        return tuple(row for row in range(self.start, self.stop) if row in changed or sound_file(row) in bad)

    def __str__(self) -> str:
        return self.text(SHOWN, "; ")

    def text(self, shown: int | None = None, separator: str = "\n") -> str:
        """What is wrong, for people.

        Args:
            shown: how many names of each kind are listed; all if None.
            separator: between the kinds.
        """
        parts = [
            _listed(self.missing, "sound is missing", "sounds are missing", shown),
            _listed([f"{name} ({why})" for name, why in self.broken], "sound is broken", "sounds are broken", shown),
            _listed(
                [f"row {row}" for row in self.changed],
                "row differs from the table of 2018",
                "rows differ from the table of 2018",
                shown,
            ),
            _listed(self.extra, "file belongs to no row", "files belong to no row", shown),
        ]
        return separator.join(part for part in parts if part) or "nothing is wrong"


def _listed(items: Sequence[str], one: str, many: str, most: int | None) -> str:
    if not items:
        return ""
    shown = ", ".join(items[:most]) + (", …" if most is not None and len(items) > most else "")
    return f"{len(items):,} {one if len(items) == 1 else many}: {shown}"


class Archive:
    """An archive of 2018, open for reading.

    It holds `<stem>.csv` and beside it `<stem>_samples` with `s0.wav`, `s1.wav`, …, at the
    top or in one folder; the collection's name may stand in place of the stem.

    Args:
        path: the zip, or the folder that it was unpacked to.
        collection: the collection or its name.

    Raises:
        InputError: no such archive, or one that must not be read: see the module.
    """

    def __init__(self, path: str | Path, collection: str | Collection):
        self.path = Path(path).expanduser()
        self.collection = get_collection(collection)
        if self.collection.seed is not None:
            raise InputError(f"{self.collection.name} was not recorded in 2018, and has no archive: build it instead.")
        try:
            if self.path.is_dir():
                self._files: _Files = _Folder(self.path, self.collection)
            elif self.path.is_file():
                self._files = _Zip(self.path, self.collection)
            else:
                raise InputError(f"No such file or folder: {self.path}.")
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror}.") from error

    def __reduce__(self) -> tuple:
        # Open files do not travel to other processes; the archive is opened anew there.
        return Archive, (self.path, self.collection)

    @cached_property
    def presets(self) -> Presets:
        """The archive's own table.

        Raises:
            InputError: it is not a table of the collection.
        """
        name = self._files.table
        try:
            text = self._files.read_table().decode("utf-8-sig")
            presets = Presets.from_csv(self.collection, io.StringIO(text, newline=""))
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: {name} is not a text file in UTF-8: {error}.") from error
        except InputError as error:
            raise InputError(f"{self.path}: {name}: {error}") from error
        if len(presets) > self.collection.count:
            raise InputError(
                f"{self.path}: {name} has {len(presets):,} rows, but {self.collection.name} has "
                f"{self.collection.count:,}: this is another collection's archive."
            )
        return presets

    def check(self, start: int = 0, stop: int | None = None) -> ArchiveReport:
        """Read rows `start` to `stop` (all if None) and say what is wrong with them.

        Raises:
            InputError: the table cannot be read or has fewer rows.
        """
        stop = self.collection.count if stop is None else stop
        if not 0 <= start < stop <= len(self.presets):
            raise InputError(
                f"{self.path}: {self._files.table} has {len(self.presets):,} rows, there is no reading rows {start} "
                f"to {stop - 1}; give others, or a complete archive."
            )
        missing: list[str] = []
        broken: list[tuple[str, str]] = []
        for row in range(start, stop):
            name = sound_file(row)
            if name not in self._files.sounds:
                missing.append(name)
                continue
            try:
                self.take(row)
            except InputError as error:
                broken.append((name, str(error)))
        same = are_original(self.presets) & [name == sound_file(row) for row, name in enumerate(self.presets.files)]
        known = {sound_file(row) for row in range(self.collection.count)}
        return ArchiveReport(
            start=start,
            stop=stop,
            missing=tuple(missing),
            broken=tuple(broken),
            changed=tuple(int(row) for row in np.flatnonzero(~same) if start <= row < stop),
            extra=tuple(sorted(name for name in self._files.sounds if name not in known)),
        )

    def take(self, row: int) -> np.ndarray:
        """The sound of a row: int16, shape (samples,).

        Raises:
            InputError: it is missing or not a take of the collection; the message is the reason alone.
        """
        return _decode(self._files.read_sound(sound_file(row)), self.collection.samples)

    @cached_property
    def state(self) -> str:
        """A text that changes whenever files of the archive do, as far as their sizes and times tell."""
        digest = hashlib.sha256()
        for name, size, time in self._files.states():
            digest.update(f"{name}\0{size}\0{time}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()[:16]


def _decode(content: bytes, samples: int) -> np.ndarray:
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            # WAVEX is a WAV file with the longer header, which Windows programs write.
            if file.format not in ("WAV", "WAVEX") or file.subtype != "PCM_16":
                raise InputError(f"{file.format} with {file.subtype} instead of WAV with PCM_16")
            if file.samplerate != SAMPLE_RATE or file.channels != 1:
                raise InputError(f"{file.samplerate} Hz and {file.channels} channels instead of {SAMPLE_RATE} Hz mono")
            if file.frames != samples:
                raise InputError(f"{file.frames} samples instead of {samples}")
            take = file.read(dtype="int16")
    except soundfile.LibsndfileError as error:
        raise InputError(f"not a sound that can be read: {error.error_string}") from error
    if len(take) != samples:
        raise InputError(f"ends after {len(take)} samples of {samples}")
    return take


class _Files(Protocol):
    """Where an archive's files come from."""

    table: str
    """The table's path in the archive."""

    @property
    def sounds(self) -> Mapping[str, object]:
        """What lies in the folder of sounds, by name."""
        ...

    def read_table(self) -> bytes: ...

    def read_sound(self, name: str) -> bytes: ...

    def states(self) -> Iterator[tuple[str, int, int]]:
        """Name, size and time of every file that matters, in a fixed order."""
        ...


class _Folder:
    """An unpacked archive."""

    def __init__(self, root: Path, collection: Collection):
        self._root = root.resolve()
        folders = [self._root, *(path for path in sorted(self._root.iterdir()) if path.is_dir())]
        found = [
            (folder / f"{table}.csv", folder / f"{sounds}_samples")
            for folder in folders
            for table in _names(collection)
            for sounds in _names(collection)
            if (folder / f"{table}.csv").is_file() and (folder / f"{sounds}_samples").is_dir()
        ]
        self._table, sounds = _only(found, root, collection)
        self.table = self._table.relative_to(self._root).as_posix()
        self._refuse_way_out(self._table)
        self._refuse_way_out(sounds)
        self.sounds: dict[str, Path] = {}
        with os.scandir(sounds) as entries:
            for entry in entries:
                if entry.is_symlink():
                    self._refuse_way_out(Path(entry.path))
                if not _is_litter(entry.name):
                    self.sounds[entry.name] = Path(entry.path)
                if len(self.sounds) > MAX_ENTRIES:
                    raise InputError(f"{sounds} has more than {MAX_ENTRIES:,} files: not an archive of 2018.")

    def _refuse_way_out(self, path: Path) -> None:
        try:
            end = path.resolve()
        except (OSError, RuntimeError):
            return  # A link that leads to itself leads nowhere; reading it says so.
        if not end.is_relative_to(self._root):
            raise InputError(f"{path} leads out of {self._root}; put the file itself there.")

    def read_table(self) -> bytes:
        return _read_file(self._table, MAX_TABLE_BYTES)

    def read_sound(self, name: str) -> bytes:
        if name not in self.sounds:
            raise InputError("missing")
        return _read_file(self.sounds[name], MAX_SOUND_BYTES)

    def states(self) -> Iterator[tuple[str, int, int]]:
        for path in (self._table, *(self.sounds[name] for name in sorted(self.sounds))):
            status = path.lstat()
            yield path.name, status.st_size, status.st_mtime_ns


def _read_file(path: Path, limit: int) -> bytes:
    try:
        # Looked at first: opening a named pipe would wait for ever.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError("not a regular file")
        if status.st_size > limit:
            raise InputError(_too_large(status.st_size, limit))
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error


class _Limited(io.FileIO):
    """A file of which nobody reads more at once than a zip's list of entries may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file.

        Raises:
            BadZipFile: more is asked for, as a list of entries claims to have.
        """
        if size is not None and size > MAX_LISTING_BYTES:
            raise zipfile.BadZipFile(f"its list of entries has {_too_large(size, MAX_LISTING_BYTES)}")
        return super().read(size)


class _Zip:
    """An archive in one file. Entries are read one by one, and nothing is written."""

    def __init__(self, path: Path, collection: Collection):
        self._path = path
        status = path.stat()
        self._state = (path.name, status.st_size, status.st_mtime_ns)
        self._process = os.getpid()
        self._zip = self._opened()
        entries = {info.filename: info for info in self._checked(self._zip.infolist()) if not info.is_dir()}
        # Keyed by folder, so that looking for one folder's files does not take a walk through all.
        folders: dict[PurePosixPath, dict[str, zipfile.ZipInfo]] = {}
        for name, info in entries.items():
            parts = PurePosixPath(name)
            folders.setdefault(parts.parent, {})[parts.name] = info
        found = [
            (folder / f"{table}.csv", folder / f"{sounds}_samples")
            for folder, files in folders.items()
            if len(folder.parts) <= 1 and folder.name != "__MACOSX"
            for table in _names(collection)
            for sounds in _names(collection)
            if f"{table}.csv" in files and folder / f"{sounds}_samples" in folders
        ]
        csv, sounds = _only(found, path, collection)
        self.table = csv.as_posix()
        self._table = folders[csv.parent][csv.name]
        self.sounds = {name: info for name, info in folders[sounds].items() if not _is_litter(name)}

    def _opened(self) -> zipfile.ZipFile:
        file = _Limited(self._path)
        try:
            opened = zipfile.ZipFile(file)
            # What is handed to it, it does not close.
            weakref.finalize(opened, file.close)
            return opened
        except _ZIP_FAULTS as error:
            file.close()
            raise InputError(
                f"{self._path} is not a zip file that can be read ({str(error)[:_LONGEST]}); download it again with a "
                "browser, unpack archives of another kind and give the folder."
            ) from error

    def _checked(self, infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
        """The entries, where none of them is one to be refused."""
        if len(infos) > MAX_ENTRIES:
            raise InputError(f"{self._path} has more than {MAX_ENTRIES:,} entries: not an archive of 2018.")
        total = sum(info.file_size for info in infos)
        if total > MAX_TOTAL_BYTES:
            raise InputError(f"{self._path} unpacks to {_too_large(total, MAX_TOTAL_BYTES)}: not an archive of 2018.")
        seen: set[str] = set()
        for info in infos:
            # `orig_filename`, as `filename` ends at a zero byte.
            name = info.orig_filename
            if why := _refusal(info):
                raise InputError(f"{self._path}: the entry {quoted(name)} {why}; do not use this file.")
            # "a//b" and "./a/b" are the same file as "a/b".
            place = PurePosixPath(name).as_posix().casefold()
            if place in seen:
                raise InputError(f"{self._path}: the entry {quoted(name)} is there twice; do not use this file.")
            seen.add(place)
        return infos

    def read_table(self) -> bytes:
        return self._read(self._table, MAX_TABLE_BYTES)

    def read_sound(self, name: str) -> bytes:
        if name not in self.sounds:
            raise InputError("missing")
        return self._read(self.sounds[name], MAX_SOUND_BYTES)

    def _read(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        if info.file_size > limit:
            raise InputError(_too_large(info.file_size, limit))
        if info.compress_type not in METHODS:
            raise InputError("cannot be unpacked: it is neither stored nor deflated")
        if self._process != os.getpid():
            # A fork shares the position in the file with its parent.
            self._process, self._zip = os.getpid(), self._opened()
        try:
            with self._zip.open(info) as file:
                content = file.read(limit + 1)
        except _ZIP_FAULTS as error:
            raise InputError(f"cannot be unpacked: {str(error)[:_LONGEST]}") from error
        if len(content) != info.file_size:
            raise InputError(f"cannot be unpacked: {len(content)} bytes of {info.file_size}")
        return content

    def states(self) -> Iterator[tuple[str, int, int]]:
        yield self._state


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why an entry must not be in a zip, empty if it may."""
    name = info.orig_filename
    if not name:
        return "has no name"
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or ".." in name.split("/"):
        return "leads out of the archive"
    if info.flag_bits & 0x1:
        return "is encrypted"
    # The upper half is the Unix mode, zero where the zip was made elsewhere.
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    return ""


def _only(found: list[tuple[_Place, _Place]], path: Path, collection: Collection) -> tuple[_Place, _Place]:
    """The one table and folder of sounds in an archive."""
    if len(found) == 1:
        return found[0]
    stem = collection.stem
    if found:
        raise InputError(
            f"{path} holds more than one archive of {collection.name}: {', '.join(str(csv) for csv, _ in found)}; "
            "give one of their folders."
        )
    raise InputError(
        f"{path} holds no archive of {collection.name}: it needs {stem}.csv and beside it the folder {stem}_samples, "
        "at the top or in one folder."
    )


def _names(collection: Collection) -> tuple[str, ...]:
    """What the collection's files may be called."""
    return tuple(dict.fromkeys((collection.stem, collection.name)))


def _is_litter(name: str) -> bool:
    return name in _LITTER or name.startswith("._")


def _too_large(size: int, limit: int) -> str:
    return f"{size:,} bytes, more than the {limit:,} allowed"
