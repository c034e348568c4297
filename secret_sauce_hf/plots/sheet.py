"""A picture from which a person sees what is in a collection: spectrograms, levels, settings."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secret_sauce_hf.data.gathering import BLOCK, LOWEST_DBFS, Gathered, gather_read, gather_rendered
from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.files import is_stream, write_whole
from secret_sauce_hf.instruments import Collection, InputError, Knob, Note, Parameter, get_collection, integer
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.instruments.takes import PEAK, SAMPLE_RATE, SILENCE_DBFS
from secret_sauce_hf.metrics.spectra import magnitudes
from secret_sauce_hf.outputs import check_file
from secret_sauce_hf.presets import MAX_ROWS, Presets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from secret_sauce_hf.data.reading import Source

ROWS = 608
"""Rows rendered for a sheet if none are there to be read."""
TILES = 48
"""Takes shown as spectrograms."""
MOST_TILES = 400

_DPI = 110
# What a sheet is laid out by, in inches; everything else follows from the numbers of rows and parameters.
_COLUMNS = 8
_WIDTH, _LEFT, _RIGHT, _GAP = 20.0, 0.75, 0.95, 0.16
_PITCH = (_WIDTH - _LEFT - _RIGHT + _GAP) / _COLUMNS
_HEADER, _SECTION, _FOOT = 0.95, 0.65, 0.15
_TILE, _TITLE, _LINE, _MOST_LINES = 0.95, 0.27, 0.115, 5
_PANEL, _PANEL_FOOT = 1.5, 0.45
_CHART, _CHART_HEAD, _CHART_FOOT = 0.8, 0.22, 0.28

_WINDOW, _HOP = 1024, 256
_LOWEST_HERTZ, _PITCHES = 60.0, 104
_HERTZ = ((100, "100"), (1_000, "1k"), (10_000, "10k"))
_RANGE_DB = 96.0
_ROLLS = 64
"""Takes whose notes are drawn over time."""
_NUMBERED = re.compile(r"s([0-9]+)\.wav")
_HEARD, _OTHER, _SECOND, _INK, _MUTED = "#e39a4e", "0.86", "#3b6ea5", "0.15", "0.45"


def sound_sheet(
    collection: str | Collection | None = None,
    data: "Source | None" = None,
    *,
    split: str | None = None,
    seed: int | None = None,
    rows: int = ROWS,
    tiles: int = TILES,
    label: str | None = None,
    engine: Engine | None = None,
    prior: str = UNIFORM,
    plays: Sequence[Note] | None = None,
    progress: bool = True,
) -> "Figure":
    """Draw what is in a collection: takes as spectrograms, levels, brightness and settings.

    The takes are those of `data`, or rendered: the collection's own rows, evenly chosen, those of
    2018 as in their session where the engine can; or fresh rows, from silence.

    Args:
        collection: the collection or its name; found by the columns of `data` if None.
        data: a dataset's folder or a dataset, as `iter_takes` reads it.
        split: "train" or "test" of `data`; all if None.
        seed: render fresh rows of this seed instead of the collection's own.
        rows: how many rows are rendered, or all that there are if fewer; of `data` every
            row counts.
        tiles: how many of them are shown as spectrograms, evenly chosen.
        label: where `data` is from, for the head of the sheet, instead of what is found out.
        engine: that renders the rows; the collection's own if None.
        prior: how the presets of fresh rows are drawn, see `draw_presets`.
        plays: notes that every rendered row plays; those that the rows have if None.
        progress: whether to show a progress bar.

    Returns:
        A figure of 2,200 pixels' width that needs no display; see `write_sheet`.

    Raises:
        InputError: neither a collection nor data; arguments that do not go together or are
            out of range; no engine renders the instrument; `data` cannot be read.
        ModuleNotFoundError: matplotlib is not installed.
    """
    # At once, not after minutes of rendering.
    from matplotlib.figure import Figure

    tiles = integer("tiles", tiles, 1, MOST_TILES)
    if data is None:
        if collection is None:
            raise InputError("A sheet needs a collection to render or data to read.")
        if split is not None:
            raise InputError("`split` chooses among the rows of data; leave it out where rows are rendered.")
        rows, seed = integer("rows", rows, 1, MAX_ROWS), None if seed is None else integer("seed", seed)
        collection = get_collection(collection)
        engine = engine or get_engine(collection)
        gathered = gather_rendered(
            collection, engine, seed=seed, rows=rows, tiles=tiles, prior=prior, plays=plays, progress=progress
        )
    else:
        given = {"seed": seed, "prior": None if prior == UNIFORM else prior, "plays": plays}
        if what := next((name for name, value in given.items() if value is not None), None):
            raise InputError(f"`{what}` is for rendering; leave it out where data is read.")
        gathered = gather_read(data, split, collection, label=label, tiles=tiles, progress=progress)
    figure = Figure(dpi=_DPI)
    draw(figure, gathered)
    return figure


def write_sheet(
    path: str | Path, collection: str | Collection | None = None, data: "Source | None" = None, **options: Any
) -> Path:
    """Write a sheet as a PNG file; the same takes give the same bytes.

    Args:
        path: the file, ending in .png; replaced as a whole if it is there.
        collection: see `sound_sheet`.
        data: see `sound_sheet`.
        options: the other arguments of `sound_sheet`.

    Returns:
        The path.

    Raises:
        InputError: see `sound_sheet`; or the file does not end in .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png" and not is_stream(path):
        raise InputError(f"{path} must end in .png.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}; make it first.")
    # By a link of that name, too.
    read = [Path(data)] if isinstance(data, str | Path) else []
    path = check_file(path, inputs=[file for folder in read if folder.is_dir() for file in folder.rglob("*.parquet")])
    content = io.BytesIO()
    # Without matplotlib's version in the file.
    sound_sheet(collection, data, **options).savefig(content, format="png", metadata={"Software": None})
    write_whole(path, content.getvalue())
    return path


