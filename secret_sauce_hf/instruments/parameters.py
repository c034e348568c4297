"""What a parameter is, and what it answers: knobs and switches.

A value has three representations, named the same everywhere:

=========  ==========================  ================================
name       knob                        switch
=========  ==========================  ================================
`cc`       MIDI integer                MIDI integer, one of `codes`
`setting`  float, 0 to 10              label
`unit`     float, 0 to 1               class index
=========  ==========================  ================================

A knob and a switch convert between them and answer the same questions, each in its own
way, so that nobody has to ask which of the two a parameter is. Arrays go in, arrays of the
same shape come out, unless a method says otherwise.

A checkpoint can carry a copy of this module, of `errors` and of `rules` (see `secret_sauce_hf.modeling`).
Who declares parameters finds the rules of when they are heard here, too.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .errors import InputError
from .rules import ALWAYS as ALWAYS
from .rules import NEVER as NEVER
from .rules import Rule as Rule
from .rules import above as above
from .rules import all_of as all_of
from .rules import along as along
from .rules import any_of as any_of
from .rules import away_from as away_from
from .rules import below as below
from .rules import holds as holds
from .rules import is_one_of as is_one_of
from .rules import is_rule

SETTING_MAX = 10.0
"""Upper end of every knob's setting scale."""
KNOB_MOVES = 2
"""Far positions of a knob; with its own they divide its range evenly (see `Knob.moves`)."""

