"""The scores of 2018, which stand beside the measured ones as references."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection

_FILE = Path(__file__).with_name("results-2018.json")
# Collections whose knobs were scored where their effect was on only.
_WHERE_ON = ("guitar",)


@dataclass(frozen=True)
class Published:
    """Scores of 2018.

    Args:
        title: year and name of the model.
        tier: `all` or `heard`, whichever is nearest to how it was scored.
        knob_mae: mean over the knobs, 0 to 10; None without knobs.
        switch_accuracy: mean over the switches; None without switches.
    """

    title: str
    tier: str
    knob_mae: float | None
    switch_accuracy: float | None


def published(collection: Collection) -> list[Published]:
    """What the models of 2018 reached on the original recordings of a collection; empty if that is not known."""
    found = []
    for name, scores in _results().get(collection.name, {}).items():
        kinds = {parameter.name: parameter.kind for parameter in collection.parameters}
        knobs = [value for parameter, value in scores.items() if kinds[parameter] == "knob"]
        switches = [value for parameter, value in scores.items() if kinds[parameter] == "switch"]
        found.append(
            Published(
                title=f"2018 {name.split()[0]}",
                tier="heard" if collection.name in _WHERE_ON else "all",
                knob_mae=float(np.mean(knobs)) if knobs else None,
                switch_accuracy=float(np.mean(switches)) if switches else None,
            )
        )
    return found


def source() -> str:
    """Where the scores are from."""
    return str(_results()["source"])


@cache
def _results() -> dict[str, Any]:
    return json.loads(_FILE.read_text(encoding="utf-8"))
