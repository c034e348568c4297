"""Presets to sound."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import INSTRUMENTS, Collection, InputError, Instrument
from secret_sauce_hf.instruments.checking import check_timing
from secret_sauce_hf.presets import Presets

__all__ = ["drawn_phases", "free_phases", "has_engine", "render"]

# Each module offers VERSION, REMEMBERS (whether a take can depend on the one before it), PHASES (names of what runs
# freely), EMULATES and GUESSES (for people, half a sentence each), `refusal` (why it cannot render a collection's
# takes, or nothing) and `render`, which takes `in_session` and `preceding` only where REMEMBERS is true, and `phases`
# only where there are PHASES; then there is `drawn_phases`, too.
# They are named, not imported: Numba and its compiled kernels load on first use.
_ENGINES = {
    "guitar-rack": "secret_sauce_hf.engines.guitar_rack",
    "noisemaker": "secret_sauce_hf.engines.noisemaker",
    "subphatty": "secret_sauce_hf.engines.subphatty",
}


def has_engine(instrument: str | Instrument) -> bool:
    """Whether a built-in engine renders this instrument, or the one of this name."""
    if isinstance(instrument, Instrument):
        # Somebody else's may have the same name, and other parameters.
        return instrument.name in _ENGINES and INSTRUMENTS[instrument.name].parameters == instrument.parameters
    return instrument in _ENGINES


def engine_version(instrument: str) -> str:
    """Version of the instrument's engine; it changes whenever the engine's sound does."""
    return str(_module(instrument).VERSION)


def remembers(instrument: str) -> bool:
    """Whether the engine can render takes in session, each in the state that the one before it leaves."""
    return bool(_module(instrument).REMEMBERS)


def limits(instrument: str) -> tuple[str, str]:
    """What the instrument's engine emulates, and what in it was guessed, for people: half a sentence each."""
    module = _module(instrument)
    return module.EMULATES, module.GUESSES


def free_phases(instrument: str) -> tuple[str, ...]:
    """What in the instrument's engine runs freely: a note may meet it anywhere in its period.

    Names for people, in the order of `render`'s `phases`.
    """
    return tuple(_module(instrument).PHASES)


def drawn_phases(instrument: str, noise_seed: int, first_row: int, count: int) -> np.ndarray:
    """Where `render` has what runs freely in rows of a noise seed, in turns from 0 to 1: (count, phases)."""
    if not free_phases(instrument):
        return np.empty((count, 0))
    return _module(instrument).drawn_phases(noise_seed, first_row, count)


def check(collection: Collection, in_session: bool | None = None) -> None:
    """Refuse takes that no engine renders, before anything runs.

    Args:
        collection: whose instrument and takes they are.
        in_session: whether each is to start in the state that the one before it leaves.

    Raises:
        InputError: no engine renders this instrument, with these parameters, in session, or
            takes of these times.
    """
    instrument = collection.instrument
    module = _module(instrument.name)
    if not has_engine(instrument):
        raise InputError(
            f"The engine of {instrument.name} renders the built-in instrument of that name, and {collection.name} has "
            "other parameters; give the instrument another name."
        )
    if in_session and not remembers(instrument.name):
        raise InputError(f"The engine of {instrument.name} renders every take from silence, not in session.")
    check_timing(collection)
    if why := module.refusal(collection, bool(in_session)):
        raise InputError(f"{collection.name}: the engine of {instrument.name} {why}.")


def render(
    presets: Presets,
    *,
    in_session: bool = False,
    preceding: Presets | None = None,
    noise_seed: int | None = None,
    first_row: int = 0,
    same_noise: bool = False,
    phases: np.ndarray | None = None,
) -> np.ndarray:
    """Render one take per row.

    Args:
        presets: the rows.
        in_session: whether each take starts in the state that the row before it leaves
            behind, as in the recordings of 2018, instead of from silence.
        preceding: one row, the one before the first of `presets`; only with
            `in_session`. If None, the first row starts from silence.
        noise_seed: seed of the noise generators. If None, rows of 2018 (those whose
            presets are the rows `first_row`, … of the 2018 table) get the noise that was
            recorded, and any others that of seed 0.
        first_row: number of the first row; a row's noise follows from `noise_seed` and
            its number alone, so that shards and workers do not matter.
        same_noise: whether every row gets the noise of row `first_row`, whatever there is
            by chance in a take: what then differs is due to the presets. Needs a
            `noise_seed`.
        phases: where in its period everything that runs freely is when a take begins, in
            turns from 0 up to 1, shape (rows, `free_phases`); drawn like the noise if None.

    Returns:
        int16 of shape (rows, samples) at 22,050 Hz.

    Raises:
        InputError: no engine renders this instrument, or not in session; phases of another
            shape, or out of range.
    """
    instrument = presets.collection.instrument.name
    check(presets.collection, in_session)
    if preceding is not None and (not in_session or len(preceding) != 1):
        raise InputError("`preceding` is the one row before the first and needs in_session=True.")
    if same_noise and noise_seed is None:
        raise InputError("same_noise needs a noise_seed.")
    renderer: Callable[..., np.ndarray] = _module(instrument).render
    options: dict[str, Any] = {"in_session": in_session, "preceding": preceding} if remembers(instrument) else {}
    if free_phases(instrument):
        options["phases"] = phases
    if phases is not None:
        wanted = (len(presets), len(free_phases(instrument)))
        if phases.shape != wanted or not ((phases >= 0) & (phases < 1)).all():
            raise InputError(
                f"The phases of these rows are {wanted[0]} times {wanted[1]} numbers from 0 to 1, which is 0 again."
            )
    return renderer(presets, noise_seed=noise_seed, first_row=first_row, same_noise=same_noise, **options)


def _module(instrument: str):
    if instrument not in _ENGINES:
        raise InputError(f"No built-in engine renders {instrument!r}; there is one for {', '.join(_ENGINES)}.")
    return import_module(_ENGINES[instrument])
