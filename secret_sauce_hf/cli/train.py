"""`secret-sauce train` and `evaluate`: parse, run, print."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secret_sauce_hf.cli.inputs import check_checkpoint, check_dataset
from secret_sauce_hf.cli.launched import is_first
from secret_sauce_hf.cli.terminal import (
    WHOLE,
    AsJson,
    CollectionName,
    checkpoint_names,
    print_all,
    print_json,
    table_of,
    tell,
)
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.processors import launched
from secret_sauce_hf.progress import say
from secret_sauce_hf.training.config import TrainingConfig, help_of

if TYPE_CHECKING:
    from secret_sauce_hf.evaluation import Evaluation
    from secret_sauce_hf.instruments import Collection

app = typer.Typer()
_DEFAULTS = TrainingConfig()


def _setting(name: str, **options: Any) -> Any:
    """An option for a setting of a run, with the text that `TrainingConfig` has for it."""
    return typer.Option(help=help_of(name), **options)


@app.command()
def train(
    collection: CollectionName,
    out: Annotated[Path, typer.Option(metavar="CKPT", help="The folder of the checkpoint.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME",
            help="A dataset, in a folder or on the Hub; its train rows are used.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[int, _setting("fresh", **WHOLE)] = _DEFAULTS.fresh,
    base: Annotated[
        str | None, _setting("base", metavar="CKPT|ORG/NAME", autocompletion=checkpoint_names, show_default=False)
    ] = None,
    epochs: Annotated[float | None, _setting("epochs", show_default=False)] = _DEFAULTS.epochs,
    batch_size: Annotated[int, _setting("batch_size", **WHOLE)] = _DEFAULTS.batch_size,
    validation: Annotated[int, _setting("validation", **WHOLE)] = _DEFAULTS.validation,
    seed: Annotated[int, _setting("seed", **WHOLE)] = _DEFAULTS.seed,
    learning_rate: Annotated[float, _setting("learning_rate")] = _DEFAULTS.learning_rate,
    matrix_learning_rate: Annotated[float, _setting("matrix_learning_rate")] = _DEFAULTS.matrix_learning_rate,
    rate: Annotated[float | None, typer.Option(hidden=True)] = None,
    matrix_rate: Annotated[float | None, typer.Option(hidden=True)] = None,
    augment: Annotated[bool, _setting("augment")] = _DEFAULTS.augment,
    prior: Annotated[str, _setting("prior", metavar="PRIOR")] = _DEFAULTS.prior,
    precision: Annotated[str, _setting("precision")] = _DEFAULTS.precision,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that render, for each that trains; one per core of its share but one if not given.",
            show_default=False,
            **WHOLE,
        ),
    ] = None,
    micro_batch: Annotated[
        int | None,
        typer.Option(
            help="How many sounds a process takes at a time, to bound its memory; all of its share of a step if not "
            "given. The model does not depend on it.",
            show_default=False,
            **WHOLE,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run of the same options.")
    ] = False,
) -> None:
    """Train a model, from scratch or another, from a dataset, from freshly rendered sounds, or from both.

    Ctrl-C leaves what --resume goes on from. Several GPUs or machines: accelerate launch -m secret_sauce_hf train …,
    which share every step of --batch-size sounds.

    [bold]Examples[/bold]

    secret-sauce train noisemaker-light --data light --out my-model

    secret-sauce train noisemaker-light --fresh 100000 --out my-model

    secret-sauce train noisemaker --fresh 100000 --prior musical --out my-model

    secret-sauce train my-synth.json --data takes --base MIT/ast-finetuned-audioset-10-10-0.4593 --out my-model
    """
    declared = get_collection(collection)
    check_dataset(data)
    check_checkpoint(base)
    out = check_folder(out, what="the checkpoint")

    from secret_sauce_hf.training import train as run_training

    try:
        record = run_training(
            declared,
            data,
            out,
            TrainingConfig(
                fresh=fresh,
                base=base,
                epochs=epochs,
                batch_size=batch_size,
                validation=validation,
                seed=seed,
                augment=augment,
                prior=prior,
                precision=precision,
                # The names of version 0.1.
                learning_rate=learning_rate if rate is None else rate,
                matrix_learning_rate=matrix_learning_rate if matrix_rate is None else matrix_rate,
            ),
            workers=workers,
            micro_batch=micro_batch,
            resume=resume,
        )
    except KeyboardInterrupt:
        if is_first() and (out / ".training").is_dir():
            say(f"{out} keeps what was saved: the same command with --resume goes on from there.")
        raise
    if launched()[1] > 1:
        from accelerate import PartialState

        PartialState().destroy_process_group()
    if not is_first():
        return
    scores = record["validation"]
    _print_scores(
        collection,
        {who: score["per_parameter"] for who, score in scores.items()},
        "Mean absolute error of knobs, 0 to 10, and accuracy of switches on validation sounds:",
    )
    sure = record["calibration"]
    told = [
        f"{value:.3f} {what}"
        for value, what in (
            (sure["error"], "calibration error of switches"),
            (sure["mean_coverage"], "of the knobs within their 80 % intervals"),
        )
        if value is not None
    ]
    tell(", ".join(told) + ".")
    tell(f"Wrote {out}; use it with secret-sauce match SOUND --model {out}")


@app.command()
def finish(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A trained checkpoint of a collection of notes.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="CKPT", help="The folder of the finished one.", show_default=False)],
    listener: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="What hears the notes, from secret-sauce listener; the checkpoint's own if not given.",
            show_default=False,
        ),
    ] = None,
    strangers: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Sounds that the instrument did not make; those of other engines alone if not given.",
            show_default=False,
        ),
    ] = None,
    sounds: Annotated[int, typer.Option(help="Fresh sounds for each part.", **WHOLE)] = 1_500,
    seed: Annotated[int, typer.Option(help="Of these sounds.", **WHOLE)] = 0,
) -> None:
    """Finish a model of notes: what hears the notes, how sure it may be, and which sounds are not its instrument's.

    Takes minutes; the model's presets stay as they are.

    [bold]Examples[/bold]

    secret-sauce finish my-model --listener my-listener --out finished

    secret-sauce finish my-model --listener my-listener --strangers other-instruments --out finished
    """
    check_checkpoint(model)
    out = check_folder(out, what="the checkpoint")

    from secret_sauce_hf.training.finishing import finish as run_finish

    told = run_finish(model, out, listener=listener, strangers=strangers, sounds=sounds, seed=seed)["finished"]
    sure, domain = told["calibration"], told["domain"]
    tell(
        f"{sure['error']:.3f} calibration error of switches, {sure['mean_coverage']:.3f} of the knobs within their "
        f"80 % intervals; its own sounds told from others with an AUROC of {domain['auroc']:.3f}"
        + (f", from {told['strangers']} files {domain['files']:.3f}." if told["strangers"] else ".")
    )
    tell(f"Wrote {out}; use it with secret-sauce match SOUND --model {out}")


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            autocompletion=checkpoint_names,
            help="A checkpoint's folder, a repository on the Hub, or the name of one that ships.",
            show_default=False,
        ),
    ],
    data: Annotated[
        str,
        typer.Option(metavar="DIR|ORG/NAME", help="The dataset, in a folder or on the Hub.", show_default=False),
    ],
    split: Annotated[str, typer.Option(help="Which of its rows.")] = "test",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for record and picture; the checkpoint's own if it is a folder, else ./<name>-evaluation.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score a model on rows it was not trained on, beside simple references; what its card shows is from here.

    [bold]Examples[/bold]

    secret-sauce evaluate my-model --data light

    secret-sauce evaluate secret-sauce/ast-noisemaker-light --data secret-sauce/noisemaker-light
    """
    check_checkpoint(model)
    check_dataset(data)
    folder = Path(model) if Path(model).is_dir() else Path(f"{Path(model).name}-evaluation")
    folder = check_folder(out or folder, what="the evaluation")

    from secret_sauce_hf.evaluation import evaluate as run_evaluation

    found = run_evaluation(model, data, split=split)
    facts = found.data
    try:
        if as_json:
            print_json(found.to_dict())
        else:
            _print_evaluation(found, facts, split)
    finally:
        # Even if nobody reads what is printed.
        files = found.save(folder)
    for path in files:
        say(f"Wrote {path}")


