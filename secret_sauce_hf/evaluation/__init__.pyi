from .benchmarking import benchmark
from .evaluating import evaluate
from .methods.base import Answer, Method, Task
from .results import Benchmark, Evaluation, read_benchmark
from .scores import Scores, evaluate_checkpoint
from .searching import Search

__all__ = [
    "Answer",
    "Benchmark",
    "Evaluation",
    "Method",
    "Scores",
    "Search",
    "Task",
    "benchmark",
    "evaluate",
    "evaluate_checkpoint",
    "read_benchmark",
]
