"""`secret-sauce build`, `sheet`, `check-archive` and `collect`: datasets."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secret_sauce_hf.cli.inputs import check_dataset, input_file
from secret_sauce_hf.cli.playing import (
    Channel,
    ClipFile,
    Duration,
    PitchName,
    Playing,
    Seconds,
    Velocity,
    asked,
    tell_clip,
)
from secret_sauce_hf.cli.terminal import (
    EXIT_BAD_ARCHIVE,
    WHOLE,
    CollectionName,
    Count,
    Prior,
    Seed,
    collection_names,
    tell,
)
from secret_sauce_hf.files import fitting
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.presets import Presets

app = typer.Typer()

Rows = Annotated[
    str | None,
    typer.Option(
        metavar="[A:]B",
        help="Of the collection's own rows the first B, or those from A to B - 1.",
        show_default=False,
    ),
]
ShardRows = Annotated[int, typer.Option(help="Rows of one Parquet file.", **WHOLE)]


@app.command()
def build(
    collection: CollectionName,
    out: Annotated[
        str,
        typer.Option(
            metavar="DIR|ADDRESS",
            help="The folder of the dataset, or where else it goes: s3://…, hf://…, file:///….",
            show_default=False,
        ),
    ],
    rows: Rows = None,
    seed: Seed = None,
    count: Count = None,
    prior: Prior = UNIFORM,
    table: Annotated[
        Path | None,
        typer.Option(
            "--presets",
            "--bank",
            metavar="FILE",
            help="Build the rows of a file instead: a table (.csv), JSON Lines (.jsonl), or presets of the "
            "instrument's own, such as a bank of DX7 voices (.syx) or a folder of a plug-in's presets (.fxp).",
            show_default=False,
        ),
    ] = None,
    note: PitchName = None,
    velocity: Velocity = None,
    duration: Duration = None,
    seconds: Seconds = None,
    clip: ClipFile = None,
    channel: Channel = None,
    in_session: Annotated[
        bool | None,
        typer.Option(
            "--in-session/--from-silence",
            help="How a take starts: in the state the row before leaves (default for the rows of 2018 with their note, "
            "of NoiseMaker only) or from silence.",
            show_default=False,
        ),
    ] = None,
    rows_per_shard: ShardRows = 1000,
    measure_heard: Annotated[
        bool,
        typer.Option(
            "--measure-heard",
            help="Also measure which parameters are heard in each row, by moving one at a time. "
            "Takes some 40 to 70 times as long.",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Processes that render. One uses every core; more need more memory.", **WHOLE)
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Render on a Dask cluster instead, whose scheduler is there: tcp://HOST:8786.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another build in the same folder.")] = False,
) -> None:
    """Render a collection into a dataset that `datasets.load_dataset` reads.

    An interrupted build goes on where it stopped.

    [bold]Examples[/bold]

    secret-sauce build noisemaker-light --out light      # the 1,000 rows of 2018

    secret-sauce build subphatty --rows 8000:8100 --out few

    secret-sauce build guitar --seed 1 --count 20000 --out fresh

    secret-sauce build noisemaker-notes --seed 1 --count 5000 --prior musical --out musical

    secret-sauce build noisemaker --clip riff.mid --out riffs    # every row plays it

    secret-sauce build noisemaker-light --note C2 --velocity 90 --seconds 2 --out low

    secret-sauce build dx7 --bank ROM1A.syx --out rom

    secret-sauce build subphatty --seed 1 --count 1000000 --scheduler tcp://head:8786 --out s3://sounds/many
    """
    declared = get_collection(collection)
    playing = asked(note, velocity, duration, seconds, clip, channel)
    lengthened = playing.lengthened(declared)
    given = None if table is None else given_rows(declared, table, playing)
    plays = playing.notes(lengthened if given is None else given.collection)
    if "://" not in out:
        check_folder(out, what="the dataset")
    tell_clip(playing, lengthened)

    from secret_sauce_hf.data import build_at, build_collection
    from secret_sauce_hf.data.names import MANIFEST_NAME
    from secret_sauce_hf.remote import redact

    limits, count = chosen_rows(rows, seed, count)
    asked_for: dict[str, Any] = {
        "rows": limits,
        "seed": seed,
        "count": count,
        "prior": prior,
        "presets": given,
        "in_session": in_session,
        "rows_per_shard": rows_per_shard,
        "measure": measure_heard,
        "plays": plays,
        "seconds": None if given is not None else playing.seconds,
        "workers": workers,
        "scheduler": scheduler,
        "overwrite": overwrite,
    }
    if "://" in out:
        build_at(declared, out, **asked_for)
        say(f"{redact(out)}: all of it is there; {MANIFEST_NAME} has the checksums.")
        return
    folder = build_collection(declared, out, **asked_for)
    say(f'{folder}: load it with datasets.load_dataset("{folder}").')


def given_rows(collection: Collection, table: Path, playing: Playing) -> "Presets":
    """The rows of a file that is to be built."""
    from secret_sauce_hf.engines.given import read_given

    parts = read_given(collection, input_file(table), seconds=playing.seconds, replaced=playing.replaces)
    if len(parts) > 1:
        raise InputError(
            f"The rows of {table} have takes of several lengths, and a dataset has one: give --seconds for all of them."
        )
    if not len(parts[0]):
        raise InputError(f"There are no rows in {table}.")
    return parts[0]


@app.command()
def sheet(
    collection: Annotated[
        str | None,
        typer.Argument(
            metavar="[COLLECTION]",
            autocompletion=collection_names,
            help=f"One of {', '.join(COLLECTIONS)}; not needed with --data.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME", help="Show a dataset, in a folder or on the Hub, instead.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="SHEET.png", help="The file to write; ./<name>-sheet.png if not given.", show_default=False
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="train or test of --data; all rows if not given.", show_default=False)
    ] = None,
    seed: Seed = None,
    prior: Prior = UNIFORM,
    rows: Annotated[int, typer.Option(help="How many rows to render.", **WHOLE)] = 608,
    tiles: Annotated[int, typer.Option(help="How many takes to show as spectrograms.", **WHOLE)] = 48,
    note: PitchName = None,
    velocity: Velocity = None,
    duration: Duration = None,
    seconds: Seconds = None,
    clip: ClipFile = None,
    channel: Channel = None,
) -> None:
    """Draw what is in a collection or a dataset: spectrograms, levels, brightness and settings in one picture.

    [bold]Examples[/bold]

    secret-sauce sheet subphatty

    secret-sauce sheet noisemaker --note C1 --seconds 2

    secret-sauce sheet --data light --split test --out light.png
    """
    check_dataset(data)
    playing = asked(note, velocity, duration, seconds, clip, channel)
    declared, plays = None if collection is None else get_collection(collection), None
    if playing.replaces or playing.seconds is not None:
        if data is not None or declared is None:
            raise InputError("--note, --clip and --seconds are for takes that are rendered: give a collection alone.")
        declared = playing.lengthened(declared)
        plays = playing.notes(declared)
        tell_clip(playing, declared)
    if out is None:
        name = (collection and Path(collection).stem) if data is None else Path(data).resolve().name
        out = Path(fitting(name or "sound", "-sheet.png"))

    from secret_sauce_hf.plots import write_sheet

    write_sheet(out, declared, data, split=split, seed=seed, prior=prior, plays=plays, rows=rows, tiles=tiles)
    say(f"{out}: a picture of {collection if data is None else data}.")


@app.command("check-archive")
def check_archive(
    collection: CollectionName,
    archive: Annotated[
        Path, typer.Argument(metavar="ARCHIVE", help="A folder or zip of 2018: a CSV and its WAVs.", show_default=False)
    ],
) -> None:
    """Check an archive of 2018: which sounds are missing, broken, changed or too many.

    [bold]Examples[/bold]

    secret-sauce check-archive subphatty Downloads/subphatty.zip
    """
    archive = input_file(archive, "archive")

    from secret_sauce_hf.original import Archive

    report = Archive(archive, collection).check()
    tell(report.text(), lines=True)
    raise typer.Exit(EXIT_BAD_ARCHIVE if report.bad_rows else 0)


@app.command()
def collect(
    collection: CollectionName,
    table: Annotated[
        Path,
        typer.Option(
            "--presets",
            metavar="ROWS.csv",
            help="The settings of every sound, whose name its column `file` has.",
            show_default=False,
        ),
    ],
    sounds: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the sounds.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the dataset.", show_default=False)],
    test_share: Annotated[
        float, typer.Option(help="Share of the rows to test on, if the table has no column `split`.")
    ] = 0.2,
    align: Annotated[
        bool, typer.Option("--align", help="Move recordings whose note starts elsewhere than the collection says.")
    ] = False,
) -> None:
    """Make a dataset from sounds you have recorded and a table of their settings.

    [bold]Examples[/bold]

    secret-sauce collect my-synth.json --presets rows.csv --sounds recordings --out takes
    """
    declared = get_collection(collection)
    table = input_file(table)
    if not input_file(sounds, "folder").is_dir():
        raise InputError(f"{sounds} is a file; give the folder that holds the recordings.")
    out = check_folder(out, what="the dataset")

    from secret_sauce_hf.data import collect_recordings

    done = collect_recordings(declared, table, sounds, out, test_share=test_share, align=align)
    say(f"{done.folder}: {done}")


def chosen_rows(rows: str | None, seed: int | None, count: int | None) -> tuple[tuple[int, int] | None, int | None]:
    """Which of the collection's own rows are meant, first and row after the last, and how many fresh ones."""
    if rows is not None:
        return _row_range(rows), count
    # Of the collection's own rows the first so many, as `presets` takes it.
    return ((0, count), None) if count is not None and seed is None else (None, count)


def _row_range(text: str) -> tuple[int, int]:
    """`B` or `A:B` as first row and row after the last."""
    match = re.fullmatch(r"(?:([0-9]{1,12}):)?([0-9]{1,12})", text)
    if match is None:
        raise InputError(f"--rows {text}: give a number of rows, 500, or a range, 8000:8100.")
    return int(match[1] or 0), int(match[2])
