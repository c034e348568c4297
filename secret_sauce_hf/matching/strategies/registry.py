"""Which strategies there are: this package's own, and those that other packages bring.

A package brings a strategy by an entry point in the group `secret_sauce_hf.strategies`,
whose name is the strategy's and which leads to a subclass of `Strategy`:

    [project.entry-points."secret_sauce_hf.strategies"]
    annealing = "my_package.annealing:Annealing"

A program brings one by `register_strategy`.
"""

from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.matching.strategies.base import Strategy

GROUP = "secret_sauce_hf.strategies"
DEFAULT_STRATEGY = "evolution"
_OWN = {
    "evolution": "evolution:Evolution",
    "gauss_newton": "gauss_newton:GaussNewton",
    "genetic": "genetic:Genetic",
    "none": "none:NoSearch",
}
"""Imported when somebody asks for them: some load what others do not need."""
_registered: dict[str, type[Strategy]] = {}
AnyStrategy = TypeVar("AnyStrategy", bound=type[Strategy])


def register_strategy(strategy: AnyStrategy) -> AnyStrategy:
    """Make a strategy known by its name; usable as a decorator of the class.

    Raises:
        InputError: it is no strategy, or its name is one of this package's own.
    """
    _check(strategy, getattr(strategy, "name", None))
    if strategy.name in _OWN:
        raise InputError(f"There is a strategy {strategy.name} in the package; give yours another name.")
    _registered[strategy.name] = strategy
    return strategy


def strategy_names() -> list[str]:
    """The names that `get_strategy` knows, in alphabetical order."""
    return sorted({*_OWN, *_registered, *(point.name for point in entry_points(group=GROUP))})


def get_strategy(strategy: str | Strategy) -> Strategy:
    """The strategy of a name; a strategy itself comes back as it is.

    Raises:
        InputError: there is none of that name, or what another package brought under it is none.
    """
    if isinstance(strategy, Strategy):
        return strategy
    if strategy in _OWN:
        module, name = _OWN[strategy].split(":")
        return getattr(import_module(f"secret_sauce_hf.matching.strategies.{module}"), name)()
    if strategy in _registered:
        return _registered[strategy]()
    for point in entry_points(group=GROUP, name=strategy):
        try:
            found = point.load()
        except (ImportError, AttributeError) as error:
            raise InputError(f"The strategy {strategy}, {point.value}, cannot be loaded: {error}.") from error
        _check(found, strategy)
        return found()
    raise InputError(f"Unknown strategy {strategy!r}; there are {', '.join(strategy_names())}.")


def _check(found: object, name: str | None) -> None:
    if not (isinstance(found, type) and issubclass(found, Strategy) and isinstance(name, str) and found.name == name):
        raise InputError(
            f"{found!r} is no strategy: it must be a subclass of secret_sauce_hf.matching.strategies.Strategy"
            + (f" with the name {name!r}." if name else " with a name.")
        )
