"""Clips: the notes of MIDI files that others wrote, and files that others read."""

import io

import mido
import pytest

from secret_sauce_hf.instruments import InputError, Note, get_collection, with_seconds
from secret_sauce_hf.instruments.notes import MAX_NOTES, Performances
from secret_sauce_hf.midi import preset_midi_file, read_clip, read_midi_file, read_preset, write_midi_file
from secret_sauce_hf.original.session import collection_track
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT = get_collection("noisemaker-light")
# At 120 beats a minute and 480 ticks a beat.
SECOND = 960
RIFF = (Note(48, 90, 0.0, 0.25), Note(55, 1, 0.12345, 1.5), Note(60, 127, 0.25, 0.1), Note(127, 64, 2.0, 0.0301))


def on(pitch, at, velocity=90, channel=0):
    return at, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)


def off(pitch, at, channel=0):
    return at, mido.Message("note_off", note=pitch, channel=channel)


def track(*events):
    """A track of messages at their ticks, in the order in which they are given at each."""
    messages, before = [], 0
    for at, message in sorted(events, key=lambda event: event[0]):
        messages.append(message.copy(time=at - before))
        before = at
    return mido.MidiTrack(messages)


def saved(path, *tracks, division=480, kind=1):
    content = io.BytesIO()
    mido.MidiFile(type=kind, ticks_per_beat=1, tracks=list(tracks)).save(file=content)
    data = bytearray(content.getvalue())
    data[12:14] = division.to_bytes(2, "big")
    path.write_bytes(data)
    return path


@pytest.fixture
def clip(tmp_path):
    def read(*events, division=480, **options):
        return read_clip(saved(tmp_path / "riff.mid", track(*events), division=division), **options)

    return read


def rounded(notes):
    return [(note.pitch, note.velocity, round(note.onset, 6), round(note.duration, 6)) for note in notes]


def test_a_take_begins_where_the_file_does(clip):
    read = clip(on(60, SECOND), off(60, 2 * SECOND), on(64, SECOND, 1), off(64, 3 * SECOND))
    assert rounded(read.notes) == [(60, 90, 1, 1), (64, 1, 1, 2)]
    assert read.seconds == 3.5 and read.remarks == ()


def test_tempo_changes_are_honoured(tmp_path):
    def tempo(at, beat):
        return at, mido.MetaMessage("set_tempo", tempo=beat)

    # The tempo may stand in a track of its own.
    conductor = track(tempo(0, 1_000_000), tempo(480, 250_000), tempo(960, 2_000_000))
    music = track(on(60, 0), off(60, 480), on(62, 480), off(62, 1200))
    read = read_clip(saved(tmp_path / "a.mid", conductor, music))
    assert rounded(read.notes) == [(60, 90, 0, 1), (62, 90, 1, 0.25 + 1)]


@pytest.mark.parametrize(
    ("frames", "per_frame", "second"), [(25, 40, 1000), (24, 100, 2400), (30, 80, 2400), (29, 100, 2_997.003)]
)
def test_ticks_may_be_parts_of_frames(clip, frames, per_frame, second):
    division = (256 - frames) << 8 | per_frame
    tempo = (0, mido.MetaMessage("set_tempo", tempo=1))
    read = clip(tempo, on(60, 0), off(60, 3000), division=division)
    assert rounded(read.notes) == [(60, 90, 0, round(3000 / second, 6))]


@pytest.mark.parametrize("division", [0, 0xE200, 0xFF28, 0x8001])
def test_a_division_that_is_none(clip, division):
    with pytest.raises(InputError, match="does not say how long its ticks are"):
        clip(on(60, 0), off(60, 480), division=division)


def test_a_note_on_of_velocity_0_is_a_note_off(clip):
    assert rounded(clip(on(60, 0), on(60, SECOND, 0)).notes) == [(60, 90, 0, 1)]


def test_notes_of_one_pitch_may_overlap(clip):
    """The oldest ends first, as sequencers draw them; a repeated one may start before the first is off."""
    read = clip(on(60, 0), on(60, SECOND, 80), off(60, 2 * SECOND), off(60, 3 * SECOND))
    assert rounded(read.notes) == [(60, 90, 0, 2), (60, 80, 1, 2)]
    read = clip(on(60, 0), on(60, SECOND, 80), off(60, SECOND), off(60, 3 * SECOND))
    assert rounded(read.notes) == [(60, 90, 0, 1), (60, 80, 1, 2)]
    # On two channels they are two keys.
    read = clip(on(60, 0), on(60, 10, channel=1), off(60, SECOND), off(60, 2 * SECOND, 1))
    assert [round(note.end, 6) for note in read.notes] == [1, 2]


