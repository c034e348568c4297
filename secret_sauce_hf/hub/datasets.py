"""Publishing a dataset of takes."""

import io
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from secret_sauce_hf.cards.dataset import Placement, dataset_card
from secret_sauce_hf.cards.names import DECLARATION, TAG
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.card_facts import dataset_facts, split_files
from secret_sauce_hf.data.names import DATA_FOLDER, ROWS_NAME
from secret_sauce_hf.data.normalising import is_normal, normalise
from secret_sauce_hf.data.reading import split_names
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.evaluation.exported import is_export
from secret_sauce_hf.hub.benchmarks import publish_benchmark
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, check_license, look_at, publish
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, declaration_text, get_collection
from secret_sauce_hf.plots.sheet import sound_sheet

SHEET = "sheet.png"
MAX_ABOUT = 100_000
"""Bytes of a text about how sounds were made."""


def publish_dataset(
    collection: str | Path | Collection,
    folder: str | Path,
    repo: str | None = None,
    *,
    private: bool | None = None,
    tag: str | None = None,
    about: str | None = None,
    license: str | None = None,
    engine: Engine | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> Publication:
    """Publish a dataset: its Parquet shards, the card and the sound sheet, in one commit.

    An instrument of one's own is declared beside them. The rows of a benchmark, as `export_benchmark` writes them,
    go up with the Hub's description of it instead, see `publish_benchmark`.

    What an interrupted run has sent is not sent again.

    Args:
        collection: the collection, its name, or the file that declares one's own.
        folder: a finished build, or any other dataset of the collection's takes that
            `iter_takes` reads; what does not have the very columns of ours is written again
            with them.
        repo: `ORG/NAME`; that of the collection if None.
        private: see `publish`, as for `overwrite` and `dry_run`.
        tag: the revision that names this state; the package's version if None.
        about: how the sounds were made, in Markdown, where no engine of ours made them.
        license: of the data, as the Hub names licenses; Apache-2.0 for builds if None.
        engine: that rendered a build; the collection's own if None.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.
        progress: whether to show progress bars.

    Raises:
        InputError: the folder is not such a dataset, or not finished; a text or license
            is missing; and what `publish` raises.
        ModuleNotFoundError: matplotlib, which draws the sheet, is not installed.
    """
    collection = get_collection(collection)
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give one that `secret-sauce build` or `collect` made.")
    if is_export(folder):
        return publish_benchmark(
            collection,
            folder,
            repo,
            private=private,
            tag=tag,
            license=license,
            overwrite=overwrite,
            dry_run=dry_run,
        )
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("The sound sheet needs matplotlib.", name="matplotlib")
    plan = finished_plan(folder, collection, engine)
    if plan is not None:
        if plan.collection.name != collection.name:
            raise InputError(f"{folder} holds {plan.collection.name}, not {collection.name}.")
        # Its takes may be of another length than declared.
        collection = plan.collection
    if plan is None and (about is None or license is None):
        missing = "how its sounds were made (--about FILE.md)" if about is None else "its license (--license ID)"
        raise InputError(f"{folder} was not made by `secret-sauce build`, so the card must be told {missing}.")
    if repo is None:
        if collection.name not in COLLECTIONS:
            raise InputError(f"Say where the dataset of {collection.name} shall go: --repo ORG/NAME.")
        repo = collection.hub_id
    tag = version("secret_sauce_hf") if tag is None else tag
    check_license(license)
    # Before minutes of drawing.
    there = look_at(repo, "dataset", [TAG, collection.name], tag=tag, overwrite=overwrite, dry_run=dry_run)
    contents = []
    if declared := collection.name not in COLLECTIONS:
        # Without it nobody could say what a controller's value is.
        contents.append(RepositoryFile(DECLARATION, declaration_text(collection).encode()))
    if plan is not None and plan.given is not None:
        contents.append(RepositoryFile(ROWS_NAME, (folder / ROWS_NAME).read_bytes()))
    with TemporaryDirectory() as place:
        files = split_files(folder)
        if plan is None and not _is_normal(folder, files, collection):
            files = normalise(folder, collection, Path(place), progress=progress)
        picture = io.BytesIO()
        label = None if plan else f"of {repo}"
        sheet = sound_sheet(collection, folder, label=label, progress=progress)
        # Without matplotlib's version, so that the same takes give the same bytes.
        sheet.savefig(picture, format="png", metadata={"Software": None})
        placement = Placement(repo, SHEET, license or "apache-2.0", about, DECLARATION if declared else None, tag)
        contents += [
            RepositoryFile(CARD, dataset_card(collection, dataset_facts(collection, files, plan), placement).encode()),
            RepositoryFile(SHEET, picture.getvalue()),
        ]
        for split, paths in files.items():
            for number, path in enumerate(paths):
                name = f"{DATA_FOLDER}/{split}-{number:05d}-of-{len(paths):05d}.parquet"
                contents.append(RepositoryFile(name, path))
        return publish(
            there,
            contents,
            removable=lambda path: re.fullmatch(rf"{DATA_FOLDER}/\w+-\d+-of-\d+\.parquet", path) is not None,
            message=f"Publish {collection.name} with secret_sauce_hf {version('secret_sauce_hf')}",
            private=private,
            overwrite=overwrite,
            dry_run=dry_run,
        )


def _is_normal(folder: Path, files: Mapping[str, Sequence[Path]], collection: Collection) -> bool:
    """Whether these can be published as they are."""
    paths = [path for part in files.values() for path in part]
    if not paths or not all(is_normal(path, collection) for path in paths):
        return False
    # `datasets` may take a file's name for another split's than we do.
    return list(files) == split_names(folder)


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
