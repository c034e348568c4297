"""Voices of the DX7 as system exclusive messages, one (VCED) or a bank of 32 (VMEM), and files of them, `.syx`.

The formats are those of the manual of the DX7 (Yamaha, 1983, "MIDI data format"): of one voice, every value
takes a byte, operator 6 first; in a bank, small values share one, and a voice takes 128. A checksum makes the
sum of the data nought, modulo 128.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mido
import numpy as np

from secret_sauce_hf.instruments import INSTRUMENTS, Collection, InputError
from secret_sauce_hf.presets import Presets

SUFFIX = ".syx"
BANK_VOICES = 32
MAX_BYTES = 2**22
"""Larger files are refused; a bank has 4 KB, and collections of them come as one file each."""
MOST_MESSAGES = 1_000
NAME_LENGTH = 10

_YAMAHA = 0x43
_DX7 = INSTRUMENTS["dx7"]
_VCED, _VMEM = 0, 9
_VOICE_BYTES, _PACKED_BYTES = 155, 128
_SIZES = {_VCED: _VOICE_BYTES, _VMEM: BANK_VOICES * _PACKED_BYTES}
"""What messages of voices hold, by their kind."""

_NAMES = tuple(parameter.name for parameter in _DX7.parameters)
# Of each operator, of what follows them.
_OPERATOR, _COMMON = 21, 126
# Of a byte of the packed format: which values share it, with the lowest bit of each.
_SHARED_OPERATOR = {
    11: (("left_curve", 0, 2), ("right_curve", 2, 2)),
    12: (("rate_scaling", 0, 3), ("detune", 3, 4)),
    13: (("amp_mod", 0, 2), ("velocity", 2, 3)),
    14: (("output_level", 0, 7),),
    15: (("mode", 0, 1), ("coarse", 1, 5)),
    16: (("fine", 0, 7),),
}
_SHARED_COMMON = {
    110: (("algorithm", 0, 5),),
    111: (("feedback", 0, 3), ("osc_sync", 3, 1)),
    112: (("lfo_speed", 0, 7),),
    113: (("lfo_delay", 0, 7),),
    114: (("lfo_pitch_depth", 0, 7),),
    115: (("lfo_amp_depth", 0, 7),),
    116: (("lfo_sync", 0, 1), ("lfo_wave", 1, 3), ("pitch_mod_sensitivity", 4, 3)),
    117: (("transpose", 0, 7),),
}


def _packing() -> dict[str, tuple[int, int, int]]:
    """Where each value is in a packed voice: byte, lowest bit and number of bits."""
    found: dict[str, tuple[int, int, int]] = {}
    for place, number in enumerate(range(6, 0, -1)):
        start = 17 * place
        # The first eleven have a byte each.
        own = _NAMES[_OPERATOR * place : _OPERATOR * place + 11]
        found |= {name: (start + at, 0, 7) for at, name in enumerate(own)}
        for at, values in _SHARED_OPERATOR.items():
            found |= {f"op{number}_{name}": (start + at, bit, bits) for name, bit, bits in values}
    found |= {name: (102 + at, 0, 7) for at, name in enumerate(_NAMES[_COMMON : _COMMON + 8])}
    for at, values in _SHARED_COMMON.items():
        found |= {name: (at, bit, bits) for name, bit, bits in values}
    return found


_PACKING = _packing()
_NAME_AT = 118
_EACH = np.arange(len(_NAMES))


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice of the DX7.

    Args:
        values: int64 of shape (145,), in the order of the instrument's parameters.
        name: what the machine shows, up to ten characters.
    """

    values: np.ndarray
    name: str = ""


def voice_data(values: np.ndarray, name: str = "") -> bytes:
    """The 155 bytes of a voice's values and name, as the format has them.

    Args:
        values: integers of shape (145,), in the order of the instrument's parameters, which is that of the format,
            each legal.
        name: up to ten characters of ASCII are kept.
    """
    return np.asarray(values).astype(np.uint8).tobytes() + _name_bytes(name)


def voice_message(voice: Voice, channel: int = 0) -> mido.Message:
    """One voice as the message that puts it into the machine's edit buffer: it sounds at once, and nothing is stored.

    Args:
        voice: the voice.
        channel: 0 to 15.
    """
    data = voice_data(voice.values, voice.name)
    return _message(_VCED, data, channel)


