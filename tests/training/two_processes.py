"""Two processes that train together, as a launcher starts them, but from one that has imported everything.

    python tests/training/two_processes.py FOLDER

They train what `test_ranks.py` compares with one process, each with its own of `FOLDER`. In the last run one of them
is killed; the other one says what becomes of it.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from secret_sauce_hf.cli import launched, main
from secret_sauce_hf.training import run, strokes, train

SMALL: dict[str, Any] = {
    # Neither divides by the processes, nor their shares by what each takes at a time.
    "batch_size": 18,
    "hidden_size": 16,
    "layers": 1,
    "validation": 21,
    "workers": 0,
    "progress": False,
    "seed": 3,
}
FRESH: dict[str, Any] = SMALL | {"fresh": 36}
EVALUATIONS = 2
KILLED_AT = 3


class EndsAt(TrainerCallback):
    """Ends a process after a step, as power does."""

    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, _arguments: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def two(folder: Path, first: bool) -> None:
    """What each of them does."""
    train("noisemaker-light", None, folder / "fresh", micro_batch=4, **FRESH)
    train("noisemaker-light-notes", None, folder / "notes", **FRESH | {"fresh": 18})
    train("noisemaker-light", folder / "data", folder / "built", epochs=1, micro_batch=5, **SMALL)
    train("noisemaker-light", None, folder / "begun", resume=True, **FRESH)
    command = ["train", "noisemaker-light", "--fresh", "4", "--batch-size", "4", "--validation", "4", "--workers", "0"]
    printed = folder / f"printed-{'first' if first else 'other'}"
    with printed.open("w") as file, contextlib.redirect_stdout(file), contextlib.suppress(SystemExit):
        main([*command, "--out", str(folder / "printed")])


def killed(folder: Path, first: bool) -> None:
    """What each of them does where one is killed."""
    try:
        train("noisemaker-light", None, folder / "killed", callbacks=[] if first else [EndsAt(KILLED_AT)], **FRESH)
    except RuntimeError as error:
        (folder / "lost").write_text(str(launched._has_lost_another(error)))


def together(work: Callable[[Path, bool], None], folder: Path) -> list[int]:
    """Do something in two processes; their exit codes, or the number of the signal that ended one, negative."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for number in range(2):
        child = os.fork()
        if not child:
            os.environ |= {"RANK": str(number), "LOCAL_RANK": str(number), "MASTER_PORT": str(port)}
            code = 1
            try:
                work(folder, number == 0)
                code = 0
            except BaseException:  # noqa: BLE001 - SystemExit too; the process ends here
                traceback.print_exc()
            finally:
                # What the one that forked would do at its end is not this one's to do.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    # As in the test.
    strokes.PAGE, run.EVALUATIONS = 32, EVALUATIONS
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    print(json.dumps([together(two, place), together(killed, place)]))
