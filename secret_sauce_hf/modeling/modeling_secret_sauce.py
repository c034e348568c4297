"""The model: an audio spectrogram transformer with a head per parameter.

After Gong et al., "AST: Audio Spectrogram Transformer" (2021), a small one of our own with
two differences. It reads several pictures of a sound at once, each cut into patches of a
few frames over all frequencies: the pitch is the same in all sounds, so that nothing is
gained by looking for a pattern at several heights. And one learned query per parameter
takes the place of the class token.

Or, if the config says so, the original as transformers has it, which can begin with the
weights of any AST checkpoint. The queries then weigh its tokens.

Every parameter has a distribution over its settings and a probability of being heard at
all. `sampler_secret_sauce` draws whole presets from both.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel, initialization
from transformers.utils import logging

from .checkpoint_secret_sauce import (
    IS_COPY,
    Registered,
    check_files,
    find_checkpoint,
    index_name,
    load_weights,
    save_code,
    weights_name,
)
from .configuration_secret_sauce import SHARED_VALUES, SecretSauceConfig
from .encoder_secret_sauce import Layer, Patches
from .listener_secret_sauce import NoteListener
from .outputs_secret_sauce import DomainHead, divisors, totals
from .outputs_secret_sauce import SecretSauceOutput as SecretSauceOutput
from .sampler_secret_sauce import Correction, PresetSampler

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments.errors import InputError
    from secret_sauce_hf.instruments.parameters import Parameter, parameter_from_dict
    from secret_sauce_hf.instruments.rules import may_hold
    from secret_sauce_hf.instruments.takes import SILENCE
except ImportError:
    from .errors import InputError  # type: ignore[import-not-found, no-redef]
    from .parameters import Parameter, parameter_from_dict  # type: ignore[import-not-found, no-redef]
    from .rules import may_hold  # type: ignore[import-not-found, no-redef]
    from .takes import SILENCE  # type: ignore[import-not-found, no-redef]

if TYPE_CHECKING:
    # transformers fetches with this file what such lines name: a copy of the model has all of its siblings beside it.
    from .feature_extraction_secret_sauce import SecretSauceFeatureExtractor  # noqa: F401
    from .pipeline_secret_sauce import AudioToPresetPipeline  # noqa: F401


class SecretSauceModel(Registered, PreTrainedModel):
    """Tells a distribution over the settings of every parameter of a sound.

    A knob's answer is spread over bins, and is read out by its median, which has the
    least expected absolute error. A parameter that is not heard in a sound is left out of
    the loss; what its head then says is worth nothing. So the head's distribution counts
    with the probability that the parameter is heard, and with the rest `unheard` does: how
    settings are spread where they are not heard. Temperatures, found after the training on
    sounds that it did not see, make both as sure as they should be (Guo et al., "On
    calibration of modern neural networks", 2017).
    """

    config_class = SecretSauceConfig
    base_model_prefix = "secret_sauce"
    main_input_name = "short_mels"
    input_modalities = ("audio",)
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _no_split_modules = ["Layer", "Patches", "ASTLayer", "ASTEmbeddings"]  # noqa: RUF012 - the library's own form
    # Labels come as keywords; without this the Trainer would add keywords of its own.
    accepts_loss_kwargs = False

    def __init__(self, config: SecretSauceConfig):
        super().__init__(config)
        if not config.inputs or not config.parameters:
            raise InputError("A model needs at least one input and one parameter; see SecretSauceConfig.")
        width = config.hidden_size
        self.main_input_name = config.input_names[0]
        if config.ast is not None:
            # Not above, as in the config.
            from transformers import ASTModel

            encoder = config.ast_config()
            encoder._attn_implementation = config._attn_implementation
            self.ast = ASTModel(encoder)
        else:
            self.embeddings = nn.ModuleDict(
                {
                    record["name"]: Patches(record["frames"], record["bins"], record["patch"], width, config.stem_size)
                    for record in config.inputs
                }
            )
            self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.queries = nn.Parameter(torch.empty(len(config.parameters), width))
        self.norm = nn.LayerNorm(width)
        names, sizes = config.label_names, config.head_sizes()
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in zip(names, sizes, strict=True)})
        self.heard_heads = nn.ModuleDict({name: nn.Linear(width, 1) for name in names})
        # Not the config's `parameter_specs`: see the pipeline.
        self.parameter_specs: list[Parameter] = [parameter_from_dict(record) for record in config.parameters]
        self.sampler = None
        if config.sampler_layers:
            knobs = [not parameter.classes for parameter in self.parameter_specs]
            heads = config.num_attention_heads
            self.sampler = PresetSampler(names, sizes, knobs, width, config.sampler_layers, heads)
        self.listener = NoteListener(**config.listener) if config.listener else None
        self.domain = DomainHead(width, len(names), config.domain_size) if config.domain_size else None
        self.register_buffer("unheard", self._even())
        self.register_buffer("temperatures", torch.ones(len(names)))
        self.register_buffer("heard_temperatures", torch.ones(len(names)))
        self.post_init()

    def _even(self) -> torch.Tensor:
        """Logarithms of the probabilities of all settings of all parameters, each as likely as another."""
        return torch.cat([torch.full((size,), -float(np.log(size))) for size in self.config.head_sizes()])

    def _init_weights(self, module: nn.Module) -> None:
        # Of every module that has parameters of its own: the others are not shown to this method.
        if isinstance(module, Correction):
            module.reset_parameters()
        elif isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, Patches):
            nn.init.trunc_normal_(module.positions, std=0.02)
        elif isinstance(module, nn.MultiheadAttention):
            nn.init.trunc_normal_(module.in_proj_weight, std=module.embed_dim**-0.5)
            nn.init.zeros_(module.in_proj_bias)
        elif isinstance(module, nn.ParameterDict):
            for place in module.values():
                nn.init.trunc_normal_(place, std=0.02)
        elif isinstance(module, DomainHead):
            initialization.copy_(module.centre, torch.zeros_like(module.centre))
            initialization.copy_(module.scale, torch.ones_like(module.scale))
        elif isinstance(module, SecretSauceModel):
            nn.init.trunc_normal_(module.queries, std=0.02)
            nn.init.ones_(module.temperatures)
            nn.init.ones_(module.heard_temperatures)
            # By the library's, which leaves alone what was loaded.
            initialization.copy_(module.unheard, self._even())

    def get_input_embeddings(self) -> nn.Module:
        """What makes the first input's tokens: of our own encoder a linear layer, of AST its patches."""
        if self.config.ast is not None:
            return self.ast.get_input_embeddings()
        first: Any = self.embeddings[self.main_input_name]
        return first.projection

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another module in the place of `get_input_embeddings`."""
        if self.config.ast is not None:
            self.ast.embeddings.patch_embeddings = value
        else:
            first: Any = self.embeddings[self.main_input_name]
            first.projection = value

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any):
        """As of `PreTrainedModel`, but the weights are those of `weight_files` alone, and an error if they do not fit.

        They are float32 unless `dtype` says otherwise, however they are stored. What is on
        the Hub is fetched first, and checked like a folder. With `ignore_mismatched_sizes`
        weights that are missing or of another shape are drawn anew, and others are left out.

        Raises:
            InputError: the checkpoint lacks a file, or its weights are not those of its
                config; other weights than these are asked for.
        """
        source = pretrained_model_name_or_path
        # Stored in half precision, which processors compute slowly.
        if kwargs.get("dtype", kwargs.get("torch_dtype", "auto")) in ("auto", None):
            kwargs["dtype"] = torch.float32
        wants_info = kwargs.pop("output_loading_info", False)
        # Whoever hands over weights may hand over some.
        lenient = source is None or kwargs.get("ignore_mismatched_sizes", False)
        with without_bars():
            if source is not None:
                folder, variant = find_checkpoint(source, kwargs)
                check_files(folder, with_extractor=False, variant=variant)
                kwargs["config"] = _read_config(folder, kwargs)
                kwargs["state_dict"] = load_weights(folder, variant)
                shapes = {name: tuple(tensor.shape) for name, tensor in kwargs["state_dict"].items()}
                _check_fit(folder, kwargs["config"], shapes, lenient)
            # Given a path, it would choose by itself what it loads, by the folder and by its config.
            model, info = super().from_pretrained(None, *args, output_loading_info=True, **kwargs)
        model.name_or_path = model.config.name_or_path = "" if source is None else str(source)
        problems = [*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]]
        if problems and not lenient:
            names = ", ".join(sorted(map(str, problems))[:3])
            raise InputError(f"The weights of {source} do not fit its config.json: {names}.")
        return (model, info) if wants_info else model

    def forward(
        self,
        short_mels: torch.Tensor | None = None,
        long_mels: torch.Tensor | None = None,
        envelope: torch.Tensor | None = None,
        modulation: torch.Tensor | None = None,
        fbank: torch.Tensor | None = None,
        far_mels: torch.Tensor | None = None,
        harmonics: torch.Tensor | None = None,
        played: torch.Tensor | None = None,
        peak: torch.Tensor | None = None,
        heard: torch.Tensor | None = None,
        labels: Mapping[str, torch.Tensor] | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
        num_items_in_batch: Any = None,
        **settings: torch.Tensor | None,
    ) -> SecretSauceOutput | tuple:
        """Logits of every parameter, and the loss if there are labels.

        Inputs may have any floating type; they are computed in that of the weights. Logits
        and loss are float32. What the library's keywords leave out is as the config says.

        Args:
            short_mels: shape (batch, frames, bins), from the feature extractor.
            long_mels: shape (batch, frames, bins), from the feature extractor.
            envelope: shape (batch, frames, bins), from the feature extractor.
            modulation: shape (batch, frames, bins), from the feature extractor.
            fbank: shape (batch, frames, bins), from the feature extractor.
            far_mels: shape (batch, frames, bins), from the feature extractor.
            harmonics: shape (batch, frames, bins), from the feature extractor.
            played: shape (batch, frames, bins), from the feature extractor.
            peak: shape (batch,), highest absolute sample: nothing is heard in a silent take.
                Needed for the loss only; without it no take counts as silent.
            heard: shape (batch, parameters), whether each parameter is heard. Needed for the loss
                only; by the instrument's rules and `peak` if None.
            labels: per parameter name, shape (batch,): a knob's setting or the index of
                a switch's label, as datasets hold them. All of them, or none.
            output_hidden_states: whether to tell what the encoder's layers read and tell.
            output_attentions: whether to tell the weights of the encoder's attention, which
                is then computed eagerly, whatever `attn_implementation` says.
            return_dict: whether to return a `SecretSauceOutput` (the default) or a tuple.
            num_items_in_batch: by what the loss divides its sums over rows, where the batch is a part of
                what a step of the training reads; see `divisors`. Anything but a tensor of that shape
                is not used: the loss is a mean over the batch.
            **settings: `labels` as keywords, one per parameter. None is as good as leaving
                it out.

        Raises:
            InputError: an input of the config is missing; labels that are not the
                parameters'.
        """
        given: dict[str, Any] = {
            "short_mels": short_mels,
            "long_mels": long_mels,
            "envelope": envelope,
            "modulation": modulation,
            "fbank": fbank,
            "far_mels": far_mels,
            "harmonics": harmonics,
            "played": played,
        }
        if missing := [name for name in self.config.input_names if given.get(name) is None]:
            raise InputError(f"The model needs {', '.join(missing)}; its feature extractor makes them.")
        # An instrument may have a parameter of any of these names.
        named: dict[str, Any] = {
            "peak": peak,
            "heard": heard,
            "labels": labels,
            "output_hidden_states": output_hidden_states,
            "output_attentions": output_attentions,
            "return_dict": return_dict,
            "num_items_in_batch": num_items_in_batch,
        }
        for name in named.keys() & set(self.config.label_names):
            if isinstance(named[name], torch.Tensor):
                settings[name], named[name] = named[name], None
        told = self._labels(named["labels"], settings)
        for name in ("output_hidden_states", "output_attentions", "return_dict"):
            if named[name] is None:
                named[name] = getattr(self.config, name)
        inputs = [given[name].to(self.queries.dtype) for name in self.config.input_names]
        encode = self._pool if self.config.ast is not None else self._attend
        answers, states, attentions = encode(inputs, named["output_hidden_states"], named["output_attentions"])
        answers = self.norm(answers)
        raw, odds = self.read(answers)
        items = named["num_items_in_batch"]
        whole = items if isinstance(items, torch.Tensor) and items.shape == (len(raw) + 1,) else None
        loss = self.loss(raw, odds, answers, told, named["peak"], named["heard"], whole) if told else None
        domain = None if self.domain is None else self.domain(self.domain.evidence(answers, odds, raw))
        odds = odds / self.heard_temperatures.float()
        output = SecretSauceOutput(
            loss=loss,
            logits=self._mixed(raw, odds),
            heard_logits=odds,
            answers=answers,
            domain_logits=domain,
            hidden_states=states,
            attentions=attentions,
        )
        return output if named["return_dict"] is not False else output.to_tuple()

    def _labels(self, labels: Any, settings: Mapping[str, torch.Tensor | None]) -> dict[str, torch.Tensor]:
        """The labels that were given in either way, by the parameters' names."""
        if labels is not None and not isinstance(labels, Mapping):
            raise InputError(
                f"labels maps the parameters' names to tensors of shape (batch,), it is no {type(labels).__name__}."
            )
        return {name: values for name, values in {**(labels or {}), **settings}.items() if values is not None}

    def read(self, answers: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        """What the heads say, before any temperature: logits of settings, and log odds of being heard.

        Args:
            answers: shape (batch, parameters, width), of `forward`.

        Returns:
            Per parameter, shape (batch, bins or labels); and shape (batch, parameters).
        """
        # Half precision is too coarse for a loss, and for a median over many bins.
        # Taken apart at once: the gradient of a slice is a whole tensor of zeros.
        own = answers.unbind(dim=1)
        raw = tuple(head(answer).float() for head, answer in zip(self.heads.values(), own, strict=True))
        heard = [head(answer) for head, answer in zip(self.heard_heads.values(), own, strict=True)]
        return raw, torch.cat(heard, dim=1).float()

    def _mixed(self, raw: tuple[torch.Tensor, ...], heard: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logarithms of the probabilities of all settings, whether they are heard or not."""
        unheard = self.unheard.float().split([scores.shape[1] for scores in raw])
        return tuple(
            torch.logaddexp(
                functional.logsigmoid(odds) + (scores / temperature).log_softmax(dim=1),
                functional.logsigmoid(-odds) + otherwise,
            )
            for scores, odds, otherwise, temperature in zip(
                raw, heard.T.unsqueeze(2), unheard, self.temperatures.float(), strict=True
            )
        )

    def propose(self, answers: torch.Tensor, logits: Sequence[torch.Tensor], count: int, seed: int = 0) -> torch.Tensor:
        """Draw whole presets for one sound, or for one each, from the joint distribution of all parameters.

        Args:
            answers: shape (1, parameters, width), of `forward`; or (count, parameters, width).
            logits: per parameter, shape (1 or count, bins or labels), of `forward`.
            count: how many; some may be equal.
            seed: of the random numbers.

        Returns:
            Shape (count, parameters), int64: per knob a bin (see
            `SecretSauceConfig.bin_settings`), per switch the index of a label.

        Raises:
            InputError: the model has no sampler.
        """
        generator = torch.Generator().manual_seed(seed)
        return self._sampler().draw(answers, logits, count, generator)

    def log_probability(
        self, answers: torch.Tensor, logits: Sequence[torch.Tensor], chosen: torch.Tensor
    ) -> torch.Tensor:
        """How probable whole presets are, in nats: shape (presets,).

        Args:
            answers: as of `propose`.
            logits: as of `propose`.
            chosen: shape (presets, parameters), as `propose` returns it.

        Raises:
            InputError: the model has no sampler.
        """
        return self._sampler().log_probability(answers, logits, chosen)

    def _sampler(self) -> PresetSampler:
        if self.sampler is None:
            raise InputError("This model has no sampler of presets; train one with sampler_layers of 1 or more.")
        return self.sampler

    def _attend(self, inputs: list[Any], keep_states: bool, keep_weights: bool) -> tuple[torch.Tensor, Any, Any]:
        """Our own encoder, in which the queries are tokens among the others.

        Args:
            inputs: of the config, in order.
            keep_states: whether to return the hidden states.
            keep_weights: whether to return the weights of the attention.

        Returns:
            Shape (batch, parameters, width); hidden states and weights, see `SecretSauceOutput`.
        """
        tokens = [patches(values) for patches, values in zip(self.embeddings.values(), inputs, strict=True)]
        # Not by `len`, which `torch.export` takes for a constant.
        states = torch.cat([self.queries.expand(inputs[0].shape[0], -1, -1), *tokens], dim=1)
        told, weights = [states], []
        for layer in self.layers:
            # In the last one nobody reads the other tokens any more.
            count = len(self.queries) if layer is self.layers[-1] else None
            states, weight = layer(states, count, keep_weights)
            told.append(states)
            weights.append(weight)
        return states, tuple(told) if keep_states else None, tuple(weights) if keep_weights else None

    def _pool(self, inputs: list[Any], keep_states: bool, keep_weights: bool) -> tuple[torch.Tensor, Any, Any]:
        """AST's tokens, averaged for each parameter as its query weighs them; see `_attend`.

        At first the queries are so small that all tokens weigh about the same.
        """
        config = self.ast.config
        chosen = config._attn_implementation
        if keep_weights:
            config._attn_implementation = "eager"
        try:
            told = self.ast(inputs[0], output_hidden_states=keep_states, output_attentions=keep_weights)
        finally:
            if keep_weights:
                config._attn_implementation = chosen
        tokens = told.last_hidden_state
        weights = (tokens @ self.queries.T / tokens.shape[2] ** 0.5).softmax(dim=1)
        return weights.transpose(1, 2) @ tokens, told.hidden_states, told.attentions

    def loss(
        self,
        raw: tuple[torch.Tensor, ...],
        heard_logits: torch.Tensor,
        answers: torch.Tensor,
        labels: Mapping[str, torch.Tensor],
        peak: torch.Tensor | None = None,
        heard: torch.Tensor | None = None,
        whole: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Sum of the mean cross entropies of settings, of being heard and of the sampler, in nats.

        A parameter that is not heard is left out, but for whether it is. A knob's target is
        a Gaussian of `label_width` bins around its setting: a bin nearby is less wrong than
        one far off.

        Args:
            raw: logits per parameter, shape (batch, bins or labels), without temperature.
            heard_logits: shape (batch, parameters), likewise.
            answers: shape (batch, parameters, width).
            labels: as of `forward`.
            peak: as of `forward`.
            heard: as of `forward`.
            whole: `divisors` of all rows among which these are some: then the losses of all parts sum up to
                that of the whole, and so do their gradients.

        Raises:
            InputError: labels that are not the parameters'.
        """
        if set(labels) != set(self.config.label_names):
            expected = ", ".join(self.config.label_names)
            raise InputError(f"Labels must be those of every parameter ({expected}), got {', '.join(labels)}.")
        heard = self.heard_labels(labels, peak) if heard is None else heard.float()
        targets, chosen = zip(*(self._target(p, labels[p.name]) for p in self.parameter_specs), strict=True)
        corrections: Iterable[Any] = [None] * len(raw)
        if self.sampler is not None:
            # In the precision of its weights, which for so few tokens costs nothing.
            with torch.autocast(answers.device.type, enabled=False):
                corrections = self.sampler(answers.to(self.queries.dtype), torch.stack(chosen, dim=1))
        counts = divisors(totals(heard)) if whole is None else whole
        losses = []
        for scores, target, where, correction, rows in zip(raw, targets, heard.T, corrections, counts, strict=False):
            share = where / rows
            losses.append((functional.cross_entropy(scores, target, reduction="none") * share).sum())
            if correction is not None:
                # The heads are not to learn what only the sampler can know.
                joint = scores.detach().log_softmax(dim=1) + correction
                losses.append((functional.cross_entropy(joint, target, reduction="none") * share).sum())
        told = functional.binary_cross_entropy_with_logits(heard_logits, heard)
        if whole is not None:
            told = told * (len(heard) / counts[-1])
        return torch.stack(losses).sum() / len(raw) + told

    def heard_labels(self, labels: Mapping[str, torch.Tensor], peak: torch.Tensor | None = None) -> torch.Tensor:
        """Whether each parameter is heard, by the instrument's rules: float32 of shape (batch, parameters).

        What is played is not among the labels: a parameter that may be heard in some of what is
        played counts as heard.

        Args:
            labels: as of `forward`.
            peak: as of `forward`.
        """
        settings: dict[str, Any] = dict(self.config.fixed)
        for parameter in self.parameter_specs:
            values = labels[parameter.name].detach().cpu().numpy()
            if parameter.classes:
                values = parameter.unit_to_setting(values)
            settings[parameter.name] = values
        rows = len(next(iter(labels.values())))
        heard = [np.broadcast_to(may_hold(parameter.heard, settings), rows) for parameter in self.parameter_specs]
        result = torch.from_numpy(np.stack(heard, axis=1).astype(np.float32)).to(self.queries.device)
        return result if peak is None else result * (peak[:, None] >= SILENCE)

    def _target(self, parameter: Parameter, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The target of a cross entropy, and the bin or index of label itself."""
        if parameter.classes:
            return label.long(), label.long()
        bins = torch.as_tensor(self.config.bin_settings(parameter), dtype=torch.float32, device=label.device)
        # The same width for every knob, however few values it has.
        distance = (label.float()[:, None] - bins) * ((self.config.knob_bins - 1) / (bins[-1] - bins[0]))
        target = (-0.5 * (distance / self.config.label_width).square()).softmax(dim=1)
        return target, distance.abs().argmin(dim=1)

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """As of `PreTrainedModel`, never under another format's key names."""
        kwargs["save_original_format"] = False
        variant = kwargs.get("variant")
        index = Path(save_directory) / index_name(variant)
        before = index.stat().st_mtime_ns if index.is_file() else None
        with without_bars():
            # The library's own, which uploads what it saved as it was asked to.
            super(Registered, self).save_pretrained(save_directory, push_to_hub=push_to_hub, **kwargs)
        save_code(save_directory)
        if index.is_file() and index.stat().st_mtime_ns != before:
            # The library leaves an earlier save's single file, and would load that instead of the new shards.
            index.with_name(weights_name(variant)).unlink(missing_ok=True)


_UNBUILDABLE = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError)
"""What torch and transformers raise for a name, a size or a function that they do not have."""


@contextmanager
def without_bars() -> Iterator[None]:
    """Switch the library's progress bars off: for a tenth of a second they are noise."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _check_fit(folder: Path, config: SecretSauceConfig, found: Mapping[str, tuple[int, ...]], lenient: bool) -> None:
    """See that the shapes of a checkpoint's weights, by their names, are those of its config's model.

    Lenient, it is enough that some are.
    """
    try:
        with torch.device("meta"):
            weights = SecretSauceModel(config).state_dict()
    except _UNBUILDABLE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"The config of {folder} describes no model that can be built ({str(error)[:200]!r})."
        ) from error
    expected = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if lenient and any(found.get(name) == shape for name, shape in expected.items()):
        return
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is unknown" for name in found if name not in expected]
    problems += [
        f"{name} has shape {found[name]} instead of {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if problems:
        more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(
            f"The weights of the checkpoint {folder} do not fit its config.json: {'; '.join(problems[:3])}{more}."
        )


def _read_config(folder: Path, options: dict[str, Any]) -> SecretSauceConfig:
    """The config that `from_pretrained` is given or that lies in the folder, with the changes among its arguments.

    Args:
        folder: of the checkpoint.
        options: keyword arguments of `from_pretrained`; those of the config are taken out.

    Raises:
        InputError: what is given for a config is none.
    """
    config = options.pop("config", None)
    if isinstance(config, PretrainedConfig):
        return config
    if config is not None and not isinstance(config, str | Path):
        raise InputError(f"config is a SecretSauceConfig or a path, not a {type(config).__name__}.")
    own = {*inspect.signature(SecretSauceConfig.__init__).parameters, *SHARED_VALUES, "num_labels"} - {"self"}
    changes = {name: options.pop(name) for name in list(options) if name in own}
    return SecretSauceConfig.from_pretrained(config or folder, **changes)
