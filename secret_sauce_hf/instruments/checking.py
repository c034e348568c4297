"""Whether a collection that somebody declared can be used: the first mistake, with its remedy."""

import math
import re
from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any

from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Collection, Instrument
from secret_sauce_hf.instruments.parameters import SETTING_MAX, Knob, Parameter, Switch
from secret_sauce_hf.instruments.played import PREFIX, QUANTITIES
from secret_sauce_hf.instruments.rules import is_line

MAX_PARAMETERS = 256
MAX_POSITIONS = 128
"""Of a switch: each has a controller value of its own, and there are no more of them."""
MAX_TAKE_SECONDS = 60.0
MAX_SLOT_SECONDS = 600.0
"""Longest slot of a recording session, and so the longest note."""
MAX_NAME = 64
MAX_TEXT = 300
MAX_CONTROLLER = 119
"""From 120 on they are no controllers but channel mode messages."""

OPERATORS = ("is", "above", "below", "all", "any")
"""Operators of heard rules (see `rules`)."""
_DEEPEST_RULE = 16

_COLUMNS = {"audio", "file", "heard", "heard_measured", "heard_change", "split"}
# The model's inputs and outputs, which stand beside the labels in one mapping.
_MODEL = {
    "short_mels",
    "long_mels",
    "envelope",
    "modulation",
    "fbank",
    "peak",
    "return_dict",
    "self",
    "labels",
    "label_ids",
}
_SCORES = {"loss", "knob_mae", "switch_accuracy"}
# A model's heads are named after the parameters, and these are methods of what holds them.
_TORCH = {
    "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "clear", "compile", "cpu", "cuda",
    "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
    "get_parameter", "get_submodule", "half", "ipu", "items", "keys", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters", "parameters", "pop",
    "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_module", "register_load_state_dict_pre_hook", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "smart_apply",
    "state_dict", "to", "t_destination", "to_empty", "train", "training", "type", "update", "values", "xpu",
    "zero_grad",
}  # fmt: skip
RESERVED = frozenset(_COLUMNS | _MODEL | _SCORES | _TORCH)
"""Names that no parameter can have, in lower case."""

_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_collection(collection: Collection) -> None:
    """Check that a collection can be drawn, stored, learnt and sent.

    Raises:
        InputError: the first thing that is wrong; the message names the parameter.
    """
    if not isinstance(collection, Collection) or not isinstance(collection.instrument, Instrument):
        raise InputError(f"not a Collection of an Instrument but {quoted(collection)}.")
    instrument = collection.instrument
    _check_name("the collection's name", collection.name)
    _check_name("the instrument's name", instrument.name)
    _check_text("the collection's title", collection.title)
    _check_text("the instrument's title", instrument.title)
    if not isinstance(instrument.parameters, tuple) or not 1 <= len(instrument.parameters) <= MAX_PARAMETERS:
        raise InputError(f"an instrument needs 1 to {MAX_PARAMETERS} parameters.")
    for number, parameter in enumerate(instrument.parameters, 1):
        if not isinstance(parameter, Knob | Switch):
            raise InputError(f"parameter number {number} is neither a Knob nor a Switch but {quoted(parameter)}.")
        _check_parameter(parameter, number)
    _check_apart(instrument.parameters)
    parameters = {parameter.name: parameter for parameter in instrument.parameters}
    _check_columns(collection, parameters)
    fixed = _check_fixed(collection, parameters)
    for parameter in instrument.parameters:
        try:
            _check_rule(parameter.heard, parameters, fixed)
        except InputError as error:
            raise InputError(f"parameter {parameter.name!r}: heard: {error}") from error
    check_timing(collection)


def nearest(wrong: object, known: Iterable[str]) -> str:
    """Hint at the one of the `known` names that was perhaps meant, or list them all."""
    known = list(known)
    close = get_close_matches(str(wrong), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(known) or 'none'}."


