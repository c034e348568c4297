"""What is played in fresh takes, as it is heard: the pitches that sound, from when to when, and targets of a listener.

The pitch that is heard is not always the key that is played: an oscillator of the Sub Phatty may sound octaves
above or below. How an instrument's rows sound is told by a function per instrument in `SOUNDING`; of one that has
none, every key is heard as it is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import VELOCITY
from secret_sauce_hf.instruments.takes import SAMPLE_RATE, SILENCE_DBFS
from secret_sauce_hf.modeling.listener_secret_sauce import BINS, FLOOR_DB, LOWEST_BIN
from secret_sauce_hf.modeling.transcription_secret_sauce import FINE_HOP, HOP, STEPS
from secret_sauce_hf.presets import Presets

HEARD_DB = 50.0
"""A note that is softer than the loudest of its sound by more is not heard."""
UNDER_NOISE_DB = 6.0
"""So much softer than noise a note is still heard: it lies in few of the noise's bands."""
LATE = 0.1
"""A note that is heard later than this after it starts, or no more for so long before it ends, has no time to learn."""
AROUND = 0.1
"""Seconds around such a time in which onsets and ends are not learned."""
PARTIALS = 6
"""So many harmonics of a pitch are looked for."""
PRESENT_DB, ABSENT_DB = 50.0, 68.0
"""A pitch is in a sound if one of its harmonics is softer than the loudest line by less than the first, not if by more
than the second."""
STANDS_OUT_DB = 8.0
"""So much louder is a harmonic than what is a semitone beside it."""
FINE_WIDTH = 1.5
"""Fine frames from a time to where its target is nothing."""


@dataclass(frozen=True)
class Sounding:
    """How the rows of presets sound.

    Args:
        tonal: shape (rows,): 1 where a pitch is heard, 0 where only noise is, NaN where that is not sure.
        above: float64, shape (rows,): by how many semitones the pitch that is heard is above the key.
        velocity: whether the velocity of a note is heard.
    """

    tonal: np.ndarray
    above: np.ndarray
    velocity: bool = False


@dataclass(frozen=True)
class Phrase:
    """One take and what is heard in it.

    Args:
        take: float32, shape (samples,).
        notes: float64, shape (notes, 4): pitch in semitones, with fractions; velocity; onset and end in seconds.
        tonal: 1 where pitches are heard, 0 where only noise is, NaN where that is not sure.
    """

    take: np.ndarray
    notes: np.ndarray
    tonal: float


def _noisemaker(presets: Presets) -> Sounding:
    """By the levels of the oscillators that are noise, and of those that are not."""
    settings = presets.complete()
    levels = np.stack([settings["osc1_volume"], settings["osc2_volume"]])
    noisy = np.stack([settings["osc1_wave"] == "Noise", settings["osc2_wave"] == "Noise"])
    tone, noise = np.where(noisy, 0, levels).max(axis=0), np.where(noisy, levels, 0).max(axis=0)
    return Sounding(_tonal(tone, noise), np.zeros(len(presets)))


_OCTAVES = {"16f": -12.0, "8f": 0.0, "4f": 12.0, "2f": 24.0}
_AUDIBLE = 0.32
"""Level of an oscillator, which is squared, over the loudest's: 20 dB."""


def _subphatty(presets: Presets) -> Sounding:
    """The lowest of oscillator 1 and its sub oscillator, as far as they are heard; else oscillator 2."""
    settings = presets.complete()
    one, two, sub = (settings[f"mixer_{name}"] for name in ("osc1", "osc2", "sub"))
    loudest = np.maximum(np.maximum(one, two), sub)
    first, second = (np.array([_OCTAVES[label] for label in settings[f"osc{n}_octave"]]) for n in (1, 2))
    # Seven semitones either way; one that is reset by oscillator 1 has its period.
    second = np.where(settings["osc1_sync_osc2"] == "ON", first, second + (settings["osc2_frequency"] - 5) * 1.4)
    above = np.where(sub >= _AUDIBLE * loudest, first - 12, np.where(one >= _AUDIBLE * loudest, first, second))
    return Sounding(_tonal(loudest, settings["mixer_noise"]), above)


