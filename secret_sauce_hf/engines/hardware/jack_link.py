"""The link by JACK: MIDI and sound on one clock, and faster than time where everything is software."""

import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

import mido
import numpy as np

from secret_sauce_hf.engines.hardware.links import Enough, Heard, Link, Timed, library
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.midi.ports import chosen, without_chatter

AHEAD = 2
"""Periods between the one in which a take is asked for and its start: both clients hear of it in between."""
_PATIENCE = 5.0
"""Seconds by which a take may come late before the server is taken to be dead."""
_WRAP = 2**32
"""JACK's clock of frames has 32 bits."""


class _Take:
    """What the two clients do in one take; `start` is the frame of its first sample, None until one has chosen it."""

    def __init__(self, events: deque[tuple[int, bytes]], samples: int) -> None:
        self.events, self.sound = events, np.zeros(samples, np.float32)
        self.start: int | None = None
        self.following: int | None = None
        self.xruns = 0
        self.received: list[bytes] = []
        self.done = threading.Event()


class JackLink(Link):
    """MIDI to one port of a JACK server, sound from another, to the sample.

    There are two clients: with one alone, which the instrument would both follow and lead, the sound would come a
    period late.

    Args:
        midi: the instrument's MIDI port, or a part of its name; None where nothing is played.
        audio: the port from which the sound comes, or a part of its name.
        back: the port from which the instrument's own messages come, if they are read.
        freewheel: whether the server runs as fast as it can during a take. Only for instruments that are software.

    Raises:
        InputError: no server runs, there is no such port, or freewheel is asked for with a card's port; python's
            JACK client or JACK itself is not installed.
    """

    exact = True

    def __init__(self, midi: str | None, audio: str, *, back: str | None = None, freewheel: bool = False) -> None:
        self._take: _Take | None = None
        self._gone = ""
        jack = library("jack", "Recording by JACK")
        self._errors: Any = jack.JackError
        # It writes to standard error by itself, and what is wrong is told by us.
        jack.set_error_function(lambda _: None)
        jack.set_info_function(lambda _: None)
        self._clients: list[Any] = []
        try:
            ears = self._client(jack, "secret-sauce-in")
            names = [port.name for port in ears.get_ports(is_audio=True, is_output=True)]
            source = ears.get_port_by_name(chosen(audio, names, "JACK port with sound"))
            if freewheel and source.is_physical:
                raise InputError(f"{source.name} is a sound card's: freewheel is for instruments that are software.")
            self._ears, self._source, self._in = ears, source, ears.inports.register("sound")
            self._back: Any = None if back is None else ears.midi_inports.register("back")
            self.rate, self.label, self.waits = ears.samplerate, f"JACK, {source.name}", not freewheel
            self.reads_back = back is not None
            ears.set_process_callback(self._hear)
            ears.set_xrun_callback(self._xrun)
            ears.set_shutdown_callback(self._end)
            self._wires = [(source.name, self._in.name)]
            self._voice: Any = None
            if midi is not None:
                ports = [port.name for port in ears.get_ports(is_midi=True, is_input=True)]
                aim = chosen(midi, ports, "JACK port for MIDI")
                self._voice = self._client(jack, "secret-sauce-out")
                self._out = self._voice.midi_outports.register("midi")
                self._voice.set_process_callback(self._speak)
                self._voice.set_shutdown_callback(self._end)
                self._wires.append((self._out.name, aim))
            if self._back is not None and back is not None:
                ports = [port.name for port in ears.get_ports(is_midi=True, is_output=True)]
                self._wires.append((chosen(back, ports, "JACK port with MIDI"), self._back.name))
            for client in self._clients:
                client.activate()
            for one, other in self._wires:
                self._ears.connect(one, other)
            # Whoever was killed in a take has left the server running as fast as it can; else it refuses.
            with suppress(jack.JackError):
                ears.set_freewheel(False)
            # A wire is there from the server's next period on.
            until = time.monotonic() + _PATIENCE
            while (lost := self._lost()) and time.monotonic() < until:
                time.sleep(0.01)
            if lost:
                raise InputError(f"The JACK port {lost!r} cannot be connected.")
        except BaseException as error:
            self.close()
            if isinstance(error, jack.JackError):
                raise InputError(f"JACK does not do what is asked of it: {error}") from error
            raise

    def _client(self, jack: Any, name: str) -> Any:
        try:
            with without_chatter():
                client = jack.Client(name, no_start_server=True)
        except jack.JackOpenError as error:
            raise InputError(
                "No JACK server runs: start one (jackd, or that of PipeWire), or record by the system's own "
                "devices, --via cards."
            ) from error
        self._clients.append(client)
        return client

    def play(self, messages: Timed, seconds: float, enough: Enough | None = None) -> Heard:
        events = deque((round(at * self.rate), bytes(message.bytes())) for at, message in messages)
        take = _Take(events, round(seconds * self.rate))
        self.check()
        self._take = take
        # Freely running, too: heavy software may be no faster than time.
        until = time.monotonic() + 2 * seconds + _PATIENCE
        try:
            if not self.waits:
                self._ears.set_freewheel(True)
            while not take.done.wait(0.1):
                if self._gone or time.monotonic() > until:
                    raise InputError(f"The JACK server is gone ({self._gone or 'it hands over no sound any more'}).")
                if enough is not None and enough(take.sound[: max(take.following or 0, 0)]):
                    break
        finally:
            self._take = None
            if not self.waits and not self._gone:
                self._ears.set_freewheel(False)
        self.check()
        sound = take.sound if take.done.is_set() else take.sound[: max(take.following or 0, 0)]
        return Heard(sound, take.xruns, list(mido.parse_all(b"".join(take.received))))

    def check(self) -> None:
        if self._gone:
            raise InputError(f"The JACK server is gone ({self._gone}).")
        if lost := self._lost():
            raise InputError(f"The JACK port {lost!r} is gone, or no longer connected.")

    def _lost(self) -> str:
        """The port of the instrument or the card that is not, or no longer, connected; empty if there is none."""
        own = {self._in.name: self._in}
        if self._voice is not None:
            own[self._out.name] = self._out
        if self._back is not None:
            own[self._back.name] = self._back
        for pair in self._wires:
            mine, other = pair if pair[0] in own else pair[::-1]
            try:
                there = {port.name for port in self._ears.get_all_connections(own[mine])}
            except self._errors:
                # It went between two questions.
                return other
            if other not in there:
                return other
        return ""

    def close(self) -> None:
        self._take = None
        for client in reversed(self._clients):
            # Of a server that is dead there is nothing to leave.
            with suppress(Exception):
                client.deactivate()
            with suppress(Exception):
                client.close()
        self._clients.clear()

    def _end(self, _status: Any, reason: str) -> None:
        self._gone = reason or "it was stopped"

    def _xrun(self, _microseconds: float) -> None:
        if (take := self._take) is not None and take.start is not None:
            take.xruns += 1

    def _speak(self, frames: int) -> None:
        """One period of the client that sends; JACK runs it before the instrument."""
        self._out.clear_buffer()
        if (take := self._take) is None or self._voice is None:
            return
        now = self._voice.last_frame_time
        if take.start is None:
            take.start = (now + AHEAD * frames) % _WRAP
            return
        at = _since(now, take.start)
        while take.events and take.events[0][0] < at + frames:
            place, data = take.events.popleft()
            self._out.write_midi_event(max(place - at, 0), data)

    def _hear(self, frames: int) -> None:
        """One period of the client that listens; JACK runs it after the instrument."""
        if (take := self._take) is None:
            return
        now = self._ears.last_frame_time
        if take.start is None:
            if self._voice is None:
                take.start = (now + AHEAD * frames) % _WRAP
            return
        if self._back is not None:
            take.received += [bytes(data) for _, data in self._back.incoming_midi_events()]
        at = _since(now, take.start)
        if at + frames <= 0 or take.done.is_set():
            return
        # A period that the server has left out, or that nobody was called for.
        if take.following not in (None, at) or (take.following is None and at > 0):
            take.xruns += 1
        take.following = at + frames
        first, last = max(at, 0), min(at + frames, len(take.sound))
        if first < last:
            take.sound[first:last] = self._in.get_array()[first - at : last - at]
        if last == len(take.sound):
            take.done.set()


def _since(now: int, then: int) -> int:
    """Frames between two times of a clock that starts again from 0."""
    return (now - then + _WRAP // 2) % _WRAP - _WRAP // 2


def jack_inputs() -> list[str]:
    """The ports of a JACK server from which sound comes.

    Raises:
        InputError: no server runs, or a package is missing.
    """
    jack = library("jack", "Recording by JACK")
    jack.set_error_function(lambda _: None)
    jack.set_info_function(lambda _: None)
    try:
        with without_chatter():
            client = jack.Client("secret-sauce", no_start_server=True)
    except jack.JackOpenError as error:
        raise InputError("No JACK server runs: start one (jackd, or that of PipeWire).") from error
    try:
        return [port.name for port in client.get_ports(is_audio=True, is_output=True)]
    finally:
        client.close()
