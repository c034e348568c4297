"""The bytes behind an address, within limits of time and size: whoever answers there may have no end.

A checkpoint carries a copy of this file (see `secret_sauce_hf.modeling`): of its siblings it imports `errors` only.
"""

import io
import threading
from typing import Any

from .errors import InputError

FETCH_SECONDS = 300.0
"""For one sound, all in all: the largest that is taken comes in less by a line of 8 Mbit/s. Storages limit the time of
single requests, if any, and a server that sends a byte a second keeps to all such limits."""
_MOST_REASON = 200
"""Characters of what a library says of a fault."""
_CHUNK = 2**20


def fetch(address: str, most: int, seconds: float = FETCH_SECONDS) -> io.BytesIO:
    """What an address of fsspec leads to.

    Args:
        address: `PROTOCOL://PATH`, or several of them linked by `::`.
        most: how many bytes it may have.
        seconds: how long it may take, with everything that leads there.

    Raises:
        InputError: fsspec is not installed; there is nothing; it cannot be read; it is larger, or takes longer.
    """
    try:
        import fsspec
    except ImportError as error:
        raise InputError(f"An address such as {address} needs fsspec, which is not installed.") from error
    content: list[bytes] = []
    faults: list[Exception] = []
    over = threading.Event()

    def read() -> None:
        try:
            with fsspec.open(address, "rb") as stream:
                _read(stream, most, content, over)
        # What its many file systems raise has no common class.
        except Exception as error:  # noqa: BLE001 - told below, by the thread that asked
            faults.append(error)

    # Nothing stops a thread that waits for a server: it is left to its own, and with it what it holds.
    reading = threading.Thread(target=read, daemon=True, name="fetch")
    reading.start()
    reading.join(seconds)
    if reading.is_alive():
        over.set()
        raise InputError(f"The sound cannot be read from {address} (it takes more than {seconds:g} s).")
    for fault in faults:
        if isinstance(fault, FileNotFoundError):
            raise InputError(f"No such sound file: {address}.") from fault
        # Some quote all that a server sent.
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[0][:_MOST_REASON]
        raise InputError(f"The sound cannot be read from {address} ({reason}).") from fault
    return io.BytesIO(b"".join(content))


def _read(stream: Any, most: int, content: list[bytes], over: threading.Event) -> None:
    left = most
    # Some give what has come by now, not what was asked for.
    while not over.is_set() and (chunk := stream.read(min(_CHUNK, left + 1))):
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"it has more than {most // 2**20 or most} {'MB' if most >= 2**20 else 'bytes'}")
        content.append(bytes(chunk))
