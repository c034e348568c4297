"""A sound beside what its preset sounds like, in one picture."""

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.plots.spectrogram import levels, spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ZOOM_SECONDS = 0.025
_MOST_ROWS = 32
"""Of a table; with more the text is too small."""
_SOUND, _PRESET, _MUTED = "#1f5a99", "#d1602b", "0.5"


def draw(
    title: str,
    reference: np.ndarray,
    rendered: np.ndarray | None,
    settings: Sequence[Sequence[str]],
    distances: Sequence[Sequence[str]],
    muted: Container[int] = (),
) -> "Figure":
    """Draw both spectrograms, both waveforms, a close-up of the two, the settings and the distances.

    Args:
        title: of the picture.
        reference: the sound, float32 of shape (samples,) at `SAMPLE_RATE`.
        rendered: its preset's sound, of the same form; if None, the picture has the sound and
            the settings only.
        settings: name, setting and confidence of every parameter.
        distances: title and value of every distance to show.
        muted: numbers of the rows of `settings` that are grey.
    """
    # Not pyplot: a Figure of one's own needs no display and leaves no global state.
    from matplotlib.figure import Figure

    sounds = [("The sound", reference, _SOUND)]
    if rendered is not None:
        sounds.append(("Its preset, rendered", rendered, _PRESET))
    count = len(sounds)
    blocks, preset_title = _blocks(settings, muted)
    wide = count + len(blocks)
    figure = Figure(figsize=(4.2 * wide, 7.8), layout="constrained")
    # A file's name may hold dollar signs, which are no formulas.
    figure.suptitle(title, fontsize=14, parse_math=False)
    widths = (1,) * count + (0.95,) * len(blocks)
    grid = figure.add_gridspec(3, wide, height_ratios=(2.1, 1, 1.1), width_ratios=widths)

    spectra = [levels(wave) for _, wave, _ in sounds]
    ceiling = max(spectrum.max() for spectrum in spectra)
    peak = max(1e-3, *(1.05 * float(np.abs(wave).max()) for _, wave, _ in sounds))
    for column, ((title, wave, colour), spectrum) in enumerate(zip(sounds, spectra, strict=True)):
        axes = figure.add_subplot(grid[0, column])
        axes.set_title(title, color=colour, fontsize=12)
        mesh = spectrogram(axes, spectrum, ceiling)
        waveform = figure.add_subplot(grid[1, column], sharex=axes)
        _waveform(waveform, wave, peak, colour)
        if column:
            axes.tick_params(labelleft=False)
            waveform.tick_params(labelleft=False)
        else:
            axes.set_ylabel("Frequency (Hz)")
            waveform.set_ylabel("Amplitude")
    figure.colorbar(mesh, ax=figure.axes[2 * count - 2], label="dB", pad=0.01)
    _close_up(figure.add_subplot(grid[2, :count]), sounds)
    for place, (rows, grey) in enumerate(blocks):
        axes = figure.add_subplot(grid[:2, count + place])
        _table(axes, [["", "setting", "confidence"], *rows], "" if place else preset_title, {0, *grey})
    if rendered is None:
        _table(figure.add_subplot(grid[2, count]), [["No engine renders this instrument."]], "Not compared")
    else:
        _table(figure.add_subplot(grid[2, count]), distances, "Distances between the two")
    return figure


def _blocks(
    settings: Sequence[Sequence[str]], muted: Container[int]
) -> tuple[list[tuple[Sequence[Sequence[str]], set[int]]], str]:
    """The rows of the preset's tables side by side, each with the numbers of its grey rows from 1; and their title.

    Of a preset with more rows than fit into one table those are left out that are grey.
    """
    if len(settings) <= _MOST_ROWS:
        return [(settings, {row + 1 for row in range(len(settings)) if row in muted})], "Preset"
    kept = [row for number, row in enumerate(settings) if number not in muted] or settings[:1]
    count = -(-len(kept) // _MOST_ROWS)
    size = -(-len(kept) // count)
    title = f"Preset, the {len(kept)} of {len(settings)} parameters that are heard"
    return [(kept[at : at + size], set()) for at in range(0, len(kept), size)], title


def _waveform(axes: "Axes", wave: np.ndarray, peak: float, colour: str) -> None:
    axes.plot(np.arange(len(wave)) / SAMPLE_RATE, wave, linewidth=0.5, color=colour)
    axes.set_ylim(-peak, peak)
    axes.set_xlim(0, len(wave) / SAMPLE_RATE)
    axes.set_xlabel("Seconds")
    _bare(axes)


def _close_up(axes: "Axes", sounds: list[tuple[str, np.ndarray, str]]) -> None:
    """A few periods of both in one place, from where the first sound is loudest."""
    length = round(_ZOOM_SECONDS * SAMPLE_RATE)
    wave = sounds[0][1]
    energy = np.convolve(wave**2, np.ones(length), mode="valid") if len(wave) >= length else np.zeros(1)
    start = int(energy.argmax())
    milliseconds = np.arange(start, min(start + length, len(wave))) * 1000 / SAMPLE_RATE
    for title, wave, colour in sounds:
        axes.plot(milliseconds, wave[start : start + length], linewidth=1.3, color=colour, label=title)
    axes.margins(x=0)
    axes.set_title("Close up, where the sound is loudest", fontsize=10, loc="left")
    axes.set_xlabel("Milliseconds")
    axes.set_ylabel("Amplitude")
    if len(sounds) > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8, frameon=False, borderaxespad=0.2)
    _bare(axes)


def _bare(axes: "Axes") -> None:
    axes.axhline(0, linewidth=0.5, color=_MUTED)
    axes.spines[["top", "right"]].set_visible(False)


def _table(axes: "Axes", rows: Sequence[Sequence[str]], title: str, grey: Container[int] = ()) -> None:
    """Text in columns; rows whose numbers are given in grey."""
    axes.axis("off")
    axes.set_title(title, fontsize=12, loc="left")
    table = axes.table(cellText=rows, loc="upper left", cellLoc="right", edges="open")
    table.auto_set_font_size(False)
    table.set_fontsize(min(10.0, 260 / len(rows)))
    table.auto_set_column_width(range(len(rows[0])))
    for (row, column), cell in table.get_celld().items():
        # Labels may hold dollar signs, which are no formulas.
        cell.get_text().set_parse_math(False)
        if column == 0:
            cell.set_text_props(ha="left")
        if row in grey:
            cell.set_text_props(color=_MUTED)
