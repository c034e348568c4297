"""What a parameter, an instrument and a collection are.

A value has three representations, named the same everywhere:

=========  ==========================  ================================
name       knob                        switch
=========  ==========================  ================================
`cc`       MIDI integer                MIDI integer, one of `codes`
`setting`  float, 0 to 10              label
`unit`     float, 0 to 1               class index
=========  ==========================  ================================

The classes here convert between them; nothing else in the package does. This
module imports NumPy only and no sibling, so that a checkpoint can carry a copy
of it (see `secret_sauce_hf.modeling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

SETTING_MAX = 10.0
"""Upper end of every knob's setting scale."""


class InputError(ValueError):
    """What the user gave cannot be used; the message says the mistake and the remedy.

    The command line prints these as one line; anything else is a fault of ours.
    """


Rule = tuple[Any, ...]
"""A condition on the settings of a preset, as nested tuples (see `holds`)."""

ALWAYS: Rule = ("all",)
NEVER: Rule = ("any",)


def is_one_of(name: str, *labels: str) -> Rule:
    """The switch `name` shows one of `labels`."""
    return ("is", name, *labels)


def above(name: str, setting: float) -> Rule:
    """The knob `name` is set above `setting`."""
    return ("above", name, setting)


def below(name: str, setting: float) -> Rule:
    """The knob `name` is set below `setting`."""
    return ("below", name, setting)


def away_from(name: str, centre: float, distance: float) -> Rule:
    """The knob `name` is set further than `distance` from `centre`."""
    return any_of(above(name, centre + distance), below(name, centre - distance))


def all_of(*rules: Rule) -> Rule:
    """Every one of `rules` holds (true when there is none)."""
    return ("all", *rules)


def any_of(*rules: Rule) -> Rule:
    """At least one of `rules` holds (false when there is none)."""
    return ("any", *rules)


