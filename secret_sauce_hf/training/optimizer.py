"""The optimisers of the training runs, made of torch's own.

For layers of our own Muon on their matrices and AdamW on the rest; for an AST encoder,
which has been trained before, AdamW with a lower rate on it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from secret_sauce_hf.training.config import TrainingConfig

ENCODER_RATE = 5e-5
"""Learning rate of an AST encoder: that of Gong et al. (2021) on the smaller of AudioSet's training sets."""
WEIGHT_DECAY = 0.01
"""Times the learning rate, per step."""
BETAS = (0.9, 0.98)
MOMENTUM = 0.95


def make_optimizer(
    model: nn.Module,
    *,
    learning_rate: float = TrainingConfig.learning_rate,
    matrix_learning_rate: float = TrainingConfig.matrix_learning_rate,
) -> torch.optim.Optimizer:
    """The optimiser for a `SecretSauceModel`; an AST encoder learns at `ENCODER_RATE`.

    Args:
        model: the model.
        learning_rate: of AdamW, on all but what follows.
        matrix_learning_rate: of Muon, on the matrices of layers of our own.
    """
    named = list(model.named_parameters())
    encoder = [parameter for name, parameter in named if name.startswith("ast.")]
    if encoder:
        new = [parameter for name, parameter in named if not name.startswith("ast.")]
        groups = [{"params": encoder, "lr": ENCODER_RATE}, {"params": new, "lr": learning_rate}]
        return torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    inner = ("layers.", "sampler.layers.")
    matrices = [
        parameter
        for name, parameter in named
        if parameter.ndim == 2
        and (name.startswith(inner) or (name.startswith("embeddings.") and name.endswith(".weight")))
    ]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for _, parameter in named if id(parameter) not in chosen]
    return MuonAdamW(matrices, others, learning_rate=learning_rate, matrix_learning_rate=matrix_learning_rate)


class Muon(torch.optim.Muon):
    """torch's Muon, which orthogonalises in float32 on processors.

    Its own way is bfloat16, which takes processors without units for it twenty times as long: most of
    a training step. Neither the method nor what it keeps is another.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all matrices that have a gradient.

        Args:
            closure: computes loss and gradients once more, and returns the loss.
        """
        if any(matrix.device.type != "cpu" for group in self.param_groups for matrix in group["params"]):
            return super().step(closure)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
                update = orthogonal(matrix.grad.lerp(momentum, group["momentum"]), group["ns_coefficients"])
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5)
        return loss


def orthogonal(matrix: torch.Tensor, coefficients: tuple[float, float, float], steps: int = 5) -> torch.Tensor:
    """About the nearest matrix of orthogonal rows or columns, by a quintic Newton-Schulz iteration in float32.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024): singular values
    end between 0.5 and 1.5, which is good enough for a step.

    Args:
        matrix: shape (rows, columns).
        coefficients: of the first, third and fifth power.
        steps: of the iteration.
    """
    first, third, fifth = coefficients
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp_min(1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=third, alpha=fifth), wide, beta=first)
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


class MuonAdamW(torch.optim.Optimizer):
    """torch's Muon (Jordan et al., 2024) for matrices and its AdamW (Loshchilov and Hutter, 2019) for the rest, as one.

    Muon replaces the momentum of a matrix by the nearest orthogonal matrix. Measured on
    sounds of `noisemaker-light` it came to AdamW's loss in two thirds of the steps. Both
    optimisers work on this one's parameter groups and state, which schedulers change and
    checkpoints hold.

    Args:
        matrices: parameters of two dimensions, for Muon.
        others: the other parameters, for AdamW.
        learning_rate: of AdamW.
        matrix_learning_rate: of Muon.
    """

    def __init__(
        self,
        matrices: list[nn.Parameter],
        others: list[nn.Parameter],
        learning_rate: float = TrainingConfig.learning_rate,
        matrix_learning_rate: float = TrainingConfig.matrix_learning_rate,
    ):
        self._parts = (
            Muon(matrices, lr=matrix_learning_rate, weight_decay=WEIGHT_DECAY, momentum=MOMENTUM),
            torch.optim.AdamW(others, lr=learning_rate, weight_decay=WEIGHT_DECAY, betas=BETAS),
        )
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        super().load_state_dict(state_dict)
        # torch made new groups and a new state.
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters that have a gradient.

        Args:
            closure: computes loss and gradients once more, and returns the loss.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss
