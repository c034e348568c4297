"""What a model begins with: nothing, one of our checkpoints, or any AST checkpoint."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch.nn import functional
from transformers import ASTConfig, ASTModel
from transformers.utils import logging

from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.instruments.sounds import RATES
from secret_sauce_hf.modeling.checkpoint_secret_sauce import (
    CONFIG_FILE,
    EXTRACTOR_FILE,
    INDEX_FILE,
    WEIGHTS_FILE,
    load_weights,
    read_json,
    weight_files,
    weight_shapes,
)
from secret_sauce_hf.modeling.configuration_secret_sauce import AST_FIELDS, SecretSauceConfig, check_encoder
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import (
    DEFAULT_INPUTS,
    FBANK_HOP,
    FBANK_WINDOW,
    LISTENED_SECONDS,
    NOTE_INPUTS,
    SecretSauceFeatureExtractor,
)
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline, take_extractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel, without_bars
from secret_sauce_hf.training.config import TrainingConfig

PATCHES = {"long_mels": 3, "envelope": 40, "modulation": 12}
"""What a new model reads, and the frames per token of every input: 70 to 100 ms, or an octave of modulation rates.

Chosen by what a Sub Phatty model learned in 200 s: finer patches, coarser ones, and the short windows besides
all taught it less.
"""
NOTE_PATCHES = {"far_mels": 4, "harmonics": 2, "played": 1}
"""What a model of notes reads besides, and the frames per token."""
BEGINNING = 0.9
"""How many seconds of a stroke it reads as closely as other models read a take."""
NOTE_ON = 0.0667
"""When a stroke starts in what it reads, in seconds; as a base has it if there is one."""
STEM_SIZE = 512
SPECIAL_TOKENS = 2
"""AST's first tokens, for class and distillation, which have no place in the picture."""

# What `ASTFeatureExtractor` does where its config does not say.
_AST_EXTRACTOR = {"sampling_rate": 16_000, "mean": -4.2677393, "std": 4.5689974, "do_normalize": True}


@dataclass(frozen=True)
class Base:
    """A checkpoint to begin with.

    Args:
        name: as it is recorded: `ORG/NAME`, a collection, or the name of a folder.
        revision: the commit, if it is from the Hub.
        folder: where it lies here.
        model_type: as its config.json says: `secret-sauce` or `audio-spectrogram-transformer`.
        is_ast: whether its encoder is AST, of whichever type the model is.
        hidden_size: width of its tokens.
        layers: number of its layers.
    """

    name: str
    revision: str | None
    folder: Path
    model_type: str
    is_ast: bool
    hidden_size: int
    layers: int

    @property
    def is_ours(self) -> bool:
        """Whether it is of a `SecretSauceModel`."""
        return self.model_type == SecretSauceConfig.model_type


def open_base(source: str | Path, revision: str | None = None) -> Base:
    """Find a base, or fetch it from the Hub; none of its code is run.

    Args:
        source: a folder, `ORG/NAME` or `ORG/NAME@REVISION` of a model on the Hub, or a
            collection for which a checkpoint ships.
        revision: of a model on the Hub, instead of the one that `source` names.

    Raises:
        InputError: it cannot be fetched, is broken, or is no checkpoint of ours or of AST.
    """
    if revision is not None:
        source = f"{str(source).partition('@')[0]}@{revision}"
    folder = checkpoint_folder(source)
    # The client keeps what it fetched in .../snapshots/COMMIT.
    fetched = not Path(source).exists() and folder.parent.name == "snapshots"
    values = read_json(folder / CONFIG_FILE)
    model_type = values.get("model_type")
    if model_type not in (SecretSauceConfig.model_type, ASTConfig.model_type):
        raise InputError(
            f"The base {source} is of a {model_type} model; give a checkpoint of ours or of AST "
            f"({ASTConfig.model_type})."
        )
    if not weight_files(folder):
        raise InputError(
            f"The base {source} lacks {WEIGHTS_FILE}, and {INDEX_FILE} too; weights of other names or formats are not "
            "read, since pickles can run code."
        )
    weight_shapes(folder)
    config = _ast_config(values, source) if model_type == ASTConfig.model_type else _own_config(folder)
    return Base(
        name=str(source).partition("@")[0] if fetched else folder.resolve().name,
        revision=folder.name if fetched else None,
        folder=folder,
        model_type=model_type,
        is_ast=isinstance(config, ASTConfig) or config.ast is not None,
        hidden_size=config.hidden_size,
        layers=config.num_hidden_layers,
    )


