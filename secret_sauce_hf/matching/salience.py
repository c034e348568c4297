"""Which pitches stand out of a sound by their harmonics, however soft these are.

A filter that whistles by itself is far louder than the tone that it lets through; whoever listens takes the whistle for
the note. Harmonics count by how far they stand out of what is around them, and not by their power (after A. Klapuri,
"Multiple fundamental frequency estimation by summing harmonic amplitudes", 2006).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

HARMONICS = 10
FADING = 0.6
"""Harmonic h counts h^-FADING."""
LEAST_DB = -75.0
"""What is softer than the loudest line by more is nothing."""
OFF = 0.012
"""How far a harmonic may be from its place, as a part of its frequency: 20 cents."""
PLACES = 600
AROUND = 20
"""Places to either side, on a scale of `PLACES` from 20 Hz up, whose median is what a line stands out of: about a
quarter of an octave."""
SIZE = 32_768
"""Of the spectrum, in samples: 1.5 s."""
LEAST_SAMPLES = 1_024


def by_salience(samples: np.ndarray, rate: int, pitches: Sequence[int]) -> list[int]:
    """Pitches, those first whose harmonics stand out the most.

    Args:
        samples: of one note, shape (samples,); of more than 1.5 s the beginning is looked at.
        rate: in Hz.
        pitches: MIDI numbers.
    """
    part = np.asarray(samples[:SIZE], dtype=np.float64)
    part = np.pad(part, (0, max(LEAST_SAMPLES - len(part), 0)))
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), SIZE))
    if not spectrum.any():
        return list(pitches)
    level = np.maximum(20 * np.log10(spectrum / spectrum.max() + 1e-9), LEAST_DB)
    hertz = rate / SIZE
    scale = np.geomspace(20.0, rate / 2, PLACES)
    edges = np.append(np.clip(np.rint(scale / hertz).astype(int), 1, len(level) - 2), len(level) - 1)
    loudest = np.array([level[low : max(high, low + 1)].max() for low, high in pairwise(edges)])
    padded = np.pad(loudest, AROUND, mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1), axis=1)
    # The window of a short note is wider than the 20 cents of a low harmonic.
    least_width = 0.6 * 2 * rate / len(part)
    sums = np.zeros(len(pitches))
    for place, pitch in enumerate(pitches):
        fundamental = 440.0 * 2.0 ** ((pitch - 69) / 12)
        for harmonic in range(1, HARMONICS + 1):
            middle = harmonic * fundamental
            width = max(OFF * middle, least_width)
            first, last = int((middle - width) / hertz), int((middle + width) / hertz) + 2
            if last >= len(level):
                break
            out = level[max(first, 0) : last].max() - np.interp(middle, scale, usual)
            sums[place] += max(out, 0.0) / harmonic**FADING
    return [pitches[place] for place in np.argsort(-sums, kind="stable")]
