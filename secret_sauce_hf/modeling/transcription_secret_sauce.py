"""From what the listener tells of every frame to notes: their pitches, times, velocities and tuning.

This file imports NumPy and siblings only, so that a checkpoint can carry a copy of it.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from .checkpoint_secret_sauce import IS_COPY

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments.takes import NOTE, SAMPLE_RATE, VELOCITY
except ImportError:
    from .takes import NOTE, SAMPLE_RATE, VELOCITY  # type: ignore[import-not-found, no-redef]

HOP = 512
"""Samples from one frame of the pitches to the next, 23 ms."""
FINE_HOP = 64
"""Samples from one frame of the onsets and ends to the next, 2.9 ms."""
STEPS = HOP // FINE_HOP
NO_PITCH = NOTE
"""The pitch of a sound that has none."""

ONSET = 0.2
"""A note starts where its odds are above this."""
SOUNDS = 0.5
ENDS = 0.35
"""A note goes on until its odds of sounding are below this."""
LEAST = 0.12
"""Of the only note of a sound; with less the sound has no pitch."""
FINE = 0.2
"""A fine onset or end is one where its odds are above this."""
NEAR_ONSET = 14
"""Fine frames to either side of the frame of an onset in which the fine one is looked for."""
NEAR_END = 24
TOGETHER = 0.03
"""Notes that start within so many seconds start together."""
OVERTONES = (19, 28, 31)
"""Semitones of a third, fifth and sixth harmonic."""
SHORTEST = 0.02
"""Seconds: no note is shorter."""
ENVELOPE_DB = 40.0
"""A sound without pitches lasts while it is softer than its loudest by less."""
UNSURE = 0.05
"""The confidence of a note without a pitch."""


class HeardNote(NamedTuple):
    """One note that is heard.

    Args:
        pitch: MIDI number.
        velocity: MIDI velocity, 1 to 127, as far as it can be heard.
        onset: when it starts, in seconds from the start of the sound.
        duration: in seconds, until it is let go or is heard no more.
        cents: by how much it is tuned above the pitch; negative if below.
        confidence: 0 to 1, that a note of this pitch starts there.
    """

    pitch: int
    velocity: int
    onset: float
    duration: float
    cents: float
    confidence: float


class Heard(NamedTuple):
    """What is heard in a sound.

    Args:
        notes: in the order of their onsets; none if the sound is silent.
        tuned: by how many cents all of it is tuned above A = 440 Hz; negative if below, -50 to 50.
    """

    notes: tuple[HeardNote, ...]
    tuned: float


class Logits(NamedTuple):
    """What the network tells of a batch of sounds: log odds, as tensors; or of one sound: odds, as arrays.

    Args:
        onset: shape (batch, pitches, frames): whether a note starts.
        sounding: shape (batch, pitches, frames): whether a note sounds.
        velocity: shape (batch, pitches, frames): log odds whose probability is a share of 127.
        fine_onset: shape (batch, fine frames): whether any note starts.
        fine_end: shape (batch, fine frames): whether any note ends.
    """

    onset: Any
    sounding: Any
    velocity: Any
    fine_onset: Any
    fine_end: Any


class _Found(NamedTuple):
    """A note by frames: its pitch, the frames from its onset up to its end, and its confidence."""

    place: int
    start: int
    stop: int
    confidence: float
    begins: bool


def transcribed(odds: Logits, sound: np.ndarray, pitches: range) -> list[HeardNote]:
    """The notes of a sound, in the order of their onsets; at least one.

    Args:
        odds: numbers from 0 to 1, without a dimension for the batch.
        sound: float32, shape (samples,); it is not silent.
        pitches: of the odds.
    """
    found = _found(odds.onset, odds.sounding, ONSET)
    if not found:
        found = _likeliest(odds.onset, odds.sounding)
    seconds = len(sound) / SAMPLE_RATE
    if not found:
        return [_without_pitch(odds, sound)]
    notes = []
    for one in found:
        onset = _fine_onset(odds, one) if one.begins else 0.0
        onset = min(onset, max(seconds - SHORTEST, 0.0))
        end = min(_fine_end(odds, one, onset), seconds)
        velocity = _velocity(odds, one)
        notes.append(HeardNote(pitches[one.place], velocity, onset, max(end - onset, SHORTEST), 0.0, one.confidence))
    return sorted(_separate(notes), key=lambda note: (note.onset, note.pitch))


def _velocity(odds: Logits, one: _Found) -> int:
    """Of a note, from the frames around its onset."""
    around = slice(max(one.start - 1, 0), one.start + 2)
    weights = odds.onset[one.place, around] + 1e-6
    share = float((odds.velocity[one.place, around] * weights).sum() / weights.sum())
    return min(max(round(127 * share), 1), 127)


def _found(onset: np.ndarray, sounding: np.ndarray, least: float) -> list[_Found]:
    """Notes where the odds of an onset have a peak of `least`, and where something sounds without one."""
    frames = onset.shape[1]
    # A note between two semitones shares its odds among both.
    padded = np.pad(onset, ((1, 1), (0, 0)))
    other = np.maximum(padded[:-2], padded[2:])
    joint = np.where(np.maximum(onset, other) < least, 1 - (1 - onset) * (1 - other), onset)
    joint = np.where(onset >= other, joint, onset)
    earlier, later = np.pad(joint, ((0, 0), (1, 0)))[:, :-1], np.pad(joint, ((0, 0), (0, 1)))[:, 1:]
    peaks = (joint >= least) & (joint >= earlier) & (joint > later)
    found = []
    covered = np.zeros(onset.shape, bool)
    for place in np.flatnonzero(peaks.any(axis=1)).tolist():
        starts = [int(frame) for frame in np.flatnonzero(peaks[place])]
        # A second peak within 50 ms is the same note.
        starts = [frame for number, frame in enumerate(starts) if not number or frame - starts[number - 1] > 2]
        for number, start in enumerate(starts):
            limit = starts[number + 1] if number + 1 < len(starts) else frames
            stop = _stop(sounding[place], start, limit)
            # A semitone to either side too: the note may lie between two.
            covered[max(place - 1, 0) : place + 2, max(start - 2, 0) : stop + 2] = True
            strength = float(sounding[place, start : max(stop, start + 1)].mean())
            if strength >= ENDS / 2:
                strong = float(joint[place, start])
                found.append(_Found(place, start, stop, math.sqrt(strong * max(strength, strong / 2)), True))
    for place in np.flatnonzero((sounding >= SOUNDS).any(axis=1)).tolist():
        for start, stop in _runs((sounding[place] >= SOUNDS) & ~covered[place]):
            # It sounds when the sound begins, or rises too slowly to have an onset.
            if (stop - start >= 3 or start == 0) and (start < 3 or not _rivals(sounding, place, start, stop)):
                strength = float(sounding[place, start:stop].mean())
                found.append(_Found(place, start, stop, strength / 2, start > 1))
    return found


def _rivals(sounding: np.ndarray, place: int, start: int, stop: int) -> bool:
    """Whether another pitch is likelier to sound in some frames."""
    others = np.delete(sounding[:, start:stop].mean(axis=1), place)
    return bool(len(others) and others.max() > sounding[place, start:stop].mean())


def _stop(sounding: np.ndarray, start: int, limit: int) -> int:
    """The frame in which a note that starts in one ends: from which it does not sound for two."""
    for frame in range(start + 1, limit):
        if sounding[frame] < ENDS and (frame + 1 >= len(sounding) or sounding[frame + 1] < ENDS) and frame > start + 1:
            return frame
    return limit


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """The first frames of runs of true ones, and those after their ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _likeliest(onset: np.ndarray, sounding: np.ndarray) -> list[_Found]:
    """The one note that is likeliest where none is likely; nothing if the sound has no pitch."""
    best = np.maximum(onset.max(axis=1), sounding.max(axis=1))
    place = int(best.argmax())
    if best[place] < LEAST:
        return []
    start = int(onset[place].argmax())
    if onset[place, start] < LEAST / 4:
        start = int(np.argmax(sounding[place] >= best[place] / 2))
    quiet = sounding[place, start + 1 :] < min(best[place], sounding[place].max()) / 3
    stop = start + 1 + (int(np.argmax(quiet)) if quiet.any() else len(quiet))
    return [_Found(place, start, stop, float(best[place]) / 2, True)]


