"""The layers of our own encoder: patches of several inputs to tokens, and transformer layers over them."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_secret_sauce import SecretSauceConfig


class Patches(nn.Module):
    """One input (batch, frames, bins) to tokens (batch, frames // patch, width).

    Args:
        frames: of the input.
        bins: of a frame.
        patch: frames of a token.
        width: of a token.
        stem: units between a patch and its token. A spectrum is a sum of combs and filters
            in a logarithmic scale, which no one linear map takes apart. None if 0.
    """

    def __init__(self, frames: int, bins: int, patch: int, width: int, stem: int):
        super().__init__()
        self.patch = patch
        self.stem = nn.Linear(bins * patch, stem) if stem else None
        self.projection = nn.Linear(stem or bins * patch, width)
        self.positions = nn.Parameter(torch.empty(frames // patch, width))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Values to tokens."""
        whole = values[:, : len(self.positions) * self.patch]
        # Not by `len`, which `torch.export` takes for a constant.
        patches = whole.reshape(values.shape[0], len(self.positions), -1)
        if self.stem is not None:
            patches = functional.gelu(self.stem(patches))
        return self.projection(patches) + self.positions


class Layer(GradientCheckpointingLayer):
    """A transformer layer that normalises before attention and before its feed-forward part.

    Args:
        config: of the model; its `attn_implementation` is looked up at every call.
    """

    is_causal = False

    def __init__(self, config: SecretSauceConfig):
        super().__init__()
        width = config.hidden_size
        self.config = config
        self.heads = config.num_attention_heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, config.intermediate_size)
        self.mlp_out = nn.Linear(config.intermediate_size, width)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, tokens: torch.Tensor, count: int | None = None, output_attentions: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Tokens to tokens, each by what it reads of all of them.

        Args:
            tokens: shape (batch, tokens, width).
            count: how many of the first ones are returned; all if None.
            output_attentions: whether to tell the weights, which only eager attention has.

        Returns:
            Shape (batch, count, width); and the weights, shape (batch, heads, count,
            tokens), or None.
        """
        query, key, value = (
            self.qkv(self.attention_norm(tokens)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        name = "eager" if output_attentions else self.config._attn_implementation
        mixed, weights = self._attend(name, query[:, :, :count], key, value)
        tokens = tokens[:, :count] + self.dropout(self.attention_out(mixed.flatten(2)))
        return tokens + self.dropout(self.mlp_out(functional.gelu(self.mlp_in(self.mlp_norm(tokens))))), weights

    def _attend(
        self, name: str | None, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attention by its name in transformers: shape (batch, tokens, heads, width of a head), and the weights."""
        dtype = query.dtype
        plain: AbstractContextManager[None] = nullcontext()
        if query.device.type == "cpu":
            # In float32: on processors its backward pass is five times slower in bfloat16.
            query, key, value = query.float(), key.float(), value.float()
            if torch.is_autocast_enabled("cpu"):
                plain = torch.autocast("cpu", enabled=False)
        with plain:
            if name in (None, "sdpa"):
                mixed, weights = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2), None
            else:
                attend = ALL_ATTENTION_FUNCTIONS.get_interface(name, eager_attention)
                mixed, weights = attend(self, query, key, value, None, dropout=0.0, scaling=query.shape[-1] ** -0.5)
        return mixed.to(dtype), weights


def eager_attention(
    _: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    __: torch.Tensor | None = None,
    scaling: float = 1.0,
    **___: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled dot-product attention step by step, in the form that transformers gives such functions.

    Args:
        _: who asks.
        query: shape (batch, heads, queries, width).
        key: shape (batch, heads, tokens, width).
        value: shape (batch, heads, tokens, width).
        __: a mask; there is none, since every token reads all of them.
        scaling: of the products.
        **___: what such functions are told besides.

    Returns:
        Shape (batch, queries, heads, width); and the weights, shape (batch, heads, queries, tokens).
    """
    weights = (query @ key.transpose(2, 3) * scaling).softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights @ value).transpose(1, 2), weights
