"""Band-limited oscillators, one lane at a time over a block of samples.

What follows from sample to sample, a phase and its edges, is a loop of its own; all else runs
over the block, so that it becomes vector instructions.

Edges follow Brandt, "Hard Sync Without Aliasing" (ICMC 2001): a naive waveform
plus, from each edge on, what is missing to a band-limited step; corners of the
triangle get the integral of a linear-phase step (Välimäki & Huovilainen's BLAMP).
Phases are kept in single precision: the plug-ins do, and the rounding is a
measurable detuning.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined
from secret_sauce_hf.engines.dsp.arithmetic import cosine_of_turns

ZERO_CROSSINGS = 16
POINTS = 64
"""Points of the tables per sample."""
TABLE = 2 * ZERO_CROSSINGS * POINTS
SPREAD = 2 * ZERO_CROSSINGS + 1
"""Number of samples that one edge reaches."""

_F1 = np.float32(1.0)
_HALF = np.float32(0.5)


def _windowed_sinc(points: int) -> np.ndarray:
    t = (np.arange(points) - TABLE / 2) / POINTS
    return np.sinc(t) * np.blackman(points)


def step_residual() -> np.ndarray:
    """One minus a minimum-phase band-limited step, `POINTS` per sample, zeros after it.

    The step is a sinc in a Blackman window, made minimum-phase through the real
    cepstrum (FFT of 65,536 points) and integrated.
    """
    size = 65_536
    spectrum = np.abs(np.fft.fft(_windowed_sinc(TABLE), size))
    cepstrum = np.fft.ifft(np.log(np.maximum(spectrum, 1e-12 * spectrum.max()))).real
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    impulse = np.fft.ifft(np.exp(np.fft.fft(cepstrum))).real[:TABLE]
    impulse /= impulse.sum()
    # Half a point late, as integration by sums is: measured on the plug-in's edges.
    step = np.cumsum(impulse) + 0.5 * np.append(impulse[1:], 0.0)
    return np.concatenate([1.0 - step, np.zeros(2 * POINTS)])


def beside(table: np.ndarray) -> np.ndarray:
    """A table with those points beside each other that an edge reads: row `p`, column `s` is point `s * POINTS + p`."""
    point, sample = np.ogrid[: POINTS + 1, : TABLE // POINTS + 1]
    return np.ascontiguousarray(table[sample * POINTS + point])


def corner_residual() -> np.ndarray:
    """A linear-phase band-limited corner minus the naive one, `POINTS` per sample.

    The corner of unit change of slope lies `ZERO_CROSSINGS` samples into the table.
    """
    step = np.cumsum(_windowed_sinc(TABLE + 1))
    step = (step - step[0]) / (step[-1] - step[0])
    ramp = np.cumsum(step) / POINTS
    t = (np.arange(TABLE + 1) - TABLE / 2) / POINTS
    residual = ramp - np.maximum(t, 0.0)
    residual -= np.linspace(residual[0], residual[-1], TABLE + 1)
    return np.concatenate([residual, np.zeros(2 * POINTS)])


@inlined
def _add_residual(corrections, sample, table, since, height):
    """Add `height` × `table`, read from `since` samples on, to `corrections` from `sample` on."""
    start = since * POINTS
    whole = int(start)
    fraction = start - whole
    first = whole // POINTS
    row = whole - first * POINTS
    for index in range(min(SPREAD, (TABLE - whole + POINTS - 1) // POINTS)):
        low = table[row, first + index]
        value = low + fraction * (table[row + 1, first + index] - low)
        corrections[sample + index] += height * value


@inlined
def saw(phase, increments, samples, corrections, table, latency, out):
    """A rising saw, -0.5 to 0.5.

    Args:
        phase: float32, in turns.
        increments: float32, turns per sample.
        samples: how many.
        corrections: what edges add, to these samples and the `SPREAD` after them.
        table: `beside` of `step_residual`.
        latency: samples by which an edge is ahead of the naive one.
        out: output, without the corrections.

    Returns:
        The new phase.
    """
    for sample in range(samples):
        phase = np.float32(phase + increments[sample])
        if phase >= _F1:
            phase = np.float32(phase - _F1)
            _add_residual(corrections, sample, table, phase / increments[sample] + latency, 1.0)
        out[sample] = phase - 0.5
    return phase


@inlined
def pulse(phase, increments, duty, samples, corrections, table, latency, out):
    """A pulse: -0.5 up to `duty`, one value per sample, then 0.5. Else as `saw`."""
    for sample in range(samples):
        before = phase
        phase = np.float32(phase + increments[sample])
        edge = duty[sample]
        if before < edge <= phase:
            _add_residual(corrections, sample, table, (phase - edge) / increments[sample] + latency, -1.0)
        if phase >= _F1:
            phase = np.float32(phase - _F1)
            _add_residual(corrections, sample, table, phase / increments[sample] + latency, 1.0)
            if phase >= edge:
                _add_residual(corrections, sample, table, (phase - edge) / increments[sample] + latency, -1.0)
        out[sample] = -0.5 if phase < edge else 0.5
    return phase


@inlined
def triangle(phase, increments, samples, corrections, table, out):
    """A triangle that rises from -0.5 at phase -0.5; the phase runs from -0.5 to 0.5.

    The corrections, of `beside` of `corner_residual`, lie `ZERO_CROSSINGS` samples ahead: the
    caller delays the naive samples to match. Else as `saw`.
    """
    for sample in range(samples):
        before = phase
        increment = increments[sample]
        phase = np.float32(phase + increment)
        if before < 0.0 <= phase:
            _add_residual(corrections, sample, table, phase / increment, -4.0 * increment)
        if phase >= _HALF:
            phase = np.float32(phase - _F1)
            _add_residual(corrections, sample, table, (phase + 0.5) / increment, 4.0 * increment)
        out[sample] = 0.5 - 2.0 * abs(phase)
    return phase


@inlined
def sine(phase, increments, samples, phases, out):
    """A sine, -0.5 to 0.5, from its lowest point on.

    Args:
        phase: float32, in turns.
        increments: float32, turns per sample.
        samples: how many.
        phases: float32, of one value per sample, written over.
        out: output.

    Returns:
        The new phase.
    """
    for sample in range(samples):
        phases[sample] = phase
        phase = np.float32(phase + increments[sample])
        if phase >= _F1:
            phase = np.float32(phase - _F1)
    for sample in range(samples):
        out[sample] = -0.5 * cosine_of_turns(phases[sample])
    return phase
