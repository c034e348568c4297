"""How much of the machine may be used."""

import os


def thread_count() -> int:
    """Processors that this process may use, or fewer if SECRET_SAUCE_THREADS says so."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("SECRET_SAUCE_THREADS", "")
    return max(1, min(available, int(wanted))) if wanted.isdigit() else available
