"""`secret-sauce presets`, `midi-track` and `render`: rows, and what plays them."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.inputs import input_file
from secret_sauce_hf.cli.terminal import WHOLE, CollectionName, Count, Seed
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.declaring import is_declaration
from secret_sauce_hf.outputs import check_file, check_folder
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.presets import Presets

app = typer.Typer()

_PRESETS_HELP = (
    "Rows of presets in the 2018 format, as spreadsheets save it too (.csv); or one preset, as match writes it "
    "(.mid, .json, .noisemakerpreset)."
)
Start = Annotated[int, typer.Option(help="Number of the first row.", **WHOLE)]
PresetTable = Annotated[
    Path | None,
    typer.Option("--presets", metavar="FILE", help=_PRESETS_HELP, show_default=False),
]


@app.command()
def presets(
    collection: CollectionName, seed: Seed = None, count: Count = None, start: Start = 0, table: PresetTable = None
) -> None:
    """Print rows of presets as CSV: those of 2018, fresh ones from a seed, or those of a file.

    [bold]Examples[/bold]

    secret-sauce presets noisemaker > noisemaker.csv      # the 10,000 rows of 2018

    secret-sauce presets subphatty --seed 1 --count 100   # fresh ones

    secret-sauce presets noisemaker --presets bass-match/bass.noisemakerpreset
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        # It will be read as such, whatever this system writes.
        sys.stdout.reconfigure(encoding="utf-8")
    _rows(collection, seed, count, start, table).to_csv(sys.stdout)


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
    out = check_file(out, inputs=_files(collection, table))
    write_midi_file(collection_track(rows), out)
    say(f"{out}: {len(rows):,} presets of {rows.collection.name}.")


@app.command()
def render(
    collection: CollectionName,
    table: Annotated[
        Path,
        typer.Option("--presets", metavar="FILE", help=_PRESETS_HELP, show_default=False),
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
            **WHOLE,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names; they may be the recordings.")
    ] = False,
) -> None:
    """Render presets into WAV files, named by the table's `file` column.

    [bold]Example[/bold]

    secret-sauce presets noisemaker --count 10 > rows.csv

    secret-sauce render noisemaker --presets rows.csv --out sounds

    secret-sauce render noisemaker-light --presets bass-match/bass.noisemakerpreset --out sounds
    """
    rows = _rows(collection, None, None, 0, table)
    out = check_folder(out, rows.files, inputs=_files(collection, table), what="the sounds")

    from secret_sauce_hf.data import write_sounds

    write_sounds(rows, out, in_session=in_session, noise_seed=noise_seed, overwrite=overwrite)
    say(f"{out}: {len(rows):,} sounds of {rows.collection.name}.")


def _files(collection: str, table: Path | None) -> list[Path]:
    """The files that rows are read from."""
    files = [Path(collection)] if is_declaration(collection) else []
    return files if table is None else [*files, input_file(table)]


def _rows(collection: str, seed: int | None, count: int | None, start: int, table: Path | None = None) -> "Presets":
    """The rows that options ask for: a table's, fresh ones, or those of 2018."""
    from secret_sauce_hf.midi import PRESET_SUFFIXES, read_preset_file
    from secret_sauce_hf.original.table import original_presets
    from secret_sauce_hf.presets import Presets, draw_presets

    if table is not None:
        if seed is not None or count is not None or start:
            raise InputError("--presets takes the rows from the table: leave out --seed, --count and --start.")
        table = input_file(table)
        if table.suffix.lower() in PRESET_SUFFIXES:
            return Presets.from_settings(collection, [read_preset_file(collection, table)])
        return Presets.from_csv(collection, table)
    if seed is None:
        return original_presets(collection, start, None if count is None else start + count)
    if count is None:
        raise InputError("--seed needs --count: how many rows to draw.")
    return draw_presets(collection, count, seed, start)
