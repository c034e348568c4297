from .benchmarks import publish_benchmark
from .checkpoints import model_card, publish_checkpoint
from .datasets import publish_dataset, read_about
from .metrics import publish_metric
from .repository import Publication
from .spaces import publish_space

__all__ = [
    "Publication",
    "model_card",
    "publish_benchmark",
    "publish_checkpoint",
    "publish_dataset",
    "publish_metric",
    "publish_space",
    "read_about",
]
