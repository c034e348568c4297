from .data import load_takes
from .data.building import build
from .engines import get_engine, render
from .evaluation import evaluate
from .instruments import InputError, Note, get_collection, get_instrument
from .matching import match
from .modeling.registration import checkpoint_path
from .presets import Presets
from .training import train

__all__ = [
    "InputError",
    "Note",
    "Presets",
    "build",
    "checkpoint_path",
    "evaluate",
    "get_collection",
    "get_engine",
    "get_instrument",
    "load_takes",
    "match",
    "render",
    "train",
]