def _fine_onset(odds: Logits, one: _Found) -> float:
    """When a note starts, in seconds."""
    first = max(one.start * STEPS - NEAR_ONSET, 0)
    near = odds.fine_onset[first : one.start * STEPS + NEAR_ONSET + 1]
    peak = int(near.argmax())
    if near[peak] >= FINE:
        return _centre(odds.fine_onset, first + peak) * FINE_HOP / SAMPLE_RATE
    return max(_centre(odds.onset[one.place], one.start, 1) * HOP / SAMPLE_RATE, 0.0)


def _fine_end(odds: Logits, one: _Found, onset: float) -> float:
    """When a note ends, in seconds."""
    middle = one.stop * STEPS - STEPS // 2
    first = max(middle - NEAR_END, math.ceil(onset * SAMPLE_RATE / FINE_HOP) + 2, 0)
    near = odds.fine_end[first : middle + NEAR_END + 1]
    if len(near):
        # The nearest of several.
        away = np.abs(first + np.arange(len(near)) - middle) / NEAR_END
        peak = int((near * (1 - 0.5 * away)).argmax())
        if near[peak] >= FINE:
            return _centre(odds.fine_end, first + peak) * FINE_HOP / SAMPLE_RATE
    return (one.stop - 0.5) * HOP / SAMPLE_RATE


