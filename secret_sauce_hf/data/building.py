"""Rendering a collection into a folder that `datasets.load_dataset` reads."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secret_sauce_hf import forms
from secret_sauce_hf.cards.dataset import dataset_card
from secret_sauce_hf.cards.names import CARD_NAME, DECLARATION
from secret_sauce_hf.data.cluster import ClusterPool, check_for_cluster, refuse_plugin
from secret_sauce_hf.data.keeping import Ledger
from secret_sauce_hf.data.names import DATA_FOLDER, MANIFEST_NAME, RECORD_NAME, ROWS_NAME, SPLITS
from secret_sauce_hf.data.plan import Plan, make_plan, recorded_plan
from secret_sauce_hf.data.pools import LocalPool, Pool
from secret_sauce_hf.data.shards import is_finished, shard_schema
from secret_sauce_hf.data.targets import Target, is_address, is_unfinished, target_of
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, Note, get_collection, integer
from secret_sauce_hf.instruments.declaring import declaration_text
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress, say
from secret_sauce_hf.rows import read_rows, write_rows

_MOST_TOLD = 10
_GIT_NAME = ".gitattributes"
"""Lies in every repository of the Hub from the start."""
_SPLIT_NAMES = tuple(f"{split}-" for split in SPLITS)
MAX_WORKERS = 1_024
"""More processes than this are no number of workers but a mistake."""


def build_collection(
    collection: str | Collection,
    out: str | Path,
    *,
    rows: tuple[int, int] | None = None,
    seed: int | None = None,
    count: int | None = None,
    in_session: bool | None = None,
    rows_per_shard: int = 1000,
    measure: bool = False,
    engine: Engine | None = None,
    plays: Sequence[Note] | None = None,
    seconds: float | None = None,
    prior: str = UNIFORM,
    presets: Presets | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Render a collection into Parquet shards with a card; `load_dataset(out)` reads them.

    The collection's own rows keep its split, those of 2018 that of 2018; of fresh rows the first
    80 % are for training and the others for testing. A row's bytes depend on `collection`, `seed`, `in_session`
    and its number only. A build that was stopped goes on where it was when called again.

    Args:
        collection: the collection or its name.
        out: the folder; made where it is missing.
        rows: first row and row after the last, of the collection's own rows; all if None.
        seed: draw fresh rows from this seed instead.
        count: how many fresh rows.
        in_session: whether each take starts in the state that the row before it leaves,
            as in the recordings of 2018; if None, for the rows of 2018, playing what they played
            then, of an instrument whose engine can.
        rows_per_shard: the most rows in one Parquet file.
        measure: whether to measure what is heard in each row, too (see `measure_heard`):
            the columns `heard_measured` and `heard_change`. Takes some 40 to 70 times as long.
        engine: that renders the rows; the collection's own if None. With several workers it is
            pickled.
        plays: notes that every row plays; those that the rows have if None.
        seconds: length of a take, from 0.05 to 30; the collection's if None.
        prior: how the presets of fresh rows are drawn: "uniform", or "musical", fewer extreme and
            silent ones (see `secret_sauce_hf.instruments.priors`).
        presets: build these rows instead, as `engines.given.read_given` reads them from a table or a bank;
            they are kept beside the data in `rows.jsonl`.
        workers: processes that render, a shard each. With one, rendering happens in this
            process on every core. With more, scripts need the guard
            `if __name__ == "__main__":`, as for all of Python's multiprocessing.
        scheduler: address of a Dask scheduler, whose workers render instead; the bytes are the same. They
            find the engine by its name.
        overwrite: replace another build that is in `out`.
        progress: whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: arguments that do not go together or are out of range; `out` holds
            something else; the engine cannot render the collection's takes, or there is none; the scheduler or
            one of its workers cannot do the work.
        ChildProcessError: a worker was killed from outside; all workers of a scheduler are gone.
    """
    if is_address(out):
        raise InputError(f"{out} is an address, not a folder: use build_at.")
    target = target_of(out)
    plan = _plan(
        collection,
        rows=rows,
        seed=seed,
        count=count,
        in_session=in_session,
        rows_per_shard=rows_per_shard,
        measure=measure,
        engine=engine,
        plays=plays,
        seconds=seconds,
        prior=prior,
        presets=presets,
        scheduler=scheduler,
    )
    _build(plan, target, workers, scheduler, overwrite, progress)
    return Path(str(target))


