"""A command that `accelerate launch` or `torchrun` started in several processes speaks with one voice."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.processors import launched

FIRST_SECONDS = 10.0
"""So long the others leave it to the first process to say what is wrong; then the launcher ends them."""
LOST_SECONDS = 30.0
"""So long a process that has lost another one leaves it to that one to say why."""


def is_first() -> bool:
    """Whether this process is the one that prints."""
    return launched()[0] == 0


@contextmanager
def one_voice() -> Iterator[None]:
    """Have what goes wrong in several processes be said once: by the first of them that knows what it is.

    A launcher ends all processes as soon as one has failed. So whoever would say the same as the first one, or only
    that another one is gone, waits for its end; should nobody else have said anything by then, it does.
    """
    number, count = launched()
    try:
        yield
    except Exception as error:
        if count == 1:
            raise
        if _has_lost_another(error):
            time.sleep(LOST_SECONDS)
            raise InputError(
                "Another process of this training has ended; what is saved goes on with the same command and --resume."
            ) from error
        if number:
            time.sleep(FIRST_SECONDS)
        raise


def _has_lost_another(error: Exception) -> bool:
    """Whether an error says no more than that another process does not answer."""
    if "torch" not in sys.modules:
        return False
    from torch.distributed import DistError

    return isinstance(error, DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
