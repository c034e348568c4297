"""The order of a recording session of 2018, as the MIDI track that plays it."""

from collections.abc import Sequence

import mido

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.midi.messages import check_controls, controllers, in_deltas, note_messages, row_messages
from secret_sauce_hf.presets import Presets

# The tracks of 2018: one beat is one second.
_TRACK_TICKS_PER_BEAT = 9_600
_TRACK_TEMPO = 1_000_000  # microseconds per beat


def collection_track(presets: Presets | Sequence[Presets]) -> mido.MidiFile:
    """The track that plays rows in one recording session, as in 2018.

    Args:
        presets: the rows; or several tables of them, whose takes may differ in length, one after the other.

    Returns:
        A type 0 file with 9,600 ticks to the second. Notes that would be held beyond their slot of the session end
        with it.

    Raises:
        InputError: no rows at all are given, or no parameter has a controller.
    """
    parts = [presets] if isinstance(presets, Presets) else list(presets)
    if not parts:
        raise InputError("There are no rows: nothing to play.")
    check_controls(parts[0].collection)
    track = [
        mido.MetaMessage("smpte_offset", frame_rate=30, hours=1),
        mido.MetaMessage("set_tempo", tempo=_TRACK_TEMPO),
        mido.MetaMessage(
            "time_signature", numerator=4, denominator=4, clocks_per_click=24, notated_32nd_notes_per_beat=8
        ),
    ]
    rest = 0
    for part in parts:
        messages, rest = _slots(part, rest)
        track += messages
    track.append(mido.MetaMessage("end_of_track"))
    return mido.MidiFile(type=0, ticks_per_beat=_TRACK_TICKS_PER_BEAT, tracks=[mido.MidiTrack(track)])


def _slots(presets: Presets, rest: int) -> tuple[list[mido.Message], int]:
    """The messages of rows, the first one `rest` ticks after what came before; and what remains of the last slot."""
    timing = presets.collection.timing
    patch, slot = _ticks(timing.patch), _ticks(timing.slot)
    zero = [parameter.first_cc for parameter in presets.parameters]
    track: list[mido.Message] = []
    for row, messages in enumerate(row_messages(presets)):
        if timing.reset_first:
            track += controllers(presets.parameters, zero, wait=rest)
            rest = 0
        messages[0].time = rest + patch
        track += messages
        notes = note_messages(
            presets.performances[row], lambda second: max(_ticks(timing.cut[0] + second), patch), end=slot
        )
        track += in_deltas(notes, patch)
        rest = max(slot - notes[-1][0], 0)
    return track, rest


def _ticks(seconds: float) -> int:
    return round(seconds * _TRACK_TICKS_PER_BEAT)
