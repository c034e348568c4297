"""MIDI files that are not as they should be: what is read all the same, and what never."""

import io
import random
import re
import time

import mido
import pytest

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.midi import (
    MidiMessages,
    parse_midi,
    preset_messages,
    preset_midi_file,
    read_messages,
    read_midi_file,
    read_preset,
)
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import draw_presets

LIGHT = "noisemaker-light"
ROW = next(original_presets(LIGHT, 0, 1).rows())
HEADER = b"MThd\0\0\0\6\0\0\0\1\1\xe0"
END = b"\0\xff\x2f\0"


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + (len(body) if size is None else size).to_bytes(4, "big") + body


def events(row=ROW) -> bytes:
    """The preset's controllers, a tick apart."""
    return b"".join(b"\1" + bytes(message.bytes()) for message in preset_messages(LIGHT, row))


def track(before: bytes = b"", after: bytes = b"", size: int | None = None) -> bytes:
    return chunk(b"MTrk", before + events() + after + END, size)


WHOLE = HEADER + track()
SIZE = len(events() + END)
NOTE = b"\0\x90\x3c\x64\x10\x80\x3c\x40"

MENDED = {
    "an unknown chunk before": (HEADER + chunk(b"XFIH", b"abc") + track(), "a chunk XFIH is unknown"),
    "two unknown chunks": (WHOLE + chunk(b"XFKM", b"") * 2, r"a chunk XFKM is unknown \(2 times\)"),
    "an unknown chunk of a wrong length": (
        HEADER + chunk(b"JUNK", b"abc", 2**31) + track(), "there are bytes that belong to no chunk",
    ),
    "padding between chunks": (HEADER + b"\0" + track(), "there are bytes that belong to no chunk"),
    "bytes at the end": (WHOLE + b"\x1a\0\0", "there are bytes that belong to no chunk"),
    "an escape packet": (HEADER + track(b"\0\xf7\3\xf3\1\xf8"), "an escape packet is read for the controllers"),
    "an escape packet of nonsense": (HEADER + track(b"\0\xf7\3\xff\xff\x90"), "an escape packet is read"),
    "a track that is too short": (HEADER + track(size=SIZE - 3), "a track's length is wrong"),
    "a track that is too long": (HEADER + track(size=SIZE + 100), "a track's length is wrong"),
    "a track of no length": (HEADER + track(size=0), "a track's length is wrong"),
    "a track of 4 GB": (HEADER + track(size=2**32 - 1), "a track's length is wrong"),
    "a track longer than its events": (HEADER + track(size=SIZE + 2) + b"\0\0", "bytes behind a track's end"),
    "a header that is longer": (HEADER[:4] + b"\0\0\0\x08" + HEADER[8:] + b"\0\0" + track(), None),
    "a header of a wrong length": (HEADER[:4] + b"\0\1\0\0" + HEADER[8:] + track(), "the header's length is wrong"),
    "no end of track": (HEADER + chunk(b"MTrk", events()), "a track has no end"),
    "cut off between two messages": (HEADER + chunk(b"MTrk", events(), 500), "a track has no end"),
    "more tracks announced": (HEADER[:11] + b"\7" + HEADER[12:] + track(), "announces 7 tracks, there are 1"),
    "a tempo of one byte": (HEADER + track(b"\0\xff\x51\1\5"), "a meta event of kind 81 is unreadable"),
    "a key that there is not": (HEADER + track(b"\0\xff\x59\2\x20\5"), "a meta event of kind 89 is unreadable"),
    "a frame rate that there is not": (
        HEADER + track(b"\0\xff\x54\5\xff\0\0\0\0"), "a meta event of kind 84 is unreadable",
    ),
    "a text in another encoding": (HEADER + track(b"\0\xff\1\2\xe9\xff"), None),
    "a loud note": (HEADER + track(after=b"\0\x90\x3c\xc8\x10\x80\x3c\x40"), "a byte above 127, which was taken"),
    "a pitch bend beyond its end": (HEADER + track(b"\0\xe0\xff\xff"), "a message has a byte above 127"),
    "a system exclusive message of eight bits": (HEADER + track(b"\0\xf0\3\1\x80\xf7"), "system exclusive message"),
    "running status after a system exclusive message": (
        HEADER + chunk(b"MTrk", b"\0\xb0\7\x64\0\xf0\2\1\xf7\0\x0a\x40" + events() + END), None,
    ),
    "in a RIFF": (b"RIFF\xff\0\0\0RMIDdata" + len(WHOLE).to_bytes(4, "little") + WHOLE, None),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_what_no_controller_suffers_from_is_mended_and_told(name, tmp_path):
    data, message = MENDED[name]
    path = tmp_path / "a.mid"
    path.write_bytes(data)
    messages = read_midi_file(path)
    assert read_preset(LIGHT, messages) == ROW
    report = read_messages(LIGHT, messages)
    assert report.mended == messages.mended and len(messages.mended) <= 2
    if message is None:
        assert messages.mended == () and "mended" not in str(report)
    else:
        assert any(re.search(message, one) for one in messages.mended), messages.mended
        assert "; mended: " in str(report)


def test_tracks_that_a_length_or_the_header_hides_are_read():
    second = chunk(b"MTrk", b"\5\xb0\x0f\x01" + END)
    for data in (
        HEADER + track() + second,
        HEADER + track(size=SIZE + len(second)) + second,
        HEADER + track(size=2**31) + second,
        HEADER + track(size=3) + second,
    ):
        messages = parse_midi(data, "it")
        assert [m.value for m in messages if m.type == "control_change" and m.control == 15] == [23, 1], messages
        assert messages.mended


def test_what_is_left_out_still_takes_its_time():
    data = HEADER + chunk(b"MTrk", b"\x10\xff\x51\1\5" + b"\x20\xf7\1\xf8" + b"\3\x90\x3c\x64" + END)
    note = next(message for message in parse_midi(data, "it") if message.type == "note_on")
    assert note.time == 0x33


def test_an_escape_packet_holds_controllers():
    packet = b"".join(bytes(message.bytes()) for message in preset_messages(LIGHT, ROW))
    data = HEADER + chunk(b"MTrk", b"\0\xf7" + bytes([len(packet)]) + packet + END)
    assert read_preset(LIGHT, parse_midi(data, "it")) == ROW


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (WHOLE[:-9], "a message in it is cut short"),
        (WHOLE[:12], "a message in it is cut short"),
        (HEADER, "it has no track"),
        (HEADER + b"MTrk", "it has no track|cut short"),
        (HEADER + track(b"\0\xb0\x0e\xc8"), "a controller in it has a byte above 127"),
        (HEADER + track(b"\0\xb0\xce\x08"), "a controller in it has a byte above 127"),
        (HEADER + track(b"\0\x0e\x08"), "running status without a status"),
        (HEADER + track(b"\0\xf4"), "undefined status byte 0xf4"),
        (HEADER + track(b"\0\xff\1\x87\xff\xff\x7f"), "longer than its track"),
        (HEADER + track(b"\0\xf0\x50\1"), "longer than its track"),
        (HEADER + track(b"\xff" * 20), "a number that does not end"),
        (HEADER[:9] + b"\2" + HEADER[10:] + track(), "is a MIDI file of type 2"),
        (HEADER[:9] + b"\7" + HEADER[10:] + track(), "is a MIDI file of type 7"),
        (b"RIFF\xff\0\0\0WAVEdata\0\0\0\0", "does not start with MThd"),
    ],
)
def test_what_a_controller_may_hang_on_is_refused(data, message):
    with pytest.raises(InputError, match=message) as told:
        parse_midi(data, "clip.mid")
    assert str(told.value).startswith("clip.mid is ") and "\n" not in str(told.value)


