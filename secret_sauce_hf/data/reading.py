"""Datasets of takes back to arrays, by soundfile; torchcodec is not needed."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import soundfile
from datasets import (
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    IterableDataset,
    IterableDatasetDict,
    config,
    load_dataset_builder,
)
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.file_download import repo_folder_name

from secret_sauce_hf.data.columns import features
from secret_sauce_hf.data.handed import has_own_paths, is_saved, rendered_tables, saved_dataset, with_bytes
from secret_sauce_hf.data.inside import check_card, check_inside
from secret_sauce_hf.data.names import AUDIO_COLUMN, DATA_FOLDER, NOTES_COLUMN, SPLITS
from secret_sauce_hf.data.noted import performances_of
from secret_sauce_hf.data.parquet import FAULTS, batches, opened, readable, reason, types_in
from secret_sauce_hf.data.sounds import rows_at_once
from secret_sauce_hf.data.splitting import cut, parts_of
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    SAMPLE_RATE,
    Collection,
    InputError,
    Parameter,
    Switch,
    get_collection,
)
from secret_sauce_hf.instruments.checking import quoted
from secret_sauce_hf.instruments.lengths import LONGEST, SHORTEST, with_seconds
from secret_sauce_hf.instruments.sounds import open_sound
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.outputs import expanded
from secret_sauce_hf.presets import FILE_COLUMN, Presets
from secret_sauce_hf.remote import is_repo_id, remote_errors, split_revision

Source: TypeAlias = str | Path | Dataset | DatasetDict | IterableDataset | IterableDatasetDict

MAX_SECONDS = 60
"""Longer sounds in a dataset are refused; a take has at most one second."""

_SHARD = re.compile(r"(?P<split>\w+(?:\.\w+)*)-[0-9]{5}-of-[0-9]{5}\.parquet")
_BATCH = 200
_ROUNDING = 1e-6
"""Of 0..1, more than float32 settings are off and less than a step of a 14-bit knob."""


@dataclass(frozen=True)
class Takes:
    """Sounds with their presets.

    Args:
        sounds: float32 of shape (rows, samples), -1 to 1, at 22,050 Hz.
        presets: the settings, what is played, and file names, one row per sound.
    """

    sounds: np.ndarray
    presets: Presets

    def __len__(self) -> int:
        return len(self.presets)


def load_takes(source: Source, split: str | None = None, *, collection: str | Collection | None = None) -> Takes:
    """Read all takes of a dataset into memory (79 KB a second of sound); see `iter_takes`."""
    batches = list(iter_takes(source, split, collection=collection))
    if not batches:
        raise InputError("The dataset has no rows.")
    lengths = {batch.sounds.shape[1] for batch in batches}
    if len(lengths) > 1:
        raise InputError(
            f"The takes differ in length ({min(lengths)} to {max(lengths)} samples); read them one by one."
        )
    presets = Presets.concatenated([batch.presets for batch in batches])
    return Takes(np.concatenate([batch.sounds for batch in batches]), presets)


def iter_takes(
    source: Source, split: str | None = None, *, collection: str | Collection | None = None
) -> Iterator[Takes]:
    """Read the takes of a dataset a few hundred at a time.

    Args:
        source: a folder that `build_collection` or `collect_recordings` made, or any other
            that `load_dataset` reads; the id of a dataset on the Hub, `ORG/NAME` or
            `ORG/NAME@REVISION`; a dataset as `load_dataset` gives it (plain, a dict of
            splits, or streamed), whose sounds may lie in files; a folder that `save_to_disk`
            made; or the name of a collection, whose own rows are rendered on the way. A
            folder of that name comes before the collection and the Hub.
        split: "train", "test" or another that there is, or a slice as `load_dataset` takes it:
            "train[:100]", "train[10%:20%]+test"; all if None. A single split has none to choose.
        collection: whose parameters the columns are; found by the columns, and where several have the same ones by
            the length of the takes, if None.

    Raises:
        InputError: not such a dataset, a value that is not allowed, or a sound that
            cannot be read, is not mono, not at 22,050 Hz or not as long as a take of
            `collection`; the message names the row.
    """
    types, tables, folder = _open(source, split)
    samples = None
    if collection is None:
        fitting = _recognise(types)
    else:
        fitting = [get_collection(collection)]
        samples = fitting[0].samples
    told = (NOTES_COLUMN,) if len(fitting) == 1 and fitting[0].plays is not None else ()
    if missing := [name for name in (AUDIO_COLUMN, *fitting[0].columns, *told) if name not in types]:
        raise InputError(f"The dataset lacks the column {missing[0]!r} of {fitting[0].name}.")
    row = 0
    for table in tables:
        if not len(table):
            continue
        sounds = _sounds(table, row, folder)
        # Takes of any length can be read; those of a collection's are of that one.
        collection = fitting[0] if len(fitting) == 1 else _of_length(fitting, sounds.shape[1], NOTES_COLUMN in types)
        takes = Takes(sounds, _presets(table, types, collection, row, sounds.shape[1] / SAMPLE_RATE))
        fitting = [collection]
        if samples is not None and takes.sounds.shape[1] != samples:
            raise InputError(
                f"row {row}: {takes.sounds.shape[1]} samples, but a take of {collection.name} has {samples} "
                f"({samples / SAMPLE_RATE:.3g} s): cut or pad the sounds, as `secret-sauce collect` does, or declare "
                "another length."
            )
        yield takes
        row += len(table)


def read_audio(audio: Any, folder: Path | None = None) -> np.ndarray:
    """A sound as `datasets` stores it, decoded.

    Args:
        audio: the mapping `{"bytes": …, "path": …}` of a row when the column is
            `Audio(decode=False)`.
        folder: where a file may lie that `path` names in place of bytes; nowhere if None.

    Returns:
        float32 samples, -1 to 1, shape (samples,).

    Raises:
        InputError: no bytes, not audio, longer than `MAX_SECONDS`, not mono, not 22,050 Hz.
    """
    try:
        with open_sound(_content(audio, folder)) as file:
            if file.samplerate != SAMPLE_RATE or file.channels != 1:
                raise InputError(
                    f"{file.samplerate} Hz and {file.channels} channels instead of {SAMPLE_RATE} Hz mono: convert the "
                    f"sounds (ffmpeg -i IN -ar {SAMPLE_RATE} -ac 1 OUT.wav) and make the dataset again, or have "
                    "`secret-sauce collect` do both"
                )
            if file.frames > MAX_SECONDS * SAMPLE_RATE:
                raise InputError(f"longer than {MAX_SECONDS} s: not a take")
            return file.read(dtype="float32")
    except soundfile.LibsndfileError as error:
        raise InputError(f"not a sound that can be read ({error.error_string})") from error


def _content(audio: Any, folder: Path | None) -> io.BytesIO | Path:
    """Where the sound's bytes are."""
    record = audio if isinstance(audio, dict) else {}
    content, name = record.get("bytes"), record.get("path")
    if isinstance(content, bytes) and content:
        return io.BytesIO(content)
    if not isinstance(name, str) or not name:
        raise InputError("no sound bytes")
    # Of a path the end tells most.
    shown = repr(name if len(name) <= 120 else f"…{name[-119:]}")
    if folder is None:
        raise InputError(f"no sound bytes but the file {shown}; give the dataset as a folder for them to be read")
    try:
        path = (folder / name).resolve()
        # A table must not choose any file of this machine.
        inside = path.is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, ValueError):
        # A name that no file can have.
        inside = False
    if not inside:
        raise InputError(f"no sound bytes, and no file {shown} in {folder}")
    return path


