"""Training a checkpoint with transformers' Trainer."""

import json
import os
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from transformers import TrainerCallback, TrainingArguments

from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.plan import build_command
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.metrics.scores import Scores, score
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.remote import is_repo_id
from secret_sauce_hf.training.answering import distributions, predict
from secret_sauce_hf.training.base import HIDDEN_SIZE, LAYERS, SAMPLER_LAYERS, Base, first_model, open_base
from secret_sauce_hf.training.calibration import calibrate, calibration, set_unheard
from secret_sauce_hf.training.data import Examples, built_takes, concatenate, extract, fresh_takes
from secret_sauce_hf.training.optimizer import ENCODER_RATE, MATRIX_RATE, RATE
from secret_sauce_hf.training.references import naive_answers, nearest_answers
from secret_sauce_hf.training.stream import FreshStream, default_workers
from secret_sauce_hf.training.trainer import PresetTrainer

VALIDATION_SEED = 1_000_000_007
"""Added to the run's seed for the validation rows."""
HELD_OUT = 0.1
"""Share of the train rows to validate on, where no engine renders fresh ones."""
EPOCHS, FRESH_EPOCHS = 10, 2
"""How often a sound of a dataset is seen, and a fresh one."""
PRECISIONS = ("auto", "fp32", "bf16")
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
    fresh: int
    epochs: float
    batch_size: int
    validation: int
    seed: int
    rate: float
    matrix_rate: float
    hidden_size: int
    layers: int
    sampler_layers: int
    augmented: bool
    precision: str
    base: str | None
    base_revision: str | None

    @property
    def streams(self) -> bool:
        """Whether sounds are rendered while the model trains."""
        return self.data is None


