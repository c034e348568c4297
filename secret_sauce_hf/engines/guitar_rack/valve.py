"""The amplifier for any performance: what `amp.amplify` does, fast, on the voltage at twice the takes' rate.

Filters run at that rate; only the valve, which makes harmonics, and what feeds the distortion run at
four times it.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.dsp import elementary

RATIO = 4
"""Of the valve's rate over that of the voltage."""
_REACH = 7
"""Samples of the voltage that the filters between the two rates look to either side."""
_HALF_REACH = 20
"""Samples of the voltage that the filter down to the takes' rate looks to either side."""
LEAD = 32
"""Frames, of two samples, that a voltage goes on for at either end of the take: filters look that far and further."""
ROOM = 2 * _REACH + 2
"""Samples of the voltage that the valve needs before and after what it plays."""
_TILE = 512
_ONE = np.float32(1.0)


def _between() -> np.ndarray:
    """Taps of a low-pass at half the voltage's rate: passes 12 kHz, and stops what is mirrored onto it, by 80 dB."""
    return elementary.low_pass_taps(2 * RATIO * _REACH + 1, 1.0 / RATIO, 8.0)


def _by_phase(taps: np.ndarray, sign: int) -> np.ndarray:
    """taps[sign · phase + RATIO · k], from the middle, for k = -_REACH, …, _REACH: float32, (RATIO, 2·_REACH + 1)."""
    found = np.zeros((RATIO, 2 * _REACH + 1), np.float32)
    middle = len(taps) // 2
    for phase in range(RATIO):
        at = middle + sign * phase + RATIO * np.arange(-_REACH, _REACH + 1)
        inside = (at >= 0) & (at < len(taps))
        found[phase, inside] = taps[at[inside]]
    return found


def interpolator() -> np.ndarray:
    """The taps with which sample 4·j + p is Σ taps[p, k + reach] · voltage[j - k]: float32, (RATIO, 15)."""
    return RATIO * _by_phase(_between(), 1)


def reducer() -> np.ndarray:
    """The taps with which sample j is Σ taps[p, k + reach] · valve[p, j - k]: float32, (RATIO, 15)."""
    return _by_phase(_between(), -1)


def halver(edge: float) -> np.ndarray:
    """The taps of the way down from twice the takes' rate: float32, (2, 21), those at even samples first.

    Args:
        edge: middle of the slope, of half the takes' rate.
    """
    taps = np.zeros(2 * _HALF_REACH + 2)
    taps[:-1] = elementary.low_pass_taps(2 * _HALF_REACH + 1, edge / 2, 8.0)
    return np.ascontiguousarray(taps.reshape(-1, 2).T, dtype=np.float32)


@kernel(nogil=True)
def filter_thrice(sound, sections, first, last):
    """Filter a part of a signal in place by three sections, from silence.

    Args:
        sound: float32, (samples,).
        sections: float64, (3, 6), as SciPy orders them.
        first: number of the first sample.
        last: number of the sample after the last.
    """
    if sections.shape[0] != 3 or sections.shape[1] != 6 or first < 0 or last > len(sound):
        raise ValueError("There are three sections of six coefficients, and the part lies within the signal.")
    # State in variables: in an array it would be written and read in every sample.
    a0, a1, a2, a4, a5 = sections[0, 0], sections[0, 1], sections[0, 2], sections[0, 4], sections[0, 5]
    b0, b1, b2, b4, b5 = sections[1, 0], sections[1, 1], sections[1, 2], sections[1, 4], sections[1, 5]
    c0, c1, c2, c4, c5 = sections[2, 0], sections[2, 1], sections[2, 2], sections[2, 4], sections[2, 5]
    s1 = s2 = t1 = t2 = u1 = u2 = 0.0
    for sample in range(first, last):
        x = np.float64(sound[sample])
        y = a0 * x + s1
        s1 = a1 * x - a4 * y + s2
        s2 = a2 * x - a5 * y
        z = b0 * y + t1
        t1 = b1 * y - b4 * z + t2
        t2 = b2 * y - b5 * z
        w = c0 * z + u1
        u1 = c1 * z - c4 * w + u2
        u2 = c2 * z - c5 * w
        sound[sample] = np.float32(w)


@inlined
def _interpolate(sound, first, width, taps, out):
    """Sample `first` and so on of a signal, at one phase between samples: out[:width]; the taps are 15."""
    out[:width] = np.float32(0.0)
    # Three taps at a time. Slices, as indices that might be negative prevent vectors.
    for tap in range(0, 2 * _REACH + 1, 3):
        t0, t1, t2 = taps[tap], taps[tap + 1], taps[tap + 2]
        at = first + _REACH - tap
        s0, s1, s2 = sound[at : at + width], sound[at - 1 : at - 1 + width], sound[at - 2 : at - 2 + width]
        for sample in range(width):
            out[sample] += t0 * s0[sample] + t1 * s1[sample] + t2 * s2[sample]


