"""Training a checkpoint with transformers' Trainer."""

import json
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from transformers import TrainerCallback, TrainingArguments

from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.plan import build_command
from secret_sauce_hf.data.source import locate
from secret_sauce_hf.engines import Engine, engine_names, find_engine, get_engine
from secret_sauce_hf.files import jsonable, write_whole
from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.priors import BOTH, PRIORS, UNIFORM, check_prior
from secret_sauce_hf.metrics.scores import Scores, score
from secret_sauce_hf.modeling.checkpoint_secret_sauce import read_json
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.outputs import alone, expanded
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.processors import machine
from secret_sauce_hf.remote import is_repo_id
from secret_sauce_hf.training.answering import distributions, predict
from secret_sauce_hf.training.base import Base, first_model, open_base, reads_notes
from secret_sauce_hf.training.calibration import calibrate, calibration, set_unheard
from secret_sauce_hf.training.config import (
    EPOCHS,
    FRESH_EPOCHS,
    HIDDEN_SIZE,
    LAYERS,
    OLD_NAMES,
    RECORD_FILE,
    TrainingConfig,
    current_names,
)
from secret_sauce_hf.training.data import Examples
from secret_sauce_hf.training.interrupted import (
    RUN_FILE,
    WHOLE_FILE,
    Clock,
    Run,
    check_run_folder,
    check_same,
    check_seen,
    room_for,
)
from secret_sauce_hf.training.kept import KeepLast, last_checkpoint
from secret_sauce_hf.training.optimizer import ENCODER_RATE
from secret_sauce_hf.training.references import naive_answers, nearest_answers
from secret_sauce_hf.training.sources import few_of, sounds_of
from secret_sauce_hf.training.stream import FreshStream, default_workers
from secret_sauce_hf.training.together import ExampleSteps, pieces_of, told_by_first
from secret_sauce_hf.training.trainer import PresetTrainer, tell_on_standard_error

DRAWN = 20_000
"""Rows that tell how settings are spread where they are not heard."""
EVALUATIONS = 20
"""How many times a run is validated and saved."""


