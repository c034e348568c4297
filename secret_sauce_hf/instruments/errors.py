"""What goes wrong with what a user gives, and numbers that must be whole."""

from numbers import Real
from typing import Any


class InputError(ValueError):
    """What the user gave cannot be used; the message says the mistake and the remedy.

    The command line prints these as one line; anything else is a fault of ours.
    """


MAX_INTEGER = 2**63 - 1
"""The largest integer that files and libraries hold."""


def integer(name: str, value: Any, low: int = 0, high: int = MAX_INTEGER) -> int:
    """A whole number as Python's own `int`, whatever it is given as: an integer of NumPy, a tensor's item, 3.0.

    Args:
        name: what it is called, for the message.
        value: the number; a boolean is none, nor is a text.
        low: the least that it may be.
        high: the most that it may be.

    Raises:
        InputError: it is no whole number from `low` to `high`.
    """
    # Arrays and tensors of no dimension hold one number.
    number: Any = value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value
    if isinstance(number, Real) and not isinstance(number, bool):
        exact: Any = number
        if low <= exact <= high and exact == int(exact):
            return int(exact)
    # Python refuses to write integers of thousands of digits.
    huge = isinstance(number, int) and number.bit_length() > 128
    shown = "one of more than 38 digits" if huge else " ".join(repr(number).split())[:60]
    raise InputError(f"{name} must be an integer from {low} to {high}, not {shown}.")
