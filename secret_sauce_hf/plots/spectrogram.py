"""A spectrogram, as the pictures of a match and of an evaluation show it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.metrics.spectra import POWER_FLOOR, magnitudes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WINDOW, _HOP = 1024, 128
_RANGE_DB = 80.0
_LOWEST_HERTZ = 60


def levels(wave: np.ndarray) -> np.ndarray:
    """Spectrogram in dB: shape (samples,) to (bins, frames)."""
    return 10 * np.log10(np.maximum(magnitudes(wave, _WINDOW, _HOP).T ** 2, POWER_FLOOR))


def spectrogram(axes: "Axes", spectrum: np.ndarray, ceiling: float) -> Any:
    """Draw what `levels` gave on a logarithmic frequency axis, 80 dB down from `ceiling`; returns the mesh."""
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    seconds = np.arange(spectrum.shape[1]) * _HOP / SAMPLE_RATE
    mesh = axes.pcolormesh(
        seconds, hertz, spectrum - ceiling, vmin=-_RANGE_DB, vmax=0, shading="nearest", cmap="magma", rasterized=True
    )
    axes.set_yscale("log")
    axes.set_ylim(_LOWEST_HERTZ, SAMPLE_RATE / 2)
    axes.set_yticks([100, 200, 500, 1_000, 2_000, 5_000, 10_000], ["100", "200", "500", "1k", "2k", "5k", "10k"])
    axes.minorticks_off()
    axes.tick_params(labelbottom=False)
    return mesh
