"""The networks among the baselines: the LSTM of 2018, and a transformer that tells one value per knob."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.sparse
import torch
from torch import nn
from torch.nn import functional

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.metrics.scores import switch_columns
from secret_sauce_hf.metrics.spectra import decibels, magnitudes, mel_bands
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.base import first_model, of_takes
from secret_sauce_hf.training.config import HIDDEN_SIZE, LAYERS

MFCC_COUNT, MFCC_BANDS, MFCC_WINDOW, MFCC_HOP = 20, 128, 2_048, 512
"""Of the notebooks of 2018: 20 coefficients, a hop of 512 samples, the rest as librosa has it by default."""
HELD_OUT = 0.1
"""Share of the train rows, the last ones, that early stopping looks at."""
ANSWERED_AT_ONCE = 64
_MFCC_ROWS = 32

Inputs = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Args:
        seconds: the most time for it.
        steps: the most steps; no limit if None.
        batch: sounds per step.
        rate: learning rate at first; it falls to 0 over the time if `falling`.
        epochs: the most passes over the sounds; no limit if None.
        patience: passes without a better validation loss after which it ends.
        seed: of weights and order.
        falling: whether the learning rate falls.
        threads: of torch; if None, one or all that it has, whichever is faster now: with
            other programs running, threads wait for each other.
    """

    seconds: float
    steps: int | None
    batch: int
    rate: float
    epochs: int | None
    patience: int
    seed: int
    falling: bool
    threads: int | None


@dataclass(frozen=True)
class Trained:
    """What became of a training."""

    steps: int
    epochs: int
    seconds: float
    validation_loss: float


def mfccs(sounds: np.ndarray, sample_rate: int) -> np.ndarray:
    """The features of 2018: float32 of shape (rows, frames, 20)."""
    # As `secret_sauce_hf.metrics.spectra.cepstra`, for many sounds: a bin lies in two of the 128 bands at most, so
    # that nearly all of a dense product would be zeros.
    bands = scipy.sparse.csr_array(mel_bands(sample_rate, MFCC_WINDOW, MFCC_BANDS).T)
    parts = []
    for at in range(0, len(sounds), _MFCC_ROWS):
        spectra = magnitudes(sounds[at : at + _MFCC_ROWS], MFCC_WINDOW, MFCC_HOP) ** 2
        powers = (bands @ spectra.reshape(-1, spectra.shape[-1]).T).T.reshape(*spectra.shape[:-1], MFCC_BANDS)
        levels = decibels(powers, relative=False)
        parts.append(scipy.fft.dct(levels, type=2, norm="ortho", axis=-1)[..., :MFCC_COUNT].astype(np.float32))
    return np.concatenate(parts)


class _Heads(nn.Module):
    """A linear output per parameter: one number for a knob, a score per label for a switch."""

    def __init__(self, collection: Collection, width: int):
        super().__init__()
        sizes = [p.classes or 1 for p in collection.parameters]
        self.outputs = nn.ModuleList(nn.Linear(width, size) for size in sizes)


class LstmNetwork(nn.Module):
    """The network of 2018: two layers of LSTM on MFCCs, whose last state tells everything.

    Source: `models/predict_guitar.ipynb` of github.com/tsellam/secret-sauce, where a knob
    that an effect switches off was also multiplied by the probability of the switch.

    Args:
        collection: whose parameters are told.
        units: width of a layer.
        dropout: share of a layer's inputs that is dropped while training.
    """

    def __init__(self, collection: Collection, units: int = 128, dropout: float = 0.2):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.first = nn.LSTM(MFCC_COUNT, units, batch_first=True)
        self.second = nn.LSTM(units, units, batch_first=True)
        self.heads = _Heads(collection, units)

    def forward(self, mfcc: torch.Tensor) -> list[torch.Tensor]:
        """MFCCs (batch, frames, 20) to one output per parameter."""
        states, _ = self.first(self.dropout(mfcc))
        states, _ = self.second(self.dropout(states))
        return [output(states[:, -1]) for output in self.heads.outputs]


class RegressionNetwork(nn.Module):
    """The encoder of our models with a plain linear output per parameter in place of distributions.

    Args:
        encoder: whose heads are not used.
        collection: whose parameters are told.
    """

    def __init__(self, encoder: SecretSauceModel, collection: Collection):
        super().__init__()
        self.encoder = encoder
        self.heads = _Heads(collection, encoder.config.hidden_size)

    def forward(self, **inputs: torch.Tensor) -> list[torch.Tensor]:
        """The encoder's inputs to one output per parameter."""
        answers = self.encoder(**inputs).answers
        return [output(answers[:, index]) for index, output in enumerate(self.heads.outputs)]


