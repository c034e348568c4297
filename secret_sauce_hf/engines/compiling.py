"""How the engines' kernels are compiled.

Kernels render many sounds side by side: state is kept as `(row, lane)` in flat
arrays, so that the inner loop over the lanes becomes vector instructions.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit
from platformdirs import user_cache_path

LANES = 32
"""Sounds rendered side by side by one thread."""

# Full fast-math also reassociates, and then a cached kernel differs from a fresh one in the last bit.
_FLAGS = {"nnan", "nsz", "ninf"}


def kernel(**options: Any) -> Callable[[Callable], Any]:
    """Compile a function for the engines and keep the machine code between runs.

    Numba looks for changes in the file of the function only, not in the helpers that
    it inlines from others: the cache is kept in a folder named after all of them.
    """

    def compile_(function: Callable) -> Any:
        previous = config.CACHE_DIR  # type: ignore[attr-defined]
        config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
        try:
            return njit(fastmath=_FLAGS, error_model="numpy", cache=True, **options)(function)
        except RuntimeError:
            # No folder can be written to: compile anew in every process.
            return njit(fastmath=_FLAGS, error_model="numpy", **options)(function)
        finally:
            config.CACHE_DIR = previous  # type: ignore[attr-defined]

    return compile_


def inlined(function: Callable) -> Any:
    """Compile a helper into its callers; a real call would stop them from being vectorised."""
    return njit(fastmath=_FLAGS, error_model="numpy", forceinline=True)(function)


def _cache_folder() -> Path:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return user_cache_path("secret_sauce_hf", appauthor=False) / f"kernels-{digest.hexdigest()[:16]}"
