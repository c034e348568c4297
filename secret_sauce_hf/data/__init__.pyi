from .builder import CollectionBuilder, CollectionConfig
from .building import build_at, build_collection
from .columns import features
from .heard import Agreement, Measurement, agreement, measure_heard
from .reading import Takes, iter_takes, load_takes, read_audio
from .recorded import read_recordings
from .recordings import Collected, collect_recordings
from .sounds import session_start, write_sounds

__all__ = [
    "Agreement",
    "Collected",
    "CollectionBuilder",
    "CollectionConfig",
    "Measurement",
    "Takes",
    "agreement",
    "build_at",
    "build_collection",
    "collect_recordings",
    "features",
    "iter_takes",
    "load_takes",
    "measure_heard",
    "read_audio",
    "read_recordings",
    "session_start",
    "write_sounds",
]