def lstm_network(collection: Collection, seed: int) -> LstmNetwork:
    """The network of 2018 with weights drawn from `seed`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LstmNetwork(collection)


def regression_network(collection: Collection, seed: int) -> tuple[RegressionNetwork, SecretSauceFeatureExtractor]:
    """A network of the size of our models with weights drawn from `seed`, and what makes its inputs."""
    encoder, extractor = first_model(of_takes(collection), None, HIDDEN_SIZE, LAYERS, seed, 0)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return RegressionNetwork(encoder, collection), extractor


class Targets:
    """Settings as a network learns them: knobs in standard deviations around their mean, switches as indices.

    Args:
        presets: the train rows, which tell mean and deviation.
    """

    def __init__(self, presets: Presets):
        self.parameters = presets.parameters
        self._means = presets.unit.mean(axis=0)
        deviations = presets.unit.std(axis=0)
        self._deviations = np.where(deviations > 0, deviations, 1.0)

    def of(self, presets: Presets) -> torch.Tensor:
        """Shape (rows, parameters), float32."""
        standard = (presets.unit - self._means) / self._deviations
        values = np.where(switch_columns(self.parameters), presets.unit, standard)
        return torch.from_numpy(values.astype(np.float32))

    def loss(self, outputs: list[torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        """Sum of mean absolute errors of knobs and cross entropies of switches, as in 2018."""
        losses = []
        for parameter, output, target in zip(self.parameters, outputs, targets.T, strict=True):
            if parameter.classes:
                losses.append(functional.cross_entropy(output, target.long()))
            else:
                losses.append((output[:, 0] - target).abs().mean())
        return torch.stack(losses).sum()

    def units(self, outputs: list[torch.Tensor]) -> np.ndarray:
        """Answers, at legal settings of the controllers: shape (rows, parameters)."""
        columns = []
        for column, (parameter, output) in enumerate(zip(self.parameters, outputs, strict=True)):
            if parameter.classes:
                columns.append(output.argmax(dim=1).double().numpy())
            else:
                unit = output[:, 0].double().numpy() * self._deviations[column] + self._means[column]
                columns.append(parameter.nearest_unit(unit))
        return np.stack(columns, axis=1)


def fit(
    network: nn.Module,
    inputs: Inputs,
    presets: Presets,
    schedule: Schedule,
    advance: Callable[[float], None],
) -> tuple[Targets, Trained]:
    """Train a network; the weights of the least loss on the held-out rows are kept.

    Args:
        network: takes the inputs by name.
        inputs: of the train rows.
        presets: the train rows.
        schedule: how.
        advance: called with the seconds that passed since the last call.
    """
    targets = Targets(presets)
    wanted = targets.of(presets)
    held = min(max(1, round(len(presets) * HELD_OUT)), len(presets) - 1)
    train, check = np.arange(len(presets) - held), np.arange(len(presets) - held, len(presets))
    optimizer = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=0.0)
    generator = np.random.default_rng(schedule.seed)
    best, best_weights, waited = np.inf, copy.deepcopy(network.state_dict()), 0
    steps = epochs = 0

    def spent() -> float:
        """Share of the time or of the steps that is over."""
        shares = [(time.perf_counter() - start) / schedule.seconds]
        shares += [steps / schedule.steps] if schedule.steps is not None else []
        return max(shares)

    def step(rows: np.ndarray) -> None:
        optimizer.zero_grad()
        targets.loss(network(**_batch(inputs, rows)), wanted[rows]).backward()

    few = train[: schedule.batch]
    with torch.random.fork_rng(), _threads(schedule.threads or _faster(lambda: step(few))):
        torch.manual_seed(schedule.seed)
        start = last = time.perf_counter()
        while spent() < 1 and waited < schedule.patience and epochs != schedule.epochs:
            network.train()
            order = generator.permutation(train)
            for at in range(0, len(order), schedule.batch):
                if (over := spent()) >= 1:
                    break
                if schedule.falling:
                    optimizer.param_groups[0]["lr"] = schedule.rate * (1 - over)
                rows = order[at : at + schedule.batch]
                step(rows)
                nn.utils.clip_grad_norm_([p for p in network.parameters() if p.grad is not None], 1.0)
                optimizer.step()
                steps += 1
                now = time.perf_counter()
                advance(now - last)
                last = now
            epochs += 1
            loss = float(targets.loss(outputs_of(network, inputs, check), wanted[check]))
            waited = 0 if loss < best else waited + 1
            if loss < best:
                best, best_weights = loss, copy.deepcopy(network.state_dict())
    network.load_state_dict(best_weights)
    network.eval()
    return targets, Trained(steps, epochs, time.perf_counter() - start, best)


def _faster(work: Callable[[], None]) -> int:
    """One thread, or as many as torch has, whichever does `work` faster."""
    seconds = {}
    for count in {1, torch.get_num_threads()}:
        with _threads(count):
            work()  # The first time, memory is got.
            start = time.perf_counter()
            work()
            seconds[count] = time.perf_counter() - start
    return min(seconds, key=lambda count: seconds[count])


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def outputs_of(network: nn.Module, inputs: Inputs, rows: np.ndarray) -> list[torch.Tensor]:
    """Outputs for some of the rows, in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        parts = [
            network(**_batch(inputs, rows[at : at + ANSWERED_AT_ONCE])) for at in range(0, len(rows), ANSWERED_AT_ONCE)
        ]
    return [torch.cat([part[index] for part in parts]) for index in range(len(parts[0]))]


def _batch(inputs: Inputs, rows: np.ndarray) -> dict[str, torch.Tensor]:
    indices = torch.from_numpy(rows)
    return {name: values[indices].float() for name, values in inputs.items()}