def train(
    collection: str | Collection,
    data: str | Path | None,
    out: str | Path,
    *,
    fresh: int = 0,
    epochs: float | None = None,
    batch_size: int = 64,
    validation: int = 1_000,
    seed: int = 0,
    resume: bool = False,
    rate: float = RATE,
    matrix_rate: float = MATRIX_RATE,
    hidden_size: int | None = None,
    layers: int | None = None,
    sampler_layers: int = SAMPLER_LAYERS,
    augmented: bool = True,
    precision: str = "auto",
    workers: int | None = None,
    base: str | Path | None = None,
    progress: bool = True,
    callbacks: Sequence[TrainerCallback] = (),
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

    Args:
        collection: the collection or its name.
        data: a dataset with train rows, as of `iter_takes`: a folder, or `ORG/NAME` on the
            Hub; None for fresh rows only.
        out: folder of the checkpoint. While training, `out/.training` holds what is
            needed to resume.
        fresh: how many fresh rows to render. With a dataset they are rendered first, and
            take 35 KB of memory each.
        epochs: how often every sound is seen; 10 times if None, fresh ones without a
            dataset twice (then a whole number).
        batch_size: sounds per step; of a dataset, per step and process.
        validation: how many fresh rows to validate on.
        seed: of the fresh rows, of the first weights and of the order.
        resume: go on with an interrupted run of the same arguments.
        rate: learning rate of AdamW; an AST encoder has its own, `optimizer.ENCODER_RATE`.
        matrix_rate: learning rate of Muon.
        hidden_size: width of the model; that of the base, or 128, if None.
        layers: number of its layers; those of the base, or 4, if None.
        sampler_layers: number of layers of the sampler of whole presets; none if 0.
        augmented: whether some of the fresh takes are changed as recordings might be, see
            `augmentation`; with a dataset none are.
        precision: "fp32", "bf16" (mixed), or "auto": mixed on a GPU that can.
        workers: processes that render; one per core but one if None. The result does not
            depend on it.
        base: a checkpoint to begin with: a folder, or a model on the Hub, `ORG/NAME` or
            `ORG/NAME@REVISION`. Of one of ours, for any collection, the weights of the
            same name and shape are taken. Of any other AST checkpoint of transformers the
            encoder is, and the sounds are heard as it heard those of its training.
        progress: whether to show progress bars.
        callbacks: of the Trainer, besides its own.

    Returns:
        The record also written to `out/training.json`: the arguments, the versions, how
        long it took on which machine, and the validation scores of the model and of
        simple references.

    Raises:
        InputError: no sounds, a collection or dataset that does not fit, a base that
            cannot be loaded, a folder that holds another run.
    """
    collection = get_collection(collection)
    out = Path(out)
    work = out / ".training"
    run = _Run(
        collection=collection.name,
        data=None if data is None else str(data),
        fresh=fresh,
        epochs=float((FRESH_EPOCHS if data is None else EPOCHS) if epochs is None else epochs),
        batch_size=batch_size,
        validation=validation,
        seed=seed,
        rate=rate,
        matrix_rate=matrix_rate,
        hidden_size=HIDDEN_SIZE if hidden_size is None else hidden_size,
        layers=LAYERS if layers is None else layers,
        sampler_layers=sampler_layers,
        augmented=augmented and data is None,
        precision=_precision(precision),
        base=None if base is None else str(base),
        base_revision=None,
    )
    _check(run, collection)
    earlier = _check_folder(out, work, resume)
    opened = None
    if base is not None:
        # The same commit as before, should there be a newer one.
        opened = open_base(base, earlier.get("base_revision") if earlier else None)
        run = replace(
            run,
            hidden_size=opened.hidden_size if hidden_size is None else hidden_size,
            layers=opened.layers if layers is None else layers,
            base_revision=opened.revision,
        )
    if earlier is not None:
        _check_same(run, earlier, out)

    model, extractor = first_model(collection, opened, run.hidden_size, run.layers, run.seed, run.sampler_layers)
    processes = PartialState(cpu=not torch.accelerator.is_available())
    main = processes.is_main_process
    examples, checks = _examples(run, collection, extractor, processes, progress and main)
    rows = examples.presets if isinstance(examples, Examples) else draw_presets(collection, DRAWN, run.seed)
    set_unheard(model, rows)
    # All have looked at the folder before one of them makes it.
    processes.wait_for_everyone()
    if not resume and main:
        # Only now: a mistake in the arguments must not leave a folder in the way of the next try.
        work.mkdir(parents=True)
        write_whole(work / RUN_FILE, (json.dumps(asdict(run), indent=2) + "\n").encode())
    trainer = PresetTrainer(
        model,
        _arguments(run, examples, work, progress),
        rate=run.rate,
        matrix_rate=run.matrix_rate,
        workers=default_workers() if workers is None else workers,
        train_dataset=examples,
        eval_dataset=checks,
        processing_class=extractor,
    )
    clock = _Clock(work / CLOCK_FILE)
    for callback in (clock, *callbacks):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(work) if resume else None)

    seconds = round(clock.seconds(), 1)
    model = trainer.accelerator.unwrap_model(trainer.model).cpu().eval()
    calibrate(model, checks.select(slice(0, None, 2)))
    record = _record(run, opened, collection, model, examples, checks)
    record |= {"seconds": seconds, "machine": machine()}
    record["history"] = _history(trainer.state.log_history, run, seconds)
    if main:
        save_checkpoint(model, extractor, out, record)
        shutil.rmtree(work)
    trainer.accelerator.wait_for_everyone()
    return record


def _precision(wanted: str) -> str:
    """What "auto" comes to on this machine."""
    if wanted not in PRECISIONS:
        raise InputError(f"precision is {wanted!r}; give one of {', '.join(PRECISIONS)}.")
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


def _check(run: _Run, collection: Collection) -> None:
    if run.data is None and run.fresh <= 0:
        raise InputError("There is nothing to train on: give a dataset (--data) or a number of fresh sounds (--fresh).")
    if not collection.parameters:
        raise InputError(f"{collection.name} has no parameters to tell.")
    if run.fresh > 0 and find_engine(collection) is None:
        raise InputError(
            f"No engine renders fresh sounds of {collection.instrument.name}; train on a dataset (--data)."
        )
    for name in ("fresh", "validation", "seed"):
        if getattr(run, name) < 0:
            raise InputError(f"{name} must not be negative, got {getattr(run, name)}.")
    if run.streams and run.epochs != round(run.epochs):
        raise InputError(f"Fresh sounds are seen a whole number of times each; epochs is {run.epochs}.")
    if run.sampler_layers < 0:
        raise InputError(f"sampler_layers must not be negative, got {run.sampler_layers}.")
    for name in ("epochs", "batch_size", "rate", "matrix_rate", "hidden_size", "layers"):
        if not getattr(run, name) > 0:
            raise InputError(f"{name} must be positive, got {getattr(run, name)}.")


def _check_folder(out: Path, work: Path, resume: bool) -> dict[str, Any] | None:
    """See that `out` is free for a run, or holds one if it is to be resumed: what that depended on."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder for the checkpoint.")
    if resume:
        if not (work / RUN_FILE).is_file():
            raise InputError(f"There is no interrupted run in {out}; leave out --resume to start one.")
        return json.loads((work / RUN_FILE).read_text(encoding="utf-8"))
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; choose a new folder, or resume the run in it (--resume).")
    return None


def _check_same(run: _Run, earlier: dict[str, Any], out: Path) -> None:
    """See that a run is the one that was interrupted."""
    if changed := [name for name, value in asdict(run).items() if earlier.get(name) != value]:
        name = changed[0]
        raise InputError(
            f"The run in {out} had {name} = {earlier.get(name)}, not {asdict(run)[name]}; "
            "resume it with its own arguments, or start another in a new folder."
        )


