"""The bytes of presets as hosts of plug-ins keep them: `.fxp` and `.fxb` of VST2, `.vstpreset` of VST3.

A `.fxp` has the numbers of all parameters (FxCk), or what the plug-in itself has written (FPCh); a `.fxb` has several
such programs (FxBk), or again the plug-in's own bytes (FBCh). A `.vstpreset` has the class of the plug-in and a list of
parts, of which `Comp` is the plug-in's state. Nothing is loaded here: bytes are checked before a plug-in gets them.
"""

import math
import struct
from collections.abc import Sequence

from secret_sauce_hf.instruments import InputError

MAX_PRESET_BYTES = 64 * 2**20
"""Larger files are refused; that of a large synthesiser has some MB."""
FORMATS = {".fxp": "VST2", ".fxb": "VST2", ".vstpreset": "VST3"}
"""How presets of plug-ins end, and the format of the plug-ins."""
_FXP, _FXB = struct.Struct(">4si4si4sii28s"), struct.Struct(">4si4si4siii124x")
_COUNT = struct.Struct(">i")
_VST3 = struct.Struct("<4si32sq")
_PART = struct.Struct("<4sqq")
_MOST_PARTS, _MOST_NAME, _MOST_PROGRAMS = 128, 27, 10_000


def owner(content: bytes) -> str:
    """Which plug-in a preset is of: the digits of its identifier, 8 for VST2 and 32 for VST3.

    Raises:
        InputError: it is no preset of a plug-in, or breaks off; the message is the end of "the file …".
    """
    if content[:4] == b"VST3":
        _check_parts(content)
        return content[8:40].decode("ascii").upper()
    programs(content)
    return content[16:20].hex().upper()


def programs(content: bytes) -> list[tuple[str, bytes]]:
    """The presets in the content of a file, each with its name, as a plug-in's process can load them.

    Raises:
        InputError: see `owner`.
    """
    if content[:4] == b"VST3":
        _check_parts(content)
        return [("", content)]
    if content[:4] != b"CcnK":
        raise InputError("is no preset of a plug-in: those begin with CcnK (VST2) or VST3")
    kind = content[8:12]
    if kind in (b"FxCk", b"FPCh"):
        end = _program_end(content, 0)
        return [(_name(content), content[:end])]
    if kind == b"FBCh":
        _need(content, _FXB.size + _COUNT.size)
        (size,) = _COUNT.unpack_from(content, _FXB.size)
        _check_size(content, _FXB.size + _COUNT.size, size)
        return [("", content)]
    if kind != b"FxBk":
        raise InputError(f"is of a kind that is not known, {kind!r}")
    _need(content, _FXB.size)
    # Hosts write the one preset of a plug-in that says it has none.
    count = max(_FXB.unpack_from(content)[6], 1)
    if count > _MOST_PROGRAMS:
        raise InputError(f"says that it holds {count:,} presets")
    found, place = [], _FXB.size
    for _ in range(count):
        end = _program_end(content, place)
        one = content[place:end]
        if one[16:20] != content[16:20]:
            raise InputError("holds presets of several plug-ins")
        found.append((_name(one), one))
        place = end
    return found


def parameters_in(content: bytes) -> int | None:
    """How many parameters a preset of VST2 has the numbers of; None of one that has the plug-in's own bytes."""
    return int(_FXP.unpack_from(content)[6]) if content[8:12] == b"FxCk" else None


def preset_of_bank(bank: bytes, name: str, parameters: int) -> bytes:
    """The preset that a plug-in is at, from the bank that is its state.

    Args:
        bank: the state of a VST2 plug-in.
        name: what the preset is called.
        parameters: how many the plug-in has.

    Raises:
        InputError: see `owner`.
    """
    found = programs(bank)
    _, _, kind, _, identifier, version, _, current = _FXB.unpack_from(bank)
    if kind == b"FBCh":
        return _fxp(b"FPCh", identifier, version, parameters, name, bank[_FXB.size :])
    _, one = found[current if 0 <= current < len(found) else 0]
    return _fxp(one[8:12], identifier, version, parameters, name, one[_FXP.size :])


def preset_of_values(bank: bytes, name: str, values: Sequence[float]) -> bytes:
    """A preset of the numbers of all parameters.

    Args:
        bank: the state of the VST2 plug-in, which tells its identifier.
        name: what the preset is called.
        values: of all parameters that it lists, 0 to 1.
    """
    _, _, _, _, identifier, version, _, _ = _FXB.unpack_from(bank)
    return _fxp(b"FxCk", identifier, version, len(values), name, struct.pack(f">{len(values)}f", *values))


def _fxp(kind: bytes, identifier: bytes, version: int, parameters: int, name: str, body: bytes) -> bytes:
    # What stands behind the size counts.
    size = _FXP.size - 8 + len(body)
    return _FXP.pack(b"CcnK", size, kind, 1, identifier, version, parameters, _name_bytes(name)) + body


def _program_end(content: bytes, place: int) -> int:
    """Where a program ends that begins at a place."""
    _need(content, place + _FXP.size)
    magic, _, kind, _, _, _, count, _ = _FXP.unpack_from(content, place)
    begin = place + _FXP.size
    if magic != b"CcnK" or kind not in (b"FxCk", b"FPCh"):
        raise InputError("holds something else where a preset should begin")
    if kind == b"FPCh":
        _need(content, begin + _COUNT.size)
        (size,) = _COUNT.unpack_from(content, begin)
        return _check_size(content, begin + _COUNT.size, size)
    end = _check_size(content, begin, 4 * count)
    if not all(math.isfinite(value) for value in struct.unpack_from(f">{count}f", content, begin)):
        raise InputError("sets a parameter to what is no number")
    return end


def _check_parts(content: bytes) -> None:
    """See that a `.vstpreset` is whole, and has a state."""
    _need(content, _VST3.size)
    _, _, identifier, place = _VST3.unpack_from(content)
    if not all(digit in b"0123456789ABCDEFabcdef" for digit in identifier):
        raise InputError("names no class of a plug-in")
    if not 0 < place <= len(content) - 8 or content[place : place + 4] != b"List":
        raise InputError("breaks off: it has no list of its parts")
    (count,) = struct.unpack_from("<i", content, place + 4)
    if not 1 <= count <= _MOST_PARTS:
        raise InputError(f"says that it has {count:,} parts")
    _need(content, place + 8 + count * _PART.size)
    kinds = []
    for number in range(count):
        kind, begin, size = _PART.unpack_from(content, place + 8 + number * _PART.size)
        if begin < 0:
            raise InputError("has a part that is nowhere")
        _check_size(content, begin, size)
        kinds.append(kind)
    if b"Comp" not in kinds:
        raise InputError("has no state of a plug-in among its parts")


def _check_size(content: bytes, begin: int, size: int) -> int:
    """Where a part ends that has so many bytes."""
    if size < 0 or begin + size > len(content):
        raise InputError(f"breaks off: {max(len(content) - begin, 0):,} bytes are there of {size:,}")
    return begin + size


def _need(content: bytes, size: int) -> None:
    if len(content) < size:
        raise InputError(f"breaks off after {len(content):,} bytes")


def _name(program: bytes) -> str:
    text = program[28 : _FXP.size].split(b"\0")[0].decode("latin-1")
    return "".join(character for character in text if character.isprintable()).strip()


def _name_bytes(name: str) -> bytes:
    return name.encode("ascii", "replace")[:_MOST_NAME].ljust(28, b"\0")
