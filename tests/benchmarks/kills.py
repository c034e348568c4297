"""Kill a build at random moments, resume it each time, and compare with one that ran through.

    python tests/benchmarks/kills.py [--kills 20] [--collection subphatty] [--workers 1] [--seed 0]

The moments are spread over the whole build, its start and its last steps included.
Exits with 1 if a byte differs.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is not hidden, by name."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--collection", default="subphatty")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    draw = random.Random(options.seed)

    def build(out: Path, workers: int) -> subprocess.Popen:
        rows = ["--seed", "1", "--count", str(options.rows), "--rows-per-shard", "50", "--workers", str(workers)]
        code = (
            f"from secret_sauce_hf.cli import main; main(['build', '{options.collection}', *{rows}, '--out', '{out}'])"
        )
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        whole = Path(folder) / "whole"
        if build(whole, 1).wait():
            sys.exit("The build fails by itself.")
        took = time.monotonic() - start
        kills = builds = 0
        same = True
        while kills < options.kills or builds == 0:
            out = Path(folder) / f"killed-{builds}"
            while True:
                process = build(out, options.workers)
                # Starting takes about a second; a tenth of the work lies between two kills.
                moment = draw.uniform(0.5, 2.0 + 0.1 * took) if kills < options.kills else None
                try:
                    if process.wait(moment):
                        sys.exit("A resumed build fails.")
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
                    finished = len(list(out.rglob("[!.]*.parquet")))
                    print(f"kill {kills} after {moment:.2f} s: {finished} shards finished", file=sys.stderr)
            builds += 1
            same &= contents(whole) == contents(out)
    print(
        f"{options.collection}, {options.rows:,} rows, {options.workers} workers: killed {kills} times in {builds} "
        f"builds, resumed: {'identical' if same else 'NOT IDENTICAL'} to the one that ran through"
    )
    sys.exit(not same)


if __name__ == "__main__":
    main()
