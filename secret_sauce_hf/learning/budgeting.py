"""How much of the time that is given goes into what."""

import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training import TrainingConfig, train
from secret_sauce_hf.training.stream import default_workers

BATCH = 32
"""Of the same 6,400 sounds of amsynth steps of 32 leave knobs 1.7 % nearer than steps of 64."""
EPOCHS = 2
PROBE_STEPS = 5
"""Steps of training by which the time of the others is told; the first one waits for what is loaded and compiled."""
CHECKING = 1.15
"""How much longer a training is with its validations."""
FEWEST_STEPS = 10
TRAINING_SHARE = 0.72
"""Of the time; the rest is for listening, what comes after the training, and the report."""


@dataclass(frozen=True)
class Pace:
    """How fast this machine is with an instrument.

    Args:
        step: seconds of a training step, with the rendering of its sounds.
        takes: takes that the engine renders in a second.
    """

    step: float
    takes: float

    def fresh(self, seconds: float) -> int:
        """How many sounds to render for a training that takes so long."""
        return max(FEWEST_STEPS, round(TRAINING_SHARE * seconds / self.step)) * BATCH // EPOCHS


def pace(collection: Collection, engine: Engine, base: str | None, prior: str, folder: Path, seed: int) -> Pace:
    """Measure how fast this machine trains a model of a collection.

    Args:
        collection: the collection.
        engine: renders it.
        base: the checkpoint that the training begins with.
        prior: how presets are drawn.
        folder: for a training that is thrown away; it must not exist.
        seed: of the sounds.
    """
    begun = time.perf_counter()
    engine.render(draw_presets(collection, BATCH, seed), noise_seed=seed)
    takes = BATCH / (time.perf_counter() - begun)
    config = TrainingConfig(
        fresh=PROBE_STEPS * BATCH, epochs=1, batch_size=BATCH, validation=16, seed=seed, base=base, prior=prior
    )
    clock = StepClock()
    try:
        train(collection, None, folder, config, engine=engine, progress=False, callbacks=[clock])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # Processes render beside the training; of a slow engine it waits for them.
    rendering = BATCH / EPOCHS / takes / max(default_workers(), 1)
    return Pace(CHECKING * max(clock.step, rendering), takes)


class StepClock(TrainerCallback):
    """How long the steps of a training take, without what is between them."""

    def __init__(self) -> None:
        self._begun = 0.0
        self._seconds: list[float] = []

    @property
    def step(self) -> float:
        """The median, in seconds; without the first step, if there are others."""
        return statistics.median(self._seconds[1:] or self._seconds)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """As of `TrainerCallback`."""
        self._begun = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """As of `TrainerCallback`."""
        self._seconds.append(time.perf_counter() - self._begun)
