"""The checkpoints of a run that is not over: which of them stay, and which is whole, so that it can be gone on from."""

import json
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import TrainerCallback, TrainerState, TrainingArguments

from secret_sauce_hf.modeling.checkpoint_secret_sauce import read_json
from secret_sauce_hf.training.interrupted import RUN_FILE, STATE_FILE, WHOLE_FILE

KEPT = 2
"""How many of the last checkpoints stay; the best one does besides."""
_NEEDED = ("model.safetensors", "optimizer.pt", "scheduler.pt")
_DIGITS = 12
"""Of a number of steps; no run has so many."""


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
        folders = _numbered(self._work)
        kept = {folders[step].name for step in sorted(folders)[-KEPT:]} | ({Path(best).name} if best else set())
        for folder in folders.values():
            if folder.name not in kept:
                # First what says that it is whole.
                for name in (WHOLE_FILE, STATE_FILE):
                    (folder / name).unlink(missing_ok=True)
                shutil.rmtree(folder)


def last_checkpoint(work: Path) -> str | None:
    """The last checkpoint that was written to its end and is whole, None if there is none.

    Later ones that are cut off or damaged are removed: what they stood for is trained anew.

    Args:
        work: the folder in which the Trainer keeps `checkpoint-STEP`.
    """
    # Under an earlier version of the package nothing said that all processes had written their part.
    marked = (work / RUN_FILE).is_file() and WHOLE_FILE in read_json(work / RUN_FILE)
    numbered = _numbered(work)
    for step in sorted(numbered, reverse=True):
        if is_whole(numbered[step], step) and (not marked or (numbered[step] / WHOLE_FILE).is_file()):
            return str(numbered[step])
        # Other processes of the run may do the same.
        shutil.rmtree(numbered[step], ignore_errors=True)
    return None


def _numbered(work: Path) -> dict[int, Path]:
    """The folders of checkpoints by the steps that they are called by."""
    found = {}
    for folder in work.glob("checkpoint-*"):
        number = folder.name.removeprefix("checkpoint-")
        if folder.is_dir() and number.isascii() and number.isdigit() and len(number) < _DIGITS:
            found[int(number)] = folder
    return found


def is_whole(folder: Path, step: int) -> bool:
    """Whether a checkpoint has all its files, each as long as it says and with the bytes that were written.

    Args:
        folder: of the checkpoint.
        step: that it is of.
    """
    try:
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        if not isinstance(state, dict) or state.get("global_step") != step:
            return False
        if not all((folder / name).is_file() for name in _NEEDED):
            return False
        with safe_open(folder / _NEEDED[0], "pt"):
            pass
        for path in (one for ending in ("*.pt", "*.pth", "*.bin") for one in folder.glob(ending)):
            # torch keeps what it saves in zips, with checksums.
            with zipfile.ZipFile(path) as saved:
                if saved.testzip() is not None:
                    return False
    except (
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        SafetensorError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        return False
    return True
