"""The link by MIDI ports and sound cards of the system, by python-rtmidi and PortAudio."""

import time
from contextlib import ExitStack
from typing import Any

import mido
import numpy as np

from secret_sauce_hf.engines.hardware.links import Enough, Heard, Link, Timed, library
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.midi.ports import chosen, opened, opened_input, without_chatter

LEAD = 0.05
"""Seconds from the moment a take is asked for to its start."""
_PATIENCE = 2.0
"""Seconds without sound after which a card is taken to be gone."""
_NAP = 0.0005
"""Seconds of sleep while a message's time comes; some systems sleep a millisecond longer."""
RATES = (8_000, 384_000)
"""Lowest and highest sample rate that may be asked for, in Hz."""


class _Take:
    """The blocks of one take, each with the time of its first sample on the card's clock."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        self.times: list[float] = []
        self.frames = 0
        self.xruns = 0


class CardLink(Link):
    """MIDI to a port of the system, sound from a sound card.

    The two have no clock in common: a message leaves when the card's clock says so, its actual time is measured, and
    what is recorded is cut from there; how late instrument and interface are is calibrated, and how much that varies
    is told.

    Args:
        midi: the instrument's MIDI port, or a part of its name; None where nothing is played.
        audio: the device, or a part of its name.
        api: the way to MIDI ports, one of `midi.ports.APIS`; the system's own if None.
        rate: of the recording, in Hz; the device's own if None.
        channel: of the device, from 1.
        back: the MIDI input at which the instrument's own messages come, if they are read.

    Raises:
        InputError: no such port, device or channel; the device is busy or does not record at the rate; a package
            or PortAudio is not installed.
    """

    exact = False

    def __init__(
        self,
        midi: str | None,
        audio: str,
        *,
        api: str | None = None,
        rate: int | None = None,
        channel: int = 1,
        back: str | None = None,
    ) -> None:
        sd = library("sounddevice", "Recording")
        if rate is not None and not RATES[0] <= rate <= RATES[1]:
            raise InputError(f"The rate is {rate} Hz; give one from {RATES[0]:,} to {RATES[1]:,}.")
        self._take: _Take | None = None
        self._sd = sd
        self._stack = ExitStack()
        self._stream: Any = None
        self._channel, self.reads_back = channel, back is not None
        try:
            devices = _devices(sd)
            self._name = name = chosen(audio, list(devices), "sound input")
            device = devices[name]
            if not 1 <= channel <= device["max_input_channels"]:
                raise InputError(f"{name} has no channel {channel}: give 1 to {device['max_input_channels']}.")
            self.rate = int(device["default_samplerate"]) if rate is None else rate
            self.label = f"{name}, channel {channel}"
            # Ports first: where both are a JACK server's, PortAudio does not survive a client that comes after it.
            self._output = None if midi is None else self._stack.enter_context(opened(midi, api))
            self._input = None if back is None else self._stack.enter_context(opened_input(back, api))
            self._open(sd, device["index"], channel)
        except BaseException:
            self.close()
            raise

    def _open(self, sd: Any, index: int, channels: int) -> None:
        form = {"device": index, "channels": channels, "dtype": "float32", "samplerate": self.rate}
        try:
            with without_chatter():
                sd.check_input_settings(**form)
        except (sd.PortAudioError, ValueError) as error:
            raise InputError(f"{self._name} does not record at {self.rate:,} Hz: {_reason(error)}.") from error
        try:
            with without_chatter():
                self._stream = sd.InputStream(callback=self._hear, latency="high", **form)
                self._stream.start()
        except sd.PortAudioError as error:
            raise InputError(f"{self._name} cannot be opened, or something else uses it: {_reason(error)}.") from error

    def play(self, messages: Timed, seconds: float, enough: Enough | None = None) -> Heard:
        take, late = _Take(), 0.0
        stream = self._stream
        if stream is None:
            raise InputError(f"{self._name} is closed.")
        if self._input is not None:
            list(self._input.iter_pending())
        self._take = take
        try:
            start, sounded = stream.time + LEAD, False
            for at, message in messages:
                self._wait(take, start + at)
                before = stream.time
                self._send(self._output, message)
                if message.type == "note_on" and not sounded:
                    # The first note says how late the computer was; the rest of a take follows on it.
                    late, sounded = max(before - start - at, 0.0), True
            self._wait(take, start + late + seconds, enough or (lambda _: False))
        finally:
            self._take = None
        times = np.array(take.times) - np.cumsum([0, *map(len, take.blocks[:-1])]) / self.rate
        # A card tells its time to within a block; the median of a whole take is better.
        first = round((start + late - float(np.median(times))) * self.rate)
        samples = np.concatenate(take.blocks)[max(first, 0) :]
        samples = np.concatenate([np.zeros(max(-first, 0), np.float32), samples])
        received = [] if self._input is None else list(self._input.iter_pending())
        return Heard(samples[: round(seconds * self.rate)], take.xruns, received)

    def check(self) -> None:
        # Of the port that is open: looking for all of them anew opens and closes others.
        known = getattr(getattr(self._output, "_rt", None), "get_ports", None)
        if self._output is not None and known is not None and self._output.name not in known():
            raise InputError(f"The MIDI port {self._output.name!r} is gone.")

    def close(self) -> None:
        self._take = None
        with without_chatter():
            if self._stream is not None:
                self._stream.close(ignore_errors=True)
            # A server by which it reaches cards may be gone before this process is, which PortAudio does not survive.
            _ended(self._sd)
        self._stream = None
        self._stack.close()

    @staticmethod
    def _send(output: mido.ports.BaseOutput | None, message: mido.Message) -> None:
        if output is None:
            raise InputError("Nothing can be played: no MIDI port was given.")
        try:
            output.send(message)
        except (OSError, ValueError) as error:
            raise InputError(f"The MIDI port {output.name!r} is gone: {error}") from error

    def _wait(self, take: _Take, until: float, enough: Enough | None = None) -> None:
        """Until a time on the card's clock has come; with `enough`, until it is recorded or enough is."""
        stream, count, alive = self._stream, -1, time.monotonic()
        while True:
            if take.frames != count:
                count, alive = take.frames, time.monotonic()
            elif time.monotonic() - alive > _PATIENCE or not stream.active:
                raise InputError(f"{self._name} hands over no sound any more.")
            if enough is not None:
                if take.times and take.times[0] + take.frames / self.rate >= until:
                    return
                if take.blocks and enough(np.concatenate(take.blocks)):
                    return
                time.sleep(0.005)
                continue
            left = until - stream.time
            if left <= 0:
                return
            time.sleep(max(min(left - 0.002, 0.05), _NAP))

    def _hear(self, block: np.ndarray, frames: int, when: Any, status: Any) -> None:
        if (take := self._take) is None:
            return
        if status.input_overflow:
            take.xruns += 1
        take.blocks.append(block[:, self._channel - 1].copy())
        # Some systems tell no time of a sample, only when the block was handed over.
        take.times.append(when.inputBufferAdcTime or when.currentTime - frames / self.rate)
        take.frames += frames


def card_inputs() -> list[str]:
    """The sound inputs of this machine.

    Raises:
        InputError: a package or PortAudio is not installed.
    """
    sd = library("sounddevice", "Recording")
    try:
        return list(_devices(sd))
    finally:
        with without_chatter():
            _ended(sd)


def _ended(sd: Any) -> None:
    """PortAudio as it is before anybody has asked for it."""
    while sd._initialized:
        sd._terminate()


def _devices(sd: Any) -> dict[str, Any]:
    """What PortAudio knows of every sound input, by a name that no other one has."""
    with without_chatter():
        # It looks for devices once, when it is loaded: what was plugged in since would be missing.
        _ended(sd)
        sd._initialize()
        found = [one for one in sd.query_devices() if one["max_input_channels"] > 0]
        systems = [one["name"] for one in sd.query_hostapis()]
    named: dict[str, Any] = {}
    for one in found:
        twice = sum(other["name"] == one["name"] for other in found) > 1
        named[f"{one['name']} ({systems[one['hostapi']]})" if twice else one["name"]] = one
    return named


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