_Opened: TypeAlias = tuple[Features, Iterator[pa.Table], Path | None]
"""The columns' types, the rows, and the folder that the sounds' files may lie in."""


def _open(source: Source, split: str | None) -> _Opened:
    if not isinstance(source, str | Path):
        types, tables = _open_datasets(source, split)
        if has_own_paths(source):
            tables = (with_bytes(table, types.get(AUDIO_COLUMN)) for table in tables)
        return types, tables, None
    if (folder := expanded(source)).is_dir():
        return _open_folder(folder, split)
    name = str(source)
    if name in COLLECTIONS:
        return features(name), rendered_tables(COLLECTIONS[name], split, rows_at_once(COLLECTIONS[name])), None
    if not is_repo_id(name):
        raise InputError(
            f"{source} is neither a folder nor the id of a dataset on the Hub, ORG/NAME or ORG/NAME@REVISION, nor one "
            f"of the collections {', '.join(COLLECTIONS)}."
        )
    types, tables = _open_datasets(_from_hub(name), split)
    # Sounds may lie in files beside the table, but nowhere else on this machine.
    fetched = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=split_revision(name)[0], repo_type="dataset")
    return types, tables, fetched


def _open_datasets(source: Source, split: str | None) -> tuple[Features, Iterator[pa.Table]]:
    if isinstance(source, DatasetDict | IterableDatasetDict):
        parts = [
            _rows_of(source[part.split], part.start, part.stop)
            for part in parts_of(split, list(source), lambda name: _count(source[name]), "the dataset")
        ]
    elif isinstance(source, Dataset | IterableDataset):
        if split is not None:
            raise InputError("This dataset is one split already: leave `split` out.")
        parts = [source]
    else:
        raise InputError(f"Cannot read takes from a {type(source).__name__}; give a folder or a dataset.")
    types = parts[0].features if parts else None
    if types is None:
        raise InputError("The dataset does not say its columns' types.")
    return types, (table for part in parts for table in part.with_format("arrow").iter(_BATCH))


