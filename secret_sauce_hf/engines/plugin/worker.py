"""The process that a plug-in runs in: it loads one file, and plays what it is asked for, one message at a time.

Started as `python -m secret_sauce_hf.engines.plugin.worker HOST FILE RATE BLOCK PARENT LASTING`, with messages on
standard input and output (see `frames`). HOST is the module of the host, which has a class `Host`; PARENT and LASTING
say with whom it ends (see `end_with`); what a plug-in itself prints goes to standard error.
"""

import importlib
import math
import os
import signal
import sys
import time
from typing import Any, BinaryIO

import numpy as np

from secret_sauce_hf.engines.plugin.frames import read_frame, write_frame
from secret_sauce_hf.processors import die_with_parent, end_with

SILENCE = 1e-4
"""A sample below this (-80 dB) is that of nothing that sounds."""
_QUIET_SECONDS = 0.5
_MOST_QUIET = 8
"""Times so long that a plug-in is given to fall silent."""


class Player:
    """One plug-in, its initial state, and how it is brought back to it before a take."""

    def __init__(self, host_module: str, file: str, rate: int, block: int) -> None:
        self._make = importlib.import_module(host_module).Host
        self._file, self._rate, self.block = file, rate, block
        self._load()
        self.defaults = self.host.values()
        self._state: bytes | None = None
        self._played = False

    def _load(self) -> None:
        self.host: Any = None  # Some plug-ins do not bear two instances at a time.
        self.host = self._make(self._file, self._rate, self.block)

    def reload(self, block: int) -> None:
        """Load the plug-in anew, to be asked for blocks of that many samples."""
        self.block = block
        self._load()

    def sweep(self, index: int, points: int) -> dict[str, Any]:
        """What a parameter reads, as text and as value, at values from 0 to 1."""
        texts, values = [], []
        for value in np.linspace(0, 1, points).tolist():
            self.host.set(index, value)
            texts.append(self.host.text(index))
            values.append(self.host.get(index))
        self.host.set(index, self.defaults[index])
        return {"texts": texts, "values": values}

    def take(self, asked: dict[str, Any], values: np.ndarray) -> np.ndarray:
        """One take, float32 of shape (samples,), from the state that the reset leaves.

        Args:
            asked: `reset`, `indices`, `controls` as [number, value, sample], `notes` as [pitch, velocity, on, off] in
                samples, `lead` and `samples`: the take begins after the first and has as many as the second.
            values: of the parameters `indices`, 0 to 1.
        """
        reset = asked["reset"]
        if reset == "fork":
            # Nor is what a copy starts from that of a plug-in just loaded: its process may share numbers of chance.
            if self._played:
                raise ValueError("this process has played, and cannot be copied as one that has not")
            return _forked(lambda: self._play(asked, values), asked["samples"])
        if reset == "fresh":
            self._load()
        elif reset == "state":
            self._silence()
            if self._state is None:
                raise ValueError("there is no state to go back to")
            self.host.load_state(self._state)
        elif reset == "silence":
            self._silence()
        return self._play(asked, values)

    def preset(self, asked: dict[str, Any], content: bytes) -> np.ndarray:
        """What a preset sets, and how it sounds.

        Args:
            asked: as of `take`; the reset is "fork", or the plug-in is loaded anew.
            content: of the file, which has been checked.

        Returns:
            float32: 1, the values of all parameters, the take; all 0 where the preset is refused.
        """
        count = 1 + len(self.defaults) + asked["samples"]

        def work() -> np.ndarray:
            try:
                self.host.load_preset(content)
            except ValueError:
                return np.zeros(count, np.float32)
            values = self.host.values()
            sound = self._play(asked, np.zeros(0, np.float32))
            return np.concatenate([np.array([1.0, *values], np.float32), sound])

        if asked["reset"] == "fork" and not self._played:
            return _forked(work, count)
        self._load()
        return work()

    def saved(self, asked: dict[str, Any], values: np.ndarray) -> bytes:
        """What the plug-in writes as its preset, with some parameters set, after it has had time to take them."""
        self._play(asked, values)
        content: bytes = self.host.save_preset()
        return content

    def remember(self) -> None:
        """Keep the state to which the reset `state` goes back."""
        self._state = self.host.save_state()

    def _silence(self) -> None:
        """All notes off, and as much time as it takes until nothing is heard."""
        self._played = True
        samples = math.ceil(_QUIET_SECONDS * self._rate / self.block) * self.block
        self.host.quiet()
        for _ in range(_MOST_QUIET):
            if np.abs(self.host.play([], samples)).max(initial=0.0) < SILENCE:
                break

    def _play(self, asked: dict[str, Any], values: np.ndarray) -> np.ndarray:
        self._played = True
        for index, value in zip(asked["indices"], values.tolist(), strict=True):
            self.host.set(index, value)
        lead, samples = asked["lead"] + self.host.latency, asked["samples"]
        notes = [tuple(note) for note in asked["notes"]]
        controls = [tuple(control) for control in asked["controls"]]
        sound = self.host.play(notes, lead + samples, controls)
        # The main pair; further outputs are those of single parts.
        return np.ascontiguousarray(sound[:2].mean(axis=0)[lead : lead + samples], dtype=np.float32)


