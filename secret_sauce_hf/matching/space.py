"""What a search looks through: the settings of a collection, and where what runs freely was at the note.

A rendering follows from its preset and from the phases of what no note-on resets, such as
an LFO: on the instrument they are left to chance, but in one sound they are what they are.
With other phases the very preset of a sound is further from it than many a wrong one, so
they are looked for like knobs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, Knob, Parameter
from secret_sauce_hf.presets import Presets

NOISE_SEED = 0
"""Of all renderings, so that they differ by their places only; no row of 2018 gets the very noise of its recording."""
TURN = 128
"""Steps of a phase: finer ones hardly change a sound."""


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
class Space:
    """The places of a search: CC values of a collection's parameters, then steps of the engine's phases.

    Args:
        collection: the collection.
        engine: renders its takes.
    """

    collection: Collection
    engine: Engine
    parameters: tuple[Parameter, ...] = field(init=False)
    """The collection's, then a `Phase` for each phase."""

    def __post_init__(self) -> None:
        phases = [Phase(name) for name in self.engine.free_phases]
        object.__setattr__(self, "parameters", (*self.collection.parameters, *phases))

    @property
    def settings(self) -> int:
        """How many columns of a place are settings."""
        return len(self.collection.columns)

    @property
    def phases(self) -> int:
        """How many are phases."""
        return len(self.parameters) - self.settings

    def bounds(self, column: int) -> tuple[float, float]:
        """Between which units a strategy may move a knob; a phase goes round as often as it likes."""
        if column >= self.settings:
            return -9.0, 10.0
        units = self.parameters[column].cc_to_unit(self.parameters[column].spread(2))
        return float(units[0]), float(units[-1])

    def cc(self, places: np.ndarray) -> np.ndarray:
        """The CC values of places: (rows, columns) to (rows, parameters)."""
        return places[:, : self.settings]

    def presets(self, places: np.ndarray) -> Presets:
        """The presets of places, which are taken for legal: those of a search come from presets that were checked."""
        return Presets.of_search(self.collection, self.cc(places))

    def unit(self, places: np.ndarray) -> np.ndarray:
        """Places as units and turns, of the same shape."""
        return np.concatenate([self.presets(places).unit, places[:, self.settings :] / TURN], axis=1)

    def heard(self, places: np.ndarray) -> np.ndarray:
        """What is heard by the declared rules, of the same shape; they know nothing of phases."""
        return np.pad(self.presets(places).heard(), ((0, 0), (0, self.phases)))

    def places(self, cc: np.ndarray, phases: np.ndarray | None = None) -> np.ndarray:
        """CC values and the phases of a place, those of row 0 of the noise if None."""
        if phases is None:
            phases = self.drawn(1)[0]
        return np.concatenate([cc, np.broadcast_to(phases, (len(cc), self.phases))], axis=1)

    def drawn(self, count: int) -> np.ndarray:
        """Phases of the first `count` rows of the noise, in steps: (count, phases)."""
        turns = self.engine.draw_phases(NOISE_SEED, 0, count)
        return np.rint(turns * TURN).astype(np.int64) % TURN

    def render(self, places: np.ndarray, noise_row: int = 0) -> np.ndarray:
        """Takes of places, from silence, all with the noise of one row: int16, (rows, samples)."""
        return self.engine.render(
            self.presets(places),
            noise_seed=NOISE_SEED,
            first_row=noise_row,
            same_noise=True,
            phases=places[:, self.settings :] / TURN,
        )

    def render_known(self, known: np.ndarray | None, noise_row: int, cc: np.ndarray) -> np.ndarray:
        """Takes of presets with the phases in which a search found them best: int16, (rows, samples).

        Args:
            known: the search's places, the best first, shape (any, columns); None without a search.
            noise_row: whose noise the search had.
            cc: CC values, shape (rows, parameters); presets that are not known get the phases
                of the best.
        """
        if known is None:
            return self.render(self.places(cc))
        found = {row.tobytes(): place for row, place in zip(self.cc(known), known, strict=True)}
        others = self.places(cc, known[0, self.settings :])
        rows = [found.get(own.tobytes(), other) for own, other in zip(cc, others, strict=True)]
        return self.render(np.array(rows), noise_row)