@pytest.mark.parametrize("kind", [0, 1])
def test_whole_files_are_read_as_mido_reads_them(kind):
    extra = [
        mido.MetaMessage("key_signature", key="C"),
        mido.MetaMessage("sequencer_specific", data=(1, 2, 3)),
        mido.UnknownMetaMessage(0x60, data=(200, 1)),
        mido.Message("sysex", data=[1, 2, 3], time=200),
        mido.Message("pitchwheel", pitch=-5),
        mido.Message("program_change", program=3, channel=4),
        mido.Message("songpos", pos=300, time=70_000),
    ]
    for name in ("subphatty", "guitar-tiny"):
        file = preset_midi_file(name, next(draw_presets(name, 1, seed=1).rows()))
        tracks = [file.tracks[0], mido.MidiTrack(extra)] if kind else [mido.MidiTrack([*extra, *file.tracks[0]])]
        saved = io.BytesIO()
        mido.MidiFile(type=kind, tracks=tracks).save(file=saved)
        ours = parse_midi(saved.getvalue(), name)
        theirs = mido.MidiFile(file=io.BytesIO(saved.getvalue())).merged_track
        assert isinstance(ours, MidiMessages) and list(ours) == list(theirs) and ours.mended == ()


def test_two_thousand_mutants_give_an_error_or_messages():
    generator = random.Random(14)
    seeds = [data for data, _ in MENDED.values()]
    read = 0
    for _ in range(2_000):
        data = bytearray(generator.choice(seeds))
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(data))
            match generator.randrange(3):
                case 0:
                    data[at] = generator.randrange(256)
                case 1:
                    del data[at : at + generator.randint(1, 4)]
                case 2:
                    data[at:at] = bytes(generator.randrange(256) for _ in range(generator.randint(1, 4)))
        try:
            messages = parse_midi(bytes(data), "mutant.mid")
        except InputError as error:
            assert "\n" not in str(error)
            continue
        read += 1
        str(read_messages(LIGHT, messages))
    assert 200 < read < 1_900


def test_very_many_tracks_and_kinds_of_chunks():
    """Each track was read from a copy of all that is before its end: minutes for a file of the largest size."""
    empty = chunk(b"MTrk", b"\0\xff\x2f\0")
    start = time.process_time()
    read = parse_midi(HEADER + empty * 20_000, "many")
    assert "there are 20000" in read.mended[0]
    with pytest.raises(InputError, match="has more than 65,535 tracks"):
        parse_midi(HEADER + empty * 65_537, "many")
    kinds = b"".join(chunk(b"%04d" % number, b"") for number in range(1_000))
    assert len(parse_midi(HEADER + kinds + empty, "kinds").mended) == 9
    assert time.process_time() - start < 5
