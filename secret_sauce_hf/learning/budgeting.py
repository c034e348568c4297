"""How much of the time that is given goes into what."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.training import TrainingConfig, train

BATCH = 32
"""Of the same 6,400 sounds of amsynth steps of 32 leave knobs 1.7 % nearer than steps of 64."""
EPOCHS = 2
PROBE_STEPS = 4
"""Steps of training by which the time of the others is told."""
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
    try:
        record = train(collection, None, folder, config, engine=engine, progress=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Pace(float(record["seconds"]) / PROBE_STEPS, takes)
