"""What an exported benchmark consists of, and what others write of it: its record, its tasks, results of models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secret_sauce_hf.forms import (
    anything,
    command,
    count,
    fields,
    line,
    maybe,
    number,
    read_record,
    some,
    unless_empty,
)
from secret_sauce_hf.instruments import InputError

SCHEMA = 1
EXPORT_FILE = "export.json"
DESCRIPTION_FILE = "eval.yaml"
RESULTS_FOLDER = ".eval_results"
TASKS = {
    "right_or_same": "right_or_same: share of heard settings that are right, or whose exchange is not heard, in %.",
    "all_right_or_same": "all_right_or_same: share of sounds in which every heard setting is, in %.",
    "sounds_the_same": "sounds_the_same: share of sounds whose answer sounds the same as a whole, in %.",
    "heard_switches": "heard_switches: share of heard switches that are right, in %.",
    "at_the_floor": "at_the_floor: share of sounds whose rendered answer is no further than the truth rendered, in %.",
}
"""Leaderboards, by id: the Hub ranks the highest value first, so none of them is an error."""
_PLACES = {
    "right_or_same": ("settings", "same", "settings"),
    "all_right_or_same": ("settings", "same", "all_right"),
    "sounds_the_same": ("settings", "same", "whole"),
    "heard_switches": ("settings", "heard", "switch_accuracy"),
    "at_the_floor": ("sounds", "floors", "within"),
}


def _flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{where} is {str(value)[:60]}; it must be true or false.")


_RECORD = fields(
    {
        "schema": count,
        "collection": line,
        "rows": count,
        "hidden": _flag,
        "data": fields({"source": line}, {"recordings": maybe(line), "split": maybe(line), "build": maybe(line)}),
        "floor": some(fields({"noise_seed": count, "median": maybe(number)})),
        "nothing_heard": count,
        "command": unless_empty(command),
        "versions": anything,
    }
)


def is_export(folder: str | Path) -> bool:
    """Whether a folder holds an exported benchmark."""
    return all((Path(folder) / name).is_file() for name in (EXPORT_FILE, DESCRIPTION_FILE))


def read_export(folder: str | Path) -> dict[str, Any]:
    """The record of an exported benchmark.

    Raises:
        InputError: it cannot be read.
    """
    path = Path(folder) / EXPORT_FILE
    remedy = "export the benchmark again with `secret-sauce benchmark COLLECTION --export DIR`"
    try:
        record = read_record(path)
        _RECORD(record, EXPORT_FILE)
    except InputError as error:
        raise InputError(f"{path} cannot be read ({str(error).rstrip('.')}); {remedy}.") from error
    if record["schema"] != SCHEMA:
        raise InputError(f"{path} is no export of this version; {remedy}.")
    return record


def task_values(way: Mapping[str, Any]) -> dict[str, float]:
    """What a method of a benchmark's record reached in each of `TASKS`, in %; without those that were not measured."""
    values = {}
    for task, (part, tier, what) in _PLACES.items():
        found = ((way[part] or {}).get(tier) or {}).get(what)
        if found and found[0] is not None:
            values[task] = round(100 * found[0], 2)
    return values
