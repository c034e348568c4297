"""Presets to MIDI and back: messages, files, the tracks of 2018, ports.

Channels are counted from 0, as mido does: channel 0 is "MIDI channel 1".
"""

import io
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, get_args

import mido
import numpy as np

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import (
    CHANNEL,
    NOTE,
    VELOCITY,
    Collection,
    InputError,
    Knob,
    Parameter,
    get_collection,
)
from secret_sauce_hf.presets import Presets, allowed_cc, legal_cc

Order = Literal["msb-lsb", "lsb-msb", "lsb-msb-lsb"]
"""In which order the two halves of a 14-bit value are sent.

Synthesisers differ in which half they latch on; the third order satisfies both kinds.
"""
ORDERS: tuple[Order, ...] = get_args(Order)
# Which of a parameter's (MSB, LSB) controllers is sent first, second, third.
_PARTS: dict[Order, tuple[int, ...]] = {"msb-lsb": (0, 1), "lsb-msb": (1, 0), "lsb-msb-lsb": (1, 0, 1)}

MAX_MIDI_BYTES = 4 * 2**20
"""Larger files are refused; the 2018 tracks have at most 1.7 MB."""

# The tracks of 2018: one beat is one second.
_TRACK_TICKS_PER_BEAT = 9_600
_TRACK_TEMPO = 1_000_000  # microseconds per beat

# A single preset: 120 beats a minute, at which every sequencer starts.
_FILE_TICKS_PER_BEAT = 480
_FILE_TEMPO = 500_000
# At 31,250 baud a controller takes 0.96 ms and at least 60 ms should pass before the
# note. Twice that here: sequencers that ignore the file's tempo often run faster.
_FILE_TICKS_PER_MESSAGE = 2
_FILE_TICKS_BEFORE_NOTE = 115

_MESSAGE_SECONDS = 3 * 10 / 31_250
"""Time that one controller takes on a MIDI cable: three bytes of ten bits."""

# No number of a MIDI file has more than four bytes; mido reads longer ones in
# quadratic time. Texts may hold runs of such bytes, but not this long.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{4096}")


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
            text.append(f"controllers came on channels {_listed(self.channels)} (counted from 0): choose one of them")
        elif self.missing:
            text.append(f"missing: {_listed(_with_control(parameters[name]) for name in self.missing)}")
        if self.incomplete:
            names = _listed(_with_control(parameters[name]) for name in self.incomplete)
            text.append(f"only half of a 14-bit value came for {names}")
        for name, cc in self.illegal.items():
            text.append(f"{_with_control(parameters[name])} got {cc} but {allowed_cc(parameters[name])}")
        if self.unknown:
            text.append(f"controllers that {self.collection.name} does not have (remove them): {_listed(self.unknown)}")
        if self.overridden:
            text.append(f"sent more than once, the last value counts: {_listed(self.overridden)}")
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
        raise InputError(f"order must be one of {_listed(ORDERS)}, not {order!r}.")
    _check_integer("channel", channel, 0, 15)
    preset = Presets.from_settings(collection, [settings])
    return _controllers(preset.parameters, preset.cc[0].tolist(), order=order, channel=channel)


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
        _check_integer("channel", channel, 0, 15)
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
        elif not legal_cc(parameter, np.asarray(cc)):
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


def collection_track(presets: Presets) -> mido.MidiFile:
    """The track that plays `presets` in one recording session, as in 2018.

    Returns:
        A type 0 file with 9,600 ticks to the second.

    Raises:
        InputError: no parameter has a controller.
    """
    _check_controls(presets.collection)
    timing = presets.collection.timing
    track = [
        mido.MetaMessage("smpte_offset", frame_rate=30, hours=1),
        mido.MetaMessage("set_tempo", tempo=_TRACK_TEMPO),
        mido.MetaMessage(
            "time_signature", numerator=4, denominator=4, clocks_per_click=24, notated_32nd_notes_per_beat=8
        ),
    ]
    seconds = (timing.patch, timing.note_on, timing.note_off, timing.slot)
    patch, note_on, note_off, slot = (round(second * _TRACK_TICKS_PER_BEAT) for second in seconds)
    zero = [p.low if isinstance(p, Knob) else p.codes[0] for p in presets.parameters]
    rest = 0
    for ccs in presets.cc.tolist():
        if timing.reset_first:
            track += _controllers(presets.parameters, zero, wait=rest)
            rest = 0
        track += _controllers(presets.parameters, ccs, wait=rest + patch)
        track.append(_note("note_on", time=note_on - patch))
        track.append(_note("note_off", time=note_off - note_on))
        rest = slot - note_off
    track.append(mido.MetaMessage("end_of_track"))
    return mido.MidiFile(type=0, ticks_per_beat=_TRACK_TICKS_PER_BEAT, tracks=[mido.MidiTrack(track)])


