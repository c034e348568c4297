"""Presets to MIDI messages and back."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import mido
import numpy as np

from secret_sauce_hf.instruments import (
    CHANNEL,
    Collection,
    InputError,
    Note,
    Parameter,
    get_collection,
    integer,
)
from secret_sauce_hf.instruments.parameters import controller_values
from secret_sauce_hf.midi.parsing import Messages, MidiMessages
from secret_sauce_hf.midi.sysex import (
    has_voices,
    holds_voices,
    presets_to_voices,
    voice_message,
    voices_of,
    voices_to_presets,
)
from secret_sauce_hf.presets import Presets, fixed_settings, never_heard

Order = Literal["msb-lsb", "lsb-msb", "lsb-msb-lsb"]
"""In which order the two halves of a 14-bit value are sent.

Synthesisers differ in which half they latch on; the third order satisfies both kinds.
"""
ORDERS: tuple[Order, ...] = get_args(Order)
# Which of a parameter's (MSB, LSB) controllers is sent first, second, third.
_PARTS: dict[Order, tuple[int, ...]] = {"msb-lsb": (0, 1), "lsb-msb": (1, 0), "lsb-msb-lsb": (1, 0, 1)}


# What sequencers send by themselves: nothing of a sound's settings, unless an instrument has it for one.
_BESIDE = {
    "bank": (0, 32),
    "modulation": (1, 33),
    "breath": (2, 34),
    "foot": (4, 36),
    "portamento": (5, 37, 65, 84),
    "data entry": (6, 38, 96, 97),
    "volume": (7, 39),
    "balance": (8, 40),
    "pan": (10, 42),
    "expression": (11, 43),
    "pedals": (64, 66, 67, 68, 69),
    "velocity": (88,),
    "effects": (91, 92, 93, 94, 95),
    "RPN": (98, 99, 100, 101),
    "channel mode": tuple(range(120, 128)),
}
_BESIDE_NAMES = {control: name for name, controls in _BESIDE.items() for control in controls}
VOICE_NAME = "SEC SAUCE"
"""What a machine shows of a voice that is sent."""
_NOTE = re.compile(r"not heard, not sent: \w{1,80} \(((?:CC [0-9]{1,3} = [0-9]{1,3}(?:, )?){1,2})\)")
_LISTED = 12
"""How many items of a kind a report names."""
_SHOWN = 5
"""How many wrong values of a kind a report names."""
_BANK, _BANK_LSB = _BESIDE["bank"]
_RPN, _DATA_ENTRY = _BESIDE["RPN"], _BESIDE["data entry"]


@dataclass(frozen=True)
class MessagesReport:
    """What a list of messages says about a collection's parameters.

    Args:
        collection: the collection.
        settings: the settings received, in column order.
        missing: parameters of which no message came; those that have no controller do not count.
        incomplete: 14-bit parameters whose last value came by half.
        illegal: parameters whose last CC value is none of theirs, with that value.
        unknown: controllers that belong to no parameter of the instrument.
        overridden: parameters that got several different values; the last one counts.
        channels: the channels on which the parameters' controllers came. If there are
            several and none was asked for, nothing was read.
        unheard: parameters of which no message came, but that are not heard whatever they are;
            nothing if others are missing.
        noted: settings of those, where a text among the messages tells them (see `note_of`).
        otherwise: parameters that the collection has fixed, and whose last CC value is another,
            with that value.
        beside: controllers that are no parameters, and say nothing of a preset: bank, volume,
            pan, RPNs and the like.
        mended: what was wrong in the file and did no harm (see `read_midi_file`).
    """

    collection: Collection
    settings: dict[str, float | str]
    missing: tuple[str, ...]
    incomplete: tuple[str, ...]
    illegal: dict[str, int]
    unknown: tuple[int, ...]
    overridden: tuple[str, ...]
    channels: tuple[int, ...]
    unheard: tuple[str, ...] = ()
    noted: dict[str, float | str] = field(default_factory=dict)
    otherwise: dict[str, int] = field(default_factory=dict)
    beside: tuple[int, ...] = ()
    mended: tuple[str, ...] = ()

    @property
    def is_preset(self) -> bool:
        """Whether there is one legal value for each parameter that has a controller and is heard, and no other one."""
        return not (self.missing or self.incomplete or self.illegal or self.unknown or self.otherwise)

    @property
    def preset(self) -> dict[str, float | str]:
        """The settings received, in column order; those of `unheard` as noted, else of the lowest CC value."""
        read = {}
        for parameter in self.collection.parameters:
            if parameter.name in self.unheard:
                lowest = parameter.cc_to_setting(parameter.cc_at(np.asarray(0))).item()
                read[parameter.name] = self.noted.get(parameter.name, lowest)
            elif parameter.name in self.settings:
                read[parameter.name] = self.settings[parameter.name]
        return read

    def __str__(self) -> str:
        parameters = {parameter.name: parameter for parameter in self.collection.instrument.parameters}
        own = self.collection.columns
        text = [f"{len(self.settings)} of {len(own)} parameters of {self.collection.name} received"]
        if len(self.channels) > 1 and not self.settings:
            text.append(f"controllers came on channels {listed(self.channels)} (counted from 0): choose one of them")
        elif self.missing and has_voices(self.collection):
            text.append("there is no voice of a DX7 among the messages")
        elif self.missing:
            text.append(f"missing: {listed(_with_control(parameters[name]) for name in self.missing)}")
        if self.incomplete:
            names = listed(_with_control(parameters[name]) for name in self.incomplete)
            text.append(f"only half of a 14-bit value came for {names}")
        for name, cc in list(self.illegal.items())[:_SHOWN]:
            text.append(f"{_with_control(parameters[name])} got {cc} but {parameters[name].allowed_cc()}")
        for name, cc in list(self.otherwise.items())[:_SHOWN]:
            fixed = parameters[name].setting_to_cc(np.asarray(dict(self.collection.fixed)[name]))
            text.append(f"{_with_control(parameters[name])} got {cc}, fixed at {fixed} in {self.collection.name}")
        more = sum(max(len(values) - _SHOWN, 0) for values in (self.illegal, self.otherwise))
        if more:
            text.append(f"{more} more have values that {self.collection.name} does not")
        if self.unknown:
            text.append(f"controllers that {self.collection.name} does not have (remove them): {listed(self.unknown)}")
        if self.unheard:
            text.append(f"not sent, and not heard: {listed(self.unheard)}")
        if self.overridden:
            text.append(f"sent more than once, the last value counts: {listed(self.overridden)}")
        if self.beside:
            named = (f"{control} ({_BESIDE_NAMES[control]})" for control in self.beside)
            text.append(f"left aside: {listed(named)}")
        if self.mended:
            text.append(f"mended: {listed(self.mended)}")
        return "; ".join(text) + "."


def preset_messages(
    collection: str | Collection,
    settings: Mapping[str, Any],
    *,
    order: Order = "msb-lsb",
    channel: int = CHANNEL,
    fixed: bool = False,
    leave_out: Container[str] = (),
) -> list[mido.Message]:
    """The messages that set a preset: controllers, or of the DX7 the whole voice as one system exclusive message.

    Args:
        collection: the collection or its name.
        settings: name → setting of each of its parameters.
        order: in which order the halves of 14-bit values are sent.
        channel: 0 to 15.
        fixed: whether to send the settings that the collection has fixed too, after the
            others, so that the instrument needs no base preset.
        leave_out: parameters that are not sent, see `not_to_send`.

    Returns:
        `control_change` messages in column order, one for a 7-bit parameter, two or
        three for a 14-bit one, none for one without a controller; or one `sysex` message, in
        which nothing can be left out.

    Raises:
        InputError: a setting is missing, unknown or not allowed (see
            `Presets.from_settings`), or the order or channel is not one.
    """
    if order not in ORDERS:
        raise InputError(f"order must be one of {listed(ORDERS)}, not {order!r}.")
    channel = integer("channel", channel, 0, 15)
    collection = get_collection(collection)
    if has_voices(collection):
        (voice,) = presets_to_voices(Presets.from_settings(collection, [settings]), [VOICE_NAME])
        return [voice_message(voice, channel)]
    sent = {p: cc for p, cc in preset_cc(collection, settings, fixed=fixed).items() if p.name not in leave_out}
    return controllers(sent, sent.values(), order=order, channel=channel)


def preset_cc(
    collection: str | Collection, settings: Mapping[str, Any], *, fixed: bool = False
) -> dict[Parameter, int]:
    """The CC value of every parameter, in column order.

    Args:
        collection: the collection or its name.
        settings: name → setting of each of its parameters.
        fixed: whether those that the collection has fixed follow.

    Raises:
        InputError: see `Presets.from_settings`.
    """
    preset = Presets.from_settings(collection, [settings])
    ccs = dict(zip(preset.parameters, preset.cc[0].tolist(), strict=True))
    if fixed:
        ccs |= {p: int(p.setting_to_cc(np.asarray(setting))) for p, setting in fixed_settings(preset.collection)}
    return ccs


def note_of(parameter: Parameter, cc: int) -> mido.MetaMessage:
    """A text for a file, of a parameter that is not sent: people and `read_messages` read in it what it is set to.

    Args:
        parameter: the parameter; it has a controller.
        cc: its CC value.
    """
    values = ", ".join(f"CC {control} = {value}" for control, value in controller_values(parameter, cc).items())
    return mido.MetaMessage("text", text=f"not heard, not sent: {parameter.name} ({values})")


def _noted(parameters: Iterable[Parameter], messages: Iterable[Messages]) -> dict[str, float | str]:
    """What texts among messages tell of parameters: name → setting, of several the last."""
    owners = {parameter.control: parameter for parameter in parameters}
    noted = {}
    for message in messages:
        if message.type != "text" or not (match := _NOTE.fullmatch(message.text)):
            continue
        pairs = re.findall("CC ([0-9]+) = ([0-9]+)", match[1])
        parameter = owners.get(tuple(int(control) for control, _ in pairs))
        cc = parameter and _decode(parameter, [(part, int(value)) for part, (_, value) in enumerate(pairs)])
        legal = all(int(value) < 128 for _, value in pairs)
        if parameter and cc is not None and legal and parameter.legal_cc(np.asarray(cc)):
            noted[parameter.name] = parameter.unit_to_setting(parameter.cc_to_unit(np.asarray(cc))).item()
    return noted


def not_to_send(
    collection: str | Collection, settings: Mapping[str, Any], told: Mapping[str, bool] | None = None
) -> tuple[str, ...]:
    """Parameters of a preset that need not be sent, because nobody hears them.

    The instrument keeps whatever they are set to. So one that is not heard is sent all the
    same where it would be heard if another that is not sent were otherwise, as the amount and
    the destination of an LFO of which each silences the other.

    Args:
        collection: the collection or its name.
        settings: name → setting of each of its parameters.
        told: name → whether it is heard, from elsewhere: what is heard by it is sent.

    Raises:
        InputError: see `Presets.from_settings`.
    """
    presets = Presets.from_settings(collection, [settings])
    if has_voices(presets.collection):
        # A message is a whole voice.
        return ()
    (row,) = presets.rows()
    columns = zip(presets.collection.columns, presets.heard()[0].tolist(), strict=True)
    left = {name for name, heard in columns if not heard and not (told or {}).get(name, False)}
    while True:
        known = {name: setting for name, setting in row.items() if name not in left}
        heard_after_all = left - never_heard(presets.collection, known)
        if not heard_after_all:
            return tuple(name for name in row if name in left)
        # One by one: with it, the others may be safe.
        left.remove(min(heard_after_all, key=presets.collection.columns.index))


def read_messages(
    collection: str | Collection, messages: Iterable[mido.Message | mido.MetaMessage], *, channel: int | None = None
) -> MessagesReport:
    """What messages say about the collection's parameters; other than controllers are ignored.

    The halves of a 14-bit value may come in any of `ORDERS`. Settings that the collection has
    fixed may be sent too, as it has them.

    Args:
        collection: the collection or its name.
        messages: the messages in the order of time.
        channel: the only channel to listen to; any if None.

    Raises:
        InputError: not mido messages, or the channel is not one.
    """
    collection = get_collection(collection)
    if channel is not None:
        channel = integer("channel", channel, 0, 15)
    mended = messages.mended if isinstance(messages, MidiMessages) else ()
    messages = list(messages)
    if has_voices(collection):
        return _voice_report(collection, messages, mended, channel)
    parameters = collection.instrument.parameters
    owners = {
        control: (parameter.name, part) for parameter in parameters for part, control in enumerate(parameter.control)
    }
    received: dict[str, list[tuple[int, int, int]]] = {parameter.name: [] for parameter in parameters}
    unknown: set[int] = set()
    beside: set[int] = set()
    for message, is_own in _own_or_beside(_control_changes(messages, channel), owners):
        if is_own:
            name, part = owners[message.control]
            received[name].append((part, message.value, message.channel))
        else:
            (beside if message.control in _BESIDE_NAMES else unknown).add(message.control)

    channels = {channel for name in collection.columns for *_, channel in received[name]}
    settings: dict[str, float | str] = {}
    missing, incomplete, overridden = [], [], []
    illegal: dict[str, int] = {}
    otherwise: dict[str, int] = {}
    fixed = {parameter.name: setting for parameter, setting in fixed_settings(collection)}
    for parameter in filter(_has_control, (*collection.parameters, *collection.instrument.select(tuple(fixed)))):
        name = parameter.name
        # Of what is fixed, only what goes with the preset counts.
        parts = [(part, value) for part, value, at in received[name] if len(channels) <= 1 and at in (channels or {at})]
        cc = _decode(parameter, parts)
        if not parts:
            missing += [] if name in fixed else [name]
        elif cc is None:
            incomplete.append(name)
        elif name in fixed:
            if cc != parameter.setting_to_cc(np.asarray(fixed[name])):
                otherwise[name] = cc
        elif not parameter.legal_cc(np.asarray(cc)):
            illegal[name] = cc
        else:
            settings[name] = parameter.unit_to_setting(parameter.cc_to_unit(np.asarray(cc))).item()
        if len(set(parts)) > len(dict(parts)):
            overridden.append(name)
    unheard: list[str] = []
    if settings and set(missing) <= never_heard(collection, settings):
        unheard, missing = missing, []
    return MessagesReport(
        collection=collection,
        settings=settings,
        missing=tuple(missing),
        incomplete=tuple(incomplete),
        illegal=illegal,
        unknown=tuple(sorted(unknown)),
        overridden=tuple(overridden),
        channels=tuple(sorted(channels)),
        unheard=tuple(unheard),
        noted=_noted([p for p in collection.parameters if p.name in unheard], messages),
        otherwise=otherwise,
        beside=tuple(sorted(beside)),
        mended=mended,
    )


def _voice_report(
    collection: Collection,
    messages: Iterable[mido.Message | mido.MetaMessage],
    mended: tuple[str, ...],
    channel: int | None,
) -> MessagesReport:
    """What messages say of an instrument whose presets are sent whole: the last voice among them."""
    for message in messages:
        _check_message(message)
    found = [one for one in messages if holds_voices(one) and channel in (None, one.data[1])]
    voices = voices_of(found, "the MIDI")
    settings: dict[str, float | str] = {}
    if voices:
        (settings,) = voices_to_presets(collection, voices[-1:]).rows()
    different = len({voice.values.tobytes() for voice in voices}) > 1
    return MessagesReport(
        collection=collection,
        settings=settings,
        missing=() if voices else collection.columns,
        incomplete=(),
        illegal={},
        unknown=(),
        overridden=("voice",) if different else (),
        channels=tuple(sorted({one.data[1] for one in found})),
        mended=mended,
    )


def read_preset(
    collection: str | Collection, messages: Iterable[mido.Message | mido.MetaMessage], *, channel: int | None = None
) -> dict[str, float | str]:
    """The preset that messages set: name → setting of every parameter that has a controller.

    Args:
        collection: the collection or its name.
        messages: the messages in the order of time; other than controllers are ignored, and
            so are the controllers that sequencers send by themselves.
        channel: the only channel to listen to; any if None.

    Raises:
        InputError: the messages are no preset of the collection (see
            `MessagesReport.is_preset`); the message is the report's text.
    """
    report = read_messages(collection, messages, channel=channel)
    if not report.is_preset:
        raise InputError(str(report))
    return report.preset


def _control_changes(
    messages: Iterable[mido.Message | mido.MetaMessage], channel: int | None
) -> dict[int, list[mido.Message]]:
    """The controllers on each channel, in the order in which channels are first heard of."""
    found: dict[int, list[mido.Message]] = {}
    for message in messages:
        _check_message(message)
        if message.type == "control_change" and channel in (None, message.channel):
            found.setdefault(message.channel, []).append(message)
    return found


def _check_message(message: Any) -> None:
    if not isinstance(message, mido.Message | mido.MetaMessage):
        raise InputError(f"Not a mido message: {message!r:.60}.")


def _own_or_beside(
    changes: Mapping[int, list[mido.Message]], owners: Mapping[int, Any]
) -> Iterator[tuple[mido.Message, bool]]:
    """Each controller, and whether it is a parameter's.

    A bank's second half, next to its first, and what is entered into an RPN are not,
    whatever else the instrument has their controllers for.
    """
    for messages in changes.values():
        controls = [message.control for message in messages]
        entering = False
        for place, message in enumerate(messages):
            control = message.control
            around = controls[max(place - 1, 0) : place + 2]
            bank = control == _BANK_LSB and _BANK in around and _BANK not in owners
            # A select makes the data entries that follow it at once part of it.
            entering = (control in _RPN and control not in owners) or (entering and control in _DATA_ENTRY)
            yield message, control in owners and not bank and not entering


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
        values = list(controller_values(parameter, cc).items())
        for part in _PARTS[order] if len(values) == 2 else (0,):
            # skip_checks: the numbers are legal, and a session has 550,000 of these messages.
            messages.append(
                mido.Message(
                    "control_change",
                    skip_checks=True,
                    channel=channel,
                    control=values[part][0],
                    value=values[part][1],
                    time=wait,
                )
            )
            wait = 0
    return messages


def row_messages(presets: Presets) -> list[list[mido.Message]]:
    """The messages that set each row's own parameters, see `preset_messages`; each has the time 0."""
    if has_voices(presets.collection):
        return [[voice_message(one)] for one in presets_to_voices(presets, [VOICE_NAME] * len(presets))]
    return [controllers(presets.parameters, ccs) for ccs in presets.cc.tolist()]