def test_hanging_notes_end_with_the_file(clip):
    read = clip(on(60, 0), (2 * SECOND, mido.MetaMessage("end_of_track")))
    assert rounded(read.notes) == [(60, 90, 0, 2)]
    assert read.remarks == ("a note that never ends is held to the end of the file: 1 times",)


def test_what_is_not_played_is_told(clip):
    read = clip(
        off(70, 0),
        (0, mido.Message("control_change", control=64, value=127)),
        (0, mido.Message("pitchwheel", pitch=100)),
        (0, mido.Message("pitchwheel", pitch=0)),
        on(60, 0), off(60, SECOND),
        on(61, SECOND), off(61, SECOND),
    )  # fmt: skip
    assert rounded(read.notes) == [(60, 90, 0, 1)]
    assert read.remarks == (
        "the sustain pedal is left aside: 1 times",
        "pitch bend is left aside: 1 times",
        "1 notes have no length and are left out",
    )


def test_channels(clip):
    events = [on(60, 0), off(60, 960), on(61, 0, channel=4), off(61, 960, 4), on(36, 0, channel=9), off(36, 960, 9)]
    read = clip(*events)
    assert [note.pitch for note in read.notes] == [60, 61]
    assert read.remarks == (
        "1 notes of channel 10, the drums, are left out (--channel)",
        "the channels 1, 5 are played together: choose one with --channel",
    )
    assert clip(*events, channel=9).notes[0].pitch == 36 and clip(*events, channel=9).remarks == ()
    assert clip(*events, channel=4).notes[0].pitch == 61
    with pytest.raises(InputError, match="no notes on channel 2; there are some on 1, 5, 10"):
        clip(*events, channel=1)
    with pytest.raises(InputError, match=r"on channel 10 only, which is for drums: choose it \(--channel 10\)"):
        clip(*events[4:])
    with pytest.raises(InputError, match="channel must be an integer from 0 to 15"):
        clip(*events, channel=16)


def test_the_length_of_a_take(clip):
    def long(end, **options):
        return clip(on(60, 0), off(60, 480), on(62, (end - 1) * SECOND), off(62, end * SECOND), **options)

    assert long(2).seconds == 2.5
    assert long(30).seconds == 30
    with pytest.raises(InputError, match=r"riff.mid lasts 600 s, a take at most 30: .*\(--seconds 30\), or cut it"):
        long(600)
    read = long(600, seconds=5)
    assert read.seconds == 5 and rounded(read.notes) == [(60, 90, 0, 0.5)]
    assert read.remarks == ("1 of 2 notes start after 5 s and are left out",)
    with pytest.raises(InputError, match=r"its first note starts at 1 s, and the take lasts 0.5 s; give more seconds"):
        clip(on(60, SECOND), off(60, 2 * SECOND), seconds=0.5)


