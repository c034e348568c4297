"""Which methods there are: ours, and those that other packages bring."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.plugins import Plugins

if TYPE_CHECKING:
    from secret_sauce_hf.evaluation.methods.base import Method

_ROOM = "secret_sauce_hf.evaluation.methods"
# Named only, as the command line lists them and need not import PyTorch for it.
METHODS: "Plugins[Method]" = Plugins(
    "method",
    "secret_sauce_hf.methods",
    "secret_sauce_hf.evaluation:Method",
    {
        "naive": f"{_ROOM}.looking_up:Naive",
        "knn": f"{_ROOM}.looking_up:Neighbours",
        "nearest": f"{_ROOM}.looking_up:Nearest",
        "lstm": f"{_ROOM}.learning:Lstm",
        "regression": f"{_ROOM}.learning:Regression",
        "genetic-renders": f"{_ROOM}.searching:GeneticRenders",
        "genetic": f"{_ROOM}.searching:Genetic",
        "model": f"{_ROOM}.ours:Model",
        "matching": f"{_ROOM}.ours:Matching",
        "floor": f"{_ROOM}.truth:Floor",
    },
)


def method_names() -> tuple[str, ...]:
    """The names of all methods, in the order of the tables: ours first, those of other packages before the floor."""
    names = [name for name in METHODS.names() if name != "floor"]
    return (*names, "floor")


def get_method(name: str) -> "Method":
    """The method of that name.

    Raises:
        InputError: there is none, or it cannot be loaded.
    """
    if name not in METHODS.names():
        raise InputError(f"There is no method {name!r}; there are {', '.join(method_names())}.")
    return METHODS.get(name)


def choose(
    without: Sequence[str], renders: bool, only: Sequence[str] = (), handed: "Sequence[Method]" = ()
) -> "tuple[Method, ...]":
    """The methods that take part, in the order of the tables.

    Args:
        without: names of those that do not.
        renders: whether there is an engine.
        only: names of those that do, beside the ones that are handed; all if there are none.
        handed: methods that are not registered, for this benchmark only.

    Raises:
        InputError: an unknown name, or one that is there twice; no method is left.
    """
    names = method_names()
    for number, method in enumerate(handed):
        if method.name in (*names, *(other.name for other in handed[:number])):
            raise InputError(f"There is a method {method.name} already: name the file or the function otherwise.")
    if unknown := [name for name in only if name not in names]:
        raise InputError(f"--only {unknown[0]}: there is no such way to answer; there are {', '.join(names)}.")
    if unknown := [name for name in without if name not in names]:
        raise InputError(f"--without {unknown[0]}: there is no such way to answer; there are {', '.join(names)}.")
    chosen = [get_method(name) for name in names if name not in without and (not only or name in only)]
    before_floor = len(chosen) - (bool(chosen) and chosen[-1].name == "floor")
    chosen[before_floor:before_floor] = handed
    chosen = [method for method in chosen if renders or not method.renders]
    present = {method.name for method in chosen}
    chosen = [method for method in chosen if present.issuperset(method.beside)]
    if not any(method.scored for method in chosen):
        raise InputError("Every way to answer is left out; leave at least one in.")
    return tuple(chosen)


def in_turn(methods: "Iterable[Method]") -> "list[Method]":
    """The methods in an order in which each can look at the answers of those that it comes after."""
    waiting = list(methods)
    ordered: list[Method] = []
    while waiting:
        pending = {method.name for method in waiting}
        ready = [method for method in waiting if not pending.intersection(method.after)]
        if not ready:
            raise InputError(f"The methods {', '.join(sorted(pending))} wait for each other.")
        ordered += ready
        waiting = [method for method in waiting if method not in ready]
    return ordered
