"""Old names of published functions, which keep working for one version.

The package's rooms changed after version 0.1.0. A module whose names left it hands the old
ones out still, with a `DeprecationWarning` that says the new place.
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

_PACKAGE = "secret_sauce_hf"

MOVED: dict[str, dict[str, str]] = {
    "benchmarking": {
        "Benchmark": "evaluation:Benchmark",
        "benchmark": "evaluation:benchmark",
        "read_benchmark": "evaluation:read_benchmark",
        "read_recordings": "data:read_recordings",
    },
    "cards": {
        "ORGANISATION": "cards.templates:ORGANISATION",
        "TEMPLATES": "cards.templates:TEMPLATES",
        "citation": "cards.templates:citation",
        "render_card": "cards.templates:render_card",
        "table_text": "cards.templates:table_text",
    },
    "collecting": {
        "Agreement": "data:Agreement",
        "Archive": "original:Archive",
        "ArchiveReport": "original:ArchiveReport",
        "Collected": "data:Collected",
        "CollectionBuilder": "data:CollectionBuilder",
        "CollectionConfig": "data:CollectionConfig",
        "Measurement": "data:Measurement",
        "Takes": "data:Takes",
        "agreement": "data:agreement",
        "build_collection": "data:build_collection",
        "collect_recordings": "data:collect_recordings",
        "features": "data:features",
        "iter_takes": "data:iter_takes",
        "load_takes": "data:load_takes",
        "measure_heard": "data:measure_heard",
        "read_audio": "data:read_audio",
        "session_start": "data:session_start",
        "sound_sheet": "plots:sound_sheet",
        "write_sheet": "plots:write_sheet",
        "write_sounds": "data:write_sounds",
    },
    # Loading scripts written for 0.1.0 import the builder from its file.
    "collecting.builder": {
        "CollectionBuilder": "data.builder:CollectionBuilder",
        "CollectionConfig": "data.builder:CollectionConfig",
    },
    "engines": {
        "drawn_phases": "engines.former:drawn_phases",
        "free_phases": "engines.former:free_phases",
        "has_engine": "engines.former:has_engine",
    },
    "instruments": {"ORIGINAL_SEED": "original.table:SEED"},
    "midi": {"collection_track": "original:collection_track"},
    "presets": {
        "are_original": "original.table:are_original",
        "original_presets": "original:original_presets",
    },
    "training": {
        "Evaluation": "evaluation:Evaluation",
        "Scores": "evaluation:Scores",
        "evaluate": "evaluation:evaluate",
        "evaluate_checkpoint": "evaluation:evaluate_checkpoint",
    },
}
"""By module and old name where the object is now, as `module:name`; modules without the package's name."""

INSTEAD = {
    "drawn_phases": "get_engine(instrument).draw_phases(…)",
    "free_phases": "get_engine(instrument).free_phases",
    "has_engine": "find_engine(collection) is not None",
}
"""What to write where no object took the place of the old one."""


def moved(module: str, name: str) -> Any:
    """What an old name of a module stands for; warns whoever asks the module for it.

    Called by a module's `__getattr__` and by nothing else: the warning counts two frames up.

    Raises:
        AttributeError: the module never had such a name.
    """
    target = MOVED.get(module.removeprefix(f"{_PACKAGE}."), {}).get(name)
    if target is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, attribute = target.partition(":")
    place = INSTEAD.get(name, f"{_PACKAGE}.{home}.{attribute}")
    warnings.warn(f"{module}.{name} goes with the next version; use {place} instead.", DeprecationWarning, stacklevel=3)
    return getattr(import_module(f"{_PACKAGE}.{home}"), attribute)


def old_names(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module, which hands out the names that have left it.

    Set it under `if not TYPE_CHECKING` where the module has names of its own: a type checker
    that sees a `__getattr__` believes every misspelt name.
    """

    def get(name: str) -> Any:
        return moved(module, name)

    return get
