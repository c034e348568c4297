from .answers import References, Rendered, System
from .evaluating import Evaluated, evaluate_listening_test
from .folders import read_match_folder, read_references
from .making import Made, make_listening_test
from .rendering import render_predictions

__all__ = [
    "Evaluated",
    "Made",
    "References",
    "Rendered",
    "System",
    "evaluate_listening_test",
    "make_listening_test",
    "read_match_folder",
    "read_references",
    "render_predictions",
]
