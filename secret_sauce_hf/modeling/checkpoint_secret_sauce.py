"""A checkpoint's folder: whether it has its files, its weights, read from these files and no others, and its code.

This file and its siblings travel with every checkpoint: they import one another as flat
siblings, in the order checkpoint, configuration, encoder, feature extraction, pipeline, model, and of
the package only `BESIDE`, which travels beside them. Whoever has not installed the package
lets transformers run these copies (`trust_remote_code`). transformers fetches with a file
what that imports; so a copy of the model has all the others beside it.

transformers by itself may load something else than what was checked: an adapter, a variant, a
pickle, or whatever file config.json names. So a model is handed the weights that are read here.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError, safe_open
from safetensors.torch import load

from .strokes_secret_sauce import HARMONIC_BINS, PLAYED_BINS

IS_COPY = not __name__.startswith("secret_sauce_hf.")
"""Whether this file lies beside a checkpoint, instead of in the package."""

try:
    if IS_COPY:
        raise ImportError("A copy keeps to its own siblings: an installed package may be of another version.")
    from secret_sauce_hf.instruments.errors import InputError
    from secret_sauce_hf.remote import checked_answers
except ImportError:
    from contextlib import nullcontext as checked_answers  # type: ignore[assignment]

    from .errors import InputError  # type: ignore[import-not-found, no-redef]

# A process that is forked after torch has used several threads (`Dataset.map(num_proc=2)`) has none of them, and
# would wait for them for ever. torch's own workers do with one, too.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
"""Tells which weights are in which file, where there are several (`save_pretrained(max_shard_size=...)`)."""
EXTRACTOR_FILE = "preprocessor_config.json"
PROCESSOR_FILE = "processor_config.json"
"""Where it exists, transformers reads a feature extractor's config from it instead of `EXTRACTOR_FILE`."""
ADAPTER_FILE = "adapter_config.json"
"""Where it exists and peft is installed, transformers loads an adapter over the weights, or another model."""
MAX_HEADER_BYTES = 2**22
"""A larger safetensors header or index is refused; ours have 10 kB."""

_HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "revision", "token")
"""Arguments of `from_pretrained` that `snapshot_download` has under the same names."""
_OTHER_WEIGHTS = {"gguf_file": None, "state_dict": None, "use_safetensors": True}
"""Arguments of `from_pretrained` that choose other weights, and the value besides None that does not."""

BESIDE = (
    "errors.py",
    "fetching.py",
    "instrument.py",
    "listening.py",
    "parameters.py",
    "played.py",
    "rules.py",
    "sounds.py",
    "takes.py",
)
"""The files of `secret_sauce_hf.instruments` that travel with a checkpoint."""
CODE = (
    "checkpoint_secret_sauce.py",
    "configuration_secret_sauce.py",
    "encoder_secret_sauce.py",
    "feature_extraction_secret_sauce.py",
    "hearing_secret_sauce.py",
    "listener_secret_sauce.py",
    "modeling_secret_sauce.py",
    "outputs_secret_sauce.py",
    "pipeline_secret_sauce.py",
    "sampler_secret_sauce.py",
    "strokes_secret_sauce.py",
    "transcription_secret_sauce.py",
    *BESIDE,
)
"""The files that travel with a checkpoint."""

# Module and class, by whom transformers asks for them.
_AUTO_MAP = {
    "AutoConfig": "configuration_secret_sauce.SecretSauceConfig",
    "AutoModel": "modeling_secret_sauce.SecretSauceModel",
}
_EXTRACTOR_AUTO_MAP = {"AutoFeatureExtractor": "feature_extraction_secret_sauce.SecretSauceFeatureExtractor"}
_PIPELINE = "pipeline_secret_sauce.AudioToPresetPipeline"

