"""Build on a Dask cluster whose workers are killed, and compare with one process; and what the cluster costs.

    python tests/benchmarks/cluster.py

With nothing else this is the run that is asked for: 20,000 takes of the Sub Phatty by two processes, and by a cluster
of two workers of which one is killed every 10 s. It takes some 5 minutes of two idle cores, and ends after 12 in any
case. The machine should have nothing else to do: the overhead is told by the clock, and beside it by the processor's
time, which other work disturbs less.

Three builds of the same fresh rows: by the local pool with as many processes as there are workers, by the cluster left
alone, by the cluster of which a worker is killed every so many seconds. Scheduler and workers are of this machine and
run before the clock does; what the local pool takes to start its processes is measured by a build of a few rows and
taken off, or it would hide what the cluster costs. Exits with 1 if a byte differs, if no worker was killed, or if the
cluster left alone takes more than 10 % longer than the local pool; with 1 and one line where a build takes longer than
the time that is left.
"""

import argparse
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from dask_cluster import DaskCluster

from secret_sauce_hf.data import build_at, build_collection
from secret_sauce_hf.data.answers import answer_of_place, checked_telling
from secret_sauce_hf.data.columns import features
from secret_sauce_hf.data.making import make_shard
from secret_sauce_hf.data.plan import make_plan
from secret_sauce_hf.data.shards import shard_schema
from secret_sauce_hf.data.targets import Place
from secret_sauce_hf.instruments import get_collection

MOST_OVERHEAD = 0.10
MOST_SECONDS = 12 * 60


