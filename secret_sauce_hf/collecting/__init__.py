"""Presets and sound to datasets, and back.

`build_collection` renders a collection into Parquet shards that plain
`datasets.load_dataset` reads with their types, `load_takes` and `iter_takes` read
them back without torchcodec, `write_sounds` writes WAV files instead.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secret_sauce_hf.collecting.building import build_collection
    from secret_sauce_hf.collecting.columns import features
    from secret_sauce_hf.collecting.reading import Takes, iter_takes, load_takes, read_audio
    from secret_sauce_hf.collecting.sounds import session_start, write_sounds

__all__ = [
    "Takes",
    "build_collection",
    "features",
    "iter_takes",
    "load_takes",
    "read_audio",
    "session_start",
    "write_sounds",
]

# Loaded on first use: importing `datasets` takes more than a second.
_HOMES = {
    "Takes": "reading",
    "build_collection": "building",
    "features": "columns",
    "iter_takes": "reading",
    "load_takes": "reading",
    "read_audio": "reading",
    "session_start": "sounds",
    "write_sounds": "sounds",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
