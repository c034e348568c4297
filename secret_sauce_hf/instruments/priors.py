"""How presets may be drawn: evenly, as in 2018, or the way people set an instrument.

The musical prior is in `musical`.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np

from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Collection
from secret_sauce_hf.instruments.knob_priors import KnobPrior
from secret_sauce_hf.instruments.musical import HABITS, Told
from secret_sauce_hf.instruments.parameters import Parameter, Switch

UNIFORM, MUSICAL = "uniform", "musical"
PRIORS = (UNIFORM, MUSICAL)
"""What `draw_presets` and everything that draws fresh rows takes as `prior`."""
BOTH = "both"
"""Some rows by one and some by the other: what a model of notes is trained on."""


def check_prior(prior: str, collection: Collection) -> str:
    """See that presets of a collection can be drawn so; hands the prior back.

    Raises:
        InputError: there is no such prior, or none for this instrument.
    """
    if prior not in PRIORS:
        raise InputError(f"prior is {str(prior)[:60]!r}; give one of {', '.join(PRIORS)}.")
    if prior == MUSICAL:
        known = HABITS.get(collection.instrument.name, {})
        if missing := [parameter.name for parameter in collection.parameters if not _is_told(parameter, known)]:
            raise InputError(
                f"How people set {missing[0]} of {collection.instrument.name} is not known: there is a musical prior "
                f"for {', '.join(HABITS)} only; draw with prior {UNIFORM}."
            )
    return prior


def is_musical(collection: Collection) -> bool:
    """Whether there is a musical prior of all of a collection's parameters."""
    known = HABITS.get(collection.instrument.name, {})
    return all(_is_told(parameter, known) for parameter in collection.parameters)


def drawn(collection: Collection, prior: str, raw: np.ndarray) -> np.ndarray:
    """The CC values of rows.

    Args:
        collection: whose columns they are.
        prior: one that `check_prior` has seen.
        raw: uint64 of shape (rows, parameters), uniform over their range.

    Returns:
        int64 of shape (rows, parameters).
    """
    cc = np.empty(raw.shape, dtype=np.int64)
    for column, parameter in enumerate(collection.parameters):
        if prior == UNIFORM:
            cc[:, column] = parameter.draw(raw[:, column])
        else:
            ends = _ends(collection.instrument.name, parameter)
            # 53 bits, as many as a float holds: from 0 to less than 1.
            lots = (raw[:, column] >> np.uint64(11)) / 2.0**53
            cc[:, column] = parameter.cc_at(np.searchsorted(ends, lots, side="right"))
    return cc


def _is_told(parameter: Parameter, known: Mapping[str, Told]) -> bool:
    told = known.get(parameter.name)
    if isinstance(parameter, Switch):
        return isinstance(told, Mapping) and set(told) == set(parameter.labels)
    return isinstance(told, KnobPrior)


@cache
def _ends(instrument: str, parameter: Parameter) -> np.ndarray:
    """Up to which lot each of a parameter's values is drawn, from the first; beyond, it is the last."""
    told = HABITS[instrument][parameter.name]
    if isinstance(told, KnobPrior):
        chances = told.chances(parameter.cc_count)
    else:
        labels = parameter.cc_to_setting(parameter.cc_at(np.arange(parameter.cc_count)))
        weights = np.array([told[label] for label in labels.tolist()], dtype=np.float64)
        chances = weights / weights.sum()
    return np.cumsum(chances)[:-1]
