"""A process that has imported what takes seconds, and forks for every command: that is done once.

    with warm_process(folder, environment) as own:
        subprocess.run("secret-sauce --help", shell=True, env=own)

puts a program `secret-sauce`, and one `warm-python` for `-c PROGRAM`, before all others. They hand their arguments,
folder, environment and streams to the process. Where a test asks what a new process imports, the process has
imported nothing of this package:

    with bare_process(environment) as run:
        done = run("import secret_sauce_hf; print(secret_sauce_hf.__version__)")
"""

import array
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
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


# What the commands import when they need it. Nothing of it starts a thread, or a fork might wait for ever.
_EVERYTHING = """
import datasets, scipy.signal, torch, transformers
import secret_sauce_hf.modeling
from secret_sauce_hf.cli import main
from secret_sauce_hf.matching import match
secret_sauce_hf.modeling.load_pipeline
"""
# What others have written: it stays the same whoever imports it first. None of the tasks of pipelines is named yet.
_OTHERS = "import torch, transformers.modeling_utils, transformers.trainer_utils, scipy.signal, numba"


@contextlib.contextmanager
def bare_process(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs programs as new processes would, but that torch, transformers, SciPy and Numba are imported already.

    Args:
        environment: of every program, but for what one changes.
    """
    # The address of a socket is at most a hundred characters long.
    with tempfile.TemporaryDirectory() as folder, warm_process(Path(folder), environment, _OTHERS) as own:

        def run(program: str, *arguments: str, cwd: Path | None = None, **variables: str):
            words = [str(Path(folder) / PYTHON), "-c", program, *arguments]
            return subprocess.run(words, env=own | variables, cwd=cwd, capture_output=True, text=True)

        yield run


@contextlib.contextmanager
def warm_process(folder: Path, environment: dict[str, str], imports: str = _EVERYTHING) -> Iterator[dict[str, str]]:
    """An environment in which `secret-sauce` is run by a warm process, while that lives.

    Args:
        folder: an empty one, whose path is short enough for a socket.
        environment: of the process, and of what is run but for what a command changes.
        imports: what the process does before its first fork.
    """
    address = folder / "socket"
    for name in ("secret-sauce", PYTHON):
        (folder / name).write_text(_CLIENT.format(python=sys.executable, most=_MOST, address=str(address)))
        (folder / name).chmod(0o755)
    with subprocess.Popen([sys.executable, __file__, address, imports], env=environment) as process:
        try:
            until = time.monotonic() + 60
            while not address.exists() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
            yield environment | {"PATH": f"{folder}{os.pathsep}{environment['PATH']}"}
        finally:
            process.kill()


def _serve(address: str, imports: str) -> None:
    exec(imports, {})
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
            sys.argv = words[1:2] + words[3:]
            exec(compile(words[2], "<string>", "exec"), {"__name__": "__main__"})
        else:
            from secret_sauce_hf.cli import main

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
    _serve(sys.argv[1], sys.argv[2])
