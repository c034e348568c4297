"""The methods that search for every sound by rendering: matching, and the genetic search."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.evaluation.store import Part, Store, key_of
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection
from secret_sauce_hf.matching import Loaded, match
from secret_sauce_hf.matching.strategies import genetic
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress, say

NO_LIMIT = 10**9
"""More renders than anybody waits for."""
MODEL_SECONDS = 1.0
"""What a sound takes besides its search, for the estimate."""

Trace = list[tuple[float, int, np.ndarray]]
"""Whenever the best improved: seconds, renders and units."""


@dataclass(frozen=True)
class Budget:
    """What a search may use for a sound.

    Args:
        seconds: time.
        renders: the most presets to render; no limit if None.
        seed: of everything that is drawn.
    """

    seconds: float
    renders: int | None
    seed: int


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found for a sound.

    Args:
        units: the answer, shape (parameters,).
        seconds: how long it took.
        renders: how many presets were rendered.
        trace: how it came there.
    """

    units: np.ndarray
    seconds: float
    renders: int
    trace: Trace

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        trace = [[seconds, renders, units.tolist()] for seconds, renders, units in self.trace]
        return {"units": self.units.tolist(), "seconds": self.seconds, "renders": self.renders, "trace": trace}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Search":
        """The reverse of `to_json`."""
        trace = [(seconds, renders, np.array(units)) for seconds, renders, units in record["trace"]]
        return cls(np.array(record["units"]), record["seconds"], record["renders"], trace)


class Searcher:
    """Searches sounds one after the other, and keeps what it finds.

    Args:
        collection: whose presets are looked for.
        engine: renders them.
        begun: the model that `matching` begins with, or the collection's prior; None where it does not take part.
        weights: digest of the model's weights; None without one.
        budget: for a sound.
        store: where it is kept.
        progress: whether to show progress bars.
    """

    def __init__(
        self,
        collection: Collection,
        engine: Engine,
        begun: Loaded | None,
        weights: str | None,
        budget: Budget,
        store: Store,
        progress: bool,
    ):
        self.collection, self.engine, self.begun = collection, engine, begun
        self.budget, self.progress = budget, progress
        conditions = {
            "collection": collection.name,
            "seconds": budget.seconds,
            "renders": budget.renders,
            "seed": budget.seed,
            "engine": engine.version,
            "package": version("secret_sauce_hf"),
            "weights": weights,
        }
        self._matched = store.part("matching", conditions)
        self._evolved = store.part("genetic", conditions | {"beside_matching": begun is not None})

    def missing(self, sounds: np.ndarray, method: str) -> float:
        """Seconds that `matching` or `genetic` will take for these sounds, about; what is kept takes none."""
        part = {"matching": self._matched, "genetic": self._evolved}[method]
        return sum(key_of(sound) not in part for sound in sounds) * (self.budget.seconds + MODEL_SECONDS)

    def match(self, sounds: np.ndarray) -> list[Search]:
        """What `match` finds for each sound: float32 of shape (rows, samples)."""
        if any(key_of(sound) not in self._matched for sound in sounds):
            # What is compiled or loaded on first use is not to count.
            self._match(sounds[0], Budget(self.budget.seconds, 1, 0))
        return self._each("Matching", self._matched, sounds, lambda row: self._match(sounds[row], self.budget))

    def _match(self, sound: np.ndarray, budget: Budget) -> Search:
        start = time.perf_counter()
        found = match(
            {"array": sound, "sampling_rate": SAMPLE_RATE},
            collection=self.collection,
            model=self.begun,
            seconds=None if budget.renders else budget.seconds,
            renders=budget.renders,
            seed=budget.seed,
            engine=self.engine,
        )
        seconds = time.perf_counter() - start
        if found.interrupted:
            # It tells what it has by then; here that is not what it would have found.
            raise KeyboardInterrupt
        units = Presets.from_settings(self.collection, [found.preset]).unit[0]
        # Its clock starts with the model's answer, which takes time too.
        before = seconds - found.seconds
        trace = [(before + point.seconds, point.renders, np.array(point.unit)) for point in found.trace]
        # In silence there is nothing to search for.
        return Search(units, seconds, found.renders, trace or [(seconds, 0, units)])

    def evolve(self, sounds: np.ndarray, matched: list[Search] | None) -> list[Search]:
        """What a genetic search finds for each sound.

        Args:
            sounds: float32 of shape (rows, samples).
            matched: what matching found: the search goes on until it has had as much time
                and as many renders. None if it did not take part.
        """
        if any(key_of(sound) not in self._evolved for sound in sounds):
            self._evolve(sounds[0], Budget(1e-9, 1, 0), None)
        return self._each(
            "Genetic search",
            self._evolved,
            sounds,
            lambda row: self._evolve(sounds[row], self.budget, None if matched is None else matched[row]),
        )

    def _evolve(self, sound: np.ndarray, budget: Budget, matched: Search | None) -> Search:
        timing = self.collection.timing
        note_on = round((timing.note_on - timing.cut[0]) * SAMPLE_RATE)
        start = time.perf_counter()
        objective = Objective(sound, (0, len(sound)), note_on)

        def distance(presets: Presets) -> np.ndarray:
            return objective(self.engine.render(presets, noise_seed=0, same_noise=True))

        trace = genetic.search(
            self.collection,
            distance,
            seconds=matched.seconds if matched is not None else budget.seconds,
            renders=max(1, matched.renders) if matched is not None else budget.renders or NO_LIMIT,
            seed=budget.seed,
            until_both=matched is not None,
        )
        steps = [(found.seconds, found.renders, found.units) for found in trace.found]
        return Search(trace.found[-1].units, time.perf_counter() - start, trace.renders, steps)

    def _each(self, title: str, part: Part, sounds: np.ndarray, search: Any) -> list[Search]:
        keys = [key_of(sound) for sound in sounds]
        done = sum(key in part for key in keys)
        with row_progress(title, len(keys), self.progress, done=done) as advance:
            for row, key in enumerate(keys):
                if key not in part:
                    part.put(key, search(row).to_json())
                    advance(1)
        return [Search.from_json(part[key]) for key in keys]


def at_seconds(search: Search, seconds: float) -> np.ndarray:
    """The best answer that a search had after so many seconds; the first one it had if it had none by then."""
    return _last(search.trace, [entry[0] <= seconds for entry in search.trace])


def at_renders(search: Search, renders: int) -> np.ndarray:
    """The best answer that a search had after so many renders; the first one it had if it had none by then."""
    return _last(search.trace, [entry[1] <= renders for entry in search.trace])


def _last(trace: Trace, within: list[bool]) -> np.ndarray:
    return trace[max(sum(within) - 1, 0)][2]


def say_estimate(seconds: float, what: str) -> None:
    """Tell the person who waits how long it will be."""
    text = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
    say(f"{what}: about {text}.")
