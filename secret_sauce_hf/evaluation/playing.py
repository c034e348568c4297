"""Answers rendered as they come nearest to a sound, whatever chance leaves open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.evaluation.scoring import NOISES
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching.domain import SAME_DB
from secret_sauce_hf.matching.strategies.chance import FEW_NOISES
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.presets import Presets

TURNS = (np.arange(16) / 16, np.arange(-4, 5) / 128)
"""By how many turns each phase is moved: all around, then near where that was best."""


@dataclass(frozen=True, eq=False)
class Chance:
    """What chance leaves open in a take.

    Args:
        seed: of the noise.
        row: whose noise it is.
        phases: where what runs freely is, in turns, shape (phases,); or of each of several
            takes, (takes, phases).
    """

    seed: int
    row: int
    phases: np.ndarray


def play(
    engine: Engine,
    collection: Collection,
    units: np.ndarray,
    chance: Chance,
    notes: Sequence[Note] | None = None,
) -> np.ndarray:
    """Takes of answers, shape (answers, parameters), with what chance has left them: full scale ±1.

    Args:
        engine: renders them.
        collection: whose presets they are.
        units: the answers.
        chance: noise and phases.
        notes: that each of them plays; the collection's own note if None.
    """
    phases = np.broadcast_to(chance.phases, (len(units), chance.phases.shape[-1]))
    presets = Presets(collection, units).playing(notes)
    takes = engine.render(presets, noise_seed=chance.seed, first_row=chance.row, same_noise=True, phases=phases)
    return to_float(takes)


def play_nearest(
    engine: Engine,
    collection: Collection,
    sound: np.ndarray,
    units: np.ndarray,
    seed: int,
    notes: Sequence[Note] | None = None,
) -> tuple[np.ndarray, Chance]:
    """An answer with the noise and the phases that bring it nearest to a sound, by MSS: its take, and those.

    The nearest of `NOISES` rows is taken, which have phases of their own, and then each
    phase is moved by itself (see `TURNS`).

    Args:
        engine: renders the answer.
        collection: whose preset it is.
        sound: shape (samples,).
        units: the answer, shape (parameters,).
        seed: of the noises.
        notes: that it plays; the collection's own note if None.
    """

    def distances_of(takes: np.ndarray) -> np.ndarray:
        return np.asarray(mss(np.broadcast_to(sound, takes.shape), takes, SAMPLE_RATE))

    for count in (FEW_NOISES, NOISES):
        presets = Presets(collection, np.repeat(units[None], count, axis=0)).playing(notes)
        takes = engine.render(presets, noise_seed=seed)
        takes = to_float(takes)
        distances = distances_of(takes)
        if np.ptp(distances) <= SAME_DB:
            break
    row = int(distances.argmin())
    take, best = takes[row], distances[row]
    chance = Chance(seed, row, engine.draw_phases(seed, row, 1)[0])
    if np.ptp(distances) <= SAME_DB or not engine.free_phases:
        return take, chance
    for turns in TURNS:
        for column in range(len(chance.phases)):
            phases = np.repeat(chance.phases[None], len(turns), axis=0)
            phases[:, column] = (phases[:, column] + turns) % 1.0
            takes = play(
                engine, collection, np.repeat(units[None], len(turns), axis=0), Chance(seed, row, phases), notes
            )
            distances = distances_of(takes)
            nearest = int(distances.argmin())
            if distances[nearest] < best:
                take, best = takes[nearest], distances[nearest]
                chance = Chance(seed, row, phases[nearest])
    return take, chance


def play_all_nearest(engine: Engine, truth: Presets, sounds: np.ndarray, units: np.ndarray, seed: int) -> np.ndarray:
    """Takes of answers, each as near as chance brings it to its sound, see `play_nearest`: shape (rows, samples).

    Args:
        engine: renders them.
        truth: of the sounds; what they play is told to everybody.
        sounds: shape (rows, samples).
        units: the answers, shape (rows, parameters).
        seed: of the noises.
    """
    takes = []
    for row, (sound, answer) in enumerate(zip(sounds, units, strict=True)):
        takes.append(play_nearest(engine, truth.collection, sound, answer, seed, notes_of(truth, row))[0])
    return np.stack(takes)


def notes_of(presets: Presets, row: int) -> tuple[Note, ...] | None:
    """What a row plays; None where that is the collection's own note."""
    return None if presets.play_constant else presets.performances[row]
