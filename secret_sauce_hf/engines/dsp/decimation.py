"""Halving the sampling rate: half-band filters over lanes."""

import numpy as np

from secret_sauce_hf.compiling import inlined
from secret_sauce_hf.engines.dsp.lanes import LANES


def half_band(pairs: int, beta: float) -> np.ndarray:
    """One side of a half-band low-pass, a sinc in a Kaiser window.

    The filter has 4·pairs - 1 taps: 0.5 in the centre and value `i` of the result at
    2·i + 1 samples to either side of it; all others are 0.

    Args:
        pairs: how many pairs of taps.
        beta: of the Kaiser window; 8 keeps what would alias 80 dB down.

    Returns:
        float32, (pairs,).
    """
    offsets = 2 * np.arange(pairs) + 1
    # The window ends on the first zeros beyond the outermost taps.
    window = np.i0(beta * np.sqrt(1.0 - (offsets / (2 * pairs)) ** 2)) / np.i0(beta)
    taps = np.sin(np.pi * offsets / 2) / (np.pi * offsets) * window
    # Exactly one half together, so that the filter's gain is 1 at 0 Hz.
    return (taps * 0.25 / taps.sum()).astype(np.float32)


def history_rows(taps: np.ndarray) -> int:
    """Rows of `LANES` values that `halve` keeps in front of a block."""
    return 4 * len(taps) - 2


@inlined
def halve(samples, buffer, taps, out, offset):
    """Two samples in, one out, for every lane; delays by `2·pairs - 1` of the samples that come in.

    Args:
        samples: how many come in, an even number.
        buffer: `history_rows` rows that `halve` keeps from call to call, then the
            samples that come in: `row * LANES + lane`, float32.
        taps: from `half_band`.
        out: `sample * LANES + lane`, float32; half as many rows are written.
        offset: the first row of `out` that is.
    """
    pairs = len(taps)
    history = 4 * pairs - 2
    centre = 2 * pairs - 1
    half = np.float32(0.5)
    for sample in range(samples // 2):
        at = (offset + sample) * LANES
        middle = (2 * sample + centre) * LANES
        for lane in range(LANES):
            out[at + lane] = half * buffer[middle + lane]
        for pair in range(pairs):
            tap = taps[pair]
            distance = (2 * pair + 1) * LANES
            for lane in range(LANES):
                out[at + lane] += tap * (buffer[middle - distance + lane] + buffer[middle + distance + lane])
    for value in range(history * LANES):
        buffer[value] = buffer[samples * LANES + value]
