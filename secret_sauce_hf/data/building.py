"""Rendering a collection into a folder that `datasets.load_dataset` reads."""

import io
import json
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from secret_sauce_hf.cards.dataset import dataset_card
from secret_sauce_hf.cards.names import CARD_NAME, DECLARATION
from secret_sauce_hf.data.card_facts import dataset_facts, split_files
from secret_sauce_hf.data.names import DATA_FOLDER, RECORD_NAME, ROWS_NAME, SPLITS
from secret_sauce_hf.data.plan import Plan, Shard, make_plan, recorded_plan, shard_files
from secret_sauce_hf.data.shards import is_finished, lost_rows, shard_schema, write_shard
from secret_sauce_hf.data.worker import prepare_worker, work
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.files import temporary, write_whole
from secret_sauce_hf.forms import read_record
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, Note, get_collection, integer
from secret_sauce_hf.instruments.declaring import declaration_text
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.outputs import check_folder, expanded
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.progress import row_progress, say
from secret_sauce_hf.rows import read_rows, write_rows

_MOST_TOLD = 10
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
        overwrite: replace another build that is in `out`.
        progress: whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: arguments that do not go together or are out of range; `out` holds
            something else; the engine cannot render the collection's takes, or there is none.
        ChildProcessError: a worker was killed from outside.
    """
    out = expanded(out)
    workers = integer("workers", workers, 1, MAX_WORKERS)
    plan = make_plan(
        get_collection(collection),
        rows,
        seed,
        count,
        in_session,
        rows_per_shard,
        measure,
        engine,
        plays=plays,
        seconds=seconds,
        prior=prior,
        given=presets,
    )
    schema = shard_schema(plan)
    _claim(out, plan, overwrite)
    data = out / DATA_FOLDER
    todo = [shard for shard in plan.shards if not is_finished(data / shard.name, shard, schema)]
    total = plan.stop - plan.start
    with row_progress("Building", total, progress, done=total - sum(map(len, todo))) as advance:
        if workers == 1 or len(todo) < 2:
            for shard in todo:
                write_shard(plan, shard, schema, data, advance)
        else:
            _write_in_processes(plan, todo, schema, data, min(workers, len(todo)), advance)
    tell_lost({row: why for path in shard_files(out) for row, why in lost_rows(path).items()}, progress)
    if plan.collection.name not in COLLECTIONS:
        # What its columns mean, for whoever has the folder alone; which file a plug-in lies in concerns nobody.
        write_whole(out / DECLARATION, declaration_text(plan.collection).encode())
    facts = dataset_facts(plan.collection, split_files(out), plan)
    write_whole(out / CARD_NAME, dataset_card(plan.collection, facts).encode())
    return out


build = build_collection
"""The name under which the package's front door has it."""


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
        plan = recorded_plan(read_record(record), collection, engine, lambda of: _given_rows(folder, of))
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


def _claim(out: Path, plan: Plan, overwrite: bool) -> None:
    """Make `out` this build's folder, or say why it cannot be."""
    record_path = out / RECORD_NAME
    check_folder(out, what="the dataset")
    if record_path.is_file():
        differences = _differences(record_path, plan)
        if differences and not overwrite:
            raise InputError(f"{out} holds another build ({differences}); choose another folder or pass --overwrite.")
        if overwrite:
            # The old record stays until it is replaced: stopped here, this is an unfinished old build.
            for path in [out / CARD_NAME, out / DECLARATION, out / ROWS_NAME, *shard_files(out)]:
                path.unlink(missing_ok=True)
    elif out.is_dir() and any(path not in _first_files(out) for path in out.iterdir()):
        raise InputError(f"{out} is not empty and not a build of this package; choose another folder.")
    data = out / DATA_FOLDER
    # The card's patterns, and so `load_dataset`, would take them for rows of this build.
    ours = {shard.name for shard in plan.shards}
    if foreign := sorted(path.name for split in SPLITS for path in data.glob(f"{split}-*") if path.name not in ours):
        raise InputError(f"{data} holds {foreign[0]!r}, which is not of this build; move it elsewhere.")
    out.mkdir(parents=True, exist_ok=True)
    if plan.given is not None:
        text = io.StringIO()
        write_rows([plan.given], text)
        write_whole(out / ROWS_NAME, text.getvalue().encode())
    write_whole(record_path, (json.dumps(plan.record, indent=2) + "\n").encode())
    data.mkdir(exist_ok=True)
    for leftover in data.glob(".*.parquet.*.tmp"):
        leftover.unlink(missing_ok=True)


def _first_files(out: Path) -> list[Path]:
    """What a build that was stopped before it had a record may have left."""
    rows = out / ROWS_NAME
    return [temporary(out / RECORD_NAME), temporary(rows), rows]


def _differences(record_path: Path, plan: Plan) -> str:
    try:
        there = read_record(record_path)
    except InputError as error:
        return str(error)[:-1]
    here: dict[str, Any] = plan.record
    return ", ".join(
        f"{key}: {repr(there.get(key))[:60]} there, {repr(here.get(key))[:60]} here"
        for key in sorted(here.keys() | there.keys())
        if there.get(key) != here.get(key)
    )


def _write_in_processes(
    plan: Plan, shards: list[Shard], schema: pa.Schema, folder: Path, workers: int, advance: Callable[[int], None]
) -> None:
    # Spawned: a fork of a process with running threads can hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    threads = max(1, thread_count() // workers)
    with ProcessPoolExecutor(workers, context, prepare_worker, (stop, threads)) as pool:
        try:
            # Submitting is what starts the processes.
            with _interrupts_ignored():
                futures = {pool.submit(work, plan, shard, schema, folder): shard for shard in shards}
            pending = set(futures)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    advance(len(futures[future]))
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "A worker was killed from outside, perhaps for want of memory; the same command goes on from the "
                "finished shards; give it fewer workers."
            ) from error
        finally:
            # After Ctrl-C or a fault the workers end at their next chunk and tidy up.
            stop.set()
            pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started in here ignore Ctrl-C from their first moment, their imports included."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may change this; it is also the one that Ctrl-C reaches.
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if previous is None else previous)
