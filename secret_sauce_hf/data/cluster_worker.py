"""What the workers of a cluster do: a build's description and the numbers of rows in, a shard out."""

import json
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from secret_sauce_hf.data.answers import answer_of_file, answer_of_place
from secret_sauce_hf.data.making import make_shard
from secret_sauce_hf.data.manifest import versions
from secret_sauce_hf.data.plan import Plan, Shard, recorded_plan
from secret_sauce_hf.data.shards import shard_schema
from secret_sauce_hf.data.targets import Folder, Place
from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.engines.base import RowsLost
from secret_sauce_hf.instruments import Collection, InputError, known_collection
from secret_sauce_hf.instruments.declaring import read_declaration
from secret_sauce_hf.instruments.instrument import Timing
from secret_sauce_hf.instruments.notes import Performances
from secret_sauce_hf.presets import Presets

_BUILDS = 4
"""Kept ready: a cluster may work at several."""


class Cancelled(Exception):
    """Nobody wants this shard any more."""


def make_on_worker(setup: str, name: str, start: int, stop: int, address: str | None) -> dict[str, Any]:
    """Make a shard on a worker of a cluster. Its bytes follow from the arguments alone.

    Args:
        setup: the build, as `cluster.setup_text` describes it.
        name: of the shard's file.
        start: number of its first row.
        stop: number of the row after its last.
        address: of the place to which its file goes; None to send it back.

    Returns:
        `worker`, its address, and either what `answer_of_file` or `answer_of_place` tells, or the `mistake` by which
        it cannot be made here, for people.
    """
    # A thread of Dask's is meant to be busy with one task on one core.
    os.environ.setdefault("SECRET_SAUCE_THREADS", "1")
    here = _worker_address()
    try:
        plan, schema = _build(setup)
        shard = Shard(name, start, stop)
        if address is not None:
            place = Place(address)
            made = make_shard(plan, shard, schema, place, lambda _rows: _look_for_cancel())
            return {"worker": here} | answer_of_place(made, schema, place)
        with TemporaryDirectory(prefix="secret-sauce-") as folder:
            target = Folder(Path(folder))
            target.prepare()
            made = make_shard(plan, shard, schema, target, lambda _rows: _look_for_cancel())
            return {"worker": here} | answer_of_file(made, target)
    except InputError as error:
        return {"worker": here, "mistake": str(error)}
    except OSError as error:
        return {"worker": here, "mistake": f"{error.filename or 'its disk'}: {error.strerror or error}."}


@lru_cache(maxsize=_BUILDS)
def _build(setup: str) -> tuple[Plan, pa.Schema]:
    """The build that is described, and the columns of its files: both take longer to find than a small shard to make.

    Raises:
        InputError: this worker would make other bytes, or cannot make them.
    """
    told = json.loads(setup)
    collection = _collection(told)
    given = told["given"]
    plan = recorded_plan(told["record"], collection, None, lambda of: _presets(of, given))
    return plan, shard_schema(plan)


def _collection(told: dict[str, Any]) -> Collection:
    """The collection that is told of.

    Raises:
        InputError: this worker has other versions of what decides the bytes, or does not know it.
    """
    here = versions()
    if other := [name for name, there in told["versions"].items() if here.get(name) != there]:
        raise InputError(f"it has {other[0]} {here.get(other[0])}, and the build is of {told['versions'][other[0]]}.")
    declared = told["declaration"]
    collection = known_collection(told["collection"]) if declared is None else _declared(declared)
    timing = told["timing"]
    return replace(collection, timing=Timing(**(timing | {"cut": tuple(timing["cut"])})))


def render_on_worker(
    setup: str,
    unit: np.ndarray,
    notes: dict[str, np.ndarray] | None,
    options: dict[str, Any],
    preceding: np.ndarray | None,
    preceding_notes: dict[str, np.ndarray] | None,
    phases: np.ndarray | None,
) -> dict[str, Any]:
    """Render rows on a worker of a cluster.

    Args:
        setup: the collection and the engine, as `cluster_engine` describes them.
        unit: shape (rows, parameters).
        notes: what the rows play, the columns of `Performances`; the collection's own note if None.
        options: `in_session`, `noise_seed`, `first_row` and `same_noise` of `Engine.render`.
        preceding: unit of the row before, if there is one.
        preceding_notes: what that one plays.
        phases: as of `Engine.render`.

    Returns:
        `worker`, its address, and either `takes`, or the `mistake` by which it cannot render them, for people. Where
        rows were lost, they are silent in `takes`; then `lost` says why, and `message` and `unrendered` are there.
    """
    os.environ.setdefault("SECRET_SAUCE_THREADS", "1")
    here = _worker_address()
    try:
        collection, engine = _engine(setup)
        before = None if preceding is None else _rows(collection, preceding, preceding_notes)
        takes = engine.render(_rows(collection, unit, notes), preceding=before, phases=phases, **options)
    except RowsLost as error:
        lost = {str(row): why for row, why in error.reasons.items()}
        told = {"lost": lost, "message": str(error), "unrendered": list(error.unrendered)}
        return {"worker": here, "takes": error.takes} | told
    except InputError as error:
        return {"worker": here, "mistake": str(error)}
    return {"worker": here, "takes": takes}


@lru_cache(maxsize=_BUILDS)
def _engine(setup: str) -> tuple[Collection, Engine]:
    """The collection and the engine that are described.

    Raises:
        InputError: this worker would render other takes, or cannot.
    """
    told = json.loads(setup)
    collection = _collection(told)
    engine = get_engine(collection)
    if engine.label != told["engine"]:
        raise InputError(f"it has the engine {engine.label}, and the takes are of {told['engine']}.")
    return collection, engine


def _rows(collection: Collection, unit: np.ndarray, notes: dict[str, np.ndarray] | None) -> Presets:
    return Presets(collection, unit, None, None if notes is None else Performances(**notes))


def _declared(text: str) -> Collection:
    with TemporaryDirectory(prefix="secret-sauce-") as folder:
        path = Path(folder) / "declaration.json"
        path.write_text(text, encoding="utf-8")
        collection = read_declaration(path)
    if collection.instrument.plugin is not None:
        raise InputError(f"{collection.instrument.name} is a plug-in file, which is run on no other machine.")
    return collection


def _presets(collection: Collection, given: dict[str, Any]) -> Presets:
    """The rows of a build of which they were given."""
    kinds = {"pitch": np.int64, "velocity": np.int64, "onset": np.float64, "duration": np.float64}
    columns = {name: np.array(given["notes"][name], kind) for name, kind in kinds.items()}
    played = Performances(first=np.array(given["first"], np.int64), **columns)
    return Presets(collection, np.array(given["units"], np.float64), given["files"], played)


def _worker_address() -> str:
    from distributed import get_worker

    return str(get_worker().address)


def _look_for_cancel() -> None:
    """End the task in which this is called, if it was cancelled: Dask leaves it running."""
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state in ("cancelled", "released", "forgotten"):
        raise Cancelled