def repeated(values: Iterable[Hashable]) -> list[Any]:
    """The values that were there before already, in their order: in one pass, as a file may have 100,000."""
    seen: set[Hashable] = set()
    again = []
    for value in values:
        if value in seen:
            again.append(value)
        seen.add(value)
    return again


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number; booleans are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    # A larger one is none that a float could hold.
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def quoted(value: object, most: int = 60) -> str:
    """A value for a message, in full if that has no more than so many characters."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise InputError(
            f"{what} is {quoted(name)}; give up to {MAX_NAME} letters and digits, with single hyphens or underscores "
            "between them, such as 'my-bass'."
        )


def _check_text(what: str, text: Any, most: int = MAX_TEXT, *, empty: bool = False) -> None:
    # Printable: one line, and nothing that could not be encoded.
    if not isinstance(text, str) or not text.isprintable() or len(text) > most or not (text or empty):
        raise InputError(f"{what} is {quoted(text)}; give one line of up to {most} characters.")


def _check_parameter(parameter: Parameter, number: int) -> None:
    name = parameter.name
    if not isinstance(name, str) or len(name) > MAX_NAME or not _COLUMN.fullmatch(name):
        raise InputError(
            f"parameter number {number}: the name {quoted(name)} cannot be a column; use letters, digits and "
            f"underscores, a letter first, up to {MAX_NAME}, such as 'filter_cutoff'."
        )
    if iskeyword(name) or name.casefold() in RESERVED:
        raise InputError(
            f"parameter {name!r}: the name is taken by a column, by the model or by Python; call it otherwise, such "
            f"as 'osc_{name.lower()}'."
        )
    try:
        _check_text("about", parameter.about, empty=True)
        _check_control(parameter)
        if isinstance(parameter, Knob):
            _check_knob(parameter)
        else:
            _check_switch(parameter)
    except InputError as error:
        raise InputError(f"parameter {name!r}: {error}") from error


def _check_control(parameter: Parameter) -> None:
    control = parameter.control
    most = 2 if isinstance(parameter, Knob) else 1
    legal = isinstance(control, tuple) and all(_is_whole(number, 0, MAX_CONTROLLER) for number in control)
    if not legal or len(control) > most or len(set(control)) < len(control):
        shown = control[0] if isinstance(control, tuple) and len(control) == 1 else control
        pair = ", two different ones for a 14-bit knob (MSB, LSB)" if most == 2 else ""
        raise InputError(
            f"control is {quoted(shown)}; give a controller's number, 0 to {MAX_CONTROLLER}{pair}, or leave it out."
        )


def _check_knob(knob: Knob) -> None:
    most = 127 if len(knob.control) == 1 else 16_383
    if not _is_whole(knob.top, 0, most):
        raise InputError(
            f"top is {quoted(knob.top)}; give the highest value that the machine takes, 1 to {most:,}, or leave it out."
        )
    if knob.drawn is None:
        return
    if not knob.control and not knob.top:
        raise InputError("a range is one of controller values, and this knob has no control; leave one of them out.")
    legal = isinstance(knob.drawn, tuple) and len(knob.drawn) == 2
    if not legal or not all(_is_whole(code, knob.low, knob.high) for code in knob.drawn):
        raise InputError(
            f"the range is {quoted(knob.drawn)}; give the lowest and the highest controller value, from {knob.low} to "
            f"{knob.high}."
        )
    low, high = knob.drawn
    if low >= high:
        raise InputError(f"the range is {low} to {high}; give the lower end first, and two different ones.")


def _check_switch(switch: Switch) -> None:
    codes, labels = switch.codes, switch.labels
    if not isinstance(codes, tuple) or not isinstance(labels, tuple) or len(codes) != len(labels) or len(codes) < 2:
        raise InputError("a switch needs at least two positions, a label and a controller value each.")
    if len(codes) > MAX_POSITIONS:
        raise InputError(
            f"a switch has at most {MAX_POSITIONS} positions, and this one {len(codes):,}; leave some out."
        )
    for label in labels:
        _check_text("a position's label", label, MAX_NAME)
        if '"' in label or label != label.strip():
            raise InputError(f"the label {label!r} has quotes in it or space around it; leave them out.")
    for label, code in zip(labels, codes, strict=True):
        if not _is_whole(code, 0, 127):
            raise InputError(f"the position {label!r} has the controller value {quoted(code)}; give one from 0 to 127.")
    for what, values in (("label", labels), ("controller value", codes)):
        if twice := repeated(values):
            raise InputError(f"two positions have the {what} {twice[0]!r}; give each its own.")
    for label, shown in switch.display:
        _check_text(f"what is displayed for {label!r}", shown, MAX_NAME)
        if label not in labels:
            raise InputError(f"display names the label {quoted(label)}; {nearest(label, labels)}")


def _check_apart(parameters: tuple[Parameter, ...]) -> None:
    """Check that no two parameters share a name or a controller."""
    if twice := repeated(parameter.name for parameter in parameters):
        raise InputError(f"two parameters are called {twice[0]!r}; give each its own name.")
    names: dict[str, str] = {}
    owners: dict[int, str] = {}
    for parameter in parameters:
        # Tables and databases do not all tell upper case from lower case.
        first = names.setdefault(parameter.name.casefold(), parameter.name)
        if first != parameter.name:
            raise InputError(f"the names {first!r} and {parameter.name!r} differ in case only; change one of them.")
        for number in parameter.control:
            other = owners.setdefault(number, parameter.name)
            if other != parameter.name:
                raise InputError(
                    f"parameter {parameter.name!r}: {other!r} has the controller {number} already; one of the two "
                    "must have another, or none."
                )


def _check_columns(collection: Collection, parameters: dict[str, Parameter]) -> None:
    columns = collection.columns
    if not isinstance(columns, tuple):
        raise InputError(f"columns are {quoted(columns)}; give a tuple of names.")
    if not columns:
        raise InputError("no parameter varies: leave at least one out of `fixed`.")
    fixed = {name for name, _ in collection.fixed}
    for name in columns:
        if not isinstance(name, str) or name not in parameters:
            raise InputError(f"columns name {quoted(name)}, which is no parameter; {nearest(name, parameters)}")
        if name in fixed:
            raise InputError(f"parameter {name!r} is both fixed and among the columns; choose one.")
    if twice := repeated(columns):
        raise InputError(f"columns name {twice[0]!r} twice; once is enough.")
    for name in parameters:
        if name not in columns and name not in fixed:
            raise InputError(f"parameter {name!r} is neither among the columns nor fixed; add it to one of them.")


def _check_fixed(collection: Collection, parameters: dict[str, Parameter]) -> dict[str, Any]:
    """Check the settings that do not vary, and return them by name."""
    named = set().union(*(_names(parameter.heard) for parameter in parameters.values()))
    fixed: dict[str, Any] = dict(collection.fixed)
    if len(fixed) < len(collection.fixed):
        raise InputError("a parameter is fixed twice; once is enough.")
    for name, setting in fixed.items():
        parameter = parameters.get(name)
        if isinstance(parameter, Switch):
            if setting not in parameter.labels:
                raise InputError(
                    f"fixed: {name!r} has no position {quoted(setting)}; {nearest(setting, parameter.labels)}"
                )
        elif isinstance(parameter, Knob):
            low, high = parameter.setting_limits
            if not is_number(setting) or not low <= setting <= high:
                raise InputError(f"fixed: {name!r} is {quoted(setting)}; give a setting from {low:.4g} to {high:.4g}.")
        elif name in QUANTITIES:
            raise InputError(f"fixed: {name!r} is no setting: the notes and the take decide it; leave it out.")
        elif name not in named:
            raise InputError(f"fixed: {quoted(name)} is no parameter and in no heard rule; {nearest(name, parameters)}")
        elif not isinstance(setting, str) and not (is_number(setting) and 0 <= setting <= SETTING_MAX):
            raise InputError(f"fixed: {name!r} is {quoted(setting)}; give a knob's setting, 0 to 10, or a label.")
    return fixed


def _names(rule: Any) -> set[str]:
    """What a rule names, as far as it is one."""
    if not isinstance(rule, tuple) or len(rule) < 2:
        return set()
    if rule[0] in ("all", "any"):
        return set().union(*(_names(part) for part in rule[1:]))
    lines = [limit for limit in rule[2:] if is_line(limit)]
    return {name for name in (rule[1], *(line[1] for line in lines)) if isinstance(name, str)}


def _check_rule(rule: Any, parameters: dict[str, Parameter], fixed: dict[str, Any], depth: int = 0) -> None:
    if depth > _DEEPEST_RULE:
        raise InputError(f"the rule is nested more than {_DEEPEST_RULE} deep; make it simpler.")
    if not isinstance(rule, tuple) or not rule or not isinstance(rule[0], str):
        raise InputError(f"{quoted(rule)} is no rule; write one like ('above', 'cutoff', 2.0).")
    operator, *rest = rule
    if operator not in OPERATORS:
        raise InputError(f"a rule starts with {', '.join(OPERATORS)}, not {operator!r}; {nearest(operator, OPERATORS)}")
    if operator in ("all", "any"):
        for part in rest:
            _check_rule(part, parameters, fixed, depth + 1)
        return
    name, is_switch = _subject(operator, rest[0] if rest else None, parameters, fixed)
    if is_switch != (operator == "is"):
        remedy = "'is' with labels" if is_switch else "'above' or 'below' with a number"
        kind = "switch" if is_switch else "number of what is played" if name in QUANTITIES else "knob"
        raise InputError(f"{name!r} is a {kind}, for which there is {remedy}.")
    parameter = parameters.get(name)
    if operator == "is":
        # Of what is fixed and no parameter nobody knows the labels.
        labels = parameter.labels if isinstance(parameter, Switch) else None
        wrong = [label for label in rest[1:] if not isinstance(label, str) or (labels and label not in labels)]
        if wrong:
            raise InputError(f"{name!r} has no position {quoted(wrong[0])}; {nearest(wrong[0], labels or ())}")
        if len(rest) < 2:
            raise InputError(f"'is' needs a label of {name!r}; {nearest('', labels or ())}")
        return
    low, high = _range(name, parameters)
    limits = rest[1:]
    if len(limits) == 1 and isinstance(limits[0], tuple):
        limits = _check_line(limits[0], parameters, fixed)
        fits = all(low <= limit <= high for limit in limits)
    else:
        fits = len(limits) == 1 and is_number(limits[0]) and low <= limits[0] <= high
    # It must be possible to be on either side of it.
    if not fits or all(limit == (high if operator == "above" else low) for limit in limits):
        what = "a number" if name in QUANTITIES else "a setting"
        raise InputError(f"{operator!r} needs {what} that {name!r} can be {operator}: {low:.4g} to {high:.4g}.")


def _subject(operator: str, name: Any, parameters: dict[str, Parameter], fixed: dict[str, Any]) -> tuple[str, bool]:
    """What a rule names, and whether it is a switch: not a knob, nor a number of what is played.

    Raises:
        InputError: it is none of them.
    """
    if not isinstance(name, str) or not (name in parameters or name in fixed or name in QUANTITIES):
        if isinstance(name, str) and name.startswith(PREFIX):
            raise InputError(
                f"{operator!r} is about {quoted(name)}, which is nothing that can be asked of notes; "
                f"{nearest(name, QUANTITIES)}"
            )
        raise InputError(f"{operator!r} is about {quoted(name)}, which is no parameter; {nearest(name, parameters)}")
    return name, isinstance(parameters[name], Switch) if name in parameters else isinstance(fixed.get(name), str)


def _range(name: str, parameters: dict[str, Parameter]) -> tuple[float, float]:
    """The lowest and the highest that a knob's setting, or a number of what is played, can be."""
    if name in QUANTITIES:
        return QUANTITIES[name].low, QUANTITIES[name].high
    parameter = parameters.get(name)
    return parameter.setting_limits if isinstance(parameter, Knob) else (0.0, SETTING_MAX)