@kernel(nogil=True)
def drive_valve(sound, gain, bias, up, down, first, last, out):
    """Bend a part of a signal: x / √(1 + x²) of `bias + gain · signal`, less what it is of `bias`.

    The saturation is anti-aliased as in `amp.saturate`, at `RATIO` times the rate.

    Args:
        sound: float32, (samples,).
        gain: before the valve.
        bias: of the valve.
        up: of `interpolator`.
        down: of `reducer`.
        first: number of the first sample, at least ROOM.
        last: number of the sample after the last, at least ROOM before the end.
        out: float32, (samples,); only the part is written.
    """
    if first < ROOM or last > len(sound) - ROOM or len(out) != len(sound):
        raise ValueError("The part must have room at both ends of the signal.")
    if up.shape != (RATIO, 2 * _REACH + 1) or down.shape != up.shape:
        raise ValueError("The taps are not those of this ratio.")
    most = _TILE + 2 * _REACH + 1
    driven = np.empty((RATIO, most), np.float32)
    roots = np.empty((RATIO, most), np.float32)
    bent = np.zeros((RATIO, most), np.float32)
    rest = np.float32(bias / np.sqrt(1.0 + bias * bias))
    g, b = np.float32(gain), np.float32(bias)
    for start in range(first, last, _TILE):
        count = min(_TILE, last - start)
        width = count + 2 * _REACH + 1
        for phase in range(RATIO):
            x, root = driven[phase], roots[phase]
            _interpolate(sound, start - _REACH - 1, width, up[phase], x)
            for sample in range(width):
                value = b + g * x[sample]
                x[sample] = value
                root[sample] = np.sqrt(_ONE + value * value)
        for phase in range(RATIO):
            # The sample before the first phase's is the last phase's of the sample before.
            before = (phase - 1) % RATIO
            back = 1 if phase == 0 else 0
            x, root, y = driven[phase], roots[phase], bent[phase]
            x1, root1 = driven[before], roots[before]
            for sample in range(1, width):
                y[sample] = (x[sample] + x1[sample - back]) / (root[sample] + root1[sample - back])
        part = out[start : start + count]
        part[:] = -rest
        for phase in range(RATIO):
            for tap in range(0, 2 * _REACH + 1, 3):
                t0, t1, t2 = down[phase, tap], down[phase, tap + 1], down[phase, tap + 2]
                at = 2 * _REACH + 1 - tap
                s0 = bent[phase, at : at + count]
                s1 = bent[phase, at - 1 : at - 1 + count]
                s2 = bent[phase, at - 2 : at - 2 + count]
                for sample in range(count):
                    part[sample] += t0 * s0[sample] + t1 * s1[sample] + t2 * s2[sample]


@kernel(nogil=True)
def halve(sound, taps, lead, count, out):
    """A signal to the takes' rate.

    Args:
        sound: float32, (samples,), at twice the rate.
        taps: of `halver`.
        lead: samples of `sound` before the first of `out`, even.
        count: samples of `out` that are written.
        out: float32, (count or more,).
    """
    if lead < _HALF_REACH or lead + 2 * count + _HALF_REACH > len(sound) or count > len(out):
        raise ValueError("The filter would look beyond the signal.")
    halves = np.empty((2, _TILE + _HALF_REACH + 1), np.float32)
    for start in range(0, count, _TILE):
        length = min(_TILE, count - start)
        origin = lead - _HALF_REACH + 2 * start
        for sample in range(length + _HALF_REACH):
            halves[0, sample] = sound[origin + 2 * sample]
            halves[1, sample] = sound[origin + 2 * sample + 1]
        part = out[start : start + length]
        part[:] = np.float32(0.0)
        for half in range(2):
            for tap in range(0, _HALF_REACH + 1, 3):
                # Symmetric, so that the order of the taps is that of the samples.
                t0, t1, t2 = taps[half, tap], taps[half, tap + 1], taps[half, tap + 2]
                s0 = halves[half, tap : tap + length]
                s1 = halves[half, tap + 1 : tap + 1 + length]
                s2 = halves[half, tap + 2 : tap + 2 + length]
                for sample in range(length):
                    part[sample] += t0 * s0[sample] + t1 * s1[sample] + t2 * s2[sample]


@kernel(nogil=True)
def spread(sound, taps, lead, count, out):
    """A signal to `2 · RATIO` times the takes' rate, by phases, as the distortion reads it.

    Args:
        sound: float32, (samples,), at twice the takes' rate.
        taps: of `interpolator`.
        lead: samples of `sound` before the first of `out`, even.
        count: frames of `out` that are written.
        out: float32, (2 · RATIO, count or more).
    """
    if lead < 2 * _REACH or lead + 2 * count + 2 * _REACH > len(sound):
        raise ValueError("The filter would look beyond the signal.")
    if out.shape[0] != 2 * RATIO or count > out.shape[1] or taps.shape != (RATIO, 2 * _REACH + 1):
        raise ValueError("The result has eight phases and room for all frames.")
    between = np.empty(2 * _TILE, np.float32)
    for start in range(0, count, _TILE):
        length = min(_TILE, count - start)
        for phase in range(RATIO):
            _interpolate(sound, lead + 2 * start, 2 * length, taps[phase], between)
            even, odd = out[phase, start : start + length], out[RATIO + phase, start : start + length]
            for sample in range(length):
                even[sample] = between[2 * sample]
                odd[sample] = between[2 * sample + 1]