def preset_midi_file(
    collection: str | Collection,
    settings: Mapping[str, Any],
    *,
    note: int = NOTE,
    velocity: int = VELOCITY,
    order: Order = "msb-lsb",
    channel: int = CHANNEL,
) -> mido.MidiFile:
    """A preset as a MIDI file for a sequencer: its controllers, and on a later beat one note.

    The controllers are spread so that they fit through a MIDI cable and arrive well
    before the note, which lasts as long as a take of the collection holds it.

    Args:
        collection: the collection or its name.
        settings: name → setting of each of its parameters.
        note: 0 to 127.
        velocity: 1 to 127 (a note-on of velocity 0 would be a note-off).
        order: in which order the halves of 14-bit values are sent.
        channel: 0 to 15.

    Returns:
        A type 0 file at 120 beats a minute.

    Raises:
        InputError: see `preset_messages`; or the note or velocity is not one; or no
            parameter has a controller.
    """
    collection = get_collection(collection)
    _check_controls(collection)
    _check_integer("note", note, 0, 127)
    _check_integer("velocity", velocity, 1, 127)
    messages = preset_messages(collection, settings, order=order, channel=channel)
    for message in messages[1:]:
        message.time = _FILE_TICKS_PER_MESSAGE
    last = (len(messages) - 1) * _FILE_TICKS_PER_MESSAGE
    # The first beat that leaves time enough.
    note_on = -(-(last + _FILE_TICKS_BEFORE_NOTE) // _FILE_TICKS_PER_BEAT) * _FILE_TICKS_PER_BEAT
    held = mido.second2tick(collection.timing.note_off - collection.timing.note_on, _FILE_TICKS_PER_BEAT, _FILE_TEMPO)
    track = mido.MidiTrack(
        [
            mido.MetaMessage("track_name", name=collection.name),
            mido.MetaMessage("set_tempo", tempo=_FILE_TEMPO),
            mido.MetaMessage("time_signature", numerator=4, denominator=4),
            *messages,
            _note("note_on", note, velocity, channel, time=note_on - last),
            _note("note_off", note, velocity, channel, time=held),
            mido.MetaMessage("end_of_track"),
        ]
    )
    return mido.MidiFile(type=0, ticks_per_beat=_FILE_TICKS_PER_BEAT, tracks=[track])


def read_midi_file(path: str | Path) -> list[mido.Message | mido.MetaMessage]:
    """The messages of a MIDI file, all tracks together in the order of time.

    Raises:
        InputError: there is no such file, it is too large, not a MIDI file, broken, or
            of type 2, whose tracks have no common time.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No such file: {path}.")
    if path.stat().st_size > MAX_MIDI_BYTES:
        raise InputError(f"{path} is larger than {MAX_MIDI_BYTES // 2**20} MB: not a MIDI file of presets.")
    data = path.read_bytes()
    if not data.startswith(b"MThd"):
        raise InputError(f"{path} is not a MIDI file: it does not start with MThd.")
    if _ENDLESS_NUMBER.search(data):
        raise InputError(f"{path} is a broken MIDI file: it has a number that does not end.")
    try:
        midi_file = mido.MidiFile(file=io.BytesIO(data))
    except (EOFError, LookupError) as error:
        raise InputError(f"{path} is a broken MIDI file: a message in it is cut short or unreadable.") from error
    except (OSError, ValueError, mido.KeySignatureError) as error:
        raise InputError(f"{path} is a broken MIDI file: {error}.") from error
    if midi_file.type not in (0, 1):
        raise InputError(f"{path} is a MIDI file of type {midi_file.type}: save it as type 0 or 1.")
    return list(midi_file.merged_track)


def write_midi_file(midi_file: mido.MidiFile, path: str | Path) -> None:
    """Save whole or not at all.

    Raises:
        InputError: the path is a folder or lies in none.
    """
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: it is a folder, or its own folder does not exist.")
    content = io.BytesIO()
    midi_file.save(file=content)
    write_whole(path, content.getvalue())


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
            time.sleep(_MESSAGE_SECONDS)


def _open(name: str) -> mido.ports.BaseOutput:
    names = port_names()
    if name not in names:
        raise InputError(f"No MIDI port {name!r}; there is {_listed(names) or 'none'}.")
    try:
        return mido.open_output(name)
    except OSError as error:
        raise InputError(f"The MIDI port {name!r} cannot be opened: {error}") from error


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


def _controllers(
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


def _note(kind: str, note: int = NOTE, velocity: int = VELOCITY, channel: int = CHANNEL, *, time: int) -> mido.Message:
    return mido.Message(kind, note=note, velocity=velocity, channel=channel, time=time)


def _check_integer(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise InputError(f"{name} must be an integer from {low} to {high}, not {value!r}.")


def _has_control(parameter: Parameter) -> bool:
    return bool(parameter.control)


def _check_controls(collection: Collection) -> None:
    if not any(map(_has_control, collection.parameters)):
        raise InputError(
            f"No parameter of {collection.name} has a MIDI controller: nothing can be sent; set its presets by hand."
        )


def _with_control(parameter: Parameter) -> str:
    return f"{parameter.name} (CC {' and '.join(map(str, parameter.control))})"


def _listed(items: Iterable[Any]) -> str:
    return ", ".join(map(str, items))
