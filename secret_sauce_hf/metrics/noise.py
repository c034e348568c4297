"""What is noise in a sound, and how far a candidate's noise is from it.

Two takes of one preset differ wherever noise sounds, by as much as most other presets differ from it. What
can be compared is the power that is to be expected. With λ the expected and p the observed power of a cell,
p / λ follows about a gamma distribution, whose likelihood is p / λ - ln (p / λ) - 1 but for its scale (the
divergence of F. Itakura and S. Saito, 1968; P. Whittle's likelihood, 1953).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import uniform_filter

from secret_sauce_hf.instruments.takes import SAMPLE_RATE
from secret_sauce_hf.metrics.mels import levels_and_peaks

NATS_DB = 10 / np.log(10)
"""Decibels of a factor e."""
FAR = np.log(4.0)
"""From where on, in nats, the divergence goes on straight: what is missing altogether counts no more than that."""
SURE = 64
"""What a cell counts at most, in independent observations of its power."""
MOST_CORRECTION_DB = 20.0
_SECONDS = 8
_SEED = 20_180_501


@dataclass(frozen=True, eq=False)
class Noise:
    """What several renderings of one preset, with different noise, tell; lists have an entry per spectrogram.

    Args:
        shares: how much of each cell's power is noise, 0 to 1, (frames, bands).
        sure: what noise counts in each cell, the more the less it varies, (frames, bands).
        expected: the expected power in decibels, (frames, bands).
        corrections: decibels from what one of the renderings has to what is expected, (frames, bands): with its
            noise, other presets have nearly the same corrections.
    """

    shares: list[np.ndarray]
    sure: list[np.ndarray]
    expected: list[np.ndarray]
    corrections: list[np.ndarray]

    @classmethod
    def of_renderings(cls, levels: list[np.ndarray], peaks: list[np.ndarray]) -> "Noise":
        """Read it off renderings of one preset.

        Args:
            levels: of `levels_and_peaks`, of renderings of which the first has the noise of those to come.
            peaks: of `levels_and_peaks`.
        """
        shares, sure, expected, corrections = [], [], [], []
        for level, peak, white in zip(levels, peaks, _white_spreads(), strict=True):
            absolute = level + peak[:, None, None]
            powers = 10.0 ** (absolute.astype(np.float64) / 10)
            mean = powers.mean(axis=0)
            spread = uniform_filter(powers.var(axis=0, ddof=1) / mean**2, 3, mode="nearest")
            decibels = 10 * np.log10(mean)
            shares.append(np.clip(spread / white, 0, 1).astype(np.float32))
            sure.append(np.sqrt(1 / np.maximum(spread, 1 / SURE)).astype(np.float32))
            expected.append(decibels.astype(np.float32))
            correction = np.clip(decibels - absolute[0], -MOST_CORRECTION_DB, MOST_CORRECTION_DB)
            corrections.append(correction.astype(np.float32))
        return cls(shares, sure, expected, corrections)


def divergence(differences: np.ndarray) -> np.ndarray:
    """Itakura and Saito's divergence in decibels, straight where the sound has over 4 times the power (see `FAR`).

    Args:
        differences: expected less observed level, in dB.
    """
    nats = differences * np.float32(-1 / NATS_DB)
    ratios = np.exp(np.minimum(nats, np.float32(FAR)))
    ratios += np.float32(np.exp(FAR)) * np.maximum(nats - np.float32(FAR), 0) - nats - 1
    return ratios * np.float32(NATS_DB)


@cache
def _white_spreads() -> list[np.ndarray]:
    """Variance of the power over its squared mean in each band of white noise, per spectrogram: (bands,)."""
    wave = np.random.default_rng(_SEED).standard_normal((1, _SECONDS * SAMPLE_RATE)).astype(np.float32) / 8
    spreads = []
    for level in levels_and_peaks(wave)[0]:
        powers = 10.0 ** (level[0, 4:-4].astype(np.float64) / 10)
        spreads.append(uniform_filter(powers.var(axis=0) / powers.mean(axis=0) ** 2, 5, mode="nearest"))
    return spreads