def _tonal(tone: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Whether a pitch is heard (see `Sounding`), by the settings of the loudest tone and the loudest noise."""
    return np.where(tone < 0.75, 0.0, np.where((tone >= 1.5) & (tone >= noise - 4), 1.0, np.nan))


def _as_played(presets: Presets) -> Sounding:
    return Sounding(np.ones(len(presets)), np.zeros(len(presets)))


def _guitar(presets: Presets) -> Sounding:
    return Sounding(np.ones(len(presets)), np.zeros(len(presets)), velocity=True)


SOUNDING: dict[str, Callable[[Presets], Sounding]] = {
    "noisemaker": _noisemaker,
    "subphatty": _subphatty,
    "guitar-rack": _guitar,
}
"""By the name of the instrument how its rows sound."""


def phrases(engine: Engine, takes: np.ndarray, presets: Presets) -> list[Phrase]:
    """What is heard in takes.

    Args:
        engine: that has rendered them.
        takes: float32, shape (rows, samples).
        presets: the rows.
    """
    sounding = SOUNDING.get(engine.name, _as_played)(presets)
    found = []
    for row, take in enumerate(takes):
        notes = sorted(presets.performances[row], key=lambda note: note.onset)
        table = np.array([[note.pitch, note.velocity, note.onset, note.end] for note in notes], dtype=np.float64)
        table[:, 0] += sounding.above[row]
        if not sounding.velocity:
            table[:, 1] = VELOCITY
        if engine.voices == 1:
            # The key that was played last is heard.
            table[:-1, 3] = np.minimum(table[:-1, 3], table[1:, 2])
        found.append(Phrase(take, table, float(sounding.tonal[row])))
    return found


@dataclass(frozen=True)
class Targets:
    """What a listener should tell of one sound; see `modeling.listener_secret_sauce.Logits`.

    Args:
        onset: float32, shape (pitches, frames).
        sounding: the same.
        velocity: float32, shape (pitches, frames): 0 to 1 where a note starts, else 0, which counts for nothing.
        pitched: whether the three are to be learned.
        fine_onset: float32, shape (fine frames,).
        fine_end: the same.
        onset_known: float32, shape (fine frames,): 1 where onsets are to be learned, else 0.
        end_known: the same of ends.
    """

    onset: np.ndarray
    sounding: np.ndarray
    velocity: np.ndarray
    pitched: float
    fine_onset: np.ndarray
    fine_end: np.ndarray
    onset_known: np.ndarray
    end_known: np.ndarray


def targets(clean: np.ndarray, notes: np.ndarray, tonal: float, noise_db: float, pitches: range) -> Targets:
    """The targets for a sound.

    Args:
        clean: float32, shape (samples,): the sound before noise and hum are added.
        notes: as of a `Phrase`, in seconds from the start of the sound; they may lie beyond it.
        tonal: as of a `Phrase`.
        noise_db: level of the noise that is added, in dB re full scale.
        pitches: that the listener tells.
    """
    frames = len(clean) // HOP + 1
    onset, sounding, velocity = (np.zeros((len(pitches), frames), np.float32) for _ in range(3))
    fine_onset, fine_end = (np.zeros(frames * STEPS, np.float32) for _ in range(2))
    onset_known, end_known = np.ones_like(fine_onset), np.ones_like(fine_end)
    level = _levels(clean, frames)
    audible = level > max(level.max() - HEARD_DB, noise_db - UNDER_NOISE_DB, SILENCE_DBFS - 6)
    per_frame = HOP / SAMPLE_RATE
    for pitch, strength, start, end in notes:
        first, last = max(round(start / per_frame), 0), min(int(end / per_frame), frames - 1)
        heard = np.flatnonzero(audible[first : last + 1])
        if end <= 0 or not len(heard):
            if end > 0:
                _forget(onset_known, start, end)
                _forget(end_known, start, end)
            continue
        begins, ends = (first + heard[0]) * per_frame, (first + heard[-1]) * per_frame
        if begins - start > LATE:
            _forget(onset_known, start, begins)
            start = begins
        if end - ends > LATE:
            _forget(end_known, ends, end)
            end = ends
        place = within(round(pitch), pitches) - pitches[0]
        sounding[place, first + heard[0] : first + heard[-1] + 1] = 1
        if start >= 0:
            near = _peak(start / per_frame, frames, 1.0)
            onset[place] = np.maximum(onset[place], near)
            velocity[place] = np.where(near > 0, strength / 127, velocity[place])
            fine_onset = np.maximum(fine_onset, _peak(start * SAMPLE_RATE / FINE_HOP, len(fine_onset), FINE_WIDTH))
        if end < len(clean) / SAMPLE_RATE:
            fine_end = np.maximum(fine_end, _peak(end * SAMPLE_RATE / FINE_HOP, len(fine_end), FINE_WIDTH))
    if tonal == 0:
        onset[:], sounding[:], velocity[:] = 0, 0, 0
    pitched = float(not np.isnan(tonal))
    return Targets(onset, sounding, velocity, pitched, fine_onset, fine_end, onset_known, end_known)


def presence(pitched: np.ndarray, pitch: int) -> tuple[float, float]:
    """How plainly a pitch is in a sound, whatever is played.

    Args:
        pitched: a spectrum of `modeling.listener_secret_sauce.features`, shape (bins, frames), of the frames in
            which the pitch should sound.
        pitch: a MIDI number.

    Returns:
        The level of its loudest harmonic, in dB relative to the loudest line of the sound, and by how many dB a
        harmonic stands out from what is a semitone beside it; in a third of the frames they are more.
    """
    levels, outstanding = [], []
    for harmonic in range(1, PARTIALS + 1):
        middle = round((pitch - LOWEST_BIN + 12 * math.log2(harmonic)) * BINS)
        if not BINS <= middle < len(pitched) - BINS:
            continue
        # Half a semitone to either side, as the sound may be out of tune.
        level = pitched[middle - 1 : middle + 2].max(axis=0)
        beside = np.minimum(pitched[middle - BINS], pitched[middle + BINS])
        levels.append(level)
        outstanding.append(np.where(level > 1 - (PRESENT_DB + 10) / FLOOR_DB, level - beside, 0.0))
    if not levels or not pitched.shape[1]:
        return -FLOOR_DB, 0.0
    best, most = np.max(levels, axis=0), np.max(outstanding, axis=0)
    return float((np.percentile(best, 67) - 1) * FLOOR_DB), float(np.percentile(most, 67) * FLOOR_DB)


def as_present(target: Targets, pitched: np.ndarray, pitches: range) -> Targets:
    """Targets without the pitches that are not in the sound, as where a filter leaves only the click of the attack.

    Args:
        target: of the sound.
        pitched: its spectrum, shape (bins, frames).
        pitches: that the listener tells.

    Returns:
        The same where all pitches are there; not to be learned where that is not sure.
    """
    if not target.pitched:
        return target
    onset, sounding, velocity = target.onset.copy(), target.sounding.copy(), target.velocity.copy()
    sure = True
    for place in np.flatnonzero(sounding.any(axis=1)):
        level, stands_out = presence(pitched[:, sounding[place] > 0], pitches[place])
        if level < -ABSENT_DB:
            onset[place], sounding[place], velocity[place] = 0, 0, 0
        elif level < -PRESENT_DB or stands_out < STANDS_OUT_DB:
            sure = False
    return replace(target, onset=onset, sounding=sounding, velocity=velocity, pitched=float(sure))


def _levels(sound: np.ndarray, frames: int) -> np.ndarray:
    """The level around every frame, in dB re full scale: float64, shape (frames,)."""
    padded = np.pad(np.square(sound, dtype=np.float64), (HOP // 2, frames * HOP + HOP // 2 - len(sound)))
    return 10 * np.log10(padded[: frames * HOP].reshape(frames, HOP).mean(axis=1) + 1e-12)


def _peak(at: float, length: int, width: float) -> np.ndarray:
    """1 at a place, less to either side, 0 from `width` on: float32, shape (length,)."""
    return np.maximum(0, 1 - np.abs(np.arange(length, dtype=np.float32) - np.float32(at)) / np.float32(width))


def _forget(known: np.ndarray, start: float, end: float) -> None:
    """Have nothing be learned from a time to another, and around them."""
    first, last = (round(time * SAMPLE_RATE / FINE_HOP) for time in (start - AROUND, end + AROUND))
    known[max(first, 0) : max(last, 0)] = 0


def within(pitch: int, pitches: range) -> int:
    """A pitch, by octaves into the range if it is beyond."""
    while pitch < pitches[0]:
        pitch += 12
    while pitch > pitches[-1]:
        pitch -= 12
    return pitch
