"""What a training run of the listener depends on; imports neither torch nor transformers."""

from dataclasses import dataclass

from secret_sauce_hf.instruments import InputError, integer


@dataclass(frozen=True)
class ListeningConfig:
    """The settings of a run.

    Args:
        fresh: how many sounds the listener hears; a run of minutes hears as many as it can if 0.
        minutes: after which the run ends; no limit if None.
        batch_size: sounds per step.
        seed: of takes, recordings and the first weights.
        learning_rate: the highest, of AdamW.
    """

    fresh: int = 0
    minutes: float | None = None
    batch_size: int = 6
    seed: int = 0
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        for name, low, high in (("fresh", 0, 10**9), ("batch_size", 1, 2**12), ("seed", 0, 2**32 - 1)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low, high))
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}.")
        if self.minutes is not None and not self.minutes > 0:
            raise InputError(f"minutes must be positive, got {self.minutes}.")
        if not self.fresh and self.minutes is None:
            raise InputError("Nothing says when the run ends; give a number of sounds (--fresh) or --minutes.")