def _examples(
    run: _Run,
    collection: Collection,
    extractor: SecretSauceFeatureExtractor,
    processes: PartialState,
    progress: bool,
) -> tuple[Examples | FreshStream, Examples]:
    """The sounds to train on and those to validate on."""
    examples: Examples | None = None
    checks: Examples | None = None
    if run.data is not None:
        examples = extract(built_takes(run.data, collection), extractor, title="reading", progress=progress)
    if run.validation and find_engine(collection) is not None:
        takes = fresh_takes(collection, run.validation, run.seed + VALIDATION_SEED)
        checks = extract(takes, extractor, total=run.validation, title="validation sounds", progress=progress)
    elif examples is not None and (held := round(len(examples) * HELD_OUT)):
        checks = examples.select(slice(len(examples) - held, None))
        examples = examples.select(slice(0, len(examples) - held))
    if checks is None:
        raise InputError(
            "There is nothing to validate on: give validation rows, or a dataset of at least 5 train rows."
        )
    if run.streams:
        steps = max(1, round(run.epochs * run.fresh / run.batch_size))
        stream = FreshStream(
            collection,
            extractor,
            batch_size=run.batch_size,
            steps=steps,
            repeats=round(run.epochs),
            seed=run.seed,
            augmented=run.augmented,
            share=(processes.process_index, processes.num_processes),
        )
        return stream, checks
    assert examples is not None
    if run.fresh:
        takes = fresh_takes(collection, run.fresh, run.seed)
        rendered = extract(takes, extractor, total=run.fresh, title="fresh sounds", progress=progress)
        examples = concatenate(examples, rendered)
    return examples, checks


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
        self._before = float(path.read_text()) if path.is_file() else 0.0
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


def machine() -> str:
    """What trains here: the GPU, or the processor and how many cores of it may be used."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0] if names else platform.processor() or platform.machine()}, {cores} cores"


def _last_checkpoint(work: Path) -> str | None:
    """The last checkpoint that was written to its end, None if there is none; unfinished ones are removed."""
    finished = []
    for folder in work.glob("checkpoint-*"):
        # The Trainer writes this file last.
        if (folder / "trainer_state.json").is_file():
            finished.append(folder)
        else:
            shutil.rmtree(folder)
    return str(max(finished, key=lambda folder: int(folder.name.rpartition("-")[2]))) if finished else None


def _record(
    run: _Run,
    base: Base | None,
    collection: Collection,
    model: SecretSauceModel,
    examples: Examples | FreshStream,
    checks: Examples,
) -> dict[str, Any]:
    if isinstance(examples, FreshStream):
        sounds = examples.steps * examples.new
        takes = fresh_takes(collection, min(sounds, REFERENCES), run.seed)
        few = extract(takes, examples.extractor, progress=False)
    else:
        sounds, few = len(examples), examples.select(slice(0, REFERENCES))
    truth, heard = checks.presets, checks.presets.heard()

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
    engine = find_engine(collection)
    return {
        # Names only: where a folder lay on this machine concerns nobody who gets the checkpoint.
        "run": asdict(run) | {"data": run.data and _public_name(run.data), "base": base and base.name},
        "base": None if base is None else _read_record(base.folder),
        "sounds": sounds,
        "validation_sounds": len(checks),
        "nearest_among": len(few),
        "parameters": sum(p.numel() for p in model.parameters()),
        "build": _build(run.data),
        "encoder_rate": ENCODER_RATE if model.config.ast is not None else None,
        "engine_version": None if engine is None else engine.version,
        "versions": {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers")},
        "validation": {name: _without_nan(asdict(scores)) for name, scores in validation.items()},
        "calibration": _without_nan({name: value for name, value in asdict(sure).items() if name != "reliability"}),
    }


def _build(data: str | None) -> str | None:
    """The command that makes the dataset again, if it is a build."""
    if data is None or not Path(data).is_dir():
        return None
    try:
        plan = finished_plan(Path(data))
    except InputError:
        return None  # Of another version of the package.
    return None if plan is None else build_command(plan)


def _public_name(data: str) -> str:
    return data if is_repo_id(data) else Path(data).resolve().name


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    """Null for NaN, which JSON does not know."""
    return {
        key: _without_nan(value) if isinstance(value, dict) else value if np.isfinite(value) else None
        for key, value in values.items()
    }


def _read_record(folder: Path) -> dict[str, Any] | None:
    """How the checkpoint that a run began with was trained, if it is one of ours and says so."""
    path = folder / RECORD_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError:
        return None
    return record if isinstance(record, dict) and "run" in record else None


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
