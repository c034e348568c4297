"""Training a checkpoint with transformers' Trainer."""

import json
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from transformers import TrainerCallback, TrainingArguments

from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.plan import build_command
from secret_sauce_hf.data.source import locate, pinned
from secret_sauce_hf.engines import Engine, engine_names, find_engine, get_engine
from secret_sauce_hf.files import jsonable, write_whole
from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.priors import BOTH, PRIORS, UNIFORM, check_prior
from secret_sauce_hf.metrics.scores import Scores, score
from secret_sauce_hf.modeling.checkpoint_secret_sauce import read_json
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.outputs import check_folder, expanded
from secret_sauce_hf.presets import Presets, draw_presets
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
    TrainingConfig,
    current_names,
)
from secret_sauce_hf.training.data import Examples, built_takes, concatenate, extract, fresh_takes
from secret_sauce_hf.training.kept import last_checkpoint
from secret_sauce_hf.training.optimizer import ENCODER_RATE
from secret_sauce_hf.training.references import naive_answers, nearest_answers
from secret_sauce_hf.training.stream import FreshStream, default_workers
from secret_sauce_hf.training.strokes import built_strokes, extract_strokes, fresh_strokes
from secret_sauce_hf.training.trainer import PresetTrainer, tell_on_standard_error

VALIDATION_SEED = 1_000_000_007
"""Added to the run's seed for the validation rows."""
HELD_OUT = 0.1
"""Share of the train rows to validate on, where no engine renders fresh ones."""
REFERENCES = 5_000
"""Train sounds among which the nearest is looked for: every distance to every one is computed."""
DRAWN = 20_000
"""Rows that tell how settings are spread where they are not heard."""
EVALUATIONS = 20
"""How many times a run is validated and saved."""
RUN_FILE = "run.json"
RECORD_FILE = "training.json"
CLOCK_FILE = "seconds"


@dataclass(frozen=True)
class _Run:
    """What a run depends on; a resumed one must be the same."""

    collection: str
    data: str | None
    data_revision: str | None
    fresh: int
    epochs: float
    batch_size: int
    validation: int
    seed: int
    learning_rate: float
    matrix_learning_rate: float
    hidden_size: int
    layers: int
    sampler_layers: int
    augment: bool
    precision: str
    base: str | None
    base_revision: str | None
    prior: str = UNIFORM

    @property
    def streams(self) -> bool:
        """Whether sounds are rendered while the model trains."""
        return self.data is None

    @property
    def record(self) -> dict[str, Any]:
        """Ready for JSON. Where it does not tell the prior, it is uniform."""
        record = asdict(self)
        if self.prior == UNIFORM:
            del record["prior"]
        return record


