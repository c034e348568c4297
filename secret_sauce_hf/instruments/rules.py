"""When a parameter is heard: conditions on the settings of a preset, and on what is played.

A rule is nested tuples, so that it can stand in a JSON file:

===========================================  ==================================================
("is", switch, label, …)                     the switch shows one of the labels
("above", name, limit)                       the knob, or what is played, is above the limit
("below", name, limit)                       the same, below
("all", rule, …), ("any", rule, …)           every one of the rules holds, or at least one does
===========================================  ==================================================

A name is that of a parameter, or one of `played.QUANTITIES`, as "note.held". A limit is a
number, or ("along", name, (x, limit), (x, limit), …): another one for every value that the
second name has, on straight lines between the points and level beyond them. So "the attack
ends before the note does" is one condition, however long notes are.

A checkpoint can carry a copy of this file (see `secret_sauce_hf.modeling`): it imports NumPy only.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

Rule = tuple[Any, ...]
"""A condition on a preset and on what is played, as nested tuples."""
Limit = float | tuple[Any, ...]
"""A number, or what `along` makes."""

ALWAYS: Rule = ("all",)
NEVER: Rule = ("any",)

# Finer than any knob's step, and a limit read off a line is the number that was meant.
_DIGITS = 9


def is_one_of(name: str, *labels: str) -> Rule:
    """The switch `name` shows one of `labels`."""
    return ("is", name, *labels)


def above(name: str, limit: Limit) -> Rule:
    """The knob `name`, or what is played, is above `limit`."""
    return ("above", name, limit)


def below(name: str, limit: Limit) -> Rule:
    """The knob `name`, or what is played, is below `limit`."""
    return ("below", name, limit)


def away_from(name: str, centre: float, distance: float) -> Rule:
    """The knob `name`, or what is played, is further than `distance` from `centre`."""
    return any_of(above(name, centre + distance), below(name, centre - distance))


def all_of(*rules: Rule) -> Rule:
    """Every one of `rules` holds (true when there is none)."""
    return ("all", *rules)


def any_of(*rules: Rule) -> Rule:
    """At least one of `rules` holds (false when there is none)."""
    return ("any", *rules)


def along(name: str, *points: tuple[float, float]) -> Limit:
    """A limit that depends on the knob `name`, or on what is played.

    Args:
        name: what it depends on.
        points: its value and the limit there, two at least, the values ascending; between them
            the limit is on straight lines, beyond them that of the nearest.
    """
    return ("along", name, *points)


def holds(rule: Sequence[Any], settings: Mapping[str, Any]) -> np.ndarray:
    """Evaluate `rule` on a preset or on columns of presets.

    Args:
        rule: nested tuples or (from JSON) lists, as the functions above make them.
        settings: for everything the rule names, its setting or an array of them; of what is
            played as `played.asked` tells.

    Returns:
        A boolean array of the shape of the settings, `()` for a rule that names none.

    Raises:
        KeyError: something that the rule names is not in `settings`.
        ValueError: the rule has an unknown operator.
    """
    operator, *rest = rule
    if operator in ("all", "any"):
        combine = np.logical_and if operator == "all" else np.logical_or
        result = np.asarray(operator == "all")
        for part in rest:
            result = combine(result, holds(part, settings))
        return result
    if operator == "is":
        return np.isin(np.asarray(settings[rest[0]]), rest[1:])
    if operator == "above":
        return np.asarray(settings[rest[0]], dtype=np.float64) > _limit(rest[1], settings)
    if operator == "below":
        return np.asarray(settings[rest[0]], dtype=np.float64) < _limit(rest[1], settings)
    raise ValueError(f"Unknown operator {operator!r} in a heard rule; known: is, above, below, all, any.")


def may_hold(rule: Sequence[Any], settings: Mapping[str, Any]) -> np.ndarray:
    """Whether `rule` can hold, where what is not in `settings` may be anything; else as `holds`."""
    return holds(_without(rule, settings), settings)


def decided(rule: Rule, known: Mapping[str, Any]) -> Rule:
    """The same rule where some settings are known: without the conditions that these decide.

    Args:
        rule: the rule.
        known: name → setting of what is the same in every row.

    Returns:
        `ALWAYS`, `NEVER`, or a rule of which no part is either; a part that stands alone in an
        "all" or "any" stands for it. A rule that names nothing known is returned as it is.
    """
    names = named(rule) & known.keys()
    if not names:
        return rule
    operator, *rest = rule
    if operator not in ("all", "any"):
        if named(rule) <= known.keys():
            return ALWAYS if holds(rule, known) else NEVER
        # A known subject with a limit that is not known stays a condition; a known limit becomes a number.
        return (operator, rest[0], float(_limit(rest[1], known))) if rest[0] not in known else rule
    # `NEVER` decides an "all", `ALWAYS` an "any"; the other one adds nothing.
    decides, neutral = (NEVER, ALWAYS) if operator == "all" else (ALWAYS, NEVER)
    parts = [decided(part, known) for part in rest]
    if decides in parts:
        return decides
    parts = [part for part in parts if part != neutral]
    return parts[0] if len(parts) == 1 else (operator, *parts)


def named(rule: Sequence[Any]) -> set[str]:
    """The parameters that a rule names, and what of that which is played."""
    operator, *rest = rule
    if operator in ("all", "any"):
        return set().union(*(named(part) for part in rest))
    bent = operator != "is" and not isinstance(rest[1], int | float)
    return {rest[0], rest[1][1]} if bent else {rest[0]}


def is_rule(rule: Any, depth: int = 0) -> bool:
    """Whether something is a rule by its form, whatever it names."""
    if not isinstance(rule, tuple) or not rule or depth > 64:
        return False
    operator, *rest = rule
    if operator in ("all", "any"):
        return all(is_rule(part, depth + 1) for part in rest)
    if operator == "is":
        return bool(rest) and all(isinstance(value, str) for value in rest)
    about_knob = operator in ("above", "below") and len(rest) == 2 and isinstance(rest[0], str)
    return about_knob and (_is_number(rest[1]) or is_line(rest[1]))


def is_line(limit: Any) -> bool:
    """Whether a limit is what `along` makes of a name and two points at least, the values ascending."""
    if not isinstance(limit, tuple) or len(limit) < 4 or limit[0] != "along" or not isinstance(limit[1], str):
        return False
    points = limit[2:]
    if not all(isinstance(point, tuple) and len(point) == 2 and all(map(_is_number, point)) for point in points):
        return False
    return all(one[0] < other[0] for one, other in pairwise(points))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -1e9 < value < 1e9


def _limit(limit: Any, settings: Mapping[str, Any]) -> np.ndarray:
    """A limit in numbers, of the shape of what it depends on."""
    if isinstance(limit, int | float):
        return np.asarray(limit)
    _, name, *points = limit
    values, limits = zip(*points, strict=True)
    return np.round(np.interp(np.asarray(settings[name], dtype=np.float64), values, limits), _DIGITS)


def _without(rule: Sequence[Any], settings: Mapping[str, Any]) -> Rule:
    """A rule whose conditions on what is not in `settings` hold."""
    operator, *rest = rule
    if operator in ("all", "any"):
        return (operator, *(_without(part, settings) for part in rest))
    return tuple(rule) if named(rule) <= settings.keys() else ALWAYS
