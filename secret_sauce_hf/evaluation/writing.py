"""Writing an evaluation and a benchmark into a folder: record, tables and pictures, each file as a whole."""

import io
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from secret_sauce_hf.cards.templates import fenced, table_text
from secret_sauce_hf.evaluation.records import (
    BENCHMARK_FILE,
    EVALUATION_FILE,
    MARKDOWN_FILE,
    PICTURE_FILE,
    PICTURES,
)
from secret_sauce_hf.evaluation.tables import (
    heard_table,
    markdown_table,
    notes,
    pairs_table,
    settings_table,
    sounds_table,
)
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.plots.benchmark import figures
from secret_sauce_hf.plots.evaluation import Shown, draw


def write_evaluation(record: Mapping[str, Any], shown: Shown, folder: str | Path) -> list[Path]:
    """Write `evaluation.json`, and where matplotlib is installed `evaluation.png`; returns the files.

    Args:
        record: of the evaluation, JSON-ready.
        shown: sounds for the picture, see `plots.evaluation.draw`.
        folder: made where there is none.

    Raises:
        InputError: `folder` is a file.
    """
    folder = _made(folder, "evaluation")
    files = [folder / EVALUATION_FILE]
    if find_spec("matplotlib") is not None:
        picture = io.BytesIO()
        figure = draw(record["collection"], record["data"]["split"], shown)
        figure.savefig(picture, format="png", metadata={"Software": None})
        files.append(folder / PICTURE_FILE)
        write_whole(files[1], picture.getvalue())
    write_whole(files[0], (json.dumps(record, indent=2) + "\n").encode())
    return files


def write_benchmark(record: Mapping[str, Any], folder: str | Path) -> list[Path]:
    """Write `benchmark.json`, `benchmark.md` and, where matplotlib is installed, pictures; returns the files.

    Args:
        record: of the benchmark, JSON-ready.
        folder: made where there is none.

    Raises:
        InputError: `folder` is a file.
    """
    folder = _made(folder, "benchmark")
    contents = {BENCHMARK_FILE: (json.dumps(record, indent=1) + "\n").encode()}
    contents[MARKDOWN_FILE] = benchmark_markdown(record).encode()
    if find_spec("matplotlib") is not None:
        for kind, figure in figures(record).items():
            picture = io.BytesIO()
            figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
            contents[PICTURES[kind]] = picture.getvalue()
    for name in PICTURES.values():
        if name not in contents:
            # Of an earlier benchmark, which these would not show.
            (folder / name).unlink(missing_ok=True)
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [folder / name for name in contents]


def benchmark_markdown(record: Mapping[str, Any]) -> str:
    """The tables of a benchmark and what must be said beside them, to paste into a README."""
    data = record["data"]
    parts = [f"**{record['collection']}**, {data['first']:,} sounds, all ways on the same ones:\n"]
    parts.append(markdown_table(*settings_table(record, titles=True)))
    header, rows = sounds_table(record, titles=True)
    if rows:
        parts.append(markdown_table(header, rows))
    for header, rows in (heard_table(record, titles=True), pairs_table(record, titles=True)):
        if rows:
            parts.append(markdown_table(header, rows))
    if data["rows"] > data["first"]:
        parts.append(f"All {data['rows']:,} sounds:\n")
        parts.append(markdown_table(*settings_table(record, of_all=True, titles=True)))
    parts.append("\n".join(f"- {table_text(note)}" for note in notes(record)) + "\n")
    parts.append(f"```sh\n{fenced(record['command'])}\n```\n" if record["command"] else "")
    return "\n".join(part for part in parts if part)


def _made(folder: str | Path, what: str) -> Path:
    folder = check_folder(folder, what=f"the {what}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
