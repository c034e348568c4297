"""`secret-sauce` on the command line: parses, calls the package, prints.

Heavy modules are imported by the commands that need them, so that `--help` and the
light commands answer at once.
"""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from secret_sauce_hf.cli import benchmark as benchmarking_commands
from secret_sauce_hf.cli import publish as hub_commands
from secret_sauce_hf.cli import train as training_commands
from secret_sauce_hf.cli.terminal import EXIT_INTERRUPTED, CollectionName, print_all, say, table_of
from secret_sauce_hf.instruments import COLLECTIONS, InputError

if TYPE_CHECKING:
    from secret_sauce_hf.matching import Match
    from secret_sauce_hf.presets import Presets

EXIT_MISTAKE = 2
EXIT_BROKEN_PIPE = 1
EXIT_BAD_ARCHIVE = 1

# The packages of each extra, by the name they are imported under.
_EXTRAS = {"torch": "models", "transformers": "models", "accelerate": "models", "cma": "models", "matplotlib": "plots"}

app = typer.Typer(
    name="secret-sauce",
    help="""Give it a sound, it tells you how to make it.

    [bold]Examples[/bold]

    secret-sauce demo

    secret-sauce match bass.wav --collection noisemaker-light

    secret-sauce presets noisemaker --count 3
    """,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(training_commands.app)
app.add_typer(benchmarking_commands.app)
app.add_typer(hub_commands.app, name="publish")

Seed = Annotated[
    int | None, typer.Option(help="Draw fresh rows from this seed instead of the rows of 2018.", show_default=False)
]
Count = Annotated[int | None, typer.Option(help="Number of rows.", show_default=False)]
Start = Annotated[int, typer.Option(help="Number of the first row.")]
PresetTable = Annotated[
    Path | None,
    typer.Option("--presets", metavar="ROWS.csv", help="Rows of presets in the 2018 format.", show_default=False),
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show_version:
        from importlib.metadata import version

        print(f"secret-sauce {version('secret_sauce_hf')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def collections(
    folder: Annotated[
        Path, typer.Option("--in", metavar="DIR", help="Where to look for builds and checkpoints.")
    ] = Path(),
) -> None:
    """List the collections: their datasets and models on the Hub, and what is in this folder."""
    from secret_sauce_hf.hub.overview import found_here

    ids = ["dataset on the Hub", "model, ships"]
    table = table_of("collection", "rows", "of", *ids, numbers=["rows"], whole=ids)
    for collection in COLLECTIONS.values():
        table.add_row(
            collection.name,
            f"{collection.count:,}",
            collection.kinds,
            collection.hub_id,
            collection.checkpoint_id if _ships_checkpoint(collection.name) else "–",
        )
    print_all(table)
    if here := found_here(folder):
        table = table_of("here", "collection", "what")
        for path, name, what in here:
            table.add_row(str(path), name, what)
        print_all(table)


@app.command()
def presets(collection: CollectionName, seed: Seed = None, count: Count = None, start: Start = 0) -> None:
    """Print rows of presets as CSV: those of 2018, or fresh ones from a seed.

    [bold]Examples[/bold]

    secret-sauce presets noisemaker > noisemaker.csv      # the 10,000 rows of 2018

    secret-sauce presets subphatty --seed 1 --count 100   # fresh ones
    """
    _rows(collection, seed, count, start).to_csv(sys.stdout)


@app.command("midi-track")
def midi_track(
    collection: CollectionName,
    out: Annotated[Path, typer.Argument(metavar="OUT.mid", help="The file to write.", show_default=False)],
    table: PresetTable = None,
    seed: Seed = None,
    count: Count = None,
    start: Start = 0,
) -> None:
    """Write the MIDI track that plays a collection's presets, one after the other, as in 2018.

    [bold]Examples[/bold]

    secret-sauce midi-track subphatty subphatty.mid

    secret-sauce midi-track noisemaker mine.mid --presets mine.csv
    """
    from secret_sauce_hf.midi import write_midi_file
    from secret_sauce_hf.original.session import collection_track

    rows = _rows(collection, seed, count, start, table)
    write_midi_file(collection_track(rows), out)
    say(f"{out}: {len(rows):,} presets of {rows.collection.name}.")


@app.command()
def render(
    collection: CollectionName,
    table: Annotated[
        Path,
        typer.Option("--presets", metavar="ROWS.csv", help="Rows of presets in the 2018 format.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the sounds.", show_default=False)],
    in_session: Annotated[
        bool, typer.Option("--in-session", help="Let each take start in the state the row before leaves, as in 2018.")
    ] = False,
    noise_seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the noise generators; if not given, rows of 2018 get the noise that was recorded.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Render presets into WAV files, named by the table's `file` column.

    [bold]Example[/bold]

    secret-sauce presets noisemaker --count 10 > rows.csv

    secret-sauce render noisemaker --presets rows.csv --out sounds
    """
    from secret_sauce_hf.data import write_sounds

    rows = _rows(collection, None, None, 0, table)
    write_sounds(rows, out, in_session=in_session, noise_seed=noise_seed)
    say(f"{out}: {len(rows):,} sounds of {rows.collection.name}.")


@app.command()
def build(
    collection: CollectionName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the dataset.", show_default=False)],
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="[A:]B", help="Of the rows of 2018 the first B, or those from A to B - 1.", show_default=False
        ),
    ] = None,
    seed: Seed = None,
    count: Count = None,
    in_session: Annotated[
        bool | None,
        typer.Option(
            "--in-session/--from-silence",
            help="How a take starts: in the state the row before leaves (default for the rows of 2018, "
            "of NoiseMaker only) or from silence.",
            show_default=False,
        ),
    ] = None,
    rows_per_shard: Annotated[int, typer.Option(min=1, help="Rows of one Parquet file.")] = 1000,
    measure_heard: Annotated[
        bool,
        typer.Option(
            "--measure-heard",
            help="Also measure which parameters are heard in each row, by moving one at a time. "
            "Takes some 40 to 70 times as long.",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that render. One uses every core; more need more memory.")
    ] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another build in the same folder.")] = False,
) -> None:
    """Render a collection into a dataset that `datasets.load_dataset` reads.

    An interrupted build goes on where it stopped.

    [bold]Examples[/bold]

    secret-sauce build noisemaker-light --out light      # the 1,000 rows of 2018

    secret-sauce build subphatty --rows 8000:8100 --out few

    secret-sauce build guitar --seed 1 --count 20000 --out fresh
    """
    from secret_sauce_hf.data import build_collection

    limits = None if rows is None else _row_range(rows)
    if count is not None and seed is None and limits is None:
        # Of the rows of 2018 the first so many, as `presets` takes it.
        limits, count = (0, count), None
    folder = build_collection(
        collection,
        out,
        rows=limits,
        seed=seed,
        count=count,
        in_session=in_session,
        rows_per_shard=rows_per_shard,
        measure=measure_heard,
        workers=workers,
        overwrite=overwrite,
    )
    say(f'{folder}: load it with datasets.load_dataset("{folder}").')


@app.command()
def sheet(
    collection: Annotated[
        str | None,
        typer.Argument(
            metavar="[COLLECTION]",
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
    rows: Annotated[int, typer.Option(help="How many rows to render.")] = 608,
    tiles: Annotated[int, typer.Option(help="How many takes to show as spectrograms.")] = 48,
) -> None:
    """Draw what is in a collection or a dataset: spectrograms, levels, brightness and settings in one picture.

    [bold]Examples[/bold]

    secret-sauce sheet subphatty

    secret-sauce sheet --data light --split test --out light.png
    """
    from secret_sauce_hf.plots import write_sheet

    if out is None:
        name = collection if data is None else Path(data).resolve().name
        out = Path(f"{name or 'sound'}-sheet.png")
    write_sheet(out, collection, data, split=split, seed=seed, rows=rows, tiles=tiles)
    say(f"{out}: a picture of {collection if data is None else data}.")


@app.command("check-archive")
def check_archive(
    collection: CollectionName,
    archive: Annotated[
        Path, typer.Argument(metavar="ARCHIVE", help="A folder or zip of 2018: a CSV and its WAVs.", show_default=False)
    ],
) -> None:
    """Check an archive of 2018: which sounds are missing, broken, changed or too many.

    [bold]Example[/bold]

    secret-sauce check-archive subphatty Downloads/subphatty.zip
    """
    from secret_sauce_hf.original import Archive

    report = Archive(archive, collection).check()
    print(report.text())
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
) -> None:
    """Make a dataset from sounds you have recorded and a table of their settings.

    [bold]Example[/bold]

    secret-sauce collect my-synth.json --presets rows.csv --sounds recordings --out takes
    """
    from secret_sauce_hf.data import collect_recordings

    done = collect_recordings(collection, table, sounds, out, test_share=test_share)
    say(f"{done.folder}: {done}")


@app.command()
def match(
    sound: Annotated[Path, typer.Argument(metavar="SOUND", help="An audio file.", show_default=False)],
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help="Whose parameters to set; the model's own, or noisemaker-light, if not given.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CKPT|ORG/NAME",
            help="A checkpoint, in a folder or on the Hub, instead of the one that ships.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the files; ./<name of the sound>-match if not given.", show_default=False
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="How long to render presets, compare them with the sound and refine the best: 10 if not given, "
            "0 for the model alone.",
            show_default=False,
        ),
    ] = None,
    renders: Annotated[
        int | None,
        typer.Option(
            help="How many presets to render instead; the same number finds the same preset again.",
            show_default=False,
        ),
    ] = None,
    candidates: Annotated[int, typer.Option(help="How many different presets to tell.")] = 1,
    seed: Annotated[int, typer.Option(help="Of what is drawn at random.")] = 0,
    takes: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME",
            help="A dataset of the collection, in a folder or on the Hub: those of its takes that sound like the "
            "sound are candidates too.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find the preset that makes a sound: prints it, writes MIDI, JSON, WAV and a picture.

    The model's candidates are rendered, compared with the sound and refined.
    Ctrl-C ends that early and keeps the best. Where no engine renders the
    instrument, the model answers, and the takes that you give.

    [bold]Examples[/bold]

    secret-sauce match bass.wav

    secret-sauce match bass.wav --seconds 60 --candidates 5  # 5 that sound alike

    secret-sauce match bass.wav --renders 2000  # the same answer every time

    secret-sauce match bass.wav --model my-checkpoint --takes my-takes --out found
    """
    from secret_sauce_hf.matching import match as find

    found = find(
        sound,
        collection=collection,
        model=model,
        seconds=seconds,
        renders=renders,
        candidates=candidates,
        seed=seed,
        takes=takes,
        progress=True,
    )
    files = found.save(out or Path(f"{sound.stem}-match"), sound.stem)
    _print_match(found)
    if (count := len(found.candidates)) < candidates:
        say(f"{count} of the {candidates} presets asked for differ enough in what is heard.")
    _print_files(files)
    _leave_if_interrupted(found)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("demo"),
) -> None:
    """Match a sound of the real plug-in whose settings are known: the truth beside the model alone and the match."""
    from secret_sauce_hf.matching import DEMO_RENDERS, demo_sound
    from secret_sauce_hf.matching import match as find

    known = demo_sound()
    say(f"The sound: {known.origin}.")
    found = find(known.path, collection=known.collection, renders=DEMO_RENDERS, progress=True)
    files = found.save(out, known.path.stem)
    _print_match(found, truth=known.settings)
    _print_files(files)
    _leave_if_interrupted(found)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every way it can fail ends in one line on standard error."""
    code = EXIT_MISTAKE
    try:
        code = app(arguments, prog_name="secret-sauce", standalone_mode=False) or 0
        sys.stdout.flush()
    except InputError as error:
        _complain(str(error))
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "secret-sauce"
        _complain(f"{error.format_message().rstrip('.')}. See: {command} --help")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        _complain(f"This needs {error.name}: install secret_sauce_hf[{_EXTRAS[error.name]}].")
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough.
        _drop_output()
        code = EXIT_BROKEN_PIPE
    except ChildProcessError as error:
        _complain(str(error))
    except OSError as error:
        if error.errno is None:
            raise
        # A full disk, a folder that may not be written.
        _drop_output()
        _complain(f"{error.filename or 'Output'}: {error.strerror}.")
    if code == EXIT_INTERRUPTED:
        given = sys.argv[1:] if arguments is None else arguments
        _complain("Stopped; the same command goes on from here." if given[:1] == ["build"] else "Stopped.")
    sys.exit(code)


def _ships_checkpoint(collection: str) -> bool:
    from secret_sauce_hf.modeling import checkpoint_path

    try:
        return checkpoint_path(collection).is_dir()
    except InputError:
        return False


def _rows(collection: str, seed: int | None, count: int | None, start: int, table: Path | None = None) -> "Presets":
    """The rows that options ask for: a table's, fresh ones, or those of 2018."""
    from secret_sauce_hf.original.table import original_presets
    from secret_sauce_hf.presets import Presets, draw_presets

    if table is not None:
        if seed is not None or count is not None or start:
            raise InputError("--presets takes the rows from the table: leave out --seed, --count and --start.")
        return Presets.from_csv(collection, table)
    if seed is None:
        return original_presets(collection, start, None if count is None else start + count)
    if count is None:
        raise InputError("--seed needs --count: how many rows to draw.")
    return draw_presets(collection, count, seed, start)


def _row_range(text: str) -> tuple[int, int]:
    """`B` or `A:B` as first row and row after the last."""
    match = re.fullmatch(r"(?:([0-9]{1,12}):)?([0-9]{1,12})", text)
    if match is None:
        raise InputError(f"--rows {text}: give a number of rows, 500, or a range, 8000:8100.")
    return int(match[1] or 0), int(match[2])


def _leave_if_interrupted(found: "Match") -> None:
    """End as after any Ctrl-C, but having told what was found by then."""
    if found.interrupted:
        say(f"The search was ended early: this is the best of {found.renders:,} presets that were rendered.")
        raise typer.Exit(EXIT_INTERRUPTED)


def _print_match(found: "Match", truth: dict[str, float | str] | None = None) -> None:
    """The preset, beside the truth where it is known, what the search bought, the distances and further candidates."""
    from secret_sauce_hf.matching.text import (
        candidate_rows,
        distance_rows,
        error_summary,
        search_summary,
        shorten,
        show_confidence,
        show_error,
        show_setting,
    )

    columns = ["setting", "confidence", "CC"]
    if truth:
        columns = ["truth", "model alone", "matched", "error", "confidence", "CC"]
    table = table_of("parameter", *columns, numbers=columns)
    for parameter in found.collection.parameters:
        name = parameter.name
        cells = [show_setting(parameter, found.preset[name])]
        if truth:
            cells = [show_setting(parameter, told[name]) for told in (truth, found.alone.preset)] + cells
            cells.append(show_error(parameter, truth[name], found.preset[name]))
        table.add_row(name, *cells, show_confidence(found, name), str(found.cc.get(name, "–")))
    print_all(
        f"{shorten(found.sound, 60)} as a preset of {found.collection.name} ({found.collection.instrument.title}):",
        table,
    )
    if truth:
        for title, preset in (("Matched", found.preset), ("Model alone", found.alone.preset)):
            print_all(f"{title}: {error_summary(found.collection, truth, preset)}.")
    # Of a known sound the same is printed every time.
    print_all(*search_summary(found, timed=truth is None))
    if found.rendered is None:
        print_all(
            f"No engine renders {found.collection.instrument.name}: nothing was rendered and compared with the sound; "
            f"the answer follows from {found.ranking}."
        )
    else:
        distances = table_of("from the sound to the rendered preset", "distance", numbers=["distance"])
        for row in distance_rows(found.distances):
            distances.add_row(*row)
        print_all(distances)
    if len(found.candidates) > 1:
        others = table_of("", "distance", "from", "set otherwise than in the first", numbers=["", "distance"])
        for row in candidate_rows(found):
            others.add_row(*row)
        print_all(f"{len(found.candidates)} different presets, ranked by {found.ranking}:", others)


def _print_files(files: dict[str, Path]) -> None:
    contents = {
        "midi": "the preset, for a sequencer",
        "json": "the preset, confidences and distances",
        "wav": "the preset, rendered",
        "png": "both sounds as a picture" if "wav" in files else "the sound as a picture",
    }
    width = max(len(str(path)) for path in files.values())
    print("Wrote")
    for kind, path in files.items():
        print(f" {path!s:{width}}  {contents[kind]}")
    if "png" not in files:
        say("No picture: it needs matplotlib, install secret_sauce_hf[plots].")


def _drop_output() -> None:
    """Have Python write nowhere what it still holds for standard output, or it fails again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    print(f"secret-sauce: {' '.join(text.split())}", file=sys.stderr)
