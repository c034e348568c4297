"""The strings of a performance: each note a sum of damped modes, by blocks.

A mode is a spiral, z pᵏ. Within a block of 64 samples p is the same, so the powers of p stand in a table, made once
for as long as the damping does not change; from block to block z goes on in float64. So nothing drifts, and the inner
loop runs over samples that do not depend on each other. Modes that have become inaudible are left out.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from secret_sauce_hf.compiling import inlined, kernel
from secret_sauce_hf.engines.guitar_rack import string as modes
from secret_sauce_hf.engines.guitar_rack.neck import Pluck, pluck_gains, string_modes

CHOKE_SECONDS = 0.02
"""Within this time a string that is plucked again has lost `_CHOKE_LOSS` of what it sounded before."""
_CHOKE_LOSS = 90.0 * math.log(10.0) / 20.0 / CHOKE_SECONDS
"""In 1/s: 90 dB in 20 ms."""
_FLOOR = 1e-6
"""A mode below this share of the loudest moment of the note of 2018 is left out: -120 dB."""
_BLOCK = 64
_DOUBLINGS = 6
"""log2 of `_BLOCK`."""
_SETTLED = 8.0
"""After so many of its time constants the damper is taken as settled."""
_TOGETHER = 4
"""Modes that are added up in one go, so that the sum is read and written less often."""


@inlined
def _power(real, imaginary, exponent):
    """A complex number to the power of a whole one."""
    r, i = 1.0, 0.0
    while exponent:
        if exponent & 1:
            r, i = r * real - i * imaginary, r * imaginary + i * real
        real, imaginary = real * real - imaginary * imaginary, 2.0 * real * imaginary
        exponent >>= 1
    return r, i


@inlined
def _powers(reals, imaginaries, real, imaginary):
    """Write the powers 0 to `_BLOCK` - 1 of a complex number, float32, and return that of `_BLOCK`."""
    reals[0] = np.float32(1.0)
    imaginaries[0] = np.float32(0.0)
    # Those below 2ᵏ, times the power 2ᵏ, are those below 2ᵏ⁺¹.
    width = 1
    for _ in range(_DOUBLINGS):
        r, i = np.float32(real), np.float32(imaginary)
        for sample in range(width):
            reals[width + sample] = r * reals[sample] - i * imaginaries[sample]
            imaginaries[width + sample] = r * imaginaries[sample] + i * reals[sample]
        real, imaginary = real * real - imaginary * imaginary, 2.0 * real * imaginary
        width *= 2
    return real, imaginary


@inlined
def _damping(since, length, settling):
    """How much of the damper there is in the mean of some samples: the difference quotient of its integral.

    The damper approaches its full value exponentially, from the first sample in which `since` is not negative.
    """
    first = since / settling
    if since < 0:
        return 0.0
    if first >= _SETTLED:
        return 1.0
    last = first + length / settling
    return 1.0 + (math.exp(-last) - math.exp(-first)) / (last - first)


@kernel(nogil=True)
def ring(out, times, amplitudes, omegas, losses, dampers, settling, choke_loss, floor):
    """Add the velocity of one plucked string under the pickup.

    Args:
        out: float32, (samples,).
        times: when the string is let go, and, not before that, released and choked, in samples; int64, (3,). They
            may lie beyond the end.
        amplitudes: of the modes, float64, (modes,); inaudible ones at the end of the arrays are left out first.
        omegas: turns in radians per sample, float64, (modes,).
        losses: decay per sample while the string is held, float64, (modes,).
        dampers: decay per sample that the damper adds, float64, (modes,).
        settling: time constant in which the damper settles, in samples.
        choke_loss: decay per sample that the choke adds.
        floor: amplitude below which a mode is inaudible.

    Returns:
        The number of the first sample from which nothing was added.
    """
    count = len(amplitudes)
    if len(omegas) != count or len(losses) != count or len(dampers) != count or len(times) != 3:
        raise ValueError("The modes need an amplitude, a frequency and two losses each, and there are three times.")
    start, release, choke = times[0], times[1], times[2]
    if start < 0 or release < start or choke < start:
        raise ValueError("A string is let go within the take, and released and choked after that.")
    # Rows of silence at the end, so that modes can be taken four at a time.
    rows = count + _TOGETHER
    table = np.zeros((2, rows, _BLOCK), np.float32)
    state = np.zeros((2, rows))
    single = np.zeros((2, rows), np.float32)
    step = np.empty((2, count))
    jump = np.empty((2, count))
    turn = np.empty((2, count))
    for mode in range(count):
        state[0, mode] = amplitudes[mode]
        turn[0, mode] = math.cos(omegas[mode])
        turn[1, mode] = math.sin(omegas[mode])
    total = np.empty(_BLOCK, np.float32)
    damped_before, choked_before = -1.0, -1.0
    stop = min(len(out), choke + math.ceil(-math.log(floor) / choke_loss))
    at = start
    while at < stop:
        length = min(_BLOCK, stop - at)
        if at < release:
            length = min(length, release - at)
        if at < choke:
            length = min(length, choke - at)
        damped = _damping(at - release, length, settling)
        choked = choke_loss if at >= choke else 0.0
        if damped != damped_before or choked != choked_before:
            damped_before, choked_before = damped, choked
            for mode in range(count):
                decay = math.exp(-losses[mode] - damped * dampers[mode] - choked)
                real, imaginary = decay * turn[0, mode], decay * turn[1, mode]
                step[0, mode], step[1, mode] = real, imaginary
                jump[0, mode], jump[1, mode] = _powers(table[0, mode], table[1, mode], real, imaginary)
        total[:] = np.float32(0.0)
        for mode in range(count):
            single[0, mode] = np.float32(state[0, mode])
            single[1, mode] = np.float32(state[1, mode])
        for mode in range(0, count, _TOGETHER):
            r0, r1, r2, r3 = single[0, mode], single[0, mode + 1], single[0, mode + 2], single[0, mode + 3]
            i0, i1, i2, i3 = single[1, mode], single[1, mode + 1], single[1, mode + 2], single[1, mode + 3]
            a0, a1, a2, a3 = table[0, mode], table[0, mode + 1], table[0, mode + 2], table[0, mode + 3]
            b0, b1, b2, b3 = table[1, mode], table[1, mode + 1], table[1, mode + 2], table[1, mode + 3]
            for sample in range(_BLOCK):
                total[sample] += (
                    (r0 * b0[sample] + i0 * a0[sample])
                    + (r1 * b1[sample] + i1 * a1[sample])
                    + (r2 * b2[sample] + i2 * a2[sample])
                    + (r3 * b3[sample] + i3 * a3[sample])
                )
        for sample in range(length):
            out[at + sample] += total[sample]
        at += length
        for mode in range(count):
            real, imaginary = jump[0, mode], jump[1, mode]
            if length < _BLOCK:
                real, imaginary = _power(step[0, mode], step[1, mode], length)
            old = state[0, mode]
            state[0, mode] = old * real - state[1, mode] * imaginary
            state[1, mode] = old * imaginary + state[1, mode] * real
        while count and state[0, count - 1] ** 2 + state[1, count - 1] ** 2 < floor * floor:
            count -= 1
            state[0, count] = state[1, count] = 0.0
            single[0, count] = single[1, count] = np.float32(0.0)
        if not count:
            break
    return at


@cache
def _loudest(rate: int) -> float:
    """The highest voltage of the note of 2018, which comes within its first 50 ms."""
    return float(np.abs(modes.pickup_voltage(rate // 20, rate, 0.0, 1.0)).max())


def vibrate(plucks: Sequence[Pluck], out: np.ndarray, rate: int, scale: int, offset: int) -> int:
    """Play notes on their strings.

    Args:
        plucks: the notes.
        out: float32, (samples,): what they add to, the velocity of the strings under the pickup, over that of the
            note of 2018 at its loudest behind the pickup's filter.
        rate: of `out`, in Hz, above twice the highest mode (16.1 kHz).
        scale: samples of `out` for one of the take.
        offset: samples of `out` before the take.

    Returns:
        The number of the first sample from which every string is silent.
    """
    end = 0
    for pluck in plucks:
        found = string_modes(pluck.string, pluck.fret)
        amplitudes = found.amplitudes * pluck_gains(pluck.velocity, found.harmonics) / _loudest(rate)
        start, release = scale * pluck.start + offset, scale * pluck.release + offset
        choke = len(out) if pluck.choke is None else scale * pluck.choke + offset
        if start >= len(out):
            continue
        # What is inaudible from the start need not be computed.
        audible = int(np.flatnonzero(np.abs(amplitudes) > _FLOOR).max(initial=-1)) + 1
        stop = ring(
            out,
            np.array([start, min(release, len(out)), min(choke, len(out))], dtype=np.int64),
            amplitudes[:audible],
            found.omegas[:audible] / rate,
            found.losses[:audible] / rate,
            found.dampers[:audible] / rate,
            modes.DAMPER_SECONDS * rate,
            _CHOKE_LOSS / rate,
            _FLOOR,
        )
        end = max(end, stop)
    return end
