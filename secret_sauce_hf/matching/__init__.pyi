from .demo import DEMO_RENDERS, KnownSound, demo_sound
from .match import Match, match
from .result import Candidate, Search, TracePoint
from .strategies import Strategy, get_strategy, register_strategy, strategy_names

__all__ = [
    "DEMO_RENDERS",
    "Candidate",
    "KnownSound",
    "Match",
    "Search",
    "Strategy",
    "TracePoint",
    "demo_sound",
    "get_strategy",
    "match",
    "register_strategy",
    "strategy_names",
]
