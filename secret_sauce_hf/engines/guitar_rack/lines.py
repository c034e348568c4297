"""The effects that read a delay line: the delay, and the chorus / flanger.

A take is short: lines are as long as it is, and a read before the take finds silence.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.dsp import elementary

CHORUS, PITCH_MOD, FLANGER = 0, 1, 2
"""Class indices of `flanger_mode`."""
_SINE_POINTS = 4_096
_LEAD = 4_096
"""Silence in front of the line of the chorus / flanger, more than its longest delay."""

# The delay's bucket brigade dulls every repeat, and passes no direct current around.
_DULL_HERTZ = 4_500.0
_THIN_HERTZ = 60.0

# In seconds: the shortest delay of either voice, and how far the width swings it.
_CHORUS_BASES = (0.010, 0.0155)
_CHORUS_SWING = (0.0005, 0.005)
_PITCH_BASE = 0.001
_PITCH_SWING = (0.0002, 0.004)
_FLANGER_BASE = 0.0005
_FLANGER_SWING = (0.0004, 0.0075)
_FLANGER_FEEDBACK = 0.85


def delay_seconds(unit: np.ndarray) -> np.ndarray:
    """Time of the delay: 20 ms at CC 0, 350 ms at CC 64, the highest that occurs; exponential in between.

    Two repeats of the longest fall within a take, so that its feedback is heard.
    """
    return 0.02 * elementary.power(17.5, unit * 127 / 64)


def delay_feedback(unit: np.ndarray) -> np.ndarray:
    """How loud each repeat is beside the one before it."""
    return 0.92 * unit


def delay_mix(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gains of the direct sound and of the repeats, of equal power (a guess: dry/wet)."""
    return elementary.cos(np.pi / 2 * unit), elementary.sin(np.pi / 2 * unit)


def one_pole(hertz: float, rate: int) -> float:
    """Coefficient c of the low-pass y += c·(x - y)."""
    return float(1.0 - elementary.exp(-2.0 * np.pi * hertz / rate))


def loop_coefficients(rate: int) -> tuple[float, float]:
    """Of the delay's two one-poles."""
    return one_pole(_DULL_HERTZ, rate), one_pole(_THIN_HERTZ, rate)


def delay_tail(times: np.ndarray, feedbacks: np.ndarray, rate: int) -> np.ndarray:
    """For how many samples repeats go on, until they are 140 dB down.

    Args:
        times: between repeats, in samples.
        feedbacks: of `delay_feedback`.
        rate: in Hz.
    """
    # The loop's own filters have settled within 50 ms.
    return times * (1.0 + repeats_until_inaudible(feedbacks)) + 0.05 * rate


def modulation_tail(depths: np.ndarray, modes: np.ndarray, rate: int) -> np.ndarray:
    """For how many samples the chorus / flanger goes on, until it is 140 dB down.

    Args:
        depths: of `modulation_depths`.
        modes: CHORUS, PITCH_MOD or FLANGER.
        rate: in Hz.
    """
    longest = np.where(modes == FLANGER, _FLANGER_BASE + _FLANGER_SWING[1], _CHORUS_BASES[1] + _CHORUS_SWING[1])
    feedbacks = np.where(modes == FLANGER, _FLANGER_FEEDBACK * depths, 0.0)
    return rate * longest * (1.0 + repeats_until_inaudible(feedbacks)) + 4.0


def repeats_until_inaudible(feedbacks: np.ndarray) -> np.ndarray:
    """How many times something fed back is heard until it is 140 dB down."""
    return np.ceil(elementary.log(1e-7) / elementary.log(np.clip(feedbacks, 1e-7, 0.999)))


def lfo_hertz(unit: np.ndarray) -> np.ndarray:
    """Rate of the chorus / flanger, 0.1 Hz to 10 Hz, as the original's panel says."""
    return 0.1 * elementary.power(100.0, unit)


def sine_table() -> np.ndarray:
    """One turn of a sine, and its first point again."""
    return elementary.sin(2.0 * np.pi * np.arange(_SINE_POINTS + 1) / _SINE_POINTS)


def modulation_swings(width: np.ndarray, mode: np.ndarray) -> np.ndarray:
    """From the shortest to the longest delay, in seconds; even at no width some motion remains (a guess)."""
    least, most = np.array([_CHORUS_SWING, _PITCH_SWING, _FLANGER_SWING])[mode.astype(np.intp)].T
    return least + (most - least) * width**1.5


def modulation_depths(intensity: np.ndarray) -> np.ndarray:
    """Share of the effect; even at no intensity some remains (a guess)."""
    return 0.15 + 0.85 * intensity