def _forked(work: Any, samples: int) -> np.ndarray:
    """What some work returns, done in a copy of this process, which leaves the plug-in as it was."""
    read, write = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # A copy that hangs is nobody's else to end; it may be too late for that already.
            die_with_parent()
            if os.getppid() != parent:
                os._exit(1)
            os.close(read)
            with os.fdopen(write, "wb") as out:
                out.write(work().tobytes())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        content = pipe.read(samples * 4)
    _, status = os.waitpid(child, 0)
    if status or len(content) < samples * 4:
        # As if it had happened here.
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF or 1)
    return np.frombuffer(content, np.float32)


def answer(player: Player, asked: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    """What one message is answered by."""
    what = asked["do"]
    if what == "sweep":
        return player.sweep(asked["index"], asked["points"]), b""
    if what == "read":
        texts = []
        for index, value in zip(asked["indices"], np.frombuffer(payload, np.float32).tolist(), strict=True):
            player.host.set(index, value)
            texts.append(player.host.text(index))
        return {"texts": texts}, b""
    if what == "remember":
        player.remember()
        return {}, b""
    if what in ("preset", "save"):
        if asked["block"] != player.block:
            player.reload(asked["block"])
        if what == "preset":
            return {}, player.preset(asked, payload).tobytes()
        content = player.saved(asked, np.frombuffer(payload, np.float32))
        return {"values": player.host.values()}, content
    if what != "take":
        raise ValueError(f"{what!r} is nothing that can be done")
    if asked["block"] != player.block:
        player.reload(asked["block"])
    start = time.perf_counter()
    sound = player.take(asked, np.frombuffer(payload, np.float32))
    return {"seconds": time.perf_counter() - start}, sound.tobytes()


def main(arguments: list[str]) -> None:
    """Serve until the other side closes."""
    # Ctrl-C reaches every process of the terminal; the parent answers it, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = _own_streams()
    module, file = arguments[:2]
    rate, block, parent, lasting = map(int, arguments[2:])
    end_with(parent, at_once=bool(lasting))
    try:
        player = Player(module, file, rate, block)
        host = player.host
        told = {"host": host.label, "name": host.plugin_name, "parameters": host.listed(), "inputs": host.inputs}
        write_frame(answers, told | {"outputs": host.outputs, "latency": host.latency})
    except Exception as error:  # noqa: BLE001 - whatever a host raises is told to who asked
        write_frame(answers, {"error": _line(error)})
        return
    while (message := read_frame(requests)) is not None:
        try:
            header, payload = answer(player, *message)
        except Exception as error:  # noqa: BLE001 - see above
            header, payload = {"error": _line(error)}, b""
        # By the number whoever asked knows which question this answers.
        write_frame(answers, header | {"number": message[0].get("number")}, payload)
    # Destructors of plug-ins are where many of them fail.
    os._exit(0)


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for messages alone: whatever is printed goes to standard error."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, answers


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


if __name__ == "__main__":
    main(sys.argv[1:])
