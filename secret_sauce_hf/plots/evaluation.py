"""An evaluation as a picture: sounds above what the answers sound like."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secret_sauce_hf.plots.spectrogram import levels, spectrogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Shown = Sequence[tuple[str, np.ndarray, np.ndarray | None, float | None]]
"""Sounds with their answers: file, sound, rendered answer or None, MSS in dB between the two or None."""


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
