from .demo import DEMO_RENDERS, KnownSound, demo_sound
from .match import Match, match

__all__ = ["DEMO_RENDERS", "KnownSound", "Match", "demo_sound", "match"]
