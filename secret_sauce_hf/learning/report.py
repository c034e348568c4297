"""The report of a run of `learn`: a page of Markdown with pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from secret_sauce_hf.evaluation import Benchmark
from secret_sauce_hf.evaluation.tables import heard_table, settings_table, sounds_table
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import Collection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.md"
PICTURES = "report"
_HEARD = "heard.png"


def write_report(
    out: Path,
    collection: Collection,
    shares: Mapping[str, float],
    left_out: Mapping[str, float],
    found: Benchmark,
    effort: Mapping[str, float],
) -> None:
    """Write the report and its pictures.

    Args:
        out: the folder.
        collection: what was learned.
        shares: in how many of the sounds each parameter of the source is heard.
        left_out: those that were not learned.
        found: the comparison with other methods.
        effort: `minutes` asked for, `steps` of training, seconds of a `step`, `takes` a second.
    """
    folder = out / PICTURES
    folder.mkdir(exist_ok=True)
    pictures = [path.name for path in found.save(folder) if path.suffix == ".png"]
    _draw(shares, left_out).savefig(folder / _HEARD, dpi=110, metadata={"Software": None})
    record = found.record
    parts = [
        f"# {collection.title}",
        f"`secret-sauce match sound.wav --model {out.name}` tells its settings of a sound; "
        f"`secret-sauce publish checkpoint {collection.name} --from {out.name}` shares it.",
        f"Asked for {effort['minutes']:g} minutes on {record['machine']}: {effort['steps']:,.0f} steps of training, "
        f"{effort['step']:.2f} s each; the engine renders {effort['takes']:.0f} takes a second.",
        "## How good it is",
        f"On {record['data']['first']} sounds that nobody has seen before, each searched for "
        f"{record['budget']['seconds']:g} s; the nearest neighbour knows {record['data']['known']:,} others.",
        _markdown(*settings_table(record)),
        _markdown(*sounds_table(record)),
        _markdown(*heard_table(record)),
        *(f"![{Path(name).stem}]({PICTURES}/{name})" for name in pictures),
        "## What is heard",
        f"{len(collection.columns)} parameters were learned. "
        + (
            f"Left out, with the share of the sounds in which they are heard: "
            f"{', '.join(f'{name} ({share:.0%})' for name, share in left_out.items())}."
            if left_out
            else "None was left out."
        ),
        f"![heard]({PICTURES}/{_HEARD})",
    ]
    write_whole(out / REPORT, ("\n\n".join(part for part in parts if part) + "\n").encode())


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table; nothing where there are no rows."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) if rows else ""


def _draw(shares: Mapping[str, float], left_out: Mapping[str, float]) -> "Figure":
    """In how many sounds each parameter is heard, the most often heard on top; what was left out in grey."""
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
