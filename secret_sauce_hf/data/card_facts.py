"""What the card of a dataset tells, counted in the dataset's files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import DatasetInfo, SplitDict, SplitInfo

from secret_sauce_hf.cards.dataset import BuildFacts, DatasetFacts, SplitFacts
from secret_sauce_hf.data.inside import check_inside
from secret_sauce_hf.data.names import DATA_FOLDER, HEARD_COLUMN, MEASURED_COLUMN, NOTES_COLUMN
from secret_sauce_hf.data.noted import performances_of
from secret_sauce_hf.data.parquet import batches, opened, types_in
from secret_sauce_hf.data.plan import Plan, build_command
from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.presets import FILE_COLUMN

_ROWS_AT_ONCE = 10_000


def split_files(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of each split of a dataset's folder, in row order.

    They lie in the folder or in its `data`, named `SPLIT.parquet` or `SPLIT-….parquet`.
    The train split comes first, the test split last.

    Raises:
        InputError: a link leads to a file outside the folder.
    """
    found: dict[str, list[Path]] = {}
    inside = folder / DATA_FOLDER
    for path in sorted((inside if inside.is_dir() else folder).glob("[!._]*.parquet")):
        check_inside(folder, [path])
        found.setdefault(re.split(r"[-.]", path.name)[0], []).append(path)
    order = {"train": 0, "test": 2}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 1), item[0])))


def dataset_facts(
    collection: Collection, files: Mapping[str, Sequence[Path]], plan: Plan | None = None
) -> DatasetFacts:
    """Count what a card tells of a dataset of takes.

    Args:
        collection: whose parameters its columns are.
        files: the Parquet files of each split, in row order.
        plan: the build that they are from; None if they were not rendered.

    Raises:
        InputError: a file cannot be read, has other columns than the first one or no rows.
    """
    info = _dataset_info(files)
    paths = [path for part in files.values() for path in part]
    measured = plan is not None and plan.heard_threshold is not None
    return DatasetFacts(
        info=info,
        splits=tuple(_split_facts(split, part, info.splits[split].num_examples) for split, part in files.items()),
        heard=_shares(paths, collection, HEARD_COLUMN) if HEARD_COLUMN in info.features else None,
        measured=_shares(paths, collection, MEASURED_COLUMN) if measured else None,
        build=None if plan is None else _build_facts(plan, paths),
        notes=_notes(paths, collection) if NOTES_COLUMN in info.features else None,
    )


def _dataset_info(files: Mapping[str, Sequence[Path]]) -> DatasetInfo:
    splits = SplitDict()
    for split, paths in files.items():
        examples = size = 0
        for path in paths:
            with opened(path) as file:
                footer = file.metadata
                examples += footer.num_rows
                size += sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
        if not examples:
            raise InputError(f"The split {split} of the dataset has no rows; leave its files out.")
        splits.add(SplitInfo(name=split, num_bytes=size, num_examples=examples))
    paths = [path for part in files.values() for path in part]
    types = types_in(paths[0])
    if other := [path for path in paths if types_in(path) != types]:
        raise InputError(f"{other[0]} has other columns than {paths[0].name}; build it again.")
    return DatasetInfo(
        features=types,
        splits=splits,
        download_size=sum(path.stat().st_size for path in paths),
        dataset_size=sum(split.num_bytes for split in splits.values()),
    )


def _shares(paths: Sequence[Path], collection: Collection, name: str) -> dict[str, float]:
    heard = np.zeros(len(collection.columns))
    rows = 0
    for path in paths:
        for column in _column(path, name):
            heard += [column.field(parameter).true_count for parameter in collection.columns]
            rows += len(column)
    return dict(zip(collection.columns, heard / rows, strict=True))


def _notes(paths: Sequence[Path], collection: Collection) -> tuple[tuple[str, str, str, str], ...]:
    """What the rows play: the least, the median and the most of what there is to count."""
    parts, row = [], 0
    for path in paths:
        with opened(path) as file:
            for batch in batches(path, file, _ROWS_AT_ONCE, [NOTES_COLUMN]):
                column = pa.chunked_array([batch.column(0)])
                parts.append(performances_of(column, row, collection.seconds))
                row += len(batch)
    together = Performances.concatenated(parts)
    counted = (
        ("notes in a take", together.counts, ".0f"),
        ("pitch", together.pitch, ".0f"),
        ("velocity", together.velocity, ".0f"),
        ("onset, s", together.onset, ".2f"),
        ("duration, s", together.duration, ".2f"),
    )
    lines = []
    for what, values, form in counted:
        # The lower of two in the middle: a pitch is a whole number.
        least, median, most = (format(value, form) for value in np.quantile(values, (0, 0.5, 1), method="lower"))
        lines.append((what, least, median, most))
    return tuple(lines)


def _split_facts(split: str, paths: Sequence[Path], rows: int) -> SplitFacts:
    first, last = "", ""
    # A file may be one without rows.
    for path in (paths[0], paths[-1]):
        for names in _column(path, FILE_COLUMN):
            if len(names):
                first, last = first or names[0].as_py(), names[-1].as_py()
    return SplitFacts(split, f"{DATA_FOLDER}/{split}-*", rows, first, last)


def _column(path: Path, name: str) -> Iterator[pa.Array]:
    """One column of a file, some rows at a time."""
    with opened(path) as file:
        for batch in batches(path, file, _ROWS_AT_ONCE, [name]):
            yield batch.column(0)


def _writer(path: Path) -> str:
    with opened(path) as file:
        return str(file.metadata.created_by)


def _build_facts(plan: Plan, paths: Sequence[Path]) -> BuildFacts:
    engine = plan.engine
    # Each file says what wrote it, which may be another version than this one.
    writers = {_writer(path) for path in paths}
    return BuildFacts(
        start=plan.start,
        stop=plan.stop,
        seed=plan.seed,
        in_session=plan.in_session,
        threshold=plan.heard_threshold,
        command=build_command(plan),
        version=engine.version,
        encoder=str(plan.record["encoder"]),
        writer=" and ".join(sorted(writers)),
        remembers=engine.remembers,
        emulates=engine.emulates,
        guesses=engine.guesses,
        prior=plan.prior,
        same=plan.plays is not None,
        given=plan.given is not None,
        imitates=engine.imitates,
        records=engine.records,
    )
