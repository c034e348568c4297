from .bank import Bank, read_bank
from .demo import DEMO_RENDERS, KnownSound, demo_sound
from .match import Loaded, Match, load_model, load_models, match
from .progress import Reached
from .result import Candidate, Search, TracePoint
from .strategies import Strategy, get_strategy, register_strategy, strategy_names

__all__ = [
    "DEMO_RENDERS",
    "Bank",
    "Candidate",
    "KnownSound",
    "Loaded",
    "Match",
    "Reached",
    "Search",
    "Strategy",
    "TracePoint",
    "demo_sound",
    "get_strategy",
    "load_model",
    "load_models",
    "match",
    "read_bank",
    "register_strategy",
    "strategy_names",
]