def build_at(
    collection: str | Collection,
    address: str,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **asked: Any,
) -> str:
    """Render a collection as `build_collection` does, the same files, to where an address leads.

    Args:
        collection: the collection or its name.
        address: a place in any storage that fsspec knows, `s3://BUCKET/FOLDER`, `hf://datasets/ORG/NAME`,
            `file:///FOLDER`. With a `scheduler` its workers write there themselves.
        workers: as of `build_collection`.
        scheduler: as of `build_collection`.
        overwrite: replace another build that is there.
        progress: whether to show a progress bar.
        asked: which rows, and how they are played and rendered: `rows`, `seed`, `count`, `in_session`,
            `rows_per_shard`, `measure`, `engine`, `plays`, `seconds`, `prior` and `presets` of `build_collection`.

    Returns:
        The address.

    Raises:
        InputError: as of `build_collection`; the storage is not known, or cannot be written to.
        ChildProcessError: as of `build_collection`.
    """
    if not is_address(address):
        raise InputError(f"{address} is no address such as s3://BUCKET/FOLDER: use build_collection for a folder.")
    _build(_plan(collection, scheduler=scheduler, **asked), target_of(address), workers, scheduler, overwrite, progress)
    return address


build = build_collection
"""The name under which the package's front door has it."""


def _plan(
    collection: str | Collection,
    *,
    rows: tuple[int, int] | None = None,
    seed: int | None = None,
    count: int | None = None,
    in_session: bool | None = None,
    rows_per_shard: int = 1000,
    measure: bool = False,
    engine: Engine | None = None,
    presets: Presets | None = None,
    scheduler: str | None = None,
    **played: Any,
) -> Plan:
    collection = get_collection(collection)
    if scheduler is not None:
        refuse_plugin(collection)
    return make_plan(
        collection, rows, seed, count, in_session, rows_per_shard, measure, engine, given=presets, **played
    )


def _build(plan: Plan, target: Target, workers: int, scheduler: str | None, overwrite: bool, progress: bool) -> None:
    workers = integer("workers", workers, 1, MAX_WORKERS)
    if scheduler is not None:
        if workers != 1:
            raise InputError("workers are processes of this machine; with a scheduler leave them out: it has its own.")
        check_for_cluster(plan)
    schema = shard_schema(plan)
    pool: Pool = LocalPool(workers) if scheduler is None else ClusterPool(scheduler, progress)
    target.check()
    # Nothing is made where the work cannot begin.
    with target.claimed(), pool, Ledger(plan, schema, target) as ledger:
        _claim(target, plan, overwrite)
        todo = ledger.missing()
        total = plan.stop - plan.start
        with row_progress("Building", total, progress, done=total - sum(map(len, todo))) as advance:
            made = pool.make(plan, todo, schema, target, advance)
            try:
                for one in made:
                    ledger.note(one)
            finally:
                # The pool ends first: until then a file may still come.
                made.close()
                ledger.write()
        tell_lost(ledger.lost, progress)
        if plan.collection.name not in COLLECTIONS:
            # What its columns mean, for whoever has the folder alone; which file a plug-in lies in concerns nobody.
            target.write(DECLARATION, declaration_text(plan.collection).encode())
        target.write(CARD_NAME, dataset_card(plan.collection, ledger.facts()).encode())


