"""Band-limited oscillators, one lane at a time over a block of samples.

Edges follow Brandt, "Hard Sync Without Aliasing" (ICMC 2001): a naive waveform
plus, from each edge on, what is missing to a band-limited step; corners of the
triangle get the integral of a linear-phase step (Välimäki & Huovilainen's BLAMP).
Phases are kept in single precision: the plug-ins do, and the rounding is a
measurable detuning.
"""

import numpy as np

from secret_sauce_hf.compiling import inlined

ZERO_CROSSINGS = 16
POINTS = 64
"""Points of the tables per sample."""
TABLE = 2 * ZERO_CROSSINGS * POINTS
SPREAD = 2 * ZERO_CROSSINGS + 1
"""Number of samples that one edge reaches."""
RING = 64
"""Length of a lane's buffer of corrections still to come; a power of two above `SPREAD`."""

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
def add_residual(ring, lane, position, table, since, height):
    """Add `height` × `table`, read from `since` samples on, to the samples to come."""
    start = since * POINTS
    whole = int(start)
    fraction = start - whole
    for sample in range(SPREAD):
        index = whole + sample * POINTS
        if index < TABLE:
            value = table[index] + fraction * (table[index + 1] - table[index])
            ring[lane, (position + sample) & (RING - 1)] += height * value


@inlined
def take_residual(ring, lane, position):
    """The correction due now."""
    value = ring[lane, position]
    ring[lane, position] = 0.0
    return value


@inlined
def saw(phase, increment, ring, lane, position, steps, latency):
    """One sample of a rising saw, -0.5 to 0.5.

    Args:
        phase: float32, in turns.
        increment: float32, turns per sample.
        ring: corrections to come, shape (lanes, RING).
        lane: the lane.
        position: where in the ring the current sample's correction is.
        steps: table of `step_residual`.
        latency: samples by which an edge is ahead of the naive one.

    Returns:
        (sample without corrections, new phase).
    """
    phase = np.float32(phase + increment)
    if phase >= _F1:
        phase = np.float32(phase - _F1)
        add_residual(ring, lane, position, steps, phase / increment + latency, 1.0)
    return phase - 0.5, phase


@inlined
def pulse(phase, increment, duty, ring, lane, position, steps, latency):
    """One sample of a pulse: -0.5 up to `duty`, then 0.5. Else as `saw`."""
    before = phase
    phase = np.float32(phase + increment)
    if before < duty <= phase:
        add_residual(ring, lane, position, steps, (phase - duty) / increment + latency, -1.0)
    if phase >= _F1:
        phase = np.float32(phase - _F1)
        add_residual(ring, lane, position, steps, phase / increment + latency, 1.0)
        if phase >= duty:
            add_residual(ring, lane, position, steps, (phase - duty) / increment + latency, -1.0)
    return (-0.5 if phase < duty else 0.5), phase


@inlined
def triangle(phase, increment, ring, lane, position, corners):
    """One sample of a triangle that rises from -0.5 at phase -0.5.

    The phase runs from -0.5 to 0.5. The corrections lie `ZERO_CROSSINGS` samples
    ahead: the caller delays the naive samples to match.
    """
    before = phase
    phase = np.float32(phase + increment)
    if before < 0.0 <= phase:
        add_residual(ring, lane, position, corners, phase / increment, -4.0 * increment)
    if phase >= _HALF:
        phase = np.float32(phase - _F1)
        add_residual(ring, lane, position, corners, (phase + 0.5) / increment, 4.0 * increment)
    return 0.5 - 2.0 * abs(phase), phase
