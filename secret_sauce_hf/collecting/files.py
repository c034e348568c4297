"""Sounds as bytes, and files that are there whole or not at all."""

import io
from pathlib import Path

import numpy as np
import soundfile

from secret_sauce_hf.instruments import SAMPLE_RATE


def encode(take: np.ndarray, container: str) -> bytes:
    """A take as the bytes of a 16-bit mono file.

    Args:
        take: int16 samples at 22,050 Hz, shape (samples,).
        container: "FLAC" or "WAV".
    """
    buffer = io.BytesIO()
    soundfile.write(buffer, take, SAMPLE_RATE, format=container, subtype="PCM_16")
    return buffer.getvalue()


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