def _count(part: Dataset | IterableDataset) -> int | None:
    """How many rows a split has; None if a stream does not say."""
    if isinstance(part, Dataset):
        return len(part)
    told = (part.info.splits or {}).get(str(part.split))
    return (told and told.num_examples) or None


def _rows_of(part: Dataset | IterableDataset, start: int, stop: int | None) -> Dataset | IterableDataset:
    if (start, stop) == (0, None):
        return part
    if isinstance(part, Dataset):
        return part.select(range(start, len(part) if stop is None else stop))
    rest = part.skip(start)
    return rest if stop is None else rest.take(stop - start)


def _from_hub(name: str) -> DatasetDict:
    repo, revision = split_revision(name)
    try:
        with remote_errors(f"dataset {name}", reading_data=True):
            # Asked first, it says what is the matter; `datasets` says of everything that it is not there. Without a
            # network it may still have it.
            with suppress(OfflineModeIsEnabled):
                HfApi().dataset_info(repo, revision=revision)
            builder = load_dataset_builder(repo, revision=revision)
            # The configuration's name and version, which the card tells, are parts of the path, and `datasets` does not
            # look at them. Not resolved, as people may keep parts of their cache elsewhere by links.
            folder, cache = Path(builder.cache_dir), Path(config.HF_DATASETS_CACHE).expanduser()
            if not folder.is_relative_to(cache) or ".." in folder.relative_to(cache).parts:
                raise InputError(f"The card of the dataset {name} names a folder outside the cache; do not use it.")
            # Its patterns may name files of this machine, too, or other people's.
            for file in (file for files in (builder.config.data_files or {}).values() for file in files):
                if not str(file).startswith(f"hf://datasets/{repo}@"):
                    raise InputError(f"The card of the dataset {name} names a file that is not its own; do not use it.")
            builder.download_and_prepare()
            return builder.as_dataset()
    except InputError as error:
        raise InputError(f"{error} There is no folder {name} here either.") from error
    except FAULTS as error:
        raise InputError(f"The dataset {name} cannot be read: {reason(error)}") from error


def split_names(folder: Path) -> list[str]:
    """The splits of a dataset's folder, the train split first.

    Raises:
        InputError: `datasets` cannot read it.
    """
    if shards := _shards(folder):
        return list(dict.fromkeys(name for name, _ in shards))
    return sorted(_load_folder(folder), key=lambda name: (name not in SPLITS, name != SPLITS[0], name))


def types_of(folder: Path) -> Features:
    """The columns of a dataset's folder.

    Raises:
        InputError: it cannot be read.
    """
    return _open(folder, None)[0]


def _shards(folder: Path) -> list[tuple[str, Path]]:
    """Split and path of every file that is named as `build_collection` names them, in row order."""
    shards = [
        (match["split"], path) for path in (folder / DATA_FOLDER).glob("*") if (match := _SHARD.fullmatch(path.name))
    ]
    check_inside(folder, (path for _, path in shards))
    return sorted(shards, key=lambda shard: (shard[0] not in SPLITS, shard[0] != SPLITS[0], shard))