def _own_config(folder: Path) -> SecretSauceConfig:
    try:
        return SecretSauceConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The config of {folder} cannot be read: {str(error).splitlines()[0]}") from error


def reads_notes(collection: Collection) -> bool:
    """Whether a model of a collection is one of notes: where its rows play different ones."""
    return collection.plays is not None


def of_takes(collection: Collection) -> Collection:
    """The collection for a model that reads every take as a whole, whatever is played in it."""
    return replace(collection, plays=None)


def first_model(
    collection: Collection,
    base: Base | None,
    hidden_size: int,
    layers: int,
    seed: int,
    sampler_layers: int = TrainingConfig.sampler_layers,
) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
    """The model to begin with, and what makes its inputs.

    Args:
        collection: whose settings it shall tell.
        base: what it takes its weights from, as far as they fit; the others are drawn.
        hidden_size: width of its tokens; that of the base.
        layers: number of its layers; that of the base if its encoder is AST.
        seed: of the weights that are drawn.
        sampler_layers: number of layers of the sampler.

    Raises:
        InputError: the base cannot be loaded, or has layers of another size.
    """
    if base is None:
        return _build(
            collection,
            seed,
            [record for record in DEFAULT_INPUTS if record["name"] in PATCHES],
            PATCHES,
            hidden_size=hidden_size,
            num_hidden_layers=layers,
            stem_size=STEM_SIZE,
            sampler_layers=sampler_layers,
        )
    if hidden_size != base.hidden_size or (base.is_ast and layers != base.layers):
        raise InputError(
            f"The base {base.name} has layers of another size: {base.layers} of {base.hidden_size}, not {layers} of "
            f"{hidden_size}; leave the model's size out."
        )
    if not base.is_ours:
        ast, fbank = _load_ast(base)
        return _build_on_ast(collection, seed, ast, fbank, sampler_layers=sampler_layers)
    loaded = load_pipeline(base.folder)
    theirs: SecretSauceModel = loaded.model
    if theirs.config.ast is None:
        model, extractor = _build(
            collection,
            seed,
            loaded.feature_extractor.inputs,
            {record["name"]: record["patch"] for record in theirs.config.inputs},
            loaded.feature_extractor,
            hidden_size=hidden_size,
            num_hidden_layers=layers,
            num_attention_heads=theirs.config.num_attention_heads,
            intermediate_size=theirs.config.intermediate_size,
            knob_bins=theirs.config.knob_bins,
            stem_size=theirs.config.stem_size,
            sampler_layers=sampler_layers,
        )
    else:
        fbank = loaded.feature_extractor.inputs[0]
        model, extractor = _build_on_ast(
            collection, seed, theirs.ast, fbank, knob_bins=theirs.config.knob_bins, sampler_layers=sampler_layers
        )
    _take_over(model, theirs)
    return model, extractor


def _build(
    collection: Collection,
    seed: int,
    kinds: Sequence[Mapping[str, Any]],
    patches: Mapping[str, int],
    heard_from: SecretSauceFeatureExtractor | None = None,
    **sizes: Any,
) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
    """A model of our own with weights that are drawn.

    Args:
        collection: whose settings it shall tell.
        seed: of the weights.
        kinds: what it reads.
        patches: frames per token of each input.
        heard_from: the feature extractor of a base, which says where in a take its note starts.
        **sizes: of the model.
    """
    extractor = (
        _note_extractor(kinds, heard_from) if reads_notes(collection) else take_extractor(collection, inputs=kinds)
    )
    patches = NOTE_PATCHES | dict(patches)
    inputs = [record | {"patch": patches[record["name"]]} for record in extractor.input_sizes()]
    _check_length(extractor, inputs, "a model of our own")
    sizes = {"intermediate_size": 4 * sizes["hidden_size"]} | sizes
    return _drawn(SecretSauceConfig.from_collection(collection, inputs=inputs, **sizes), seed), extractor


