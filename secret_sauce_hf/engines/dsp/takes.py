"""From an engine's output to takes as the collections keep them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import soxr

from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.instruments.takes import FULL_SCALE, PEAK
from secret_sauce_hf.processors import thread_count


def cut_takes(sound: np.ndarray, rate: int, take_rate: int) -> np.ndarray:
    """Resample, limit and round.

    Args:
        sound: float32, (samples, lanes), cut to the take at the engine's rate: the
            recordings were cut before they were resampled, and both ends show it. Faster
            where every lane's samples lie one after the other.
        rate: of `sound`, in Hz.
        take_rate: of the result, in Hz.

    Returns:
        int16, (lanes, samples).
    """
    return limit_takes(soxr.resample(sound, rate, take_rate, "HQ").T)


def limit_takes(takes: np.ndarray) -> np.ndarray:
    """Turn takes whose peak is above `PEAK` down to it, and round: float32 to int16, (lanes, samples)."""
    # Engines hand over lanes beside each other; everything below runs along a lane.
    takes = np.ascontiguousarray(takes)
    peaks = np.maximum(takes.max(axis=1, keepdims=True), -takes.min(axis=1, keepdims=True))
    takes = takes * (np.minimum(PEAK / np.maximum(peaks, PEAK), 1.0) * np.float32(FULL_SCALE - 1)).astype(np.float32)
    return np.rint(takes, out=takes).astype(np.int16)


def render_groups(
    count: int,
    samples: int,
    group: Callable[[np.ndarray], np.ndarray],
    groups: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Render rows in groups, the groups on every processor.

    Args:
        count: number of rows.
        samples: of a take.
        group: renders the rows whose numbers it is given to int16 of shape (rows, samples).
        groups: the numbers of the rows that are rendered together, every row in one group; if None,
            `LANES` after each other, the last group what is left.

    Returns:
        int16, (count, samples).
    """
    takes = np.empty((count, samples), dtype=np.int16)
    if groups is None:
        groups = [np.arange(start, min(start + LANES, count)) for start in range(0, count, LANES)]

    def fill(rows: np.ndarray) -> None:
        takes[rows] = group(rows)

    on_every_processor(fill, groups)
    return takes


def on_every_processor(work: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """Do some work on every part, each processor on one at a time, in the order of the parts."""
    threads = min(thread_count(), len(parts))
    if threads <= 1:
        for part in parts:
            work(part)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
