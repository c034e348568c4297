"""A user's bank of presets: those that a match may answer with, or begin at."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from secret_sauce_hf.engines.given import PLUGIN_SUFFIXES, of_plugin, read_given
from secret_sauce_hf.instruments import Collection, InputError, same_parameters
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.midi import NATIVE_SUFFIXES, PRESET_SUFFIXES
from secret_sauce_hf.outputs import expanded
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.rows import JSON_LINES

MOST_PRESETS = 100_000
"""A bank with more is refused."""
ENDINGS = (".csv", *JSON_LINES, ".json", *NATIVE_SUFFIXES)
"""By these the files of a bank are known in a folder."""


@dataclass(frozen=True, eq=False)
class Bank:
    """Presets of one collection, each once, with their names.

    Args:
        collection: whose presets they are.
        cc: the CC values nearest to their settings, int64 of shape (presets, parameters).
        names: where each comes from: a file, and the number of the row from 0 where the file has rows.
    """

    collection: Collection
    cc: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def name(self, cc: np.ndarray) -> str | None:
        """What a preset is called, CC values of shape (parameters,); None if the bank has none with these."""
        row = self._rows.get(np.asarray(cc, dtype=np.int64).tobytes())
        return None if row is None else self.names[row]

    @cached_property
    def _rows(self) -> dict[bytes, int]:
        return {own.tobytes(): row for row, own in enumerate(self.cc)}


BankSource: TypeAlias = str | Path | Presets | Bank
"""What `read_bank` reads."""


def read_bank(collection: Collection, source: BankSource) -> Bank:
    """Read a bank of presets. What its rows play does not matter.

    Args:
        collection: whose presets they have to be.
        source: a file of rows, see `secret_sauce_hf.engines.given.read_given`; a folder of such files, of which those
            are read whose names end as `ENDINGS` says, in the order of their names; presets in memory; or a bank that
            was read before.

    Returns:
        The bank; of equal presets the first.

    Raises:
        InputError: there is no such file or folder, it holds no presets or more than `MOST_PRESETS`, or a file is
            none of the collection's presets; the message names the file.
    """
    if isinstance(source, Bank):
        _check_parameters(source.collection, collection)
        return source
    if isinstance(source, Presets):
        _check_parameters(source.collection, collection)
        parts: Iterator[tuple[list[str], Presets]] = iter([(_names("", source), source)])
    else:
        parts = _files(collection, expanded(source))
    names: list[str] = []
    read: list[np.ndarray] = []
    for called, presets in parts:
        read.append(presets.cc)
        names += called
        if len(names) > MOST_PRESETS:
            raise InputError(f"The bank has more than {MOST_PRESETS:,} presets; give a part of it.")
    if not names:
        raise InputError(f"The bank {'' if isinstance(source, Presets) else f'{source} '}holds no presets.")
    cc = np.concatenate(read)
    first = np.sort(np.unique(cc, axis=0, return_index=True)[1])
    return Bank(collection, cc[first], tuple(names[row] for row in first))


def _check_parameters(own: Collection, collection: Collection) -> None:
    if not same_parameters(own, collection):
        raise InputError(f"The bank holds presets of {own.name}, not of {collection.name}.")


def _files(collection: Collection, path: Path) -> Iterator[tuple[list[str], Presets]]:
    """The files of a bank: what the presets of each are called, and the presets.

    Raises:
        InputError: there is none, or one that holds none of the collection's presets.
    """
    if not path.exists():
        raise InputError(f"No such bank: {path}.")
    files = [path]
    if path.is_dir():
        endings = ENDINGS if collection.instrument.plugin is None else (*ENDINGS, *PLUGIN_SUFFIXES)
        known = (file for file in path.iterdir() if file.suffix.lower() in endings and not file.name.startswith("."))
        files = sorted(file for file in known if file.is_file())
        if not files:
            raise InputError(f"The bank {path} holds no presets: no file in it ends in {', '.join(endings)}.")
    own = [file for file in files if of_plugin(collection, file)]
    if own:
        # All at once, so that one warning names those that do not sound as their parameters do.
        (presets,) = read_given(collection, path)
        yield [Path(name).stem for name in presets.files], presets
    for file in (file for file in files if file not in own):
        try:
            parts = read_given(collection, file, replaced=True)
        except InputError as error:
            # Those that read files of one preset tell which it is.
            raise InputError(str(error) if str(file) in str(error) else f"{file}: {error}") from error
        told = [Presets(collection, part.unit, part.files) for part in parts]
        yield _names(file.name, presets := Presets.concatenated(told)), presets


def _names(file: str, presets: Presets) -> list[str]:
    """What the presets of a file are called; of presets in memory `file` is empty."""
    suffix = Path(file).suffix.lower()
    if suffix in PRESET_SUFFIXES and len(presets) == 1:
        return [file]
    if suffix in NATIVE_SUFFIXES:
        return [f"{file}, {Path(own).stem}" for own in presets.files]
    where = f"{file}, " if file else ""
    return [
        f"{where}row {row}" + ("" if own == sound_file(row) else f" ({own})") for row, own in enumerate(presets.files)
    ]