@alone("a training")
def train(
    collection: str | Collection,
    data: str | Path | None,
    out: str | Path,
    config: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    *,
    resume: bool = False,
    workers: int | None = None,
    micro_batch: int | None = None,
    engine: Engine | None = None,
    progress: bool = True,
    callbacks: Sequence[TrainerCallback] = (),
    **changes: Any,
) -> dict[str, Any]:
    """Train a model, from scratch or from another checkpoint, and write its checkpoint.

    Sounds come from the train rows of a built dataset, from fresh rows (half of them in
    session), or both. Where there are fresh rows only, processes render them while the
    model trains, and nothing but what waits is kept. It is validated on fresh rows of
    another seed, or on the last tenth of the train rows where no engine renders the
    instrument; never on test rows. The weights of the least validation loss are kept, and
    their probabilities calibrated on one half of the validation rows.

    Under `accelerate launch` or `torchrun` several processes share every step; each renders
    its own part of the fresh sounds. A step has `batch_size` sounds and the gradient of all of them
    whatever the number of processes and `micro_batch`, and a run may be resumed with others. All
    processes need to see `out`; the first one writes it.

    The base is a folder, or a model on the Hub, `ORG/NAME` or `ORG/NAME@REVISION`. Of a
    checkpoint of ours, for any collection, the weights of the same name and shape are
    taken. Of any other AST checkpoint of transformers the encoder is taken, and the sounds
    are heard as it heard those of its training.

    Args:
        collection: the collection or its name.
        data: a dataset with train rows, as `iter_takes` reads it: a folder, or `ORG/NAME`
            on the Hub; None for fresh rows only.
        out: folder of the checkpoint. While training, `out/.training` holds what is
            needed to resume.
        config: the settings of the run.
        resume: go on with an interrupted run of the same arguments.
        workers: processes that render for each process that trains; if None, one per core of
            its share but one. The result does not depend on it.
        micro_batch: how many sounds a process takes at a time, to bound its memory; all of its
            share of a step if None. The result does not depend on it, but for rounding.
        engine: renders the fresh rows; the one of the collection's instrument if None.
        progress: whether to show progress bars.
        callbacks: of the Trainer, besides its own.
        **changes: settings instead of those of `config`, by the names of its fields.

    Returns:
        The record also written to `out/training.json`: the arguments, the versions, how
        long it took on which machine, and the validation scores of the model and of
        simple references.

    Raises:
        InputError: no sounds, a collection or dataset that does not fit, takes that the
            engine cannot render, a base that cannot be loaded, a folder that holds another
            run.
        TypeError: a setting that `TrainingConfig` does not have, or one under its old name and its new one.
    """
    for old in OLD_NAMES.keys() & changes.keys():
        if OLD_NAMES[old] in changes:
            raise TypeError(f"train's {old} is called {OLD_NAMES[old]} now; give one of the two.")
        message = f"train's {old} is called {OLD_NAMES[old]} now, and the old name goes with the next version."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
    config = replace(config, **current_names(changes))
    workers = default_workers() if workers is None else integer("workers", workers)
    micro_batch = None if micro_batch is None else integer("micro_batch", micro_batch, 1)
    collection = get_collection(collection)
    out = expanded(out)
    work = out / ".training"
    config.check(streams=data is None)
    for prior in PRIORS if config.prior == BOTH and reads_notes(collection) else (config.prior,):
        check_prior(prior, collection)
    if not collection.parameters:
        raise InputError(f"{collection.name} has no parameters to tell.")
    engine = rendering_engine(collection, engine, needed=config.fresh > 0)
    settings = {setting.name: getattr(config, setting.name) for setting in fields(config)}
    epochs = (FRESH_EPOCHS if data is None else EPOCHS) if config.epochs is None else config.epochs
    run = Run(
        **settings
        | {
            "collection": collection.name,
            "data": None if data is None else str(data),
            "data_revision": None,
            "epochs": float(epochs),
            "hidden_size": config.hidden_size or HIDDEN_SIZE,
            "layers": config.layers or LAYERS,
            "augment": config.augment and data is None,
            "precision": _precision(config.precision),
            "base": None if config.base is None else str(config.base),
            "base_revision": None,
        }
    )
    earlier = check_run_folder(out, work, resume)
    opened = None
    processes = PartialState(cpu=not torch.accelerator.is_available())
    main = processes.is_main_process
    if micro_batch is not None and processes.num_processes == 1 and torch.cuda.device_count() > 1:
        raise InputError(
            f"This process has {torch.cuda.device_count()} GPUs, and takes no micro_batch; start one for each GPU "
            "(accelerate launch), or let it see one (CUDA_VISIBLE_DEVICES=0)."
        )
    if config.base is not None:
        # The same commit as before, should there be a newer one.
        opened = _opened(config.base, earlier.get("base_revision") if earlier else None, processes)
        run = replace(
            run,
            hidden_size=config.hidden_size or opened.hidden_size,
            layers=config.layers or opened.layers,
            base_revision=opened.revision,
        )
    if data is not None:
        # And of the data.
        revision = (earlier or {}).get("data_revision")
        revision = revision or told_by_first(lambda: locate(data, None, None)["revision"], processes)
        run = replace(run, data_revision=revision)
    if earlier is not None:
        check_same(run, earlier, out)
    if (first := told_by_first(lambda: run, processes)) != run:
        raise InputError(f"Give all processes the same arguments: {_difference(first, run)}.")

    model, extractor = first_model(collection, opened, run.hidden_size, run.layers, run.seed, run.sampler_layers)
    sounds, checks = sounds_of(run, collection, engine, extractor, processes, progress and main)
    rows = (
        sounds.examples.presets
        if isinstance(sounds, ExampleSteps)
        else draw_presets(collection, DRAWN, run.seed, prior=UNIFORM if run.prior == BOTH else run.prior)
    )
    set_unheard(model, rows)
    # All have looked at the folder before one of them makes it.
    processes.wait_for_everyone()
    if earlier is None and main:
        # Only now: a mistake in the arguments must not leave a folder in the way of the next try.
        work.mkdir(parents=True, exist_ok=True)
        kept = run.record | {WHOLE_FILE: True}
        write_whole(work / RUN_FILE, (json.dumps(kept, indent=2) + "\n").encode())
    processes.wait_for_everyone()
    check_seen(work / RUN_FILE)
    last = told_by_first(lambda: last_checkpoint(work) if resume else None, processes)
    shown = progress and sys.stderr is not None and sys.stderr.isatty()
    trainer = PresetTrainer(
        model,
        _arguments(run, sounds, work, shown, micro_batch),
        learning_rate=run.learning_rate,
        matrix_learning_rate=run.matrix_learning_rate,
        workers=workers,
        train_dataset=sounds,
        eval_dataset=checks,
        processing_class=extractor,
    )
    tell_on_standard_error(trainer, shown)
    clock = Clock(work, trainer.accelerator)
    # What is whole is said first, then what is needed no longer goes.
    for callback in (clock, KeepLast(work), *callbacks):
        trainer.add_callback(callback)
    with room_for(out):
        trainer.train(resume_from_checkpoint=last)

    seconds = round(clock.seconds(), 1)
    model = trainer.accelerator.unwrap_model(trainer.model).cpu().eval()
    few = few_of(sounds, run.seed, processes)

    def finish() -> dict[str, Any]:
        calibrate(model, checks.select(slice(0, None, 2)))
        record = _record(run, opened, engine, model, sounds, few, checks)
        record |= {"seconds": seconds, "machine": machine()}
        record["history"] = _history(trainer.state.log_history, run, seconds)
        with room_for(out):
            save_checkpoint(model, extractor, out, record)
        # First what says that there is a run to go on with; stopped within the rest, it would begin once more.
        (work / RUN_FILE).unlink()
        shutil.rmtree(work)
        return record

    return told_by_first(finish, processes)


