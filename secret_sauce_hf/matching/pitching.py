"""What was played, by what comes nearest to the sound, where a listener takes a whistle or an overtone for the note."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, Performances, constant_note
from secret_sauce_hf.matching.guides import Guide
from secret_sauce_hf.matching.playable import playable
from secret_sauce_hf.matching.problem import Budget
from secret_sauce_hf.matching.readings import alike, single
from secret_sauce_hf.matching.reference import place_played
from secret_sauce_hf.matching.salience import by_salience
from secret_sauce_hf.matching.space import NOISE_SEED
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.processors import thread_count

NEAR_DB = 1.0
"""What was heard and comes nearer than this is not doubted."""
NEARER = 0.75
"""One note of another pitch has to come this much nearer than what was heard."""
HOPELESS = 1.5
"""Where no other pitch comes nearer than so many times what was heard, it is left at that: a search needs its time."""
HEARD, EACH = 48, 12
"""How many presets that the model proposes are rendered with what was heard, and with each pitch."""
PITCHES_TOGETHER = 22
"""So many pitches are asked for between two looks at the budget."""
CHILDREN = 128
"""So many presets are made of the nearest ones at a time, with what these play or others."""
GENERATIONS = ((0.08, 24), (0.08, 24), (0.06, 24), (0.06, 16), (0.04, 12), (0.04, 12), (0.03, 8), (0.02, 8))
"""How far a knob is moved each time, of its range, and how many are parents."""
ALIKE = 4
"""At most so many parents play the same."""
OTHER_PARENT = 0.3
"""How often a child has a setting of a second parent."""
MOVED, MOST_MOVED = 0.5, 14
"""How often a knob is moved, and how many are at most, on average."""
OTHER_LABEL = 0.05
"""How often a switch is set anew."""
OTHER_PITCH = 0.2
"""How often a child plays what its second parent does, and how often a step or an octave beside its first."""
OCTAVES = (0, -12, 12, -24)
"""Semitones from what was heard to what a preset of the bank may have played, the likeliest first."""
OFFERED = 128
"""How many presets of a bank are rendered with each of these: of a larger bank as many as are evenly spread over it."""
BESIDE = (-12, -2, -1, 1, 2, 12)
"""Semitones from a pitch to those beside it."""
MOST_SECONDS = 1.5
"""Of the sound, that are compared."""
TOLD = 8
"""Presets that a search may begin with."""
TAKES_TOGETHER = 32
"""That a thread compares at once."""


def likeliest(
    guide: Guide,
    collection: Collection,
    engine: Engine,
    listened: Listened,
    lead: float,
    seed: int,
    budget: Budget,
    bank: np.ndarray | None = None,
) -> tuple[Listened, np.ndarray]:
    """What was played: what was heard, with other ends perhaps, or one note of any pitch.

    The model is asked for presets with each. The nearest of them are crossed and mutated, and what they play is
    inherited and mutated as settings are: a pitch can only be told from its neighbours by a preset that suits it,
    and what suits one is a good guess for the next.

    Args:
        guide: of a model of notes, or a prior.
        collection: of the model.
        engine: renders it.
        listened: the sound, and what was heard in it.
        lead: how many seconds a take begins before its first note.
        seed: of what is drawn.
        budget: of it as much is used as is there, if need be.
        bank: presets that may have been played, CC values, shape (rows, parameters); they are tried with what was
            heard, and octaves from it, because many a preset sounds in another octave than that of the key.

    Returns:
        The sound with the notes, and the nearest presets that play them, CC values, shape (`TOLD` at most, parameters).
    """
    untold = listened, np.empty((0, len(collection.parameters)), dtype=np.int64)
    if listened.given or not listened.notes:
        return untold
    asked = _Asked(guide, collection, engine, listened, lead, seed, budget)
    asked.ask([listened], HEARD)
    if not asked.sounds:
        return untold
    if asked.told.min() < NEAR_DB:
        return asked.nearest(0)
    asked.ask(alike(listened)[1:], HEARD)
    heard = len(asked.sounds)
    pitches = by_salience(listened.samples[round(listened.notes[0].onset * SAMPLE_RATE) :], SAMPLE_RATE, engine.plays)
    if bank is not None:
        octaves = [pitch for move in OCTAVES if (pitch := listened.notes[0].pitch + move) in pitches]
        # Before what the model proposes with every pitch, which may take all of the budget.
        asked.ask(single(listened, octaves), EACH)
        few = bank[:: -(-len(bank) // OFFERED)]
        asked.offer(few, [*range(heard, len(asked.sounds))])
        pitches = [pitch for pitch in pitches if pitch not in octaves]
    others = single(listened, pitches)
    for first in range(0, len(others), PITCHES_TOGETHER):
        asked.ask(others[first : first + PITCHES_TOGETHER], EACH)
    rng = np.random.default_rng(seed)
    for step, parents in GENERATIONS:
        least = asked.least
        if least[heard:].min(initial=np.inf) > HOPELESS * least[:heard].min():
            break
        asked.breed(heard, step, parents, rng)
    least = asked.least
    told, other = int(least[:heard].argmin()), int(least.argmin())
    return asked.nearest(other if least[other] < NEARER * least[told] else told)


class _Asked:
    """Presets that may have been played, what they play, and how far they are from the beginning of a sound.

    Args:
        guide: see `likeliest`; so are the others.
    """

    def __init__(
        self,
        guide: Guide,
        collection: Collection,
        engine: Engine,
        listened: Listened,
        lead: float,
        seed: int,
        budget: Budget,
    ):
        self._budget = budget
        self._guide, self._engine, self._lead, self._seed = guide, engine, lead, seed
        reference, _ = place_played(listened, SAMPLE_RATE, lead)
        take = reference.take[: round(MOST_SECONDS * SAMPLE_RATE)]
        first, last = (min(place, len(take)) for place in reference.known)
        self._objective = Objective(take, (first, last), reference.note_on, free=True)
        self._collection = with_seconds(collection, len(take) / SAMPLE_RATE)
        self.sounds: list[Listened] = []
        self._notes: list[tuple[Note, ...]] = []
        self._cc = np.empty((0, len(collection.parameters)), dtype=np.int64)
        self._played = np.empty(0, dtype=np.int64)
        self.told = np.empty(0)
        """Distances of all presets, MSS in dB."""
        self._each = 0.0 if budget.seconds is None else self._pace()

    @property
    def least(self) -> np.ndarray:
        """Distance of the nearest preset that plays each of `sounds`, in dB."""
        return np.array([self.told[self._played == place].min() for place in range(len(self.sounds))])

    def nearest(self, place: int) -> tuple[Listened, np.ndarray]:
        """One of `sounds`, and the nearest presets that play it, CC values: (`TOLD` at most, parameters)."""
        rows = np.flatnonzero(self._played == place)
        rows = rows[np.argsort(self.told[rows], kind="stable")[:TOLD]]
        return self.sounds[place], self._cc[rows]

    def ask(self, sounds: Sequence[Listened], count: int) -> None:
        """Measure what the model proposes where these notes are played, `count` presets each, if there is budget."""
        if not sounds or not self._affords(len(sounds) * count):
            return
        inputs = [self._guide.inputs_of(one) for one in sounds]
        cc = self._guide.propose_each(self._collection, inputs, count, self._seed)
        played = np.repeat(np.arange(len(self.sounds), len(self.sounds) + len(sounds)), count)
        self.sounds.extend(sounds)
        self._notes.extend(self._playable(one) for one in sounds)
        self._measure(cc.reshape(len(played), -1), played)

    def offer(self, cc: np.ndarray, places: Sequence[int]) -> None:
        """Measure presets with each of some of `sounds`, as long as there is budget.

        Args:
            cc: CC values, shape (rows, parameters).
            places: of `sounds`, the first to try first.
        """
        for place in places:
            if self._affords(len(cc)):
                self._measure(cc, np.full(len(cc), place))

    def breed(self, heard: int, step: float, count: int, rng: np.random.Generator) -> None:
        """Measure children of the nearest, if there is budget.

        Args:
            heard: from which of `sounds` on they are single notes of any pitch.
            step: by how much of its range a knob is moved: the standard deviation.
            count: how many of the nearest are parents.
            rng: draws them.
        """
        if not self._affords(CHILDREN):
            return
        parents = self._parents(count)
        first, second = rng.choice(parents, size=(2, CHILDREN))
        inherited = rng.random((CHILDREN, self._cc.shape[1])) < OTHER_PARENT
        columns = []
        moved = min(MOVED, MOST_MOVED / self._cc.shape[1])
        mixed = np.where(inherited, self._cc[second], self._cc[first])
        for parameter, own in zip(self._collection.parameters, mixed.T, strict=True):
            unit = parameter.cc_to_unit(own)
            if parameter.classes:
                other = rng.integers(parameter.classes, size=CHILDREN)
                unit = np.where(rng.random(CHILDREN) < OTHER_LABEL, other, unit)
            else:
                unit = unit + np.where(rng.random(CHILDREN) < moved, step, 0.0) * rng.standard_normal(CHILDREN)
            columns.append(parameter.nearest_cc(unit))
        draw = rng.random(CHILDREN)
        played = np.where(draw < OTHER_PITCH, self._played[second], self._played[first])
        places = {self._notes[place][0].pitch: place for place in range(heard, len(self.sounds))}
        for child in np.flatnonzero(draw > 1 - OTHER_PITCH).tolist():
            pitch = self._notes[played[child]][0].pitch + int(rng.choice(BESIDE))
            played[child] = places.get(pitch, played[child])
        self._measure(np.stack(columns, axis=1), played)

    def _affords(self, count: int) -> bool:
        """Whether there is budget for so many renderings."""
        return self._budget.affords(count, count * self._each) == count

    def _pace(self) -> float:
        """Seconds that a rendering takes among as many as the engine renders best together."""
        count = self._engine.batch
        middle = np.array([[int(p.spread(3)[0 if p.classes else 1]) for p in self._collection.parameters]])
        told = Performances.from_notes([(constant_note(self._collection.timing),)] * count)
        rows = Presets.of_search(self._collection, middle.repeat(count, axis=0)).playing(told)
        for _ in range(2):
            # The first time something may have to be compiled or loaded.
            begun = monotonic()
            self._engine.render(rows, noise_seed=NOISE_SEED)
        return (monotonic() - begun) / count

    def _parents(self, count: int) -> list[int]:
        kept: list[int] = []
        for row in np.argsort(self.told, kind="stable").tolist():
            if np.count_nonzero(self._played[kept] == self._played[row]) < ALIKE:
                kept.append(row)
            if len(kept) == count:
                break
        return kept

    def _measure(self, cc: np.ndarray, played: np.ndarray) -> None:
        presets = Presets.of_search(self._collection, cc)
        takes = self._engine.render(
            presets.playing(Performances.from_notes([self._notes[place] for place in played])),
            noise_seed=NOISE_SEED,
            same_noise=True,
            phases=self._engine.draw_phases(NOISE_SEED, 0, 1).repeat(len(presets), axis=0),
        )
        self._budget.used += len(takes)
        parts = np.array_split(takes, -(-len(takes) // TAKES_TOGETHER))
        with ThreadPoolExecutor(thread_count()) as pool:
            told = list(pool.map(self._objective, parts))
        self._cc, self._played = np.concatenate([self._cc, cc]), np.concatenate([self._played, played])
        self.told = np.concatenate([self.told, *told])

    def _playable(self, listened: Listened) -> tuple[Note, ...]:
        """What the instrument plays of that, in the part that is compared."""
        _, notes = place_played(listened, SAMPLE_RATE, self._lead)
        within = [note for note in notes if note.onset < self._collection.seconds]
        return playable(within, self._collection, self._engine)[0]
