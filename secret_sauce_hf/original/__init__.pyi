from .archives import Archive, ArchiveReport

__all__ = ["Archive", "ArchiveReport"]