def _check_line(line: Any, parameters: dict[str, Parameter], fixed: dict[str, Any]) -> list[float]:
    """The limits of a line that a limit runs along.

    Raises:
        InputError: it is none, or along something that has no such values.
    """
    if not is_line(line):
        raise InputError(
            f"{quoted(line)} is no limit; give a number, or 'along', a name and two points at least, [value, limit] "
            "each, the values ascending."
        )
    _, name, *points = line
    _, is_switch = _subject("along", name, parameters, fixed)
    if is_switch:
        raise InputError(f"{name!r} is a switch, along which no limit can run; name a knob.")
    low, high = _range(name, parameters)
    if wrong := [value for value, _ in points if not low <= value <= high]:
        raise InputError(f"'along' has the value {wrong[0]:g}, which {name!r} cannot be: {low:.4g} to {high:.4g}.")
    return [limit for _, limit in points]


def check_timing(collection: Collection) -> None:
    """Check that a take of a collection can be recorded or rendered at all.

    Raises:
        InputError: a time that is none, or that does not go with the others.
    """
    timing = collection.timing
    times = (timing.note_on, timing.note_off, timing.slot, timing.patch, *timing.cut)
    if len(timing.cut) != 2 or not all(map(is_number, times)):
        raise InputError(f"take: not times in seconds: {quoted(timing)}.")
    start, end = timing.cut
    seconds = end - start
    if not 0.05 <= seconds <= MAX_TAKE_SECONDS:
        raise InputError(f"take: it lasts {seconds:g} s; give 0.05 to {MAX_TAKE_SECONDS:g} seconds.")
    if not 0 <= timing.note_on - start < seconds:
        raise InputError(
            f"take: the note starts {timing.note_on - start:g} s after the start of a take of {seconds:g} s; it must "
            "start within the take."
        )
    if timing.note_off <= timing.note_on:
        raise InputError("take: the note ends before it starts; make note_off the later one.")
    if start < 0 or timing.slot < max(end, timing.note_off):
        raise InputError(
            f"take: the take ends {end:g} s after the start of a slot of {timing.slot:g} s, and the note "
            f"{timing.note_off:g} s; lengthen the slot, and make lead 0 or more."
        )
    if timing.slot > MAX_SLOT_SECONDS:
        raise InputError(f"take: the slot lasts {timing.slot:g} s; give at most {MAX_SLOT_SECONDS:g}.")
    if not 0 <= timing.patch < timing.note_on:
        raise InputError("take: the preset must be sent in the slot before the note starts; make patch smaller.")
