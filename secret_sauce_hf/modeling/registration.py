"""Makes `audio-to-preset` and `preset-to-audio` pipelines after `import secret_sauce_hf`, whatever is imported first.

transformers has no plug-in mechanism: somebody has to enter our classes into its tables, and
to do so when this package is imported would import torch and transformers, which takes seconds.
So a finder steps in for the modules that hold these tables, and no others, and fills each
after transformers itself has imported it; or at once where that has happened already.

`pipeline()` itself knows models as folders and as repositories of the Hub. So that it takes the
shipped ones by name, it is led to their folders: see `_lead`.
"""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

TASK = "audio-to-preset"
TASK_BACK = "preset-to-audio"
DEFAULT_COLLECTION = "noisemaker-light"
EAR = "noisemaker-light-notes"
"""Whose listener hears the notes where there is no model; the same listener ships in every model of notes."""
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
MODEL_TYPE = "secret-sauce"


def ships(collection: str) -> bool:
    """Whether a checkpoint ships for a collection, by its name."""
    return (CHECKPOINTS / collection / "config.json").is_file()


def checkpoint_path(collection: str) -> Path:
    """The folder of the checkpoint that ships for a collection.

    Raises:
        InputError: there is no such collection, or no checkpoint ships for it.
    """
    # NumPy, which comes with it, takes longer than the rest of `import secret_sauce_hf`.
    from secret_sauce_hf.instruments import InputError, get_collection

    name = get_collection(collection).name
    if not ships(name):
        shipped = sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json"))
        raise InputError(
            f"No checkpoint ships for {collection}; there is one for {', '.join(shipped) or 'none'}. "
            "Train one with `secret-sauce train`."
        )
    return CHECKPOINTS / name


def register() -> None:
    """Enter our classes into transformers' tables, now or when it imports them. Repeating it does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _fill_tables()


def _enter_config(auto: ModuleType) -> None:
    auto.AutoConfig.register(MODEL_TYPE, _own("configuration").SecretSauceConfig, exist_ok=True)


def _enter_model(auto: ModuleType) -> None:
    config = _own("configuration").SecretSauceConfig
    auto.AutoModel.register(config, _own("modeling").SecretSauceModel, exist_ok=True)


def _enter_feature_extractor(auto: ModuleType) -> None:
    config = _own("configuration").SecretSauceConfig
    auto.AutoFeatureExtractor.register(config, _own("feature_extraction").SecretSauceFeatureExtractor, exist_ok=True)


def _enter_pipeline(pipelines: ModuleType) -> None:
    pipelines.PIPELINE_REGISTRY.register_pipeline(
        TASK,
        pipeline_class=_own("pipeline").AudioToPresetPipeline,
        pt_model=import_module("transformers.models.auto.modeling_auto").AutoModel,
        default={"model": (str(CHECKPOINTS / DEFAULT_COLLECTION), "main")},
        type="audio",
    )
    # By name, so that the engines are imported by whoever renders.
    pipelines.PIPELINE_REGISTRY.supported_tasks[TASK_BACK] = {
        "impl": "secret_sauce_hf.modeling.preset_to_audio.PresetToAudioPipeline",
        "pt": (),
        "type": "audio",
    }
    if isinstance(pipelines.pipeline, FunctionType) and pipelines.pipeline.__code__ is not _led.__code__:
        _lead(pipelines.pipeline)


def _lead(function: FunctionType) -> None:
    """Have transformers' `pipeline` find the shipped checkpoints by name, and say in one line what a folder lacks.

    The function gets another body, instead of its module another function: whoever wrote
    `from transformers import pipeline` before this package was imported has it already.
    """
    global _pipeline
    _pipeline = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    _pipeline.__kwdefaults__ = function.__kwdefaults__
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    function.__code__, function.__defaults__, function.__kwdefaults__ = _led.__code__, None, None


_pipeline: Callable[..., Any] | None = None
"""transformers' own function, once another body was given to it."""


def _led(*args: Any, **kwargs: Any) -> Any:
    # Runs among the names of transformers' module.
    from secret_sauce_hf.modeling.registration import call_pipeline

    return call_pipeline(*args, **kwargs)


def call_pipeline(*args: Any, **kwargs: Any) -> Any:
    """transformers' `pipeline`, which also takes the names of collections for which a checkpoint ships.

    Raises:
        InputError: no checkpoint ships for the collection, or it is asked for a revision of it;
            a folder lacks a file of a checkpoint. Of other tasks nothing is looked at.
    """
    if _pipeline is None:
        raise RuntimeError("transformers' pipeline has not been registered; import transformers.pipelines.")
    given = dict(zip(inspect.signature(_pipeline).parameters, args, strict=False)) | kwargs
    if len(given) == len(args) + len(kwargs):
        args, kwargs = (), _find_model(given)
    try:
        return _pipeline(*args, **kwargs)
    except ValueError as error:
        # The library wraps what our classes raise into the texts of its attempts.
        told = re.findall(r"^secret_sauce_hf\.[\w.]*InputError: (.+)$", str(error), re.MULTILINE)
        if not told:
            raise
        raise _own("checkpoint").InputError(told[-1]) from error


