"""transformers' Trainer for our models."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from torch.utils.data import DataLoader
from transformers import (
    EvalPrediction,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import EvalLoopOutput

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.scores import kind_means, setting_scores
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.outputs_secret_sauce import divisors, totals
from secret_sauce_hf.training.answering import answers_of
from secret_sauce_hf.training.config import TrainingConfig
from secret_sauce_hf.training.data import Examples, collate
from secret_sauce_hf.training.optimizer import make_optimizer
from secret_sauce_hf.training.stream import FreshStream, stream_loader
from secret_sauce_hf.training.together import ExampleSteps, Pieces, part_of


class _Token(str):
    """A token that pickles as None: the Trainer pickles its arguments and pushes that file with the model."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


class _GoOn(TrainerCallback):
    """Lets steps begin after those that a resumed run has taken already.

    The Trainer asks for the loader before it knows of them.
    """

    def __init__(self, stream: FreshStream | ExampleSteps):
        self._stream = stream

    def on_train_begin(self, _: TrainingArguments, state: TrainerState, *__: Any, **___: Any) -> None:
        """Called by the Trainer before the first step."""
        self._stream.start = state.global_step


class _Bars(ProgressCallback):
    """Progress bars, and what is logged above them, all on standard error."""

    def on_log(self, _: TrainingArguments, state: TrainerState, *__: Any, logs: Any = None, **___: Any) -> None:
        """Called by the Trainer with what it has measured."""
        if state.is_world_process_zero and self.training_bar is not None:
            told = {key: round(value, 4) for key, value in (logs or {}).items() if isinstance(value, int | float)}
            self.training_bar.write(", ".join(f"{key} {value}" for key, value in told.items()), file=sys.stderr)


