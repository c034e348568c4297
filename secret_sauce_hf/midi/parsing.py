"""The bytes of MIDI files, as far as every controller in them is whole.

mido refuses a file for the sake of any byte that is not as it should be. Here what no
preset needs may be missing, unknown or damaged; what was mended is told. A controller is
never guessed: where one cannot be read for certain, the file is refused.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

import mido
from mido.midifiles.meta import build_meta_message

from secret_sauce_hf.instruments import InputError

Messages: TypeAlias = mido.Message | mido.MetaMessage

_LONGEST_NUMBER = 8
"""Bytes of a number; the standard has four, and none that is longer means anything."""
MAX_TRACKS = 65_535
"""The header has two bytes for their number."""
_MOST_KINDS = 8
"""Kinds of unknown chunks that are told by name."""
_CHUNK = re.compile(rb"[A-Za-z0-9 ]{4}")
# Data bytes by the upper half of a channel message's status, and of system messages.
_CHANNEL_SIZES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_SIZES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_CONTROLLER, _EXCLUSIVE, _ESCAPE, _META, _END = 0xB, 0xF0, 0xF7, 0xFF, 0x2F


class MidiMessages(list[Messages]):
    """Messages in the order of time, with what was mended in the file that they are from.

    Args:
        messages: the messages.
        mended: what was wrong and did no harm, half a sentence each; nothing if all was well.
        division: what a tick is, the two bytes of the file's header as a number: ticks per beat, or from 2**15 on
            frames per second (negative) and ticks per frame.
    """

    def __init__(self, messages: Iterable[Messages] = (), mended: tuple[str, ...] = (), division: int = 480):
        super().__init__(messages)
        self.mended = mended
        self.division = division


class _DamageError(Exception):
    """Something that a controller may hang on cannot be read."""


def parse_midi(data: bytes, name: str) -> MidiMessages:
    """The messages of a MIDI file, all tracks together in the order of time.

    Unknown chunks, wrong lengths, a wrong number of tracks, meta events that say nothing
    legal, system exclusive messages and notes with bytes above 127, and a missing end of
    track do not matter.

    Args:
        data: the file.
        name: what it is called, for messages.

    Raises:
        InputError: not a MIDI file; one of type 2, whose tracks have no common time; or one
            in which a message is cut short or cannot be read.
    """
    if data[:4] == b"RIFF" and data[8:16] == b"RMIDdata":
        # A file of Microsoft's: the whole MIDI file is one chunk of it.
        data = data[20 : 20 + int.from_bytes(data[16:20], "little")]
    if not data.startswith(b"MThd"):
        raise InputError(f"{name} is not a MIDI file: it does not start with MThd.")
    mended: Counter[str] = Counter()
    try:
        kind, tracks = _read_chunks(data, mended)
    except _DamageError as error:
        raise InputError(f"{name} is a broken MIDI file: {error}.") from error
    if kind not in (0, 1):
        raise InputError(f"{name} is a MIDI file of type {kind}: save it as type 0 or 1.")
    told = tuple(text if count == 1 else f"{text} ({count} times)" for text, count in mended.items())
    return MidiMessages(mido.merge_tracks(tracks, skip_checks=True), told, int.from_bytes(data[12:14], "big"))


def _read_chunks(data: bytes, mended: Counter[str]) -> tuple[int, list[mido.MidiTrack]]:
    """The type and the tracks of a file."""
    if len(data) < 14:
        raise _DamageError("a message in it is cut short")
    size, kind, announced = (int.from_bytes(data[a:b], "big") for a, b in ((4, 8), (8, 10), (10, 12)))
    at = 8 + size
    if size < 6 or at > len(data):
        mended["the header's length is wrong"] += 1
        at = 14
    tracks: list[mido.MidiTrack] = []
    kinds: set[bytes] = set()
    # A track's end is a view's: a copy of all before it, for each of many tracks, takes minutes.
    view = memoryview(data)
    while at < len(data):
        if len(tracks) > MAX_TRACKS:
            raise _DamageError(f"it has more than {MAX_TRACKS:,} tracks")
        start, limit = at + 8, at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk" and start <= len(data):
            right = _chunk_begins(data, limit)
            if not right:
                mended["a track's length is wrong"] += 1
                following = data.find(b"MTrk", start)
                limit = len(data) if following < 0 else following
            track, end, ended = _read_track(view[:limit], start, mended)
            tracks.append(track)
            if not ended:
                mended["a track has no end"] += 1
            if right and end < limit:
                # A length that reaches to the end of the file hides the tracks that follow.
                following = data.find(b"MTrk", end, limit)
                mended["there are bytes behind a track's end"] += 1
                limit = limit if following < 0 else following
            at = limit if right else end
        elif _CHUNK.match(data, at) and _chunk_begins(data, limit):
            kind_of_chunk = data[at : at + 4]
            if len(kinds) < _MOST_KINDS:
                kinds.add(kind_of_chunk)
            called = kind_of_chunk.decode() if kind_of_chunk in kinds else "of another kind"
            mended[f"a chunk {called} is unknown"] += 1
            at = limit
        else:
            mended["there are bytes that belong to no chunk"] += 1
            following = data.find(b"MTrk", at + 1)
            at = len(data) if following < 0 else following
    if not tracks:
        raise _DamageError("it has no track (MTrk)")
    if len(tracks) != announced:
        mended[f"the header announces {announced} tracks, there are {len(tracks)}"] += 1
    return kind, tracks


def _chunk_begins(data: bytes, at: int) -> bool:
    """Whether there is a chunk at a place, or the end of the file."""
    return at == len(data) or (at + 8 <= len(data) and _CHUNK.match(data, at) is not None)


def _read_track(data: memoryview, at: int, mended: Counter[str]) -> tuple[mido.MidiTrack, int, bool]:
    """The messages from `at` to the end of the track or of `data`; where that is, and whether there is an end."""
    track = mido.MidiTrack()
    running = waited = 0
    while at < len(data):
        delta, at = _number(data, at)
        # What is left out still takes its time.
        waited += delta
        status = _byte(data, at)
        if status < 0x80:
            status = running
            if not running:
                raise _DamageError("running status without a status before it")
        else:
            at += 1
        found: Iterable[Messages]
        if status == _META:
            kind = _byte(data, at)
            body, at = _sized(data, at + 1)
            found = _meta(kind, body, mended)
        elif status in (_EXCLUSIVE, _ESCAPE):
            body, at = _sized(data, at)
            found = _exclusive(body, mended) if status == _EXCLUSIVE else _escaped(body, mended)
        else:
            size = _CHANNEL_SIZES.get(status >> 4, _SYSTEM_SIZES.get(status))
            if size is None:
                raise _DamageError(f"undefined status byte 0x{status:02x}")
            body = bytes(data[at : at + size])
            at += size
            found = [_plain(status, body, size, mended)]
            if status < 0xF0:
                running = status
        for message in found:
            message.time, waited = waited, 0
            track.append(message)
            if message.type == "end_of_track":
                return track, at, True
    return track, at, False


def _byte(data: memoryview, at: int) -> int:
    if at >= len(data):
        raise _DamageError("a message in it is cut short")
    return data[at]


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for place in range(at, at + _LONGEST_NUMBER):
        byte = _byte(data, place)
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    raise _DamageError("it has a number that does not end")


def _sized(data: memoryview, at: int) -> tuple[bytes, int]:
    """The bytes whose number stands before them, and where they end."""
    size, at = _number(data, at)
    if at + size > len(data):
        raise _DamageError("a message in it is cut short: it is longer than its track")
    return bytes(data[at : at + size]), at + size


def _meta(kind: int, body: bytes, mended: Counter[str]) -> list[Messages]:
    if kind == _END:
        return [mido.MetaMessage("end_of_track")]
    try:
        return [build_meta_message(kind, list(body), 0)]
    except (LookupError, ValueError, TypeError, mido.KeySignatureError):
        mended[f"a meta event of kind {kind} is unreadable"] += 1
        return []


def _exclusive(body: bytes, mended: Counter[str]) -> list[Messages]:
    body = body.removeprefix(b"\xf0").removesuffix(b"\xf7")
    if any(byte > 127 for byte in body):
        mended["a system exclusive message has bytes above 127"] += 1
        return []
    return [mido.Message("sysex", data=body)]


def _escaped(body: bytes, mended: Counter[str]) -> list[Messages]:
    """What a packet of bytes that are to be sent as they are holds for a channel."""
    mended["an escape packet is read for the controllers and notes that it holds"] += 1
    try:
        return [message for message in mido.parse_all(body) if hasattr(message, "channel")]
    except (LookupError, ValueError):
        return []


def _plain(status: int, body: bytes, size: int, mended: Counter[str]) -> Messages:
    if len(body) < size:
        raise _DamageError("a message in it is cut short")
    if any(byte > 127 for byte in body):
        if status >> 4 == _CONTROLLER:
            raise _DamageError("a controller in it has a byte above 127: its value cannot be known")
        mended["a message has a byte above 127, which was taken for 127"] += 1
        body = bytes(min(byte, 127) for byte in body)
    return mido.Message.from_bytes([status, *body])
