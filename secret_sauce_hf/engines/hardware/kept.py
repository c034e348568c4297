"""Takes that are recorded and not yet in a dataset: each in a file of its own, safe from the moment it is there."""

import shutil
from pathlib import Path

import numpy as np

from secret_sauce_hf.files import write_whole


class KeptTakes:
    """A folder of takes, by the number of their row and a digest of what was recorded.

    Args:
        folder: made when the first take is kept; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def find(self, row: int, digest: str, samples: int) -> np.ndarray | None:
        """The take of a row, int16 of shape (samples,); None if it is not there whole."""
        path = self._path(row, digest)
        try:
            content = b"" if path is None else path.read_bytes()
        except OSError:
            return None
        return np.frombuffer(content, "<i2").astype(np.int16) if len(content) == 2 * samples else None

    def keep(self, row: int, digest: str, take: np.ndarray) -> None:
        """Keep a take, int16 of shape (samples,).

        Raises:
            OSError: it cannot be written.
        """
        if (path := self._path(row, digest)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, take.astype("<i2").tobytes())

    def drop(self, row: int, digest: str) -> None:
        """Forget a take."""
        if (path := self._path(row, digest)) is not None:
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget all of them."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def count(self) -> int:
        """How many there are."""
        return 0 if self.folder is None else sum(1 for _ in self.folder.glob("*.take"))

    def _path(self, row: int, digest: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{row}-{digest}.take"
