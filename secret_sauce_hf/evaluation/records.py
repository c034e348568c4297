"""The records of an evaluation and of a benchmark as they lie beside a checkpoint: what is read of them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.modeling.checkpoint_secret_sauce import weight_files
from secret_sauce_hf.training.run import RECORD_FILE

EVALUATION_FILE = "evaluation.json"
PICTURE_FILE = "evaluation.png"
SCHEMA = 1
"""Version of the form of a benchmark's record."""
BENCHMARK_FILE = "benchmark.json"
MARKDOWN_FILE = "benchmark.md"
PICTURES = {
    "scores": "benchmark.png",
    "seconds": "benchmark-seconds.png",
    "calibration": "benchmark-calibration.png",
    "learning": "benchmark-learning.png",
}
MAX_BYTES = 2**24
"""Larger benchmark records are refused; one of 50 sounds has 100 KB."""


def weights_digest(folder: str | Path) -> str:
    """SHA-256 of a checkpoint's weights, of all their files one after the other."""
    total = hashlib.sha256()
    for path in weight_files(Path(folder)):
        total.update(path.read_bytes())
    return total.hexdigest()


def read_evaluation(folder: str | Path) -> dict[str, Any]:
    """The record of an evaluation that was saved beside a checkpoint.

    Raises:
        InputError: there is none, it cannot be read, or it is of other weights.
    """
    path = Path(folder) / EVALUATION_FILE
    remedy = f"run `secret-sauce evaluate {folder} --data DATASET`"
    if not path.is_file():
        raise InputError(f"{folder} has not been evaluated, and a card shows how good a model is: {remedy}.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        weights = record["weights"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}): {remedy}.") from error
    if weights != weights_digest(folder):
        raise InputError(f"{path} is about other weights than {folder} has now: {remedy}.")
    return record


def read_benchmark_record(checkpoint: str | Path) -> dict[str, Any] | None:
    """The record of a benchmark that was saved beside a checkpoint; None if there is none.

    Raises:
        InputError: it cannot be read, or is of other weights.
    """
    path = Path(checkpoint) / BENCHMARK_FILE
    if not path.is_file():
        return None
    record = _checked(path)
    if record["weights"] != weights_digest(checkpoint):
        raise InputError(
            f"{path} is about other weights than {checkpoint} has now: run `secret-sauce benchmark "
            f"{record['collection']} --model {checkpoint}` again, or remove it."
        )
    return record


def read_history(checkpoint: Path) -> tuple[list[Mapping[str, Any]], str | None]:
    """Validation errors on the way of a training, where its record has them, and what it began with."""
    path = checkpoint / RECORD_FILE
    if not path.is_file():
        return [], None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        history, base = record.get("history", []), record.get("run", {}).get("base")
    except (ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); copy it again or remove it.") from error
    return history, base


def _checked(path: Path) -> dict[str, Any]:
    remedy = "run `secret-sauce benchmark` again, or remove it"
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes, more than a benchmark has: {remedy}.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        same = record["schema"] == SCHEMA and {"weights", "collection", "ways", "data"} <= set(record)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}): {remedy}.") from error
    if not same:
        raise InputError(f"{path} is not a benchmark of this version: {remedy}.")
    return record
