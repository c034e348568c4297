"""Whole presets drawn from what a model hears: the joint distribution of all parameters.

The heads of a model tell one distribution per parameter. Many presets sound alike, though
(a wide pulse and a narrow one, more of one oscillator or less of the other), so that the
settings depend on one another: the sampler corrects the heads' distributions parameter by
parameter, knowing the settings that were drawn before. After van den Oord et al., "Pixel
recurrent neural networks" (2016), in its factorisation, with a causal transformer.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

WAVES = 4
"""A knob's position enters as itself and as so many sines and cosines, one octave apart."""
CANDIDATES_AT_ONCE = 256
"""Presets that are drawn side by side, to bound the memory."""


class Correction(nn.Linear):
    """What is added to the logits of a parameter; nothing at first."""

    def reset_parameters(self) -> None:
        """All zeros."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class _Past:
    """What a layer has seen: with its keys and values, the next token costs as much as one.

    Args:
        layer: a `TransformerEncoderLayer` with `norm_first`, without dropout.
        rows: presets that are drawn side by side.
        places: of each.
    """

    def __init__(self, layer: Any, rows: int, places: int):
        self.layer = layer
        weight = layer.self_attn.in_proj_weight
        heads = layer.self_attn.num_heads
        self.seen = 0
        self.keys, self.values = weight.new_empty(2, rows, heads, places, weight.shape[1] // heads)

    def add(self, token: torch.Tensor) -> torch.Tensor:
        """What the layer tells of the next token, knowing all before it: (rows, width) to (rows, width)."""
        attention = self.layer.self_attn
        rows, width = token.shape
        projected = functional.linear(self.layer.norm1(token), attention.in_proj_weight, attention.in_proj_bias)
        query, key, value = projected.view(rows, 3, attention.num_heads, -1).unbind(dim=1)
        self.keys[:, :, self.seen], self.values[:, :, self.seen] = key, value
        self.seen += 1
        keys, values = (past[:, :, : self.seen] for past in (self.keys, self.values))
        told = functional.scaled_dot_product_attention(query[:, :, None], keys, values)
        token = token + attention.out_proj(told.reshape(rows, width))
        return token + self.layer.linear2(self.layer.activation(self.layer.linear1(self.layer.norm2(token))))


class PresetSampler(nn.Module):
    """A causal transformer over the parameters, on top of the encoder's answers.

    Args:
        names: of the parameters.
        sizes: bins or labels of each.
        knobs: whether each is a knob.
        width: of the encoder's answers.
        layers: number of transformer layers.
        heads: attention heads per layer.
    """

    def __init__(
        self, names: Sequence[str], sizes: Sequence[int], knobs: Sequence[bool], width: int, layers: int, heads: int
    ):
        super().__init__()
        self.names = list(names)
        self.sizes = list(sizes)
        self.knobs = list(knobs)
        # Switches first: what the knobs do depends on them.
        self.order = sorted(range(len(self.names)), key=lambda index: self.knobs[index])
        self.answer = nn.Linear(width, width)
        self.values = nn.ModuleDict(
            {
                name: nn.Linear(1 + 2 * WAVES if knob else size, width)
                for name, size, knob in zip(names, sizes, knobs, strict=True)
            }
        )
        self.places = nn.ParameterDict({name: nn.Parameter(torch.zeros(width)) for name in names})
        layer_type = nn.TransformerEncoderLayer
        self.layers = nn.ModuleList(
            layer_type(width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.corrections = nn.ModuleDict(
            {name: Correction(width, size) for name, size in zip(names, sizes, strict=True)}
        )

    @property
    def unread(self) -> list[nn.Parameter]:
        """Parameters that nothing depends on: nobody comes after the last one in `order` to read its setting."""
        return list(self.values[self.names[self.order[-1]]].parameters())

    def forward(self, answers: torch.Tensor, chosen: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Corrections of every parameter's logits, given the true settings of those before it in `order`.

        Args:
            answers: shape (rows, parameters, width), of the encoder.
            chosen: shape (rows, parameters), int64: bin or index of label.

        Returns:
            Per parameter, as they are named, shape (rows, bins or labels).
        """
        # Taken apart at once: the gradient of a slice is a whole tensor of zeros, and there would be one per parameter.
        told = self.answer(answers).unbind(dim=1)
        tokens = [
            self._token(told[index], chosen, place, self.order[place - 1] if place else None)
            for place, index in enumerate(self.order)
        ]
        states = self._attend(torch.stack(tokens, dim=1)).unbind(dim=1)
        corrections = [self._correct(state, index) for state, index in zip(states, self.order, strict=True)]
        if torch.is_grad_enabled():
            # DistributedDataParallel waits for every parameter's gradient.
            corrections[-1] = corrections[-1] + 0 * sum(weights.sum() for weights in self.unread)
        return tuple(corrections[self.order.index(index)] for index in range(len(self.order)))

    @torch.no_grad()
    def draw(
        self, answers: torch.Tensor, logits: Sequence[torch.Tensor], count: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw presets for one sound, or for one each.

        Args:
            answers: shape (1, parameters, width), of the encoder; or (count, parameters, width).
            logits: per parameter, shape (1 or count, bins or labels): what is corrected.
            count: how many presets.
            generator: of the random numbers, on the processor.

        Returns:
            Shape (count, parameters), int64: bins and indices of labels.
        """
        parts = []
        answers = answers.expand(count, -1, -1)
        logits = [scores.expand(count, -1) for scores in logits]
        for start in range(0, count, CANDIDATES_AT_ONCE):
            part = slice(start, min(start + CANDIDATES_AT_ONCE, count))
            told = self.answer(answers[part])
            chosen = torch.zeros(told.shape[:2], dtype=torch.int64, device=answers.device)
            past = [_Past(layer, *chosen.shape) for layer in self.layers]
            for place, index in enumerate(self.order):
                before = self.order[place - 1] if place else None
                state = self._token(told[:, index], chosen, place, before)
                for one in past:
                    state = one.add(state)
                scores = logits[index][part].float() + self._correct(self.norm(state), index)
                probabilities = scores.softmax(dim=1).cpu()
                drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
                chosen[:, index] = drawn.to(chosen.device)
            parts.append(chosen)
        return torch.cat(parts)

    @torch.no_grad()
    def log_probability(
        self, answers: torch.Tensor, logits: Sequence[torch.Tensor], chosen: torch.Tensor
    ) -> torch.Tensor:
        """Of whole presets, in nats: shape (presets,).

        Args:
            answers: as of `draw`.
            logits: as of `draw`.
            chosen: shape (presets, parameters), as `draw` returns it.
        """
        corrections = self(answers.expand(len(chosen), -1, -1), chosen)
        parts = [
            (logits[index].float() + correction).log_softmax(dim=1).gather(1, chosen[:, index : index + 1])[:, 0]
            for index, correction in enumerate(corrections)
        ]
        return torch.stack(parts).sum(dim=0)

    def _token(self, told: torch.Tensor, chosen: torch.Tensor, place: int, before: int | None) -> torch.Tensor:
        """What is known at a place in the order: what the answer of its parameter tells, and the setting before.

        Args:
            told: shape (rows, width).
            chosen: as of `forward`.
            place: in the order.
            before: the parameter at the place before; None at the first.

        Returns:
            Shape (rows, width).
        """
        token = told + self.places[self.names[self.order[place]]]
        return token if before is None else token + self._value(chosen[:, before], before)

    def _value(self, chosen: torch.Tensor, index: int) -> torch.Tensor:
        if not self.knobs[index]:
            values = functional.one_hot(chosen, self.sizes[index])
        else:
            position = (chosen / (self.sizes[index] - 1) * 2 - 1)[:, None]
            angles = torch.pi / 2 * position * 2.0 ** torch.arange(WAVES, device=chosen.device)
            values = torch.cat([position, angles.sin(), angles.cos()], dim=1)
        return self.values[self.names[index]](values.to(self.norm.weight.dtype))

    def _attend(self, tokens: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], device=tokens.device, dtype=tokens.dtype)
        for layer in self.layers:
            tokens = layer(tokens, src_mask=mask, is_causal=True)
        return self.norm(tokens)

    def _correct(self, state: torch.Tensor, index: int) -> torch.Tensor:
        return self.corrections[self.names[index]](state).float()
