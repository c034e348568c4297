"""Train the same with different numbers of processes, also killed and resumed with another one, and compare.

    python tests/benchmarks/ranks.py [--steps 200] [--processes 1 2] [--collection noisemaker-light] [--micro-batch 5]

Prints by how much validation losses and weights differ from those of one process that takes each step in one piece,
at most. The last run is killed halfway, with as many processes as the greatest number, and resumed with one.
Exits with 1 if something differs by more than rounding may.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BATCH = 20
LOSS, WEIGHTS = 1e-3, 1e-2
"""More is no rounding."""


def train_here(options: argparse.Namespace) -> None:
    """What every process of a run does."""
    import torch
    from transformers import TrainerCallback

    from secret_sauce_hf.training import train

    class Writes(TrainerCallback):
        """Keeps the last weights in full precision."""

        def on_train_end(self, _: Any, state: Any, *__: Any, model: Any = None, **___: Any) -> None:
            if state.is_world_process_zero:
                torch.save(model.state_dict(), f"{options.train}.pt")

    torch.set_num_threads(1)
    train(
        options.collection,
        None,
        options.train,
        fresh=options.steps * BATCH // 2,
        batch_size=BATCH,
        validation=100,
        hidden_size=32,
        layers=2,
        workers=0,
        micro_batch=options.micro_batch,
        resume=options.resume,
        progress=False,
        callbacks=[Writes()],
    )


def differences(one: Path, other: Path) -> tuple[float, float]:
    """By how much the validation losses and the weights of two runs differ at most."""
    import torch

    first, second = (torch.load(f"{path}.pt", weights_only=True) for path in (one, other))
    most = 0.0
    for name, weight in first.items():
        apart = (weight - second[name]).abs()
        if name.endswith("qkv.bias"):
            # What is added to all keys changes no attention: AdamW moves it by rounding alone.
            apart = apart.view(3, -1)[[0, 2]]
        most = max(most, apart.max().item())
    losses = [
        [entry["loss"] for entry in json.loads((path / "training.json").read_text())["history"]]
        for path in (one, other)
    ]
    return max(abs(a - b) for a, b in zip(*losses, strict=True)), most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--collection", default="noisemaker-light")
    parser.add_argument("--micro-batch", type=int, default=5)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train is not None:
        train_here(options)
        return

    def command(out: Path, processes: int, micro_batch: int, resume: bool = False) -> list[str]:
        own = [__file__, "--train", str(out), "--steps", str(options.steps), "--collection", options.collection]
        own += ["--micro-batch", str(micro_batch), *(["--resume"] if resume else [])]
        return [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), *own]

    from secret_sauce_hf.training.run import EVALUATIONS

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    within = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = folder / "reference"
        subprocess.run(command(reference, 1, BATCH), check=True, env=environment)

        def compare(out: Path, what: str) -> None:
            nonlocal within
            loss, weights = differences(reference, out)
            within &= loss < LOSS and weights < WEIGHTS
            print(f"{what}: validation losses differ by {loss:.1e} at most, weights by {weights:.1e}")

        for processes in options.processes:
            out = folder / f"by-{processes}"
            subprocess.run(command(out, processes, options.micro_batch), check=True, env=environment)
            compare(out, f"{options.steps} steps by {processes} processes, {options.micro_batch} sounds at a time")
        most, out = max(options.processes), folder / "killed"
        run = subprocess.Popen(command(out, most, BATCH), env=environment)
        interval = max(1, options.steps // EVALUATIONS)
        halfway = out / ".training" / f"checkpoint-{options.steps // interval // 2 * interval}" / "whole"
        while run.poll() is None and not halfway.exists():
            time.sleep(0.1)
        if run.poll() is not None:
            sys.exit("The run ended before it could be killed; give more steps.")
        others = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        # The launcher first, or it would end the others in its own way.
        for process in [run.pid, *map(int, others)]:
            os.kill(process, signal.SIGKILL)
        run.wait()
        subprocess.run(command(out, 1, options.micro_batch, resume=True), check=True, env=environment)
        compare(out, f"killed halfway with {most} processes, resumed with 1")
    sys.exit(not within)


if __name__ == "__main__":
    main()
