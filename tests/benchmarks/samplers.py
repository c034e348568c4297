"""How whole presets are best drawn: samplers of several kinds on the answers of one encoder.

    python tests/benchmarks/samplers.py noisemaker
    python tests/benchmarks/samplers.py guitar --sounds 16000 --steps 4000

Every sampler learns from the same sounds for as many steps, on top of a checkpoint that is left as it is: its encoder's
answers and its distributions. Then each draws candidates for sounds that none has heard; they are rendered, and the
nearest one counts. Of "independent", nothing is learned: every parameter is drawn by itself.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.instruments import Collection, Knob, get_collection
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.sampler_secret_sauce import PresetSampler
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.data import fresh_takes, labels

TRAIN_SEED, TEST_SEED = 41, 42
BATCH = 128
FLOW_STEPS = 24


@dataclass
class Told:
    """What the encoder tells of sounds, and the truth.

    Args:
        takes: the sounds.
        answers: shape (sounds, parameters, width).
        logits: per parameter, shape (sounds, bins or labels).
        chosen: true bins and labels, shape (sounds, parameters).
        heard: whether each is heard, likewise.
        presets: the truth.
    """

    takes: np.ndarray
    answers: torch.Tensor
    logits: list[torch.Tensor]
    chosen: torch.Tensor
    heard: torch.Tensor
    presets: Presets


@torch.no_grad()
def listen(pipe, collection: Collection, count: int, seed: int) -> Told:
    """Render sounds and let the checkpoint hear them."""
    model: SecretSauceModel = pipe.model
    parts = []
    for takes, presets in fresh_takes(get_engine(collection), collection, count, seed):
        features = pipe.feature_extractor.transform(torch.from_numpy(takes))
        told = model(**{name: features[name] for name in model.config.input_names})
        truth = labels(presets)
        chosen = torch.stack([model._target(p, truth[p.name])[1] for p in model.parameter_specs], dim=1)
        parts.append(
            Told(takes, told.answers, list(told.logits), chosen, model.heard_labels(truth, features["peak"]), presets)
        )
    return Told(
        np.concatenate([part.takes for part in parts]),
        torch.cat([part.answers for part in parts]),
        [torch.cat(column) for column in zip(*(part.logits for part in parts), strict=True)],
        torch.cat([part.chosen for part in parts]),
        torch.cat([part.heard for part in parts]),
        Presets(collection, np.concatenate([part.presets.unit for part in parts])),
    )


class Independent(nn.Module):
    """Every parameter by itself."""

    def nats(self, told: Told) -> float:
        return _nats(told, None)

    def draw(self, _: torch.Tensor, logits: list[torch.Tensor], count: int, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.multinomial(scores.exp().expand(count, -1), 1, generator=generator) for scores in logits]
        return torch.cat(drawn, dim=1)


class Autoregressive(nn.Module):
    """The package's own: one parameter after the other, in a fixed order."""

    def __init__(self, model: SecretSauceModel):
        super().__init__()
        self.sampler = _sampler(model)

    def loss(self, told: Told, rows: torch.Tensor) -> torch.Tensor:
        corrections = self.sampler(told.answers[rows], told.chosen[rows])
        return _cross_entropy(told, rows, corrections, told.heard[rows])

    def nats(self, told: Told) -> float:
        corrections = self.sampler(told.answers, told.chosen)
        return _nats(told, corrections)

    def draw(self, answers: torch.Tensor, logits: list[torch.Tensor], count: int, seed: int) -> torch.Tensor:
        return self.sampler.draw(answers, logits, count, torch.Generator().manual_seed(seed))


