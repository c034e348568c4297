"""What there is in a folder: builds and checkpoints."""

import json
from pathlib import Path
from typing import Any

from secret_sauce_hf.cards.names import CARD_NAME
from secret_sauce_hf.data.names import RECORD_NAME

# As the rooms that write them name them; importing those takes seconds, and a listing should answer at once.
_CONFIG = "config.json"
_EVALUATION = "evaluation.json"
_MAX_BYTES = 2**20


def found_here(folder: Path) -> list[tuple[Path, str, str]]:
    """Builds and checkpoints in a folder and in the folders in it, two levels deep.

    Returns:
        For each its path, the collection and what it is, for people; in the order of the
        paths.
    """
    found = []
    for path in sorted({*folder.glob(f"*/{RECORD_NAME}"), *folder.glob(f"*/*/{RECORD_NAME}")}):
        record = _read(path)
        if {"collection", "start", "stop", "seed"} <= record.keys():
            rows = (
                f"rows {record['start']} to {record['stop'] - 1} of 2018"
                if record["seed"] is None
                else f"{record['stop']:,} rows of seed {record['seed']}"
            )
            state = "" if (path.parent / CARD_NAME).is_file() else ", not finished"
            found.append((path.parent, str(record["collection"]), f"dataset, {rows}{state}"))
    for path in sorted({*folder.glob(f"*/{_CONFIG}"), *folder.glob(f"*/*/{_CONFIG}")}):
        config = _read(path)
        if config.get("model_type") == "secret-sauce":
            evaluated = "evaluated" if (path.parent / _EVALUATION).is_file() else "not evaluated"
            found.append((path.parent, str(config.get("collection")), f"checkpoint, {evaluated}"))
    return sorted(found)


def _read(path: Path) -> dict[str, Any]:
    """A record, or nothing where it is not one: a listing passes over what it does not know."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
