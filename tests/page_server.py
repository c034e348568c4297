"""The web page as people start it: `secret-sauce app` in a process of its own."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def page_server(*arguments: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of a page at a port that is free, and its process."""
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "secret_sauce_hf", "app", "--port", "0", *arguments],
            stdout=stream,
            stderr=stream,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error:::secret_sauce_hf"},
        )
        try:
            yield _address(process, log), process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen, log: Path) -> str:
    """What the process says once it listens; connections wait until it answers."""
    for _ in range(600):
        if found := re.search(r"http://\S+", log.read_text(encoding="utf-8")):
            return found[0].rstrip("/")
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"The page did not start:\n{log.read_text(encoding='utf-8')}")
