"""Presets to MIDI messages and back."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, get_args

import mido
import numpy as np

from secret_sauce_hf.instruments import (
    CHANNEL,
    NOTE,
    VELOCITY,
    Collection,
    InputError,
    Parameter,
    get_collection,
)
from secret_sauce_hf.presets import Presets

Order = Literal["msb-lsb", "lsb-msb", "lsb-msb-lsb"]
"""In which order the two halves of a 14-bit value are sent.

Synthesisers differ in which half they latch on; the third order satisfies both kinds.
"""
ORDERS: tuple[Order, ...] = get_args(Order)
# Which of a parameter's (MSB, LSB) controllers is sent first, second, third.
_PARTS: dict[Order, tuple[int, ...]] = {"msb-lsb": (0, 1), "lsb-msb": (1, 0), "lsb-msb-lsb": (1, 0, 1)}


@dataclass(frozen=True)
class MessagesReport:
    """What a list of messages says about a collection's parameters.

    Args:
        collection: the collection.
        settings: the settings received, in column order.
        missing: parameters of which no message came; those that have no controller do not count.
        incomplete: 14-bit parameters whose last value came by half.
        illegal: parameters whose last CC value is none of theirs, with that value.
        unknown: controllers that belong to no parameter of the collection.
        overridden: parameters that got several different values; the last one counts.
        channels: the channels on which the parameters' controllers came. If there are
            several and none was asked for, nothing was read.
    """

    collection: Collection
    settings: dict[str, float | str]
    missing: tuple[str, ...]
    incomplete: tuple[str, ...]
    illegal: dict[str, int]
    unknown: tuple[int, ...]
    overridden: tuple[str, ...]
    channels: tuple[int, ...]

    @property
    def is_preset(self) -> bool:
        """Whether there is one legal value for each parameter that has a controller, and no other controller."""
        return not (self.missing or self.incomplete or self.illegal or self.unknown)

    def __str__(self) -> str:
        parameters = {parameter.name: parameter for parameter in self.collection.parameters}
        text = [f"{len(self.settings)} of {len(parameters)} parameters of {self.collection.name} received"]
        if len(self.channels) > 1 and not self.settings:
            text.append(f"controllers came on channels {listed(self.channels)} (counted from 0): choose one of them")
        elif self.missing:
            text.append(f"missing: {listed(_with_control(parameters[name]) for name in self.missing)}")
        if self.incomplete:
            names = listed(_with_control(parameters[name]) for name in self.incomplete)
            text.append(f"only half of a 14-bit value came for {names}")
        for name, cc in self.illegal.items():
            text.append(f"{_with_control(parameters[name])} got {cc} but {parameters[name].allowed_cc()}")
        if self.unknown:
            text.append(f"controllers that {self.collection.name} does not have (remove them): {listed(self.unknown)}")
        if self.overridden:
            text.append(f"sent more than once, the last value counts: {listed(self.overridden)}")
        return "; ".join(text) + "."


def preset_messages(
    collection: str | Collection,
    settings: Mapping[str, Any],
    *,
    order: Order = "msb-lsb",
    channel: int = CHANNEL,
) -> list[mido.Message]:
    """The controllers that set a preset.

    Args:
        collection: the collection or its name.
        settings: name → setting of each of its parameters.
        order: in which order the halves of 14-bit values are sent.
        channel: 0 to 15.

    Returns:
        `control_change` messages in column order, one for a 7-bit parameter, two or
        three for a 14-bit one, none for one without a controller.

    Raises:
        InputError: a setting is missing, unknown or not allowed (see
            `Presets.from_settings`), or the order or channel is not one.
    """
    if order not in ORDERS:
        raise InputError(f"order must be one of {listed(ORDERS)}, not {order!r}.")
    check_integer("channel", channel, 0, 15)
    preset = Presets.from_settings(collection, [settings])
    return controllers(preset.parameters, preset.cc[0].tolist(), order=order, channel=channel)


def read_messages(
    collection: str | Collection, messages: Iterable[mido.Message | mido.MetaMessage], *, channel: int | None = None
) -> MessagesReport:
    """What messages say about the collection's parameters; other than controllers are ignored.

    The halves of a 14-bit value may come in any of `ORDERS`.

    Args:
        collection: the collection or its name.
        messages: the messages in the order of time.
        channel: the only channel to listen to; any if None.

    Raises:
        InputError: not mido messages, or the channel is not one.
    """
    collection = get_collection(collection)
    if channel is not None:
        check_integer("channel", channel, 0, 15)
    owners = {
        control: (parameter.name, part)
        for parameter in collection.parameters
        for part, control in enumerate(parameter.control)
    }
    received: dict[str, list[tuple[int, int]]] = {name: [] for name in collection.columns}
    unknown: set[int] = set()
    channels: set[int] = set()
    for message in messages:
        if not isinstance(message, mido.Message | mido.MetaMessage):
            raise InputError(f"Not a mido message: {message!r:.60}.")
        if message.type != "control_change" or channel not in (None, message.channel):
            continue
        if message.control in owners:
            name, part = owners[message.control]
            received[name].append((part, message.value))
            channels.add(message.channel)
        else:
            unknown.add(message.control)

    settings: dict[str, float | str] = {}
    missing, incomplete, overridden = [], [], []
    illegal: dict[str, int] = {}
    for parameter in filter(_has_control, collection.parameters):
        parts = received[parameter.name] if len(channels) <= 1 else []
        cc = _decode(parameter, parts)
        if not parts:
            missing.append(parameter.name)
        elif cc is None:
            incomplete.append(parameter.name)
        elif not parameter.legal_cc(np.asarray(cc)):
            illegal[parameter.name] = cc
        else:
            settings[parameter.name] = parameter.unit_to_setting(parameter.cc_to_unit(np.asarray(cc))).item()
        if len(set(parts)) > len(dict(parts)):
            overridden.append(parameter.name)
    return MessagesReport(
        collection=collection,
        settings=settings,
        missing=tuple(missing),
        incomplete=tuple(incomplete),
        illegal=illegal,
        unknown=tuple(sorted(unknown)),
        overridden=tuple(overridden),
        channels=tuple(sorted(channels)),
    )


def read_preset(
    collection: str | Collection, messages: Iterable[mido.Message | mido.MetaMessage], *, channel: int | None = None
) -> dict[str, float | str]:
    """The preset that messages set: name → setting of every parameter that has a controller.

    Args:
        collection: the collection or its name.
        messages: the messages in the order of time; other than controllers are ignored.
        channel: the only channel to listen to; any if None.

    Raises:
        InputError: the messages are no preset of the collection (see
            `MessagesReport.is_preset`); the message is the report's text.
    """
    report = read_messages(collection, messages, channel=channel)
    if not report.is_preset:
        raise InputError(str(report))
    return report.settings


def _decode(parameter: Parameter, parts: list[tuple[int, int]]) -> int | None:
    """The CC value that messages leave behind.

    Args:
        parameter: the parameter.
        parts: for each message, which of the parameter's controllers it came on and its value.

    Returns:
        The value, or None if the last one was not sent in full: when the halves are
        not in one of `ORDERS`, nobody can tell what the other half is meant to be.
    """
    last = dict(parts)
    if len(last) < len(parameter.control):
        return None
    if len(parameter.control) == 1:
        return last[0]
    halves = "".join("ML"[part] for part, _ in parts)
    # MSB first: as the standard has it, an LSB alone may adjust the value further.
    in_full = halves[0] == "M" and halves[-1] == "L"
    in_full = in_full or re.fullmatch("(L+M)+", halves) is not None
    # LSB, MSB and the same LSB again.
    in_full = in_full or (re.fullmatch("(LML)+", halves) is not None and parts[-1] == parts[-3])
    return last[0] * 128 + last[1] if in_full else None


def controllers(
    parameters: Iterable[Parameter],
    ccs: Iterable[int],
    *,
    order: Order = "msb-lsb",
    channel: int = CHANNEL,
    wait: int = 0,
) -> list[mido.Message]:
    """The messages that set `parameters` to `ccs`, the first one `wait` ticks after what came before."""
    messages = []
    for parameter, cc in zip(parameters, ccs, strict=True):
        if not _has_control(parameter):
            continue
        parts = divmod(cc, 128) if len(parameter.control) == 2 else (cc,)
        for part in _PARTS[order] if len(parts) == 2 else (0,):
            # skip_checks: the numbers are legal, and a session has 550,000 of these messages.
            messages.append(
                mido.Message(
                    "control_change",
                    skip_checks=True,
                    channel=channel,
                    control=parameter.control[part],
                    value=parts[part],
                    time=wait,
                )
            )
            wait = 0
    return messages


def note_message(
    kind: str, note: int = NOTE, velocity: int = VELOCITY, channel: int = CHANNEL, *, time: int
) -> mido.Message:
    """A note-on or note-off, `time` ticks after the message before."""
    return mido.Message(kind, note=note, velocity=velocity, channel=channel, time=time)


def check_integer(name: str, value: Any, low: int, high: int) -> None:
    """Refuse what is no whole number from `low` to `high`.

    Raises:
        InputError: which one, and what it may be.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise InputError(f"{name} must be an integer from {low} to {high}, not {value!r}.")


def _has_control(parameter: Parameter) -> bool:
    return bool(parameter.control)


def check_controls(collection: Collection) -> None:
    """Refuse a collection of which MIDI reaches no parameter.

    Raises:
        InputError: no parameter has a controller.
    """
    if not any(map(_has_control, collection.parameters)):
        raise InputError(
            f"No parameter of {collection.name} has a MIDI controller: nothing can be sent; set its presets by hand."
        )


def _with_control(parameter: Parameter) -> str:
    return f"{parameter.name} (CC {' and '.join(map(str, parameter.control))})"


def listed(items: Iterable[Any]) -> str:
    """Items with commas between them."""
    return ", ".join(map(str, items))
