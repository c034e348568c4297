"""Which strategies there are: this package's own, and those that other packages bring.

A package brings a strategy by an entry point in the group `secret_sauce_hf.strategies`,
whose name is the strategy's and which leads to a subclass of `Strategy`:

    [project.entry-points."secret_sauce_hf.strategies"]
    annealing = "my_package.annealing:Annealing"

A program brings one by `register_strategy`.
"""

from typing import TypeVar

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.matching.strategies.base import Strategy
from secret_sauce_hf.plugins import Plugins

DEFAULT_STRATEGY = "evolution"
_ROOM = "secret_sauce_hf.matching.strategies"
_OWN = {
    "breeding": f"{_ROOM}.breeding:Breeding",
    "coordinates": f"{_ROOM}.evolution:Coordinates",
    "evolution": f"{_ROOM}.evolution:Evolution",
    "gauss_newton": f"{_ROOM}.gauss_newton:GaussNewton",
    "genetic": f"{_ROOM}.genetic:Genetic",
    "none": f"{_ROOM}.none:NoSearch",
}
STRATEGIES: Plugins[Strategy] = Plugins("strategy", "secret_sauce_hf.strategies", f"{_ROOM}:Strategy", _OWN)
_registered: dict[str, type[Strategy]] = {}
AnyStrategy = TypeVar("AnyStrategy", bound=type[Strategy])


def register_strategy(strategy: AnyStrategy) -> AnyStrategy:
    """Make a strategy known by its name; usable as a decorator of the class.

    Raises:
        InputError: it is no strategy, or its name is one of this package's own.
    """
    if not (
        isinstance(strategy, type) and issubclass(strategy, Strategy) and isinstance(getattr(strategy, "name", 0), str)
    ):
        raise InputError(f"{strategy!r} is no strategy: it must be a subclass of {_ROOM}.Strategy with a name.")
    if strategy.name in _OWN:
        raise InputError(f"There is a strategy {strategy.name} in the package; give yours another name.")
    _registered[strategy.name] = strategy
    return strategy


def strategy_names() -> list[str]:
    """The names that `get_strategy` knows, in alphabetical order."""
    return sorted({*STRATEGIES.names(), *_registered})


def get_strategy(strategy: str | Strategy) -> Strategy:
    """The strategy of a name; a strategy itself comes back as it is.

    Raises:
        InputError: there is none of that name, or what another package brought under it is none.
    """
    if isinstance(strategy, Strategy):
        return strategy
    if strategy in _registered:
        return _registered[strategy]()
    if strategy in STRATEGIES.names():
        return STRATEGIES.get(strategy)
    raise InputError(f"Unknown strategy {strategy!r}; there are {', '.join(strategy_names())}.")
