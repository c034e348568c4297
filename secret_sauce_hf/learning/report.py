"""The report of a run of `learn`: a page of Markdown with pictures."""

import io
import shlex
from collections.abc import Mapping
from pathlib import Path

from secret_sauce_hf.cards.templates import code, table_text
from secret_sauce_hf.evaluation import Benchmark
from secret_sauce_hf.evaluation.tables import heard_table, markdown_table, settings_table, sounds_table
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.plots.heard import draw_shares

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
        effort: `minutes` asked for, `steps` of training, seconds of a `step`, `takes` a second where an engine renders.
    """
    folder = out / PICTURES
    folder.mkdir(exist_ok=True)
    pictures = [path.name for path in found.save(folder) if path.suffix == ".png"]
    picture = io.BytesIO()
    draw_shares(shares, left_out).savefig(picture, format="png", dpi=110, metadata={"Software": None})
    write_whole(folder / _HEARD, picture.getvalue())
    record, name = found.record, shlex.quote(out.name)
    tables = [table(record) for table in (settings_table, sounds_table, heard_table)]
    parts = [
        f"# {table_text(collection.title)}",
        f"{code(f'secret-sauce match sound.wav --model {name}')} tells its settings of a sound; "
        f"{code(f'secret-sauce publish checkpoint {collection.name} --from {name}')} shares it.",
        f"Asked for {effort['minutes']:g} minutes on {table_text(record['machine'])}: {effort['steps']:,.0f} steps of "
        f"training, {effort['step']:.2f} s each"
        + (f"; the engine renders {effort['takes']:.0f} takes a second." if "takes" in effort else "."),
        "## How good it is",
        f"On {record['data']['rows']:,} sounds that nobody has seen before"
        + (
            f", the first {record['data']['first']} of them also searched for, {record['budget']['seconds']:g} s each"
            if "matching" in record["ways"]
            else ""
        )
        + f"; the nearest neighbour knows {record['data']['known']:,} others.",
        *(markdown_table(header, rows) for header, rows in tables if rows),
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
