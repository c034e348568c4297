"""What runs in the processes of a build. Apart, so that they need not import `datasets`."""

import os
import signal
from multiprocessing.synchronize import Event

import pyarrow as pa

from secret_sauce_hf.data.making import Made, make_shard
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.targets import Target
from secret_sauce_hf.processors import end_with_starter

_stop: Event | None = None


class Stopped(Exception):
    """The build was stopped; this shard is left for the next time."""


def prepare_worker(stop: Event, threads: int) -> None:
    """Set up a worker process.

    Args:
        stop: set when the build is to end.
        threads: how many threads the engine may use here, unless the user said it already.
    """
    global _stop
    _stop = stop
    # Ctrl-C reaches every process of the terminal: the parent alone answers it, with `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("SECRET_SAUCE_THREADS", str(threads))
    end_with_starter()


def work(plan: Plan, shard: Shard, schema: pa.Schema, target: Target) -> Made:
    """Make one shard.

    Raises:
        Stopped: the build was stopped meanwhile.
    """
    _look_for_stop()
    return make_shard(plan, shard, schema, target, lambda _rows: _look_for_stop())


def _look_for_stop() -> None:
    if _stop is not None and _stop.is_set():
        raise Stopped
