"""What this machine is, and how much of it may be used."""

import os
import platform
from pathlib import Path


def _available() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def launched() -> tuple[int, int]:
    """Which process this is, counted from 0, of those that `accelerate launch` or `torchrun` started, and of how many.

    (0, 1) for one that was started by itself.
    """
    number, count = (os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE"))
    return (int(number), int(count)) if number.isdigit() and count.isdigit() and int(count) > 1 else (0, 1)


def thread_count() -> int:
    """Processors that this process may use, or fewer if SECRET_SAUCE_THREADS says so.

    Of several processes that `accelerate launch` or `torchrun` started on this machine each has its share.
    """
    here = os.environ.get("LOCAL_WORLD_SIZE", "")
    available = max(1, _available() // max(1, int(here) if here.isdigit() else 1))
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
