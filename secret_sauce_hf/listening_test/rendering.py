"""Answers as files of predictions tell them, rendered by the collection's engine, and the rows that they answer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.evaluation.comparing import FLOOR, FLOOR_NOISE
from secret_sauce_hf.evaluation.material import Material, gather
from secret_sauce_hf.evaluation.measuring import ANSWER_NOISE
from secret_sauce_hf.evaluation.playing import notes_of, play_nearest
from secret_sauce_hf.evaluation.predictions import read_predictions
from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.listening_test.answers import References, Rendered, System
from secret_sauce_hf.presets import MAX_ROWS, draw_presets

OTHER_SEED = 1_534
"""Of the presets of which one is as good an answer as another."""
_DRAWN = 16


def render_predictions(
    collection: str | Path | Collection,
    predictions: Sequence[str | Path],
    *,
    data: str | Path | None = None,
    recordings: str | Path | None = None,
    rows: int = 100,
    floor: bool = False,
    engine: Engine | None = None,
) -> tuple[References, list[System]]:
    """The rows of a benchmark, and systems that have answered them.

    An answer is rendered as a benchmark renders it: with the noise and the phases, of some that chance may have, which
    come nearest to the sound. Of several candidates it is the first.

    Args:
        collection: whose settings were told.
        predictions: files, see `secret_sauce_hf.evaluation.read_predictions`; a system is called as its file.
        data: a dataset with test rows; the rows of 2018 are rendered if None.
        recordings: a file of recordings instead, see `secret_sauce_hf.data.read_recordings`.
        rows: every system has answered so many rows, from the first; others are left alone.
        floor: whether the truth, rendered again, is a system, too.
        engine: renders the answers; the one that is installed for the collection if None.

    Raises:
        InputError: there is no engine; the rows or the files cannot be read.
    """
    collection = get_collection(collection)
    rows = integer("rows", rows, 1, MAX_ROWS)
    engine = find_engine(collection) if engine is None else engine
    if engine is None:
        raise InputError(f"No engine renders {collection.instrument.name}: what it answers cannot be heard.")
    material = gather(collection, engine, data, recordings)
    rows = min(rows, len(material.presets))
    places = {name: row for row, name in enumerate(material.presets.files[:rows])}
    systems = []
    for path in predictions:
        told = read_predictions(path, collection, material.presets.files, rows)
        first = np.stack([candidates[0] for candidates in told.units[:rows]])
        systems.append(_system(told.name, engine, material, places, first, ANSWER_NOISE))
    if floor:
        systems.append(_system(FLOOR, engine, material, places, material.presets.unit, FLOOR_NOISE))

    def other(name: str) -> np.ndarray:
        return _other(engine, material, places[name])

    return References(list(places), lambda name: material.sounds[places[name]], other), systems


def _system(
    name: str, engine: Engine, material: Material, places: dict[str, int], units: np.ndarray, seed: int
) -> System:
    def answer(sound: str) -> Rendered:
        row = places[sound]
        presets, notes = material.presets, notes_of(material.presets, row)
        return Rendered(play_nearest(engine, presets.collection, material.sounds[row], units[row], seed, notes)[0])

    return System(name, list(places), answer)


def _other(engine: Engine, material: Material, row: int) -> np.ndarray:
    """A take of a preset that was drawn, and is heard, playing what a row plays."""
    presets = draw_presets(material.collection, _DRAWN, OTHER_SEED, start=row * _DRAWN)
    takes = to_float(engine.render(presets.playing(notes_of(material.presets, row)), noise_seed=OTHER_SEED))
    audible = np.flatnonzero(np.abs(takes).max(axis=1) >= SILENCE)
    return takes[int(audible[0]) if len(audible) else 0]