@dataclass(frozen=True)
class Spent:
    """What a build took.

    Args:
        seconds: by the clock.
        here: seconds of the processor, of this process.
        there: of the processes that render, and of the scheduler.
    """

    seconds: float
    here: float
    there: float

    @property
    def processor(self) -> float:
        return self.here + self.there

    def less(self, start: "Spent") -> "Spent":
        return Spent(self.seconds - start.seconds, self.here - start.here, self.there - start.there)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def children() -> float:
    """Seconds of the processor that processes took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cluster_seconds(machines: DaskCluster) -> float:
    """Seconds of the processor of a scheduler and its workers."""
    times = [psutil.Process(pid).cpu_times() for pid in (machines.scheduler_process, *machines.workers().values())]
    return sum(spent.user + spent.system for spent in times)


def measured(build: Callable[[], object], there: Callable[[], float] = children) -> Spent:
    start, here, others = time.perf_counter(), time.process_time(), there()
    build()
    return Spent(time.perf_counter() - start, time.process_time() - here, there() - others)


def looked_at(name: str, rows: int) -> None:
    """Print what it takes to look at a shard, in milliseconds of the processor: the least of four times each."""
    plan = make_plan(get_collection(name), None, 1, 2 * rows, None, rows)
    schema, shard = shard_schema(plan), plan.shards[0]

    def least(work: Callable[[], object]) -> float:
        work()
        return 1000 * min(measured(work).here for _ in range(4))

    with tempfile.TemporaryDirectory() as folder:
        place = Place(f"file://{folder}")
        place.prepare()
        made = make_shard(plan, shard, schema, place, lambda _: None)
        answer = answer_of_place(made, schema, place)
        again = least(lambda: answer_of_place(made, schema, place))
        told = least(lambda: checked_telling(plan, shard, schema, answer, tried=False))
        tried = least(lambda: checked_telling(plan, shard, schema, answer))
    print(
        f"a shard of {len(shard):,} takes: {again:.0f} ms to read it again, where it was made; here {told:.1f} ms to "
        f"look at what is told, {tried:.0f} ms where a row is tried; {len(answer['counted']) / len(shard):.0f} "
        "bytes of a take"
    )


def end_at(seconds: float) -> None:
    """End with one line where it takes longer."""

    def late(*_: object) -> None:
        raise SystemExit(f"It took more than {seconds:.0f} s: this machine has other work, or choose fewer --rows.")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="takes of each build (default: 20000)")
    parser.add_argument("--collection", default="subphatty", help="whose takes (default: subphatty)")
    parser.add_argument("--rows-per-shard", type=int, default=500, help="takes of a file (default: 500)")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two kills (default: 10)")
    parser.add_argument("--workers", type=int, default=2, help="processes, and workers (default: 2)")
    parser.add_argument(
        "--most", type=float, default=MOST_SECONDS, help="seconds that all of it may take (default: 720)"
    )
    parser.add_argument("--place", action="store_true", help="let the workers write, to file://, instead of sending")
    parser.add_argument("--alone", action="store_true", help="kill nobody, and measure what the cluster costs only")
    parser.add_argument("--looks", action="store_true", help="measure only what it takes to look at one file")
    options = parser.parse_args()
    if options.looks:
        looked_at(options.collection, options.rows_per_shard)
        return
    asked = {"seed": 1, "count": options.rows, "rows_per_shard": options.rows_per_shard, "progress": False}
    # What runs on Dask's threads and in the workers should have a core each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    end_at(options.most)
    name = options.collection

    def build(out: Path, **more: object) -> object:
        if options.place and "scheduler" in more:
            return build_at(name, f"file://{out}", **(asked | more))
        return build_collection(name, out, **(asked | more))

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Everything is imported and compiled before the clock starts.
        features(name)
        build(folder / "warm", count=10)
        few = {"count": 2 * options.workers, "rows_per_shard": 1}
        start = measured(lambda: build(folder / "few", workers=options.workers, **few))
        local = measured(lambda: build(folder / "a", workers=options.workers)).less(start)
        (folder / "cluster").mkdir()
        shaken, killed = 0.0, []
        with DaskCluster(folder / "cluster", workers=options.workers) as machines:
            address = {"scheduler": machines.address}
            build(folder / "warm-there", **address, **few)

            def there() -> float:
                return cluster_seconds(machines)

            start_there = measured(lambda: build(folder / "few-there", **address, **few), there)
            alone = measured(lambda: build(folder / "b", **address), there).less(start_there)
            ended = threading.Event()

            def kill() -> None:
                while not ended.wait(options.every):
                    # One that is there; the others go on.
                    killed.append(machines.kill_worker(len(killed) % max(1, len(machines.workers()))))

            if not options.alone:
                killer = threading.Thread(target=kill)
                killer.start()
                try:
                    shaken = measured(lambda: build(folder / "c", **address)).seconds
                finally:
                    ended.set()
                    killer.join()
        whole = contents(folder / "a")
        same = all(contents(folder / other) == whole for other in ("b", *(() if options.alone else "c")))
        size = sum(map(len, whole.values()))
    overhead = alone.seconds / local.seconds - 1
    shards = -(-options.rows // options.rows_per_shard)
    print(
        f"takes           {options.rows:,} of {name}, {size / 1e6:.0f} MB in {shards} files\n"
        f"local pool      {local.seconds:.1f} s, {options.workers} processes; start {start.seconds:.1f} s more\n"
        f"cluster alone   {alone.seconds:.1f} s, {options.workers} workers; start {start_there.seconds:.1f} s more\n"
        f"overhead        {overhead:+.1%} by the clock (asked: at most {MOST_OVERHEAD:+.0%}), "
        f"{alone.processor / local.processor - 1:+.1%} of the processor's time "
        f"({alone.processor:.1f} s of {local.processor:.1f} s)\n"
        f"kills           {len(killed)}, one every {options.every:g} s: {shaken:.1f} s\n"
        f"this process    {1000 * alone.here / shards:.0f} ms of the processor for each file\n"
        f"identical bytes {'yes' if same else 'NO'}"
    )
    sys.exit(not (same and (killed or options.alone) and overhead <= MOST_OVERHEAD))


if __name__ == "__main__":
    main()
