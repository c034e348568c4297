"""What a checkpoint's model predicts, and its size.

This file and its siblings travel with a published checkpoint: they import one
another as flat siblings, and of the package only `instruments.spec`, which travels
beside them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PretrainedConfig

try:
    from secret_sauce_hf.instruments.spec import (
        SAMPLE_RATE,
        Collection,
        InputError,
        Knob,
        Parameter,
        Switch,
        parameter_from_dict,
        parameter_to_dict,
    )
except ImportError:
    from .spec import (  # type: ignore[import-not-found, no-redef]
        SAMPLE_RATE,
        Collection,
        InputError,
        Knob,
        Parameter,
        Switch,
        parameter_from_dict,
        parameter_to_dict,
    )


class SecretSauceConfig(PretrainedConfig):
    """Configuration of a `SecretSauceModel`.

    Args:
        collection: name of the collection (or of one's own) whose parameters are predicted.
        parameters: one record per parameter, in column order (see `spec.parameter_to_dict`).
            A list, since JSON files of this library sort the keys of mappings.
        fixed: (name, setting) of the instrument's other parameters, which heard rules may name.
        sample_rate: in Hz.
        take_samples: length of a take in samples.
        note_on: when the note starts in a take, in seconds.
        inputs: what the model reads, in order: per input its `name`, number of `frames`,
            of values per frame (`bins`) and of frames per token (`patch`). The feature
            extractor of the same checkpoint makes them.
        hidden_size: width of a token.
        num_hidden_layers: number of transformer layers.
        num_attention_heads: heads per layer.
        intermediate_size: width of a layer's feed-forward part.
        hidden_dropout_prob: share of values dropped after each half of a layer while training.
        knob_bins: how many values a knob's answer is spread over.
        label_width: standard deviation of a knob's training label, in bins.
        **kwargs: as of `PretrainedConfig`.

    Raises:
        InputError: values that describe no model.
    """

    model_type = "secret-sauce"

    def __init__(
        self,
        collection: str = "",
        parameters: Sequence[Mapping[str, Any]] = (),
        fixed: Sequence[Sequence[Any]] = (),
        sample_rate: int = SAMPLE_RATE,
        take_samples: int = 19_845,
        note_on: float = 0.0667,
        inputs: Sequence[Mapping[str, Any]] = (),
        hidden_size: int = 128,
        num_hidden_layers: int = 4,
        num_attention_heads: int = 4,
        intermediate_size: int = 512,
        hidden_dropout_prob: float = 0.0,
        knob_bins: int = 128,
        label_width: float = 1.5,
        **kwargs: Any,
    ):
        self.collection = collection
        self.parameters = [dict(record) for record in parameters]
        self.fixed = [list(pair) for pair in fixed]
        self.sample_rate = sample_rate
        self.take_samples = take_samples
        self.note_on = note_on
        self.inputs = [dict(record) for record in inputs]
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_dropout_prob = hidden_dropout_prob
        self.knob_bins = knob_bins
        self.label_width = label_width
        # A published checkpoint names its pipeline here for those who have not installed
        # the package; whoever reads it through this class has, and must not be asked to
        # trust remote code.
        kwargs.pop("custom_pipelines", None)
        super().__init__(**kwargs)
        self._check()

    def _check(self) -> None:
        names = [parameter.name for parameter in self.parameter_specs]
        if len(set(names)) < len(names):
            raise InputError(f"The config names a parameter twice: {', '.join(names)}.")
        for record in self.inputs:
            sizes = [record.get(key) for key in ("frames", "bins", "patch")]
            if not all(isinstance(size, int) and size > 0 for size in sizes) or record["patch"] > record["frames"]:
                raise InputError(f"Not an input: {record}; it needs a name, frames, bins and a patch of some frames.")
        smallest = min(
            self.hidden_size,
            self.num_hidden_layers,
            self.num_attention_heads,
            self.intermediate_size,
            self.take_samples,
            self.sample_rate,
            self.knob_bins - 1,
        )
        if smallest < 1:
            raise InputError("The config's sizes must be positive, with at least two bins per knob.")
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size ({self.hidden_size}) must be a multiple of num_attention_heads "
                f"({self.num_attention_heads})."
            )

    @classmethod
    def from_collection(cls, collection: Collection, **kwargs: Any) -> "SecretSauceConfig":
        """The config of a model for `collection`; `kwargs` are further arguments."""
        timing = collection.timing
        return cls(
            collection=collection.name,
            parameters=[parameter_to_dict(parameter) for parameter in collection.parameters],
            fixed=collection.fixed,
            take_samples=collection.samples,
            note_on=timing.note_on - timing.cut[0],
            **kwargs,
        )

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any):
        """As of `PretrainedConfig`, but `AutoConfig` on a folder checks that the folder is complete.

        `pipeline()` asks `AutoConfig` first, and would bury what the model has to say
        about missing files or weights under the tracebacks of several attempts.
        """
        if config_dict.get("model_type", cls.model_type) != cls.model_type:
            raise InputError(f"config.json is of a {config_dict['model_type']} model, not of a {cls.model_type} one.")
        config = super().from_dict(config_dict, **kwargs)
        if folder := kwargs.get("name_or_path"):
            built = config[0] if isinstance(config, tuple) else config
            if Path(folder).is_dir():
                from .modeling_secret_sauce import check_checkpoint

                check_checkpoint(folder, built)
        return config

    @property
    def parameter_specs(self) -> list[Parameter]:
        """The parameters, one per head."""
        return [parameter_from_dict(record) for record in self.parameters]

    @property
    def label_names(self) -> list[str]:
        """The parameters' names: the label columns of a training set."""
        return [record["name"] for record in self.parameters]

    @property
    def input_names(self) -> list[str]:
        """Names of what the model reads."""
        return [record["name"] for record in self.inputs]

    def head_sizes(self) -> list[int]:
        """Number of logits per parameter: `knob_bins`, or one per label of a switch."""
        return [len(p.labels) if isinstance(p, Switch) else self.knob_bins for p in self.parameter_specs]

    def bin_settings(self, knob: Knob) -> np.ndarray:
        """The settings that a knob's bins stand for, shape (knob_bins,): lowest to highest legal one."""
        return np.linspace(*knob.setting_limits, self.knob_bins)
