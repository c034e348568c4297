"""Build collections into one folder and print what they took: `make collections`, those of the package's own engines.

With ARGS="dx7 vital" those that are named. Interrupted, it goes on where it stopped; what was there already is not
timed.
"""

import argparse
import platform
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.instruments import COLLECTIONS, InputError, get_collection
from secret_sauce_hf.processors import thread_count


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("collections"), help="folder for them (./collections)")
    parser.add_argument("names", nargs="*", help="which (all whose engines need no extra)")
    options = parser.parse_args()
    own = [name for name, one in COLLECTIONS.items() if (engine := find_engine(one)) is not None and not engine.extra]

    table = Table("collection", box=None, title=f"{processor()}, {thread_count()} cores")
    for title in ("rows", "seconds", "sounds/s", "MB"):
        table.add_column(title, justify="right")
    rows = seconds = megabytes = 0.0
    for collection in map(get_collection, options.names or own):
        folder = options.out / collection.name
        there = folder.exists()
        start = time.perf_counter()
        build_collection(collection, folder)
        took = time.perf_counter() - start
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e6
        speed = ["–", "–"] if there else [f"{took:.1f}", f"{collection.count / took:,.0f}"]
        table.add_row(collection.name, f"{collection.count:,}", *speed, f"{size:.1f}")
        rows, seconds, megabytes = rows + collection.count, seconds + took, megabytes + size
    table.add_section()
    table.add_row("all", f"{rows:,.0f}", f"{seconds:.1f}", f"{rows / seconds:,.0f}", f"{megabytes:.1f}")
    Console().print(table)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"build_collections: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on from here.")
