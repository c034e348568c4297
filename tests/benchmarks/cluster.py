"""Build on a Dask cluster whose workers are killed, and compare with one process; and what the cluster costs.

    python tests/benchmarks/cluster.py [--rows 20000] [--collection guitar-tiny] [--rows-per-shard 500] [--every 10]

Three builds of the same fresh rows, by the clock: by the local pool with as many processes as there are workers,
by the cluster left alone, by the cluster of which a worker is killed every so many seconds. Scheduler and workers are
of this machine and run before the clock does; what the local pool takes to start its processes is measured by a build
of a few rows and taken off, or it would hide what the cluster costs. Exits with 1 if a byte differs, if no worker was
killed, or if the cluster left alone takes more than 10 % longer than the local pool.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dask_cluster import DaskCluster

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.data.columns import features

MOST_OVERHEAD = 0.10


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--collection", default="guitar-tiny")
    parser.add_argument("--rows-per-shard", type=int, default=500)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two kills")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    asked = {"seed": 1, "count": options.rows, "rows_per_shard": options.rows_per_shard, "progress": False}

    def timed(build: Callable[[], object]) -> float:
        start = time.perf_counter()
        build()
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Everything is imported and compiled before the clock starts.
        features(options.collection)
        build_collection(options.collection, folder / "warm", **(asked | {"count": 10}))
        few = asked | {"count": 2 * options.workers, "rows_per_shard": 1}
        start = timed(lambda: build_collection(options.collection, folder / "few", workers=options.workers, **few))
        local = timed(lambda: build_collection(options.collection, folder / "a", workers=options.workers, **asked))
        (folder / "cluster").mkdir()
        with DaskCluster(folder / "cluster", workers=options.workers) as machines:
            there = asked | {"scheduler": machines.address}
            few |= {"scheduler": machines.address}
            build_collection(options.collection, folder / "warm-there", **few)
            start_there = timed(lambda: build_collection(options.collection, folder / "few-there", **few))
            busy_start = time.process_time()
            alone = timed(lambda: build_collection(options.collection, folder / "b", **there))
            busy = (time.process_time() - busy_start) / -(-options.rows // options.rows_per_shard)
            ended, killed = threading.Event(), []

            def kill() -> None:
                while not ended.wait(options.every):
                    # One that is there; the others go on.
                    killed.append(machines.kill_worker(len(killed) % max(1, len(machines.workers()))))

            killer = threading.Thread(target=kill)
            killer.start()
            try:
                shaken = timed(lambda: build_collection(options.collection, folder / "c", **there))
            finally:
                ended.set()
                killer.join()
        whole = contents(folder / "a")
        same = all(contents(folder / other) == whole for other in ("b", "c"))
        size = sum(map(len, whole.values()))
    overhead = (alone - start_there) / (local - start) - 1
    print(
        f"{options.rows:,} rows of {options.collection}, {size / 1e6:.0f} MB, {options.workers} workers:\n"
        f"  local pool                 {local:7.1f} s, of which {start:.1f} s for its start\n"
        f"  cluster                    {alone:7.1f} s, of which {start_there:.1f} s for its start; without: "
        f"{overhead:+.0%} (asked: at most {MOST_OVERHEAD:+.0%})\n"
        f"  cluster, {len(killed):2} workers killed {shaken:7.1f} s, one every {options.every:g} s\n"
        f"  this process: {1000 * busy:.0f} ms of processor a shard, to take it and look at it\n"
        f"  {'identical to the byte' if same else 'NOT IDENTICAL'}"
    )
    sys.exit(not (same and killed and overhead <= MOST_OVERHEAD))


if __name__ == "__main__":
    main()
