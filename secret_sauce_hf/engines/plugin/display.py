"""An X server for plug-ins where there is none: many open a connection to one when they are loaded, unasked.

One Xvfb serves all plug-ins of this process. It ends with this process, however that ends.
"""

import atexit
import os
import shutil
import subprocess
import sys
import threading

# The shell waits for the end of its input, which comes when this process ends, and ends the server then.
_SCRIPT = (
    "Xvfb -displayfd 1 -screen 0 640x480x24 -nolisten tcp 2>/dev/null & server=$!; exec 1>&-; read -r _; kill $server"
)
_SECONDS = 20.0
_lock = threading.Lock()
_started: dict[int, str] = {}


def with_display(environment: dict[str, str]) -> dict[str, str]:
    """An environment with an X server: the one that it has, or one that is started.

    Returns:
        The environment with `DISPLAY`, or as it is where no X server is needed or none can be had.
    """
    if sys.platform != "linux" or environment.get("DISPLAY"):
        return environment
    with _lock:
        # A forked process must not rely on what its parent holds open.
        if os.getpid() not in _started:
            _started[os.getpid()] = _start() if shutil.which("Xvfb") and shutil.which("sh") else ""
        display = _started[os.getpid()]
    return environment | ({"DISPLAY": display} if display else {})


def remedy(environment: dict[str, str]) -> str:
    """What to do about a plug-in that ends where it is loaded, a sentence; empty where an X server is there."""
    if sys.platform != "linux" or environment.get("DISPLAY"):
        return ""
    return " There is no X server, which many plug-ins need: install Xvfb (apt install xvfb) or set DISPLAY."


def _start() -> str:
    """Start a server: its display, or an empty text where it does not start."""
    server = subprocess.Popen(["sh", "-c", _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    found: list[bytes] = []

    def read() -> None:
        if server.stdout is not None:
            found.append(server.stdout.readline())

    def end() -> None:
        server.communicate()

    atexit.register(end)
    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(_SECONDS)
    number = found[0].strip() if found else b""
    return f":{number.decode()}" if number.isdigit() else ""
