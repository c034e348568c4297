"""What lies beside data and weights as JSON: reading it, and seeing that it has the form which its readers need.

A form is a function that refuses a value, given where it stands; forms are put together from
others:

    fields({"rows": count, "sounds": maybe(each(number))})(record, "evaluation.json")
"""

import json
import shlex
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

from secret_sauce_hf.instruments import InputError

MAX_BYTES = 2**24
"""Larger files are refused; a benchmark of 50 sounds has 100 KB."""
_LONGEST = 10_000
"""Characters of a line."""

Form: TypeAlias = Callable[[Any, str], None]
"""Raises an `InputError` that names the place unless a value has this form."""


def read_record(path: Path) -> dict[str, Any]:
    """The names and values of a JSON file, whoever wrote it.

    Raises:
        InputError: it cannot be read, is too large, or holds something else.
    """
    try:
        # Of a pipe or a device whoever reads it may wait for ever.
        if not path.is_file():
            raise InputError(f"{path} cannot be read (it is no file).")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} cannot be read ({path.stat().st_size:,} bytes, more than such a record has).")
        return record_in(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error


def record_in(content: bytes, where: object) -> dict[str, Any]:
    """The names and values that JSON holds, whoever wrote it.

    Args:
        content: the JSON, in UTF-8.
        where: it was found, for messages.

    Raises:
        InputError: it is something else.
    """
    try:
        record = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} cannot be read (not JSON: {str(error)[:200]}).") from error
    if not isinstance(record, dict):
        raise InputError(f"{where} cannot be read (it holds no names and values).")
    return record


def number(value: Any, where: str) -> None:
    """A finite number, of a size that can be shown."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    _demand(known and isfinite(value), value, where, "a number")


def count(value: Any, where: str) -> None:
    """A whole number from 0 on."""
    known = isinstance(value, int) and not isinstance(value, bool)
    _demand(known and 0 <= value < 10**15, value, where, "a whole number")


def line(value: Any, where: str) -> None:
    """A text without line breaks, or an empty one."""
    _demand(isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST, value, where, "a line of text")


def command(value: Any, where: str) -> None:
    """A line that a shell takes for one command of ours: a reader may paste it."""
    line(value, where)
    try:
        words = shlex.split(value)
    except ValueError:
        words = []
    _demand(words[:1] == ["secret-sauce"] and shlex.join(words) == value, value, where, "a command of secret-sauce")


def plain(value: Any, where: str) -> None:
    """A line, a number, a truth value or nothing."""
    if value is not None and not isinstance(value, bool):
        (line if isinstance(value, str) else number)(value, where)


def anything(value: Any, where: str) -> None:
    """Whatever it is."""


def maybe(form: Form) -> Form:
    """This form, or null."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            form(value, where)

    return check


def unless_empty(form: Form) -> Form:
    """This form, or an empty text."""

    def check(value: Any, where: str) -> None:
        if value != "":
            form(value, where)

    return check


def some(form: Form) -> Form:
    """This form, or null or an empty mapping where nothing was measured."""

    def check(value: Any, where: str) -> None:
        if value != {}:
            maybe(form)(value, where)

    return check


def each(form: Form) -> Form:
    """A mapping from any lines to this form."""

    def check(value: Any, where: str) -> None:
        _demand(isinstance(value, Mapping), value, where, "a mapping")
        for name, item in value.items():
            line(name, f"a name in {where}")
            form(item, f"{where}.{name[:40]}")

    return check


def fields(required: Mapping[str, Form], optional: Mapping[str, Form] | None = None) -> Form:
    """A mapping in which these names have these forms; it may have others."""

    def check(value: Any, where: str) -> None:
        _demand(isinstance(value, Mapping), value, where, "a mapping")
        if missing := [name for name in required if name not in value]:
            raise InputError(f"{where} lacks {missing[0]!r}.")
        for name, form in {**required, **(optional or {})}.items():
            if name in value:
                form(value[name], f"{where}.{name}")

    return check


def list_of(form: Form) -> Form:
    """A list of this form."""

    def check(value: Any, where: str) -> None:
        _demand(isinstance(value, list), value, where, "a list")
        for place, item in enumerate(value):
            form(item, f"{where}[{place}]")

    return check


def _demand(fits: bool, value: Any, where: str, kind: str) -> None:
    if not fits:
        raise InputError(f"{where} is {repr(value)[:60]}; it must be {kind}.")
