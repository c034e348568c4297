"""What a checkpoint's model predicts, and its size."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig

from .checkpoint_secret_sauce import (
    IS_COPY,
    Registered,
    check_config_values,
    published_config,
    read_json,
)

if TYPE_CHECKING:
    from transformers import ASTConfig

try:
    if IS_COPY:
        raise ImportError("see checkpoint_secret_sauce")
    from secret_sauce_hf.instruments import COLLECTIONS
    from secret_sauce_hf.instruments.errors import InputError
    from secret_sauce_hf.instruments.instrument import Collection, Instrument, Timing
    from secret_sauce_hf.instruments.parameters import (
        Parameter,
        parameter_from_dict,
        parameter_to_dict,
    )
    from secret_sauce_hf.instruments.rules import named
    from secret_sauce_hf.instruments.takes import SAMPLE_RATE
except ImportError:
    from .errors import InputError  # type: ignore[import-not-found, no-redef]
    from .instrument import Collection, Instrument, Timing  # type: ignore[import-not-found, no-redef]
    from .parameters import (  # type: ignore[import-not-found, no-redef]
        Parameter,
        parameter_from_dict,
        parameter_to_dict,
    )
    from .rules import named  # type: ignore[import-not-found, no-redef]
    from .takes import SAMPLE_RATE  # type: ignore[import-not-found, no-redef]

    COLLECTIONS = {}

INPUT_NAMES = ("short_mels", "long_mels", "envelope", "modulation", "fbank", "far_mels", "harmonics", "played")
"""What a model can read (see `SecretSauceModel.forward`)."""

AST_FIELDS = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
    "layer_norm_eps",
    "patch_size",
    "qkv_bias",
    "frequency_stride",
    "time_stride",
    "max_length",
    "num_mel_bins",
)
"""What is kept of an encoder's own config: no paths, no labels."""


SHARED_VALUES = {
    "output_hidden_states": bool,
    "output_attentions": bool,
    "return_dict": bool,
    "chunk_size_feed_forward": int,
    "is_encoder_decoder": bool,
    "problem_type": str,
    "id2label": dict,
    "label2id": dict,
}
"""What every config of transformers has, none of which leads to a file or to code: name and type."""
_FROM_THE_LIBRARY = ("architectures", "auto_map", "dtype", "model_type", "torch_dtype", "transformers_version")
"""What else transformers writes into a config.json beside the arguments of `SecretSauceConfig`."""
_NOT_COMPARED = (
    "_name_or_path",
    "architectures",
    "auto_map",
    "custom_pipelines",
    "dtype",
    "transformers_version",
    # The Trainer sets it on every model, and no config reads it back.
    "use_cache",
)
"""What says of a config where it came from and who saved it."""


