from .benchmarking import benchmark
from .evaluating import Evaluation, evaluate
from .record import Benchmark, read_benchmark

__all__ = [
    "Benchmark",
    "Evaluation",
    "benchmark",
    "evaluate",
    "read_benchmark",
]
