"""What the processes of one training divide among themselves, and how each takes its part in pieces."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from torch.utils.data import IterableDataset
from tqdm.auto import tqdm

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.training.data import Examples, joined

Item = TypeVar("Item")


def part_of(count: int, share: tuple[int, int]) -> range:
    """Which of `count` things in a row are one part's; the parts differ by one at most.

    Args:
        count: how many there are.
        share: which part, counted from 0, and of how many.
    """
    part, parts = share
    return range(part * count // parts, (part + 1) * count // parts)


class ExampleSteps(IterableDataset):
    """What every step of a training reads of sounds that are in memory; the same whatever the number of processes.

    The sounds come in an order that is drawn anew each time that all have come. Every step has as many.

    Args:
        examples: the sounds.
        batch_size: sounds per step, of all processes together.
        steps: how many steps there are.
        seed: of the order.
        share: which part of every step this process reads, counted from 0, and of how many.

    Raises:
        InputError: there are more parts than sounds in a step.
    """

    def __init__(
        self, examples: Examples, *, batch_size: int, steps: int, seed: int = 0, share: tuple[int, int] = (0, 1)
    ):
        if batch_size < share[1]:
            raise InputError(
                f"A step of {batch_size} sounds cannot be shared by {share[1]} processes; its size must be "
                f"{share[1]} at least."
            )
        self.examples = examples
        self.batch_size = batch_size
        self.steps = steps
        self.seed = seed
        self.own = part_of(batch_size, share)
        self.rows_per_step = len(self.own)
        """How many of a step's sounds are this part's."""
        self.start = 0
        """The first step, where a run goes on."""

    def __len__(self) -> int:
        return self.steps - self.start

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        count = len(self.examples)
        turn, order = -1, np.arange(0)
        for step in range(self.start, self.steps):
            rows = []
            for place in self.own:
                wanted, number = divmod(step * self.batch_size + place, count)
                if wanted != turn:
                    turn, order = wanted, np.random.default_rng((self.seed, 4, wanted)).permutation(count)
                rows.append(int(order[number]))
            yield self.examples.__getitems__(rows)


class Pieces:
    """The batches of a loader, each in as many pieces of about the same size: what a process reads at a time.

    Args:
        loader: makes the batches.
        pieces: how many of each; no more than there are rows.
    """

    def __init__(self, loader: Any, pieces: int):
        self.dataset = loader.dataset
        self._loader = loader
        self._pieces = pieces

    def __len__(self) -> int:
        return len(self._loader) * self._pieces

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in self._loader:
            rows = len(next(iter(batch.values())))
            for piece in range(self._pieces):
                own = part_of(rows, (piece, self._pieces))
                yield {name: values[own.start : own.stop] for name, values in batch.items()}


def pieces_of(rows: int, most: int | None) -> int:
    """In how many pieces a process takes its rows of a step, of which it can hold `most` at a time."""
    return 1 if most is None else -(-rows // most)


def made_together(
    items: Iterable[Item],
    make: Callable[[Item], Examples],
    processes: PartialState,
    *,
    total: int | None = None,
    title: str = "sounds",
    progress: bool = True,
) -> Examples:
    """Examples of all items, in their order: every process makes those of some, and all get all of them.

    Args:
        items: the same in all processes.
        make: makes the examples of one.
        processes: those that train together.
        total: number of sounds, for the progress bar.
        title: what the bar says.
        progress: whether to show it.

    Raises:
        InputError: there are no items.
    """
    left, count = iter(items), processes.num_processes
    parts: list[Examples] = []
    with tqdm(total=total, desc=title, unit="sound", disable=None if progress else True) as bar:
        while turn := list(islice(left, count)):
            own = [make(item) for item in turn[processes.process_index :][:1]]
            made = gather_object(own) if count > 1 else own
            parts += made
            bar.update(sum(len(part) for part in made))
    if not parts:
        raise InputError("There are no sounds to train on; give a dataset with train rows, or fresh sounds.")
    return joined(parts)


def told_by_first(tell: Callable[[], Item], processes: PartialState) -> Item:
    """What the first process finds out, in all of them; the others do not call `tell`.

    Args:
        tell: finds it out.
        processes: those that train together.

    Raises:
        InputError: in all of them, where it is in the first.
    """
    if processes.num_processes == 1:
        return tell()
    told: list[Any] = [None, None]
    if processes.is_main_process:
        try:
            told[0] = tell()
        except InputError as error:
            told[1] = str(error)
    broadcast_object_list(told)
    if told[1] is not None:
        raise InputError(told[1])
    return told[0]