# Settings that passed through 32-bit floats (a dataset's) stray this far past a
# limit; a 14-bit knob's step is 6e-4.
_SETTING_SLACK = 1e-6
# For units, which are always computed in 64 bits.
_UNIT_SLACK = 1e-9
# `float` alone would also read " 5", "1_000", "nan" and digits of any script.
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


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
        top: the highest CC value where the machine counts otherwise than controllers do, as the 99 of a DX7;
            0 for 127 with one controller, else 16383.
    """

    name: str
    control: tuple[int, ...]
    drawn: tuple[int, int] | None = None
    heard: Rule = ALWAYS
    about: str = ""
    top: int = 0

    kind = "knob"
    classes = 0

    @property
    def low(self) -> int:
        """CC value of setting 0."""
        return 0

    @property
    def high(self) -> int:
        """CC value of setting 10: `top`, or 127 with one controller, else 16383."""
        return self.top or (127 if len(self.control) == 1 else 16_383)

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

    @property
    def cc_count(self) -> int:
        """How many CC values are legal."""
        low, high = self.limits
        return high - low + 1

    def cc_at(self, index: np.ndarray) -> np.ndarray:
        """The legal CC values in ascending order, by index from 0 to `cc_count` - 1."""
        return self.limits[0] + np.asarray(index, dtype=np.int64)

    @property
    def first_cc(self) -> int:
        """CC value in the zero patch: setting 0, whether it is legal or not."""
        return self.low

    def legal_cc(self, cc: np.ndarray) -> np.ndarray:
        """Whether each CC integer is within the limits: bool."""
        low, high = self.limits
        return (low <= np.asarray(cc)) & (np.asarray(cc) <= high)

    def legal_unit(self, unit: np.ndarray) -> np.ndarray:
        """Whether each unit is within the limits, up to rounding: bool."""
        low, high = self.cc_to_unit(np.asarray(self.limits))
        return (low - _UNIT_SLACK <= np.asarray(unit)) & (np.asarray(unit) <= high + _UNIT_SLACK)

    def allowed_cc(self) -> str:
        """What a CC value may be, for messages."""
        low, high = self.limits
        return f"must be from {low} to {high}"

    def allowed_unit(self) -> str:
        """What a unit may be, for messages."""
        low, high = self.cc_to_unit(np.asarray(self.limits))
        return f"must be from {low:.12g} to {high:.12g}"

    def allowed_setting(self) -> str:
        """What a setting may be, for messages."""
        low, high = self.setting_limits
        return f"must be a number from {low:.12g} to {high:.12g}"

    def nearest_cc(self, unit: np.ndarray) -> np.ndarray:
        """The legal CC values nearest to any units."""
        return np.clip(self.unit_to_cc(unit), *self.limits)

    def nearest_unit(self, unit: np.ndarray) -> np.ndarray:
        """The units of the legal CC values nearest to any units."""
        return self.cc_to_unit(self.nearest_cc(unit))

    def draw(self, random: np.ndarray) -> np.ndarray:
        """CC values uniform over the legal ones, from uint64 numbers uniform over their range."""
        return self.cc_at(_index(random, self.cc_count))

    def parse(self, cells: Iterable[Any]) -> np.ndarray:
        """Units of a column of settings, NaN where a cell is none.

        Args:
            cells: numbers, or numbers in plain digits, as a table holds them.

        Returns:
            float64 of shape (cells,).
        """
        settings = np.array([_number(cell) for cell in cells], dtype=np.float64)
        low, high = self.setting_limits
        legal = (low - _SETTING_SLACK <= settings) & (settings <= high + _SETTING_SLACK)
        return np.where(legal, self.setting_to_unit(np.clip(settings, low, high)), np.nan)

    def moves(self, unit: np.ndarray) -> list[np.ndarray]:
        """Far positions to compare with.

        The knob goes on by a third and by two thirds of its legal range, past the upper
        limit on from the lower one, to the nearest CC step.

        Args:
            unit: shape (rows,).

        Returns:
            `KNOB_MOVES` arrays of units, each different from `unit` in every row.
        """
        low, count = self.limits[0], self.cc_count
        cc = self.unit_to_cc(unit)
        steps = [round(count * move / (KNOB_MOVES + 1)) for move in range(1, KNOB_MOVES + 1)]
        return [self.cc_to_unit(low + (cc - low + step) % count) for step in steps]

    def spread(self, count: int) -> np.ndarray:
        """At most `count` CC values, evenly spread over the legal range, ascending."""
        return np.unique(np.rint(np.linspace(*self.limits, count)).astype(np.int64))

    def steps(self, cc: int, steps: Iterable[float]) -> list[int]:
        """Legal CC values `steps` away from `cc`, without itself, ascending.

        A step is a 127th of the range, and one CC value at least.
        """
        size = (self.high - self.low) / 127
        moved = (int(cc + math.copysign(max(round(abs(step) * size), 1), step)) for step in steps)
        return sorted({int(np.clip(value, *self.limits)) for value in moved} - {int(cc)})

    def error(self, truth_unit: np.ndarray, told_unit: np.ndarray) -> np.ndarray:
        """Absolute differences of settings (0 to 10)."""
        return np.abs(self.unit_to_setting(truth_unit) - self.unit_to_setting(told_unit))

    def right(self, truth_unit: np.ndarray, told_unit: np.ndarray) -> np.ndarray:
        """Whether units are within one step of a 7-bit controller of the true ones: bool."""
        return np.abs(self.unit_to_cc(truth_unit) - self.unit_to_cc(told_unit)) <= (self.high - self.low + 1) // 128

    def typical(self, unit: np.ndarray) -> float:
        """Median of units of shape (rows,)."""
        return float(np.median(unit))

    def vote(self, unit: np.ndarray) -> np.ndarray:
        """Median of each row's neighbours, on the grid of the controller: (rows, neighbours) to (rows,)."""
        return self.nearest_unit(np.median(unit, axis=1))

    def apart(self, share: float) -> float:
        """The difference in units above which two settings count as different: `share` of the controller's range."""
        return share

    def show(self, setting: Any) -> str:
        """A setting for people: two decimals, and what the machine itself calls it where it counts up to `top`."""
        text = f"{float(setting):.2f}"
        return f"{text} ({int(self.setting_to_cc(np.asarray(float(setting))))})" if self.top else text

    def show_error(self, truth: Any, setting: Any) -> str:
        """How far a setting is from the true one, for people: the signed difference."""
        return f"{float(setting) - float(truth):+.2f}"

    def text(self, setting: Any) -> str:
        """A setting as Python 2 wrote it into the tables of 2018: 12 significant digits, always with a point."""
        text = f"{float(setting):.12g}"
        return text if "." in text else text + ".0"

    def values_text(self) -> str:
        """What settings there are, for cards."""
        low, high = self.setting_limits
        return f"{low:.4g} to {high:.4g}"


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
        return self._place(np.asarray(cc), self.codes)

    def unit_to_cc(self, unit: np.ndarray) -> np.ndarray:
        """Class indices to CC integers."""
        return np.asarray(self.codes, dtype=np.int64)[np.asarray(unit).astype(np.intp)]

    def setting_to_unit(self, setting: np.ndarray) -> np.ndarray:
        """Labels to class indices.

        Raises:
            InputError: a label that is not one of `labels`.
        """
        return self._place(np.asarray(setting), self.labels)

    def unit_to_setting(self, unit: np.ndarray) -> np.ndarray:
        """Class indices to labels."""
        return np.asarray(self.labels)[np.asarray(unit).astype(np.intp)]

    @property
    def classes(self) -> int:
        """Number of labels."""
        return len(self.labels)

    @property
    def cc_count(self) -> int:
        """How many CC values are legal."""
        return len(self.codes)

    def cc_at(self, index: np.ndarray) -> np.ndarray:
        """The legal CC values in the order of `codes`, by index from 0 to `cc_count` - 1."""
        return self.unit_to_cc(index)

    @property
    def first_cc(self) -> int:
        """CC value in the zero patch: the first code."""
        return self.codes[0]

    def legal_cc(self, cc: np.ndarray) -> np.ndarray:
        """Whether each CC integer is one of `codes`: bool."""
        return np.isin(cc, self.codes)

    def legal_unit(self, unit: np.ndarray) -> np.ndarray:
        """Whether each unit is a class index: bool."""
        return np.isin(unit, range(self.classes))

    def allowed_cc(self) -> str:
        """What a CC value may be, for messages."""
        codes = zip(self.codes, self.labels, strict=True)
        return f"must be one of {', '.join(f'{code} ({label})' for code, label in codes)}"

    def allowed_unit(self) -> str:
        """What a unit may be, for messages."""
        return f"must be one of 0 to {self.classes - 1}"

    def allowed_setting(self) -> str:
        """What a setting may be, for messages."""
        return f"must be one of {', '.join(self.labels)}"

    def nearest_cc(self, unit: np.ndarray) -> np.ndarray:
        """The codes of the class indices nearest to any units."""
        return self.unit_to_cc(self.nearest_unit(unit))

    def nearest_unit(self, unit: np.ndarray) -> np.ndarray:
        """The class indices nearest to any units."""
        return np.clip(np.rint(np.asarray(unit, dtype=np.float64)), 0, self.classes - 1)

    def draw(self, random: np.ndarray) -> np.ndarray:
        """CC values uniform over the legal ones, from uint64 numbers uniform over their range."""
        return self.cc_at(_index(random, self.cc_count))

    def parse(self, cells: Iterable[Any]) -> np.ndarray:
        """Class indices of a column of settings, NaN where a cell is none.

        Args:
            cells: labels, to the letter; whole numbers for those that are numbers, as spreadsheets read them.

        Returns:
            float64 of shape (cells,).
        """
        units = {label: float(index) for index, label in enumerate(self.labels)}
        texts = (str(cell) if type(cell) is int else cell for cell in cells)
        return np.array([units.get(text, np.nan) if isinstance(text, str) else np.nan for text in texts], np.float64)

    def moves(self, unit: np.ndarray) -> list[np.ndarray]:
        """All other positions, to compare with.

        Args:
            unit: shape (rows,).

        Returns:
            An array of class indices for every other label, each different from `unit` in every row.
        """
        return [(np.asarray(unit) + step) % self.classes for step in range(1, self.classes)]

    def spread(self, count: int) -> np.ndarray:  # noqa: ARG002
        """All codes, however many are asked for."""
        return np.array(self.codes)

    def steps(self, cc: int, steps: Iterable[float]) -> list[int]:  # noqa: ARG002
        """Every code but `cc`, ascending, whatever the steps of knobs are."""
        return sorted(set(self.codes) - {int(cc)})

    def error(self, truth_unit: np.ndarray, told_unit: np.ndarray) -> np.ndarray:
        """1.0 where a class index is wrong, 0.0 where it is right."""
        return (~self.right(truth_unit, told_unit)).astype(np.float64)

    def right(self, truth_unit: np.ndarray, told_unit: np.ndarray) -> np.ndarray:
        """Whether class indices are the true ones: bool."""
        return self.unit_to_cc(truth_unit) == self.unit_to_cc(told_unit)

    def typical(self, unit: np.ndarray) -> float:
        """The most frequent class index, of equally frequent ones the lowest; shape (rows,)."""
        return float(np.bincount(np.asarray(unit).astype(np.int64)).argmax())

    def vote(self, unit: np.ndarray) -> np.ndarray:
        """The most frequent class index of each row's neighbours, nearest first: (rows, neighbours) to (rows,)."""
        # A tie goes to who has the nearest: a vote weighs a trifle more than all later ones' trifles.
        votes = np.zeros((len(unit), self.classes))
        for place in range(unit.shape[1]):
            votes[np.arange(len(unit)), unit[:, place].astype(np.int64)] += 1 + 2.0 ** -(10 + place)
        return votes.argmax(axis=1).astype(np.float64)

    def apart(self, share: float) -> float:  # noqa: ARG002
        """The difference in units above which two settings count as different; labels are at least 1 apart."""
        return 0.5

    def show(self, setting: Any) -> str:
        """A label for people: as it is displayed."""
        return dict(self.display).get(str(setting), str(setting))

    def show_error(self, truth: Any, setting: Any) -> str:
        """Whether a label is the true one, for people."""
        return "right" if setting == truth else "wrong"

    def text(self, setting: Any) -> str:
        """A label as the tables of 2018 hold it: in quotes."""
        return f'"{setting}"'

    def values_text(self) -> str:
        """What labels there are, for cards, each with how it is displayed where that differs."""
        shown = dict(self.display)
        return ", ".join(f"{label} ({shown[label]})" if label in shown else label for label in self.labels)

    def _place(self, values: np.ndarray, table: tuple) -> np.ndarray:
        matches = values[..., None] == np.asarray(table)
        if not matches.any(axis=-1).all():
            wrong = values[~matches.any(axis=-1)].flat[0]
            raise InputError(f"{self.name}: {wrong} is not one of {', '.join(map(str, table))}.")
        return matches.argmax(axis=-1).astype(np.float64)


