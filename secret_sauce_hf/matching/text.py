"""A match as rows of text, for tables in a terminal and in a picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from secret_sauce_hf.instruments import Knob, Parameter
from secret_sauce_hf.metrics import DISTANCES, knob_mae

if TYPE_CHECKING:
    from secret_sauce_hf.matching.match import Match

NOT_HEARD = "(not heard)"
_SHOWN = ("mss", "level_difference", "wmfcc", "sot_hertz", "rms_cosine", "spectral_composite")


def shorten(name: str, length: int) -> str:
    """A name on one line of at most `length` characters, its middle left out where it is longer."""
    name = "".join(character if character.isprintable() else "?" for character in name)
    half = length // 2 - 1
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def show_setting(parameter: Parameter, setting: Any) -> str:
    """A setting as it is shown: two decimals, or the label's display name."""
    if isinstance(parameter, Knob):
        return f"{float(setting):.2f}"
    return dict(parameter.display).get(str(setting), str(setting))


def show_confidence(match: "Match", name: str) -> str:
    """How sure the model is; nothing can be sure of what is not heard."""
    return f"{match.confidence[name]:.0%}" if match.heard[name] else NOT_HEARD


def setting_rows(match: "Match") -> list[list[str]]:
    """Name, setting and confidence of every parameter."""
    return [
        [p.name, show_setting(p, match.preset[p.name]), show_confidence(match, p.name)]
        for p in match.collection.parameters
    ]


def show_error(parameter: Parameter, truth: Any, setting: Any) -> str:
    """How far a setting is from the truth: the difference of a knob, right or wrong of a switch."""
    if isinstance(parameter, Knob):
        return f"{float(setting) - float(truth):+.2f}"
    return "right" if setting == truth else "wrong"


def error_summary(match: "Match", truth: Mapping[str, Any]) -> str:
    """All errors in one line."""
    knobs = [p.name for p in match.collection.parameters if isinstance(p, Knob)]
    switches = [p.name for p in match.collection.parameters if not isinstance(p, Knob)]
    parts = []
    if knobs:
        error = knob_mae(np.array([truth[name] for name in knobs]), np.array([match.preset[name] for name in knobs]))
        parts.append(f"Knobs are off by {error:.2f} of 10 on average")
    if switches:
        right = sum(truth[name] == match.preset[name] for name in switches)
        parts.append(f"{right} of {len(switches)} switches right")
    return ", ".join(parts) + "."


def distance_rows(values: Mapping[str, float]) -> list[list[str]]:
    """Title and value of every distance worth showing."""
    return [[one.title, one.show(values[one.name])] for one in DISTANCES if one.name in _SHOWN]
