"""Files that are there whole or not at all, and what JSON files can hold."""

import math
from pathlib import Path
from typing import Any


def temporary(path: Path, mark: str = "") -> Path:
    """Where a file is written before it gets its name: hidden, in the same folder.

    Args:
        path: the name that it gets.
        mark: what tells the writers apart where there may be several.
    """
    return path.with_name(f".{path.name}{mark}.tmp")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half-written under its own name."""
    unfinished = temporary(path)
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def jsonable(value: Any) -> Any:
    """A value in which NaN and infinity, which JSON does not know, are None."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