Parameter = Knob | Switch


def controller_values(parameter: Parameter, cc: int) -> dict[int, int]:
    """Controller number → the value to send on it (0 to 127), MSB first; empty where MIDI does not reach."""
    parts = divmod(int(cc), 128) if len(parameter.control) == 2 else (int(cc),)
    return dict(zip(parameter.control, parts, strict=False))


def _index(random: np.ndarray, count: int) -> np.ndarray:
    """Indices from 0 to `count` - 1, from uint64 numbers: their upper 32 bits times `count`.

    Uneven by less than 2^-18 for the 2^14 values of a 14-bit knob.
    """
    return ((random >> np.uint64(32)) * np.uint64(count) >> np.uint64(32)).astype(np.int64)


def _number(cell: Any) -> float:
    """A cell as a number, NaN if it is none."""
    if isinstance(cell, str):
        return float(cell) if _PLAIN_NUMBER.fullmatch(cell) else np.nan
    if type(cell) is not float and (isinstance(cell, bool) or not isinstance(cell, Real)):
        return np.nan
    try:
        return float(cell)
    except OverflowError:
        return np.nan


def parameter_to_dict(parameter: Parameter) -> dict[str, Any]:
    """A parameter as JSON-ready values (for a checkpoint's config)."""
    record: dict[str, Any] = {"kind": parameter.kind, "name": parameter.name, "control": list(parameter.control)}
    if isinstance(parameter, Knob):
        record["drawn"] = list(parameter.drawn) if parameter.drawn else None
        record |= {"top": parameter.top} if parameter.top else {}
    else:
        record |= {"codes": list(parameter.codes), "labels": list(parameter.labels)}
        record["display"] = [list(pair) for pair in parameter.display]
    return record | {"heard": parameter.heard, "about": parameter.about}


