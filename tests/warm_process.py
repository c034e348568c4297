"""A process that has imported everything, and forks for every command: what takes seconds is done once.

    with warm_process(folder, environment) as own:
        subprocess.run("secret-sauce --help", shell=True, env=own)

puts a program `secret-sauce`, and one `warm-python` for `-c PROGRAM`, before all others. They hand their arguments,
folder, environment and streams to the process.
"""

import array
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

PYTHON = "warm-python"
_MOST = 1 << 20
# Without site packages it starts in hundredths of a second.
_CLIENT = """#!{python} -IS
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as own:
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, {most})
    own.connect({address!r})
    told = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    own.sendmsg([told], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    code = own.recv(16)
# The process is gone where nothing comes back.
sys.exit(int(code or b"70"))
"""


@contextlib.contextmanager
def warm_process(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """An environment in which `secret-sauce` is run by a warm process, while that lives.

    Args:
        folder: an empty one, whose path is short enough for a socket.
        environment: of the process, and of what is run but for what a command changes.
    """
    address = folder / "socket"
    for name in ("secret-sauce", PYTHON):
        (folder / name).write_text(_CLIENT.format(python=sys.executable, most=_MOST, address=str(address)))
        (folder / name).chmod(0o755)
    with subprocess.Popen([sys.executable, __file__, address], env=environment) as process:
        try:
            until = time.monotonic() + 60
            while not address.exists() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
            yield environment | {"PATH": f"{folder}{os.pathsep}{environment['PATH']}"}
        finally:
            process.kill()


def _serve(address: str) -> None:
    # What the commands import when they need it. Nothing of it starts a thread, or a fork might wait for ever.
    import datasets  # noqa: F401
    import scipy.signal  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401

    import secret_sauce_hf.modeling
    from secret_sauce_hf.cli import main  # noqa: F401
    from secret_sauce_hf.matching import match  # noqa: F401

    secret_sauce_hf.modeling.load_pipeline  # noqa: B018 - imports what it needs
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as own:
        own.bind(address)
        own.listen()
        while True:
            client, _ = own.accept()
            with client:
                told, ancillary, _, _ = client.recvmsg(_MOST, socket.CMSG_SPACE(12))
                streams = array.array("i")
                streams.frombytes(ancillary[0][2])
                child = os.fork()
                if child == 0:
                    own.close()
                    _run(*json.loads(told), streams)
                for stream in streams:
                    os.close(stream)
                _, status = os.waitpid(child, 0)
                client.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(words: list[str], folder: str, environment: dict[str, str], streams: array.array) -> None:
    from secret_sauce_hf.cli import main

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # As a new process would: what is imported already stays.
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", *sys.path)]
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = words
    code = 1
    try:
        if Path(words[0]).name == PYTHON:
            for module in ("secret_sauce_hf", "__main__"):
                warnings.filterwarnings("error", category=DeprecationWarning, module=module)
            exec(compile(words[2], "<string>", "exec"), {"__name__": "__main__"})
        else:
            main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        if code == 1 and sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
