"""Times what users wait for: rendering, building a collection, one prediction. `make bench` runs it."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from secret_sauce_hf.collecting import build_collection
from secret_sauce_hf.engines import render
from secret_sauce_hf.matching import demo_sound
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import draw_presets


def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """The fastest of several runs: the others were disturbed by something else."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def import_seconds() -> float:
    code = "import time; start = time.perf_counter(); import secret_sauce_hf; print(time.perf_counter() - start)"
    return min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
        for _ in range(3)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=400, help="takes to render for each figure")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts")
    options = parser.parse_args()

    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"import secret_sauce_hf: {import_seconds():.3f} s")
    for collection in ("noisemaker-light", "noisemaker"):
        presets = draw_presets(collection, options.takes, seed=1)
        render(presets[:2])  # compiles
        for in_session in (False, True):
            seconds = best_seconds(lambda: render(presets, in_session=in_session), options.repeats)  # noqa: B023
            how = "in session" if in_session else "from silence"
            print(f"render {collection} {how}: {options.takes / seconds:,.0f} takes/s")
    with tempfile.TemporaryDirectory() as folder:
        runs = iter(range(options.repeats))

        def build() -> object:
            out = Path(folder) / str(next(runs))
            return build_collection("noisemaker", out, seed=1, count=options.takes, progress=False)

        seconds = best_seconds(build, options.repeats)
        print(f"build noisemaker: {options.takes / seconds:,.0f} takes/s from preset to Parquet")
    first, second = render(presets[: options.takes // 2]), render(presets[options.takes // 2 :])
    rows = min(len(first), len(second))
    seconds = best_seconds(lambda: mss(first[:rows], second[:rows], 22_050), options.repeats)
    print(f"MSS: {1000 * seconds / rows:.1f} ms a pair")

    import torch
    from transformers import pipeline

    torch.set_num_threads(1)
    predict = pipeline("audio-to-preset")
    path = str(demo_sound().path)
    predict(path)
    print(f"one prediction, warm, one core: {1000 * best_seconds(lambda: predict(path), 20):.0f} ms")


if __name__ == "__main__":
    main()