def _open_folder(folder: Path, split: str | None) -> _Opened:
    shards = _shards(folder)
    if not shards:
        return _open_other_folder(folder, split)
    files: dict[str, list[Path]] = {}
    for name, path in shards:
        files.setdefault(name, []).append(path)

    def tables(paths: list[Path]) -> Iterator[pa.Table]:
        for path in paths:
            # A label's index means nothing beside another list of labels.
            found = types_in(path)
            if other := [name for name, kind in types.items() if found.get(name) != kind]:
                raise InputError(
                    f"{path} has the column {other[0]!r} of another type than {first.name}, or lacks it; build it "
                    "again."
                )
            with opened(path) as file:
                for batch in batches(path, file, _BATCH):
                    yield pa.Table.from_batches([batch])

    def count(name: str) -> int:
        total = 0
        for path in files[name]:
            with opened(path) as file:
                total += file.metadata.num_rows
        return total

    parts = parts_of(split, list(files), count, str(folder))
    first = files[parts[0].split][0]
    types = types_in(first)
    return types, (table for part in parts for table in cut(tables(files[part.split]), part)), folder


def _open_other_folder(folder: Path, split: str | None) -> _Opened:
    """A folder in one of the layouts that `load_dataset` knows."""
    types, tables = _open_datasets(_load_folder(folder), split)

    def checked() -> Iterator[pa.Table]:
        with readable(folder, "look at its files, or make it again"):
            yield from tables

    return types, checked(), folder


def _load_folder(folder: Path) -> DatasetDict | IterableDatasetDict:
    for path in sorted(folder.rglob("*")):
        # `datasets` would wait at a pipe for ever.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"{path} is neither a file nor a folder; take it out of the dataset.")
        if path.is_symlink():
            check_inside(folder, [path])
        if path.suffix.startswith(".json") and path.is_file():
            _check_json(path)
    check_card(folder)
    try:
        if is_saved(folder):
            return saved_dataset(folder)
        # Streamed, as it would otherwise be copied to the cache, for which sounds in files need torchcodec. Its
        # whole path, as a bare name could be one of a format.
        builder = load_dataset_builder(str(folder.resolve()))
        named = (Path(name) for files in (builder.config.data_files or {}).values() for name in files)
        check_inside(folder, named)
        return builder.as_streaming_dataset()
    except FAULTS as error:
        raise InputError(
            f"No shards in {folder / DATA_FOLDER}, and datasets cannot read {folder} ({reason(error)}): give a "
            "folder that `secret-sauce build` or `collect` made, or load it yourself with datasets.load_dataset and "
            "give the result."
        ) from error


_PART = 2**20
"""Bytes of a line of JSON that are held at once."""


