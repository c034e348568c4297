"""Settings that are wrong and cannot be heard: which of an answer's settings are right, or sound the same.

Two labels may do the same, and an amount means nothing where its LFO nearly stands still. So a setting counts as
right too where exchanging it for the true one changes the take by less than what is heard.
"""

from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.data.heard import THRESHOLD_DB, changes
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments.takes import FULL_SCALE, SILENCE
from secret_sauce_hf.metrics.scores import settings_right
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress

SAME_NOISE = 3
"""Seed of the noise that takes are compared with, the same on both sides."""
_CELLS = 256
"""Takes rendered together: some ten megabytes of samples."""


@dataclass(frozen=True, eq=False)
class Same:
    """Which settings of answers are right, or sound the same.

    Args:
        settings: bool of shape (rows, parameters): the setting is right (see `settings_right`), or exchanging it
            for the true one changes the true take by no more than the threshold.
        whole: bool of shape (rows,): the answer as a whole changes the true take by no more than the threshold,
            so that settings which are wrong together, and right together, count as well.
        renders: how many takes were rendered to find out.
    """

    settings: np.ndarray
    whole: np.ndarray
    renders: int


def measure_same(
    engine: Engine,
    truth: Presets,
    units: np.ndarray,
    *,
    counted: np.ndarray | None = None,
    threshold: float = THRESHOLD_DB,
    progress: bool = False,
    title: str = "Exchanging settings",
) -> Same:
    """Find out which settings are right or sound the same, by rendering the truth with each wrong one.

    Takes are rendered from silence and with one noise and one set of phases, so that what differs is due to the
    settings; how much is what `secret_sauce_hf.data.heard.measure_heard` calls a change. In a silent take
    everything sounds the same that leaves it silent.

    A row costs a render of the truth, one of the answer and one of each setting that is wrong.

    Args:
        engine: renders the rows.
        truth: the true rows.
        units: the answers, shape (rows, parameters).
        counted: which settings are looked at, bool of shape (rows, parameters); of the others only whether they
            are right is told. All if None.
        threshold: in dB; a change above it is heard.
        progress: whether to show a progress bar.
        title: of it.

    Raises:
        InputError: the engine cannot render these rows, or a unit is none of the parameter's.
    """
    right = np.array(settings_right(truth.parameters, truth.unit, units))
    rows, columns = np.nonzero(~right if counted is None else ~right & counted)
    # Every wrong setting by itself, then every answer that is not the truth as a whole.
    wrong = np.flatnonzero((truth.unit != units).any(axis=1))
    exchanged = truth.unit[rows]
    exchanged[np.arange(len(rows)), columns] = units[rows, columns]
    places = np.concatenate([rows, wrong])
    tried = np.concatenate([exchanged, units[wrong]])
    same = np.ones(len(places), dtype=bool)
    renders = len(places)
    # A row's cells lie together, so that its truth is rendered once, or twice where a part ends.
    order = np.argsort(places, kind="stable")
    with row_progress(title, len(order), progress) as advance:
        for start in range(0, len(order), _CELLS):
            part = order[start : start + _CELLS]
            own, inverse = np.unique(places[part], return_inverse=True)
            renders += len(own)
            true = _play(engine, truth[own], truth.unit[own])
            other = _play(engine, truth[places[part]], tried[part])
            same[part] = (changes(true, other, inverse) <= threshold) | (_silent(true)[inverse] & _silent(other))
            advance(len(part))
    settings = right
    settings[rows, columns] = same[: len(rows)]
    whole = np.ones(len(truth), dtype=bool)
    whole[wrong] = same[len(rows) :]
    return Same(settings, whole, renders)


def _play(engine: Engine, rows: Presets, units: np.ndarray) -> np.ndarray:
    played = Presets(rows.collection, units, None, None if rows.play_constant else rows.performances)
    return engine.render(played, noise_seed=SAME_NOISE, same_noise=True)


def _silent(takes: np.ndarray) -> np.ndarray:
    return np.abs(takes.astype(np.int32)).max(axis=1) < SILENCE * FULL_SCALE