def tell_on_standard_error(trainer: Trainer, bars: bool) -> None:
    """Keep a trainer from writing to standard output, which is for results.

    Args:
        trainer: of transformers.
        bars: whether progress and what is logged are shown on standard error; else nothing is.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    if bars:
        trainer.add_callback(_Bars())


class PresetTrainer(Trainer):
    """transformers' Trainer, set up for a `SecretSauceModel`.

    It knows the label columns, batches `Examples`, has our optimiser, and measures the
    errors of the answers that the pipeline would give. The loss of a step, which is a mean over the
    rows where a parameter is heard, is that of all of its rows, however many processes share them
    and in however many pieces each takes its own. Everything else is the Trainer's:
    with the feature extractor as `processing_class` and `push_to_hub=True` the repository
    gets a checkpoint that `pipeline()` loads, with the package and without.

    Args:
        model: the model.
        args: the Trainer's; `label_names` are set, and no columns are removed.
        learning_rate: of AdamW, see `make_optimizer`.
        matrix_learning_rate: of Muon, for a model without an AST encoder.
        workers: processes that render a `FreshStream`; 0 renders in this one.
        **kwargs: other arguments of `Trainer`.
    """

    optimizer: torch.optim.Optimizer | None

    def __init__(
        self,
        model: SecretSauceModel,
        args: TrainingArguments | None = None,
        *,
        learning_rate: float = TrainingConfig.learning_rate,
        matrix_learning_rate: float = TrainingConfig.matrix_learning_rate,
        workers: int = 0,
        **kwargs: Any,
    ):
        args = args if args is not None else TrainingArguments()
        if args.hub_token is not None:
            args.hub_token = _Token(args.hub_token)
        args.label_names = model.config.label_names
        args.remove_unused_columns = False
        if any(isinstance(kwargs.get(name), Examples) for name in ("train_dataset", "eval_dataset")):
            kwargs.setdefault("data_collator", collate)
        kwargs.setdefault("compute_metrics", self._measure)
        self._workers = workers
        self._taken = {"heard", "num_items_in_batch"} & set(model.config.label_names)
        self._rates = {"learning_rate": learning_rate, "matrix_learning_rate": matrix_learning_rate}
        super().__init__(model=model, args=args, **kwargs)
        if isinstance(self.train_dataset, FreshStream | ExampleSteps):
            self.add_callback(_GoOn(self.train_dataset))

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Make our optimiser where none was given."""
        if self.optimizer is None:
            self.optimizer = make_optimizer(self.model if model is None else model, **self._rates)
        return self.optimizer

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """As of `Trainer`; what nothing depends on is left alone by the optimiser, and by the norm of the gradients."""
        loss = super().training_step(*args, **kwargs)
        for parameter in [] if self.model.sampler is None else self.model.sampler.unread:
            parameter.grad = None
        return loss

    def get_train_dataloader(self) -> Any:
        """The loader of the training set; `FreshStream` and `ExampleSteps` make their own batches."""
        if not isinstance(self.train_dataset, FreshStream | ExampleSteps):
            return super().get_train_dataloader()
        # As they are: every process makes its own share.
        workers = self._workers if isinstance(self.train_dataset, FreshStream) else 0
        return Pieces(stream_loader(self.train_dataset, workers), self.args.gradient_accumulation_steps)

    def get_batch_samples(
        self, epoch_iterator: Iterator, num_batches: int, device: torch.device
    ) -> tuple[list, torch.Tensor | int | None]:
        """What this process reads in a step, piece by piece; each piece knows by what its loss is to be divided."""
        pieces, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        count = len(pieces) * self.accelerator.num_processes
        # Where one process has several GPUs, torch divides its batches among them, and takes the mean of their losses.
        if count > 1 and self.args.n_gpu <= 1 and pieces[0].keys() >= set(self.label_names):
            if self._taken:
                raise InputError(
                    f"A parameter is called {min(self._taken)}, as what a model is told besides: this model is "
                    "trained by one process, which takes each step in one piece."
                )
            heard = [self._heard(piece) for piece in pieces]
            counts = self.accelerator.reduce(torch.stack([totals(one) for one in heard]).sum(dim=0), "sum")
            # The Trainer takes the mean of the losses of this process's pieces, torch that of the processes' gradients.
            whole = divisors(counts) / count
            for piece, one in zip(pieces, heard, strict=True):
                piece |= {"num_items_in_batch": whole, "heard": one}
        return pieces, items

    def _heard(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Whether each parameter is heard in the rows of a batch: float32 of shape (rows, parameters)."""
        if "heard" in batch:
            return batch["heard"].float().to(self.args.device)
        peak = batch.get("peak")
        labels = {name: batch[name] for name in self.label_names}
        return self.model.heard_labels(labels, None if peak is None else peak.to(self.args.device))

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As of `Trainer`; of `Examples` beside our own steps the loss is that of all rows as one batch.

        So it does not depend on the number of processes, of which each answers to a part of the rows.
        """
        examples: Any = dataloader.dataset
        ours = isinstance(self.train_dataset, FreshStream | ExampleSteps) and isinstance(examples, Examples)
        if not ours or self._taken:
            return super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        self.model.eval()
        told_besides = {name: examples.features[name] for name in ("heard", "peak") if name in examples.features}
        whole = divisors(totals(self._heard(examples.labels | told_besides)))
        own = part_of(len(examples), (self.accelerator.process_index, self.accelerator.num_processes))
        told = []
        for first in range(own.start, own.stop, self.args.eval_batch_size):
            rows = range(first, min(first + self.args.eval_batch_size, own.stop))
            batch = self._prepare_inputs(examples.__getitems__(rows) | {"num_items_in_batch": whole})
            with torch.no_grad(), self.compute_loss_context_manager():
                output = self.model(**batch)
            told.append((output.loss.item(), [scores.cpu().numpy() for scores in output.logits]))
        if self.accelerator.num_processes > 1:
            told = gather_object(told)
        losses, answers = zip(*told, strict=True)
        logits = tuple(np.concatenate(scores) for scores in zip(*answers, strict=True))
        labels = tuple(examples.labels[name].numpy() for name in self.label_names)
        metrics = {"loss": sum(losses)}
        if self.compute_metrics is not None:
            metrics |= self.compute_metrics(EvalPrediction(predictions=logits, label_ids=labels))
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        return EvalLoopOutput(predictions=logits, label_ids=labels, metrics=metrics, num_samples=len(examples))

    def _measure(self, prediction: EvalPrediction) -> dict[str, float]:
        return measure(prediction.predictions, prediction.label_ids, self.model.config)


def measure(logits: Any, labels: Any, config: SecretSauceConfig) -> dict[str, float]:
    """Errors of a model's answers, as the pipeline reads them out.

    Args:
        logits: per parameter, shape (rows, bins or labels).
        labels: per parameter, shape (rows,): a knob's setting, the index of a switch's label.
        config: of the model.

    Returns:
        Per parameter a knob's mean absolute error or a switch's accuracy; and their means,
        `knob_mae` and `switch_accuracy`, where there are such parameters.
    """
    names = config.label_names
    # Of a single parameter the Trainer hands over the bare array.
    logits, labels = (values if isinstance(values, tuple | list) else (values,) for values in (logits, labels))
    answers = answers_of(dict(zip(names, logits, strict=True)), config)
    parameters = config.parameter_specs
    columns = zip(parameters, labels, strict=True)
    # A label of a knob is its setting, one of a switch its class index, which is its unit.
    truth = np.stack([label if p.classes else p.setting_to_unit(np.asarray(label)) for p, label in columns], axis=1)
    values = setting_scores(parameters, truth, answers).mean(axis=0)
    scores = {parameter.name: float(value) for parameter, value in zip(parameters, values, strict=True)}
    return {kind: mean for kind, mean in kind_means(parameters, scores).items() if not np.isnan(mean)} | scores
