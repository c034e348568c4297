"""A plug-in's own process, as its owner sees it: started, asked, timed, ended."""

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import weakref
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from secret_sauce_hf.engines.plugin.display import remedy, with_display
from secret_sauce_hf.engines.plugin.failures import Refused, WorkerEnded, WorkerFault, WorkerSilent
from secret_sauce_hf.engines.plugin.files import PluginFile
from secret_sauce_hf.engines.plugin.frames import BrokenFrame, read_frame, write_frame
from secret_sauce_hf.instruments import InputError

RATE = 44_100
LOAD_SECONDS = 60.0
"""What a plug-in is given to load; some read gigabytes."""
_HOSTS = {
    "dawdreamer": ("secret_sauce_hf.engines.plugin.dawdreamer_host", ("VST2", "VST3", "AU", "LV2")),
    "pedalboard": ("secret_sauce_hf.engines.plugin.pedalboard_host", ("VST3", "AU")),
}
"""The module of each host, and what it may be asked to load; the first that loads a file is taken."""
HOSTS = tuple(_HOSTS)


def hosts_for(file: PluginFile, host: str | None = None) -> list[str]:
    """The modules of the hosts that may load a plug-in, the first choice first.

    Args:
        file: the plug-in.
        host: "dawdreamer" or "pedalboard"; whichever loads it if None.

    Raises:
        InputError: there is no such host, none that loads this format, or it is not installed.
    """
    if host is not None and host not in _HOSTS:
        raise InputError(f"{host!r} is no host of plug-ins; there is {' and '.join(_HOSTS)}.")
    able = [name for name, (_, formats) in _HOSTS.items() if file.format in formats and host in (None, name)]
    if not able:
        raise InputError(f"{file.path}: {host} loads no {file.format}; leave the host out.")
    installed = [name for name in able if find_spec(name) is not None]
    if not installed:
        raise InputError(
            f"Plug-ins need {' or '.join(able)}, which {'is' if len(able) == 1 else 'are'} not installed: pip install "
            "'secret_sauce_hf[hosts]'."
        )
    return [_HOSTS[name][0] for name in installed]


