"""Training a checkpoint with transformers' Trainer."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import EvalPrediction, Trainer, TrainerCallback, TrainingArguments

from secret_sauce_hf.engines import engine_version, has_engine
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.loading import load_pipeline
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.training.data import Examples, built_takes, collate, concatenate, extract, fresh_takes
from secret_sauce_hf.training.evaluation import answers_of, naive_answers, nearest_answers, predict, score
from secret_sauce_hf.training.optimizer import MuonAdamW

PATCHES = {"short_mels": 4, "long_mels": 2, "envelope": 20, "modulation": 6}
"""Frames per token of every input: 23 to 50 ms, or half an octave of modulation rates."""
VALIDATION_SEED = 1_000_000_007
"""Added to the run's seed for the validation rows."""
HELD_OUT = 0.1
"""Share of the train rows to validate on, where no engine renders fresh ones."""
EVALUATIONS = 20
"""How many times a run is validated and saved."""
RUN_FILE = "run.json"
RECORD_FILE = "training.json"


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
    start: str | None


def train(
    collection: str | Collection,
    data: str | Path | None,
    out: str | Path,
    *,
    fresh: int = 0,
    epochs: float = 10.0,
    batch_size: int = 64,
    validation: int = 1_000,
    seed: int = 0,
    resume: bool = False,
    rate: float = 1.5e-3,
    matrix_rate: float = 0.02,
    hidden_size: int = 128,
    layers: int = 4,
    start: str | Path | None = None,
    progress: bool = True,
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, Any]:
    """Train a model, from scratch or from another checkpoint, and write its checkpoint.

    Sounds come from the train rows of a built dataset, from fresh rows rendered on the
    way (half of them in session), or both. It is validated on fresh rows of another
    seed, in the same way, or on the last tenth of the train rows where no engine
    renders the instrument; never on test rows. The weights of the least validation loss
    are kept.

    Args:
        collection: the collection or its name.
        data: folder of a dataset that `build_collection` made; None for fresh rows only.
        out: folder of the checkpoint. While training, `out/.training` holds what is
            needed to resume.
        fresh: how many fresh rows to render; they take 35 KB of memory each.
        epochs: how often every sound is seen.
        batch_size: sounds per step.
        validation: how many fresh rows to validate on.
        seed: of the fresh rows, of the first weights and of the order.
        resume: go on with an interrupted run of the same arguments.
        rate: learning rate of AdamW.
        matrix_rate: learning rate of Muon.
        hidden_size: width of a model from scratch.
        layers: number of its layers.
        start: folder of a checkpoint, of any collection, whose weights to begin with where
            name and shape are the same.
        progress: whether to show progress bars.
        callbacks: of the Trainer, besides its own.

    Returns:
        The record also written to `out/training.json`: the arguments, the versions, and
        the validation scores of the model and of simple references.

    Raises:
        InputError: no sounds, a collection or dataset that does not fit, a folder that
            holds another run.
    """
    collection = get_collection(collection)
    run = _Run(
        collection=collection.name,
        data=None if data is None else str(data),
        fresh=fresh,
        epochs=float(epochs),
        batch_size=batch_size,
        validation=validation,
        seed=seed,
        rate=rate,
        matrix_rate=matrix_rate,
        hidden_size=hidden_size,
        layers=layers,
        start=None if start is None else str(start),
    )
    _check(run, collection)
    out = Path(out)
    work = out / ".training"
    _check_folder(out, work, run, resume)

    model, extractor = _model(run, collection)
    examples, checks = _examples(run, collection, extractor, progress)
    if not resume:
        # Only now: a mistake in the arguments must not leave a folder in the way of the next try.
        work.mkdir(parents=True)
        write_whole(work / RUN_FILE, (json.dumps(asdict(run), indent=2) + "\n").encode())
    trainer = _trainer(model, run, examples, checks, work, progress)
    for callback in callbacks:
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(work) if resume else None)

    record = _record(run, collection, model, examples, checks)
    save_checkpoint(model, extractor, out, record)
    shutil.rmtree(work)
    return record


def _check(run: _Run, collection: Collection) -> None:
    if run.data is None and run.fresh <= 0:
        raise InputError("There is nothing to train on: give a dataset (--data) or a number of fresh sounds (--fresh).")
    if not collection.parameters:
        raise InputError(f"{collection.name} has no parameters to tell.")
    if run.fresh > 0 and not has_engine(collection.instrument.name):
        raise InputError(
            f"No engine renders fresh sounds of {collection.instrument.name}; train on a dataset (--data)."
        )
    for name in ("fresh", "validation", "seed"):
        if getattr(run, name) < 0:
            raise InputError(f"{name} must not be negative, got {getattr(run, name)}.")
    for name in ("epochs", "batch_size", "rate", "matrix_rate", "hidden_size", "layers"):
        if not getattr(run, name) > 0:
            raise InputError(f"{name} must be positive, got {getattr(run, name)}.")


