"""Publishing a dataset of takes."""

import io
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from secret_sauce_hf.collecting.building import finished_plan
from secret_sauce_hf.collecting.card import TAG, Placement, dataset_card, split_files
from secret_sauce_hf.collecting.columns import features
from secret_sauce_hf.collecting.plan import DATA_FOLDER
from secret_sauce_hf.collecting.sheet import sound_sheet
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, look_at, publish
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection

SHEET = "sheet.png"
MAX_ABOUT = 100_000
"""Bytes of a text about how sounds were made."""
_SPLIT = re.compile(r"\w+")


def publish_dataset(
    collection: str | Path | Collection,
    folder: str | Path,
    repo: str | None = None,
    *,
    private: bool | None = None,
    tag: str | None = None,
    about: str | None = None,
    license: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> Publication:
    """Publish a dataset: its Parquet shards, the card and the sound sheet, in one commit.

    What an interrupted run has sent is not sent again.

    Args:
        collection: the collection, its name, or the file that declares one's own.
        folder: a finished build; or a folder of Parquet files in the same columns.
        repo: `ORG/NAME`; that of the collection if None.
        private: see `publish`, as for `overwrite` and `dry_run`.
        tag: the revision that names this state; the package's version if None.
        about: how the sounds were made, in Markdown, where no engine of ours made them.
        license: of the data, as the Hub names licenses; Apache-2.0 for builds if None.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.
        progress: whether to show progress bars.

    Raises:
        InputError: the folder is not such a dataset, or not finished; a text or license
            is missing; and what `publish` raises.
        ModuleNotFoundError: matplotlib, which draws the sheet, is not installed.
    """
    declaration = None if isinstance(collection, Collection) else Path(collection)
    collection = get_collection(collection)
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give one that `secret-sauce build` made.")
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("The sound sheet needs matplotlib.", name="matplotlib")
    plan = finished_plan(folder, collection)
    if plan is not None and plan.collection != collection:
        raise InputError(f"{folder} holds {plan.collection.name}, not {collection.name}.")
    if plan is None and (about is None or license is None):
        missing = "how its sounds were made (--about FILE.md)" if about is None else "its license (--license ID)"
        raise InputError(f"{folder} was not made by `secret-sauce build`, so the card must be told {missing}.")
    if repo is None:
        if collection.name not in COLLECTIONS:
            raise InputError(f"Say where the dataset of {collection.name} shall go: --repo ORG/NAME.")
        repo = collection.hub_id
    tag = tag or version("secret_sauce_hf")
    files = split_files(folder)
    _check_files(folder, files, collection)
    # Before minutes of drawing.
    there = look_at(repo, "dataset", [TAG, collection.name], overwrite=overwrite, dry_run=dry_run)
    card = dataset_card(
        collection,
        files,
        plan,
        Placement(
            source=repo,
            sheet=SHEET,
            license=license or "apache-2.0",
            making=about,
            declaration=declaration.name if declaration is not None and declaration.suffix else None,
            tag=tag,
        ),
    )
    picture = io.BytesIO()
    sheet = sound_sheet(collection, folder, progress=progress)
    # Without matplotlib's version, so that the same takes give the same bytes.
    sheet.savefig(picture, format="png", metadata={"Software": None})
    return publish(
        there,
        [
            RepositoryFile(CARD, card.encode()),
            RepositoryFile(SHEET, picture.getvalue()),
            *(
                RepositoryFile(f"{DATA_FOLDER}/{split}-{number:05d}-of-{len(paths):05d}.parquet", path)
                for split, paths in files.items()
                for number, path in enumerate(paths)
            ),
        ],
        removable=lambda path: re.fullmatch(rf"{DATA_FOLDER}/\w+-\d+-of-\d+\.parquet", path) is not None,
        tag=tag,
        message=f"Publish {collection.name} with secret_sauce_hf {version('secret_sauce_hf')}",
        private=private,
        overwrite=overwrite,
        dry_run=dry_run,
    )


def read_about(path: Path) -> str:
    """A text file for a card.

    Raises:
        InputError: it cannot be read, is empty, too large or not UTF-8.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if path.stat().st_size > MAX_ABOUT:
        raise InputError(f"{path} is larger than {MAX_ABOUT:,} bytes; a card needs a few paragraphs.")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text in UTF-8.") from error
    if not text:
        raise InputError(f"{path} is empty; say in it how the sounds were made.")
    return text


def _check_files(folder: Path, files: Mapping[str, Sequence[Path]], collection: Collection) -> None:
    """See that they are takes of this collection: everybody who loads them will trust their types."""
    if not files:
        raise InputError(f"There are no Parquet files in {folder}; give a folder that `secret-sauce build` made.")
    needed = {name: kind for name, kind in features(collection).items() if name != "heard"}
    for split, paths in files.items():
        if not _SPLIT.fullmatch(split):
            raise InputError(f"{paths[0]} is named after no split; name the files train-….parquet, test-….parquet.")
        for path in paths:
            try:
                found = Features.from_arrow_schema(pq.read_schema(path))
            except (OSError, pa.ArrowInvalid) as error:
                raise InputError(f"{path} cannot be read ({error}).") from error
            for name, kind in needed.items():
                if name not in found:
                    raise InputError(f"{path} lacks the column {name!r} of {collection.name}.")
                if found[name] != kind:
                    raise InputError(f"Column {name!r} of {path} is {found[name]}, not {kind}.")