def train(
    collection: str | Collection,
    data: str | Path | None,
    out: str | Path,
    config: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    *,
    resume: bool = False,
    workers: int | None = None,
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
    its own part of the fresh sounds.

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
        workers: processes that render; one per core but one if None. The result does not
            depend on it.
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
    run = _Run(
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
    earlier = _check_folder(out, work, resume)
    opened = None
    if config.base is not None:
        # The same commit as before, should there be a newer one.
        opened = open_base(config.base, earlier.get("base_revision") if earlier else None)
        run = replace(
            run,
            hidden_size=config.hidden_size or opened.hidden_size,
            layers=config.layers or opened.layers,
            base_revision=opened.revision,
        )
    if data is not None:
        # And of the data.
        revision = (earlier or {}).get("data_revision") or locate(data, None, None)["revision"]
        run = replace(run, data_revision=revision)
    if earlier is not None:
        _check_same(run, earlier, out)

    model, extractor = first_model(collection, opened, run.hidden_size, run.layers, run.seed, run.sampler_layers)
    processes = PartialState(cpu=not torch.accelerator.is_available())
    main = processes.is_main_process
    examples, checks = _examples(run, collection, engine, extractor, processes, progress and main)
    rows = (
        examples.presets
        if isinstance(examples, Examples)
        else draw_presets(collection, DRAWN, run.seed, prior=UNIFORM if run.prior == BOTH else run.prior)
    )
    set_unheard(model, rows)
    # All have looked at the folder before one of them makes it.
    processes.wait_for_everyone()
    if not resume and main:
        # Only now: a mistake in the arguments must not leave a folder in the way of the next try.
        work.mkdir(parents=True)
        write_whole(work / RUN_FILE, (json.dumps(run.record, indent=2) + "\n").encode())
    shown = progress and sys.stderr is not None and sys.stderr.isatty()
    trainer = PresetTrainer(
        model,
        _arguments(run, examples, work, shown),
        learning_rate=run.learning_rate,
        matrix_learning_rate=run.matrix_learning_rate,
        workers=workers,
        train_dataset=examples,
        eval_dataset=checks,
        processing_class=extractor,
    )
    tell_on_standard_error(trainer, shown)
    clock = _Clock(work / CLOCK_FILE)
    for callback in (clock, *callbacks):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=last_checkpoint(work) if resume else None)

    seconds = round(clock.seconds(), 1)
    model = trainer.accelerator.unwrap_model(trainer.model).cpu().eval()
    calibrate(model, checks.select(slice(0, None, 2)))
    record = _record(run, opened, engine, model, examples, checks)
    record |= {"seconds": seconds, "machine": machine()}
    record["history"] = _history(trainer.state.log_history, run, seconds)
    if main:
        save_checkpoint(model, extractor, out, record)
        shutil.rmtree(work)
    trainer.accelerator.wait_for_everyone()
    return record


def _precision(wanted: str) -> str:
    """What "auto" comes to on this machine."""
    if wanted != "auto":
        return wanted
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def _history(log: list[dict[str, Any]], run: _Run, seconds: float) -> list[dict[str, float]]:
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


def _check_folder(out: Path, work: Path, resume: bool) -> dict[str, Any] | None:
    """See that `out` is free for a run, or holds one if it is to be resumed: what that depended on."""
    check_folder(out, what="the checkpoint")
    if resume:
        if not (work / RUN_FILE).is_file():
            raise InputError(f"There is no interrupted run in {out}; leave out --resume to start one.")
        earlier = read_json(work / RUN_FILE)
        if OLD_NAMES.keys() & earlier.keys():
            # Its optimiser kept its state under other names, too.
            raise InputError(
                f"An earlier version of the package began the run in {out}, and this one cannot go on with it; start "
                "another in a new folder."
            )
        return earlier
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; choose a new folder, or resume the run in it (--resume).")
    return None


def _check_same(run: _Run, earlier: dict[str, Any], out: Path) -> None:
    """See that a run is the one that was interrupted."""
    earlier = {"prior": UNIFORM} | earlier
    if changed := [name for name, value in asdict(run).items() if earlier.get(name) != value]:
        name = changed[0]
        raise InputError(
            f"The run in {out} had {name} = {earlier.get(name)}, not {asdict(run)[name]}; "
            "resume it with its own arguments, or start another in a new folder."
        )


def _examples(
    run: _Run,
    collection: Collection,
    engine: Engine | None,
    extractor: SecretSauceFeatureExtractor,
    processes: PartialState,
    progress: bool,
) -> tuple[Examples | FreshStream, Examples]:
    """The sounds to train on and those to validate on."""
    examples: Examples | None = None
    checks: Examples | None = None
    if run.data is not None:
        data = pinned({"source": run.data.partition("@")[0], "revision": run.data_revision}, run.data)
        examples = _built(built_takes(data, collection), extractor, run.seed, title="reading", progress=progress)
    if run.validation and engine is not None:
        seed, bar = run.seed + VALIDATION_SEED, {"title": "validation sounds", "progress": progress}
        checks = _fresh(engine, collection, extractor, run.validation, seed, run.prior, **bar)
    elif examples is not None and (held := round(len(examples) * HELD_OUT)):
        checks = examples.select(slice(len(examples) - held, None))
        examples = examples.select(slice(0, len(examples) - held))
    if checks is None:
        raise InputError(
            "There is nothing to validate on: give validation rows, or a dataset of at least 5 train rows."
        )
    if run.streams and engine is not None:
        steps = max(1, round(run.epochs * run.fresh / run.batch_size))
        stream = FreshStream(
            engine,
            collection,
            extractor,
            batch_size=run.batch_size,
            steps=steps,
            repeats=round(run.epochs),
            seed=run.seed,
            augment=run.augment,
            prior=run.prior,
            share=(processes.process_index, processes.num_processes),
        )
        return stream, checks
    assert examples is not None
    if run.fresh and engine is not None:
        bar = {"title": "fresh sounds", "progress": progress}
        rendered = _fresh(engine, collection, extractor, run.fresh, run.seed, run.prior, **bar)
        examples = concatenate(examples, rendered)
    return examples, checks


def _fresh(
    engine: Engine,
    collection: Collection,
    extractor: SecretSauceFeatureExtractor,
    count: int,
    seed: int,
    prior: str,
    **bar: Any,
) -> Examples:
    """Fresh sounds as the engine makes them, of whole takes or, for a model of notes, of strokes."""
    if extractor.reads_strokes:
        strokes = fresh_strokes(engine, collection, extractor, count, seed, prior)
        return extract_strokes(strokes, extractor, total=count, **bar)
    return extract(fresh_takes(engine, collection, count, seed, prior), extractor, total=count, **bar)


def _built(
    takes: Iterator[tuple[np.ndarray, Presets]], extractor: SecretSauceFeatureExtractor, seed: int, **bar: Any
) -> Examples:
    """The sounds of a dataset, of whole takes or, for a model of notes, of a stroke of each."""
    if extractor.reads_strokes:
        return extract_strokes(built_strokes(takes, extractor, seed), extractor, **bar)
    return extract(takes, extractor, **bar)


def _arguments(run: _Run, examples: Examples | FreshStream, work: Path, progress: bool) -> TrainingArguments:
    if isinstance(examples, FreshStream):
        steps = examples.steps
    else:
        steps = max(1, round(run.epochs * len(examples) / run.batch_size))
    interval = max(1, steps // EVALUATIONS)
    return TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=run.batch_size,
        per_device_eval_batch_size=run.batch_size,
        lr_scheduler_type="cosine",
        warmup_steps=min(100, steps // 10),
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        greater_is_better=False,
        logging_steps=interval,
        dataloader_pin_memory=False,
        # A stream goes on where it was; rendering what it has shown already would take as long as before.
        ignore_data_skip=run.streams,
        bf16=run.precision == "bf16",
        # Or several processes on processors would not know of each other.
        use_cpu=not torch.accelerator.is_available(),
        report_to="none",
        seed=run.seed,
        disable_tqdm=not progress,
    )


class _Clock(TrainerCallback):
    """How long a run has trained, over all of its parts.

    Args:
        path: keeps the seconds up to the last checkpoint.
    """

    def __init__(self, path: Path):
        self._path = path
        self._before = float(path.read_text(encoding="utf-8")) if path.is_file() else 0.0
        self._start = time.perf_counter()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """As of `TrainerCallback`."""
        self._start = time.perf_counter()

    def on_save(self, *_: Any, **__: Any) -> None:
        """As of `TrainerCallback`."""
        write_whole(self._path, str(self.seconds()).encode())

    def seconds(self) -> float:
        """Wall clock of training and validation, without the time before a part that was resumed."""
        return self._before + time.perf_counter() - self._start


def _record(
    run: _Run,
    base: Base | None,
    engine: Engine | None,
    model: SecretSauceModel,
    examples: Examples | FreshStream,
    checks: Examples,
) -> dict[str, Any]:
    if isinstance(examples, FreshStream):
        sounds = examples.steps * examples.new
        few = _fresh(
            *(examples.engine, checks.presets.collection, examples.extractor),
            *(min(sounds, REFERENCES), run.seed, examples.prior),
            progress=False,
        )
    else:
        sounds, few = len(examples), examples.select(slice(0, REFERENCES))
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
        "sounds": sounds,
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
