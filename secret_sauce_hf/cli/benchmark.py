"""`secret-sauce benchmark`: parse, run, print."""

import shlex
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.inputs import check_checkpoint, check_dataset, input_file
from secret_sauce_hf.cli.terminal import (
    WHOLE,
    AsJson,
    CollectionName,
    checkpoint_names,
    print_all,
    print_json,
    table_of,
)
from secret_sauce_hf.evaluation.methods.registry import METHODS
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.matching.asked import NO_MODEL
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from rich.table import Table

    from secret_sauce_hf.engines import Engine
    from secret_sauce_hf.evaluation import Benchmark

app = typer.Typer()

_SHIPPED = "shipped"


@app.command()
def benchmark(
    collection: CollectionName,
    model: Annotated[
        str,
        typer.Option(
            metavar="CKPT|ORG/NAME|shipped|none",
            autocompletion=checkpoint_names,
            help="Our model: a checkpoint, or the one that ships, if one does; none to let matching begin without one.",
        ),
    ] = _SHIPPED,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME",
            help="A dataset with train and test rows; if not given, the rows of 2018 are rendered.",
            show_default=False,
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.parquet",
            help="Score these recordings instead of the test rows: settings as columns, sounds as FLAC in `flac`.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[int, typer.Option(help="How many sounds are searched for and compared as sound.", **WHOLE)] = 100,
    seconds: Annotated[float, typer.Option(help="Time of a search for one sound.")] = 10.0,
    baseline_seconds: Annotated[float, typer.Option(help="The most time to train each network to compare with.")] = 120,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WAY",
            help=f"Leave out a way to answer: {', '.join(METHODS.own)}, or one that another package brings.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="WAY", help="Let only this way to answer take part, and predictions.", show_default=False),
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Score the answers of another system: a line of JSON per sound, "
            '{"row": 0, "preset": {…}} or {"file": "s0.wav", "candidates": [{…}, …]}.',
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How often each network to compare with is trained.", **WHOLE)] = 3,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the results; ./<collection>-benchmark if not given.", show_default=False
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Measure nothing, and write the rows as a dataset that others can answer; publish it with "
            "`publish dataset`.",
            show_default=False,
        ),
    ] = None,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Export without settings; DIR-answers.parquet keeps them.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of searches, networks and confidence intervals.", **WHOLE)] = 0,
    same: Annotated[
        bool,
        typer.Option(
            help="Also tell which settings sound the same, by exchanging each by itself: as many renderings of every "
            "answer as there are parameters, hours of a slow engine."
        ),
    ] = True,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Render rows and answers on a Dask cluster whose scheduler is there, tcp://HOST:8786; searches, which "
            "are timed, stay here.",
            show_default=False,
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what an earlier run has kept.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare our model and its matching with baselines: settings, heard settings, sound and time, on the same sounds.

    An interrupted benchmark goes on where it stopped. Written into a checkpoint's folder, its card shows it.

    [bold]Examples[/bold]

    secret-sauce benchmark noisemaker-light --rows 5 --seconds 3

    secret-sauce benchmark noisemaker --model my-model --out my-model

    secret-sauce benchmark vital --rows 12 --no-same  # without hours of exchanging settings

    secret-sauce benchmark noisemaker --predictions theirs.jsonl --only model --only naive --only floor

    secret-sauce benchmark noisemaker-light --export light-benchmark --rows 200

    secret-sauce benchmark noisemaker-light --recordings real.parquet --without genetic --without genetic-renders
    """
    declared = get_collection(collection)
    check_checkpoint(None if model in (_SHIPPED, NO_MODEL) else model)
    check_dataset(data)
    recordings = None if recordings is None else input_file(recordings, "file of recordings")
    if hidden and export is None:
        raise InputError("--hidden is about what is exported: give a folder with --export DIR.")
    if export is not None:
        with _renderer(scheduler, declared) as renderer:
            _export(declared, export, data, recordings, rows, hidden, renderer)
        return
    files = [input_file(path, "file of predictions") for path in predictions or ()]
    folder = check_folder(out or Path(f"{Path(collection).stem}-benchmark"), what="the benchmark")

    from secret_sauce_hf.evaluation import benchmark as run

    options = {
        "--model": model if model == _SHIPPED or not Path(model).exists() else Path(model).resolve().name,
        "--data": data and (Path(data).resolve().name if Path(data).exists() else data),
        "--recordings": recordings and recordings.name,
        "--rows": rows,
        "--seconds": f"{seconds:g}",
        "--baseline-seconds": f"{baseline_seconds:g}",
        "--seed": seed,
        "--seeds": seeds,
    }
    # Names only: where a folder lay on this machine concerns nobody.
    words = ["secret-sauce", "benchmark", Path(collection).name]
    words += [str(word) for name, value in options.items() if value is not None for word in (name, value)]
    for option, values in (("--without", without), ("--only", only), ("--predictions", [file.name for file in files])):
        words += [word for value in values or () for word in (option, value)]
    words += [] if same else ["--no-same"]
    try:
        with _renderer(scheduler, declared) as renderer:
            found = run(
                declared,
                model=None if model == _SHIPPED else model,
                data=data,
                recordings=recordings,
                rows=rows,
                seconds=seconds,
                baseline_seconds=baseline_seconds,
                without=without or (),
                only=only or (),
                predictions=files,
                seeds=seeds,
                out=folder,
                seed=seed,
                again=again,
                same=same,
                renderer=renderer,
                command=shlex.join(words),
            )
    except KeyboardInterrupt:
        say(f"What was measured is kept in {folder}: the same command, without --again, goes on from here.")
        raise
    try:
        if as_json:
            print_json(found.record)
        else:
            _print(found)
    finally:
        # Even if nobody reads what is printed.
        files = found.save(folder)
    for path in files:
        say(f"Wrote {path}")


def _renderer(scheduler: str | None, collection: Collection) -> "AbstractContextManager[Engine | None]":
    """What renders in place of the engine, in its `with` block."""
    if scheduler is None:
        return nullcontext()
    from secret_sauce_hf.data.cluster_engine import rendering

    return rendering(scheduler, collection)


def _export(
    collection: Collection,
    folder: Path,
    data: str | None,
    recordings: Path | None,
    rows: int,
    hidden: bool,
    renderer: "Engine | None",
) -> None:
    from secret_sauce_hf.evaluation import export_benchmark

    words = ["secret-sauce", "benchmark", collection.name, "--export", folder.name, "--rows", str(rows)]
    words += ["--hidden"] if hidden else []
    for option, value in (("--data", data), ("--recordings", recordings)):
        words += [] if value is None else [option, Path(value).name if Path(value).exists() else str(value)]
    files = export_benchmark(
        collection,
        folder,
        data=data,
        recordings=recordings,
        rows=rows,
        hidden=hidden,
        command=shlex.join(words),
        engine=renderer,
    )
    for path in files:
        say(f"Wrote {path}")


def _print(found: "Benchmark") -> None:
    from secret_sauce_hf.evaluation.tables import heard_table, notes, pairs_table, settings_table, sounds_table

    record = found.record
    first, rows = record["data"]["first"], record["data"]["rows"]
    print_all(f"{record['collection']}, the same {first:,} sounds for all:", _table(*settings_table(record)))
    header, lines = sounds_table(record)
    if lines:
        print_all("From the sound to the rendered answer:", _table(header, lines))
    for title, (header, lines) in (
        ("What can be heard of the answers:", heard_table(record)),
        ("Every way less the reference, sound by sound:", pairs_table(record)),
    ):
        if lines:
            print_all(title, _table(header, lines))
    if rows > first:
        print_all(f"All {rows:,} sounds:", _table(*settings_table(record, of_all=True)))
    print_all(*notes(record))


def _table(header: list[str], rows: list[list[str]]) -> "Table":
    table = table_of(*header, numbers=header[1:], whole=header)
    for row in rows:
        table.add_row(*row)
    return table
