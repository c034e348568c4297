"""Give it a sound, it tells you how to make it.

Importing this is cheap (torch, transformers and datasets load on first use) and makes
`transformers.pipeline("audio-to-preset")` known.
"""

from typing import TYPE_CHECKING, Any

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.modeling.registration import checkpoint_path, register

if TYPE_CHECKING:
    from secret_sauce_hf.data import load_takes

__all__ = ["InputError", "checkpoint_path", "load_takes"]

register()


def __getattr__(name: str) -> Any:
    if name != "load_takes":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from secret_sauce_hf.data import load_takes

    return load_takes