class Masked(nn.Module):
    """Any parameter from any others (after Chang et al., "MaskGIT", 2022), drawn one by one in random order."""

    def __init__(self, model: SecretSauceModel):
        super().__init__()
        self.sampler = _sampler(model)
        self.unknown = nn.Parameter(torch.zeros(model.config.hidden_size))

    def forward(self, answers: torch.Tensor, chosen: torch.Tensor, known: torch.Tensor) -> list[torch.Tensor]:
        own = self.sampler
        tokens = []
        for index, name in enumerate(own.names):
            value = torch.where(known[:, index : index + 1], own._value(chosen[:, index], index), self.unknown)
            tokens.append(own.answer(answers[:, index]) + own.places[name] + value)
        states = torch.stack(tokens, dim=1)
        for layer in own.layers:
            states = layer(states)
        states = own.norm(states)
        return [own._correct(states[:, index], index) for index in range(len(own.names))]

    def loss(self, told: Told, rows: torch.Tensor) -> torch.Tensor:
        shape = told.chosen[rows].shape
        known = torch.rand(shape) < torch.rand(shape[0], 1)
        corrections = self(told.answers[rows], told.chosen[rows], known)
        # Weighted as the mean over random orders: what is asked for counts once per parameter.
        weights = (~known) * (shape[1] / (~known).sum(dim=1, keepdim=True).clamp_min(1))
        return _cross_entropy(told, rows, corrections, told.heard[rows] * weights)

    def nats(self, told: Told) -> float:
        total = torch.zeros(len(told.chosen))
        known = torch.zeros(told.chosen.shape, dtype=torch.bool)
        for index in np.random.default_rng(0).permutation(told.chosen.shape[1]):
            scores = told.logits[index] + self(told.answers, told.chosen, known)[index]
            total -= scores.log_softmax(1).gather(1, told.chosen[:, index : index + 1])[:, 0] * told.heard[:, index]
            known[:, index] = True
        return float(total.mean())

    def draw(self, answers: torch.Tensor, logits: list[torch.Tensor], count: int, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.zeros(count, len(logits), dtype=torch.int64)
        known = torch.zeros(chosen.shape, dtype=torch.bool)
        for index in torch.randperm(len(logits), generator=generator).tolist():
            scores = logits[index] + self(answers.expand(count, -1, -1), chosen, known)[index]
            chosen[:, index] = torch.multinomial(scores.softmax(1), 1, generator=generator)[:, 0]
            known[:, index] = True
        return chosen


class Flow(nn.Module):
    """Flow matching (Lipman et al., 2023) from noise to units; a switch's labels are the corners of a simplex."""

    def __init__(self, model: SecretSauceModel):
        super().__init__()
        width, heads = model.config.hidden_size, model.config.num_attention_heads
        self.sizes = [
            1 if isinstance(p, Knob) else size
            for p, size in zip(model.parameter_specs, model.config.head_sizes(), strict=True)
        ]
        self.bins = model.config.head_sizes()
        self.answer = nn.Linear(width, width)
        self.values = nn.ModuleList(nn.Linear(size, width) for size in self.sizes)
        self.places = nn.Parameter(0.02 * torch.randn(len(self.sizes), width))
        self.time = nn.Sequential(nn.Linear(16, width), nn.GELU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(model.config.sampler_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.speeds = nn.ModuleList(nn.Linear(width, size) for size in self.sizes)

    def forward(self, answers: torch.Tensor, values: list[torch.Tensor], moment: torch.Tensor) -> list[torch.Tensor]:
        angles = moment[:, None] * torch.pi * 2.0 ** torch.arange(-1, 7)
        when = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        inner = torch.stack([layer(value) for layer, value in zip(self.values, values, strict=True)], dim=1)
        states = self.answer(answers) + self.places + inner + when[:, None]
        for layer in self.layers:
            states = layer(states)
        states = self.norm(states)
        return [layer(states[:, index]) for index, layer in enumerate(self.speeds)]

    def loss(self, told: Told, rows: torch.Tensor) -> torch.Tensor:
        chosen, heard = told.chosen[rows], told.heard[rows]
        truth = [
            chosen[:, i : i + 1] / (bins - 1) * 3.46 - 1.73
            if size == 1
            else functional.one_hot(chosen[:, i], size) * 2.0 - 1
            for i, (size, bins) in enumerate(zip(self.sizes, self.bins, strict=True))
        ]
        noise = [torch.randn_like(value, dtype=torch.float32) for value in truth]
        moment = torch.rand(len(rows))
        between = [(1 - moment[:, None]) * n + moment[:, None] * v for n, v in zip(noise, truth, strict=True)]
        speeds = self(told.answers[rows], between, moment)
        losses = [
            ((speed - (v - n)).square().mean(dim=1) * heard[:, i]).sum() / heard[:, i].sum().clamp_min(8)
            for i, (speed, v, n) in enumerate(zip(speeds, truth, noise, strict=True))
        ]
        return torch.stack(losses).mean()

    def draw(self, answers: torch.Tensor, _: list[torch.Tensor], count: int, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        values = [torch.randn(count, size, generator=generator) for size in self.sizes]
        spread = answers.expand(count, -1, -1)
        for step in range(FLOW_STEPS):
            speeds = self(spread, values, torch.full((count,), step / FLOW_STEPS))
            values = [value + speed / FLOW_STEPS for value, speed in zip(values, speeds, strict=True)]
        columns = [
            ((value[:, 0] + 1.73) / 3.46 * (bins - 1)).round().clamp(0, bins - 1) if size == 1 else value.argmax(dim=1)
            for value, size, bins in zip(values, self.sizes, self.bins, strict=True)
        ]
        return torch.stack([column.long() for column in columns], dim=1)


def _sampler(model: SecretSauceModel) -> PresetSampler:
    config = model.config
    knobs = [isinstance(parameter, Knob) for parameter in model.parameter_specs]
    sampler = PresetSampler(
        config.label_names,
        config.head_sizes(),
        knobs,
        config.hidden_size,
        config.sampler_layers,
        config.num_attention_heads,
    )
    for place in sampler.places.values():
        nn.init.trunc_normal_(place, std=0.02)
    return sampler


def _cross_entropy(told: Told, rows: torch.Tensor, corrections, weights: torch.Tensor) -> torch.Tensor:
    losses = []
    for index, correction in enumerate(corrections):
        scores = told.logits[index][rows] + correction
        loss = functional.cross_entropy(scores, told.chosen[rows, index], reduction="none") * weights[:, index]
        losses.append(loss.sum() / weights[:, index].sum().clamp_min(8))
    return torch.stack(losses).mean()


def _nats(told: Told, corrections: tuple[torch.Tensor, ...] | None) -> float:
    total = torch.zeros(len(told.chosen))
    for index, scores in enumerate(told.logits):
        scores = scores if corrections is None else scores + corrections[index]
        total -= scores.log_softmax(1).gather(1, told.chosen[:, index : index + 1])[:, 0] * told.heard[:, index]
    return float(total.mean())


def train(sampler: nn.Module, told: Told, steps: int) -> None:
    """Adam with a falling rate; the same sounds in the same order for all."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(sampler.parameters(), 1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps)
    for _ in range(steps):
        rows = torch.randint(len(told.chosen), (BATCH,), generator=generator)
        optimizer.zero_grad()
        sampler.loss(told, rows).backward()
        nn.utils.clip_grad_norm_(sampler.parameters(), 1.0)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def nearest(
    draw: Callable, told: Told, model: SecretSauceModel, collection: Collection, count: int
) -> tuple[np.ndarray, float]:
    """Distances of the best of 1, 2, 4, ... candidates, shape (rows, numbers), and seconds to draw them all."""
    timing = collection.timing
    note_on = round((timing.note_on - timing.cut[0]) * 22_050)
    numbers = [2**power for power in range(int(np.log2(count)) + 1)]
    found, seconds = [], 0.0
    for row, take in enumerate(told.takes):
        start = time.perf_counter()
        drawn = draw(told.answers[row : row + 1], [scores[row : row + 1] for scores in told.logits], count, row).numpy()
        seconds += time.perf_counter() - start
        columns = [
            parameter.setting_to_unit(model.config.bin_settings(parameter)[drawn[:, index]])
            if isinstance(parameter, Knob)
            else drawn[:, index].astype(float)
            for index, parameter in enumerate(model.parameter_specs)
        ]
        presets = Presets.from_cc(collection, Presets(collection, np.stack(columns, axis=1)).cc)
        distances = Objective(take, (0, len(take)), note_on)(render(presets, noise_seed=0))
        found.append([distances[:number].min() for number in numbers])
    return np.array(found), seconds / len(told.takes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection")
    parser.add_argument("--model", help="a checkpoint; the one that ships if not given")
    parser.add_argument("--sounds", type=int, default=8_000, help="to learn from")
    parser.add_argument("--steps", type=int, default=2_000, help=f"of {BATCH} sounds")
    parser.add_argument("--rows", type=int, default=100, help="sounds to draw candidates for")
    parser.add_argument("--candidates", type=int, default=64, help="for each, a power of two")
    options = parser.parse_args()
    console = Console(width=100, highlight=False)
    collection = get_collection(options.collection)
    pipe = load_pipeline(options.model or options.collection)
    model = pipe.model
    told = listen(pipe, collection, options.sounds, TRAIN_SEED)
    tests = listen(pipe, collection, max(options.rows, 1_000), TEST_SEED)
    few = Told(
        tests.takes[: options.rows],
        tests.answers[: options.rows],
        [scores[: options.rows] for scores in tests.logits],
        tests.chosen[: options.rows],
        tests.heard[: options.rows],
        tests.presets[: options.rows],
    )
    numbers = [2**power for power in range(int(np.log2(options.candidates)) + 1)]
    shown = [number for number in numbers if number in (1, 4, 16, 64)]
    table = Table("sampler", "nats", *(f"best of {number}" for number in shown), "ms a sound", "training, s")
    for name, make in (
        ("independent", lambda _: Independent()),
        ("autoregressive", Autoregressive),
        ("masked", Masked),
        ("flow matching", Flow),
    ):
        torch.manual_seed(0)
        sampler = make(model)
        start = time.perf_counter()
        if name != "independent":
            train(sampler, told, options.steps)
        trained = time.perf_counter() - start
        sampler.eval()
        with torch.no_grad():
            nats = f"{sampler.nats(tests):.2f}" if hasattr(sampler, "nats") else "–"
        distances, seconds = nearest(sampler.draw, few, model, collection, options.candidates)
        means = [f"{np.median(distances[:, numbers.index(number)]):.2f}" for number in shown]
        table.add_row(name, nats, *means, f"{1000 * seconds:.0f}", f"{trained:.0f}")
    console.print(
        f"{options.collection}: {options.sounds:,} sounds, {options.steps:,} steps; nats of the heard settings of "
        f"{len(tests.chosen):,} other sounds; the nearest candidate, in dB, median over {options.rows}."
    )
    console.print(table)


if __name__ == "__main__":
    main()
