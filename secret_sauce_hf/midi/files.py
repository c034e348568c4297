"""MIDI files: a preset for a sequencer, and whatever somebody saved."""

import io
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import mido

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import CHANNEL, NOTE, VELOCITY, Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.notes import Note, check_notes
from secret_sauce_hf.midi.messages import (
    Order,
    check_controls,
    in_deltas,
    note_messages,
    note_of,
    preset_cc,
    preset_messages,
)
from secret_sauce_hf.midi.parsing import MidiMessages, parse_midi
from secret_sauce_hf.outputs import check_file

MAX_MIDI_BYTES = 2 * 2**20
"""Larger files are refused; the 2018 tracks have at most 1.7 MB, and half a million messages take seconds to read."""

# A single preset: 120 beats a minute, at which every sequencer starts.
_FILE_TICKS_PER_BEAT = 480
_FILE_TEMPO = 500_000
# At 31,250 baud a controller takes 0.96 ms and at least 60 ms should pass before the
# note. Twice that here: sequencers that ignore the file's tempo often run faster.
_FILE_TICKS_PER_MESSAGE = 2
_FILE_TICKS_BEFORE_NOTE = 115
# Of a performance: ticks of a tenth of a millisecond, so that other programs read its times to the millisecond.
_FINER = 10
TAKE_MARKER = "take"
"""A marker of this text says where in a file the take begins; without it, it begins where the file does."""


def preset_midi_file(
    collection: str | Collection,
    settings: Mapping[str, Any],
    *,
    note: int = NOTE,
    velocity: int = VELOCITY,
    notes: Sequence[Note] | None = None,
    order: Order = "msb-lsb",
    channel: int = CHANNEL,
    fixed: bool = True,
    leave_out: Container[str] = (),
) -> mido.MidiFile:
    """A preset as a MIDI file for a sequencer: its controllers, and on a later beat what it plays.

    The controllers are spread so that they fit through a MIDI cable and arrive well
    before the first note. Without `notes` that is the only one, which lasts as long as a take of
    the collection holds it.

    Args:
        collection: the collection or its name.
        settings: name → setting of each of its parameters.
        note: 0 to 127.
        velocity: 1 to 127 (a note-on of velocity 0 would be a note-off).
        notes: what is played instead of that one note. The take, from whose start their times are told,
            begins on the beat: a marker says `take` there, by which `read_clip` finds it. Ticks are
            then a tenth of a millisecond. Of notes of one pitch that overlap, the first that starts is
            the first that ends, as in all MIDI.
        order: in which order the halves of 14-bit values are sent.
        channel: 0 to 15.
        fixed: whether to set what the collection has fixed too, so that the instrument needs
            no base preset.
        leave_out: parameters that are not sent, see `not_to_send`; texts tell their values.

    Returns:
        A type 0 file at 120 beats a minute.

    Raises:
        InputError: see `preset_messages`; or the note or velocity is not one; or no
            parameter has a controller.
    """
    collection = get_collection(collection)
    check_controls(collection)
    note = integer("note", note, 0, 127)
    velocity = integer("velocity", velocity, 1, 127)
    messages = preset_messages(collection, settings, order=order, channel=channel, fixed=fixed, leave_out=leave_out)
    timing = collection.timing
    fine, played = 1, [Note(note, velocity, 0.0, timing.note_off - timing.note_on)]
    if notes is not None:
        fine, played = _FINER, list(notes)
        check_notes(played)
    beat = _FILE_TICKS_PER_BEAT * fine
    for message in messages[1:]:
        message.time = _FILE_TICKS_PER_MESSAGE * fine
    last = sum(message.time for message in messages)
    # The first beat that leaves time enough.
    start = -(-(last + _FILE_TICKS_BEFORE_NOTE * fine) // beat) * beat
    music = note_messages(played, lambda second: start + mido.second2tick(second, beat, _FILE_TEMPO), channel)
    if notes is not None:
        music.insert(0, (start, mido.MetaMessage("marker", text=TAKE_MARKER)))
    ccs = preset_cc(collection, settings)
    texts = [note_of(p, cc) for p, cc in ccs.items() if p.name in leave_out and p.control]
    track = mido.MidiTrack(
        [
            mido.MetaMessage("track_name", name=collection.name),
            mido.MetaMessage("set_tempo", tempo=_FILE_TEMPO),
            mido.MetaMessage("time_signature", numerator=4, denominator=4),
            *texts,
            *messages,
            *in_deltas(music, last),
            mido.MetaMessage("end_of_track"),
        ]
    )
    return mido.MidiFile(type=0, ticks_per_beat=beat, tracks=[track])


def read_midi_file(path: str | Path) -> MidiMessages:
    """The messages of a MIDI file, all tracks together in the order of time.

    Damage that no controller suffers from is mended (see `parse_midi`): the list's `mended`
    tells it, and so does the report of `read_messages`.

    Raises:
        InputError: there is no such file, it is too large, not a MIDI file, of type 2, whose
            tracks have no common time, or a message in it is cut short or unreadable.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No such file: {path}.")
    if path.stat().st_size > MAX_MIDI_BYTES:
        raise InputError(f"{path} is larger than {MAX_MIDI_BYTES // 2**20} MB: not a MIDI file of presets.")
    return parse_midi(path.read_bytes(), str(path))


def write_midi_file(midi_file: mido.MidiFile, path: str | Path) -> None:
    """Save whole or not at all; pipes and devices are written into.

    Raises:
        InputError: the path is a folder, lies in none or cannot be written.
    """
    path = check_file(path)
    content = io.BytesIO()
    midi_file.save(file=content)
    write_whole(path, content.getvalue())
