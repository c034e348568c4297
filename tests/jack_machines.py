"""A JACK server without a sound card, and instruments on it, for tests and benchmarks."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from filelock import FileLock

TOY = Path(__file__).with_name("jack_toy.py")
CONTROLLERS = {"filter_cutoff": 74, "filter_resonance": 71, "amp_attack": 73, "amp_decay": 75, "osc2_detune": 76}
"""What amsynth is told to hear, by its own names of parameters."""
REGISTRY = Path("/dev/shm/jack-shm-registry")
_PATIENCE = 20
_ALONE = FileLock(Path(tempfile.gettempdir()) / "secret-sauce-jack.lock")
"""One process of the tests at a time has servers: they take much memory, and keep each other from being in time."""


def have(*programs: str) -> bool:
    """Whether programs, or modules of Python, are here."""
    from importlib.util import find_spec

    return all(shutil.which(one) or find_spec(one) for one in programs)


@contextmanager
def jack_server(rate: int = 22_050, period: int = 512) -> Iterator[str]:
    """A server of our own that clients of this process and its children find; yields its name."""
    name = f"secret-sauce-{os.getpid()}-{time.monotonic_ns()}"
    command = ["jackd", "--no-realtime", "--sync", "-p", "64", "-n", name, "-d", "dummy"]
    command += ["-r", str(rate), "-p", str(period)]
    own = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    with _ALONE, mock.patch.dict(os.environ, own):
        with _serving(command):
            yield name
        if REGISTRY.exists() and name.encode() in REGISTRY.read_bytes():
            # It ended in the middle of something and stays in a list of eight that all servers of the machine share;
            # one of the same name that ends in order takes it out.
            with _serving(command):
                pass


@contextmanager
def _serving(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for_port("system:capture_1")
            yield
        finally:
            end(server)


def end(process: subprocess.Popen) -> None:
    """End a program that this process has started."""
    process.terminate()
    try:
        # A server that has lost a client in the middle of a take waits for it for some seconds.
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_port(name: str) -> None:
    """Wait until a port is there, by a client of its own."""
    import jack

    jack.set_error_function(lambda _: None)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            client = jack.Client("wait", no_start_server=True)
        except jack.JackOpenError:
            client = None
        if client is not None:
            try:
                if any(name in port.name for port in client.get_ports()):
                    return
            finally:
                client.close()
        if time.monotonic() > until:
            raise TimeoutError(f"no JACK port {name}")
        time.sleep(0.05)


@contextmanager
def amsynth(home: Path, controllers: dict[str, int] | None = None) -> Iterator[subprocess.Popen]:
    """The synthesiser amsynth, told which controllers it hears by a file in a home of its own."""
    lines = ["null"] * 128
    for parameter, control in (CONTROLLERS if controllers is None else controllers).items():
        lines[control] = parameter
    folder = home / ".config" / "amsynth"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "controllers").write_text("\n".join(lines) + "\n")
    command = ["amsynth", "-x", "-n", "amsynth", "--jack_autoconnect=false"]
    with _started(command, "amsynth:midi_in", {"HOME": str(home)}) as process:
        yield process


@contextmanager
def toy(*faults: str) -> Iterator[subprocess.Popen]:
    """An instrument of a few lines with the faults that are asked for; see `jack_toy.py`."""
    with _started([sys.executable, str(TOY), *faults], "toy:out", {}) as process:
        yield process


@contextmanager
def _started(command: list[str], port: str, own: dict[str, str]) -> Iterator[subprocess.Popen]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | own, **quiet) as process:
        try:
            wait_for_port(port)
            yield process
        finally:
            end(process)
