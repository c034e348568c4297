"""Which rows a split means: a whole one, a slice, or several, as `datasets` writes them."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from datasets import ReadInstruction

from secret_sauce_hf.instruments import InputError

_ENDLESS = 2**62
"""Rows of a stream of which nobody knows how many there are."""


class Part(NamedTuple):
    """Some rows of a split.

    Args:
        split: its name.
        start: number of the first row.
        stop: number of the row after the last; None for all that there are.
    """

    split: str
    start: int = 0
    stop: int | None = None


def parts_of(split: Any, names: Sequence[str], count: Callable[[str], int | None], where: str) -> list[Part]:
    """What rows are asked for.

    Args:
        split: "train", "train[:100]", "train[10%:-5]", "train+test", or a `datasets.ReadInstruction`
            or `datasets.Split`; None or "all" for all.
        names: of the splits that there are.
        count: how many rows a split has, None if that is not known.
        where: what has them, for messages.

    Raises:
        InputError: there is no such split, it is not written so, no row is among those that
            are asked for, or a stream would have to be read to its end to tell which they are.
    """
    if split is None or (str(split) == "all" and "all" not in names):
        return [Part(name) for name in names]
    if str(split) in names:
        return [Part(str(split))]
    asked = str(split)
    wanted = list(dict.fromkeys(re.findall(r"[\w.-]+(?=\s*(?:\[|\+|\(|$))", re.sub(r"\[[^\]]*\]", "[", asked))))
    if missing := [name for name in wanted if name not in names]:
        raise InputError(f"No split {missing[0]!r} in {where}; there is {', '.join(names)}.")
    rows = {name: count(name) for name in wanted}
    if None in rows.values() and re.search(r"%|\[-|:-", asked):
        raise InputError(
            f"How many rows {where} has is not known before all are read: give {asked!r} by numbers from the start."
        )
    try:
        instruction = split if isinstance(split, ReadInstruction) else ReadInstruction.from_spec(asked)
        found = instruction.to_absolute({name: _ENDLESS if rows[name] is None else rows[name] for name in wanted})
    except (ValueError, AssertionError, TypeError) as error:
        raise InputError(
            f"{asked!r} is no split: write it such as 'train', 'train[:100]', 'train[10%:-5]' or 'train+test'."
        ) from error
    parts = [Part(part.splitname, part.from_, part.to) for part in found if part.from_ < part.to]
    if not parts:
        raise InputError(f"No row is in {asked!r} of {where}.")
    return parts


def cut(tables: Iterator[pa.Table], part: Part) -> Iterator[pa.Table]:
    """The rows of a part among all of its split, some at a time."""
    first = 0
    for table in tables:
        if part.stop is not None and first >= part.stop:
            return
        start = max(part.start - first, 0)
        stop = len(table) if part.stop is None else min(part.stop - first, len(table))
        if start < stop:
            yield table if (start, stop) == (0, len(table)) else table.slice(start, stop - start)
        first += len(table)
