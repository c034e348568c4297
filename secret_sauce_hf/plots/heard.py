"""Which parameters of an instrument are heard, as a picture."""

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_shares(shares: Mapping[str, float], left_out: Container[str]) -> "Figure":
    """Draw in how many sounds each parameter is heard, the most often heard on top.

    Args:
        shares: name → share of the sounds, 0 to 1.
        left_out: names that are drawn in grey.
    """
    # Not pyplot, see `match`.
    from matplotlib.figure import Figure

    names = sorted(shares, key=lambda name: shares[name])
    figure = Figure(figsize=(7, 1.2 + 0.19 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    colours = ["0.7" if name in left_out else "#1f5a99" for name in names]
    axes.barh(range(len(names)), [100 * shares[name] for name in names], color=colours)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.margins(y=0.01)
    axes.set_xlabel("Heard in % of random sounds")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