def own_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken of a config.json: the arguments of `SecretSauceConfig` and `_FROM_THE_LIBRARY`.

    All else is left out, since transformers sets whatever a config.json says and acts on
    some of it, with every version on more.

    Raises:
        InputError: an entry that would change what is loaded; a dtype that weights cannot have.
    """
    check_config_values(values)
    for name, kind in SHARED_VALUES.items():
        value = values.get(name)
        if value is not None and not (isinstance(value, kind) and (not isinstance(value, dict) or _are_classes(value))):
            raise InputError(f"The config's {name} is no {kind.__name__} as transformers has it; remove that entry.")
    own = inspect.signature(SecretSauceConfig.__init__).parameters
    known = {*own, *SHARED_VALUES, *_FROM_THE_LIBRARY} - {"self", "kwargs"}
    return {name: value for name, value in values.items() if name in known}


def _are_classes(names: Mapping[Any, Any]) -> bool:
    """Whether these are the names of classes and their numbers, in either direction."""
    pairs = [pair if isinstance(pair[1], str) else pair[::-1] for pair in names.items()]
    return len(pairs) <= _MOST_ENTRIES and all(
        isinstance(name, str) and re.fullmatch(r"\d{1,9}", str(number)) for number, name in pairs
    )


def _as_lists(value: Any) -> Any:
    """A value as JSON gives it back: lists for tuples, however deep, and Python's numbers for NumPy's."""
    if isinstance(value, Mapping):
        return {name: _as_lists(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_as_lists(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


# Somebody else's config.json must not make a machine build what it cannot hold.
_LARGEST = {
    "hidden_size": 2**14,
    "num_hidden_layers": 2**10,
    "num_attention_heads": 2**10,
    "intermediate_size": 2**16,
    "stem_size": 2**16,
    "domain_size": 2**16,
    "knob_bins": 2**14,
    "sampler_layers": 2**10,
    "take_samples": 2**24,
    "sample_rate": 2**20,
    "max_length": 2**16,
    "num_mel_bins": 2**12,
}
_LARGEST_LISTENER = 256
"""No size of the network that hears notes is larger, nor a pitch."""
_MOST_ENTRIES = 2**10
"""Of parameters and of inputs."""

_TEXTS = ("collection", "instrument", "instrument_title", "title")
_COUNTS = (
    "sample_rate",
    "take_samples",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "knob_bins",
    "sampler_layers",
    "stem_size",
    "domain_size",
)
_NUMBERS = {
    "note_on": (0.0, 600.0),
    "hidden_dropout_prob": (0.0, 1.0),
    "label_width": (1e-6, 2.0**14),
    "domain_warning": (0.0, 1.0),
}
"""Lowest and highest value."""


def _check_kinds(values: Mapping[str, Any]) -> None:
    """Refuse arguments of `SecretSauceConfig` that are of another kind than they must be; JSON may hold anything.

    Raises:
        InputError: which one.
    """
    for name, value in values.items():
        if name in _TEXTS:
            fits, kind = isinstance(value, str), "a text"
        elif name in _COUNTS:
            fits, kind = isinstance(value, Integral) and not isinstance(value, bool), "a whole number"
        elif name in _NUMBERS:
            low, high = _NUMBERS[name]
            fits = _is_finite(value) and low <= value <= high
            kind = f"a number from {low:g} to {high:g}"
        elif name in ("parameters", "inputs"):
            fits, kind = _are(value, Mapping), "a list of records"
        elif name == "fixed":
            fits = _are(value, Sequence) and all(
                len(pair) == 2 and isinstance(pair[0], str) and (isinstance(pair[1], str) or _is_finite(pair[1]))
                for pair in value
            )
            kind = "a list of pairs of a name and a setting"
        elif name in ("ast", "listener"):
            fits, kind = value is None or isinstance(value, Mapping), "a mapping"
        else:
            continue
        if not fits:
            raise InputError(f"The config's {name} is {repr(value)[:80]}; it must be {kind}.")


def _are(values: Any, kind: type) -> bool:
    """Whether this is a list of such things."""
    return isinstance(values, list | tuple) and all(
        isinstance(one, kind) and not isinstance(one, str) for one in values
    )


def _is_finite(value: Any) -> bool:
    known = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return known and abs(value) < 1e9 and isfinite(value)


def _check_bounds(config: PretrainedConfig) -> None:
    """Refuse sizes that no model of this kind has.

    Raises:
        InputError: which one.
    """
    for name, largest in _LARGEST.items():
        if getattr(config, name, 0) > largest:
            raise InputError(f"The config's {name} is {getattr(config, name)}; more than {largest:,} is not believed.")
    for name in ("parameters", "inputs"):
        if len(getattr(config, name, ())) > _MOST_ENTRIES:
            raise InputError(f"The config has more than {_MOST_ENTRIES:,} {name}, which is not believed.")
    for record in getattr(config, "inputs", ()):
        if record["frames"] * record["bins"] > 2**24:
            raise InputError(f"The config's input {record.get('name')} is larger than is believed.")


def check_encoder(config: PretrainedConfig) -> None:
    """Refuse what no audio spectrogram transformer has.

    Args:
        config: the `ASTConfig` of an encoder, which checks no more than its values' types.

    Raises:
        InputError: which sizes, patches or strides.
    """
    _check_bounds(config)
    for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
        if getattr(config, name) < 1:
            raise InputError(f"An AST encoder has a {name} of 1 or more, not {getattr(config, name)}.")
    patch, strides = config.patch_size, (config.frequency_stride, config.time_stride)
    if not isinstance(patch, int):
        raise InputError(f"The AST encoder's patches are not square: {patch}.")
    if patch < 1 or min(strides) < 1:
        raise InputError(f"An AST encoder has patches and strides of 1 or more, not {patch} and {strides}.")
    sizes = (config.max_length, config.num_mel_bins)
    if min(sizes) < patch:
        raise InputError(f"The AST encoder's patches of {patch} x {patch} do not fit into its input, {sizes}.")


class SecretSauceConfig(Registered, PretrainedConfig):
    """Configuration of a `SecretSauceModel`.

    Args:
        collection: name of the collection (or of one's own) whose parameters are predicted.
        parameters: one record per parameter, in column order (see `parameters.parameter_to_dict`).
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
        sampler_layers: number of layers of the sampler, which draws whole presets; none if 0.
        stem_size: units of a layer between every patch and its token; none if 0.
        domain_size: units of what tells whether the instrument can make a sound; it is not told if 0.
        domain_warning: probability below which it is said that the instrument cannot make a sound: hardly any of
            its own lies there.
        listener: sizes of the network that hears which notes are played, see `NoteListener`; None without one.
        ast: config of an audio spectrogram transformer (`ASTConfig`) that is the encoder
            instead of layers of our own; only `AST_FIELDS` are kept, and the four sizes
            above are those in it. It reads the one input that there is then, whose
            `frames` and `bins` are its `max_length` and `num_mel_bins`.
        instrument: name of the machine.
        instrument_title: what people call it.
        title: one line about the collection.
        **kwargs: as of `PretrainedConfig`.

    Raises:
        InputError: values that describe no model.
    """

    model_type = "secret-sauce"
    # The Trainer gathers whatever a model returns, but for these.
    keys_to_ignore_at_inference = ["heard_logits", "answers", "domain_logits", "hidden_states", "attentions"]  # noqa: RUF012 - the library's own form

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
        sampler_layers: int = 2,
        stem_size: int = 0,
        domain_size: int = 0,
        domain_warning: float = 0.0,
        listener: Mapping[str, Any] | None = None,
        ast: Mapping[str, Any] | None = None,
        instrument: str = "",
        instrument_title: str = "",
        title: str = "",
        **kwargs: Any,
    ):
        given = locals()
        _check_kinds({name: given[name] for name in inspect.signature(SecretSauceConfig.__init__).parameters})
        self.collection = collection
        self.instrument = instrument
        self.instrument_title = instrument_title
        self.title = title
        self.parameters = [_as_lists(record) for record in parameters]
        self.fixed = [_as_lists(list(pair)) for pair in fixed]
        self.sample_rate = sample_rate
        self.take_samples = take_samples
        self.note_on = note_on
        self.inputs = [_as_lists(record) for record in inputs]
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_dropout_prob = hidden_dropout_prob
        self.knob_bins = knob_bins
        self.label_width = label_width
        self.sampler_layers = sampler_layers
        self.stem_size = stem_size
        self.domain_size = domain_size
        self.domain_warning = domain_warning
        self.listener = None if listener is None else _as_lists(listener)
        self.ast = None if ast is None else {name: _as_lists(ast[name]) for name in AST_FIELDS if name in ast}
        if self.ast is not None:
            encoder = self.ast_config()
            self.hidden_size = encoder.hidden_size
            self.num_hidden_layers = encoder.num_hidden_layers
            self.num_attention_heads = encoder.num_attention_heads
            self.intermediate_size = encoder.intermediate_size
        # See `custom_pipelines`.
        kwargs.pop("custom_pipelines", None)
        super().__init__(**kwargs)
        self._check()

    @property
    def custom_pipelines(self) -> dict[str, Any]:
        """Where `pipeline()` finds the task, if this class came with the checkpoint.

        In the package the task is registered, and an entry here would have `pipeline()`
        ask for trust in code that it does not need.
        """
        return published_config({})["custom_pipelines"] if IS_COPY else {}

    def ast_config(self) -> "ASTConfig":
        """The encoder's config.

        Raises:
            InputError: there is none, or it is not one.
        """
        # Not above: this file may be imported while transformers' own modules still are (see `registration`).
        from transformers import ASTConfig

        try:
            return ASTConfig(**(self.ast or {}))
        except (StrictDataclassError, ValueError, TypeError) as error:
            raise InputError(f"The config's ast is no ASTConfig: {str(error).splitlines()[0]}") from error

    def _check(self) -> None:
        names = [parameter.name for parameter in self.parameter_specs]
        if len(set(names)) < len(names):
            raise InputError(f"The config names a parameter twice: {', '.join(names)}.")
        for record in self.inputs:
            sizes = [record.get(key) for key in ("frames", "bins", "patch")]
            if (
                record.get("name") not in INPUT_NAMES
                or not all(isinstance(size, int) and 0 < size <= 2**24 for size in sizes)
                or record["patch"] > record["frames"]
            ):
                raise InputError(
                    f"Not an input: {repr(record)[:200]}; it needs a name ({', '.join(INPUT_NAMES)}), frames, bins and "
                    "a patch of some frames."
                )
        if len(set(self.input_names)) < len(self.inputs):
            raise InputError(f"The config names an input twice: {', '.join(self.input_names)}.")
        smallest = min(
            self.hidden_size,
            self.num_hidden_layers,
            self.num_attention_heads,
            self.intermediate_size,
            self.take_samples,
            self.sample_rate,
            self.knob_bins - 1,
            self.sampler_layers + 1,
            self.stem_size + 1,
            self.domain_size + 1,
        )
        if self.listener is not None and not all(
            isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= _LARGEST_LISTENER
            for size in self.listener.values()
        ):
            raise InputError(
                f"The config's listener is {repr(self.listener)[:120]}; it must be sizes of a NoteListener."
            )
        if smallest < 1:
            raise InputError("The config's sizes must be positive, with at least two bins per knob.")
        _check_bounds(self)
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size ({self.hidden_size}) must be a multiple of num_attention_heads "
                f"({self.num_attention_heads})."
            )
        if self.ast is not None:
            self._check_ast()

    def _check_ast(self) -> None:
        encoder = self.ast_config()
        check_encoder(encoder)
        sizes = [(record["frames"], record["bins"]) for record in self.inputs]
        if sizes != [(encoder.max_length, encoder.num_mel_bins)]:
            raise InputError(
                f"An AST encoder reads one input, of max_length = {encoder.max_length} frames of num_mel_bins = "
                f"{encoder.num_mel_bins}; the config has {sizes or 'none'}."
            )

    @classmethod
    def from_collection(cls, collection: Collection, **kwargs: Any) -> "SecretSauceConfig":
        """The config of a model for `collection`; `kwargs` are further arguments."""
        timing = collection.timing
        return cls(
            collection=collection.name,
            parameters=[parameter_to_dict(collection.as_played(p)) for p in collection.parameters],
            fixed=collection.fixed,
            take_samples=collection.samples,
            note_on=timing.note_on - timing.cut[0],
            instrument=collection.instrument.name,
            instrument_title=collection.instrument.title,
            title=collection.title,
            **kwargs,
        )

    def to_collection(self) -> Collection:
        """The collection: the package's own if it is one of these, else as far as it is known here.

        Then its instrument has the parameters that are predicted and no others, it has no
        rows, and the note lasts until the take ends.
        """
        parameters = tuple(self.parameter_specs)
        known = COLLECTIONS.get(self.collection)
        if known is not None and known.samples == self.take_samples:
            # What is heard, and what is said about it, may have been told more finely since.
            mine, theirs = (
                [replace(parameter, heard=(), about="") for parameter in specs]
                for specs in (parameters, known.parameters)
            )
            if mine == theirs:
                return known
        names = {name for parameter in parameters for name in named(parameter.heard)}
        seconds = self.take_samples / self.sample_rate
        instrument = self.instrument or self.collection
        return Collection(
            name=self.collection,
            stem=self.collection.replace("-", "_"),
            instrument=Instrument(instrument, self.instrument_title or instrument, parameters),
            columns=tuple(parameter.name for parameter in parameters),
            count=0,
            train_count=0,
            timing=Timing(self.note_on, seconds, cut=(0.0, seconds), slot=max(1.0, seconds)),
            title=self.title or self.collection,
            fixed=tuple((name, setting) for name, setting in self.fixed if name in names),
        )

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any):
        """As of `PretrainedConfig`, of `own_values`.

        Raises:
            InputError: the values are not those of a model of ours.
        """
        if config_dict.get("model_type", cls.model_type) != cls.model_type:
            raise InputError(f"config.json is of a {config_dict['model_type']} model, not of a {cls.model_type} one.")
        return super().from_dict(own_values(config_dict), **kwargs)

    @classmethod
    def from_json_file(cls, json_file: str | Path):
        """As of `PretrainedConfig`, of `own_values`."""
        return cls.from_dict(cls._dict_from_json_file(json_file))

    def __eq__(self, other: object) -> bool:
        """Whether another config describes the same model, wherever it was loaded from and saved by.

        A config that was saved and loaded back equals itself.
        """
        if not isinstance(other, SecretSauceConfig):
            return NotImplemented
        mine, theirs = ({k: v for k, v in c.to_dict().items() if k not in _NOT_COMPARED} for c in (self, other))
        return mine == theirs

    def to_dict(self) -> dict[str, Any]:
        """As of `PretrainedConfig`, with the entries that lead to the code beside a config.json."""
        return published_config(super().to_dict())

    @classmethod
    def _dict_from_json_file(cls, json_file: str | Path) -> dict[str, Any]:
        # The library's own raises whatever its parser does.
        return read_json(Path(json_file))

    def to_diff_dict(self) -> dict[str, Any]:
        """As of `PretrainedConfig`: what config.json holds."""
        return published_config(super().to_diff_dict())

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
        """Number of logits per parameter: one per class of a switch, `knob_bins` of a knob, or one per value
        where its machine has fewer."""
        return [p.classes or self._bins(p) for p in self.parameter_specs]

    def bin_settings(self, knob: Parameter) -> np.ndarray:
        """The settings that a knob's bins stand for, shape (bins,): lowest to highest legal one."""
        # Callers know a knob by its lack of classes, which tells a type checker nothing.
        low, high = knob.setting_limits  # type: ignore[union-attr]
        return np.linspace(low, high, self._bins(knob))

    def _bins(self, knob: Parameter) -> int:
        few = knob.cc_count if getattr(knob, "top", 0) else self.knob_bins
        return min(self.knob_bins, few)
