"""What the sections of the benchmark share: child processes, their figures, the report.

Nothing heavy is imported here or in the sections: a child's peak of memory counts from
what its parent held when it was started.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_HERE = Path(__file__).parent
_ONE_THREAD = ("SECRET_SAUCE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Report:
    """Prints figures as they come, and keeps what failed.

    Args:
        options: of the command line.
        folder: where children may write.
    """

    def __init__(self, options: argparse.Namespace, folder: Path):
        self.options = options
        self.folder = folder
        self.failures: list[str] = []
        self._console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
        self._start = time.perf_counter()

    @property
    def warm(self) -> dict[str, str]:
        """Environment of children that find their kernels compiled by those before them."""
        return self.kernel_cache("warm")

    def kernel_cache(self, name: str) -> dict[str, str]:
        """Environment of children that keep compiled kernels in a folder of this run; it starts empty."""
        return {"XDG_CACHE_HOME": str(self.folder / f"cache-{name}")}

    def check_kernel_cache(self, environment: Mapping[str, str]) -> None:
        """Make sure that the folder was used; where `platformdirs` goes elsewhere nothing was compiled anew."""
        if not any(Path(environment["XDG_CACHE_HOME"]).glob("secret_sauce_hf/kernels-*/*")):
            self.fail("XDG_CACHE_HOME did not move the cache of compiled kernels: cold figures are not cold.")

    def say(self, text: str) -> None:
        """Progress, for whoever waits."""
        print(f"[{time.perf_counter() - self._start:4.0f} s] {text}", file=sys.stderr, flush=True)

    def print(self, *parts: Any) -> None:
        """A part of the report."""
        for part in parts:
            self._console.print(part, markup=False)

    def fail(self, text: str) -> None:
        """Something that does not depend on the machine is wrong: `make bench` is to fail."""
        self.failures.append(text)
        self.print(f"FAILED: {text}")


def figures(title: str, *columns: str) -> Table:
    """An empty table of figures beside a first column of names."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    return table


def run_child(script: str, *arguments: object, environment: Mapping[str, str], one_thread: bool = True) -> Any:
    """Run a script of this folder in a process of its own.

    Args:
        script: its name.
        arguments: of its command line.
        environment: variables beside this process's.
        one_thread: whether every library is told to use one thread.

    Returns:
        What it printed last, from JSON.

    Raises:
        ChildProcessError: it failed; the message has the end of what it said.
    """
    everything = os.environ | dict(environment)
    for variable in _ONE_THREAD:
        everything.pop(variable, None)
        if one_thread:
            everything[variable] = "1"
    command = [sys.executable, str(_HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=everything)
    if done.returncode:
        raise ChildProcessError(f"{script} {' '.join(map(str, arguments))}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])


def core_count() -> int:
    """Processors that this process and its children may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """One line that says what the figures were measured on."""
    return (
        f"{_processor()}, {core_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, Numba {version('numba')}, NumPy {version('numpy')}; "
        f"{os.getloadavg()[0]:.1f} processes were running in the last minute"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def installed(package: str) -> str | None:
    """Its version, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the time of a run."""
    with tempfile.TemporaryDirectory(prefix="secret-sauce-bench-") as folder:
        yield Path(folder)


def rate(value: float) -> str:
    """Takes a second."""
    return f"{value:,.0f}"