def _check_json(path: Path) -> None:
    """Refuse JSON that begins with null, or Lines of which one does: pyarrow ends the process at such a place.

    Raises:
        InputError: it is one, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            parts: Iterable[bytes] = iter(lambda: file.readline(_PART), b"")
            if path.suffix != ".jsonl":
                # Of one value, which may stretch over lines, the beginning tells.
                parts = [next(filter(bytes.strip, parts), b"")]
            begins, number = True, 1
            for part in parts:
                if begins and part.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"null"):
                    raise InputError(f"{path}, line {number}: null, where a row must be; take the line out.")
                begins = part.endswith(b"\n")
                number += begins
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error


def _recognise(types: Features) -> list[Collection]:
    """The collections that have these columns, one at least; they differ by the length of a take."""
    fitting = [collection for collection in COLLECTIONS.values() if set(collection.columns) <= set(types)]
    if not fitting:
        raise InputError(
            "The columns are those of no known collection; say which one with `collection`, for your own by the path "
            "of its declaration."
        )
    # The light collection's columns are among the full one's.
    most = max(len(collection.columns) for collection in fitting)
    return [collection for collection in fitting if len(collection.columns) == most]


def _of_length(fitting: Sequence[Collection], samples: int, noted: bool) -> Collection:
    """Which of several collections with the same columns takes are of.

    Args:
        fitting: the collections; one of them at least plays the same in every row.
        samples: of a take.
        noted: whether the rows tell what they play.
    """
    for collection in fitting:
        if (collection.plays is not None) == noted and collection.samples == samples:
            return collection
    plain = next(collection for collection in fitting if collection.plays is None)
    # Built of a clip, or of any notes: takes as long as those, which the notes must be within.
    seconds = samples / SAMPLE_RATE
    return with_seconds(plain, seconds) if noted and SHORTEST <= seconds <= LONGEST else plain


def _sounds(table: pa.Table, first_row: int, folder: Path | None) -> np.ndarray:
    """The takes of some rows: float32 of shape (rows, samples)."""
    sounds: list[np.ndarray] = []
    for row, audio in enumerate(_column(table, AUDIO_COLUMN).to_pylist(), first_row):
        try:
            sounds.append(read_audio(audio, folder))
        except InputError as error:
            raise InputError(f"row {row}, column {AUDIO_COLUMN}: {error}.") from error
        if len(sounds[-1]) != len(sounds[0]):
            raise InputError(f"row {row}: {len(sounds[-1])} samples, the row before has {len(sounds[0])}.")
    return np.stack(sounds)


def _presets(table: pa.Table, types: Features, collection: Collection, first_row: int, seconds: float) -> Presets:
    """The rows that stand beside takes of a length."""
    unit = np.empty((len(table), len(collection.columns)))
    for column, parameter in enumerate(collection.parameters):
        values = _column(table, parameter.name)
        unit[:, column] = _unit(parameter, values, types[parameter.name], first_row)
    if FILE_COLUMN in types:
        files = _column(table, FILE_COLUMN).to_pylist()
    else:
        files = [sound_file(row) for row in range(first_row, first_row + len(table))]
    performances = None
    if NOTES_COLUMN in types and NOTES_COLUMN not in collection.columns:
        performances = performances_of(_column(table, NOTES_COLUMN), first_row, seconds)
    return Presets(collection, unit, files, performances)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """The one column of a name: every part of a dataset may have others."""
    found = table.schema.get_all_field_indices(name)
    if len(found) != 1:
        raise InputError(f"The dataset has {len(found)} columns {name!r} in some of its rows; it must have one.")
    return table.column(found[0])


def _unit(parameter: Parameter, column: pa.ChunkedArray, feature: Any, first_row: int) -> np.ndarray:
    # Arrays of numbers and arrays of labels, whose order another writer chose: `parse` reads cell by cell, slowly.
    kind = column.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (is_number or pa.types.is_null(kind) or pa.types.is_dictionary(kind) or _is_text(kind)):
        raise InputError(f"column {parameter.name}: {str(kind)[:60]}; it {parameter.allowed_setting()}.")
    values = column.to_numpy()
    # Only labels may be indices into a list that the dataset's own metadata holds.
    if isinstance(parameter, Switch):
        if isinstance(feature, ClassLabel):
            # By name: another writer may have the labels in another order.
            legal = np.isin(values, np.arange(feature.num_classes)) if is_number else np.zeros(len(values), dtype=bool)
            labels = np.full(len(values), "", dtype=object)
            labels[legal] = np.asarray(feature.names, dtype=object)[values[legal].astype(np.intp)]
        else:
            # Labels such as 1 and 2 are numbers to a reader of CSV.
            labels = values.astype(str).astype(object) if values.dtype.kind in "iu" else values
        _check(parameter, np.isin(labels, parameter.labels), labels, first_row)
        return parameter.setting_to_unit(labels.astype(str))
    try:
        unit = parameter.setting_to_unit(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"column {parameter.name}: not numbers ({reason(error)}).") from error
    low, high = (float(parameter.cc_to_unit(np.asarray(cc))) for cc in parameter.limits)
    _check(parameter, (unit >= low - _ROUNDING) & (unit <= high + _ROUNDING), values, first_row)
    # Undo the rounding to float32 wherever the setting is a controller value's.
    exact = parameter.cc_to_unit(parameter.unit_to_cc(unit))
    return np.where(np.abs(exact - unit) < _ROUNDING, exact, unit)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _check(parameter: Parameter, legal: np.ndarray, values: np.ndarray, first_row: int) -> None:
    if not legal.all():
        wrong = int(np.argmin(legal))
        value = quoted(values[wrong], 80)
        raise InputError(f"row {first_row + wrong}, column {parameter.name}: {value} {parameter.allowed_setting()}.")
