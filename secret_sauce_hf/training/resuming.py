"""Which checkpoints of a run stay, and what becomes of it where the disk is full."""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerCallback, TrainerState, TrainingArguments

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.training.interrupted import STATE_FILE, WHOLE_FILE
from secret_sauce_hf.training.kept import step_of

KEPT = 2
"""How many of the last checkpoints stay; the best one does besides."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_NOT_WRITTEN = re.compile(r"I/O error|PytorchStreamWriter|unexpected pos|iostream error")
"""What safetensors and torch say when a file of theirs cannot be written; neither raises an OSError."""
_REASON = re.compile(r"I/O error: ([^(]+?) *\(os error")


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
        folders = sorted(self._work.glob("checkpoint-*"), key=step_of)
        kept = {folder.name for folder in folders[-KEPT:]} | ({Path(best).name} if best else set())
        for folder in folders:
            if folder.name not in kept:
                # First what says that it is whole.
                for name in (WHOLE_FILE, STATE_FILE):
                    (folder / name).unlink(missing_ok=True)
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
