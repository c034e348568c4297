"""A benchmark as rows of text, for tables in a terminal, in Markdown and in a card."""

from collections.abc import Mapping, Sequence
from typing import Any

from secret_sauce_hf.evaluation.scoring import NOISES, Estimate

Record = Mapping[str, Any]
NONE = "–"

_SETTINGS = (
    ("all", "knob_mae", 1, "knobs"),
    ("all", "switch_accuracy", 100, "switches %"),
    ("heard", "knob_mae", 1, "heard knobs"),
    ("heard", "switch_accuracy", 100, "heard switches %"),
    ("heard", "within_step", 100, "all right %"),
)
_SOUNDS = (
    ("mss", 2, "MSS, dB"),
    ("wmfcc", 2, "wMFCC"),
    ("sot_hertz", 0, "SOT, Hz"),
    ("rms_cosine", 3, "RMS cosine"),
    ("spectral_composite", 2, "composite"),
)


def settings_table(record: Record, of_all: bool = False, titles: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the first two tiers: all controls, and those that are heard.

    Args:
        record: of the benchmark.
        of_all: on all rows, by the ways that heard them; else on the first ones, by all ways.
        titles: whether ways have their titles instead of their names.
    """
    key = "settings_of_all" if of_all else "settings"
    ways = {name: way for name, way in record["ways"].items() if way[key]}
    shown = [
        column for column in _SETTINGS if any(way[key][column[0]][column[1]][0] is not None for way in ways.values())
    ]
    rows = []
    for name, way in ways.items():
        figures = [show(way[key][tier][what], 2, percent=scale == 100) for tier, what, scale, _ in shown]
        rows.append([way["title"] if titles else name, *figures, duration(way["seconds"])])
    for one in record["published"]["scores"]:
        figures = [
            show([one[what] if tier == one["tier"] and what in one else None], 2, percent=scale == 100)
            for tier, what, scale, _ in shown
        ]
        rows.append([f"{one['title']} (reported)" if titles else one["title"], *figures, NONE])
    return ["", *(title for *_, title in shown), "a sound"], rows


def sounds_table(record: Record, titles: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the third tier: medians of the distances between sounds; no rows without an engine."""
    rows = []
    for name, way in record["ways"].items():
        if way["sounds"]:
            figures = [show(way["sounds"][what]["median"], digits) for what, digits, _ in _SOUNDS]
            rows.append([way["title"] if titles else name, *figures])
    return ["", *(title for *_, title in _SOUNDS)], rows


def notes(record: Record) -> list[str]:
    """What must be said beside the tables, a sentence or two each."""
    data, budget = record["data"], record["budget"]
    what = f"{data['rows']:,} {data['split']} rows of {data['source']}"
    if data["recordings"]:
        what = f"{data['rows']:,} recordings of {data['recordings']}"
    told = [
        f"Sounds: {what}, the first {data['first']:,} of them also searched for. In brackets: 95 % confidence, by "
        "bootstrap over the sounds."
    ]
    if data["known"] is not None:
        known = f"Baselines know {data['known']:,} train rows"
        if data["left_out"]:
            known += f"; {data['left_out']:,} train rows are scored, so that fresh ones, rendered, took their place"
        told.append(f"{known}. Our model was trained on presets of its own, see its card.")
    told.append(
        "Knobs: mean absolute error, 0 to 10. Heard: only where the declared rules say that a control changes the "
        "sound (an effect that is on, an oscillator that is up), as the guitar was scored in 2018"
        + (f"; in {data['nothing_heard']:,} sounds nothing is." if data["nothing_heard"] else ".")
        + " All right: sounds with every heard switch right and every heard knob within one CC step."
    )
    if any(way["sounds"] for way in record["ways"].values()):
        told.append(
            f"Sounds are compared with the answers rendered from silence, with the nearest of {NOISES} noises and "
            "the nearest phases of what runs freely; medians."
        )
    else:
        told.append("No engine renders this instrument: nothing was searched for or compared as sound.")
    if record["over_time"]:
        limit = f"{budget['renders']:,} renders" if budget["renders"] else f"{budget['seconds']:g} s"
        told.append(f"Searches had {limit} a sound on {record['machine']}.")
    if trained := {name: way["trained"] for name, way in record["ways"].items() if way.get("trained")}:
        how = ", ".join(
            f"{name} {facts['epochs']} epochs in {facts['seconds']:.0f} s" for name, facts in trained.items()
        )
        told.append(f"Trained in this run: {how}.")
    if record["published"]["scores"]:
        told.append("2018: reported then, on the test rows of the original recordings; not measured in this run.")
    if record["calibration"]:
        told.append(calibration_line(record["calibration"]))
    return told


def calibration_line(found: Mapping[str, Any]) -> str:
    """How sure the model is, in one sentence."""
    parts = []
    if found["switch_error"][0] is not None:
        parts.append(f"expected calibration error of switches {show(found['switch_error'], 3)}")
    if found["coverage"][0] is not None:
        parts.append(f"80 % intervals of knobs hold the truth in {show(found['coverage'], 1, percent=True)} %")
    return f"Calibration of our model on {found['rows']:,} sounds: {', '.join(parts)}."


def show(figure: Estimate | Sequence[float | None], digits: int, percent: bool = False) -> str:
    """A figure with its interval, where it has one: 1.24 (1.10–1.41), or in percent 83.5 (78–89)."""
    if figure[0] is None:
        return NONE
    value, *limits = [one * (100 if percent else 1) for one in figure if one is not None]
    told = f"{value:.{1 if percent else digits}f}"
    if percent:
        # Tenths of wide intervals tell nothing.
        places = int(bool(limits) and limits[1] - limits[0] < 10)
        shown = [f"{round(one, places):g}" for one in limits]
    else:
        shown = [f"{one:.{digits}f}" for one in limits]
    interval = "–".join(shown)
    return f"{told} ({interval})" if limits else told


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return NONE
    if seconds < 1e-3:
        return "< 1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