def draw(figure: "Figure", gathered: Gathered) -> None:
    """Draw a sheet, and set the figure's size to it."""
    presets, peaks, shown = gathered.presets, gathered.peaks, gathered.shown
    collection = presets.collection
    audible = peaks >= SILENCE_DBFS
    heard = presets.heard() & audible[:, None]
    captions = [
        _lines(_tokens(presets, number, heard[number]), _column_width()) for number in (take.number for take in shown)
    ]

    # Inches from the top: where the tiles, the panels and the charts begin, and the end.
    caption = _TITLE + max(map(len, captions)) * _LINE
    row_height = caption + _TILE
    panels = _HEADER + -(-len(shown) // _COLUMNS) * row_height + _SECTION
    played = panels + _PANEL + _PANEL_FOOT + _SECTION
    # What is played gets panels of its own where it is not the same in every row.
    noted = not presets.play_constant
    charts = played + noted * (_PANEL + _PANEL_FOOT + _SECTION)
    chart_height = _CHART_HEAD + _CHART + _CHART_FOOT
    figure.set_size_inches(_WIDTH, charts + -(-len(presets.parameters) // _COLUMNS) * chart_height + _FOOT)

    _text(figure, _LEFT, 0.42, f"{collection.name}: {collection.title}", fontsize=17, weight="bold")
    _text(
        figure,
        _LEFT,
        0.7,
        f"{gathered.source}; {len(shown)} shown as spectrograms, with some of the settings that are heard in them",
    )
    for place, take in enumerate(shown):
        row, column = divmod(place, _COLUMNS)
        y = _HEADER + row * row_height
        # The axis of time stands under the last tile of every column.
        last = place + _COLUMNS >= len(shown)
        mesh = _tile(figure, column, y + caption, take.sound, labelled=(column == 0, last))
        _caption(figure, column, y, take.file, float(peaks[take.number]), captions[place])
    bar = _axes(figure, _WIDTH - _RIGHT + 0.12, _HEADER + caption, 0.13, 2 * _TILE)
    figure.colorbar(mesh, cax=bar).set_label("dB re full-scale sine", fontsize=8, color=_INK)
    bar.tick_params(labelsize=7, colors=_INK)

    _panels(figure, panels, gathered, peaks, audible)
    if noted:
        _played(figure, played, presets)
    legend = "Settings of all rows: coloured where the parameter is heard, by its rule, in a take that is not silent"
    _text(figure, _LEFT, charts - 0.16, legend, fontsize=10, weight="bold")
    for place, parameter in enumerate(presets.parameters):
        row, column = divmod(place, _COLUMNS)
        axes = _axes(figure, *_column(column, charts + row * chart_height + _CHART_HEAD, _CHART))
        _chart(axes, parameter, presets.unit[:, place], heard[:, place])


def _axes(figure: "Figure", x: float, y: float, width: float, height: float) -> "Axes":
    """Axes placed in inches from the upper left corner."""
    full_width, full = figure.get_size_inches()
    return figure.add_axes((x / full_width, 1 - (y + height) / full, width / full_width, height / full))


def _column(column: int, y: float, height: float, span: int = 1) -> tuple[float, float, float, float]:
    """Place of what stands in `span` columns: x, y, width and height for `_axes`."""
    return _LEFT + column * _PITCH, y, _column_width(span), height


def _column_width(span: int = 1) -> float:
    return span * _PITCH - _GAP


def _text(figure: "Figure", x: float, y: float, text: str, **style: Any) -> None:
    width, full = figure.get_size_inches()
    # Names may hold dollar signs, which are no formulas.
    common: dict[str, Any] = {"fontsize": 10, "color": _INK, "va": "baseline", "parse_math": False}
    figure.text(x / width, 1 - y / full, text, **(common | style))


def _tile(figure: "Figure", column: int, y: float, sound: np.ndarray, labelled: tuple[bool, bool]):
    from matplotlib import colormaps

    axes = _axes(figure, *_column(column, y, _TILE))
    ends = np.log10(_LOWEST_HERTZ), np.log10(SAMPLE_RATE / 2)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    # A sine of amplitude 1 is a quarter of the window's length high.
    # Mirrored beyond the ends: a note that is cut off there would show as a click.
    mirrored = np.pad(sound, _WINDOW // 2, mode="reflect")
    inside = slice(_WINDOW // 2 // _HOP, -(_WINDOW // 2 // _HOP))
    spectra = magnitudes(mirrored, _WINDOW, _HOP)[inside] / (_WINDOW / 4)
    rows = np.logspace(*ends, _PITCHES)
    image = np.stack([np.interp(rows, hertz, spectrum) for spectrum in spectra], axis=1)
    # In steps of 3 dB, which halves the file.
    mesh = axes.imshow(
        20 * np.log10(np.maximum(image, 1e-6)),
        origin="lower",
        aspect="auto",
        extent=(0, len(sound) / SAMPLE_RATE, *ends),
        vmin=-_RANGE_DB,
        vmax=0,
        cmap=colormaps["magma"].resampled(32),
        interpolation="nearest",
    )
    axes.set_yticks([np.log10(hertz) for hertz, _ in _HERTZ], [label for _, label in _HERTZ])
    # Every quarter or, of long takes, every whole so and so many seconds; every other one is labelled.
    step = next((step for step in (0.25, 0.5, 1, 2, 5) if len(sound) / SAMPLE_RATE <= 8 * step), 10)
    ticks = np.arange(0, len(sound) / SAMPLE_RATE, step)
    axes.set_xticks(ticks, ["" if place % 2 else f"{tick:g}" for place, tick in enumerate(ticks)])
    axes.tick_params(labelsize=7, length=2, colors=_INK, labelleft=labelled[0], labelbottom=labelled[1], pad=1.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.4)
    if labelled[0]:
        axes.set_ylabel("Hz", fontsize=7, labelpad=1, color=_INK)
    if labelled[1]:
        axes.set_xlabel("seconds", fontsize=7, labelpad=1, color=_INK)
    return mesh


def _title(file: str) -> str:
    """A take's row number where its file's name tells it, else that name."""
    match = _NUMBERED.fullmatch(file)
    return f"row {match[1]}" if match else _fitted(file, 9.0, 1.35)


def _caption(figure: "Figure", column: int, y: float, file: str, peak: float, lines: list[str]) -> None:
    x, _, width, _ = _column(column, y, 0)
    _text(figure, x, y + 0.22, _title(file), fontsize=9, weight="bold")
    # No sign in front of a nought.
    level = f"peak {round(float(peak), 1) + 0.0:.1f} dBFS".replace("-", "−") if peak >= SILENCE_DBFS else "silent"
    _text(figure, x + width, y + 0.22, level, fontsize=7, color=_MUTED, ha="right")
    for line, text in enumerate(lines, 1):
        _text(figure, x, y + 0.22 + line * _LINE, text, fontsize=6.8)


def _tokens(presets: Presets, row: int, heard: np.ndarray) -> list[str]:
    """The settings that are heard in a row: switches, then knobs, the furthest from their middle first.

    What is simply off is left out.
    """
    switches, knobs = [], []
    for column in np.flatnonzero(heard):
        parameter = presets.parameters[column]
        setting = parameter.unit_to_setting(presets.unit[row, column])
        # A knob is told by how far it stands from its middle, which a switch does not have.
        if isinstance(parameter, Knob):
            low, high = parameter.setting_limits
            distance = abs(float(setting) - (low + high) / 2) / (high - low)
            knobs.append((-distance, f"{parameter.name} {float(setting):.1f}"))
        elif str(setting).lower() != "off":
            switches.append(f"{parameter.name} {parameter.show(setting)}")
    return switches + [text for _, text in sorted(knobs, key=lambda knob: knob[0])]


def _lines(tokens: list[str], width: float) -> list[str]:
    """As many of the tokens as fit into a caption's lines of `width` inches."""
    lines: list[str] = []
    for token in tokens:
        token = _fitted(token, 6.8, width)
        extended = f"{lines[-1]}  ·  {token}" if lines else ""
        if lines and _inches(extended, 6.8) <= width:
            lines[-1] = extended
        elif len(lines) < _MOST_LINES:
            lines.append(token)
    return lines


def _fitted(text: str, size: float, width: float) -> str:
    """`text`, its end left out where it is wider than `width` inches."""
    while _inches(text, size) > width:
        text = text[:-2] + "…"
    return text


def _inches(text: str, size: float) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return width / 72


def _panels(figure: "Figure", top: float, gathered: Gathered, peaks: np.ndarray, audible: np.ndarray) -> None:
    """Level, level over time, brightness, and how many takes are silent or limited."""
    axes = _panel(figure, 0, top, "Level", "dBFS", "rows")
    bins = np.arange(LOWEST_DBFS, 2.1, 3).tolist()
    axes.hist(peaks, bins, color=_HEARD, label="peak")
    axes.hist(gathered.levels, bins, histtype="step", color=_SECOND, linewidth=1.4, label="RMS")
    axes.axvline(SILENCE_DBFS, color=_MUTED, linewidth=0.8, linestyle="--", label="silent below")
    axes.set_xlim(LOWEST_DBFS, 3)
    axes.set_xticks(np.arange(LOWEST_DBFS, 1, 15))
    axes.legend(fontsize=7, frameon=False, loc="upper left")

    axes = _panel(figure, 2, top, "Level over time", "seconds", "RMS in 20 ms, dBFS")
    envelopes = gathered.envelopes
    seconds = (np.arange(envelopes.shape[1]) + 0.5) * BLOCK / SAMPLE_RATE
    low, lower, middle, upper, high = np.percentile(envelopes, (10, 25, 50, 75, 90), axis=0)
    axes.fill_between(seconds, low, high, color=_HEARD, alpha=0.3, linewidth=0, label="80 % of the rows")
    axes.fill_between(seconds, lower, upper, color=_HEARD, alpha=0.8, linewidth=0, label="half of them")
    axes.plot(seconds, middle, color=_SECOND, linewidth=1.4, label="median")
    axes.set_xlim(0, seconds[-1] + seconds[0])
    axes.set_ylim(LOWEST_DBFS, 0)
    axes.set_yticks(np.arange(LOWEST_DBFS, 1, 30))
    axes.legend(fontsize=7, frameon=False, loc="lower right", ncols=3)

    axes = _panel(figure, 4, top, "Brightness of the takes that are not silent", "spectral centroid, Hz", "rows")
    bins = np.geomspace(_LOWEST_HERTZ, SAMPLE_RATE / 2, 41).tolist()
    axes.hist(np.clip(gathered.centroids[audible], bins[0], bins[-1]), bins, color=_HEARD)
    axes.set_xscale("log")
    axes.set_xlim(bins[0], bins[-1])
    hertz = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
    axes.set_xticks(hertz, [f"{one:,}" for one in hertz])
    axes.minorticks_off()

    axes = _panel(figure, 6, top, "Silent and limited takes", "share of the rows, %", "")
    # Half a step of 16 bits below the peak that engines turn takes down to.
    limited = float(np.mean(peaks >= 20 * np.log10(PEAK - 1e-4)))
    shares = {
        f"silent: peak below {SILENCE_DBFS:.0f} dBFS".replace("-", "−"): 1 - float(audible.mean()),
        "at the limit: peak at full scale": limited,
        "all others": float(audible.mean()) - limited,
    }
    for place, (label, share) in enumerate(shares.items()):
        axes.barh(-place, 100 * share, height=0.38, color=_OTHER if place == 2 else _HEARD)
        axes.text(0.5, -place + 0.27, f"{label}: {share:.1%}", fontsize=8, color=_INK, va="bottom")
    axes.set_xlim(0, 100)
    axes.set_ylim(-2.4, 0.75)
    axes.set_yticks([])


def _played(figure: "Figure", top: float, presets: Presets) -> None:
    """What the rows play: pitches, velocities, durations, and when which pitch sounds."""
    performances = presets.performances
    pitches = performances.pitch
    axes = _panel(figure, 0, top, "Pitches", "MIDI note, 60 is middle C", "notes")
    lowest, highest = int(pitches.min()), int(pitches.max())
    # Bins of as many notes each, at most 64 of them.
    step = -(-(highest - lowest + 1) // 64)
    axes.hist(pitches, np.arange(lowest, highest + step + 1, step).tolist(), color=_HEARD)
    octaves = [pitch for pitch in range(0, 128, 12) if lowest <= pitch <= highest]
    axes.set_xticks(octaves or [lowest])

    axes = _panel(figure, 2, top, "Velocities", "velocity", "notes")
    axes.hist(performances.velocity, np.linspace(0.5, 127.5, 33).tolist(), color=_HEARD)
    axes.set_xlim(0, 128)
    axes.set_xticks([1, 32, 64, 96, 127])

    axes = _panel(figure, 4, top, "Durations", "seconds", "notes")
    ends = float(performances.duration.min()), float(performances.duration.max())
    # A tenth of an octave about a duration that is the only one.
    bins = np.geomspace(ends[0] / 1.07, ends[1] * 1.07, 41)
    axes.hist(performances.duration, bins.tolist(), color=_HEARD)
    axes.set_xscale("log")
    axes.set_xlim(bins[0], bins[-1])
    seconds = [second for second in (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30) if bins[0] <= second <= bins[-1]]
    axes.set_xticks(seconds, [f"{second:g}" for second in seconds])
    axes.minorticks_off()

    counts = performances.counts
    told = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    title = f"Notes over time: {told} in a take, {min(len(presets), _ROLLS)} takes"
    axes = _panel(figure, 6, top, title, "seconds", "MIDI note")
    # More lines than these are one surface.
    some = performances.select(np.linspace(0, len(presets) - 1, min(len(presets), _ROLLS)).astype(np.int64))
    end = presets.collection.seconds
    axes.hlines(some.pitch, some.onset, np.minimum(some.end, end), color=_SECOND, linewidth=1.0, alpha=0.5)
    axes.set_xlim(0, end)


def _panel(figure: "Figure", column: int, top: float, title: str, x_label: str, y_label: str) -> "Axes":
    x, y, width, height = _column(column, top, _PANEL, span=2)
    # The labels of the next panel's axis stand in this one's column.
    axes = _axes(figure, x, y, width - 0.42, height)
    axes.set_title(title, loc="left", fontsize=10, weight="bold", color=_INK)
    axes.set_xlabel(x_label, fontsize=8, color=_INK, labelpad=2)
    axes.set_ylabel(y_label, fontsize=8, color=_INK, labelpad=2)
    axes.tick_params(labelsize=7, colors=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _chart(axes: "Axes", parameter: Parameter, unit: np.ndarray, heard: np.ndarray) -> None:
    """How often a parameter has which setting."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=6.5, length=2, colors=_INK, pad=1.5)
    share = f"heard {heard.mean():.0%}"
    axes.set_title(_fitted(parameter.name, 8, _column_width() - _inches(share, 7) - 0.1), loc="left", fontsize=8, pad=3)
    axes.set_title(share, loc="right", fontsize=7, pad=3, color=_MUTED)
    # A knob's settings are a histogram over its range, a switch's are bars with their labels.
    if isinstance(parameter, Knob):
        low, high = parameter.setting_limits
        bins = np.linspace(low, high, 21).tolist()
        # A controller's step stays in its bin, though it is not a whole number of them.
        settings = np.clip(parameter.unit_to_setting(unit), low, high)
        axes.hist(settings, bins, color=_OTHER)
        axes.hist(settings[heard], bins, color=_HEARD)
        axes.set_xlim(low, high)
        axes.set_xticks([low, (low + high) / 2, high], [f"{tick:.2g}" for tick in (low, (low + high) / 2, high)])
        axes.set_yticks([])
        return
    count = parameter.classes
    names = [parameter.show(label) for label in parameter.labels]
    everywhere = np.bincount(unit.astype(np.intp), minlength=count)
    axes.barh(range(count), everywhere, height=0.86, color=_OTHER)
    axes.barh(range(count), np.bincount(unit[heard].astype(np.intp), minlength=count), height=0.86, color=_HEARD)
    for place, name in enumerate(names):
        axes.annotate(name, (0, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5, color=_INK)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlim(0, max(1, int(everywhere.max())))
    axes.set_xticks([0, int(everywhere.max())])
    axes.set_yticks([])