_DTYPES = ("float16", "bfloat16", "float32", "float64")
_LEADS_ELSEWHERE = (
    "transformers_weights",
    "configuration_files",
    "attn_implementation",
    "_attn_implementation",
    "experts_implementation",
    "_experts_implementation",
    "fusion_config",
    "kernel_config",
    "quantization_config",
    "distributed_config",
    "per_layer_config",
)
"""By these a config.json has transformers load another file, fetch and run a kernel, or change the model's modules."""
EXTRACTOR = "SecretSauceFeatureExtractor"
_EXTRACTOR_VALUES = ("sampling_rate", "take_samples", "note_on", "inputs")
_EXTRACTOR_ENTRIES = ("auto_map", "feature_extractor_type")

_INPUT_SIZES = {
    "mels": ("window", "hop", "bins"),
    "envelope": ("hop", "bins"),
    "modulation": ("window", "hop", "rates", "bins"),
    "fbank": ("rate", "bins"),
    "harmonics": ("window", "hop", "frames", "bins"),
    "played": ("bins",),
}
"""Per kind of input of a feature extractor the sizes that it has."""
_UNREADABLE = (SafetensorError, OSError, KeyError, ValueError, TypeError, OverflowError)
"""What safetensors raises, and torch for the types and shapes that a header tells."""

_T = TypeVar("_T")


def code_files() -> dict[str, Path]:
    """The files that travel with a checkpoint: name there, and where it lies here."""
    files = {name: Path(__file__).with_name(name) for name in CODE}
    parameters = Path(sys.modules[InputError.__module__].__file__ or "")
    return files | {name: parameters.with_name(name) for name in BESIDE}


def save_code(folder: str | Path) -> None:
    """Copy the files that travel into a checkpoint's folder: all that lie beside this one."""
    for name, source in code_files().items():
        target = Path(folder) / name
        if source.is_file() and not (target.exists() and target.samefile(source)):
            shutil.copyfile(source, target)


def published_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config.json's values, with the entries that lead transformers to the code beside it."""
    pipelines = {"audio-to-preset": {"impl": _PIPELINE, "pt": ["AutoModel"], "type": "audio"}}
    return {**config, "auto_map": dict(_AUTO_MAP), "custom_pipelines": pipelines}