def note_messages(
    notes: Sequence[Note], ticks: Callable[[float], int], channel: int = CHANNEL, *, end: int | None = None
) -> list[tuple[int, mido.Message]]:
    """The note-ons and note-offs of notes, each with its tick, in the order of time.

    Of one tick the note-offs come first: a note that follows another at once is a new one. Every note lasts a tick at
    least.

    Args:
        notes: the notes of one take.
        ticks: the tick of a time in seconds from the start of the take.
        channel: 0 to 15.
        end: the tick at which what is still held ends; None if nothing ends it.
    """
    found: list[tuple[int, int, mido.Message]] = []
    for note in notes:
        on = ticks(note.onset)
        off = max(ticks(note.end) if end is None else min(ticks(note.end), end), on + 1)
        for at, kind in ((on, "note_on"), (off, "note_off")):
            message = mido.Message(kind, note=note.pitch, velocity=note.velocity, channel=channel)
            found.append((at, kind == "note_on", message))
    return [(at, message) for at, _, message in sorted(found, key=lambda one: one[:2])]


def in_deltas(messages: Iterable[tuple[int, Messages]], before: int = 0) -> list[Messages]:
    """Messages with their ticks as those of a track, each of which waits for the ticks after the one before.

    Args:
        messages: in the order of time.
        before: the tick of what comes before the first.
    """
    track = []
    for at, message in messages:
        message.time, before = at - before, at
        track.append(message)
    return track


def _has_control(parameter: Parameter) -> bool:
    return bool(parameter.control)


def is_sent(collection: Collection) -> bool:
    """Whether MIDI sets presets of a collection: some parameter has a controller, or the whole is one message."""
    return has_voices(collection) or any(map(_has_control, collection.parameters))


def check_controls(collection: Collection) -> None:
    """Refuse a collection of which MIDI reaches no parameter.

    Raises:
        InputError: no parameter has a controller, and presets are no messages by themselves.
    """
    if not is_sent(collection):
        raise InputError(
            f"No parameter of {collection.name} has a MIDI controller: nothing can be sent; set its presets by hand."
        )


def _with_control(parameter: Parameter) -> str:
    return f"{parameter.name} (CC {' and '.join(map(str, parameter.control))})"


def listed(items: Iterable[Any]) -> str:
    """Items with commas between them; of very many the first ones, and how many more there are."""
    names = list(map(str, items))
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
