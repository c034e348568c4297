"""Training the models of `secret_sauce_hf.modeling`, and measuring them.

`train` trains a checkpoint from a dataset and freshly rendered sounds; `evaluate` scores
one on a dataset's test rows beside simple references, as its card shows;
`evaluate_checkpoint` does so on arrays.
"""

from typing import TYPE_CHECKING, Any

from secret_sauce_hf.modeling.registration import import_with_models

if TYPE_CHECKING:
    from secret_sauce_hf.training.evaluation import Scores, evaluate_checkpoint
    from secret_sauce_hf.training.report import Evaluation, evaluate
    from secret_sauce_hf.training.run import train
    from secret_sauce_hf.training.trainer import PresetTrainer

__all__ = ["Evaluation", "PresetTrainer", "Scores", "evaluate", "evaluate_checkpoint", "train"]

# Loaded on first use: torch and transformers take seconds.
_MODULES = {
    "Evaluation": "report",
    "PresetTrainer": "trainer",
    "Scores": "evaluation",
    "evaluate": "report",
    "evaluate_checkpoint": "evaluation",
    "train": "run",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_with_models(f"{__name__}.{_MODULES[name]}"), name)
