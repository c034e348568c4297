"""A benchmark as pictures, in colours that colour-blind people tell apart (M. Okabe and K. Ito, 2008)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, SKY, ORANGE, GREEN, GREY = "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#777777"
OURS = ("model", "matching")
_FONT = 9


def figures(record: Mapping[str, Any]) -> "dict[str, Figure]":
    """Every picture that there is something to draw in: `scores`, `seconds`, `calibration`, `learning`."""
    drawn = {"scores": scores(record)}
    # A search that ended before it found anything better has no curve.
    if any(value is not None for curve in record["over_time"].values() for value in curve["mss"]["median"]):
        drawn["seconds"] = over_time(record)
    if record["calibration"]:
        drawn["calibration"] = calibration(record)
    if len(record["history"]) > 1:
        drawn["learning"] = learning(record)
    return drawn


def scores(record: Mapping[str, Any]) -> "Figure":
    """Bars with intervals for every way: knobs, switches, sounds."""
    ways = record["ways"]
    panels = []
    for what, title, scale in (
        ("knob_mae", "Knobs: mean error, 0 to 10", 1),
        ("switch_accuracy", "Switches right, %", 100),
    ):
        if any(way["settings"] and way["settings"]["all"][what][0] is not None for way in ways.values()):
            panels.append((what, title, scale))
    if any(way["sounds"] for way in ways.values()):
        panels.append(("mss", "Sound: median MSS, dB", 1))
    names = list(ways) if panels[-1][0] == "mss" else [name for name in ways if ways[name]["settings"]]
    figure = _figure(1.9 + 2.9 * len(panels), 1.5 + 0.42 * len(names))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    places = np.arange(len(names))
    for axes, (what, title, scale) in zip(grid, panels, strict=True):
        if what == "mss":
            figures_of = [(ways[n]["sounds"] or {}).get("mss", {}).get("median", [None] * 3) for n in names]
            _bars(axes, places, figures_of, scale, 0.6, GREEN, None)
        else:
            for tier, offset, colour in (("all", -0.19, SKY), ("heard", 0.19, BLUE)):
                figures_of = [(ways[n]["settings"] or {}).get(tier, {}).get(what, [None] * 3) for n in names]
                label = "all controls" if tier == "all" else "heard controls"
                _bars(axes, places + offset, figures_of, scale, 0.36, colour, label)
        axes.set_title(title, fontsize=_FONT + 1)
        axes.set_xlim(0, 105 if scale == 100 else None)
        _tidy(axes, "x")
        axes.tick_params(left=axes is grid[0])
    grid[0].set_yticks(places, [ways[name]["title"] for name in names])
    for label, name in zip(grid[0].get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name in OURS else "normal")
    grid[0].invert_yaxis()
    handles, labels = grid[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=_FONT, frameon=False)
    figure.suptitle(_title(record, f"first {record['data']['first']:,} sounds, 95 % confidence"), fontsize=_FONT + 2)
    return figure


def over_time(record: Mapping[str, Any]) -> "Figure":
    """Distance and error of the best answer so far against the time of the search."""
    figure = _figure(9.0, 3.9)
    grid = figure.subplots(1, 2)
    ours = record["ways"].get("matching", {}).get("title", "")
    own = {"matching": (BLUE, ours), "genetic": (ORANGE, "genetic search")}
    others = [name for name in record["over_time"] if name not in own]
    lines = {name: line for name, line in own.items() if name in record["over_time"]}
    lines |= {name: (f"C{place % 10}", record["ways"][name]["title"]) for place, name in enumerate(others, 3)}
    panels = (("mss", "MSS, dB"), ("heard_knob_mae", "Mean error of heard knobs, 0 to 10"))
    for axes, (what, title) in zip(grid, panels, strict=True):
        for name, (colour, label) in lines.items():
            curve = record["over_time"][name]
            seconds, median, low, high = (
                np.array(values, dtype=np.float64)
                for values in (curve["seconds"], *(curve[what][key] for key in ("median", "low", "high")))
            )
            axes.fill_between(seconds, low, high, color=colour, alpha=0.18, linewidth=0, step="post")
            axes.step(seconds, median, color=colour, linewidth=2, label=label, where="post")
        alone = record["ways"].get("model")
        if alone:
            values = [value for value in alone["rows"].get(what, ()) if value is not None]
            if values:
                axes.axhline(np.median(values), color=GREEN, linewidth=1.4, linestyle="--", label="model alone")
        if what == "mss" and "floor" in record["ways"]:
            floor = record["ways"]["floor"]["sounds"]["mss"]["median"][0]
            axes.axhline(floor, color=GREY, linewidth=1.2, linestyle=":", label="the truth, rendered")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("seconds of search per sound", fontsize=_FONT)
        axes.set_title(title, fontsize=_FONT + 1)
        _logarithmic(axes, "{x:g}")
        _tidy(axes, "both")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=_FONT, frameon=False)
    figure.suptitle(_title(record, "median and quartiles over the sounds"), fontsize=_FONT + 2)
    return figure


def calibration(record: Mapping[str, Any]) -> "Figure":
    """How often answers are right, against how sure the model was."""
    found = record["calibration"]
    knobs = found["per_knob"]
    panels = [bool(found["reliability"]), bool(knobs)]
    figure = _figure(0.6 + 4.2 * sum(panels), max(3.9, 1.5 + 0.2 * len(knobs) * panels[1]))
    grid = list(figure.subplots(1, sum(panels), squeeze=False)[0])
    if panels[0]:
        axes = grid.pop(0)
        confidence, accuracy, count = np.array(found["reliability"], dtype=np.float64).T
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=":")
        sizes = 20 + 240 * count / count.max()
        axes.plot(confidence, accuracy, color=BLUE, linewidth=1)
        axes.scatter(confidence, accuracy, s=sizes, color=BLUE, alpha=0.75, linewidth=0, clip_on=False, zorder=3)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("how sure the model was", fontsize=_FONT)
        axes.set_ylabel("how often it was right", fontsize=_FONT)
        axes.set_title(f"Switches: calibration error {found['switch_error'][0]:.3f}", fontsize=_FONT + 1)
        _tidy(axes, "both")
    if panels[1]:
        axes = grid.pop(0)
        places = np.arange(len(knobs))
        axes.axvspan(77, 83, color=GREY, alpha=0.18, linewidth=0)
        axes.axvline(80, color=GREY, linewidth=1.2, linestyle=":")
        axes.hlines(places, 0, [100 * value for value in knobs.values()], color=SKY, linewidth=3)
        axes.plot([100 * value for value in knobs.values()], places, "o", color=BLUE, markersize=5)
        axes.set_yticks(places, list(knobs))
        axes.set_ylim(-0.7, len(knobs) - 0.3)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of truths within the 80 % interval", fontsize=_FONT)
        axes.set_title(f"Knobs: {100 * found['coverage'][0]:.1f} % on average", fontsize=_FONT + 1)
        _tidy(axes, "x")
    figure.suptitle(_title(record, f"{found['rows']:,} sounds"), fontsize=_FONT + 2)
    return figure


def learning(record: Mapping[str, Any]) -> "Figure":
    """Validation error against the number of sounds that the model was trained on."""
    history = record["history"]
    fresh = all(step.get("sounds") for step in history)
    sounds = [step["sounds" if fresh else "sounds_seen"] for step in history]
    panels = [
        (what, title, scale)
        for what, title, scale in (
            ("knob_mae", "Knobs: mean error, 0 to 10", 1),
            ("switch_accuracy", "Switches wrong, %", 100),
        )
        if all(step.get(what) is not None for step in history)
    ] or [("loss", "Validation loss, nats", 1)]
    figure = _figure(0.6 + 4.2 * len(panels), 3.6)
    for axes, (what, title, scale) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        values = np.array([step[what] for step in history], dtype=np.float64)
        shown = 100 * (1 - values) if scale == 100 else values
        axes.plot(sounds, shown, color=BLUE, linewidth=1.6, marker="o", markersize=4)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("fresh training sounds" if fresh else "training sounds, repeats included", fontsize=_FONT)
        axes.set_title(title, fontsize=_FONT + 1)
        _logarithmic(axes, "{x:,.0f}")
        _tidy(axes, "both")
    title = f"{record['model']}: what more training sounds bought"
    if record.get("base"):
        title += f" a model that began with {record['base']}"
    figure.suptitle(title, fontsize=_FONT + 2, parse_math=False)
    return figure


def _bars(
    axes: "Axes",
    places: np.ndarray,
    estimates: list[list[float | None]],
    scale: float,
    height: float,
    colour: str,
    label: str | None,
) -> None:
    """Horizontal bars with intervals; nothing where nothing was counted."""
    values, low, high = np.array(estimates, dtype=np.float64).T * scale
    known = np.isfinite(values)
    axes.barh(places[known], values[known], height, color=colour, label=label, zorder=2)
    errors = np.maximum([values[known] - low[known], high[known] - values[known]], 0)
    axes.errorbar(
        values[known], places[known], xerr=errors, fmt="none", ecolor="black", elinewidth=0.9, capsize=2, zorder=3
    )


def _logarithmic(axes: "Axes", numbers: str) -> None:
    """A logarithmic horizontal axis, labelled at 1, 2, 5, 10, ... in the format `numbers`."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(numbers)
    axes.xaxis.set_minor_locator(NullLocator())


def _figure(width: float, height: float) -> "Figure":
    # Not pyplot: a Figure of one's own needs no display and leaves no global state.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _tidy(axes: "Axes", grid: str) -> None:
    axes.grid(axis=grid, color="#dddddd", linewidth=0.7, zorder=0)  # type: ignore[arg-type, unused-ignore]
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=_FONT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _title(record: Mapping[str, Any], what: str) -> str:
    data = record["data"]
    rows = f"recordings of {data['recordings']}" if data["recordings"] else f"{data['split']} rows"
    return f"{record['collection']}, {rows}: {what}"
