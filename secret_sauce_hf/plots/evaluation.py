"""Spectrograms, and an evaluation as a picture: sounds above what the answers sound like."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.metrics.spectra import POWER_FLOOR, magnitudes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Shown = Sequence[tuple[str, np.ndarray, np.ndarray | None, float | None]]
"""Sounds with their answers: file, sound, rendered answer or None, MSS in dB between the two or None."""

_WINDOW, _HOP = 1024, 128
_RANGE_DB = 80.0
_LOWEST_HERTZ = 60


def draw(collection: str, split: str, shown: Shown) -> "Figure":
    """Sounds, each above its answer rendered.

    Args:
        collection: name of the collection, for the title.
        split: of the dataset that the sounds are from, for the title.
        shown: the sounds, from the best answer to the worst; all with a rendered answer, or none.
    """
    # Not pyplot: a Figure of one's own needs no display and leaves no global state.
    from matplotlib.figure import Figure

    rows = 1 if any(rendered is None for _, _, rendered, _ in shown) else 2
    figure = Figure(figsize=(2.3 * len(shown) + 0.6, 2.3 * rows + 0.7), layout="constrained")
    order = "from the nearest answer to the furthest" if rows == 2 else "from the best answer to the worst"
    figure.suptitle(f"{collection}, {split} rows, {order}", fontsize=11, parse_math=False)
    grid = figure.subplots(rows, len(shown), sharex=True, sharey=True, squeeze=False)
    for column, (file, sound, rendered, distance) in enumerate(shown):
        spectra = [levels(sound), *([] if rendered is None else [levels(rendered)])]
        ceiling = max(spectrum.max() for spectrum in spectra)
        for axes, spectrum in zip(grid[:, column], spectra, strict=True):
            spectrogram(axes, spectrum, ceiling)
            axes.tick_params(labelsize=7)
        title = file if distance is None else f"{file}: MSS {distance:.2f} dB"
        grid[0, column].set_title(title, fontsize=9, parse_math=False)
    for axes, label in zip(grid[:, 0], ("the sound, Hz", "its answer, rendered, Hz"), strict=False):
        axes.set_ylabel(label, fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("seconds", fontsize=8)
        axes.tick_params(labelbottom=True)
    return figure


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
