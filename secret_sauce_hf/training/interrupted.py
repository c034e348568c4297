"""What a run depends on, and what lies in its folder until it has ended, so that it can go on."""

import errno
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from safetensors import SafetensorError
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.modeling.checkpoint_secret_sauce import read_json
from secret_sauce_hf.outputs import LOCK, check_folder
from secret_sauce_hf.training.config import OLD_NAMES

RUN_FILE = "run.json"
CLOCK_FILE = "seconds"
WHOLE_FILE = "whole"
"""In a checkpoint of a run that is not over: all processes have written their part of it."""
STATE_FILE = "trainer_state.json"
"""In a checkpoint: the Trainer of the first process writes it last."""
SEEN_SECONDS = 30.0
"""So long a file may take until all machines see it."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_NOT_WRITTEN = re.compile(r"I/O error|PytorchStreamWriter|unexpected pos|iostream error")
"""What safetensors and torch say when a file of theirs cannot be written; neither raises an OSError."""
_REASON = re.compile(r"I/O error: ([^(]+?) *\(os error")


@dataclass(frozen=True)
class Run:
    """What a run depends on; a resumed one must be the same.

    Neither the number of processes nor what each takes at a time are among it.
    """

    collection: str
    data: str | None
    data_revision: str | None
    fresh: int
    epochs: float
    batch_size: int
    validation: int
    seed: int
    learning_rate: float
    matrix_learning_rate: float
    hidden_size: int
    layers: int
    sampler_layers: int
    augment: bool
    precision: str
    base: str | None
    base_revision: str | None
    prior: str = UNIFORM

    @property
    def streams(self) -> bool:
        """Whether sounds are rendered while the model trains."""
        return self.data is None

    @property
    def record(self) -> dict[str, Any]:
        """Ready for JSON. Where it does not tell the prior, it is uniform."""
        record = asdict(self)
        if self.prior == UNIFORM:
            del record["prior"]
        return record


def check_run_folder(out: Path, work: Path, resume: bool) -> dict[str, Any] | None:
    """See that `out` is free for a run, or holds one if it is to be resumed: what that depended on.

    Raises:
        InputError: it is not.
    """
    check_folder(out, what="the checkpoint")
    lying = [path for path in out.iterdir() if path != work and path.name != LOCK] if out.is_dir() else []
    if work.is_dir() and not lying and not any(path.name[0] != "." for path in work.iterdir()):
        # Of a run that was killed before it had begun.
        return None
    if resume:
        if not (work / RUN_FILE).is_file():
            if (out / "model.safetensors").is_file():
                # It was killed within its last step: what it no longer needs goes, and may be much.
                shutil.rmtree(work, ignore_errors=True)
                raise InputError(f"The run in {out} is finished, and nothing is left of it to resume.")
            raise InputError(f"There is no interrupted run in {out}; leave out --resume to start one.")
        earlier = read_json(work / RUN_FILE)
        # Under other names an optimiser kept its state otherwise, too; and a dataset's sounds came in another order.
        if OLD_NAMES.keys() & earlier.keys() or (earlier.get("data") is not None and WHOLE_FILE not in earlier):
            raise InputError(
                f"An earlier version of the package began the run in {out}, and this one cannot go on with it; start "
                "another in a new folder."
            )
        return earlier
    if lying or work.is_dir():
        raise InputError(f"{out} is not empty; choose a new folder, or resume the run in it (--resume).")
    return None


def check_same(run: Run, earlier: dict[str, Any], out: Path) -> None:
    """See that a run is the one that was interrupted.

    Raises:
        InputError: it is not.
    """
    earlier = {"prior": UNIFORM} | earlier
    if changed := [name for name, value in asdict(run).items() if earlier.get(name) != value]:
        name = changed[0]
        raise InputError(
            f"The run in {out} had {name} = {earlier.get(name)}, not {asdict(run)[name]}; "
            "resume it with its own arguments, or start another in a new folder."
        )


def check_seen(path: Path) -> None:
    """See that this process sees what the first one wrote.

    Raises:
        InputError: it does not, even after some time.
    """
    until = time.monotonic() + SEEN_SECONDS
    while not path.is_file():
        if time.monotonic() > until:
            raise InputError(
                f"Not every process sees {path}, which the first one wrote; give an --out in a folder that all "
                "machines share."
            )
        time.sleep(0.1)


class Clock(TrainerCallback):
    """How long a run has trained, over all of its parts; and which checkpoints are whole.

    Args:
        work: the folder of the checkpoints, and of the seconds up to the last of them.
        accelerator: of the processes that train together.
    """

    def __init__(self, work: Path, accelerator: Accelerator):
        self._path = work / CLOCK_FILE
        self._accelerator = accelerator
        self._before = float(self._path.read_text(encoding="utf-8")) if self._path.is_file() else 0.0
        self._start = time.perf_counter()

    def on_train_begin(self, arguments: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Called by the Trainer before the first step."""
        self._start = time.perf_counter()
        # The Trainer looks for it where it lay when it was written: the folder may be called otherwise by now.
        best = Path(arguments.output_dir) / f"checkpoint-{state.best_global_step}"
        if state.best_global_step and best.is_dir():
            state.best_model_checkpoint = str(best)

    def on_save(
        self, arguments: TrainingArguments, state: TrainerState, _: TrainerControl | None = None, **__: Any
    ) -> None:
        """Called by the Trainer when this process has written its part of a checkpoint."""
        self._accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            write_whole(self._path, str(self.seconds()).encode())
            write_whole(Path(arguments.output_dir) / f"checkpoint-{state.global_step}" / WHOLE_FILE, b"")

    def seconds(self) -> float:
        """Wall clock of training and validation, without the time before a part that was resumed."""
        return self._before + time.perf_counter() - self._start


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