def _build_on_ast(
    collection: Collection, seed: int, ast: ASTModel, fbank: dict[str, Any], **sizes: Any
) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
    """A model around an AST encoder: its weights, with positions for takes of the collection."""
    extractor = take_extractor(collection, inputs=[fbank])
    record = extractor.input_sizes()[0]
    encoder = {name: getattr(ast.config, name) for name in AST_FIELDS}
    encoder |= {"max_length": record["frames"], "num_mel_bins": record["bins"]}
    inputs = [record | {"patch": encoder["patch_size"]}]
    _check_length(extractor, inputs, "this base")
    model = _drawn(SecretSauceConfig.from_collection(collection, inputs=inputs, ast=encoder, **sizes), seed)
    weights = ast.state_dict()
    name = "embeddings.position_embeddings"
    weights[name] = fit_positions(weights[name], grid_of(ast.config), grid_of(model.ast.config))
    model.ast.load_state_dict(weights)
    return model, extractor


def _note_extractor(
    kinds: Sequence[Mapping[str, Any]], base: SecretSauceFeatureExtractor | None
) -> SecretSauceFeatureExtractor:
    """What makes the inputs of a model of notes.

    Args:
        kinds: what it reads of a stroke's beginning; of a base that is a model of notes, all.
        base: of whose takes the inputs `kinds` are, so that its weights fit.
    """
    note_on = NOTE_ON if base is None else base.note_on
    samples = round(BEGINNING * SAMPLE_RATE) if base is None else base.take_samples
    if base is None or not base.reads_strokes:
        kinds = [*({**record, "samples": samples} for record in kinds), *NOTE_INPUTS]
    whole = round((note_on + LISTENED_SECONDS) * SAMPLE_RATE)
    return SecretSauceFeatureExtractor(take_samples=whole, note_on=note_on, inputs=kinds)


def _check_length(extractor: SecretSauceFeatureExtractor, inputs: list[dict[str, Any]], whose: str) -> None:
    """See that takes are long enough for a token of every input."""
    for record in inputs:
        if (frames := max(record["frames"], 0)) < record["patch"]:
            needed = max(_shortest(kind, size["patch"]) for kind, size in zip(extractor.inputs, inputs, strict=True))
            raise InputError(
                f"A take of {extractor.take_samples / SAMPLE_RATE:.2g} s makes {frames} frame{'s' * (frames != 1)} of "
                f"{record['name']} for {whose}, fewer than its patch of {record['patch']}: it needs takes of at least "
                f"{math.ceil(100 * needed) / 100:.2f} s."
            )


def _shortest(record: dict[str, Any], patch: int) -> float:
    """How many seconds make `patch` frames of an input."""
    if record["kind"] == "fbank":
        return (FBANK_WINDOW + (patch - 1) * FBANK_HOP) / record["rate"]
    if record["kind"] == "modulation":
        return 0.0  # has as many rates for any take
    return (patch - (record["kind"] == "mels")) * record["hop"] / SAMPLE_RATE


def _drawn(config: SecretSauceConfig, seed: int) -> SecretSauceModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SecretSauceModel(config)


def _take_over(model: SecretSauceModel, base: SecretSauceModel) -> None:
    """Take the weights of the same name and shape from another model; the others keep their first values.

    A parameter that both tell keeps its query, wherever it stands among the others, and
    its head. An AST encoder has its weights already.
    """
    mine, theirs = model.state_dict(), base.state_dict()
    common = {
        name: theirs[name]
        for name in mine
        if name in theirs and theirs[name].shape == mine[name].shape and not name.startswith("ast.")
    }
    queries = mine["queries"].clone()
    for row, name in enumerate(model.config.label_names):
        if name in base.config.label_names:
            queries[row] = theirs["queries"][base.config.label_names.index(name)]
    model.load_state_dict(common | {"queries": queries}, strict=False)


