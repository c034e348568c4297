"""What participants of a listening test said, as a picture."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from secret_sauce_hf.plots.benchmark import BLUE, GREY, ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FONT = 9
_WORDS = ("bad", "poor", "fair", "good", "excellent")


def draw(record: Mapping[str, Any], shown: Mapping[str, Sequence[float]]) -> "Figure":
    """Means, or shares, with their intervals; a dot for each participant.

    Args:
        record: of an evaluated listening test, see `listening_test.evaluating.Evaluated`.
        shown: by condition what each participant gave on average; of 2AFC by pair how often one was chosen.
    """
    # Not pyplot: a Figure of one's own needs no display and leaves no global state.
    from matplotlib.figure import Figure

    rated = "conditions" in record
    if rated:
        ordered = sorted(record["conditions"].items(), key=lambda one: -one[1]["mean"][0])
        rows = [(name, one["mean"], shown[name], name in record["systems"]) for name, one in ordered]
    else:
        rows = [
            (
                f"{pair['one']}\nrather than {pair['other']}",
                # Where all agree, a bootstrap knows no other answers; Wilson's interval does.
                [pair["share"][0], min(pair["share"][1], pair["wilson"][0]), max(pair["share"][2], pair["wilson"][1])],
                shown[f"{pair['one']}/{pair['other']}"],
                True,
            )
            for pair in record["pairs"]
        ]
    figure = Figure(figsize=(7.2, 1.5 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    generator = np.random.default_rng(0)
    for place, (_, figures, dots, system) in enumerate(rows):
        scale = 1 if rated else 100
        spread = generator.uniform(-0.22, 0.22, len(dots))
        axes.scatter(
            scale * np.array(dots), place + spread, s=10, color=SKY if system else GREY, alpha=0.5, linewidth=0
        )
        value, low, high = (scale * float(one) for one in figures)
        colour = BLUE if system else GREY
        axes.errorbar(
            value,
            place,
            xerr=[[max(value - low, 0)], [max(high - value, 0)]],
            fmt="o",
            color=colour,
            capsize=4,
            zorder=3,
        )
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-1, 101)
    if rated:
        axes.set_xticks([0, 20, 40, 60, 80, 100])
        for place, word in enumerate(_WORDS):
            axes.text(10 + 20 * place, -0.45, word, ha="center", va="top", fontsize=_FONT - 2, color=GREY)
        axes.set_xlabel("rating, mean and 95 % interval; dots: participants", fontsize=_FONT)
    else:
        axes.axvline(50, color=ORANGE, linewidth=1.2, linestyle=":")
        axes.set_xlabel("chosen, % and 95 % interval, the wider of two; dots: participants", fontsize=_FONT)
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=_FONT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    counted = record["participants"]["counted"]
    people = f"{counted} participant{'s' * (counted != 1)}, {record['sounds']} sound{'s' * (record['sounds'] != 1)}"
    title = record["title"] or "Listening test"
    figure.suptitle(f"{title}: {people}", fontsize=_FONT + 2, parse_math=False)
    return figure
