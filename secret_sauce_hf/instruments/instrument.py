"""What an instrument and a collection are.

This file travels with a checkpoint, beside `parameters`, `played`, `rules` and `takes`: it imports
NumPy-only siblings and nothing else (see `secret_sauce_hf.modeling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .parameters import Parameter
from .played import QUANTITIES, asked
from .rules import ALWAYS, NEVER, decided
from .takes import NOTE, SAMPLE_RATE, VELOCITY


@dataclass(frozen=True)
class HostedParameter:
    """Where a parameter of an instrument is among those that a plug-in lists.

    Args:
        index: its place in the plug-in's list, from 0; None of one that is not set there, but by its controllers.
        listed: the name that the plug-in lists it under.
        values: what the plug-in is given, 0 to 1: for each label of a switch, or each CC value of a knob from 0 to
            its highest; empty for a knob whose unit is given as it is.
    """

    index: int | None
    listed: str
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Hosted:
    """The plug-in that an instrument is.

    Args:
        format: "VST3", "VST2", "AU" or "LV2".
        name: what the plug-in calls itself.
        digest: of its file, hexadecimal digits; empty if it is not known.
        parameters: of each of the instrument's parameters, in their order.
        file: the path of the plug-in on this machine; empty where nobody who may choose one has told it.
    """

    format: str
    name: str
    digest: str
    parameters: tuple[HostedParameter, ...]
    file: str = ""


@dataclass(frozen=True)
class Instrument:
    """A machine with parameters.

    Args:
        name: what it is called, in engines and files.
        title: one line for people.
        parameters: in the order of `Presets.complete_unit`.
        plugin: the plug-in that it is; None for any other machine.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    # Presets of an instrument are the same whichever file plays them.
    plugin: Hosted | None = field(default=None, compare=False)

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(f"{self.name} has no parameter {name!r}; it has {', '.join(p.name for p in self.parameters)}.")

    def select(self, names: Sequence[str]) -> tuple[Parameter, ...]:
        """The parameters `names`, in that order."""
        return tuple(self[name] for name in names)


def same_controls(some: Sequence[Parameter], others: Sequence[Parameter]) -> bool:
    """Whether parameters are the same but for when they are heard and what is said about them, which makes no sound."""
    if tuple(some) == tuple(others):
        return True
    plain = [[replace(p, heard=ALWAYS, about="") for p in parameters] for parameters in (some, others)]
    return plain[0] == plain[1]


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
class Playing:
    """What the rows of a collection play where it is not the same in every one: how it is drawn.

    Args:
        kind: "notes", one note a row, or "phrases", several.
        lowest: the lowest pitch, a MIDI number.
        highest: the highest pitch.
        onset: when the first note starts, in seconds from the start of the take.
        shortest: of the durations of single notes, in seconds, drawn log-uniformly.
        longest: the same, the longest.
        chords: whether phrases may be chords, and arpeggios that ring on, besides melodies.
        strings: of an instrument that has some, the pitch of each when nothing is fretted: what sounds
            together is drawn so that every note has a string of its own.
    """

    kind: str
    lowest: int
    highest: int
    onset: float = 0.1
    shortest: float = 0.08
    longest: float = 2.0
    chords: bool = True
    strings: tuple[int, ...] = ()


@dataclass(frozen=True)
class Collection:
    """An instrument, rows of presets, what they play, the timing of a take and a split.

    Args:
        name: its name in this package and on the Hub.
        stem: what its files were called in 2018.
        instrument: the machine that plays it.
        columns: the parameters that vary, in the column order of the 2018 table.
        fixed: settings of the instrument's other parameters.
        count: number of its rows.
        train_count: how many of them, from the first, are for training; the others are for testing.
        timing: the timing of a take.
        title: one line for cards and help.
        enumerated: whether the rows count through every combination of switches,
            in the alphabetical order of the names, instead of being drawn.
        has_file_column: whether the 2018 table names the sound files.
        plays: how what the rows play is drawn; None where every row plays the one note of 2018, which the
            timing has.
        seed: of the collection's rows where they are drawn as fresh ones are; None where they are of 2018.
        prior: how those are drawn, see `priors`.
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
    plays: Playing | None = None
    seed: int | None = None
    prior: str = "uniform"

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
    def seconds(self) -> float:
        """Length of a take, in seconds."""
        start, end = self.timing.cut
        return end - start

    @property
    def played(self) -> dict[str, float]:
        """What rules can ask of what is played, by name, where it is the same in every row; empty where it is not."""
        if self.plays is not None:
            return {}
        timing = self.timing
        onset, duration = timing.note_on - timing.cut[0], timing.note_off - timing.note_on
        pitch, velocity, start, length = (np.array([value]) for value in (NOTE, VELOCITY, onset, duration))
        told = asked(np.array([0, 1]), pitch, velocity, start, length, self.seconds)
        return {name: float(values[0]) for name, values in told.items()}

    def as_played(self, parameter: Parameter) -> Parameter:
        """A parameter as it is where every row plays the same: told without the conditions that this decides.

        Where one thing that is played lets it never be heard, what is said about it says so.
        """
        rule, about = parameter.heard, parameter.about
        for name, value in self.played.items():
            if decided(rule, {name: value}) == NEVER != rule:
                about = f"{about} ({QUANTITIES[name].silences.format(value)})".lstrip()
                break
        return replace(parameter, heard=decided(rule, self.played), about=about)

    @property
    def samples(self) -> int:
        """Length of a take at `SAMPLE_RATE`."""
        start, end = self.timing.cut
        return round((end - start) * SAMPLE_RATE)
