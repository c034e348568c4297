"""What a model tells, of one sound or of several strokes of one, and whether the sound is its instrument's."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from transformers.utils import ModelOutput

FEWEST_HEARD = 8
"""A parameter's loss is a mean over the rows of a batch where it is heard; over so many at least, lest one rule."""


@dataclass
class SecretSauceOutput(ModelOutput):
    """What the model tells of a batch of sounds.

    Args:
        loss: scalar, if labels were given.
        logits: per parameter, shape (batch, `knob_bins`) or (batch, labels): logarithms of
            the calibrated probabilities, over all sounds, whether the parameter is heard or not.
        heard_logits: shape (batch, parameters): calibrated log odds of being heard.
        answers: shape (batch, parameters, width): what the heads and the sampler read.
        domain_logits: shape (batch,): calibrated log odds that the instrument can make the sound; None
            if the model does not tell them.
        hidden_states: if asked for, what the encoder's layers read and the last one tells: one
            more than there are layers, each of shape (batch, tokens, width). Of an encoder of
            our own the last one holds the parameters' tokens alone.
        attentions: if asked for, the weights of every layer's attention, of shape (batch,
            heads, tokens, tokens).
    """

    loss: torch.Tensor | None = None
    logits: tuple[torch.Tensor, ...] | None = None
    heard_logits: torch.Tensor | None = None
    answers: torch.Tensor | None = None
    domain_logits: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


class DomainHead(nn.Module):
    """Tells from what a model makes of a sound whether its instrument can make it.

    It reads the mean and the highest of the parameters' answers, the log odds of being heard and the
    entropies of the settings: a sound of another instrument leaves the model undecided, or
    decided in ways that its own sounds never do.

    Args:
        width: of the answers.
        parameters: how many there are.
        hidden: units of the layer between.
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int, parameters: int, hidden: int):
        super().__init__()
        size = 2 * width + 2 * parameters
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.inner = nn.Linear(size, hidden)
        self.outer = nn.Linear(hidden, 1)

    def evidence(self, answers: torch.Tensor, odds: torch.Tensor, logits: Sequence[torch.Tensor]) -> torch.Tensor:
        """What is read: shape (batch, 2 * width + 2 * parameters).

        Args:
            answers: shape (batch, parameters, width).
            odds: shape (batch, parameters), of being heard.
            logits: per parameter, shape (batch, bins or labels).
        """
        entropies = [-(scores.softmax(dim=1) * scores.log_softmax(dim=1)).sum(dim=1) for scores in logits]
        parts = [answers.mean(dim=1).float(), answers.amax(dim=1).float(), odds.float(), torch.stack(entropies, dim=1)]
        return torch.cat(parts, dim=1)

    def forward(self, evidence: torch.Tensor) -> torch.Tensor:
        """Log odds: (batch, size) to (batch,)."""
        scaled = ((evidence - self.centre) / self.scale).clamp(-8, 8).to(self.inner.weight.dtype)
        return self.outer(functional.gelu(self.inner(scaled)))[:, 0].float()


def combined(output: SecretSauceOutput, weights: torch.Tensor) -> SecretSauceOutput:
    """What several strokes of one sound tell together: an output of batch 1.

    Probabilities are multiplied, to powers that sum to one: strokes of one sound are no independent
    witnesses. Where a parameter is heard more a stroke counts for more.

    Args:
        output: of the strokes.
        weights: shape (strokes,), what each counts.
    """
    assert output.logits is not None and output.heard_logits is not None and output.answers is not None
    if len(weights) == 1:
        return output
    shares = weights[:, None] * (output.heard_logits.sigmoid() + 0.01)
    shares = shares / shares.sum(dim=0)
    logits = tuple(
        (scores.log_softmax(dim=1) * share[:, None]).sum(dim=0, keepdim=True).log_softmax(dim=1)
        for scores, share in zip(output.logits, shares.T, strict=True)
    )
    even = (weights / weights.sum()).to(output.answers.dtype)
    domain = output.domain_logits
    return SecretSauceOutput(
        logits=logits,
        heard_logits=output.heard_logits.amax(dim=0, keepdim=True),
        answers=(output.answers * shares[:, :, None].to(output.answers.dtype)).sum(dim=0, keepdim=True),
        domain_logits=None if domain is None else (domain * even).sum(dim=0, keepdim=True),
    )


def totals(heard: torch.Tensor) -> torch.Tensor:
    """In how many rows each parameter is heard, and how many rows there are: float32, shape (parameters + 1,).

    Args:
        heard: shape (rows, parameters), of `SecretSauceModel.heard_labels`.
    """
    return torch.cat([heard.float().sum(dim=0), heard.new_full((1,), len(heard), dtype=torch.float32)])


def divisors(counts: torch.Tensor) -> torch.Tensor:
    """By what the loss divides its sums over rows: the counts, but of heard rows `FEWEST_HEARD` at least.

    Args:
        counts: `totals` of a batch, or the sum of those of its parts.
    """
    return torch.cat([counts[:-1].clamp_min(FEWEST_HEARD), counts[-1:]])
