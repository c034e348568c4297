"""Which parameters of an instrument are worth learning: those that are heard, and those that were asked for."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from secret_sauce_hf.data.heard import measure_heard
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, InputError, Parameter
from secret_sauce_hf.instruments.checking import nearest
from secret_sauce_hf.instruments.musical import HABITS
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.presets import draw_presets

LEAST_SHARE = 0.03
"""A parameter that is heard in fewer rows is not learned: whatever it is set to, hardly a sound tells."""
ROWS = 48
FEWEST_ROWS = 12
PROBE_ROWS = 4
LISTENING_SHARE = 0.1
"""Of the time that a run may take."""


def rows_within(engine: Engine, collection: Collection, seconds: float, seed: int) -> int:
    """How many rows to measure what is heard in, so that it does not take longer than its share of a time.

    Args:
        engine: renders the rows.
        collection: whose parameters are moved.
        seconds: that the whole run may take.
        seed: of the rows by which the engine's pace is found.
    """
    presets = draw_presets(collection, PROBE_ROWS, seed)
    engine.render(presets, noise_seed=seed)
    begun = time.perf_counter()
    engine.render(presets, noise_seed=seed)
    each = (time.perf_counter() - begun) / PROBE_ROWS
    moves = 1 + sum(
        len(parameter.moves(presets.unit[:1, column])) for column, parameter in enumerate(presets.parameters)
    )
    return int(np.clip(LISTENING_SHARE * seconds / (moves * each), FEWEST_ROWS, ROWS))


def shares_heard(
    engine: Engine, collection: Collection, seed: int, *, rows: int = ROWS, progress: bool = True
) -> dict[str, float]:
    """In how many of some fresh rows each parameter is heard, as `measure_heard` measures it.

    Args:
        engine: renders the rows.
        collection: whose parameters they are.
        seed: of the rows.
        rows: how many; each costs some renderings of every parameter.
        progress: whether to show a progress bar.

    Returns:
        Name → share, 0 to 1, of the rows that are not silent.

    Raises:
        InputError: every row is silent.
    """
    presets = draw_presets(collection, rows, seed)
    found = measure_heard(presets, engine=engine, noise_seed=seed, progress=progress)
    sounding = found.peak > -60.0
    if not sounding.any():
        raise InputError(
            f"Nothing is heard of {collection.name}: all of {rows} random presets are silent. Something that mutes it "
            "may be among its parameters: leave that out (--without)."
        )
    heard = found.heard[sounding].mean(axis=0)
    return {parameter.name: float(share) for parameter, share in zip(presets.parameters, heard, strict=True)}


def chosen(collection: Collection, only: Sequence[str], without: Sequence[str]) -> tuple[str, ...]:
    """The columns that options leave.

    Args:
        collection: the collection.
        only: parameters, of which no others are learned; all if there are none.
        without: parameters that are not learned.

    Raises:
        InputError: one of them is no parameter; none is left.
    """
    for name in (*only, *without):
        if name not in collection.columns:
            raise InputError(f"{collection.name} has no parameter {name[:60]!r}; {nearest(name, collection.columns)}")
    left = tuple(name for name in collection.columns if (not only or name in only) and name not in without)
    if not left:
        raise InputError("No parameter is left to learn: give fewer to --without.")
    return left


def reduced(
    collection: Collection, columns: Sequence[str], name: str, defaults: Mapping[str, float | str] | None = None
) -> Collection:
    """A collection of fewer parameters: the others are fixed.

    Args:
        collection: the collection.
        columns: the parameters that vary.
        name: of the new collection.
        defaults: settings of those that do not, by name; else what people set them to most often, where that is
            known, or the middle of a knob's range and a switch's first label.

    Returns:
        A collection without rows of its own, of the same instrument; of a plug-in, of one that has those
        parameters only: the others stay where the plug-in has them when it is loaded.
    """
    instrument, plugin = collection.instrument, collection.instrument.plugin
    fixed = dict(collection.fixed)
    if plugin is not None:
        kept = [place for place, parameter in enumerate(instrument.parameters) if parameter.name in columns]
        hosted = replace(plugin, parameters=tuple(plugin.parameters[place] for place in kept))
        parameters = tuple(instrument.parameters[place] for place in kept)
        instrument = replace(instrument, parameters=parameters, plugin=hosted)
    else:
        told = defaults or {}
        for parameter in collection.parameters:
            if parameter.name not in columns:
                fixed[parameter.name] = told.get(parameter.name, _usual(collection, parameter))
    return replace(
        collection,
        name=name,
        stem=name.replace("-", "_"),
        instrument=instrument,
        columns=tuple(column for column in collection.columns if column in columns),
        fixed=tuple(fixed.items()),
        count=0,
        train_count=0,
        seed=None,
        prior=UNIFORM,
        enumerated=False,
        has_file_column=True,
        title=f"{instrument.title}, learned: {len(columns)} parameters",
    )


def _usual(collection: Collection, parameter: Parameter) -> float | str:
    habit = HABITS.get(collection.instrument.name, {}).get(parameter.name)
    if isinstance(habit, Mapping):
        return max(habit, key=lambda label: habit[label])
    place = 0 if parameter.classes else (parameter.cc_count - 1) // 2
    if habit is not None:
        place = int(habit.chances(parameter.cc_count).argmax())
    setting: float | str = parameter.cc_to_setting(parameter.cc_at(np.asarray(place))).item()
    return setting
