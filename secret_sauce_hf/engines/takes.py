"""From an engine's output to takes as the collections keep them."""

import os

import numpy as np
import soxr

PEAK = 0.999
"""Louder takes are turned down to this peak, as the limiter of the recordings did."""
FULL_SCALE = 32_767


def cut_takes(sound: np.ndarray, rate: int, take_rate: int) -> np.ndarray:
    """Resample, limit and round.

    Args:
        sound: float32, (samples, lanes), cut to the take at the engine's rate: the
            recordings were cut before they were resampled, and both ends show it.
        rate: of `sound`, in Hz.
        take_rate: of the result, in Hz.

    Returns:
        int16, (lanes, samples).
    """
    takes = soxr.resample(sound, rate, take_rate, "HQ").T
    peaks = np.abs(takes).max(axis=1, keepdims=True)
    takes = takes * (np.minimum(PEAK / np.maximum(peaks, PEAK), 1.0) * np.float32(FULL_SCALE)).astype(np.float32)
    return np.rint(takes).astype(np.int16)


def thread_count() -> int:
    """Processors that this process may use, or fewer if SECRET_SAUCE_THREADS says so."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("SECRET_SAUCE_THREADS", "")
    return max(1, min(available, int(wanted))) if wanted.isdigit() else available
