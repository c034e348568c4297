"""Publishing the rows of a benchmark, and what a checkpoint reached on them."""

import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
from yaml import safe_dump

from secret_sauce_hf.cards.benchmark import BENCHMARK_TAG, benchmark_card
from secret_sauce_hf.cards.names import TAG
from secret_sauce_hf.data.names import DATA_FOLDER
from secret_sauce_hf.evaluation.exported import (
    DESCRIPTION_FILE,
    EXPORT_FILE,
    RESULTS_FOLDER,
    TASKS,
    read_export,
    task_values,
)
from secret_sauce_hf.evaluation.records import MARKDOWN_FILE
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, check_license, look_at, publish
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.remote import endpoint, is_repo_id

MATCHING_NOTE = "With matching: candidates rendered, compared and refined"
"""Beside results that the weights alone do not reach."""
_WAYS = {"model": ("", None), "matching": ("_matching", MATCHING_NOTE)}
_DATA = rf"{DATA_FOLDER}/\w+-\d+-of-\d+\.parquet"


def publish_benchmark(
    collection: Collection,
    folder: Path,
    repo: str | None = None,
    *,
    private: bool | None = None,
    tag: str | None = None,
    license: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Publish what `export_benchmark` wrote: rows, `eval.yaml`, the record and a card, in one commit.

    Args:
        collection: whose settings are told.
        folder: of the export.
        repo: `ORG/NAME`; that of the collection's dataset with `-benchmark` behind it if None.
        private: see `publish`, as for `overwrite` and `dry_run`.
        tag: the revision that names this state; the package's version if None.
        license: of the data, as the Hub names licenses; Apache-2.0 if None.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.

    Raises:
        InputError: the folder holds another collection's rows or lacks files; and what `publish` raises.
    """
    record = read_export(folder)
    if record["collection"] != collection.name:
        raise InputError(f"{folder} holds a benchmark of {record['collection']}, not of {collection.name}.")
    shards = sorted((folder / DATA_FOLDER).glob("*.parquet"))
    if not shards or not all(re.fullmatch(_DATA, f"{DATA_FOLDER}/{path.name}") for path in shards):
        raise InputError(f"{folder} lacks its Parquet files, or has others; export the benchmark again.")
    if repo is None:
        if collection.name not in COLLECTIONS:
            raise InputError(f"Say where the benchmark of {collection.name} shall go: --repo ORG/NAME.")
        repo = f"{collection.hub_id}-benchmark"
    tag = version("secret_sauce_hf") if tag is None else tag
    check_license(license)
    marks = [TAG, BENCHMARK_TAG, collection.name]
    there = look_at(repo, "dataset", marks, tag=tag, overwrite=overwrite, dry_run=dry_run)
    example = {"row": 0, "preset": next(draw_presets(collection, 1, seed=0).rows())}
    card = benchmark_card(
        collection,
        record,
        pattern=f"{DATA_FOLDER}/test-*",
        tasks=TASKS,
        example=example,
        repo=repo,
        license=license or "apache-2.0",
    )
    files = [
        RepositoryFile(CARD, card.encode()),
        *(RepositoryFile(name, folder / name) for name in (DESCRIPTION_FILE, EXPORT_FILE)),
        *(RepositoryFile(f"{DATA_FOLDER}/{path.name}", path) for path in shards),
    ]
    return publish(
        there,
        files,
        removable=lambda path: re.fullmatch(_DATA, path) is not None,
        message=f"Publish the benchmark of {collection.name} with secret_sauce_hf {version('secret_sauce_hf')}",
        private=private,
        overwrite=overwrite,
        dry_run=dry_run,
    )


def result_files(record: Mapping[str, Any], dataset: str, repo: str) -> list[RepositoryFile]:
    """What a checkpoint reached on a published benchmark, in the form that the Hub collects leaderboards from.

    The weights' own answers and those with matching are files of their own, as the Hub asks for where a model has
    several results.

    Args:
        record: of the benchmark beside the weights.
        dataset: the benchmark's repository, `ORG/NAME`.
        repo: of the checkpoint, where the benchmark's tables lie.

    Raises:
        InputError: no such name; the benchmark was run on other rows, or measured none of the tasks.
    """
    if not is_repo_id(dataset) or "@" in dataset:
        raise InputError(f"{dataset!r} is not a name on the Hub; give the benchmark's dataset as ORG/NAME.")
    data = record["data"]
    if data["source"] != dataset or data["recordings"]:
        raise InputError(
            f"The benchmark beside the weights is of {data['recordings'] or data['source']}, not of {dataset}: run "
            f"`secret-sauce benchmark {record['collection']} --data {dataset} --model CKPT --out CKPT`."
        )
    files = []
    for way, (ending, note) in _WAYS.items():
        values = task_values(record["ways"][way]) if way in record["ways"] else {}
        entries = [
            EvalResultEntry(
                dataset_id=dataset,
                task_id=task,
                value=value,
                dataset_revision=data.get("revision"),
                source_url=f"{endpoint()}/{repo}/blob/main/{MARKDOWN_FILE}",
                source_name="secret-sauce benchmark",
                notes=note,
            )
            for task, value in values.items()
        ]
        if entries:
            name = f"{RESULTS_FOLDER}/{record['collection']}{ending}.yaml"
            content = safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False)
            files.append(RepositoryFile(name, str(content).encode()))
    if not files:
        raise InputError(f"The benchmark beside the weights measured none of the tasks of {dataset}; run it again.")
    return files
