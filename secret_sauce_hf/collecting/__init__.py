"""Presets and sound to datasets, and back.

`build_collection` renders a collection into Parquet shards that plain
`datasets.load_dataset` reads with their types, `collect_recordings` makes the same of
sounds that somebody recorded, `load_takes` and `iter_takes` read them back, and any other
dataset with these columns, without torchcodec, `write_sounds` writes WAV files instead. `measure_heard`
finds out which settings matter in a sound, `sound_sheet` draws what is in a
collection, `Archive` reads the recordings of 2018.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secret_sauce_hf.collecting.archives import Archive, ArchiveReport
    from secret_sauce_hf.collecting.builder import CollectionBuilder, CollectionConfig
    from secret_sauce_hf.collecting.building import build_collection
    from secret_sauce_hf.collecting.columns import features
    from secret_sauce_hf.collecting.heard import Agreement, Measurement, agreement, measure_heard
    from secret_sauce_hf.collecting.reading import Takes, iter_takes, load_takes, read_audio
    from secret_sauce_hf.collecting.recordings import Collected, collect_recordings
    from secret_sauce_hf.collecting.sheet import sound_sheet, write_sheet
    from secret_sauce_hf.collecting.sounds import session_start, write_sounds

__all__ = [
    "Agreement",
    "Archive",
    "ArchiveReport",
    "Collected",
    "CollectionBuilder",
    "CollectionConfig",
    "Measurement",
    "Takes",
    "agreement",
    "build_collection",
    "collect_recordings",
    "features",
    "iter_takes",
    "load_takes",
    "measure_heard",
    "read_audio",
    "session_start",
    "sound_sheet",
    "write_sheet",
    "write_sounds",
]

# Loaded on first use: importing `datasets` takes more than a second.
_HOMES = {
    "Agreement": "heard",
    "Archive": "archives",
    "ArchiveReport": "archives",
    "Collected": "recordings",
    "CollectionBuilder": "builder",
    "CollectionConfig": "builder",
    "Measurement": "heard",
    "Takes": "reading",
    "agreement": "heard",
    "build_collection": "building",
    "collect_recordings": "recordings",
    "features": "columns",
    "iter_takes": "reading",
    "load_takes": "reading",
    "measure_heard": "heard",
    "read_audio": "reading",
    "session_start": "sounds",
    "sound_sheet": "sheet",
    "write_sheet": "sheet",
    "write_sounds": "sounds",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
