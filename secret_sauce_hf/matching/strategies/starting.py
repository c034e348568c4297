"""Where runs of a search begin, and what they move."""

import numpy as np

from secret_sauce_hf.instruments import Knob
from secret_sauce_hf.matching.evaluator import Evaluator

RUNNERS = 8
"""How many candidates start."""
APART = 0.08
"""Presets whose heard knobs are set nearer than this part of their range begin no two runs."""


def moving_knobs(evaluator: Evaluator, place: np.ndarray) -> dict[int, Knob]:
    """The knobs that are heard in a preset, by the declared rules or because they were seen to matter: by column."""
    heard = evaluator.space.heard(place[None])[0] | evaluator.matters
    # Strategies move along a range; only knobs have one.
    knobs = {column: p for column, p in enumerate(evaluator.space.parameters) if isinstance(p, Knob)}
    return {column: knob for column, knob in knobs.items() if heard[column] and knob.cc_count > 1}


def starts(
    evaluator: Evaluator, places: np.ndarray, distances: np.ndarray, count: int, taken: list[np.ndarray]
) -> list[np.ndarray]:
    """The best places of which no two, and none of those `taken` already, have presets that are alike."""
    chosen: list[np.ndarray] = []
    order = np.argsort(distances, kind="stable")
    presets = evaluator.space.presets(
        np.concatenate([np.array(taken).reshape(-1, places.shape[1]).astype(np.int64), places[order]])
    )
    heard = presets.heard()
    # Labels are at least 1 apart.
    free = np.ones(len(presets), dtype=bool)
    for row in range(len(taken)):
        free &= _apart(presets.unit, heard, row)
    free[: len(taken)] = False
    while free.any() and len(chosen) < count:
        row = int(free.argmax())
        chosen.append(places[order[row - len(taken)]])
        free &= _apart(presets.unit, heard, row)
        free[row] = False
    return chosen


def rivals(evaluator: Evaluator) -> np.ndarray:
    """The best places so far of which no two have presets that are alike, the very best first: (any, columns)."""
    places = evaluator.known(256)
    return np.array(starts(evaluator, places, evaluator(places), RUNNERS, []))


def _apart(unit: np.ndarray, heard: np.ndarray, row: int) -> np.ndarray:
    return ((np.abs(unit - unit[row]) > APART) & (heard | heard[row])).any(axis=1)
