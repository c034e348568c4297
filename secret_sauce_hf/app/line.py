"""The line in which searches wait: one after another, each with its place told."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from secret_sauce_hf.app.limits import MAX_WAITING, UNWATCHED_SECONDS
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.progress import logger_of

_LOG = logger_of(__name__)

State = Literal["waiting", "running", "done", "failed", "stopped"]


class BusyError(Exception):
    """So many searches wait that another has to come back later."""


@dataclass(eq=False)
class Job:
    """A search that waits, runs or has ended.

    Args:
        work: makes the answer; called with the job, whose `check` it calls now and then.
        seconds: how long it will take, about.
        state: what has become of it.
        trace: (share, renderings, distance) as the search went on.
        answer: what the work returned.
        error: what went wrong, for people.
        watched: when somebody last asked about it, by the clock of `monotonic`.
        stopping: whether it is to end; what was found by then is the answer.
    """

    work: Callable[["Job"], Any]
    seconds: float
    state: State = "waiting"
    trace: list[tuple[float, int, float]] = field(default_factory=list)
    answer: Any = None
    error: str | None = None
    watched: float = field(default_factory=monotonic)
    stopping: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "stopped")

    @property
    def size(self) -> int:
        """Bytes of its answer."""
        return int(getattr(self.answer, "size", 0))

    def watch(self) -> None:
        """Say that somebody still wants to know."""
        self.watched = monotonic()

    def stop(self) -> None:
        """Have it end."""
        self.stopping = True

    def check(self) -> None:
        """End the work if nobody wants it any more.

        Raises:
            KeyboardInterrupt: it is to end, as by Ctrl-C: a search keeps what it has found.
        """
        if self.stopping or monotonic() - self.watched > UNWATCHED_SECONDS:
            raise KeyboardInterrupt


class Line:
    """Jobs, first come, first served, by so many threads.

    Args:
        workers: how many jobs run at once.
        begin: called by every thread before its first job, to load what all need.
    """

    def __init__(self, workers: int = 1, begin: Callable[[], None] = lambda: None):
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._wake = threading.Condition()
        self._closed = False
        self._begin = begin
        self.workers = workers
        self._threads = [threading.Thread(target=self._run, daemon=True, name=f"search {n}") for n in range(workers)]
        for thread in self._threads:
            thread.start()

    def add(self, job: Job) -> None:
        """Have a job done.

        Raises:
            BusyError: too many wait.
        """
        with self._wake:
            if len(self._waiting) >= MAX_WAITING:
                raise BusyError
            self._waiting.append(job)
            self._wake.notify()

    def ahead(self, job: Job) -> tuple[int, float]:
        """How many jobs come before one that waits, and how many seconds they will take, about."""
        with self._wake:
            if job not in self._waiting:
                return 0, 0.0
            before = [*list(self._waiting)[: self._waiting.index(job)], *self._running]
        return len(before), sum(one.seconds for one in before) / self.workers

    def close(self) -> None:
        """End what runs, drop what waits, and give the threads back."""
        with self._wake:
            self._closed = True
            for job in (*self._waiting, *self._running):
                job.stop()
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)

    def _run(self) -> None:
        self._begin()
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    for job in self._waiting:
                        job.state = "stopped"
                    return
                job = self._waiting.popleft()
                self._running.append(job)
            try:
                self._do(job)
            finally:
                with self._wake:
                    self._running.remove(job)

    def _do(self, job: Job) -> None:
        try:
            job.check()
            job.state = "running"
            job.answer = job.work(job)
            job.state = "done"
        except KeyboardInterrupt:
            job.state = "stopped"
        except InputError as error:
            job.error, job.state = str(error), "failed"
        except Exception:  # noqa: BLE001 - the thread has to go on with the next one
            # What a visitor is told must not say how we are built.
            job.error, job.state = "Something went wrong here; try again, or with another sound.", "failed"
            _LOG.exception("A search failed.")
