"""What there is in a folder: builds and checkpoints."""

from pathlib import Path
from typing import Any

from secret_sauce_hf.cards.names import CARD_NAME
from secret_sauce_hf.data.names import RECORD_NAME
from secret_sauce_hf.forms import Form, count, fields, line, maybe, read_record
from secret_sauce_hf.instruments import COLLECTIONS, InputError
from secret_sauce_hf.original.table import whose

# As the rooms that write them name them; importing those takes seconds, and a listing should answer at once.
_CONFIG = "config.json"
_EVALUATION = "evaluation.json"
_BUILD = fields({"collection": line, "start": count, "stop": count, "seed": maybe(count)})
_CHECKPOINT = fields({"model_type": line, "collection": line})


def found_here(folder: Path) -> list[tuple[Path, str, str]]:
    """Builds and checkpoints in a folder and in the folders in it, two levels deep.

    Returns:
        For each its path, the collection and what it is, for people; in the order of the
        paths.
    """
    found = []
    for path in sorted({*folder.glob(f"*/{RECORD_NAME}"), *folder.glob(f"*/*/{RECORD_NAME}")}):
        if record := _read(path, _BUILD):
            rows = (
                f"rows {record['start']} to {record['stop'] - 1} {_whose(record['collection'])}"
                if record["seed"] is None
                else f"{record['stop']:,} rows of seed {record['seed']}"
            )
            state = "" if (path.parent / CARD_NAME).is_file() else ", not finished"
            found.append((path.parent, record["collection"], f"dataset, {rows}{state}"))
    for path in sorted({*folder.glob(f"*/{_CONFIG}"), *folder.glob(f"*/*/{_CONFIG}")}):
        config = _read(path, _CHECKPOINT)
        if config.get("model_type") == "secret-sauce":
            evaluated = "evaluated" if (path.parent / _EVALUATION).is_file() else "not evaluated"
            found.append((path.parent, config["collection"], f"checkpoint, {evaluated}"))
    return sorted(found)


def _whose(name: str) -> str:
    collection = COLLECTIONS.get(name)
    return "of 2018" if collection is None else whose(collection)


def _read(path: Path, form: Form) -> dict[str, Any]:
    """A record, or nothing where it is not one: a listing passes over what it does not know."""
    try:
        record = read_record(path)
        form(record, path.name)
    except InputError:
        return {}
    return record
