"""Presets that sound much like another though several of their parameters differ.

No step of a single parameter leads from one to the other: the way there is worse than either end. What may
be such an image follows from the declarations:

- a knob's position reflected about its middle, as a pulse's duty d and 1 - d have the same spectrum;
- a **bipolar** knob reflected while another one moves: a filter that is swept down from a high cutoff, and up from
  a low one. A knob is bipolar if a rule of what is heard asks how far it is from a centre (`rules.away_from`);
- what is numbered exchanged: the settings of oscillator 1 and of oscillator 2, of parameters whose names differ by a
  number only, and labels that do;
- the labels of two switches that have some in common exchanged.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Parameter
from secret_sauce_hf.matching.space import Space

POSITIONS = 12
"""Where another knob is put, evenly spread, while a bipolar one is reflected."""
_NUMBER = re.compile(r"\d+")


def images(space: Space, place: np.ndarray) -> np.ndarray:
    """Places that may sound like one place: int64, (rows, columns); the place itself is not among them."""
    own = space.parameters[: space.settings]
    rows: list[np.ndarray] = [*_reflected(own, place), *_exchanged(own, place)]
    heard = space.heard(place[None])[0]
    columns = {parameter.name: column for column, parameter in enumerate(own)}
    for name in sorted(bipolar(own).keys() & columns.keys()):
        column = columns[name]
        if not heard[column]:
            continue
        turned = place.copy()
        turned[column] = _reflection(own[column], place[column], bipolar(own)[name])
        for other, parameter in enumerate(own):
            if other == column or parameter.classes or not heard[other]:
                continue
            for value in parameter.spread(POSITIONS):
                row = turned.copy()
                row[other] = value
                rows.append(row)
    found = {row.tobytes(): row for row in rows}
    found.pop(place.tobytes(), None)
    return np.array(list(found.values()), dtype=np.int64).reshape(-1, len(place))


def bipolar(parameters: Sequence[Parameter]) -> dict[str, float]:
    """Names of bipolar knobs and the setting in the middle of each, as rules of what is heard tell."""
    centres = {}
    for parameter in parameters:
        for name, centre in _centres(parameter.heard):
            centres[name] = centre
    return centres


def _centres(rule: Sequence[Any]) -> Iterator[tuple[str, float]]:
    operator, *parts = rule
    if operator not in ("all", "any"):
        return
    if operator == "any" and len(parts) == 2 and [part[0] for part in parts] == ["above", "below"]:
        (_, name, high), (_, other, low) = parts
        if name == other and all(isinstance(limit, int | float) for limit in (high, low)) and low < high:
            yield name, (high + low) / 2
    for part in parts:
        yield from _centres(part)


def _reflection(parameter: Parameter, cc: int, centre: float) -> int:
    """A knob's CC value as far on the other side of a setting, within its limits."""
    setting = 2 * centre - float(parameter.cc_to_setting(np.asarray(cc)))
    return int(parameter.nearest_cc(parameter.setting_to_unit(np.asarray(setting))))


def _reflected(parameters: Sequence[Parameter], place: np.ndarray) -> Iterator[np.ndarray]:
    centres = bipolar(parameters)
    for column, parameter in enumerate(parameters):
        if not parameter.classes:
            row = place.copy()
            # Without a declared centre that of the scale.
            row[column] = _reflection(parameter, int(place[column]), centres.get(parameter.name, 5.0))
            yield row


def _exchanged(parameters: Sequence[Parameter], place: np.ndarray) -> Iterator[np.ndarray]:
    numbers = sorted({number for parameter in parameters for number in _NUMBER.findall(parameter.name)})
    for index, first in enumerate(numbers):
        for second in numbers[index + 1 :]:
            both = {first: second, second: first}
            knobs, switches, named = place.copy(), place.copy(), place.copy()
            for column, parameter in enumerate(parameters):
                other = _partner(parameters, column, both)
                to = switches if parameter.classes else knobs
                if other is not None:
                    to[column] = _as_of(parameter, parameters[other], int(place[other]))
                elif parameter.classes:
                    named[column] = _renamed(parameter, int(place[column]), both)
            whole = np.where(knobs != place, knobs, np.where(switches != place, switches, named))
            yield from (whole, knobs, switches, named, np.where(knobs != place, knobs, named))
    for column, parameter in enumerate(parameters):
        for other in range(column):
            if len(set(_labels(parameter)) & set(_labels(parameters[other]))) > 1:
                row = place.copy()
                row[column] = _as_of(parameter, parameters[other], int(place[other]))
                row[other] = _as_of(parameters[other], parameter, int(place[column]))
                yield row


def _partner(parameters: Sequence[Parameter], column: int, both: dict[str, str]) -> int | None:
    """The column whose name is that of `column` with numbers exchanged."""
    name = _NUMBER.sub(lambda number: both.get(number[0], number[0]), parameters[column].name)
    others = [place for place, parameter in enumerate(parameters) if parameter.name == name and place != column]
    return others[0] if others and parameters[others[0]].kind == parameters[column].kind else None


def _labels(parameter: Parameter) -> list[str]:
    """A switch's labels; none of a knob."""
    return [str(label) for label in parameter.cc_to_setting(parameter.spread(0))] if parameter.classes else []


def _as_of(parameter: Parameter, other: Parameter, cc: int) -> int:
    """The CC value with another parameter's setting, or the nearest to it; the first for a label it lacks."""
    if not parameter.classes:
        unit = other.cc_to_unit(np.asarray(cc))
        return int(parameter.nearest_cc(unit))
    label = str(other.cc_to_setting(np.asarray(cc)))
    return int(parameter.setting_to_cc(np.asarray(label))) if label in _labels(parameter) else int(parameter.first_cc)


def _renamed(parameter: Parameter, cc: int, both: dict[str, str]) -> int:
    """The CC value of the label with numbers exchanged, if there is one."""
    label = str(parameter.cc_to_setting(np.asarray(cc)))
    renamed = _NUMBER.sub(lambda number: both.get(number[0], number[0]), label)
    return int(parameter.setting_to_cc(np.asarray(renamed))) if renamed in _labels(parameter) else cc
