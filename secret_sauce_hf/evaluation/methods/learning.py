"""Methods that learn from the train rows in the run: the LSTM of 2018, and a transformer without distributions."""

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from secret_sauce_hf.evaluation.hearing import Heard
from secret_sauce_hf.evaluation.methods.base import Found, KnowingMethod, Task
from secret_sauce_hf.evaluation.networks import (
    Schedule,
    Trained,
    fit,
    lstm_network,
    outputs_of,
    regression_network,
)
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.progress import row_progress

LEARNING_RATE = 1e-3


class _Network(KnowingMethod):
    trains = True

    @abstractmethod
    def schedule(self, seconds: float, steps: int | None, seed: int) -> Schedule:
        """How the network is trained.

        Args:
            seconds: the most time for it.
            steps: the most steps; no limit if None.
            seed: of weights and order.
        """

    @abstractmethod
    def network(self, collection: Collection, seed: int) -> torch.nn.Module:
        """The network, with weights drawn from `seed`."""

    @abstractmethod
    def inputs(self, network: Any, known: Heard, heard: Heard) -> list[Mapping[str, torch.Tensor]]:
        """Its inputs by name: of the train rows, and of the sounds to answer."""

    def train(self, known: Heard, heard: Heard, schedule: Schedule, progress: bool) -> Found:
        """Train the network on `known` and let it answer to the sounds in `heard`."""
        network = self.network(known.presets.collection, schedule.seed)
        inputs, questions = self.inputs(network, known, heard)
        with row_progress(f"Training {self.name} (seconds)", max(1, round(schedule.seconds)), progress) as advance:
            # The bar counts whole numbers; what is left over waits.
            waiting = 0.0

            def tick(seconds: float) -> None:
                nonlocal waiting
                waiting += seconds
                advance(int(waiting))
                waiting -= int(waiting)

            targets, trained = fit(network, inputs, known.presets, schedule, tick)
        start = time.perf_counter()
        units = targets.units(outputs_of(network, questions, np.arange(len(heard))))
        return Found(units, (time.perf_counter() - start) / len(heard), _record(trained))

    def find(self, known: Heard, heard: Heard, task: Task) -> Found:
        """See `KnowingMethod.find`."""
        return self.train(known, heard, self._schedule(task), task.progress)

    def conditions(self, task: Task) -> dict[str, Any]:
        """See `KnowingMethod.conditions`."""
        return asdict(self._schedule(task))

    def seconds(self, task: Task) -> float:
        """See `Method.seconds`."""
        return self._schedule(task).seconds

    def _schedule(self, task: Task) -> Schedule:
        return self.schedule(task.training_seconds, task.training_steps, task.budget.seed)


class Lstm(_Network):
    """The network of 2018, trained as then as far as the time goes."""

    name, title = "lstm", "LSTM on MFCCs"
    about = "the network of 2018, trained in this run: two layers of 128 units, dropout 0.2"

    def schedule(self, seconds: float, steps: int | None, seed: int) -> Schedule:
        """See `_Network.schedule`."""
        # Its steps are so short that threads would wait for each other more than they work.
        return Schedule(
            seconds, steps, batch=32, rate=LEARNING_RATE, epochs=30, patience=3, seed=seed, falling=False, threads=1
        )

    def network(self, collection: Collection, seed: int) -> torch.nn.Module:
        """See `_Network.network`."""
        return lstm_network(collection, seed)

    def inputs(self, network: Any, known: Heard, heard: Heard) -> list[Mapping[str, torch.Tensor]]:  # noqa: ARG002
        """See `_Network.inputs`."""
        mean, deviation = known.mfccs.mean(axis=0), known.mfccs.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        return [{"mfcc": torch.from_numpy((one.mfccs - mean) / scale)} for one in (known, heard)]


class Regression(_Network):
    """The encoder of our models with plain outputs, trained for all of the time."""

    name, title = "regression", "plain regression"
    about = "the encoder of our model with one linear output per knob and no distributions, trained in this run"
    features = True

    def schedule(self, seconds: float, steps: int | None, seed: int) -> Schedule:
        """See `_Network.schedule`."""
        return Schedule(
            seconds,
            steps,
            batch=64,
            rate=LEARNING_RATE,
            epochs=None,
            patience=25,
            seed=seed,
            falling=True,
            threads=None,
        )

    def network(self, collection: Collection, seed: int) -> torch.nn.Module:
        """See `_Network.network`."""
        return regression_network(collection, seed)[0]

    def inputs(self, network: Any, known: Heard, heard: Heard) -> list[Mapping[str, torch.Tensor]]:
        """See `_Network.inputs`."""
        names = network.encoder.config.input_names
        return [{name: one.features[name] for name in names} for one in (known, heard)]


def _record(trained: Trained) -> dict[str, Any]:
    return {
        "steps": trained.steps,
        "epochs": trained.epochs,
        "seconds": round(trained.seconds, 1),
        "validation_loss": round(trained.validation_loss, 4),
    }