def holds(rule: Sequence[Any], settings: Mapping[str, Any]) -> np.ndarray:
    """Evaluate `rule` on a preset or on columns of presets.

    Args:
        rule: nested tuples or (from JSON) lists, as the functions above make them.
        settings: for every parameter the rule names, its setting or an array of them.

    Returns:
        A boolean array of the shape of the settings, `()` for a rule that names none.

    Raises:
        KeyError: a parameter that the rule names is not in `settings`.
        ValueError: the rule has an unknown operator.
    """
    operator, *rest = rule
    if operator == "is":
        return np.isin(np.asarray(settings[rest[0]]), rest[1:])
    if operator == "above":
        return np.asarray(settings[rest[0]], dtype=np.float64) > rest[1]
    if operator == "below":
        return np.asarray(settings[rest[0]], dtype=np.float64) < rest[1]
    if operator in ("all", "any"):
        combine = np.logical_and if operator == "all" else np.logical_or
        result = np.asarray(operator == "all")
        for part in rest:
            result = combine(result, holds(part, settings))
        return result
    raise ValueError(f"Unknown operator {operator!r} in a heard rule; known: is, above, below, all, any.")


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Knob:
    """A continuous control.

    Args:
        name: the column name, as in 2018.
        control: the controller number, (MSB, LSB) for a 14-bit pair, or () for a knob that
            MIDI does not reach; its CC values are then as fine as a pair's.
        drawn: the lowest and highest CC value that occurs; the whole range if None.
        heard: when this knob changes the sound.
        about: one line for cards and help.
    """

    name: str
    control: tuple[int, ...]
    drawn: tuple[int, int] | None = None
    heard: Rule = ALWAYS
    about: str = ""

    kind = "knob"

    @property
    def low(self) -> int:
        """CC value of setting 0."""
        return 0

    @property
    def high(self) -> int:
        """CC value of setting 10: 127 with one controller, else 16383."""
        return 127 if len(self.control) == 1 else 16_383

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest legal CC value."""
        return self.drawn or (self.low, self.high)

    @property
    def setting_limits(self) -> tuple[float, float]:
        """Lowest and highest legal setting."""
        low, high = self.cc_to_setting(np.asarray(self.limits))
        return float(low), float(high)

    def cc_to_setting(self, cc: np.ndarray) -> np.ndarray:
        """CC integers to settings: `(cc - low) * 10 / (high - low)`, as in 2018."""
        return (np.asarray(cc) - self.low) * SETTING_MAX / (self.high - self.low)

    def setting_to_cc(self, setting: np.ndarray) -> np.ndarray:
        """Settings to the nearest CC integers."""
        return self.unit_to_cc(self.setting_to_unit(setting))

    def cc_to_unit(self, cc: np.ndarray) -> np.ndarray:
        """CC integers to 0..1."""
        return (np.asarray(cc) - self.low) / (self.high - self.low)

    def unit_to_cc(self, unit: np.ndarray) -> np.ndarray:
        """0..1 to the nearest CC integers."""
        return np.rint(np.asarray(unit, dtype=np.float64) * (self.high - self.low)).astype(np.int64) + self.low

    def setting_to_unit(self, setting: np.ndarray) -> np.ndarray:
        """0..10 to 0..1."""
        return np.asarray(setting, dtype=np.float64) / SETTING_MAX

    def unit_to_setting(self, unit: np.ndarray) -> np.ndarray:
        """0..1 to 0..10."""
        return np.asarray(unit, dtype=np.float64) * SETTING_MAX


@dataclass(frozen=True)
class Switch:
    """A control with labelled positions.

    Args:
        name: the column name, as in 2018.
        control: the controller number, as a tuple of one, or () for a switch that MIDI
            does not reach.
        codes: the CC value of each position.
        labels: the label of each position, in the order of `codes`.
        heard: when this switch changes the sound.
        about: one line for cards and help.
        display: how labels are shown where they differ from what is stored.
    """

    name: str
    control: tuple[int, ...]
    codes: tuple[int, ...]
    labels: tuple[str, ...]
    heard: Rule = ALWAYS
    about: str = ""
    display: tuple[tuple[str, str], ...] = ()

    kind = "switch"

    def cc_to_setting(self, cc: np.ndarray) -> np.ndarray:
        """CC integers to labels.

        Raises:
            InputError: a CC value that is not one of `codes`.
        """
        return self.unit_to_setting(self.cc_to_unit(cc))

    def setting_to_cc(self, setting: np.ndarray) -> np.ndarray:
        """Labels to CC integers."""
        return self.unit_to_cc(self.setting_to_unit(setting))

    def cc_to_unit(self, cc: np.ndarray) -> np.ndarray:
        """CC integers to class indices.

        Raises:
            InputError: a CC value that is not one of `codes`.
        """
        return self._index(np.asarray(cc), self.codes)

    def unit_to_cc(self, unit: np.ndarray) -> np.ndarray:
        """Class indices to CC integers."""
        return np.asarray(self.codes, dtype=np.int64)[np.asarray(unit).astype(np.intp)]

    def setting_to_unit(self, setting: np.ndarray) -> np.ndarray:
        """Labels to class indices.

        Raises:
            InputError: a label that is not one of `labels`.
        """
        return self._index(np.asarray(setting), self.labels)

    def unit_to_setting(self, unit: np.ndarray) -> np.ndarray:
        """Class indices to labels."""
        return np.asarray(self.labels)[np.asarray(unit).astype(np.intp)]

    def _index(self, values: np.ndarray, table: tuple) -> np.ndarray:
        matches = values[..., None] == np.asarray(table)
        if not matches.any(axis=-1).all():
            wrong = values[~matches.any(axis=-1)].flat[0]
            raise InputError(f"{self.name}: {wrong} is not one of {', '.join(map(str, table))}.")
        return matches.argmax(axis=-1).astype(np.float64)


Parameter = Knob | Switch


def parameter_to_dict(parameter: Parameter) -> dict[str, Any]:
    """A parameter as JSON-ready values (for a checkpoint's config)."""
    record: dict[str, Any] = {"kind": parameter.kind, "name": parameter.name, "control": list(parameter.control)}
    if isinstance(parameter, Knob):
        record["drawn"] = list(parameter.drawn) if parameter.drawn else None
    else:
        record |= {"codes": list(parameter.codes), "labels": list(parameter.labels)}
        record["display"] = [list(pair) for pair in parameter.display]
    return record | {"heard": parameter.heard, "about": parameter.about}


def parameter_from_dict(record: Mapping[str, Any]) -> Parameter:
    """The reverse of `parameter_to_dict`.

    Raises:
        InputError: the record does not describe a parameter.
    """
    fields = {key: _as_tuples(value) for key, value in record.items() if key != "kind"}
    try:
        if record["kind"] == "knob":
            return Knob(**fields)
        if record["kind"] == "switch":
            return Switch(**fields)
    except (KeyError, TypeError) as error:
        raise InputError(f"Not a parameter: {dict(record)!r} ({error}).") from error
    raise InputError(f"Unknown kind of parameter: {record['kind']!r}; known: knob, switch.")


@dataclass(frozen=True)
class Instrument:
    """A machine with MIDI-controlled parameters."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(f"{self.name} has no parameter {name!r}; it has {', '.join(p.name for p in self.parameters)}.")

    def select(self, names: Sequence[str], **changes: Any) -> tuple[Parameter, ...]:
        """The parameters `names`, in that order, each with `changes` applied."""
        return tuple(replace(self[name], **changes) for name in names)


@dataclass(frozen=True)
class Timing:
    """When things happen in one slot of a recording session, in seconds from the slot's start.

    Args:
        note_on: when the note starts.
        note_off: when it ends.
        cut: from when to when the take is cut out of the slot.
        slot: length of the slot; the next one's controllers are sent when it ends.
        reset_first: whether the zero patch is sent at the slot's start and the preset at `patch`.
        patch: when the preset is sent.
    """

    note_on: float
    note_off: float
    cut: tuple[float, float]
    slot: float = 1.0
    reset_first: bool = False
    patch: float = 0.0


@dataclass(frozen=True)
class Collection:
    """An instrument, rows of presets, the timing of a take and a split.

    Args:
        name: its name in this package and on the Hub.
        stem: what its files were called in 2018.
        instrument: the machine that plays it.
        columns: the parameters that vary, in the column order of the 2018 table.
        fixed: settings of the instrument's other parameters.
        count: number of rows of 2018.
        train_count: how many of them, from the first, are for training; the others are for testing.
        timing: the timing of a take.
        title: one line for cards and help.
        enumerated: whether the rows count through every combination of switches,
            in the alphabetical order of the names, instead of being drawn.
        has_file_column: whether the 2018 table names the sound files.
    """

    name: str
    stem: str
    instrument: Instrument
    columns: tuple[str, ...]
    count: int
    train_count: int
    timing: Timing
    title: str
    fixed: tuple[tuple[str, float | str], ...] = ()
    enumerated: bool = False
    has_file_column: bool = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that vary, in column order."""
        return self.instrument.select(self.columns)

    @property
    def kinds(self) -> str:
        """How many knobs and switches vary, for people."""
        kinds = [parameter.kind for parameter in self.parameters]
        counts = [(kinds.count(kind), kind, plural) for kind, plural in (("knob", "knobs"), ("switch", "switches"))]
        return " and ".join(f"{count} {kind if count == 1 else plural}" for count, kind, plural in counts if count)

    @property
    def hub_id(self) -> str:
        """The id of the dataset on the Hub."""
        return f"secret-sauce/{self.name}"

    @property
    def checkpoint_id(self) -> str:
        """The id of the model on the Hub."""
        return f"secret-sauce/ast-{self.name}"

    @property
    def samples(self) -> int:
        """Length of a take at `SAMPLE_RATE`."""
        start, end = self.timing.cut
        return round((end - start) * SAMPLE_RATE)


SAMPLE_RATE = 22_050
"""Of every collection, in Hz."""
NOTE = 60
"""MIDI note of every take, "C3" in the 2018 announcement's octave numbering."""
VELOCITY = 120
CHANNEL = 0
"""MIDI channel 1, counted from 0 as mido does."""