def _precision(wanted: str) -> str:
    """What "auto" comes to on this machine."""
    if wanted != "auto":
        return wanted
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def _history(log: list[dict[str, Any]], run: Run, seconds: float) -> list[dict[str, float]]:
    """Validation errors on the way: sounds that were rendered or read, steps, seconds as far as can be told."""
    measured = [entry for entry in log if "eval_loss" in entry]
    last = measured[-1]["step"] if measured else 1
    wanted = {"eval_loss": "loss", "eval_knob_mae": "knob_mae", "eval_switch_accuracy": "switch_accuracy"}
    return [
        {
            "step": entry["step"],
            "sounds_seen": entry["step"] * run.batch_size,
            "sounds": round(entry["step"] * run.batch_size / run.epochs) if run.streams else 0,
            "seconds": round(seconds * entry["step"] / last, 1),
            **{name: entry[key] for key, name in wanted.items() if key in entry},
        }
        for entry in measured
    ]


def rendering_engine(collection: Collection, given: Engine | None, *, needed: bool) -> Engine | None:
    """What renders the fresh rows; None where nothing can and nothing has to.

    Raises:
        InputError: there have to be fresh rows and no engine renders them, or the given one cannot.
    """
    if given is not None:
        given.check(collection)
        return given
    found = find_engine(collection)
    if found is None and needed:
        if collection.instrument.name in engine_names():
            return get_engine(collection)  # which says why it cannot
        raise InputError(
            f"No engine renders fresh sounds of {collection.instrument.name}; train on a dataset (--data)."
        )
    return found


def _opened(base: str | Path, revision: str | None, processes: PartialState) -> Base:
    """A base, of all processes the one that the first of them finds."""
    found: list[Base] = []

    def tell() -> str | None:
        found.append(open_base(base, revision))
        return found[0].revision

    told = told_by_first(tell, processes)
    return found[0] if found else open_base(base, told)


def _difference(first: Run, run: Run) -> str:
    """The first setting in which two runs differ."""
    for field in fields(Run):
        one, other = getattr(first, field.name), getattr(run, field.name)
        if one != other:
            return f"{field.name} is {one} for the first one and {other} for another"
    return "nothing"


