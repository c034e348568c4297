"""What was measured already, kept beside the results so that an interrupted benchmark goes on."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.files import write_whole

FOLDER = ".rows"


class Store:
    """Answers by way, conditions and sound; a line of JSON each, written as soon as there is one.

    Args:
        folder: of the benchmark; `.rows` in it is the store's. Nothing is kept if None.
        again: forget what is there.
    """

    def __init__(self, folder: Path | None, again: bool = False):
        self.folder = None if folder is None else folder / FOLDER
        if again and self.folder is not None:
            for path in self.folder.glob("*.jsonl"):
                path.unlink()

    def part(self, way: str, conditions: Mapping[str, Any]) -> "Part":
        """Where the answers of a way lie that were found under these conditions."""
        text = json.dumps(conditions, sort_keys=True)
        name = f"{way}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
        return Part(None if self.folder is None else self.folder / name)


class Part:
    """Records by key, on disk.

    Args:
        path: of the file; made with the first record. In memory only if None.
    """

    def __init__(self, path: Path | None):
        self._path = path
        self._records: dict[str, Any] = {}
        if path is not None and path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    record = json.loads(line)
                    self._records[record["key"]] = record["value"]
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # Of a process that was killed while it wrote, or of somebody else.

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> Any:
        return self._records[key]

    def put(self, key: str, value: Any) -> None:
        """Keep a record, whole or not at all."""
        self._records[key] = value
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps({"key": one, "value": record}) for one, record in self._records.items())
        write_whole(self._path, "".join(f"{line}\n" for line in lines).encode())


def key_of(*arrays: np.ndarray) -> str:
    """A key that changes with any value of the arrays."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:24]
