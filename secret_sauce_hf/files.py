"""Files that are there whole or not at all."""

from pathlib import Path


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