def test_notes_beyond_the_voices(clip):
    events = [event for number in range(5) for event in (on(60 + number, number), off(60 + number, SECOND))]
    read = clip(*events, on(70, SECOND), off(70, 2 * SECOND))
    assert [read.beyond(voices) for voices in (1, 2, 4, 5, 6)] == [4, 3, 1, 0, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a MIDI file: it does not start with MThd"),
        (b"la la la", "is not a MIDI file"),
        (b"MThd\0\0\0\6\0\0\0\1\1\xe0", "is a broken MIDI file"),
        (b"MThd\0\0\0\6\0\2\0\1\1\xe0MTrk\0\0\0\4\0\xff/\0", "is a MIDI file of type 2"),
        (b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff/\0", "has no notes: give a MIDI file in which something is"),
        (b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x08\0\x90<Z\0\xff/\0", "has no note that can be played: .*no length"),
    ],
)
def test_files_without_notes(content, message, tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_clip(path)
    assert "a.mid" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="No such file"):
        read_clip(tmp_path / "gone.mid")


def test_too_many_notes(clip):
    events = [event for n in range(MAX_NOTES + 1) for event in (on(60, 4 * n), off(60, 4 * n + 2))]
    with pytest.raises(InputError, match=r"riff.mid: 1,001 notes; a take has from 1 to 1,000"):
        clip(*events)
    assert len(clip(*events, seconds=1).notes) == 240


def test_mended_files_are_played(tmp_path):
    path = saved(tmp_path / "a.mid", track(on(60, 0), off(60, SECOND)))
    path.write_bytes(path.read_bytes() + b"junk")
    read = read_clip(path)
    assert rounded(read.notes) == [(60, 90, 0, 1)] and "mended: " in read.remarks[0]


# Files of one row, and tracks


def test_a_clip_of_a_row_comes_back(tmp_path):
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    write_midi_file(preset_midi_file(LIGHT, row, notes=RIFF), tmp_path / "clip.mid")
    read = read_clip(tmp_path / "clip.mid")
    for before, after in zip(RIFF, read.notes, strict=True):
        assert (after.pitch, after.velocity) == (before.pitch, before.velocity)
        assert (after.onset, after.end) == pytest.approx((before.onset, before.end), abs=1e-4)
    messages = read_midi_file(tmp_path / "clip.mid")
    kinds = [message.type for message in messages]
    assert kinds.index("marker") > max(place for place, kind in enumerate(kinds) if kind == "control_change")
    assert read_preset(LIGHT, messages) == pytest.approx(row)


def test_another_reader_holds_the_same_notes(tmp_path):
    pretty_midi = pytest.importorskip("pretty_midi")
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    write_midi_file(preset_midi_file(LIGHT, row, notes=RIFF), tmp_path / "clip.mid")
    (instrument,) = pretty_midi.PrettyMIDI(str(tmp_path / "clip.mid")).instruments
    found = sorted((note.start, note.end, note.pitch, note.velocity) for note in instrument.notes)
    start = found[0][0]
    for note, (onset, end, pitch, velocity) in zip(RIFF, found, strict=True):
        assert (pitch, velocity) == (note.pitch, note.velocity)
        assert (onset - start, end - start) == pytest.approx((note.onset, note.end), abs=2e-4)
    assert len(instrument.control_changes) == 16


def test_notes_that_cannot_be_are_not_written():
    (row,) = draw_presets(LIGHT, 1, 1).rows()
    with pytest.raises(InputError, match="the performance: no notes"):
        preset_midi_file(LIGHT, row, notes=[])
    with pytest.raises(InputError, match="note 0: the velocity is 0"):
        preset_midi_file(LIGHT, row, notes=[RIFF[0]._replace(velocity=0)])


def played(midi_file):
    """The notes of a track, each at its second: (pitch, on, off)."""
    now, held, found = 0, {}, []
    for message in midi_file.tracks[0]:
        assert message.time >= 0
        now += message.time
        if message.type == "note_on":
            assert message.note not in held
            held[message.note] = now / 9600
        elif message.type == "note_off":
            found.append((message.note, held.pop(message.note), now / 9600))
    assert held == {}
    return sorted(found, key=lambda note: note[1])


def test_a_track_plays_what_rows_play():
    short = draw_presets(LIGHT, 2, 1).playing(Performances.from_notes([[Note(40, 90, 0.0, 9.0)], RIFF[:1]]))
    long = draw_presets(with_seconds(LIGHT, 3), 1, 2).playing((RIFF[0], RIFF[2], RIFF[3]))
    notes = played(collection_track([short, long]))
    assert [(pitch, round(on, 4), round(off, 4)) for pitch, on, off in notes] == [
        # Held no longer than its slot, as the next row's settings follow.
        (40, 0.1, 1.0),
        (48, 1.1, 1.35),
        (48, 2.1, 2.35),
        (60, 2.35, 2.45),
        (127, 4.1, 4.1301),
    ]
    controls = [message for message in collection_track([short, long]).tracks[0] if message.type == "control_change"]
    assert len(controls) == 15


def test_a_track_of_notes_at_every_edge_of_a_take():
    guitar = get_collection("guitar")
    presets = draw_presets(guitar, 3, 1)
    edge = guitar.seconds - 1e-6
    notes = played(collection_track(presets.playing([Note(60, 90, 0.0, 1e-6), Note(61, 90, edge, 5.0)])))
    assert len(notes) == 6 and all(off > on for _, on, off in notes)


def test_a_track_of_nothing_is_refused():
    with pytest.raises(InputError, match="There are no rows"):
        collection_track([])
    assert len(collection_track(Presets.from_settings(LIGHT, [])).tracks[0]) == 4