def bank_message(voices: Sequence[Voice], channel: int = 0) -> mido.Message:
    """A bank of 32 voices as the message that replaces all that the machine stores.

    Args:
        voices: from 1 to 32; where there are fewer, the last fills the places that are left.
        channel: 0 to 15.

    Raises:
        InputError: no voices, or more than a bank holds.
    """
    if not 1 <= len(voices) <= BANK_VOICES:
        raise InputError(f"A bank of the DX7 holds {BANK_VOICES} voices; {len(voices)} do not go into one.")
    filled = [*voices, *[voices[-1]] * (BANK_VOICES - len(voices))]
    return _message(_VMEM, b"".join(map(_packed, filled)), channel)


def write_syx(messages: Iterable[mido.Message]) -> bytes:
    """The content of a `.syx` file: messages one after the other."""
    return b"".join(bytes(message.bytes()) for message in messages)


def read_syx(path: str | Path) -> list[Voice]:
    """The voices of a `.syx` file: of single ones and of banks, in their order.

    A bank as 4,096 bytes without a message around them is read, too. Other messages, such as those of other
    machines or of function settings, are left aside.

    Raises:
        InputError: there is no such file; it holds no voices of a DX7; a message is cut off, its checksum is
            wrong, or a value is none that the machine has. The message names the file and the remedy.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No such file: {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MB: not voices of a DX7.")
    return _read(path.read_bytes(), str(path))


def holds_voices(message: mido.Message | mido.MetaMessage) -> bool:
    """Whether a message holds voices of a DX7, by its first bytes."""
    return message.type == "sysex" and _is_headed(message.data)


def voices_of(messages: Iterable[mido.Message | mido.MetaMessage], where: str) -> list[Voice]:
    """The voices among messages, as of `read_syx`; none if no message holds any.

    Args:
        messages: any.
        where: what they are from, for messages.
    """
    found: list[Voice] = []
    for message in messages:
        if holds_voices(message):
            found += _voices(bytes(message.data), where)
    return found


def voices_to_presets(collection: Collection, voices: Sequence[Voice]) -> Presets:
    """Voices as presets of a collection of the DX7.

    Raises:
        InputError: a collection of another instrument; or one that has something fixed which a voice has otherwise.
    """
    if not has_voices(collection):
        raise InputError(f"Voices of the DX7 are no presets of {collection.name}.")
    table = np.stack([voice.values for voice in voices])
    for name, setting in collection.fixed:
        column = _NAMES.index(name)
        fixed = int(_DX7[name].setting_to_cc(np.asarray(setting)))
        if (other := np.flatnonzero(table[:, column] != fixed)).size:
            raise InputError(f"voice {other[0] + 1} has {name} otherwise than {collection.name}, which has it fixed.")
    files = [_file(number, voice.name) for number, voice in enumerate(voices, 1)]
    return Presets.from_cc(collection, table[:, [_NAMES.index(name) for name in collection.columns]], files)


def write_voice(collection: Collection, settings: Mapping[str, Any], name: str) -> bytes:
    """A preset of a collection of the DX7 as the content of a `.syx` with one voice.

    Args:
        collection: the collection.
        settings: name → setting of each of its parameters.
        name: what the machine shows.

    Raises:
        InputError: see `Presets.from_settings`.
    """
    (voice,) = presets_to_voices(Presets.from_settings(collection, [settings]), [name])
    return write_syx([voice_message(voice)])


def read_presets(collection: Collection, path: Path) -> Presets:
    """The voices of a `.syx` file as rows of a collection of the DX7, called by their numbers and names.

    Raises:
        InputError: see `read_syx` and `voices_to_presets`.
    """
    voices = read_syx(path)
    try:
        return voices_to_presets(collection, voices)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def presets_to_voices(presets: Presets, names: Sequence[str]) -> list[Voice]:
    """Presets of a collection of the DX7 as voices.

    Args:
        presets: the rows.
        names: of each.
    """
    unit = presets.complete_unit()
    values = np.stack([p.nearest_cc(unit[:, column]) for column, p in enumerate(_DX7.parameters)], axis=1)
    return [Voice(row, name) for row, name in zip(values, names, strict=True)]


def has_voices(collection: Collection) -> bool:
    """Whether presets of a collection are voices of the DX7."""
    return collection.instrument.parameters == _DX7.parameters


def _file(number: int, name: str) -> str:
    """What the sound of a voice is called: by its number from 1, and by its name as far as files can have it."""
    kept = re.sub(r"[^\w .+&-]", "_", name, flags=re.ASCII)
    return f"{number:02d} {kept}".strip() + ".wav"


def _name_bytes(name: str) -> bytes:
    kept = "".join(character if " " <= character <= "~" else "?" for character in name)
    return kept[:NAME_LENGTH].ljust(NAME_LENGTH).encode("ascii")


def _message(kind: int, data: bytes, channel: int) -> mido.Message:
    size = divmod(len(data), 128)
    return mido.Message("sysex", data=(_YAMAHA, channel, kind, *size, *data, _checksum(data)))


def _checksum(data: bytes) -> int:
    return -sum(data) & 0x7F


def _packed(voice: Voice) -> bytes:
    packed = bytearray(_PACKED_BYTES)
    for parameter, value in zip(_DX7.parameters, voice.values.tolist(), strict=True):
        at, bit, _ = _PACKING[parameter.name]
        packed[at] |= value << bit
    packed[_NAME_AT:] = _name_bytes(voice.name)
    return bytes(packed)


def _read(content: bytes, where: str) -> list[Voice]:
    size = BANK_VOICES * _PACKED_BYTES
    if content and content[0] != 0xF0 and len(content) % size == 0:
        banks = [content[at : at + size] for at in range(0, len(content), size)]
        return [
            voice
            for number, bank in enumerate(banks, 1)
            for voice in _bank(bank, where if len(banks) == 1 else f"{where}, bank {number}")
        ]
    voices, at, count = [], 0, 0
    while (start := content.find(b"\xf0", at)) >= 0:
        end = start + 1
        while end < len(content) and content[end] < 0x80:
            end += 1
        if end == len(content) or content[end] != 0xF7:
            raise InputError(f"{where}: the message at byte {start} is cut off; take the file from its source again.")
        voices += _voices(content[start + 1 : end], where)
        at, count = end + 1, count + 1
        if count > MOST_MESSAGES:
            raise InputError(f"{where} has more than {MOST_MESSAGES:,} messages: give a part of it.")
    if not voices:
        raise InputError(f"{where} holds no voices of a DX7: neither a single one of 163 bytes nor a bank of 4,104.")
    return voices


def _is_headed(data: Sequence[int]) -> bool:
    """Whether a message, without its first byte, begins as one of voices does."""
    return len(data) >= 5 and data[0] == _YAMAHA and data[1] < 16 and data[2] in _SIZES


def _voices(data: bytes, where: str) -> list[Voice]:
    """The voices of a message, without its first and last byte; none if it is another."""
    if not _is_headed(data):
        return []
    kind, size, body = data[2], data[3] * 128 + data[4], data[5:-1]
    expected = _SIZES[kind]
    if size != expected and len(body) != expected:
        return []
    if len(body) != expected:
        raise InputError(
            f"{where}: a message tells of {expected:,} bytes of voices and has {len(body):,}; take the file from its "
            "source again."
        )
    if _checksum(body) != data[-1]:
        raise InputError(
            f"{where}: a message's checksum is {data[-1]} and should be {_checksum(body)}: it is damaged; take the "
            "file from its source again."
        )
    return _bank(body, where) if kind == _VMEM else [_checked(dict(zip(_NAMES, body, strict=False)), body[-10:], where)]


def _bank(data: bytes, where: str) -> list[Voice]:
    voices = []
    for number in range(BANK_VOICES):
        packed = data[number * _PACKED_BYTES : (number + 1) * _PACKED_BYTES]
        values = {name: packed[at] >> bit & (1 << bits) - 1 for name, (at, bit, bits) in _PACKING.items()}
        voices.append(_checked(values, packed[_NAME_AT:], f"{where}, voice {number + 1}"))
    return voices


def _checked(values: dict[str, int], name: bytes, where: str) -> Voice:
    shown = "".join(chr(byte) if 32 <= byte < 127 else " " for byte in name).strip()
    told = np.array([values[parameter.name] for parameter in _DX7.parameters])
    legal = _legal()[_EACH, told]
    if not legal.all():
        place = int(np.argmin(legal))
        parameter = _DX7.parameters[place]
        called = f"{where}{f' ({shown})' if shown else ''}"
        raise InputError(f"{called}: {parameter.name} is {told[place]}, which {parameter.allowed_cc()}.")
    return Voice(told, shown)


@cache
def _legal() -> np.ndarray:
    """Whether each parameter may have each value of a byte, (parameters, 256): asked one by one, a file of the largest
    size would take a minute.
    """
    return np.stack([parameter.legal_cc(np.arange(256)) for parameter in _DX7.parameters])