def _arguments(
    run: Run, sounds: ExampleSteps | FreshStream, work: Path, progress: bool, micro_batch: int | None
) -> TrainingArguments:
    steps = sounds.steps
    interval = max(1, steps // EVALUATIONS)
    return TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        # Of a whole step, as our own loaders make it: the Trainer only counts with it.
        per_device_train_batch_size=run.batch_size,
        gradient_accumulation_steps=pieces_of(sounds.rows_per_step, micro_batch),
        per_device_eval_batch_size=min(run.batch_size, micro_batch or run.batch_size),
        lr_scheduler_type="cosine",
        warmup_steps=min(100, steps // 10),
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        greater_is_better=False,
        logging_steps=interval,
        dataloader_pin_memory=False,
        # Our steps go on where they were; rendering what was shown already would take as long as before.
        ignore_data_skip=True,
        bf16=run.precision == "bf16",
        # Or several processes on processors would not know of each other.
        use_cpu=not torch.accelerator.is_available(),
        report_to="none",
        seed=run.seed,
        disable_tqdm=not progress,
    )


def _record(
    run: Run,
    base: Base | None,
    engine: Engine | None,
    model: SecretSauceModel,
    sounds: ExampleSteps | FreshStream,
    few: Examples,
    checks: Examples,
) -> dict[str, Any]:
    truth = checks.presets
    heard = checks.features["heard"].bool().numpy() if "heard" in checks.features else truth.heard()

    def scored(units: np.ndarray) -> Scores:
        return score(truth.parameters, truth.unit, units, heard)

    validation = {
        "model": scored(predict(model, checks.features)),
        "naive": scored(naive_answers(few.presets, len(checks))),
        "nearest": scored(nearest_answers(few.features, few.presets, checks.features)),
    }
    # Those that the temperatures were not found on.
    others = checks.select(slice(1, None, 2))
    sure = calibration(distributions(model, others.features), others.presets, model.config)
    return {
        # Names only: where a folder lay on this machine concerns nobody who gets the checkpoint.
        "run": run.record | {"data": run.data and _public_name(run.data), "base": base and base.name},
        "base": None if base is None else _read_record(base.folder),
        "sounds": len(sounds.examples) if isinstance(sounds, ExampleSteps) else sounds.steps * sounds.new,
        "validation_sounds": len(checks),
        "nearest_among": len(few),
        "parameters": sum(p.numel() for p in model.parameters()),
        "build": _build(run.data, checks.presets.collection, engine),
        "encoder_rate": ENCODER_RATE if model.config.ast is not None else None,
        "engine_version": None if engine is None else engine.version,
        "versions": {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers")},
        "validation": {name: jsonable(asdict(scores)) for name, scores in validation.items()},
        "calibration": jsonable({name: value for name, value in asdict(sure).items() if name != "reliability"}),
    }


def _build(data: str | None, collection: Collection, engine: Engine | None) -> str | None:
    """The command that makes the dataset again, if it is a build."""
    if data is None or is_repo_id(data):
        return None
    try:
        if not Path(data).is_dir():
            return locate(data, collection, engine)["build"]
        plan = finished_plan(Path(data), collection, engine)
    except InputError:
        return None  # Of another version of the package.
    return None if plan is None else build_command(plan)


def _public_name(data: str) -> str:
    return data if is_repo_id(data) else Path(data).resolve().name


def _read_record(folder: Path) -> dict[str, Any] | None:
    """How the checkpoint that a run began with was trained, if it is one of ours and says so."""
    try:
        record = read_json(folder / RECORD_FILE)
    except InputError:
        return None
    return record if "run" in record else None


def save_checkpoint(
    model: SecretSauceModel,
    extractor: SecretSauceFeatureExtractor,
    out: str | Path,
    record: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint, its weights in half precision; each file appears whole, the weights last.

    Args:
        model: the model.
        extractor: makes its inputs.
        out: the folder.
        record: how it was trained.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    temporary = out / ".saving"
    if temporary.exists():
        shutil.rmtree(temporary)
    weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
    model.save_pretrained(temporary, state_dict=weights)
    extractor.save_pretrained(temporary)
    if record is not None:
        (temporary / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for path in sorted(temporary.iterdir(), key=lambda path: path.suffix == ".safetensors"):
        path.chmod(0o644)  # safetensors lets nobody but the owner read
        path.replace(out / path.name)
    temporary.rmdir()
