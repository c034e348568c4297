from .archives import Archive, ArchiveReport
from .session import collection_track
from .table import original_presets

__all__ = ["Archive", "ArchiveReport", "collection_track", "original_presets"]
