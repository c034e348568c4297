"""The order of a recording session of 2018, as the MIDI track that plays it."""

import mido

from secret_sauce_hf.midi.messages import check_controls, controllers, note_message
from secret_sauce_hf.presets import Presets

# The tracks of 2018: one beat is one second.
_TRACK_TICKS_PER_BEAT = 9_600
_TRACK_TEMPO = 1_000_000  # microseconds per beat


def collection_track(presets: Presets) -> mido.MidiFile:
    """The track that plays `presets` in one recording session, as in 2018.

    Returns:
        A type 0 file with 9,600 ticks to the second.

    Raises:
        InputError: no parameter has a controller.
    """
    check_controls(presets.collection)
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
    zero = [parameter.first_cc for parameter in presets.parameters]
    rest = 0
    for ccs in presets.cc.tolist():
        if timing.reset_first:
            track += controllers(presets.parameters, zero, wait=rest)
            rest = 0
        track += controllers(presets.parameters, ccs, wait=rest + patch)
        track.append(note_message("note_on", time=note_on - patch))
        track.append(note_message("note_off", time=note_off - note_on))
        rest = slot - note_off
    track.append(mido.MetaMessage("end_of_track"))
    return mido.MidiFile(type=0, ticks_per_beat=_TRACK_TICKS_PER_BEAT, tracks=[mido.MidiTrack(track)])
