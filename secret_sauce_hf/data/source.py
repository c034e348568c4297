"""Where rows are from, so that others find the same ones."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.plan import build_command, make_plan
from secret_sauce_hf.data.sounds import ROWS_AT_ONCE
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import COLLECTIONS, Collection
from secret_sauce_hf.remote import is_repo_id, remote_errors, split_revision


def locate(data: str | Path, collection: Collection | None, engine: Engine | None) -> dict[str, Any]:
    """Say where a dataset is: its `source`, its `revision` on the Hub (None offline), and the command that `build`s it.

    Args:
        data: a folder, `ORG/NAME` or `ORG/NAME@REVISION` on the Hub, or the name of a collection,
            whose own rows are rendered.
        collection: what the dataset holds, by which a build of a declared collection is found. None
            where it is not known as it was declared: then no command is told.
        engine: renders the collection; None if nothing does, and then no command is told either.

    Raises:
        InputError: a build that is not finished or of another version; a repository that
            cannot be reached.
    """
    if str(data) in COLLECTIONS and not Path(data).exists():
        rendered = make_plan(COLLECTIONS[str(data)], None, None, None, None, ROWS_AT_ONCE)
        return {"source": str(data), "revision": None, "build": build_command(rendered)}
    if not is_repo_id(data):
        folder = Path(data)
        known = collection is not None and engine is not None and folder.is_dir()
        plan = finished_plan(folder, collection, engine) if known else None
        # A name only: where it lay on this machine concerns nobody.
        return {
            "source": folder.resolve().name,
            "revision": None,
            "build": None if plan is None else build_command(plan),
        }
    repo, revision = split_revision(str(data))
    if revision is None:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import OfflineModeIsEnabled

        # Without a network it may be in the cache; of which commit is not known then.
        with remote_errors(f"dataset {repo}"), suppress(OfflineModeIsEnabled):
            revision = HfApi().dataset_info(repo).sha
    return {"source": repo, "revision": revision, "build": None}


def pinned(where: dict[str, Any], data: str | Path) -> str | Path:
    """The dataset at the revision that `locate` found, so that all rows are of one state."""
    return f"{where['source']}@{where['revision']}" if where["revision"] else data
