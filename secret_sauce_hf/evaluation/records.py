"""The records of an evaluation and of a benchmark as they lie beside a checkpoint: what is read of them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secret_sauce_hf.forms import (
    Form,
    anything,
    command,
    count,
    each,
    fields,
    line,
    list_of,
    maybe,
    number,
    read_record,
    some,
    unless_empty,
)
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.training.config import RECORD_FILE

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


def _estimate(value: Any, where: str) -> None:
    """A value and the limits of its interval; null where nothing was counted, or nothing is known of the limits."""
    list_of(maybe(number))(value, where)
    if len(value) != 3 or (value[1] is None) != (value[2] is None):
        raise InputError(f"{where} is {str(value)[:60]}; it must be a value and its two limits.")


def _estimates(*names: str) -> Form:
    return fields(dict.fromkeys(names, _estimate))


_SETTINGS = some(
    fields(
        {
            "all": _estimates("knob_mae", "switch_accuracy"),
            "heard": _estimates("knob_mae", "switch_accuracy", "within_step"),
        },
        {"same": _estimates("settings", "all_right", "whole")},
    )
)
_SOUNDS = fields(
    dict.fromkeys(("mss", "wmfcc", "sot_hertz", "rms_cosine", "spectral_composite"), fields({"median": _estimate})),
    {"floors": _estimates("median", "within")},
)
_SEEDED = fields(
    {"all": fields({}, dict.fromkeys(("knob_mae", "switch_accuracy"), list_of(maybe(number))))}
    | {"heard": fields({}, dict.fromkeys(("knob_mae", "switch_accuracy"), list_of(maybe(number))))}
)
_PAIR = fields({"one": line, "other": line, "difference": maybe(number), "holm": maybe(number)})
_WAY = fields(
    {
        "title": line,
        "seconds": maybe(number),
        "settings": _SETTINGS,
        "settings_of_all": _SETTINGS,
        "sounds": some(_SOUNDS),
    },
    {
        "trained": some(fields({"epochs": number, "seconds": number})),
        "seeds": some(fields({"seeds": list_of(count), "settings": _SEEDED})),
    },
)
_PUBLISHED = fields(
    {"title": line, "tier": line}, dict.fromkeys(("knob_mae", "switch_accuracy", "within_step"), maybe(number))
)
# What is read of a benchmark: its tables and notes.
_BENCHMARK = fields(
    {
        "weights": line,
        "collection": line,
        "command": unless_empty(command),
        "data": fields(
            {
                "source": line,
                "split": maybe(line),
                "recordings": maybe(line),
                "rows": count,
                "first": count,
                "nothing_heard": count,
                "known": maybe(count),
                "left_out": count,
            }
        ),
        "budget": fields({"seconds": maybe(number), "renders": maybe(count)}),
        "ways": each(_WAY),
        "published": fields({"scores": list_of(_PUBLISHED)}),
        "calibration": some(fields({"rows": count, "switch_error": _estimate, "coverage": _estimate})),
        "over_time": anything,
        "machine": line,
    },
    # Earlier records have no tests.
    {"pairs": fields({"mss": list_of(_PAIR), "heard_knob_mae": list_of(_PAIR)})},
)
_STEP = fields({}, dict.fromkeys(("sounds", "sounds_seen", "knob_mae", "switch_accuracy", "loss"), maybe(number)))
_HISTORY = fields({}, {"history": list_of(_STEP), "run": fields({}, {"base": maybe(line)})})


def weights_digest(folder: str | Path) -> str:
    """SHA-256 of a checkpoint's weights, of all their files one after the other."""
    # Here, not above: publishing a dataset reads names from this file, and needs no torch.
    from secret_sauce_hf.modeling.checkpoint_secret_sauce import weight_files

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
    record = _read(path, remedy)
    if record.get("weights") != weights_digest(folder):
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
    record = _read(path, remedy := "copy it again or remove it")
    try:
        _HISTORY(record, RECORD_FILE)
    except InputError as error:
        raise InputError(f"{path} cannot be read ({str(error)[:-1]}); {remedy}.") from error
    return record.get("history", []), record.get("run", {}).get("base")


def _read(path: Path, remedy: str) -> dict[str, Any]:
    try:
        return read_record(path)
    except InputError as error:
        raise InputError(f"{str(error)[:-1]}: {remedy}.") from error


def _checked(path: Path) -> dict[str, Any]:
    remedy = "run `secret-sauce benchmark` again, or remove it"
    record = _read(path, remedy)
    if record.get("schema") != SCHEMA:
        raise InputError(f"{path} is not a benchmark of this version: {remedy}.")
    try:
        _BENCHMARK(record, BENCHMARK_FILE)
    except InputError as error:
        raise InputError(f"{path} cannot be read ({str(error)[:-1]}): {remedy}.") from error
    return record
