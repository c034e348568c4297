"""MIDI ports of this machine.

By python-rtmidi, from the extra `midi`. A port is reached by what the system has: ALSA, Core MIDI or Windows
Multimedia, and JACK, where its server runs.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import mido

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.midi.messages import listed
from secret_sauce_hf.needed import remedy

BYTE_SECONDS = 10 / 31_250
"""Time that a byte takes on a MIDI cable: ten bits."""
LONGEST_GAP = 1.0
LINGER = 0.5
"""Seconds that a port stays open after what was sent through it."""
APIS = {"alsa": "LINUX_ALSA", "jack": "UNIX_JACK", "core": "MACOSX_CORE", "windows": "WINDOWS_MM"}
"""Ways to MIDI ports, by the name that a user gives."""


def port_names(api: str | None = None) -> list[str]:
    """The MIDI outputs of this machine.

    Args:
        api: one of `APIS`; the system's own if None, or JACK where that has none.

    Raises:
        InputError: there is no way to MIDI ports on this machine.
    """
    return _backend(api)[1]


def send(
    messages: Iterable[mido.Message], port: str | mido.ports.BaseOutput, *, api: str | None = None, gap: float = 0.0
) -> None:
    """Send messages one after the other, no faster than a MIDI cable takes them.

    Args:
        messages: what to send; their times are ignored.
        port: a name out of `port_names`, or an open port (it stays open).
        api: as of `port_names`.
        gap: seconds between messages besides, for machines that lose some when they come as fast; up to 1.

    Raises:
        InputError: there is no such port, it is gone before everything is sent, or there is no way to MIDI ports
            on this machine.
    """
    if not 0 <= gap <= LONGEST_GAP:
        raise InputError(f"The gap is {gap:g} s; give seconds from 0 to {LONGEST_GAP:g}.")
    with opened(port, api) if isinstance(port, str) else nullcontext(port) as output:
        for sent, message in enumerate(messages):
            try:
                output.send(message)
            except (OSError, ValueError) as error:
                raise InputError(f"The MIDI port {output.name!r} is gone after {sent} messages: {error}") from error
            time.sleep(len(message.bytes()) * BYTE_SECONDS + gap)


@contextmanager
def opened(name: str, api: str | None = None) -> Iterator[mido.ports.BaseOutput]:
    """An output by its name, or by a part of it that no other one has; it is closed afterwards.

    Args:
        name: out of `port_names`, upper and lower case alike.
        api: as of `port_names`.

    Raises:
        InputError: there is no such port, there are several, or it cannot be opened.
    """

    backend, names = _backend(api)
    with _open(backend.open_output, name, names) as port:
        yield port
        # A busy server takes messages some cycles later, and a port that is closed before takes them along.
        time.sleep(LINGER)


@contextmanager
def opened_input(name: str, api: str | None = None) -> Iterator[mido.ports.BaseInput]:
    """An input, at which the messages of a machine come, by its name or a part of it; it is closed afterwards.

    Args:
        name: as of `opened`.
        api: as of `port_names`.

    Raises:
        InputError: there is no such port, there are several, or it cannot be opened.
    """
    backend, _ = _backend(api)
    with without_chatter():
        names = sorted(set(backend.get_input_names()))
    with _open(backend.open_input, name, names) as port:
        yield port


def _open(opener: Callable[[str], Any], name: str, names: Sequence[str]) -> Any:
    """The port that is meant."""
    full = chosen(name, names)
    try:
        return opener(full)
    except OSError as error:
        raise InputError(f"The MIDI port {name!r} cannot be opened: {error}") from error


def chosen(name: str, names: Sequence[str], what: str = "MIDI port") -> str:
    """A name out of several, by itself or by a part of it that no other one has, upper and lower case alike.

    Args:
        name: what is asked for.
        names: what there is.
        what: what they are, for messages.

    Raises:
        InputError: none is called so, or several are.
    """
    found = [one for one in names if one == name] or [one for one in names if name.casefold() in one.casefold()]
    if len(found) != 1:
        which = f"{listed(found)}: give more of its name" if found else f"there is {listed(names) or 'none'}"
        raise InputError(f"No {what} {name!r}; {which}.")
    return found[0]


def _backend(api: str | None) -> tuple[Any, list[str]]:
    """What reaches ports, the one that is asked for or the first that has any; and the names of its outputs."""
    if api is not None and api not in APIS:
        raise InputError(f"api is {str(api)[:40]!r}; give one of {listed(APIS)}.")
    try:
        ways = [APIS[api]] if api is not None else _compiled()
    except ImportError as error:
        raise InputError(f"MIDI ports need {remedy(error) or error}") from error
    faults = []
    for way in ways:
        backend = mido.Backend(f"mido.backends.rtmidi/{way}")
        try:
            with without_chatter():
                names = sorted(set(backend.get_output_names()))
        except (OSError, ImportError, ValueError) as error:
            faults.append(str(error) or type(error).__name__)
            continue
        if names or way == ways[-1]:
            return backend, names
    raise InputError(f"No MIDI on this machine: {'; '.join(faults) or 'no way to ports is known'}")


@contextmanager
def without_chatter() -> Iterator[None]:
    """Swallow what libraries of the system write to standard error by themselves, on every port that they look for."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _compiled() -> tuple[str, ...]:
    """What python-rtmidi of this machine can talk to, the system's own first."""
    import rtmidi

    own = {getattr(rtmidi, f"API_{name}"): name for name in APIS.values()}
    found = [own[api] for api in rtmidi.get_compiled_api() if api in own]
    return tuple(sorted(found, key=lambda name: name == APIS["jack"]))
