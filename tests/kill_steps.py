"""A copy of this process that does some work and is killed at one of its steps, with SIGKILL: nothing is tidied up.

A step is what changes the disk (a file opened to be written, renamed or removed, a folder made or removed) or what is
asked of a Hub, and what lies behind an answer of it. Between two of them a kill finds the same disk. What native code
writes has no steps; moments by the clock find that.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

_CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink"})
_WRITING = os.O_WRONLY | os.O_RDWR


def work_in_copy(work: Callable[[], Any], at: int = 0, after: float = 0) -> int | None:
    """Do some work in a fork.

    This process must have no threads: imports are done, and nothing has been rendered.

    Args:
        work: what to do.
        at: the step before which the fork is killed; not at all if 0.
        after: the seconds after which it is killed, if `at` is 0; not at all if 0.

    Returns:
        The number of steps of work that was done to its end; None if it was killed.

    Raises:
        RuntimeError: the work failed; what it raised stands on standard error.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            errors = os.dup(2)
            os.dup2(quiet, 2)
            steps = _watched(at)
            if after and not at:
                signal.setitimer(signal.ITIMER_REAL, after)
                signal.signal(signal.SIGALRM, lambda *_: _end())
            work()
            os.write(write, str(len(steps)).encode())
        except BaseException:  # noqa: BLE001 - of a fork nothing may get out
            os.dup2(errors, 2)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    if status or not told:
        raise RuntimeError(f"The work ends with status {status}.")
    return int(told)


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _watched(at: int) -> list[str]:
    """Count the steps from now on; the list grows by one at each."""
    import httpx2

    steps: list[str] = []

    def step(name: str) -> None:
        steps.append(name)
        if len(steps) == at:
            _end()

    def look(event: str, given: tuple[Any, ...]) -> None:
        if event in _CHANGES or (event == "open" and isinstance(given[2], int) and given[2] & _WRITING):
            path = str(given[0])
            if not path.startswith(("/dev/", "/proc/")) and "__pycache__" not in path:
                step(event)

    send = httpx2.Client.send

    def sent(client: httpx2.Client, *given: Any, **options: Any) -> httpx2.Response:
        step("asked")
        answer = send(client, *given, **options)
        step("answered")
        return answer

    httpx2.Client.send = sent  # type: ignore[method-assign]
    sys.addaudithook(look)
    return steps
