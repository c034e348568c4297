"""One process's figures, for the sections of the benchmark to collect: prints one line of JSON."""

import time

_START = time.perf_counter()

import argparse  # noqa: E402 - the clock starts before anything is imported
import json  # noqa: E402
import platform  # noqa: E402
import re  # noqa: E402
from collections.abc import Callable  # noqa: E402

import numpy as np  # noqa: E402

from secret_sauce_hf.engines import render  # noqa: E402
from secret_sauce_hf.original.table import original_presets  # noqa: E402
from secret_sauce_hf.presets import Presets, draw_presets  # noqa: E402


def best_seconds(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """The fastest of several runs, as the others were disturbed: by the clock, and in processor time of all threads."""
    clock, processor = [], []
    for _ in range(repeats):
        start, start_processor = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    return min(clock), min(processor)


def takes(collection: str, count: int, repeats: int, in_session: bool) -> dict[str, object]:
    """Rendering: seconds to the first take, then takes a second."""
    presets = _distorted(count) if collection == "distortion" else draw_presets(collection, count, seed=1)
    render(presets[:2], in_session=in_session)
    first = time.perf_counter() - _START
    render(presets, in_session=in_session)
    clock, processor = best_seconds(lambda: render(presets, in_session=in_session), repeats)
    return {"first": first, "clock": count / clock, "processor": count / processor}


def _distorted(count: int) -> Presets:
    """The guitar through the distortion alone, the effect whose loops are vectorised."""
    presets = original_presets("guitar-tiny")
    names = [parameter.name for parameter in presets.parameters]
    only = [float(name == "disto_on_off") for name in names]
    row = int(np.flatnonzero((presets.unit == only).all(axis=1))[0])
    return presets[np.full(count, row)]


_PACKED = re.compile(r"^\s+v?(?:add|sub|mul|div|max|min|sqrt|fn?m(?:add|sub)\d+)ps\b", re.MULTILINE)
"""x86's arithmetic on several single-precision numbers at once."""


def vectors(what: str) -> int | None:
    """How many vector instructions the machine code of a kernel has; None on other processors than x86."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    from secret_sauce_hf.engines.guitar_rack.distortion import distort
    from secret_sauce_hf.engines.noisemaker import voice as noisemaker
    from secret_sauce_hf.engines.subphatty import voice as subphatty

    kernel = {"noisemaker": noisemaker.play, "subphatty": subphatty.play, "distortion": distort}[what]
    if kernel.stats.cache_hits:
        raise SystemExit("Numba shows no machine code that it has from a cache: give an empty one.")
    return sum(len(_PACKED.findall(code)) for code in kernel.inspect_asm().values())


def matching(rows: int, repeats: int) -> dict[str, object]:
    """Comparing two sounds, and one prediction on one core, in milliseconds."""
    import torch
    from transformers import pipeline

    from secret_sauce_hf.matching import demo_sound
    from secret_sauce_hf.metrics import mss

    presets = draw_presets("noisemaker", 2 * rows, seed=1)
    first, second = render(presets[:rows]), render(presets[rows:])
    distance, _ = best_seconds(lambda: mss(first, second, 22_050), repeats)
    torch.set_num_threads(1)
    predict = pipeline("audio-to-preset")
    path = str(demo_sound().path)
    predict(path)
    prediction, _ = best_seconds(lambda: predict(path), 20)
    return {"mss": 1000 * distance / rows, "prediction": 1000 * prediction}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", help="a collection, `distortion` or `matching`")
    parser.add_argument("--takes", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--in-session", action="store_true")
    parser.add_argument("--vectors", action="store_true", help="count the vector instructions of its kernel, too")
    options = parser.parse_args()
    if options.what == "matching":
        found = matching(options.takes, options.repeats)
    else:
        found = takes(options.what, options.takes, options.repeats, options.in_session)
        if options.vectors:
            found["vectors"] = vectors(options.what)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
