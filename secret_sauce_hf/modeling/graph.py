"""From takes to answers in one graph of tensors: features, model and what the pipeline tells of its output.

It is what ONNX files hold (see `exporting`). What is told is what `AudioToPresetPipeline.postprocess` tells.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from secret_sauce_hf.instruments.parameters import SETTING_MAX, Parameter
from secret_sauce_hf.instruments.takes import SILENCE
from secret_sauce_hf.modeling.outputs_secret_sauce import SecretSauceOutput
from secret_sauce_hf.modeling.pipeline_secret_sauce import NEAR, AudioToPresetPipeline
from secret_sauce_hf.modeling.strokes_secret_sauce import Played

_SLACK = 1e-9
"""For settings that are a bin's up to rounding, as in the pipeline."""


class Answer(NamedTuple):
    """What is told of several takes.

    Args:
        settings: float32 of shape (takes, parameters): of a knob the setting, of a switch the label's index.
        confidence: float32 of shape (takes, parameters): of a switch the probability of its label, of a knob
            that of being at most `NEAR` away.
        heard: float32 of shape (takes, parameters): how probably each changes the sound; 0 in silence.
        peak: float32 of shape (takes,): the highest absolute sample.
        in_domain: float32 of shape (takes,): how probably the instrument can make the sound; None if the
            model does not tell it.
    """

    settings: torch.Tensor
    confidence: torch.Tensor
    heard: torch.Tensor
    peak: torch.Tensor
    in_domain: torch.Tensor | None = None


class AnswerGraph(nn.Module):
    """Takes to answers.

    Args:
        pipeline: whose model and feature extractor they are.
    """

    sizes: torch.Tensor
    bins: torch.Tensor
    steps: torch.Tensor
    is_switch: torch.Tensor

    def __init__(self, pipeline: AudioToPresetPipeline):
        super().__init__()
        self.model = pipeline.model.eval()
        self.extractor = pipeline.feature_extractor
        config = self.model.config
        self.specs: list[Parameter] = list(self.model.parameter_specs)
        sizes = config.head_sizes()
        # All distributions are as wide as the widest; behind the last setting of one are settings that are nowhere.
        bins = torch.full((len(sizes), max(sizes)), float("inf"), dtype=torch.float64)
        for row, (parameter, size) in enumerate(zip(self.specs, sizes, strict=True)):
            bins[row, :size] = torch.from_numpy(
                np.arange(size) if parameter.classes else config.bin_settings(parameter)
            )
        # Labels, too, are then settings that are their nearest steps.
        steps = [SETTING_MAX if p.classes else p.high - p.low for p in self.specs]  # type: ignore[union-attr]
        self.register_buffer("sizes", torch.tensor(sizes))
        self.register_buffer("bins", bins)
        self.register_buffer("steps", torch.tensor(steps, dtype=torch.float64))
        self.register_buffer("is_switch", torch.tensor([bool(p.classes) for p in self.specs]))

    def forward(
        self,
        takes: torch.Tensor,
        pitches: torch.Tensor | None = None,
        until: torch.Tensor | None = None,
        duration: torch.Tensor | None = None,
        velocity: torch.Tensor | None = None,
    ) -> Answer:
        """What the model tells.

        Args:
            takes: float32 of shape (takes, take_samples), no louder than `instruments.takes.PEAK`.
            pitches: float32 of shape (takes, 128), 1 where a pitch is played; like the following ones only
                of a model of notes.
            until: float32 of shape (takes,): seconds from the onset to the next stroke, or to the sound's end.
            duration: float32 of shape (takes,): how long the longest note is held, in seconds; 0 if not known.
            velocity: float32 of shape (takes,): mean MIDI velocity; 0 if not known.
        """
        output = self.output(takes, pitches, until, duration, velocity)
        probabilities = self.probabilities(output)
        settings = self.nearest(self.middles(probabilities))
        peak = takes.abs().amax(dim=1)
        audible = (peak >= SILENCE).float()[:, None]
        assert output.heard_logits is not None
        return Answer(
            settings.float(),
            self.confidence(probabilities, settings).float(),
            output.heard_logits.sigmoid() * audible,
            peak,
            None if output.domain_logits is None else output.domain_logits.sigmoid(),
        )

    def output(self, takes: torch.Tensor, *played: torch.Tensor | None) -> SecretSauceOutput:
        """What the model itself tells, given the arguments of `forward`."""
        strokes = None
        if self.extractor.reads_strokes:
            pitches, until, duration, velocity = (values for values in played if values is not None)
            cents = torch.zeros_like(until, dtype=torch.float64)
            strokes = Played(pitches, until.double(), duration.double(), velocity.double(), cents)
        return self.model(**self.extractor.features(takes, strokes))

    def probabilities(self, output: SecretSauceOutput) -> torch.Tensor:
        """Of every setting: float64 of shape (takes, parameters, settings)."""
        assert output.logits is not None
        width = self.bins.shape[1]
        wide = [functional.pad(scores, (0, width - scores.shape[1]), value=-torch.inf) for scores in output.logits]
        return torch.stack(wide, dim=1).double().softmax(dim=2)

    def middles(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Medians of knobs, the most probable labels' indices of switches: float64 of shape (takes, parameters).

        As of `pipeline_secret_sauce.quantile`.
        """
        cumulated = probabilities.cumsum(dim=2)
        index = torch.minimum((cumulated < 0.5).sum(dim=2), self.sizes - 1)[..., None]
        here = probabilities.gather(2, index)[..., 0]
        below = cumulated.gather(2, index)[..., 0] - here
        fraction = ((0.5 - below) / here.clamp_min(1e-12) - 0.5).clamp(-0.5, 0.5)
        first, step = self.bins[:, 0], self.bins[:, 1] - self.bins[:, 0]
        last = first + step * (self.sizes - 1)
        medians = (first + step * (index[..., 0] + fraction)).maximum(first).minimum(last)
        return torch.where(self.is_switch, probabilities.argmax(dim=2).double(), medians)

    def nearest(self, settings: torch.Tensor) -> torch.Tensor:
        """The nearest settings that a controller can send: float64 of shape (takes, parameters) to the same."""
        return (settings / SETTING_MAX * self.steps).round() * SETTING_MAX / self.steps

    def confidence(self, probabilities: torch.Tensor, settings: torch.Tensor) -> torch.Tensor:
        """How probably true settings lie at most `NEAR` away; of a switch's labels only the one itself does.

        Args:
            probabilities: as `probabilities` returns them.
            settings: float64 of shape (takes, parameters).

        Returns:
            float64 of shape (takes, parameters).
        """
        near = (self.bins - settings[..., None]).abs() <= NEAR + _SLACK
        return (probabilities * near).sum(dim=2).clamp_max(1.0)