def parameter_from_dict(record: Mapping[str, Any]) -> Parameter:
    """A parameter from what `parameter_to_dict` made of it.

    Raises:
        InputError: the record does not describe a parameter.
    """
    shown = repr(record)[:200]
    try:
        kind = record["kind"]
        fields = {key: _as_tuples(value) for key, value in record.items() if key != "kind"}
        parameter = Knob(**fields) if kind == "knob" else Switch(**fields) if kind == "switch" else None
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"Not a parameter: {shown} ({str(error)[:200]}).") from error
    if parameter is None:
        raise InputError(f"Unknown kind of parameter: {str(kind)[:60]!r}; known: knob, switch.")
    if not _fits(parameter):
        raise InputError(f"Not a parameter, as a value is of another kind than it must be: {shown}.")
    return parameter


def _fits(parameter: Parameter) -> bool:
    """Whether a parameter's values are of the kinds that its methods take for granted."""
    name, control = parameter.name, parameter.control
    if not _are_texts((name, parameter.about)) or not re.fullmatch(r"[A-Za-z]\w{0,63}", name, re.ASCII):
        return False
    if not _are_whole(control, 127) or len(control) > 2 or not is_rule(parameter.heard):
        return False
    if isinstance(parameter, Knob):
        drawn, top = parameter.drawn, parameter.top
        if type(top) is not int or not 0 <= top <= (127 if len(control) == 1 else 16_383):
            return False
        return drawn is None or (_are_whole(drawn, parameter.high) and len(drawn) == 2 and drawn[0] < drawn[1])
    codes, labels, shown = parameter.codes, parameter.labels, parameter.display
    if not _are_whole(codes, 127) or not _are_texts(labels) or not isinstance(shown, tuple) or len(control) > 1:
        return False
    apart = len(set(codes)) == len(codes) == len(labels) == len(set(labels)) > 0
    return apart and all(_are_texts(pair) and len(pair) == 2 for pair in shown)


def _are_whole(values: Any, high: int) -> bool:
    return isinstance(values, tuple) and all(type(value) is int and 0 <= value <= high for value in values)


def _are_texts(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)