def _print_evaluation(found: "Evaluation", facts: "dict[str, Any]", split: str) -> None:
    """The scores of a model beside simple references, and how far the rendered answers are from the sounds."""
    _print_scores(
        found.collection,
        {
            who: {"mean of the knobs": scores.knob_mae, "mean of the switches": scores.switch_accuracy}
            | scores.per_parameter
            for who, scores in found.scores.items()
        },
        f"{facts['rows']:,} {split} rows; mean absolute error of knobs, 0 to 10, and accuracy of switches; naive "
        f"and nearest know {facts['references']:,} train rows:",
    )
    if found.sounds:
        print_all(
            f"Median MSS of the first {found.sounds['rows']}, rendered: "
            + ", ".join(f"{who} {value:.2f} dB" for who, value in found.sounds.items() if who != "rows")
            + " (floor: the truth rendered again)."
        )


def _print_scores(collection: "str | Collection", scores: dict[str, dict[str, float]], title: str) -> None:
    """A line per parameter, a column per way to answer."""
    table = table_of("parameter", *scores, numbers=list(scores))
    columns = get_collection(collection).columns
    first = next(iter(scores.values()))
    # Where there are no switches they have no mean.
    means = [name for name in first if name not in columns and not math.isnan(first[name])]
    for name in [*means, *columns]:
        table.add_row(name, *(f"{values[name]:.3f}" for values in scores.values()))
    print_all(title, table)