class Worker:
    """A process that has loaded a plug-in.

    Args:
        file: the plug-in.
        host_module: the module of the host.
        block: samples that the plug-in is asked for at once.
        load_seconds: what it is given to load.

    Attributes:
        told: what the host says of the plug-in: `host`, `name`, `parameters`, `inputs`, `outputs`, `latency`.
        block: the samples that it is asked for at once.
        lasted: what the last take cost, in seconds.

    Raises:
        WorkerFault: the plug-in ends its process, or does not load in time; the message is the end of "it …".
    """

    def __init__(self, file: PluginFile, host_module: str, block: int, load_seconds: float = LOAD_SECONDS) -> None:
        environment = with_display(dict(os.environ))
        package = str(Path(__file__).parents[3])
        paths = [package, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        # A plug-in's threads would be added to those of every process.
        environment.setdefault("OMP_NUM_THREADS", "1")
        module = "secret_sauce_hf.engines.plugin.worker"
        # Whether the system may end it with the thread that starts it.
        lasting = threading.current_thread() is threading.main_thread()
        arguments = [host_module, str(file.path), str(RATE), str(block), str(os.getpid()), str(int(lasting))]
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env=environment,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes to the process of a plug-in")
        self._requests, answers = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.owner = os.getpid()
        self.block, self.lasted, self._asked = block, 0.0, 0
        reading = threading.Thread(target=_read_all, args=(answers, self._answers), daemon=True, name="plug-in")
        reading.start()
        self._finish = weakref.finalize(
            self, _end, self._process, self._requests, reading, answers, self._words, self.owner
        )
        try:
            self.told = self._next(load_seconds)[0]
            if "error" in self.told:
                raise Refused(f"cannot do it: {self.told['error']}")
        except WorkerFault as error:
            help_out = remedy(environment) if isinstance(error, WorkerEnded) else ""
            raise type(error)(f"{error} while it loads.{help_out}".rstrip(".")) from error

    def ask(self, header: dict[str, Any], payload: bytes = b"", *, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Ask for something and wait for the answer.

        Raises:
            WorkerEnded: the process has ended; WorkerSilent: it did not answer in time, and was ended.
            Refused: the process could not do it, and says why.
        """
        self._asked += 1
        # Where it has ended, what it said last is told below.
        with contextlib.suppress(OSError):
            write_frame(self._requests, header | {"number": self._asked}, payload)
        told, content = self._next(seconds)
        if told.get("number") != self._asked:
            # The sound of another row is as good as any, and nobody would hear that it is not this one's.
            self.close()
            raise WorkerEnded("answers another question than it was asked")
        if "error" in told:
            raise Refused(f"cannot do it: {told['error']}")
        return told, content

    def take(self, asked: dict[str, Any], values: np.ndarray, *, seconds: float) -> np.ndarray:
        """One take, float32 of shape (samples,) at `RATE`; see `worker.Player.take`.

        Raises:
            WorkerFault: see `ask`; or what came is not such a sound.
        """
        samples = asked["samples"]
        payload = np.ascontiguousarray(values, np.float32).tobytes()
        told, content = self.ask({"do": "take", **asked}, payload, seconds=seconds)
        lasted = told.get("seconds")
        if not isinstance(lasted, float):
            self.close()
            raise WorkerEnded("does not tell how long a take lasted")
        self.block, self.lasted = asked["block"], lasted
        if len(content) != samples * 4:
            self.close()
            raise WorkerEnded(f"gives {len(content) // 4:,} samples of {samples:,}")
        sound = np.frombuffer(content, np.float32)
        if not np.isfinite(sound).all():
            # What it holds now would be in all that follows.
            self.close()
            raise WorkerEnded("gives a sound that is not made of numbers")
        return sound

    def close(self) -> None:
        """End the process."""
        self._finish()

    @property
    def alive(self) -> bool:
        """Whether the process can be asked."""
        return self._finish.alive and self.owner == os.getpid()

    def _next(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        try:
            message = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise WorkerSilent(f"does not answer within {seconds:.3g} s") from None
        except BaseException:
            # Its answer would be taken for that of another question.
            self.close()
            raise
        if message is None or isinstance(message, str):
            code = self._exit_code()
            words = self._last_words()
            self.close()
            if isinstance(message, str):
                raise WorkerEnded(f"sends what is no answer: {message}")
            raise WorkerEnded(f"ends its process ({_how(code)}{words})")
        header, payload = message
        return header, payload

    def _exit_code(self) -> int | None:
        try:
            return self._process.wait(5)
        except subprocess.TimeoutExpired:
            return None

    def _last_words(self) -> str:
        """The last line that was printed, for messages."""
        with contextlib.suppress(OSError, ValueError):
            size = self._words.seek(0, os.SEEK_END)
            self._words.seek(max(size - 2000, 0))
            lines = self._words.read().decode(errors="replace").split("\n")
            said = [" ".join(line.split()) for line in lines if line.strip()]
            if said:
                return f'; it said last "{said[-1][:160]}"'
        return ""


def _how(code: int | None) -> str:
    if code is None:
        return "nobody knows how"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _read_all(stream: BinaryIO, answers: "queue.SimpleQueue[Any]") -> None:
    """Put every message into a queue: at its end None, or a text that says what was wrong."""
    try:
        while (message := read_frame(stream)) is not None:
            answers.put(message)
    except BrokenFrame as error:
        answers.put(str(error))
    except (OSError, ValueError):
        pass
    answers.put(None)


def _end(
    process: "subprocess.Popen[bytes]",
    requests: BinaryIO,
    reading: threading.Thread,
    answers: BinaryIO,
    words: BinaryIO,
    owner: int,
) -> None:
    if owner != os.getpid():
        # A copy of the owner: the process is not its own to end.
        return
    process.kill()
    process.wait()
    if reading is not threading.current_thread():
        reading.join(5)
    for stream in (requests, answers, words):
        with contextlib.suppress(OSError):
            stream.close()


def start_worker(
    file: PluginFile, modules: list[str], block: int, load_seconds: float = LOAD_SECONDS
) -> tuple[Worker, str]:
    """The first of several hosts that loads a plug-in.

    Args:
        file: the plug-in.
        modules: of the hosts, see `hosts_for`; one at least.
        block: samples that the plug-in is asked for at once.
        load_seconds: what each is given.

    Returns:
        The process, and the module of its host.

    Raises:
        InputError: none of them loads it; the message says what happened with each.
    """
    faults = []
    for module in modules:
        try:
            return Worker(file, module, block, load_seconds), module
        except WorkerFault as error:
            faults.append(f"with {module.rsplit('.', 1)[-1].removesuffix('_host')} it {error}")
    raise InputError(f"{file.path} cannot be loaded: {'; '.join(faults)}.")
