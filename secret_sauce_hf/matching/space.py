"""What a search looks through: the settings of a collection, and where what runs freely was at the note.

A rendering follows from its preset and from the phases of what no note-on resets, such as
an LFO: on the instrument they are left to chance, but in one sound they are what they are.
With other phases the very preset of a sound is further from it than many a wrong one, so
they are looked for like knobs. So are the times of notes that were heard rather than given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, Knob, Parameter
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, Performances, check_notes
from secret_sauce_hf.presets import Presets

NOISE_SEED = 0
"""Of all renderings, so that they differ by their places only; no row of 2018 gets the very noise of its recording."""
TURN = 128
"""Steps of a phase: finer ones hardly change a sound."""
ONSET_SECONDS, END_SECONDS = 0.025, 0.05
"""How far the onsets and the ends of notes are believed to be off that were heard."""
SIDE = 25
"""Steps of a time to either side of where it was heard."""
TOGETHER_SECONDS = 0.012
"""Onsets, or ends, that are no further apart are those of a chord, which move together."""
MOST_TIMES = 8
"""More times than these are left as they were heard: a search would lose its way among them."""
_SHORTEST = 0.005


@dataclass(frozen=True)
class Phase(Knob):
    """Where in its period something is: a knob that goes round in `TURN` steps."""

    control: tuple[int, ...] = (0,)

    def cc_to_unit(self, cc: np.ndarray) -> np.ndarray:
        """Steps to turns."""
        return np.asarray(cc) / TURN

    def nearest_cc(self, unit: np.ndarray) -> np.ndarray:
        """The steps nearest to any turns."""
        return np.rint(np.asarray(unit) * TURN).astype(np.int64) % TURN

    def steps(self, cc: int, steps: Iterable[float]) -> list[int]:
        """Where `steps` lead from step `cc`, past a whole turn on from 0; ascending, without itself."""
        return sorted({int(cc + step) % TURN for step in steps} - {int(cc)})


@dataclass(frozen=True)
class Time(Knob):
    """When a note starts or ends: a knob of `SIDE` steps to either side of where it was heard."""

    control: tuple[int, ...] = (0,)

    @property
    def high(self) -> int:
        """The latest step."""
        return 2 * SIDE

    def steps(self, cc: int, steps: Iterable[float]) -> list[int]:
        """Where `steps`, each of one to the next, lead from step `cc`; ascending, without itself."""
        return sorted({int(np.clip(cc + step, *self.limits)) for step in steps} - {int(cc)})


@dataclass(frozen=True)
class Space:
    """The places of a search: CC values of a collection's parameters, then phases of the engine, then times of notes.

    Args:
        collection: the collection.
        engine: renders its takes.
        notes: what is played, times in seconds from the start of the take; the one note that the collection's
            timing has if None.
        seconds: the length of takes; the collection's if None.
        exact: whether the notes' times are taken as they are. Else the onsets after the first are looked for within
            `ONSET_SECONDS`, and ends within the take within `END_SECONDS`; the first onset is `Objective.shift`.

    Raises:
        InputError: no notes, or such as cannot be or that the engine does not play; a length that no take has.
    """

    collection: Collection
    engine: Engine
    notes: Sequence[Note] | None = None
    seconds: float | None = None
    exact: bool = False
    parameters: tuple[Parameter, ...] = field(init=False)
    """The collection's, then a `Phase` for each phase, then a `Time` for each time that is looked for."""
    times: int = field(init=False)
    """How many columns of a place are times."""
    _moved: tuple[np.ndarray, np.ndarray] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seconds is not None:
            object.__setattr__(self, "collection", with_seconds(self.collection, self.seconds))
        if self.notes is not None:
            notes = tuple(sorted(self.notes, key=lambda note: note.onset))
            check_notes(notes, seconds=self.collection.seconds)
            object.__setattr__(self, "notes", notes)
            row = Presets.of_search(
                self.collection, np.array([[int(p.spread(2)[0]) for p in self.collection.parameters]])
            )
            self.engine.check_performances(row.playing(notes), lambda _: "the performance")
        onsets, ends = self._looked_for()
        notes_played = 0 if self.notes is None else len(self.notes)
        moved = tuple(np.array(masks, dtype=bool).reshape(len(masks), notes_played) for masks in (onsets, ends))
        object.__setattr__(self, "_moved", moved)
        object.__setattr__(self, "times", len(onsets) + len(ends))
        phases = [Phase(name) for name in self.engine.free_phases]
        times = [Time(f"onset {n + 2}") for n in range(len(onsets))] + [Time(f"end {n + 1}") for n in range(len(ends))]
        object.__setattr__(self, "parameters", (*self.collection.parameters, *phases, *times))

    def _looked_for(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Which notes each onset that is looked for is of, and which each end: bool, (notes,)."""
        if self.notes is None or self.exact:
            return [], []
        onset = np.array([note.onset for note in self.notes])
        end = np.array([note.end for note in self.notes])
        onsets = _together(onset, onset > onset[0] + TOGETHER_SECONDS)
        ends = _together(end, end < self.collection.seconds - END_SECONDS)
        return onsets[: MOST_TIMES // 2], ends[: MOST_TIMES // 2]

    @property
    def settings(self) -> int:
        """How many columns of a place are settings."""
        return len(self.collection.columns)

    @property
    def phases(self) -> int:
        """How many are phases."""
        return len(self.parameters) - self.settings - self.times

    @property
    def free(self) -> int:
        """How many are no settings: phases and times."""
        return len(self.parameters) - self.settings

    def bounds(self, column: int) -> tuple[float, float]:
        """Between which units a strategy may move a knob; a phase goes round as often as it likes."""
        if self.settings <= column < self.settings + self.phases:
            return -9.0, 10.0
        units = self.parameters[column].cc_to_unit(self.parameters[column].spread(2))
        return float(units[0]), float(units[-1])

    def cc(self, places: np.ndarray) -> np.ndarray:
        """The CC values of places: (rows, columns) to (rows, parameters)."""
        return places[:, : self.settings]

    def presets(self, places: np.ndarray) -> Presets:
        """The presets of places, which are taken for legal: those of a search come from presets that were checked."""
        presets = Presets.of_search(self.collection, self.cc(places))
        return presets if self.notes is None else presets.playing(self.performances(places))

    def performances(self, places: np.ndarray) -> Performances:
        """What places play."""
        presets = Presets.of_search(self.collection, self.cc(places))
        if self.notes is None:
            return presets.performances
        told = Performances.constant(self.notes, len(places))
        if not self.times:
            return told
        onsets, ends = self._moved
        steps = (places[:, self.settings + self.phases :] - SIDE) / SIDE
        onset = told.onset.reshape(len(places), -1) + steps[:, : len(onsets)] @ onsets * ONSET_SECONDS
        end = told.end.reshape(len(places), -1) + steps[:, len(onsets) :] @ ends.astype(np.float64) * END_SECONDS
        onset = np.clip(onset, 0.0, self.collection.seconds - _SHORTEST)
        duration = np.maximum(end - onset, _SHORTEST)
        return Performances(told.first, told.pitch, told.velocity, onset.ravel(), duration.ravel())

    def unit(self, places: np.ndarray) -> np.ndarray:
        """Places as units and turns, of the same shape."""
        units = [self.presets(places).unit, self.turns(places), places[:, self.settings + self.phases :] / (2 * SIDE)]
        return np.concatenate(units, axis=1)

    def turns(self, places: np.ndarray) -> np.ndarray:
        """The phases of places, in turns: (rows, phases)."""
        return places[:, self.settings : self.settings + self.phases] / TURN

    def heard(self, places: np.ndarray) -> np.ndarray:
        """What is heard by the declared rules, of the same shape; they know nothing of phases and times."""
        return np.pad(self.presets(places).heard(), ((0, 0), (0, self.free)))

    def places(self, cc: np.ndarray, free: np.ndarray | None = None) -> np.ndarray:
        """CC values with the phases and times of a place; phases of row 0 of the noise and times as heard if None."""
        if free is None:
            free = self.drawn(1)[0]
        return np.concatenate([cc, np.broadcast_to(free, (len(cc), self.free))], axis=1)

    def drawn(self, count: int) -> np.ndarray:
        """Phases of the first `count` rows of the noise, and times as they were heard, in steps: (count, free)."""
        turns = self.engine.draw_phases(NOISE_SEED, 0, count)
        phases = np.rint(turns * TURN).astype(np.int64) % TURN
        return np.concatenate([phases, np.full((count, self.times), SIDE)], axis=1)

    def render(self, places: np.ndarray, noise_row: int = 0, *, same_noise: bool = True) -> np.ndarray:
        """Takes of places, from silence, all with the noise of one row: int16, (rows, samples).

        Args:
            places: shape (rows, columns).
            noise_row: whose noise it is.
            same_noise: whether it is the same for all; else that of the next row for each.
        """
        return self.engine.render(
            self.presets(places),
            noise_seed=NOISE_SEED,
            first_row=noise_row,
            same_noise=same_noise,
            phases=self.turns(places),
        )

    def known_places(self, known: np.ndarray, cc: np.ndarray) -> np.ndarray:
        """The places of presets with the phases and times in which a search found them best.

        Args:
            known: the search's places, the best first, shape (any, columns).
            cc: CC values, shape (rows, parameters); presets that are not known get the phases
                and times of the best.
        """
        found = {row.tobytes(): place for row, place in zip(self.cc(known), known, strict=True)}
        others = self.places(cc, known[0, self.settings :])
        return np.array([found.get(own.tobytes(), other) for own, other in zip(cc, others, strict=True)])

    def render_known(self, known: np.ndarray | None, noise_row: int, cc: np.ndarray) -> np.ndarray:
        """Takes of presets in their `known_places`: int16, (rows, samples).

        Args:
            known: the search's places, the best first; None without a search.
            noise_row: whose noise the search had.
            cc: CC values, shape (rows, parameters).
        """
        if known is None:
            return self.render(self.places(cc))
        return self.render(self.known_places(known, cc), noise_row)


def _together(times: np.ndarray, counted: np.ndarray) -> list[np.ndarray]:
    """Masks of those of the `counted` times that are no further than `TOGETHER_SECONDS` apart, in order of time."""
    masks: list[np.ndarray] = []
    latest = -np.inf
    for index in np.argsort(times, kind="stable"):
        if not counted[index]:
            continue
        if times[index] - latest > TOGETHER_SECONDS:
            masks.append(np.zeros(len(times), dtype=bool))
        masks[-1][index] = True
        latest = times[index]
    return masks