def _find_model(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `pipeline()`, with the folder of the checkpoint that they mean."""
    from secret_sauce_hf.instruments import COLLECTIONS, InputError

    task, model, config = (given.get(name) for name in ("task", "model", "config"))
    if task == TASK_BACK:
        # Neither weights nor files: the library is handed the model itself.
        engine = import_module("secret_sauce_hf.modeling.preset_to_audio").EngineModel
        return {**given, "model": model if isinstance(model, engine) else engine(model or DEFAULT_COLLECTION)}
    named = isinstance(model, str) and model in COLLECTIONS and not Path(model).exists()
    if task == TASK and all(given.get(name) is None for name in ("model", "config", "tokenizer", "feature_extractor")):
        model, named = DEFAULT_COLLECTION, True
    if named and task in (TASK, None):
        folder = checkpoint_path(str(model))
        if given.get("revision") is not None:
            raise InputError(f"{model} ships with the package and has no revisions; leave revision out.")
        return {**given, "task": TASK, "model": str(folder)}
    if task == TASK and isinstance(model, str) and "/" not in model and not Path(model).exists():
        # On the Hub every model has an owner, but for a few old ones of other tasks.
        shipped = [name for name in COLLECTIONS if (CHECKPOINTS / name / "config.json").is_file()]
        near = get_close_matches(model, shipped, 1)
        meant = f"did you mean {near[0]}?" if near else f"those that ship are {', '.join(shipped)}."
        raise InputError(f"There is no model {model}, neither here nor, without an owner, on the Hub; {meant}")
    if task == TASK and isinstance(model, str | Path) and Path(model).is_dir():
        if isinstance(config, str | Path) and Path(config).exists():
            # Of a path the library wants a feature extractor beside it, too.
            given = {**given, "config": _own("configuration").SecretSauceConfig.from_pretrained(config)}
        _check_folder(Path(model), given)
    return dict(given)


def _check_folder(folder: Path, given: Mapping[str, Any]) -> None:
    """See that a folder is complete: the library would bury what the model says under the tracebacks of attempts."""
    checkpoint = _own("checkpoint")
    options = given.get("model_kwargs") or {}
    if "subfolder" in options:
        return
    if not (folder / checkpoint.CONFIG_FILE).is_file():
        # Of a configuration that is handed in the library needs no file.
        if given.get("config") is None:
            raise checkpoint.InputError(f"{folder} has no {checkpoint.CONFIG_FILE}; give the folder of a checkpoint.")
        return
    kind = checkpoint.read_json(folder / checkpoint.CONFIG_FILE).get("model_type")
    if kind != MODEL_TYPE:
        told = "names no model_type," if kind is None else f"is of a {str(kind)[:60]!r} model,"
        raise checkpoint.InputError(
            f"{folder / checkpoint.CONFIG_FILE} {told} not a {MODEL_TYPE} one; give the folder of one of these."
        )
    checkpoint.check_files(folder, given.get("feature_extractor") is None, options.get("variant"))
    checkpoint.weight_shapes(folder, options.get("variant"))
    if (folder / checkpoint.EXTRACTOR_FILE).exists() and given.get("feature_extractor") is None:
        # The library takes its entries for granted before it asks our class.
        values = checkpoint.read_json(folder / checkpoint.EXTRACTOR_FILE)
        checkpoint.own_extractor_values(values)
        if "feature_extractor_type" not in values:
            raise checkpoint.InputError(
                f"{folder / checkpoint.EXTRACTOR_FILE} names no feature_extractor_type; take it from the model's "
                "checkpoint."
            )


def _own(kind: str) -> ModuleType:
    return import_module(f"secret_sauce_hf.modeling.{kind}_secret_sauce")


_TABLES: dict[str, Callable[[ModuleType], None]] = {
    "transformers.models.auto.configuration_auto": _enter_config,
    "transformers.models.auto.modeling_auto": _enter_model,
    "transformers.models.auto.feature_extraction_auto": _enter_feature_extractor,
    "transformers.pipelines": _enter_pipeline,
}
_OWN = {
    f"secret_sauce_hf.modeling.{kind}_secret_sauce"
    for kind in ("configuration", "modeling", "feature_extraction", "pipeline")
}
_filled: set[str] = set()
_running: set[str] = set()
"""Modules of either kind that are being imported."""


def _fill_tables() -> None:
    for name, enter in _TABLES.items():
        # One of ours that is still being imported lacks its classes; its end brings us here again.
        if name in sys.modules and name not in _filled | _running and not _OWN & _running:
            _filled.add(name)
            enter(sys.modules[name])


class _Finder(MetaPathFinder):
    """Finds the modules above as Python's own finder does, and has the tables filled after they ran."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _TABLES and fullname not in _OWN:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader):
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # From here on it is an ordinary module for whoever asks (inspect, reload).
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        _running.add(module.__name__)
        try:
            self._loader.exec_module(module)
        finally:
            _running.discard(module.__name__)
        _fill_tables()
