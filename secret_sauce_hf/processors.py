"""What this machine is, how much of it may be used, and that processes of ours do not outlive who started them."""

import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

WATCH_SECONDS = 1.0
"""How often a process looks whether the one that started it is there."""
_PR_SET_PDEATHSIG = 1


def end_with(parent: int, *, at_once: bool = False) -> None:
    """Have this process end within seconds when the one that started it ends, however that ends.

    Whoever is killed cannot tell its workers, and some of them would wait for work, or write into a pipe that
    nobody reads, for ever. A thread looks after it; what this process was doing is left as after a kill.

    Args:
        parent: the process that started this one.
        at_once: on Linux, have the system end this process, too, even while foreign code lets no thread of Python
            run. Only where the main thread of `parent` started it: the system takes the end of a thread for that.
    """
    if at_once:
        die_with_parent()
    gone = _watch(parent)

    def look() -> None:
        while not gone():
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True, name="parent").start()


def end_with_starter() -> None:
    """`end_with` the process that started this one by `multiprocessing`; nothing where none did."""
    # Whoever starts no processes needs none of it.
    import multiprocessing

    if (parent := multiprocessing.parent_process()) is not None and parent.pid is not None:
        end_with(parent.pid)


def die_with_parent() -> None:
    """Have Linux kill this process when the thread that started it ends; nothing on other systems."""
    if sys.platform == "linux":
        # Hardly anybody needs it.
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _watch(parent: int) -> Callable[[], bool]:
    """What tells whether the process that started this one is gone."""
    if sys.platform == "win32":
        # There the number of a parent stays when it is gone, and may be another's then.
        import _winapi

        try:
            handle = _winapi.OpenProcess(_winapi.SYNCHRONIZE, False, parent)
        except OSError:
            return lambda: True
        return lambda: _winapi.WaitForSingleObject(handle, 0) == _winapi.WAIT_OBJECT_0
    return lambda: os.getppid() != parent


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