def _load_ast(base: Base) -> tuple[ASTModel, dict[str, Any]]:
    """The encoder of an AST checkpoint (with or without a head), and the record of its input."""
    config = _ast_config(read_json(base.folder / CONFIG_FILE), base.name)
    try:
        with _quietly():
            # Given the folder, it would choose by itself what it loads.
            model, info = ASTModel.from_pretrained(
                None,
                config=config,
                state_dict=load_weights(base.folder),
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"The base {base.name} cannot be loaded: {first}") from error
    # Weights that are left over are those of its head.
    if problems := sorted({str(name) for key in ("missing_keys", "mismatched_keys") for name in info[key]}):
        raise InputError(f"The weights of the base {base.name} do not fit its config.json: {', '.join(problems[:3])}.")
    return model, _fbank(base, config)


def _fbank(base: Base, config: ASTConfig) -> dict[str, Any]:
    """The input that an AST checkpoint reads, from its preprocessor_config.json where it has one."""
    values = dict(_AST_EXTRACTOR)
    path = base.folder / EXTRACTOR_FILE
    if path.is_file():
        values |= read_json(path)
    if not values["do_normalize"]:
        values |= {"mean": 0.0, "std": 0.5}
    try:
        rate, bins = int(values["sampling_rate"]), int(values.get("num_mel_bins", config.num_mel_bins))
        mean, std = float(values["mean"]), float(values["std"])
        legal = RATES[0] <= rate <= RATES[1] and bins >= config.patch_size and std > 0
    except (TypeError, ValueError, OverflowError):
        legal = False
    if not legal:
        raise InputError(
            f"{EXTRACTOR_FILE} of the base {base.name} has other than sensible numbers for sampling_rate, "
            "num_mel_bins, mean and std."
        )
    return {"name": "fbank", "kind": "fbank", "rate": rate, "bins": bins, "mean": mean, "std": std}


def grid_of(config: ASTConfig) -> tuple[int, int]:
    """How many patches an AST has, up the frequencies and along the time."""
    return (
        (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1,
        (config.max_length - config.patch_size) // config.time_stride + 1,
    )


def fit_positions(positions: torch.Tensor, old: tuple[int, int], new: tuple[int, int]) -> torch.Tensor:
    """AST's position embeddings for pictures of another size.

    As Gong, Chung and Glass do ("AST: Audio Spectrogram Transformer", 2021, section 2.2,
    and `src/models/ast_models.py` in github.com/YuanGongND/ast): of a longer time the
    middle is taken, for a longer one it is interpolated. So it is for another number of
    frequencies; they had none.

    Args:
        positions: shape (1, 2 + tokens, width): class, distillation, then the patches,
            time running fastest.
        old: how many patches there are up the frequencies and along the time.
        new: how many there shall be.

    Returns:
        Shape (1, 2 + new tokens, width).
    """
    special, patches = positions[:, :SPECIAL_TOKENS], positions[:, SPECIAL_TOKENS:]
    grid = patches.transpose(1, 2).unflatten(2, old)  # (1, width, frequencies, times)
    if new[1] < old[1]:
        start = old[1] // 2 - new[1] // 2
        grid = grid[..., start : start + new[1]]
    if grid.shape[2:] != new:
        grid = functional.interpolate(grid, size=new, mode="bilinear", align_corners=False)
    return torch.cat([special, grid.flatten(2).transpose(1, 2)], dim=1)


def _ast_config(values: dict[str, Any], source: Any) -> ASTConfig:
    try:
        config = ASTConfig(**{name: values[name] for name in AST_FIELDS if name in values})
        check_encoder(config)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise InputError(
            f"The base {source} has a config.json that is no AST's: {str(error).splitlines()[0]}"
        ) from error
    return config


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the library's report on weights that it left out, which are checked here."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with without_bars():
            yield
    finally:
        logging.set_verbosity(level)
