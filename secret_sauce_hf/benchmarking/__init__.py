"""How good the ways to tell a sound's settings are, all measured on the same sounds.

`benchmark` runs our model and its matching beside baselines, and scores their answers by
settings, by heard settings and by sound.
"""

from typing import TYPE_CHECKING, Any

from secret_sauce_hf.modeling.registration import import_with_models

if TYPE_CHECKING:
    from secret_sauce_hf.benchmarking.recordings import read_recordings
    from secret_sauce_hf.benchmarking.report import Benchmark, read_benchmark
    from secret_sauce_hf.benchmarking.run import benchmark

__all__ = ["Benchmark", "benchmark", "read_benchmark", "read_recordings"]

# Loaded on first use: torch and transformers take seconds.
_MODULES = {
    "Benchmark": "report",
    "benchmark": "run",
    "read_benchmark": "report",
    "read_recordings": "recordings",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_with_models(f"{__name__}.{_MODULES[name]}"), name)
