"""What a trained model of notes gets besides: a listener, how sure it may be, and whose sounds are not its own."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.files import jsonable
from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.priors import BOTH
from secret_sauce_hf.modeling.checkpoint_secret_sauce import read_json
from secret_sauce_hf.modeling.listener_secret_sauce import LISTENER, NoteListener
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline
from secret_sauce_hf.outputs import alone, check_folder, expanded, is_free
from secret_sauce_hf.training.answering import distributions
from secret_sauce_hf.training.calibration import calibrate, calibration
from secret_sauce_hf.training.config import RECORD_FILE
from secret_sauce_hf.training.domain import SOUNDS, fit_domain
from secret_sauce_hf.training.run import rendering_engine, save_checkpoint
from secret_sauce_hf.training.strokes import extract_strokes, fresh_strokes

CALIBRATION_SEED = 2_000_000_011
"""Added to the run's seed for the sounds on which temperatures are found."""
MOST_FILES = 2_000


@alone("finishing a model")
def finish(
    checkpoint: str | Path,
    out: str | Path,
    *,
    listener: str | Path | None = None,
    strangers: str | Path | None = None,
    sounds: int = 1_500,
    seed: int = 0,
    engine: Engine | None = None,
    collection: Collection | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Give a model of notes a listener, calibrate it and teach it which sounds are not its instrument's.

    Nothing of this takes long, and none of it changes what the model tells of a preset.

    Args:
        checkpoint: a folder, or a name or repository as `load_pipeline` takes it.
        out: folder of the finished checkpoint.
        listener: folder of a trained listener; the checkpoint's own if None.
        strangers: folder of sounds that the instrument did not make, with those in its folders; other
            engines' alone if None.
        sounds: how many fresh sounds each part is made on.
        seed: of these sounds.
        engine: renders them; the one of the collection's instrument if None.
        collection: of the model, where that is none of this package's; a checkpoint does not know all of it.
        progress: whether to show progress bars.

    Returns:
        The record also written to `out/training.json`, with `finished` in it.

    Raises:
        InputError: the checkpoint is of no model of notes, or has no listener and none is given; no engine; no
            sounds in the folder.
    """
    out = expanded(out)
    check_folder(out, what="the checkpoint")
    if not is_free(out):
        raise InputError(f"{out} is not empty; choose a new folder.")
    sounds, seed = integer("sounds", sounds, 50, 10**6), integer("seed", seed)
    files = [] if strangers is None else _files(strangers)
    heard = None if listener is None else NoteListener.load(listener)
    pipe = load_pipeline(checkpoint)
    if not pipe.reads_notes:
        raise InputError(f"{checkpoint} is a model of one note, which is finished when it is trained.")
    model = pipe.model
    if heard is not None:
        model.config.listener, model.listener = dict(heard.sizes), heard
    if model.listener is None:
        raise InputError(f"{checkpoint} has no listener; give the folder of one (secret-sauce listener).")
    collection = get_collection(model.config.collection) if collection is None else collection
    engine = rendering_engine(collection, engine, needed=True)
    assert engine is not None
    told = _calibrated(pipe, collection, engine, sounds, seed, progress)
    domain = fit_domain(pipe, collection, engine, files, count=sounds, seed=seed, progress=progress)
    folder = _folder_of(checkpoint)
    record = {} if folder is None else read_json(folder / RECORD_FILE)
    record["finished"] = jsonable(
        {
            "sounds": sounds,
            "seed": seed,
            "strangers": len(files),
            "listener": None if heard is None or listener is None else _listener_record(listener),
            "calibration": told,
            "domain": asdict(domain),
        }
    )
    save_checkpoint(model, pipe.feature_extractor, out, record)
    return record


def give_listener(checkpoint: str | Path, out: str | Path, other: str | Path) -> None:
    """Give a model of notes the listener of another one, and nothing else: where nothing renders its sounds.

    Args:
        checkpoint: a folder, or a name or repository as `load_pipeline` takes it.
        out: folder of the checkpoint with the listener, a new one.
        other: of a model that has one.

    Raises:
        InputError: one of them cannot be read, or has no listener.
    """
    pipe, model = load_pipeline(checkpoint), load_pipeline(other).model
    if model.listener is None:
        raise InputError(f"{other} has no listener.")
    pipe.model.config.listener, pipe.model.listener = dict(model.listener.sizes), model.listener
    folder = _folder_of(checkpoint)
    save_checkpoint(
        pipe.model, pipe.feature_extractor, expanded(out), {} if folder is None else read_json(folder / RECORD_FILE)
    )


def _listener_record(folder: str | Path) -> dict[str, Any]:
    """How a listener was trained."""
    return read_json(expanded(folder) / f"{LISTENER}.json").get("training") or {"settings": {}}


def _folder_of(checkpoint: str | Path) -> Path | None:
    """Where the record of a checkpoint lies, if it has one."""
    folder = checkpoint_folder(checkpoint)
    return folder if (folder / RECORD_FILE).is_file() else None


def _files(folder: str | Path) -> Sequence[Path]:
    root = expanded(folder)
    if not root.is_dir():
        raise InputError(f"{root} is no folder; give one of sounds that the instrument did not make.")
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SOUNDS and path.is_file())
    if not found:
        raise InputError(f"There are no sounds in {root} ({', '.join(SOUNDS)}).")
    if len(found) > MOST_FILES:
        raise InputError(f"There are {len(found):,} sounds in {root}; {MOST_FILES:,} are enough.")
    return found


def _calibrated(
    pipe: AudioToPresetPipeline, collection: Collection, engine: Engine, count: int, seed: int, progress: bool
) -> dict[str, Any]:
    """Find the temperatures on half of fresh sounds; what they are worth on the other half."""
    extractor = pipe.feature_extractor
    strokes = fresh_strokes(engine, collection, extractor, count, seed + CALIBRATION_SEED, BOTH)
    checks = extract_strokes(strokes, extractor, total=count, title="calibration sounds", progress=progress)
    calibrate(pipe.model, checks.select(slice(0, None, 2)))
    others = checks.select(slice(1, None, 2))
    sure = calibration(distributions(pipe.model, others.features), others.presets, pipe.model.config)
    return {"error": sure.error, "mean_coverage": sure.mean_coverage}
