"""Parameters and notes as the tables of the cards show them."""

from collections.abc import Sequence
from typing import Any

from secret_sauce_hf.cards.templates import table_text
from secret_sauce_hf.instruments import Collection, Parameter
from secret_sauce_hf.instruments.played import QUANTITIES
from secret_sauce_hf.instruments.rules import ALWAYS, NEVER, Limit, Rule, decided


def parameter_cells(
    parameter: Parameter, collection: Collection, shares: Sequence[float] = (), *, own_notes: bool = False
) -> list[str]:
    """A parameter as cells of a table: name, kind, values, CC, when it is heard, and the given shares.

    With `own_notes` the rows play something else than the note of the collection's timing.
    """
    about = (parameter if own_notes else collection.as_played(parameter)).about
    return [
        f"`{parameter.name}`: {table_text(about)}" if about else f"`{parameter.name}`",
        parameter.kind,
        table_text(parameter.values_text()),
        ", ".join(map(str, parameter.control)) or "–",
        heard_text(parameter.heard, collection, own_notes=own_notes),
        *(f"{share:.1%}" for share in shares),
    ]


def heard_text(rule: Rule, collection: Collection, *, own_notes: bool = False) -> str:
    """When a parameter is heard, in Markdown: `always`, `never` or conditions on other parameters.

    What the collection's fixed settings decide is left out, and what its one note does, unless the rows play
    something else.
    """
    return _text(simplify(rule, dict(collection.fixed) | ({} if own_notes else collection.played)))


def simplify(rule: Rule, fixed: dict[str, Any]) -> Rule:
    """The same rule where `fixed` settings hold: shorter, and without those parameters.

    No operator stands directly in another of its kind, and no part is always or never true
    (the whole may be, then it is `ALWAYS` or `NEVER`).
    """
    return _flat(decided(rule, fixed))


def _flat(rule: Rule) -> Rule:
    """The same rule, with no operator directly in another of its kind, and no part twice."""
    operator, *rest = rule
    if operator not in ("all", "any"):
        return rule
    # `NEVER` decides an "all", `ALWAYS` an "any"; the other one adds nothing.
    decides, neutral = (NEVER, ALWAYS) if operator == "all" else (ALWAYS, NEVER)
    parts: list[Rule] = []
    for part in map(_flat, rest):
        if part == decides:
            return decides
        if part == neutral:
            continue
        for item in part[1:] if part[0] == operator else (part,):
            if item not in parts:
                parts.append(item)
    if len(parts) == 1:
        return parts[0]
    return (operator, *parts)


def _text(rule: Rule) -> str:
    if rule == ALWAYS:
        return "always"
    if rule == NEVER:
        return "never"
    operator, *rest = rule
    if operator == "is":
        return f"`{rest[0]}` is {' or '.join(map(table_text, rest[1:]))}"
    if operator in ("above", "below"):
        return f"{_name(rest[0])} {'>' if operator == 'above' else '<'} {_limit(rest[0], rest[1])}"
    parts = [f"({_text(part)})" if part[0] in ("all", "any") else _text(part) for part in rest]
    return (" and " if operator == "all" else " or ").join(parts)


def _name(name: str) -> str:
    return f"the {QUANTITIES[name].text}" if name in QUANTITIES else f"`{name}`"


def _limit(name: str, limit: Limit) -> str:
    """A limit of a knob or of what is played: a number, or where it starts and ends along what it depends on."""
    unit = QUANTITIES[name].unit if name in QUANTITIES else ""
    if isinstance(limit, int | float):
        return f"{limit:g}{unit}"
    _, other, *points = limit
    (first, low), (last, high) = points[0], points[-1]
    further = QUANTITIES[other].unit if other in QUANTITIES else ""
    return f"{low:g} to {high:g}{unit} (with {_name(other)} from {first:g} to {last:g}{further})"


def note_times(collection: Collection) -> tuple[str, str]:
    """When the note starts and ends in a take, in ms; its end only if it is heard."""
    timing = collection.timing
    start, end = (1000 * (time - timing.cut[0]) for time in (timing.note_on, timing.note_off))
    return f"{start:.1f}", f"{min(end, 1000 * (timing.cut[1] - timing.cut[0])):.1f}"
