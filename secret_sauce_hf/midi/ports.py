"""MIDI ports of this machine."""

import time
from collections.abc import Iterable
from contextlib import nullcontext

import mido

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.midi.messages import listed

_BYTE_SECONDS = 10 / 31_250
"""Time that a byte takes on a MIDI cable: ten bits."""


def port_names() -> list[str]:
    """The MIDI outputs of this machine.

    Raises:
        InputError: there is no way to MIDI ports on this machine.
    """
    try:
        return sorted(set(mido.get_output_names()))
    except ImportError as error:
        raise InputError(f"MIDI ports need a package ({error}): pip install python-rtmidi.") from error
    except OSError as error:
        raise InputError(f"No MIDI on this machine: {error}") from error


def send(messages: Iterable[mido.Message], port: str | mido.ports.BaseOutput) -> None:
    """Send messages one after the other, no faster than a MIDI cable takes them.

    Args:
        messages: what to send; their times are ignored.
        port: a name out of `port_names`, or an open port (it stays open).

    Raises:
        InputError: there is no such port, or no way to MIDI ports on this machine.
    """
    with _open(port) if isinstance(port, str) else nullcontext(port) as output:
        for message in messages:
            output.send(message)
            time.sleep(len(message.bytes()) * _BYTE_SECONDS)


def _open(name: str) -> mido.ports.BaseOutput:
    names = port_names()
    if name not in names:
        raise InputError(f"No MIDI port {name!r}; there is {listed(names) or 'none'}.")
    try:
        return mido.open_output(name)
    except OSError as error:
        raise InputError(f"The MIDI port {name!r} cannot be opened: {error}") from error
