"""Who makes the shards of a build: a pool takes them and yields each one when it is where it belongs."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Protocol

import pyarrow as pa

from secret_sauce_hf.data.making import Made, make_shard
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.targets import Target
from secret_sauce_hf.data.worker import prepare_worker, work
from secret_sauce_hf.processors import thread_count


class Pool(AbstractContextManager, Protocol):
    """What makes shards, within a `with` block."""

    def make(
        self, plan: Plan, shards: Sequence[Shard], schema: pa.Schema, target: Target, advance: Callable[[int], None]
    ) -> Generator[Made, None, None]:
        """Make shards, in whatever order.

        Args:
            plan: the build.
            shards: which of its shards.
            schema: from `shard_schema`.
            target: where they go.
            advance: called with the number of rows whenever some are done.

        Yields:
            Each shard when it is whole, and where it belongs. However the iteration ends, nothing half is left.
        """


class LocalPool:
    """This machine: this process on every core, or several processes.

    Args:
        workers: processes that render, a shard each; with one, rendering happens in this process.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __enter__(self) -> "LocalPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held between two calls."""

    def make(
        self, plan: Plan, shards: Sequence[Shard], schema: pa.Schema, target: Target, advance: Callable[[int], None]
    ) -> Generator[Made, None, None]:
        """As of `Pool`.

        Raises:
            ChildProcessError: a worker was killed from outside.
        """
        workers = min(self._workers, len(shards))
        if workers > 1:
            yield from _in_processes(plan, shards, schema, target, workers, advance)
        else:
            for shard in shards:
                yield make_shard(plan, shard, schema, target, advance)


def _in_processes(
    plan: Plan,
    shards: Sequence[Shard],
    schema: pa.Schema,
    target: Target,
    workers: int,
    advance: Callable[[int], None],
) -> Generator[Made, None, None]:
    # Spawned: a fork of a process with running threads can hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    threads = max(1, thread_count() // workers)
    with ProcessPoolExecutor(workers, context, prepare_worker, (stop, threads)) as pool:
        try:
            # Submitting is what starts the processes.
            with _interrupts_ignored():
                pending = {pool.submit(work, plan, shard, schema, target) for shard in shards}
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    made = future.result()
                    advance(len(made.shard))
                    yield made
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