@inlined
def _read(line, position):
    """The value at a position between samples, by the cubic through the four around it."""
    whole = int(position)
    x = position - whole
    a, b, c, d = (
        np.float64(line[whole - 1]),
        np.float64(line[whole]),
        np.float64(line[whole + 1]),
        np.float64(line[whole + 2]),
    )
    # Lagrange's polynomial in Horner's form: the gain never exceeds 1 at any frequency.
    third = (d - a) / 6.0 + (b - c) / 2.0
    second = (a + c) / 2.0 - b
    first = c - b / 2.0 - a / 3.0 - d / 6.0
    return b + x * (first + x * (second + x * third))


@kernel(nogil=True)
def delay(sound, stops, on, times, feedbacks, dry, wet, dull, thin):
    """Add the repeats, in place.

    Args:
        sound: float32, (rows, samples).
        stops: the sample of each row from which it is silent, before and after, (rows,).
        on: bool, (rows,).
        times: in samples, at least 4, (rows,).
        feedbacks: of `delay_feedback`, (rows,).
        dry: of `delay_mix`, (rows,).
        wet: of `delay_mix`, (rows,).
        dull: of `loop_coefficients`.
        thin: of `loop_coefficients`.
    """
    rows, samples = sound.shape
    if not len(stops) == len(on) == len(times) == len(feedbacks) == len(dry) == len(wet) == rows:
        raise ValueError("Every row has its settings, and an end.")
    line = np.empty(samples, np.float32)
    for row in range(rows):
        if not on[row]:
            continue
        time = np.float64(times[row])
        treble = 0.0
        bass = 0.0
        for sample in range(min(stops[row], samples)):
            x = np.float64(sound[row, sample])
            position = sample - time
            # Before the take there is silence.
            echo = _read(line, position) if position >= 1.0 else 0.0
            treble += dull * (echo - treble)
            bass += thin * (treble - bass)
            echo = treble - bass
            line[sample] = np.float32(x + feedbacks[row] * echo)
            sound[row, sample] = np.float32(dry[row] * x + wet[row] * echo)


@kernel(nogil=True)
def modulate(sound, stops, on, modes, phases, steps, swings, depths, rate, sine):
    """Chorus, vibrato or flanger, in place.

    The chorus adds two voices whose delays swing against each other; more intensity
    makes them louder. The vibrato is the swinging sound alone; more intensity makes it
    swell and fade as well, as a source that comes and goes does. The flanger adds one
    voice with a short delay; more intensity makes it louder and feeds it back.

    Args:
        sound: float32, (rows, samples).
        stops: the sample of each row from which it is silent, before and after, (rows,).
        on: bool, (rows,).
        modes: CHORUS, PITCH_MOD or FLANGER, (rows,).
        phases: of the LFO at the first sample, in turns below 1, (rows,).
        steps: turns per sample, (rows,).
        swings: of `modulation_swings`, (rows,).
        depths: of `modulation_depths`, (rows,).
        rate: in Hz.
        sine: of `sine_table`.
    """
    rows, samples = sound.shape
    if not len(stops) == len(on) == len(modes) == len(phases) == len(steps) == len(swings) == len(depths) == rows:
        raise ValueError("Every row has its settings, and an end.")
    line = np.zeros(_LEAD + samples, np.float32)
    for row in range(rows):
        if not on[row]:
            continue
        mode = int(modes[row])
        phase, step = np.float64(phases[row]), np.float64(steps[row])
        # Half the way up and half the way down from the middle.
        swing = 0.5 * rate * swings[row]
        depth = np.float64(depths[row])
        feedback = _FLANGER_FEEDBACK * depth
        for sample in range(min(stops[row], samples)):
            point = phase * _SINE_POINTS
            whole = int(point)
            lfo = sine[whole] + (point - whole) * (sine[whole + 1] - sine[whole])
            phase += step
            if phase >= 1.0:
                phase -= 1.0
            x = np.float64(sound[row, sample])
            now = _LEAD + sample
            if mode == FLANGER:
                # Squared: the short delays, where the comb is wide, last longer.
                up = 0.5 * (1.0 + lfo)
                voice = _read(line, now - (_FLANGER_BASE * rate + 2.0 * swing * up * up))
                line[now] = np.float32(x + feedback * voice)
                y = (1.0 - 0.5 * feedback) * (x + depth * voice)
            else:
                line[now] = sound[row, sample]
                if mode == CHORUS:
                    first = _read(line, now - (_CHORUS_BASES[0] * rate + swing * (1.0 + lfo)))
                    second = _read(line, now - (_CHORUS_BASES[1] * rate + swing * (1.0 - lfo)))
                    y = (x + depth * (first + second)) / (1.0 + depth)
                else:
                    voice = _read(line, now - (_PITCH_BASE * rate + swing * (1.0 + lfo)))
                    y = voice * (1.0 - 0.4 * depth * (1.0 + lfo))
            sound[row, sample] = np.float32(y)
