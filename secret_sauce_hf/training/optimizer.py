"""The optimisers of the training runs.

For layers of our own Muon on their matrices and AdamW on the rest; for an AST encoder,
which has been trained before, AdamW with a lower rate on it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

MOMENTUM = 0.95
# Coefficients of the quintic iteration in Keller Jordan's Muon (2024), chosen there so
# that singular values from 0 to 1 come close to 1 in five steps.
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5

RATE = 1.5e-3
"""Learning rate of AdamW."""
MATRIX_RATE = 0.02
"""Learning rate of Muon."""
ENCODER_RATE = 5e-5
"""Learning rate of an AST encoder: that of Gong et al. (2021) on the smaller of AudioSet's training sets."""
WEIGHT_DECAY = 0.01


def make_optimizer(
    model: nn.Module,
    *,
    rate: float = RATE,
    matrix_rate: float = MATRIX_RATE,
    encoder_rate: float = ENCODER_RATE,
    dtype: torch.dtype = torch.float32,
) -> torch.optim.Optimizer:
    """The optimiser for a `SecretSauceModel`.

    Args:
        model: the model.
        rate: of AdamW, on all but what follows.
        matrix_rate: of Muon, on the matrices of layers of our own.
        encoder_rate: of AdamW, on an AST encoder.
        dtype: in which Muon computes; its author does in bfloat16.
    """
    named = list(model.named_parameters())
    encoder = [parameter for name, parameter in named if name.startswith("ast.")]
    if encoder:
        new = [parameter for name, parameter in named if not name.startswith("ast.")]
        groups = [{"params": encoder, "lr": encoder_rate}, {"params": new, "lr": rate}]
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
    return MuonAdamW(matrices, others, matrix_rate=matrix_rate, rate=rate, dtype=dtype)


class MuonAdamW(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for matrices, AdamW (Loshchilov and Hutter, 2019) for other parameters.

    Muon replaces the momentum of a matrix by the nearest orthogonal matrix. Measured on
    sounds of `noisemaker-light` it came to AdamW's loss in two thirds of the steps.

    Args:
        matrices: parameters of two dimensions, for Muon.
        others: the other parameters, for AdamW.
        matrix_rate: learning rate of Muon.
        rate: learning rate of AdamW.
        weight_decay: of both, times their learning rate per step.
        dtype: in which Muon computes.
    """

    def __init__(
        self,
        matrices: list[nn.Parameter],
        others: list[nn.Parameter],
        matrix_rate: float = MATRIX_RATE,
        rate: float = RATE,
        weight_decay: float = WEIGHT_DECAY,
        dtype: torch.dtype = torch.float32,
    ):
        self._dtype = dtype
        groups = [
            {"params": matrices, "lr": matrix_rate, "muon": True},
            {"params": others, "lr": rate, "muon": False},
        ]
        super().__init__(groups, {"weight_decay": weight_decay, "betas": (0.9, 0.98), "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            update = self._muon if group["muon"] else _adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    change = update(parameter.grad, self.state[parameter], group)
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(change, alpha=-group["lr"])
        return loss

    def _muon(self, gradient: torch.Tensor, state: dict[str, Any], _: dict[str, Any]) -> torch.Tensor:
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        direction = orthogonalise(gradient.lerp(momentum, MOMENTUM).to(self._dtype)).to(gradient.dtype)
        rows, columns = gradient.shape
        return direction * max(1.0, rows / columns) ** 0.5


def orthogonalise(matrix: torch.Tensor) -> torch.Tensor:
    """Bring all singular values of a matrix close to 1 (0.7 to 1.2), by a quintic Newton-Schulz iteration."""
    a, b, c = QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp_min(1e-7)
    for _ in range(ITERATIONS):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def _adam(gradient: torch.Tensor, state: dict[str, Any], group: dict[str, Any]) -> torch.Tensor:
    if not state:
        # A tensor, as torch's own optimisers do: it survives saving and loading.
        state["step"] = torch.tensor(0.0)
        state["mean"] = torch.zeros_like(gradient)
        state["square"] = torch.zeros_like(gradient)
    first, second = group["betas"]
    state["step"] += 1
    step = state["step"].item()
    mean = state["mean"].lerp_(gradient, 1 - first) / (1 - first**step)
    square = state["square"].lerp_(gradient.square(), 1 - second) / (1 - second**step)
    return mean / (square.sqrt() + group["eps"])