def _check_folder(out: Path, work: Path, run: _Run, resume: bool) -> None:
    """See that `out` is free for this run, or holds it if it is to be resumed."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder for the checkpoint.")
    record = work / RUN_FILE
    if resume:
        if not record.is_file():
            raise InputError(f"There is no interrupted run in {out}; leave out --resume to start one.")
        earlier = json.loads(record.read_text(encoding="utf-8"))
        if changed := [name for name, value in asdict(run).items() if earlier.get(name) != value]:
            name = changed[0]
            raise InputError(
                f"The run in {out} had {name} = {earlier.get(name)}, not {asdict(run)[name]}; "
                "resume it with its own arguments, or start another in a new folder."
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; choose a new folder, or resume the run in it (--resume).")


def _model(run: _Run, collection: Collection) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
    """The model to begin with, and what makes its inputs."""
    extractor = SecretSauceFeatureExtractor(
        take_samples=collection.samples, note_on=collection.timing.note_on - collection.timing.cut[0]
    )
    config = SecretSauceConfig.from_collection(
        collection,
        inputs=[record | {"patch": PATCHES[record["name"]]} for record in extractor.input_sizes()],
        hidden_size=run.hidden_size,
        intermediate_size=4 * run.hidden_size,
        num_hidden_layers=run.layers,
    )
    with torch.random.fork_rng():
        torch.manual_seed(run.seed)
        model = SecretSauceModel(config)
    if run.start is not None:
        _take_over(model, load_pipeline(run.start).model)
    return model, extractor


def _take_over(model: SecretSauceModel, start: SecretSauceModel) -> None:
    """Take the weights of the same name and shape from another model; the others keep their first values."""
    mine, theirs = model.state_dict(), start.state_dict()
    common = {name: theirs[name] for name in mine if name in theirs and theirs[name].shape == mine[name].shape}
    if not any(name.startswith("layers.") for name in common):
        raise InputError("The checkpoint to start from has layers of another size than the model to train.")
    model.load_state_dict(common, strict=False)


def _examples(
    run: _Run, collection: Collection, extractor: SecretSauceFeatureExtractor, progress: bool
) -> tuple[Examples, Examples]:
    """The sounds to train on and those to validate on."""
    examples = checks = None
    if run.data is not None:
        examples = extract(built_takes(run.data, collection), extractor, title="reading", progress=progress)
    if run.validation and has_engine(collection.instrument.name):
        takes = fresh_takes(collection, run.validation, run.seed + VALIDATION_SEED)
        checks = extract(takes, extractor, total=run.validation, title="validation sounds", progress=progress)
    elif examples is not None and (held := round(len(examples) * HELD_OUT)):
        checks = examples.select(slice(len(examples) - held, None))
        examples = examples.select(slice(0, len(examples) - held))
    if checks is None:
        raise InputError(
            "There is nothing to validate on: give validation rows, or a dataset of at least 5 train rows."
        )
    if run.fresh:
        takes = fresh_takes(collection, run.fresh, run.seed)
        rendered = extract(takes, extractor, total=run.fresh, title="fresh sounds", progress=progress)
        examples = rendered if examples is None else concatenate(examples, rendered)
    if examples is None:
        raise InputError("There is nothing to train on.")
    return examples, checks


def _trainer(
    model: SecretSauceModel, run: _Run, examples: Examples, checks: Examples, work: Path, progress: bool
) -> Trainer:
    steps = max(1, round(run.epochs * len(examples) / run.batch_size))
    interval = max(1, steps // EVALUATIONS)
    arguments = TrainingArguments(
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
        label_names=model.config.label_names,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        report_to="none",
        seed=run.seed,
        disable_tqdm=not progress,
    )
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and name.startswith("layers.")]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizer = MuonAdamW(matrices, others, matrix_rate=run.matrix_rate, rate=run.rate)

    def measure(prediction: EvalPrediction) -> dict[str, float]:
        logits = dict(zip(model.config.label_names, prediction.predictions, strict=True))
        scores = score(answers_of(logits, model.config), checks.presets)
        totals = {"knob_mae": scores.knob_mae, "switch_accuracy": scores.switch_accuracy}
        return {name: value for name, value in totals.items() if np.isfinite(value)} | scores.per_parameter

    return Trainer(
        model=model,
        args=arguments,
        train_dataset=examples,
        eval_dataset=checks,
        data_collator=collate,
        compute_metrics=measure,
        optimizers=(optimizer, None),
    )


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
    run: _Run, collection: Collection, model: SecretSauceModel, examples: Examples, checks: Examples
) -> dict[str, Any]:
    model.eval()
    validation = {
        "model": score(predict(model, checks.features), checks.presets),
        "naive": score(naive_answers(examples.presets, len(checks)), checks.presets),
    }
    # Every distance to every train sound is computed: a few thousand tell enough.
    few = examples.select(slice(0, 5_000))
    validation["nearest"] = score(nearest_answers(few.features, few.presets, checks.features), checks.presets)
    instrument = collection.instrument.name
    return {
        # Names only: where a folder lay on this machine concerns nobody who gets the checkpoint.
        "run": asdict(run) | {key: Path(path).name for key in ("data", "start") if (path := getattr(run, key))},
        "start": _read_record(run.start),
        "sounds": len(examples),
        "validation_sounds": len(checks),
        "nearest_among": len(few),
        "parameters": sum(p.numel() for p in model.parameters()),
        "engine_version": engine_version(instrument) if has_engine(instrument) else None,
        "versions": {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers")},
        "validation": {name: _without_nan(asdict(scores)) for name, scores in validation.items()},
    }


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    """Null for NaN, which JSON does not know."""
    return {
        key: _without_nan(value) if isinstance(value, dict) else value if np.isfinite(value) else None
        for key, value in values.items()
    }


def _read_record(folder: str | None) -> dict[str, Any] | None:
    """How the checkpoint that a run started from was trained, if it says so."""
    if folder is None or not (Path(folder) / RECORD_FILE).is_file():
        return None
    return json.loads((Path(folder) / RECORD_FILE).read_text(encoding="utf-8"))


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
