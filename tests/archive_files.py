"""Archives as those of 2018, with noise in place of recordings."""

import io
import zipfile
from pathlib import Path

import numpy as np
import soundfile

from secret_sauce_hf.instruments import SAMPLE_RATE, get_collection
from secret_sauce_hf.instruments.takes import sound_file
from secret_sauce_hf.original.table import original_presets

TINY = "guitar-tiny"
"""All of its 32 rows are quickly written, and reading an archive takes no engine."""


def noise(row: int, collection: str = TINY) -> np.ndarray:
    """The sound of a row: int16, as long as the collection's takes."""
    return np.random.default_rng(row).integers(-3000, 3000, get_collection(collection).samples, dtype=np.int16)


def wav(samples, rate=SAMPLE_RATE, **kind) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **{"format": "WAV", "subtype": "PCM_16"} | kind)
    return buffer.getvalue()


def table(collection: str = TINY, rows: int | None = None) -> str:
    text = io.StringIO()
    original_presets(collection, 0, rows).to_csv(text)
    return text.getvalue()


def archive_files(collection: str = TINY, rows: int | None = None) -> dict[str, bytes]:
    """Paths and contents of a faultless archive of the first rows, in its own folder."""
    stem = get_collection(collection).stem
    count = len(original_presets(collection, 0, rows))
    files = {f"{stem}/{stem}.csv": table(collection, rows).encode()}
    return files | {f"{stem}/{stem}_samples/{sound_file(row)}": wav(noise(row, collection)) for row in range(count)}


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path