def _centre(odds: np.ndarray, peak: int, width: int = 2) -> float:
    """The centre of a peak, between frames."""
    first = max(peak - width, 0)
    part = odds[first : peak + width + 1]
    return first + float((part * np.arange(len(part))).sum() / max(part.sum(), 1e-9))


def _separate(notes: list[HeardNote]) -> list[HeardNote]:
    """Without the weaker of two notes that start together and are a semitone apart, or where one is an overtone."""
    kept: list[HeardNote] = []
    # Of two that are about as sure, the lower one first.
    for note in sorted(notes, key=lambda one: (-round(one.confidence, 1), one.pitch)):
        for other in kept:
            apart = abs(other.pitch - note.pitch)
            together = abs(other.onset - note.onset) <= TOGETHER
            if together and (apart == 0 or (apart == 1 and note.confidence < 0.6 * other.confidence)):
                break
            if together and note.pitch - other.pitch in OVERTONES and note.confidence < 1.1 * other.confidence:
                break
        else:
            kept.append(note)
    return kept


def _without_pitch(odds: Logits, sound: np.ndarray) -> HeardNote:
    """The one note of a sound that has no pitch: when it starts and ends, by the fine odds and the envelope."""
    size = 2 * FINE_HOP
    power = np.square(np.pad(sound, (0, -len(sound) % size)), dtype=np.float64).reshape(-1, size).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-ENVELOPE_DB / 10))
    start, end = loud[0] * size / SAMPLE_RATE, (loud[-1] + 1) * size / SAMPLE_RATE
    loudest = int(power.argmax()) * 2
    peaks = np.flatnonzero(odds.fine_onset[: loudest + NEAR_ONSET] >= 2 * FINE)
    if len(peaks):
        near = odds.fine_onset[peaks[0] : peaks[0] + 6]
        start = _centre(odds.fine_onset, int(peaks[0]) + int(near.argmax())) * FINE_HOP / SAMPLE_RATE
    first = math.ceil(start * SAMPLE_RATE / FINE_HOP) + 4
    peak = first + int(odds.fine_end[first:].argmax()) if first < len(odds.fine_end) else first
    if peak < len(odds.fine_end) and odds.fine_end[peak] >= 2 * FINE:
        end = _centre(odds.fine_end, peak) * FINE_HOP / SAMPLE_RATE
    end = min(end, len(sound) / SAMPLE_RATE)
    return HeardNote(NO_PITCH, VELOCITY, float(start), float(max(end - start, SHORTEST)), 0.0, UNSURE)


# --- Tuning ---

TUNED_WINDOWS = (4096, 2048, 1024, 512)
"""Lengths of windows in samples, of which the longest is taken that a note has room for."""
TUNED_FRAMES = 12
"""So many frames of a note tell its tuning."""
TUNED_HARMONICS = 10
WIDEST = 75
"""Cents to either side of a semitone in which the tuning is looked for."""
MOST_CENTS = 60.0
"""A note that is known is out of tune by no more."""
SMOOTH_CENTS = 4.0
NEAR_CENTS = 8
"""Lines that are no further from the tuning that most of them tell agree with it."""
AGREEING = 0.35
"""Where a smaller part of the lines agrees, as in noise or of a pitch that is not there, nothing is told."""
IN_TUNE = 0.5
"""Where this part as many lines tell of no detuning as of the likeliest, the sound is in tune, as most are."""


