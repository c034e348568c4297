"""A benchmark as rows of text, for tables in a terminal, in Markdown and in a card."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from secret_sauce_hf.cards.templates import table_text
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

_SAME = (
    ("settings", "right or same %"),
    ("all_right", "all right or same %"),
    ("whole", "sounds the same %"),
)
_FLOORS = (("median", "× floor"), ("within", "at the floor %"))
_PAIRS = (("mss", "MSS, dB"), ("heard_knob_mae", "heard knobs"))
_REFERENCES = ("matching", "model")


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


def heard_table(record: Record, titles: bool = False, of_all: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what can be heard of the answers; no rows where that was not measured.

    Args:
        record: of the benchmark.
        titles: whether ways have their titles instead of their names.
        of_all: of settings on all rows; the sounds are always the first ones.
    """
    key = "settings_of_all" if of_all else "settings"
    rows = []
    for name, way in record["ways"].items():
        same, multiples = (way[key] or {}).get("same"), (way["sounds"] or {}).get("floors")
        if not same and not multiples:
            continue
        figures = [show((same or {}).get(what, (None,)), 1, percent=True) for what, _ in _SAME]
        for what, _ in _FLOORS:
            figures.append(show((multiples or {}).get(what, (None,)), 2, percent=what == "within"))
        rows.append([way["title"] if titles else name, *figures])
    if all(row[-1] == NONE and row[1] == NONE for row in rows):
        rows = []
    return ["", *(title for _, title in (*_SAME, *_FLOORS))], rows


def pairs_table(record: Record, titles: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and rows of how every way differs from the reference, row by row; no rows where there are too few.

    The reference is our matching, or our model, or the first way that is scored. The header's first cell names it.
    """
    ways, found = record["ways"], record.get("pairs") or {}
    reference = next((name for name in _REFERENCES if name in ways), None)
    reference = reference or next((name for name, way in ways.items() if way["settings"]), "")
    rows = []
    for name, way in ways.items():
        cells = [_against(found.get(what, ()), name, reference) for what, _ in _PAIRS]
        if name != reference and any(cell != NONE for cell in cells):
            rows.append([way["title"] if titles else name, *cells])
    title = ways[reference]["title"] if titles and reference in ways else reference
    return [f"less {title}", *(title for _, title in _PAIRS)], rows


def _against(found: Sequence[Mapping[str, Any]], name: str, reference: str) -> str:
    """Median of a way's figures less the reference's, and the corrected p."""
    for pair in found:
        if {pair["one"], pair["other"]} == {name, reference} and pair["holm"] is not None:
            difference = pair["difference"] * (1 if pair["one"] == name else -1)
            p = pair["holm"]
            return f"{difference:+.2f} ({'p < .001' if p < 1e-3 else f'p = {p:.3f}'.replace('0.', '.')})"
    return NONE


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
        told.append(
            known + ("." if record["model"] is None else ". Our model was trained on presets of its own, see its card.")
        )
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
        if heard_table(record)[1]:
            told.append(
                "Right or same: heard settings that are right, or that change the true take by less than 1.5 dB where "
                "it is loudest (as much as is heard) when the answer's is put in their place; sounds the same: the "
                "whole answer changes it by less. Floor: MSS of the truth rendered again, + 0.1 dB; at the floor: "
                "sounds whose answer is no further."
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
    for name, way in record["ways"].items():
        if len((way.get("seeds") or {}).get("seeds", ())) > 1:
            told.append(_seeds_line(name, way["seeds"]))
    if pairs_table(record)[1]:
        tests = len(record["pairs"]["mss"])
        told.append(
            f"Differences: medians over the sounds; p of Wilcoxon's signed rank test, corrected by Holm's method for "
            f"all {tests} pairs of ways."
        )
    if record["published"]["scores"]:
        told.append("2018: reported then, on the test rows of the original recordings; not measured in this run.")
    if record["calibration"]:
        told.append(calibration_line(record["calibration"]))
    return told


def _seeds_line(name: str, found: Mapping[str, Any]) -> str:
    """What a way that is trained reached with several seeds: mean and standard deviation."""
    parts = []
    for tier, what, scale, title in _SETTINGS:
        values = [value for value in found["settings"][tier].get(what, ()) if value is not None]
        if len(values) > 1:
            digits = 1 if scale == 100 else 2
            mean, spread = statistics.mean(values) * scale, statistics.stdev(values) * scale
            parts.append(f"{title} {mean:.{digits}f} ± {spread:.{digits}f}")
    return f"{name}, trained with {len(found['seeds'])} seeds (the first is in the tables): {', '.join(parts)}."


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
    """A table in Markdown, numbers to the right; cells are shown to the letter."""
    cells = [[table_text(cell) for cell in line] for line in (header, *rows)]
    lines = [cells[0], ["---", *["---:"] * (len(header) - 1)], *cells[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
