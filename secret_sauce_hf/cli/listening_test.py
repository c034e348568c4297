"""`secret-sauce listening-test …`: parse, make or evaluate, print."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from secret_sauce_hf.cli.inputs import check_dataset, input_file, sources
from secret_sauce_hf.cli.terminal import WHOLE, complain, print_all, table_of, tell
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

app = typer.Typer(
    rich_markup_mode="rich",
    help="""Ask people how near answers come to sounds: write a page for them, and evaluate what they send back.

    [bold]Examples[/bold]

    secret-sauce listening-test make --system alone=found-0s --system matched=found-10s --sounds recordings --out test

    secret-sauce listening-test make --method 2afc -c noisemaker-light --predictions a.jsonl --floor --out pairs

    secret-sauce listening-test evaluate answers --test test
    """,
)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def make(
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="A new folder: DIR/page is for participants, DIR/key.json is not.",
            show_default=False,
        ),
    ],
    method: Annotated[
        str,
        typer.Option(metavar="mushra|2afc", help="Rate all answers to a sound, or choose the nearer one of two."),
    ] = "mushra",
    system: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR", help="A system and the folder of its answers, of `match --out`.", show_default=False
        ),
    ] = None,
    sounds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|DIR",
            help="The sounds that were matched, known by the names of their files.",
            show_default=False,
        ),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            metavar="COLLECTION",
            help="Whose presets --predictions are.",
            show_default=False,
        ),
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="A system's answers, as `benchmark --predictions` takes them; rendered by the collection's engine.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME",
            help="The dataset whose test rows were answered; if not given, the rows of 2018 are rendered.",
            show_default=False,
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="The recordings that were answered instead.", show_default=False),
    ] = None,
    rows: Annotated[int, typer.Option(help="So many rows, from the first, were answered by all.", **WHOLE)] = 100,
    floor: Annotated[
        bool, typer.Option("--floor", help="Let the truth, rendered again, be one of the systems.")
    ] = False,
    trials: Annotated[
        int, typer.Option(help="How many sounds the test has, drawn from those that all answer.", **WHOLE)
    ] = 12,
    checks: Annotated[
        int | None,
        typer.Option(
            help="Of 2afc: how many trials more have a plain answer, to see who guesses; one in eight if not given.",
            show_default=False,
            **WHOLE,
        ),
    ] = None,
    training: Annotated[int, typer.Option(help="How many trials are shown before, and not counted.", **WHOLE)] = 1,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ANCHOR", help="Leave out anchor-3500, anchor-7000 or another-preset.", show_default=False
        ),
    ] = None,
    bits: Annotated[int, typer.Option(help="Of a sample, 16 or 24.", **WHOLE)] = 16,
    title: Annotated[str, typer.Option(metavar="TEXT", help="What the page is called.", show_default=False)] = "",
    language: Annotated[str, typer.Option(metavar="en|de", help="For browsers of neither language.")] = "en",
    seed: Annotated[int, typer.Option(help="Of which sounds, and of the stimuli's names.", **WHOLE)] = 0,
) -> None:
    """Write a listening test: a page that works from a web server or as a file, sends nothing, and saves one result.

    The answers are those of folders that `match --out` has written, of files of predictions, or both. Of every sound
    the reference is hidden among the stimuli; of MUSHRA also two low-pass anchors and another preset. All are made
    equally loud.

    [bold]Examples[/bold]

    secret-sauce listening-test make --system alone=found-0s --system matched=found-10s --sounds recordings --out test

    secret-sauce listening-test make -c noisemaker-light --predictions theirs.jsonl --floor --trials 10 --out test

    secret-sauce listening-test make --method 2afc --system a=a --system b=b --sounds recordings --out pairs
    """
    folders = dict(_named(text) for text in system or ())
    if len(folders) < len(system or ()):
        raise InputError("Two of --system have the same name; give each its own.")
    if not folders and not predictions and not floor:
        raise InputError("Give answers to compare: --system NAME=DIR, or --collection and --predictions FILE.")
    asks_rows = bool(predictions) or floor
    if asks_rows and collection is None:
        raise InputError("--predictions and --floor are of one collection: give it by --collection.")
    if not asks_rows and collection is not None:
        raise InputError("--collection is whose presets --predictions are: give these, or leave it out.")
    if asks_rows and sounds:
        raise InputError("With --predictions the sounds are the collection's rows: leave --sounds out.")
    if not asks_rows and not sounds:
        raise InputError("Give the sounds that were matched: --sounds FILE or DIR.")
    declared = None if collection is None else get_collection(collection)
    check_dataset(data)
    recordings = None if recordings is None else input_file(recordings, "file of recordings")
    files = [input_file(path, "file of predictions") for path in predictions or ()]
    found = [one.sound for one in sources(sounds or ())]
    out = check_folder(out, what="the listening test")

    from secret_sauce_hf.listening_test import make_listening_test, read_match_folder, read_references

    systems = [read_match_folder(name, folder) for name, folder in folders.items()]
    if declared is None:
        references = read_references(found)
    else:
        from secret_sauce_hf.listening_test import render_predictions

        references, told = render_predictions(declared, files, data=data, recordings=recordings, rows=rows, floor=floor)
        systems += told
    made = make_listening_test(
        references,
        systems,
        out,
        method=method,
        trials=trials,
        checks=checks,
        training=training,
        without=without or (),
        bits=bits,
        seed=seed,
        title=title,
        language=language,
        command=shlex.join(_words(method, folders, collection, files, trials, rows, seed)),
    )
    for note in made.notes:
        say(note)
    tell(f"Wrote {made.trials} trials")
    width = max(len(str(path)) for path in (made.page, made.key))
    tell(f" {made.page!s:{width}}  for participants: open it, or put its folder on a web server")
    tell(f" {made.key!s:{width}}  whose each stimulus is: keep it from participants")


@app.command()
def evaluate(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT...", help="Files that participants have saved, or folders of them.", show_default=False
        ),
    ],
    test: Annotated[
        Path, typer.Option(metavar="DIR", help="What `listening-test make` has written.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write listening-test.json and a picture there.", show_default=False),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Count participants, too, who did not hear what everybody should hear.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")] = False,
    seed: Annotated[int, typer.Option(help="Of the intervals' draws.", **WHOLE)] = 0,
) -> None:
    """Evaluate a listening test: what participants said, how sure that is, and who was not counted.

    Files of another test, and further files of a participant, are left out and told. Of MUSHRA whoever rates the hidden
    reference below 90 in more than 15 % of the trials is excluded (ITU-R BS.1534-3).

    [bold]Examples[/bold]

    secret-sauce listening-test evaluate answers --test test --out evaluated

    secret-sauce listening-test evaluate a.json b.json --test test --json
    """
    if out is not None:
        out = check_folder(out, what="the evaluation")

    from secret_sauce_hf.listening_test import evaluate_listening_test

    found = evaluate_listening_test(results, test, screening=not everybody, seed=seed)
    for one in found.record["participants"]["refused"]:
        complain(f"{one['file']} is not counted: {one['reason']}.")
    try:
        _print(found.record, as_json)
    finally:
        # Even if nobody reads what is printed.
        files = [] if out is None else found.save(out)
    for path in files:
        say(f"Wrote {path}")


def _print(record: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(record, indent=1))
        return

    from secret_sauce_hf.listening_test.tables import conditions_table, pairs_table, sentences

    if "conditions" in record:
        print_all(_table(*conditions_table(record)))
    print_all(_table(*pairs_table(record)), *sentences(record))


def _table(header: list[str], rows: list[list[str]]) -> Any:
    table = table_of(
        *header, numbers=[name for name in header if name not in ("condition", "one", "other")], whole=header
    )
    for row in rows:
        table.add_row(*row)
    return table


def _named(text: str) -> tuple[str, str]:
    """A system's name and its folder.

    Raises:
        InputError: it is no NAME=DIR.
    """
    name, equals, folder = text.partition("=")
    if not equals or not name or not folder:
        raise InputError(f"--system {text[:60]!r} is none: write NAME=DIR.")
    return name, folder


def _words(
    method: str,
    folders: Mapping[str, str],
    collection: str | None,
    files: Sequence[Path],
    trials: int,
    rows: int,
    seed: int,
) -> list[str]:
    """The command for the record; names only: where a folder lay on this machine concerns nobody."""
    words = ["secret-sauce", "listening-test", "make", "--method", method]
    words += [word for name, folder in folders.items() for word in ("--system", f"{name}={Path(folder).name}")]
    words += [] if collection is None else ["--collection", Path(collection).name, "--rows", str(rows)]
    words += [word for file in files for word in ("--predictions", file.name)]
    return [*words, "--trials", str(trials), "--seed", str(seed)]