def tuning(sound: np.ndarray, notes: Iterable[Any]) -> float:
    """By how many cents a sound is above the notes that are known to be played in it, 0 where it does not tell.

    Args:
        sound: float32, shape (samples,).
        notes: with pitches, onsets and durations as of `HeardNote`.

    Returns:
        -`MOST_CENTS` to `MOST_CENTS`.
    """
    found, weights = [], []
    for note in notes:
        cents = _cents(sound, note)
        if cents is not None and abs(cents) <= MOST_CENTS:
            found.append(cents)
            weights.append(min(note.duration, 1.0))
    return float(np.average(found, weights=weights)) if found else 0.0


def tuned_notes(sound: np.ndarray, notes: list[HeardNote]) -> Heard:
    """The notes with their tuning, all at pitches that agree with that of the sound.

    Args:
        sound: float32, shape (samples,).
        notes: of it, without their tuning.
    """
    told = [None if note.confidence <= UNSURE else _cents(sound, note) for note in notes]
    sure = [(note, cents) for note, cents in zip(notes, told, strict=True) if cents is not None]
    if not sure:
        return Heard(tuple(notes), 0.0)
    # As angles, since fifty cents above one semitone are fifty below the next.
    angles = np.array([2 * np.pi * cents / 100 for _, cents in sure])
    weights = np.array([note.confidence * min(note.duration, 1.0) for note, _ in sure])
    middle = complex((weights * np.exp(1j * angles)).sum())
    tuned = float(np.angle(middle) * 50 / np.pi)
    settled = []
    for note, cents in zip(notes, told, strict=True):
        if cents is not None:
            away = round((cents - tuned) / 100)
            note = note._replace(pitch=note.pitch + away, cents=cents - 100 * away)
        elif note.confidence > UNSURE:
            # As the others, which tell.
            note = note._replace(cents=tuned)
        settled.append(note)
    return Heard(tuple(settled), tuned)


def _cents(sound: np.ndarray, note: Any) -> float | None:
    """By how many cents a note is above its pitch; None where its lines do not tell.

    Frequencies of the lines of spectra are reassigned (see `listener_secret_sauce`), and every line near a harmonic
    votes for what it is above it, by the square root of its magnitude.
    """
    first, last = round(note.onset * SAMPLE_RATE), round((note.onset + note.duration) * SAMPLE_RATE)
    part = sound[first:last]
    size = next((size for size in TUNED_WINDOWS if size <= len(part)), TUNED_WINDOWS[-1])
    part = np.pad(part, (0, max(size - len(part), 0))).astype(np.float64)
    starts = np.unique(np.linspace(0, len(part) - size, TUNED_FRAMES).astype(int))
    pieces = np.stack([part[start : start + size] for start in starts])
    time = 2 * np.pi / size * np.arange(size)
    spectrum = np.fft.rfft(pieces * (1 - np.cos(time)) / 2)[:, 1:]
    derived = np.fft.rfft(pieces * np.sin(time) * (np.pi / size))[:, 1:]
    power = np.square(np.abs(spectrum))
    shift = -(derived * spectrum.conj()).imag / (power + 1e-20) * size / (2 * np.pi)
    lines = np.arange(1, size // 2 + 1)
    hertz = (lines + np.clip(shift, -1.5, 1.5)) * (SAMPLE_RATE / size)
    inside = (np.abs(shift) < 1.5) & (power > power.max() * 1e-6)
    semitones = 12 * np.log2(np.maximum(hertz, 1.0) / 440) + 69 - note.pitch
    votes = np.zeros(2 * WIDEST + 1)
    for harmonic in range(1, TUNED_HARMONICS + 1):
        cents = 100 * (semitones - 12 * math.log2(harmonic))
        near = inside & (np.abs(cents) <= WIDEST)
        places = np.rint(cents[near]).astype(int) + WIDEST
        votes += np.bincount(places, np.sqrt(np.sqrt(power[near])), 2 * WIDEST + 1)
    if not votes.any():
        return None
    around = np.arange(-12, 13)
    smooth = np.convolve(votes, np.exp(-0.5 * np.square(around / SMOOTH_CENTS)), "same")
    peak = int(smooth.argmax())
    if votes[max(peak - NEAR_CENTS, 0) : peak + NEAR_CENTS + 1].sum() < AGREEING * votes.sum():
        return None
    if abs(peak - WIDEST) > NEAR_CENTS and smooth[WIDEST - 2 : WIDEST + 3].max() >= IN_TUNE * smooth[peak]:
        peak = WIDEST
    low, high = max(peak - 6, 0), min(peak + 7, len(votes))
    return float((votes[low:high] * np.arange(low, high)).sum() / max(votes[low:high].sum(), 1e-12)) - WIDEST
