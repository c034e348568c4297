"""A benchmark's record: reading and writing it."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from secret_sauce_hf.evaluation.evaluating import _digest as weights_digest
from secret_sauce_hf.evaluation.tables import markdown_table, notes, settings_table, sounds_table
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.training.run import RECORD_FILE

SCHEMA = 1
"""Version of the record's form."""
BENCHMARK_FILE = "benchmark.json"
MARKDOWN_FILE = "benchmark.md"
PICTURES = {
    "scores": "benchmark.png",
    "seconds": "benchmark-seconds.png",
    "calibration": "benchmark-calibration.png",
    "learning": "benchmark-learning.png",
}
MAX_BYTES = 2**24
"""Larger records are refused; one of 50 sounds has 100 KB."""


@dataclass(frozen=True, eq=False)
class Benchmark:
    """What a benchmark measured.

    Every figure is `[value, low, high]`, the last two the limits of its 95 % confidence
    interval; null where nothing was counted.

    Args:
        record: JSON-ready:

            - `schema`: version of this form; `collection`; `command`: the command line.
            - `data`: `source`, `revision` and `build` of the dataset, `split` or `recordings`
              (a file's name) and its `sha256`; `rows`: scored; `first`: so many of them
              searched for; `nothing_heard`: rows without a heard parameter; `known`: train
              rows that baselines knew; `left_out`: train rows replaced as they are scored.
            - `model`: its name, `weights`: SHA-256 of its weights.
            - `budget`: `seconds` and `renders` of a search, `baseline_seconds` and
              `baseline_steps` of a training, `seed`; `intervals`: how they were made.
            - `ways`: name to `title`, `about`, `seconds` per sound, for trained ones
              `trained`, for searching ones `renders`; `settings` on the first rows:
              `all` and `heard`, each with `knob_mae` and `switch_accuracy`, `heard` also
              with `within_step`, and `per_parameter`; `settings_of_all`: the same on all
              rows, where they were answered; `sounds`: per distance `median` and `mean`;
              `rows`: per first row `heard_knob_mae` and every distance.
            - `missing`: names of ways that did not take part.
            - `published`: `scores` of 2018 and their `source`.
            - `calibration`: `switch_error`, `coverage`, both per parameter too, and
              `reliability`: [confidence, accuracy, answers] per level; or null.
            - `over_time`: `matching` and `genetic` to `seconds`, and `mss` and
              `heard_knob_mae` then: `median` over the rows, quartiles `low` and `high`.
            - `history`: of the model's training, see its `training.json`.
            - `versions`; `machine`.
    """

    record: dict[str, Any]

    def markdown(self) -> str:
        """The tables and what must be said beside them, to paste into a README."""
        record = self.record
        data = record["data"]
        parts = [f"**{record['collection']}**, {data['first']:,} sounds, all ways on the same ones:\n"]
        parts.append(markdown_table(*settings_table(record, titles=True)))
        header, rows = sounds_table(record, titles=True)
        if rows:
            parts.append(markdown_table(header, rows))
        if data["rows"] > data["first"]:
            parts.append(f"All {data['rows']:,} sounds:\n")
            parts.append(markdown_table(*settings_table(record, of_all=True, titles=True)))
        parts.append("\n".join(f"- {note}" for note in notes(record)) + "\n")
        parts.append(f"```sh\n{record['command']}\n```\n" if record["command"] else "")
        return "\n".join(part for part in parts if part)

    def save(self, folder: str | Path) -> list[Path]:
        """Write `benchmark.json`, `benchmark.md` and, where matplotlib is installed, pictures, each as a whole.

        Returns:
            The files.

        Raises:
            InputError: `folder` is a file.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; give a folder for the benchmark.")
        folder.mkdir(parents=True, exist_ok=True)
        contents = {BENCHMARK_FILE: (json.dumps(self.record, indent=1) + "\n").encode()}
        contents[MARKDOWN_FILE] = self.markdown().encode()
        if find_spec("matplotlib") is not None:
            from secret_sauce_hf.plots.benchmark import figures

            for kind, figure in figures(self.record).items():
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


def read_benchmark(checkpoint: str | Path) -> Benchmark | None:
    """The benchmark that lies beside a checkpoint's weights; None if there is none.

    Raises:
        InputError: it cannot be read, or is of other weights.
    """
    path = Path(checkpoint) / BENCHMARK_FILE
    if not path.is_file():
        return None
    record = _read(path)
    remedy = f"run `secret-sauce benchmark {record['collection']} --model {checkpoint}` again, or remove it"
    if record["weights"] != weights_digest(Path(checkpoint)):
        raise InputError(f"{path} is about other weights than {checkpoint} has now: {remedy}.")
    return Benchmark(record)


def _read(path: Path) -> dict[str, Any]:
    remedy = "run `secret-sauce benchmark` again, or remove it"
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes, more than a benchmark has: {remedy}.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        same = record["schema"] == SCHEMA and {"weights", "collection", "ways", "data"} <= set(record)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}): {remedy}.") from error
    if not same:
        raise InputError(f"{path} is not a benchmark of this version: {remedy}.")
    return record


def read_history(checkpoint: Path) -> tuple[list[Mapping[str, Any]], str | None]:
    """Validation errors on the way of a training, where its record has them, and what it began with."""
    path = checkpoint / RECORD_FILE
    if not path.is_file():
        return [], None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        history, base = record.get("history", []), record.get("run", {}).get("base")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); copy it again or remove it.") from error
    return history, base
