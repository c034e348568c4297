"""Questions that 0.1.0 asked of engines by an instrument's name; they go with the next version (see `moved`)."""

import numpy as np

from secret_sauce_hf.engines.registry import engine_names, get_engine
from secret_sauce_hf.instruments import INSTRUMENTS, Instrument


def has_engine(instrument: str | Instrument) -> bool:
    """Whether an engine renders this instrument, or the one of this name."""
    if isinstance(instrument, str):
        return instrument in engine_names()
    # Somebody else's may have the name of one of ours, and other parameters.
    ours = INSTRUMENTS.get(instrument.name, instrument)
    return instrument.name in engine_names() and ours.parameters == instrument.parameters


def free_phases(instrument: str) -> tuple[str, ...]:
    """Names of what in the instrument's engine runs freely, in the order of `render`'s `phases`."""
    return get_engine(instrument).free_phases


def drawn_phases(instrument: str, noise_seed: int, first_row: int, count: int) -> np.ndarray:
    """Where `render` has what runs freely in rows of a noise seed, in turns from 0 to 1: (count, phases)."""
    return get_engine(instrument).draw_phases(noise_seed, first_row, count)
