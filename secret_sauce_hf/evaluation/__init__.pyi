from .benchmarking import benchmark
from .domain import DomainFit, calibrate_domain
from .evaluating import evaluate
from .exporting import export_benchmark
from .methods.base import Answer, Method, Task
from .methods.handed import Answering
from .predictions import Predictions, read_predictions
from .results import Benchmark, Evaluation, read_benchmark
from .same import Same, measure_same
from .scores import Scores, evaluate_checkpoint
from .searching import Search

__all__ = [
    "Answer",
    "Answering",
    "Benchmark",
    "DomainFit",
    "Evaluation",
    "Method",
    "Predictions",
    "Same",
    "Scores",
    "Search",
    "Task",
    "benchmark",
    "calibrate_domain",
    "evaluate",
    "evaluate_checkpoint",
    "export_benchmark",
    "measure_same",
    "read_benchmark",
    "read_predictions",
]
