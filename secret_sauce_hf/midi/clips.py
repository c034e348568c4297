"""Clips: the notes of a MIDI file, whoever wrote it, as what a row plays."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

from secret_sauce_hf.instruments import InputError, integer
from secret_sauce_hf.instruments.lengths import LONGEST, SHORTEST, check_seconds
from secret_sauce_hf.instruments.notes import MAX_NOTE_SECONDS, Note, check_notes
from secret_sauce_hf.midi.files import TAKE_MARKER, read_midi_file
from secret_sauce_hf.midi.messages import listed
from secret_sauce_hf.midi.parsing import Messages, MidiMessages

PERCUSSION = 9
"""The channel on which General MIDI has drums, counted from 0: its notes are no pitches."""
TAIL_SECONDS = 0.5
"""How long a take goes on after the last note of a clip has ended."""

_TEMPO = 500_000
"""Microseconds of a beat, until a file says otherwise."""
_MICRO = 1e6
_PEDAL = 64
# From here on a division is one into frames.
_FRAMES_FROM = 2**15
# Of SMPTE, "29" frames are those of NTSC.
_FRAMES = {24: 24.0, 25: 25.0, 29: 30_000 / 1_001, 30: 30.0}


@dataclass(frozen=True)
class Clip:
    """What a MIDI file plays.

    Args:
        notes: in the order of their onsets.
        seconds: how long a take of it lasts.
        remarks: what of the file is not played, or was mended; half a sentence each.
    """

    notes: tuple[Note, ...]
    seconds: float
    remarks: tuple[str, ...] = ()

    def beyond(self, voices: int) -> int:
        """How many notes start while so many others are held that an instrument of `voices` cannot play all."""
        held: list[float] = []
        count = 0
        for note in self.notes:
            held = [end for end in held if end > note.onset]
            count += len(held) >= voices
            held.append(note.end)
        return count


def read_clip(path: str | Path, *, channel: int | None = None, seconds: float | None = None) -> Clip:
    """The notes of a MIDI file as a performance.

    Tempo changes and divisions into frames are honoured. The take begins where the file does, rests included, and
    lasts half a second longer than the last note, up to 30 s; a marker `take` says that it begins elsewhere. A
    note-on of velocity 0 is a note-off; a note-off ends the oldest note of its pitch and channel that is held; what
    is held in the end ends with the file.

    Args:
        path: a Standard MIDI File of type 0 or 1.
        channel: the only channel that is played, 0 to 15; all of them if None, but the drums on channel 9 (10 for
            those who count from 1).
        seconds: length of the take; notes that start after it are left out.

    Raises:
        InputError: no such file, no MIDI file, one without notes or with one too many; it lasts more than 30 s and
            no `seconds` are given, or these are none from 0.05 to 30.
    """
    if channel is not None:
        channel = integer("channel", channel, 0, 15)
    if seconds is not None:
        check_seconds(seconds)
    messages = read_midi_file(path)
    played, remarks = _notes(messages, channel, path)
    if seconds is not None:
        within = [note for note in played if note.onset < seconds]
        if not within:
            raise InputError(
                f"{path}: its first note starts at {played[0].onset:.3g} s, and the take lasts {seconds:g} s; give "
                "more seconds."
            )
        if left := len(played) - len(within):
            remarks.append(f"{left:,} of {len(played):,} notes start after {seconds:g} s and are left out")
        # What a take does not reach may be longer than a note can be.
        played = [note._replace(duration=min(note.duration, MAX_NOTE_SECONDS)) for note in within]
    else:
        end = max(note.end for note in played)
        if end > LONGEST:
            raise InputError(
                f"{path} lasts {end:.4g} s, a take at most {LONGEST:g}: give the seconds of its beginning that are to "
                f"be played (--seconds {LONGEST:g}), or cut it."
            )
        # Of milliseconds, so that a clip's take has a length that can be told.
        seconds = max(min(round(end + TAIL_SECONDS, 3), LONGEST), SHORTEST)
    check_notes(played, str(path), seconds=seconds)
    mended = [f"mended: {listed(messages.mended)}"] if messages.mended else []
    return Clip(tuple(played), seconds, (*remarks, *mended))


def _notes(messages: MidiMessages, channel: int | None, path: str | Path) -> tuple[list[Note], list[str]]:
    """The notes of the chosen channels in the order of their onsets, and remarks on what is not played."""
    sung, start, beside = _heard(messages, path)
    remarks = [f"{what}: {count:,} times" for what, count in beside.items()]
    channels = _channels(Counter(note.channel for note in sung), channel, path, remarks)
    notes, early, empty = [], 0, 0
    for one in sung:
        if one.channel not in channels:
            continue
        early += one.onset < start
        empty += one.end <= one.onset
        if one.onset >= start and one.end > one.onset:
            notes.append(Note(one.pitch, one.velocity, one.onset - start, one.end - one.onset))
    if early:
        remarks.append(f"{early:,} notes start before the marker {TAKE_MARKER!r} and are left out")
    if empty:
        remarks.append(f"{empty:,} notes have no length and are left out")
    if not notes:
        raise InputError(f"{path} has no note that can be played: {listed(remarks)}.")
    return notes, remarks


@dataclass
class _Sung:
    """A note as it stands in the file; it has no end while it is held."""

    channel: int
    pitch: int
    velocity: int
    onset: float
    end: float = inf


def _heard(messages: MidiMessages, path: str | Path) -> tuple[list[_Sung], float, Counter[str]]:
    """Every note in the order of the note-ons, when the take starts, and how often what is left aside came."""
    notes: list[_Sung] = []
    held: dict[tuple[int, int], deque[_Sung]] = defaultdict(deque)
    beside: Counter[str] = Counter()
    start: float | None = None
    now = 0.0
    for now, message in _timed(messages, path):
        if message.type == "note_on" and message.velocity:
            notes.append(_Sung(message.channel, message.note, message.velocity, now))
            held[message.channel, message.note].append(notes[-1])
        elif message.type in ("note_on", "note_off"):
            if waiting := held[message.channel, message.note]:
                waiting.popleft().end = now
        elif message.type == "marker" and message.text.strip() == TAKE_MARKER and start is None:
            start = now
        elif message.type == "pitchwheel" and message.pitch:
            beside["pitch bend is left aside"] += 1
        elif message.type == "control_change" and message.control == _PEDAL and message.value >= 64:
            beside["the sustain pedal is left aside"] += 1
    hanging = [note for waiting in held.values() for note in waiting]
    for note in hanging:
        note.end = now
    if hanging:
        beside["a note that never ends is held to the end of the file"] += len(hanging)
    return notes, start or 0.0, beside


def _channels(counts: Counter[int], chosen: int | None, path: str | Path, remarks: list[str]) -> set[int]:
    """The channels that are played; a remark says what is not, and where several are."""
    if not counts:
        raise InputError(f"{path} has no notes: give a MIDI file in which something is played.")
    there = listed(one + 1 for one in sorted(counts))
    if chosen is not None:
        if chosen not in counts:
            raise InputError(f"{path} has no notes on channel {chosen + 1}; there are some on {there}.")
        return {chosen}
    played = counts.keys() - {PERCUSSION}
    if not played:
        raise InputError(
            f"{path} has notes on channel {PERCUSSION + 1} only, which is for drums: choose it (--channel "
            f"{PERCUSSION + 1}) if they are pitches."
        )
    if PERCUSSION in counts:
        remarks.append(f"{counts[PERCUSSION]:,} notes of channel {PERCUSSION + 1}, the drums, are left out (--channel)")
    if len(played) > 1:
        which = listed(one + 1 for one in sorted(played))
        remarks.append(f"the channels {which} are played together: choose one with --channel")
    return set(played)


def _timed(messages: MidiMessages, path: str | Path) -> Iterator[tuple[float, Messages]]:
    """Each message with its time in seconds from the start of the file."""
    division = messages.division
    frames, per_frame = 256 - (division >> 8), division & 0xFF
    in_frames = division >= _FRAMES_FROM
    if not division or (in_frames and (frames not in _FRAMES or not per_frame)):
        raise InputError(f"{path} does not say how long its ticks are: save it again, with ticks per beat.")
    tick = 1 / (_FRAMES[frames] * per_frame) if in_frames else _TEMPO / _MICRO / division
    # From the last change of tempo on: small errors do not add up.
    since, ticks = 0.0, 0
    for message in messages:
        ticks += message.time
        now = since + ticks * tick
        if message.type == "set_tempo" and not in_frames:
            since, ticks, tick = now, 0, message.tempo / _MICRO / division
        yield now, message
