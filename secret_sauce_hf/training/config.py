"""What a training run depends on besides its sounds, with every default; imports neither torch nor transformers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from secret_sauce_hf.instruments import InputError, integer
from secret_sauce_hf.instruments.priors import BOTH, PRIORS, UNIFORM

RECORD_FILE = "training.json"
"""Beside a checkpoint: how it was trained."""
MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's global generator, which transformers seeds too, takes."""
_LIMITS = {
    "fresh": (0, 10**9),
    "batch_size": (1, 2**16),
    "validation": (0, 10**7),
    "seed": (0, MAX_SEED),
    "hidden_size": (1, 2**16),
    "layers": (1, 2**10),
    "sampler_layers": (0, 2**10),
}
"""From where to where the settings that are counted may go; what is beyond is a mistake."""

EPOCHS, FRESH_EPOCHS = 10, 2
"""How often a sound of a dataset is seen, and a fresh one."""
HIDDEN_SIZE = 128
LAYERS = 4
PRECISIONS = ("auto", "fp32", "bf16")
OLD_NAMES = {"rate": "learning_rate", "matrix_rate": "matrix_learning_rate", "augmented": "augment"}
"""What version 0.1 called arguments of `train`, and what they are called now."""


def _setting(default: Any, text: str) -> Any:
    """A field of `TrainingConfig` that tells people what it is."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training run.

    The text beside each field says what it is; `secret-sauce train --help` shows it, and its
    options have these defaults.

    Raises:
        InputError: a number that must be whole is none, or out of range.
    """

    fresh: int = _setting(
        0,
        "How many new sounds to render; without --data, by processes while the model trains, else before (35 KB each).",
    )
    epochs: float | None = _setting(
        None, f"How often every sound is seen: {EPOCHS} times, without --data {FRESH_EPOCHS} times, if not given."
    )
    batch_size: int = _setting(64, "Sounds per step, of all processes together.")
    validation: int = _setting(1_000, "How many rendered sounds to validate on.")
    seed: int = _setting(0, "Of the fresh sounds, the first weights and the order.")
    learning_rate: float = _setting(1.5e-3, "Learning rate of AdamW; an AST encoder has its own.")
    matrix_learning_rate: float = _setting(0.02, "Learning rate of Muon, which trains the matrices of our own layers.")
    hidden_size: int | None = _setting(None, f"Width of the model; that of the base, or {HIDDEN_SIZE}, if not given.")
    layers: int | None = _setting(None, f"Number of its layers; those of the base, or {LAYERS}, if not given.")
    sampler_layers: int = _setting(2, "Number of layers of the sampler, which draws whole presets; none if 0.")
    augment: bool = _setting(
        True,
        "Whether to change some of the fresh sounds as recordings might: level, noise, tuning, tone, codec, onset; "
        "with --data none are.",
    )
    prior: str = _setting(
        UNIFORM,
        f"How the presets of the fresh sounds are drawn: {', '.join(PRIORS)} (fewer extreme and silent ones) or, of "
        f"collections of notes, {BOTH}.",
    )
    precision: str = _setting("auto", "fp32, bf16 (mixed), or auto: mixed on a GPU that can.")
    base: str | Path | None = field(
        default=None, metadata={"help": "Start from this checkpoint instead of from scratch: one of ours, or any AST."}
    )

    def __post_init__(self) -> None:
        # Python's own integers: the record of a run is JSON.
        for name, (low, high) in _LIMITS.items():
            if (value := getattr(self, name)) is not None or name not in ("hidden_size", "layers"):
                object.__setattr__(self, name, integer(name, value, low, high))

    def check(self, *, streams: bool) -> None:
        """Refuse settings that no run can have.

        Args:
            streams: whether there is no dataset, so that fresh sounds are rendered while the model trains.

        Raises:
            InputError: which one, and what it must be.
        """
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}; give one of {', '.join(PRECISIONS)}.")
        if streams and not self.fresh:
            raise InputError(
                "There is nothing to train on: give a dataset (--data) or a number of fresh sounds (--fresh)."
            )
        if streams and self.epochs is not None and self.epochs != round(self.epochs):
            raise InputError(f"Fresh sounds are seen a whole number of times each; epochs is {float(self.epochs)}.")
        for name in ("epochs", "learning_rate", "matrix_learning_rate"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} must be positive, got {value}.")


def help_of(name: str) -> str:
    """What a setting of `TrainingConfig` is, in a sentence."""
    return TrainingConfig.__dataclass_fields__[name].metadata["help"]


def current_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a record or a call under the names that `TrainingConfig` has for them (see `OLD_NAMES`)."""
    return {OLD_NAMES.get(name, name): value for name, value in settings.items()}


def named_settings(run: Mapping[str, Any]) -> dict[str, Any]:
    """With which settings a recorded run was called, in the order of `TrainingConfig`, without the base."""
    settings = current_names(run)
    return {
        each.name: settings[each.name] for each in fields(TrainingConfig) if each.name in settings.keys() - {"base"}
    }