def finished_plan(folder: Path, collection: Collection | None = None, engine: Engine | None = None) -> Plan | None:
    """What a folder was built from, all of it being there; None if it is no build.

    Args:
        folder: the folder.
        collection: what it should hold, if that may be a declared one.
        engine: that rendered it; the collection's own if None.

    Raises:
        InputError: the build is not finished, or of another version.
    """
    record = folder / RECORD_NAME
    if not record.is_file():
        return None
    again = "build it again with this version (--overwrite)"
    try:
        plan = recorded_plan(forms.read_record(record), collection, engine, lambda of: _given_rows(folder, of))
    except InputError as error:
        raise InputError(f"{folder} is not a build of this version: {error}; {again}.") from error
    schema = shard_schema(plan)
    for shard in plan.shards:
        if not is_finished(folder / DATA_FOLDER / shard.name, shard, schema):
            raise InputError(f"The build in {folder} is not finished; give its `secret-sauce build` command again.")
    return plan


def tell_lost(lost: Mapping[int, str], progress: bool) -> None:
    """Say which rows are not in the dataset, and why."""
    if lost and progress:
        shown = ", ".join(f"row {row} ({why})" for row, why in sorted(lost.items())[:_MOST_TOLD])
        more = f" and {len(lost) - _MOST_TOLD} more" if len(lost) > _MOST_TOLD else ""
        say(f"Not in the dataset, as the engine could not render {'it' if len(lost) == 1 else 'them'}: {shown}{more}.")


def _given_rows(folder: Path, collection: Collection) -> Presets:
    """The rows that a build was given."""
    parts = read_rows(collection, folder / ROWS_NAME)
    if len(parts) != 1:
        raise InputError(f"{ROWS_NAME} holds no rows of one length.")
    return parts[0]


def _claim(target: Target, plan: Plan, overwrite: bool) -> None:
    """Make the target this build's, or say why it cannot be."""
    record = (json.dumps(plan.record, indent=2) + "\n").encode()
    there, top = target.read(RECORD_NAME, forms.MAX_BYTES), target.top()
    shards = target.shards()
    ours = {shard.name for shard in plan.shards}
    if there is not None:
        differences = _differences(there, target, plan)
        if differences and not overwrite:
            raise InputError(
                f"{target} holds another build ({differences}); choose another folder or pass --overwrite."
            )
        if overwrite:
            # The old record stays until it is replaced: stopped here, this is an unfinished old build.
            old = [f"{DATA_FOLDER}/{name}" for name in shards if _is_shard(name)]
            for name in [name for name in (CARD_NAME, DECLARATION, ROWS_NAME, MANIFEST_NAME) if name in top] + old:
                target.remove(name)
            shards = {name: size for name, size in shards.items() if not _is_shard(name)}
    elif {
        name
        for name in top - {_GIT_NAME, ROWS_NAME}
        # A build that was killed before its record was there leaves an empty folder for the data, too.
        if not is_unfinished(name, RECORD_NAME, ROWS_NAME) and (name != DATA_FOLDER or shards)
    }:
        raise InputError(f"{target} is not empty and not a build of this package; choose another folder.")
    # The card's patterns, and so `load_dataset`, would take them for rows of this build.
    if foreign := sorted(name for name in shards if name.startswith(_SPLIT_NAMES) and name not in ours):
        raise InputError(f"{target}/{DATA_FOLDER} holds {foreign[0]!r}, which is not of this build; move it elsewhere.")
    target.prepare()
    if plan.given is not None:
        text = io.StringIO()
        write_rows([plan.given], text)
        target.write(ROWS_NAME, text.getvalue().encode())
    if record != there:
        target.write(RECORD_NAME, record)


def _is_shard(name: str) -> bool:
    return name.startswith(_SPLIT_NAMES) and "-of-" in name and name.endswith(".parquet")


def _differences(there: bytes, target: Target, plan: Plan) -> str:
    try:
        record = forms.record_in(there, f"{target}/{RECORD_NAME}")
    except InputError as error:
        return str(error)[:-1]
    here: dict[str, Any] = plan.record
    return ", ".join(
        f"{key}: {repr(record.get(key))[:60]} there, {repr(here.get(key))[:60]} here"
        for key in sorted(here.keys() | record.keys())
        if record.get(key) != here.get(key)
    )
