"""A Dask cluster of processes of this machine: a scheduler and workers, as a person would start them."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_SECONDS = 60


class DaskCluster:
    """A scheduler on loopback, in a `with` block, and the workers that are started there.

    Args:
        folder: for what they write and say.
        workers: how many are started at once, of a thread each.
        failures: how many workers may die of a task, or beside it, before Dask gives it up.
        environment: variables that all of them have beside ours.
    """

    def __init__(
        self, folder: Path, workers: int = 2, failures: int = 3, environment: dict[str, str] | None = None
    ) -> None:
        self.folder, self._count, self._failures = folder, workers, failures
        self._environment = environment or {}
        self._processes: list[subprocess.Popen] = []
        self.address = ""

    def __enter__(self) -> "DaskCluster":
        file = self.folder / "scheduler.json"
        added = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(self._failures)}
        self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file), added=added)
        _wait(lambda: file.is_file() and file.read_text().strip().endswith("}"), "a scheduler")
        self.address = json.loads(file.read_text())["address"]
        for _ in range(self._count):
            self.add_worker(wait=False)
        _wait(lambda: len(self.workers()) == self._count, "the workers")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            _end(process)

    def add_worker(
        self, *options: str, path: Path | None = None, wait: bool = True, environment: dict[str, str] | None = None
    ) -> subprocess.Popen:
        """Start a worker.

        Args:
            options: of `dask worker` beside the usual ones.
            path: a folder that comes first where its Python looks for modules.
            wait: whether to wait until the scheduler knows it.
            environment: variables that it has beside ours.
        """
        before = len(self.workers()) if wait else 0
        paths = [str(path)] if path else []
        paths += [entry for entry in (*sys.path, os.environ.get("PYTHONPATH")) if entry]
        added = {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
        process = self._start("worker", self.address, "--nthreads", "1", "--no-dashboard", *options, added=added)
        if wait:
            _wait(lambda: len(self.workers()) > before, "one more worker")
        return process

    def stop(self, process: subprocess.Popen) -> None:
        """End a worker that was added."""
        before = len(self.workers())
        _end(process)
        self._processes.remove(process)
        _wait(lambda: len(self.workers()) < before, "one worker less")

    def workers(self) -> dict[str, int]:
        """The process of each worker, by its address."""
        with self.client() as client:
            return client.run(os.getpid, on_error="ignore")

    def client(self):
        """A client of the scheduler."""
        from distributed import Client

        return Client(self.address, set_as_default=False)

    def kill_worker(self, which: int = 0) -> int:
        """Kill the process of a worker, as want of memory does; what started it starts another. Returns its number."""
        process = sorted(self.workers().values())[which]
        os.kill(process, signal.SIGKILL)
        return process

    @property
    def scheduler_process(self) -> int:
        """The number of the scheduler's process."""
        return self._processes[0].pid

    def _start(self, kind: str, *arguments: str, added: dict[str, str] | None = None) -> subprocess.Popen:
        log = (self.folder / f"{kind}-{len(self._processes)}.log").open("wb")
        command = [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1", *arguments]
        if kind == "worker":
            command += ["--local-directory", str(self.folder / "space")]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **self._environment, **(added or {})}
        with log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, cwd=self.folder, start_new_session=True
            )
        self._processes.append(process)
        return process


def _wait(until, what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {_SECONDS} s")
        time.sleep(0.1)


def _end(process: subprocess.Popen) -> None:
    """End a process and those that it started: asked politely, some would wait for a scheduler that is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