def published_extractor(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a preprocessor_config.json's values."""
    return {**config, "auto_map": dict(_EXTRACTOR_AUTO_MAP)}


class Registered:
    """What is done by all our classes that transformers' Auto classes load."""

    @classmethod
    def register_for_auto_class(cls, auto_class: str | type | None = None) -> None:
        """Change nothing: whatever is saved names its classes anyway, and has the code beside it.

        Args:
            auto_class: the Auto class that loads this one, or its name.

        Raises:
            InputError: another Auto class.
        """
        places = {place.rpartition(".")[2]: auto for auto, place in (_AUTO_MAP | _EXTRACTOR_AUTO_MAP).items()}
        expected = next((places[owner.__name__] for owner in cls.__mro__ if owner.__name__ in places), None)
        name = getattr(auto_class, "__name__", auto_class)
        if name not in (None, expected):
            raise InputError(f"{cls.__name__} is loaded by {expected}, not by {name}; register it for that.")

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> Any:
        """As of transformers' own class, with the code beside it."""
        written = super().save_pretrained(save_directory, **kwargs)  # type: ignore[misc]
        save_code(save_directory)
        if push_to_hub:
            push_saved(self, save_directory, kwargs)
        return written


def push_saved(saved: Any, folder: str | Path, options: Mapping[str, Any]) -> None:
    """What `save_pretrained(push_to_hub=True)` does after saving; of its own accord it would leave out the code.

    Args:
        saved: a config, feature extractor or pipeline.
        folder: where it was saved; names the repository if `options` do not.
        options: the keyword arguments of `save_pretrained`.
    """
    known = ("commit_message", "private", "token", "create_pr", "revision")
    repo = options.get("repo_id") or Path(folder).resolve().name
    saved.push_to_hub(repo, **{name: options[name] for name in known if name in options})


def check_config_values(values: Mapping[str, Any]) -> None:
    """Refuse the values of a config.json by which something else would be loaded.

    Raises:
        InputError: an entry that would change what is loaded; a dtype that weights cannot have.
    """
    if wrong := [name for name in _LEADS_ELSEWHERE if values.get(name) is not None]:
        raise InputError(
            f"config.json has {wrong[0]}, by which transformers would load other weights or code than the "
            "checkpoint's; remove that entry, or take the checkpoint from who made it."
        )
    for name in ("dtype", "torch_dtype"):
        if values.get(name) not in (None, *_DTYPES):
            shown = repr(values[name])[:80]
            raise InputError(f"config.json has the {name} {shown}; it must be one of {', '.join(_DTYPES)}.")
    for name, kind in (("architectures", list), ("auto_map", dict), ("transformers_version", str)):
        if not isinstance(values.get(name), kind | None):
            raise InputError(
                f"config.json has the {name} {repr(values[name])[:80]}; take it from the model's checkpoint."
            )


def check_arguments(what: str, given: Iterable[str], known: Sequence[str], ignored: Sequence[str] = ()) -> None:
    """Refuse keyword arguments that nobody reads.

    Args:
        what: is called with them.
        given: their names.
        known: names of all that are read.
        ignored: names that do nothing, and need not be told.

    Raises:
        InputError: which one, and what may have been meant.
    """
    if unknown := [name for name in given if name not in known and name not in ignored]:
        near = get_close_matches(unknown[0], known, 1)
        meant = f"did you mean {near[0]}" if near else f"it takes {', '.join(known)}"
        raise InputError(f"The {what} has no argument {unknown[0]}; {meant}.")


def extractor_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of further arguments of a feature extractor is handed on to the library's class.

    Raises:
        InputError: an argument that neither reads.
    """
    # Of the entries in a preprocessor_config.json.
    check_arguments("feature extractor", given, (*_EXTRACTOR_VALUES, "processor_class"), _EXTRACTOR_ENTRIES)
    return {name: given[name] for name in given.keys() - set(_EXTRACTOR_ENTRIES)}


def tensor_kind(return_tensors: Any) -> str:
    """Which tensors a feature extractor shall return: "pt" or "np".

    Raises:
        InputError: of another library, or none.
    """
    kind = getattr(return_tensors, "value", return_tensors) or "np"
    if kind not in ("pt", "np"):
        raise InputError(f"return_tensors is {return_tensors!r}; give pt or np.")
    return kind


def own_extractor_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken of a preprocessor_config.json: the arguments of `SecretSauceFeatureExtractor`.

    Raises:
        InputError: it is of another class, or names a processor, for some of which
            `pipeline()` loads further files.
    """
    kind, processor = values.get("feature_extractor_type"), values.get("processor_class")
    places = values.get("auto_map")
    odd = places is not None and not (isinstance(places, dict) and all(isinstance(one, str) for one in places.values()))
    if kind not in (None, EXTRACTOR) or processor is not None or odd:
        found = " ".join(str(processor or kind)[:80].split())
        raise InputError(
            f"preprocessor_config.json is of a {found}, not of a {EXTRACTOR}; take it from the model's checkpoint."
        )
    return {name: values[name] for name in _EXTRACTOR_VALUES if name in values}


def weights_name(variant: str | None = None) -> str:
    """What the file of a checkpoint's weights is called, as `save_pretrained(variant=...)` names it.

    Args:
        variant: letters, digits, `_` and `-`, such as `fp16`; the file without one if None.

    Raises:
        InputError: a variant that cannot be part of a file's name.
    """
    return _with_variant(WEIGHTS_FILE, variant)


def index_name(variant: str | None = None) -> str:
    """What the index of a checkpoint's weights is called, where several files hold them; see `weights_name`."""
    return _with_variant(INDEX_FILE, variant)


def _with_variant(name: str, variant: str | None) -> str:
    if variant is None:
        return name
    if not isinstance(variant, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", variant):
        raise InputError(f"{variant!r} cannot be a variant of the weights; give letters and digits, such as fp16.")
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{variant}.{ending}"


def check_extractor_sizes(
    sampling_rate: Any, take_samples: Any, note_on: Any, inputs: Any, *, largest: tuple[int, int]
) -> None:
    """Refuse what no feature extractor has, or would take more memory than any sound does.

    Args:
        sampling_rate: in Hz; like all of these an argument of `SecretSauceFeatureExtractor`, for
            which JSON may hold anything.
        take_samples: of a take.
        note_on: in seconds.
        inputs: a record each.
        largest: rate in Hz and number of samples.

    Raises:
        InputError: which one.
    """
    sizes = {"sampling_rate": (sampling_rate, largest[0]), "take_samples": (take_samples, largest[1])}
    records = inputs if isinstance(inputs, list | tuple) else [inputs]
    for record in records:
        kind = record.get("kind") if isinstance(record, Mapping) else None
        if not isinstance(kind, str) or kind not in _INPUT_SIZES or not isinstance(record.get("name"), str):
            raise InputError(
                f"The feature extractor has the input {repr(record)[:200]}; it needs a name and a kind, "
                f"{', '.join(_INPUT_SIZES)}."
            )
        for key in (*_INPUT_SIZES[kind], *(["samples"] if "samples" in record else [])):
            most = largest[1] if key in ("rate", "samples") else 2**16
            sizes[f"{record['name'][:60]}'s {key}"] = (record.get(key), most)
    for name, (value, most) in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise InputError(
                f"The feature extractor's {name} is {repr(value)[:60]}; it must be a whole number from 1 to {most:,}."
            )
    if not isinstance(note_on, int | float) or not 0 <= note_on <= take_samples / sampling_rate:
        raise InputError(f"The feature extractor's note_on is {repr(note_on)[:60]} s, which is not in the take.")
    for record in records:
        _check_input(record, take_samples, sampling_rate)


def _check_input(record: Mapping[str, Any], samples: int, sampling_rate: int) -> None:
    """Refuse sizes of an input that do not go together with a take."""
    kind, bins, window = record["kind"], record["bins"], record.get("window", 1)
    hop = least = record.get("hop", 1)
    if record.get("samples", samples) > samples:
        raise InputError(
            f"The feature extractor's {record['name'][:60]} is of {record['samples']} samples, and a take has "
            f"{samples}; take preprocessor_config.json from the model's checkpoint."
        )
    samples = record.get("samples", samples)
    if kind == "fbank":
        # 10 ms and 25 ms, at 16 kHz.
        samples, hop, least = samples * record["rate"] // sampling_rate, 160, 400
        if not record.get("std") or not all(_is_number(record.get(name)) for name in ("mean", "std")):
            raise InputError(f"The feature extractor's {record['name'][:60]} needs a mean and a std, both numbers.")
    # Of the spectrum of a take, and of what makes bands or rates of it.
    values = (samples // hop + 1) * max(bins, window, 2 * record.get("rates", 1))
    odd = (
        (kind == "envelope" and bins != 3)
        or (kind == "modulation" and bins % 2)
        or ("window" in record and window < 8)
        or (kind == "harmonics" and (bins != HARMONIC_BINS or record["frames"] * window > 2**22))
        or (kind == "played" and bins != PLAYED_BINS)
    )
    if samples < least:
        raise InputError(
            f"A take of {samples / (record['rate'] if kind == 'fbank' else sampling_rate):.2g} s is too short for the "
            f"feature extractor's {record['name'][:60]}, which needs {least} samples."
        )
    if odd or max(values, bins * window) > 2**27:
        raise InputError(
            f"The feature extractor's {record['name'][:60]} has sizes that do not go together with a take of {samples} "
            "samples; take preprocessor_config.json from the model's checkpoint."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def find_checkpoint(source: str | Path, options: dict[str, Any]) -> tuple[Path, str | None]:
    """The folder of the checkpoint that `from_pretrained` is asked for; what is on the Hub is fetched.

    Args:
        source: a folder, or the id of a model on the Hub.
        options: keyword arguments of `from_pretrained`; those that say where to look are taken out.

    Returns:
        The folder, and the variant of the weights; None for those without one.

    Raises:
        InputError: the source is a file; the options ask for other weights than `weight_files`.
    """
    adapter = options.pop("adapter_kwargs", None) or {}
    asked = [name for name, plain in _OTHER_WEIGHTS.items() if options.pop(name, None) not in (None, plain)]
    if asked or adapter.get("_adapter_model_path"):
        what = asked[0] if asked else "an adapter"
        raise InputError(f"Only {WEIGHTS_FILE} or the files of its index are loaded; leave {what} out.")
    hub = {name: options.pop(name) for name in _HUB_OPTIONS if name in options}
    subfolder, variant = options.pop("subfolder", None) or "", options.pop("variant", None)
    weights, index = weights_name(variant), index_name(variant)
    if Path(source).is_file():
        raise InputError(f"{source} is a file; give the folder of a checkpoint.")
    if Path(source).is_dir():
        return Path(source) / subfolder, variant
    prefix = f"{subfolder}/" if subfolder else ""
    names = (CONFIG_FILE, EXTRACTOR_FILE, PROCESSOR_FILE, ADAPTER_FILE, weights, index)
    # A hostile server must not make the client write outside its cache.
    with checked_answers():
        snapshot = Path(snapshot_download(str(source), allow_patterns=[prefix + name for name in names], **hub))
        folder = snapshot / subfolder
        if not (folder / weights).is_file() and (folder / index).is_file():
            # Only the index tells their names. Of the same commit, after which the client names the folder.
            shards = [prefix + name for name in set(_read_index(folder / index).values())]
            snapshot_download(str(source), allow_patterns=shards, **hub | {"revision": snapshot.name})
    return folder, variant


def check_files(folder: Path, with_extractor: bool = True, variant: str | None = None) -> None:
    """See that a folder has a checkpoint's files, and nothing by which transformers would load others.

    Args:
        folder: of the checkpoint.
        with_extractor: whether the feature extractor's file is needed too.
        variant: of the weights, see `weights_name`.

    Raises:
        InputError: what is missing, cannot be read, or leads elsewhere.
    """
    lacking = [] if weight_files(folder, variant) else [weights_name(variant)]
    if with_extractor and not (folder / EXTRACTOR_FILE).is_file():
        lacking.append(EXTRACTOR_FILE)
    if lacking:
        raise InputError(f"The checkpoint {folder} lacks {lacking[0]}; copy the whole folder, or train it again.")
    if (folder / PROCESSOR_FILE).exists():
        raise InputError(
            f"The checkpoint {folder} has {PROCESSOR_FILE}, which transformers reads instead of {EXTRACTOR_FILE}; "
            "remove it."
        )
    for name, check in ((CONFIG_FILE, check_config_values), (EXTRACTOR_FILE, own_extractor_values)):
        if (folder / name).is_file():
            check(read_json(folder / name))


def weight_files(folder: Path, variant: str | None = None) -> list[Path]:
    """The files that hold a checkpoint's weights: one, or those that an index names; none if there is neither.

    Args:
        folder: of the checkpoint.
        variant: of the weights, see `weights_name`.

    Raises:
        InputError: the index is none, or names what is not a safetensors file in the folder;
            there is an adapter, which changes the weights.
    """
    if (folder / ADAPTER_FILE).exists():
        raise InputError(
            f"{folder} has {ADAPTER_FILE}, and adapters are not loaded: merge it into {WEIGHTS_FILE} "
            "(merge_and_unload of peft), or remove it."
        )
    weights, index = folder / weights_name(variant), folder / index_name(variant)
    if weights.is_file():
        return [weights]
    if not index.is_file():
        return []
    names = sorted(set(_read_index(index).values()))
    if lacking := [name for name in names if not (folder / name).is_file()]:
        raise InputError(f"{index} names {lacking[0]}, which is not beside it; copy the whole folder.")
    return [folder / name for name in names]


def weight_shapes(folder: Path, variant: str | None = None) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights in `weight_files`, from their headers.

    Args:
        folder: of the checkpoint.
        variant: of the weights, see `weights_name`.

    Raises:
        InputError: see `load_weights`.
    """
    return _read_weights(folder, variant, _read_shapes)


def load_weights(folder: Path, variant: str | None = None) -> dict[str, torch.Tensor]:
    """Names and values of the weights in `weight_files`.

    Args:
        folder: of the checkpoint.
        variant: of the weights, see `weights_name`.

    Raises:
        InputError: the files are not whole, or are not those of their index; weights that are
            not finite numbers.
    """
    # Not by a map of the file into memory, where a model would change with the file.
    weights = _read_weights(folder, variant, lambda path: load(path.read_bytes()))
    for name, tensor in weights.items():
        if str(tensor.dtype).removeprefix("torch.") not in _DTYPES or not tensor.isfinite().all():
            raise InputError(
                f"The weights of {folder} are broken: {name[:80]} is of {tensor.dtype}, or not all of it are finite "
                "numbers; copy it again, or train it again."
            )
    return weights


def _read_weights(folder: Path, variant: str | None, read: Callable[[Path], dict[str, _T]]) -> dict[str, _T]:
    """What `read` finds in all the files, by the weights' names; the safetensors library sees that they are whole."""
    files, index = weight_files(folder, variant), folder / index_name(variant)
    places = {} if files in ([], [folder / weights_name(variant)]) else _read_index(index)
    found: dict[str, _T] = {}
    for path in files:
        _check_header(path)
        try:
            part = read(path)
        except _UNREADABLE as error:
            raise InputError(
                f"{path} is not a whole safetensors file ({_first_line(error)}); copy it again."
            ) from error
        wrong = [name for name in part if name in found or places.get(name, path.name) != path.name]
        wrong += [name for name, place in places.items() if place == path.name and name not in part]
        if wrong:
            raise InputError(f"{index} tells another place of {wrong[0][:80]} than {path.name}; copy both again.")
        found |= part
    return found


def _read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    with safe_open(path, framework="pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping


def _check_header(path: Path) -> None:
    """See that a file's header, whose length its first eight bytes tell, is no larger than is believed."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    # The library reads up to 100 MB of it.
    if length > MAX_HEADER_BYTES:
        raise InputError(f"{path} is not a whole safetensors file: its header is too large; copy it again.")


def _read_index(path: Path) -> dict[str, str]:
    """Per weight the name of the file that holds it."""
    size = path.stat().st_size
    if size > MAX_HEADER_BYTES:
        raise InputError(f"{path} has {size} bytes, more than the {MAX_HEADER_BYTES} that are read of an index.")
    places = read_json(path).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError(f"{path} is not an index of weights: it needs a weight_map; copy it again.")
    for name in places.values():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+\.safetensors", name):
            raise InputError(
                f"{path} names {repr(name)[:80]}, which is not the plain name of a safetensors file; "
                "take the checkpoint from who made it."
            )
    return places


def read_json(path: Path) -> dict[str, Any]:
    """The names and values of a JSON file, whoever wrote it.

    Raises:
        InputError: it is missing, cannot be read, or holds something else.
    """
    if path.is_fifo():
        # Whoever reads it may wait for ever.
        raise InputError(f"{path} is not a file; copy the whole folder.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path.parent} lacks {path.name}; copy the whole folder.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({_first_line(error)}); copy it again.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no names and values; copy it again.")
    return values


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
