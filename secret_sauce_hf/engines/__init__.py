"""Rows to takes: engines, and where they are found."""

from typing import TYPE_CHECKING

import numpy as np

from secret_sauce_hf.engines.base import Engine, Job
from secret_sauce_hf.engines.registry import engine_names, find_engine, get_engine
from secret_sauce_hf.moved import old_names
from secret_sauce_hf.presets import Presets

__all__ = ["Engine", "Job", "engine_names", "find_engine", "get_engine", "render"]

if not TYPE_CHECKING:
    __getattr__ = old_names(__name__)


def render(
    presets: Presets,
    *,
    in_session: bool = False,
    preceding: Presets | None = None,
    noise_seed: int | None = None,
    first_row: int = 0,
    same_noise: bool = False,
    phases: np.ndarray | None = None,
    dry: np.ndarray | None = None,
) -> np.ndarray:
    """Render one take per row, by the engine of the rows' collection.

    Args:
        presets: the rows.
        in_session: whether each take starts in the state that the row before it leaves.
        preceding: the one row before the first; only with `in_session`.
        noise_seed: seed of the noise generators; None for the noise of 2018.
        first_row: number of the first row, on which its noise depends.
        same_noise: whether every row gets the noise of row `first_row`.
        phases: where what runs freely begins, in turns.
        dry: a sound that goes through the instrument instead of what the rows play.

    Returns:
        int16 of shape (rows, samples) at 22,050 Hz; `Engine.render` says more of every argument.

    Raises:
        InputError: no engine renders these takes; arguments that do not go together.
    """
    return get_engine(presets.collection).render(
        presets,
        in_session=in_session,
        preceding=preceding,
        noise_seed=noise_seed,
        first_row=first_row,
        same_noise=same_noise,
        phases=phases,
        dry=dry,
    )
