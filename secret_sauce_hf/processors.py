"""What this machine is, and how much of it may be used."""

import os
import platform
from pathlib import Path


def _available() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count() -> int:
    """Processors that this process may use, or fewer if SECRET_SAUCE_THREADS says so."""
    available = _available()
    wanted = os.environ.get("SECRET_SAUCE_THREADS", "")
    return max(1, min(available, int(wanted))) if wanted.isdigit() else available


def machine() -> str:
    """What computes here: the GPU, or the processor and how many cores of it may be used."""
    # Whoever only renders has not torch installed.
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {_available()} cores"
