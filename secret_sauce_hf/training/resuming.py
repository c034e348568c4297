"""What an interrupted run goes on from, and what becomes of it where the disk is full."""

import errno
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerCallback, TrainerState, TrainingArguments

from secret_sauce_hf.instruments import InputError

KEPT = 2
"""How many of the last checkpoints stay; the best one does besides."""
_STATE = "trainer_state.json"
"""The Trainer writes this file of a checkpoint last."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_NOT_WRITTEN = re.compile(r"I/O error|PytorchStreamWriter|unexpected pos|iostream error")
"""What safetensors and torch say when a file of theirs cannot be written; neither raises an OSError."""
_REASON = re.compile(r"I/O error: ([^(]+?) *\(os error")


def last_checkpoint(work: Path) -> str | None:
    """The last checkpoint that was written to its end, None if there is none; unfinished ones are removed.

    Args:
        work: the Trainer's folder.
    """
    finished = []
    for folder in work.glob("checkpoint-*"):
        if _is_whole(folder / _STATE):
            finished.append(folder)
        else:
            shutil.rmtree(folder)
    return str(max(finished, key=_step)) if finished else None


class KeepLast(TrainerCallback):
    """Removes checkpoints that are not needed any more, by the number of their step.

    The Trainer's own `save_total_limit` goes by the times of files: where a clock is set back, it takes the newest
    for the oldest.

    Args:
        work: the Trainer's folder.
    """

    def __init__(self, work: Path):
        self._work = work

    def on_save(self, _: TrainingArguments, state: TrainerState, *__: Any, **___: Any) -> None:
        """As of `TrainerCallback`."""
        if not state.is_world_process_zero:
            return
        best = state.best_model_checkpoint
        folders = sorted(self._work.glob("checkpoint-*"), key=_step)
        kept = {folder.name for folder in folders[-KEPT:]} | ({Path(best).name} if best else set())
        for folder in folders:
            if folder.name not in kept:
                # First what says that it is whole.
                (folder / _STATE).unlink(missing_ok=True)
                shutil.rmtree(folder)


@contextmanager
def room_for(out: Path) -> Iterator[None]:
    """Tell in one line that a checkpoint cannot be written in this block.

    Args:
        out: the folder of the run.

    Raises:
        InputError: the disk is full, or fails; the run can be resumed.
    """
    try:
        yield
    except (SafetensorError, OSError, RuntimeError) as error:
        said = str(error)
        if isinstance(error, OSError):
            if error.errno not in _FULL:
                raise
            why = error.strerror
        elif _NOT_WRITTEN.search(said):
            found = _REASON.search(said)
            why = found[1] if found else "the disk is full, or fails"
        else:
            raise
        raise InputError(
            f"A checkpoint cannot be written into {out} ({why}): free some space, then resume the run (--resume)."
        ) from error


def _step(folder: Path) -> int:
    told = folder.name.rpartition("-")[2]
    return int(told) if told.isdigit() else -1


def _is_whole(state: Path) -> bool:
    try:
        return isinstance(json.loads(state.read_bytes()), dict)
    except (OSError, ValueError):
        return False
