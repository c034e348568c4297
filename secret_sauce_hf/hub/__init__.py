"""Publishing datasets, checkpoints and metrics on the Hugging Face Hub.

`publish_dataset`, `publish_checkpoint` and `publish_metric` bring a repository to the
state it should have, in one commit, and name that state by a tag.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secret_sauce_hf.hub.checkpoints import model_card, publish_checkpoint
    from secret_sauce_hf.hub.datasets import publish_dataset, read_about
    from secret_sauce_hf.hub.metrics import publish_metric
    from secret_sauce_hf.hub.repository import Publication

__all__ = ["Publication", "model_card", "publish_checkpoint", "publish_dataset", "publish_metric", "read_about"]

# Loaded on first use: the command line imports this room for its help.
_HOMES = {
    "Publication": "repository",
    "model_card": "checkpoints",
    "publish_checkpoint": "checkpoints",
    "publish_dataset": "datasets",
    "publish_metric": "metrics",
    "read_about": "datasets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
