"""`secret-sauce presets`, `midi-track` and `render`: rows, and what plays them."""

import io
import itertools
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from secret_sauce_hf.cli.inputs import input_file
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
    tell_remarks,
)
from secret_sauce_hf.cli.terminal import WHOLE, CollectionName, Count, Prior, Seed
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.instruments.declaring import is_declaration
from secret_sauce_hf.instruments.errors import integer
from secret_sauce_hf.instruments.notes import check_notes
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.instruments.sounds import check_sound
from secret_sauce_hf.outputs import check_file, check_folder
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.engines import Engine
    from secret_sauce_hf.presets import Presets

app = typer.Typer()

_ROWS_HELP = (
    "Rows: a table in the 2018 format, as spreadsheets save it too (.csv), which may have columns note, velocity, "
    "note_on and note_off; JSON Lines, which may play anything (.jsonl); or one preset, as match writes it (.mid, "
    ".json, .noisemakerpreset, .vital); or voices of the DX7 (.syx); or presets of a plug-in, a file or a folder "
    "(.fxp, .fxb, .vstpreset)."
)


class Format(StrEnum):
    """How rows are printed."""

    CSV = "csv"
    JSON_LINES = "jsonl"


Start = Annotated[int, typer.Option(help="Number of the first row.", **WHOLE)]
RowsFile = Annotated[
    Path | None,
    typer.Option("--presets", "--rows", metavar="FILE", help=_ROWS_HELP, show_default=False),
]


@app.command()
def presets(
    collection: CollectionName,
    seed: Seed = None,
    count: Count = None,
    start: Start = 0,
    table: RowsFile = None,
    prior: Prior = UNIFORM,
    note: PitchName = None,
    velocity: Velocity = None,
    duration: Duration = None,
    seconds: Seconds = None,
    clip: ClipFile = None,
    channel: Channel = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="csv, one note a row, or jsonl, JSON Lines; if not given, csv where it can hold the rows.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print rows, presets and what they play: the collection's own, fresh ones from a seed, or those of a file.

    They are a table (CSV) where every row plays one note, and JSON Lines where one plays several or its take is of
    another length.

    [bold]Examples[/bold]

    secret-sauce presets noisemaker > noisemaker.csv      # the 10,000 rows of 2018

    secret-sauce presets subphatty --seed 1 --count 100   # fresh ones

    secret-sauce presets noisemaker --seed 1 --count 100 --prior musical

    secret-sauce presets noisemaker --presets bass-match/bass.noisemakerpreset

    secret-sauce presets noisemaker --count 20 --note C2 --velocity 90 > low.csv

    secret-sauce presets noisemaker --count 20 --clip riff.mid > riffs.jsonl
    """
    from secret_sauce_hf.presets import Presets
    from secret_sauce_hf.rows import holds_in_table, write_rows

    playing = asked(note, velocity, duration, seconds, clip, channel)
    parts = _rows(collection, seed, count, start, table, playing, prior)
    in_table = holds_in_table(parts, get_collection(collection))
    if form is Format.CSV and not in_table:
        raise InputError(
            "A table holds one note a row, and takes of the collection's own length: leave out --format csv, for JSON "
            "Lines."
        )
    tell_remarks(playing)
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        # It will be read as such, whatever this system writes.
        sys.stdout.reconfigure(encoding="utf-8")
    if in_table and form is not Format.JSON_LINES:
        Presets.concatenated(parts).to_csv(sys.stdout)
    else:
        write_rows(parts, sys.stdout)


@app.command("midi-track")
def midi_track(
    collection: CollectionName,
    out: Annotated[Path, typer.Argument(metavar="OUT.mid", help="The file to write.", show_default=False)],
    table: RowsFile = None,
    seed: Seed = None,
    count: Count = None,
    start: Start = 0,
    note: PitchName = None,
    velocity: Velocity = None,
    duration: Duration = None,
    seconds: Seconds = None,
    clip: ClipFile = None,
    channel: Channel = None,
    row: Annotated[
        int | None,
        typer.Option(
            help="Write this row alone, by its number from 0, as a clip for a sequencer: the settings, then its notes.",
            show_default=False,
            **WHOLE,
        ),
    ] = None,
) -> None:
    """Write the MIDI track that plays a collection's rows, one after the other, as in 2018; or one row as a clip.

    [bold]Examples[/bold]

    secret-sauce midi-track subphatty subphatty.mid

    secret-sauce midi-track noisemaker mine.mid --presets mine.csv

    secret-sauce midi-track noisemaker riff-7.mid --rows riffs.jsonl --row 7
    """
    from secret_sauce_hf.midi import preset_midi_file, write_midi_file
    from secret_sauce_hf.original.session import collection_track

    playing = asked(note, velocity, duration, seconds, clip, channel)
    parts = _rows(collection, seed, count, start, table, playing)
    out = check_file(out, inputs=_files(collection, table, clip))
    rows = sum(map(len, parts))
    if row is None:
        write_midi_file(collection_track(parts), out)
        tell_remarks(playing)
        say(f"{out}: {_counted(rows, 'preset')} of {parts[0].collection.name}.")
        return
    if not 0 <= row < rows:
        raise InputError(f"There is no row {row}: there are {rows:,}, and the first is 0.")
    one = next(itertools.islice((part[at : at + 1] for part in parts for at in range(len(part))), row, None))
    (settings,) = one.rows()
    write_midi_file(preset_midi_file(one.collection, settings, notes=one.performances[0]), out)
    say(f"{out}: row {row} of {rows:,}, a clip of {one.collection.seconds:g} s.")


@app.command()
def render(
    collection: CollectionName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the sounds.", show_default=False)],
    table: RowsFile = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=SETTING",
            help="Set a parameter in every row; without --presets in one row in which knobs are in the middle and "
            "switches have their first label. May be given several times.",
            show_default=False,
        ),
    ] = None,
    dry: Annotated[
        str | None,
        typer.Option(
            metavar="DRY.wav",
            help="A sound of up to 30 s that goes through the rack's effects instead of what the rows play.",
            show_default=False,
        ),
    ] = None,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help="DRY.wav is what comes out of the instrument with everything off (with the guitar's cabinet): what "
            "makes it is fed.",
        ),
    ] = False,
    note: PitchName = None,
    velocity: Velocity = None,
    duration: Duration = None,
    seconds: Seconds = None,
    clip: ClipFile = None,
    channel: Channel = None,
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
    """Render rows into WAV files, named by their `file`: with what they play, or all with one note or one MIDI clip.

    [bold]Examples[/bold]

    secret-sauce presets noisemaker --count 10 > rows.csv

    secret-sauce render noisemaker --presets rows.csv --out sounds

    secret-sauce render noisemaker-light --presets bass-match/bass.json --note C2 --velocity 90 --seconds 2 --out low

    secret-sauce render noisemaker --presets rows.csv --clip riff.mid --out riffs

    secret-sauce render noisemaker --rows ROWS.jsonl --out played   # every row plays what it says

    secret-sauce render guitar --dry riff.wav --set disto_on_off=on --set disto_drive=7 --out wet
    """
    playing = asked(note, velocity, duration, seconds, clip, channel)
    if clean and dry is None:
        raise InputError("--clean says what --dry is: give one, or leave it out.")
    if dry is not None and (playing.replaces or playing.seconds is not None or in_session):
        raise InputError(
            "--dry is what is played, as long as it is: leave out notes, clips, --seconds and --in-session."
        )
    declared = get_collection(collection)
    if table is None and not settings:
        raise InputError("There is nothing to render: give rows by --presets, or settings by --set.")
    parts = (
        [_plain(playing.lengthened(declared))] if table is None else _rows(collection, None, None, 0, table, playing)
    )
    if table is None and playing.replaces:
        parts = [part.playing(playing.notes(part.collection)) for part in parts]
    if settings:
        parts = [_set(part, settings) for part in parts]
    names = [name for part in parts for name in part.files]
    inputs = _files(collection, table, clip)
    if dry is not None:
        check_sound(dry)
        inputs.append(Path(dry))
    out = check_folder(out, names, inputs=inputs, what="the sounds")

    tell_clip(playing, parts[0].collection)

    from secret_sauce_hf.data import write_sounds

    engine = None if dry is None else _fed(parts[0].collection, dry, clean)
    if dry is not None:
        # What the rows play is not heard.
        parts = [part.playing(None) for part in parts]
    write_sounds(parts, out, engine=engine, in_session=in_session, noise_seed=noise_seed, overwrite=overwrite)
    say(f"{out}: {_counted(len(names), 'sound')} of {parts[0].collection.name}.")


def _fed(collection: Collection, dry: str, clean: bool) -> "Engine":
    """The engine of a collection with a sound that goes through it.

    Raises:
        InputError: there is none that can be fed; the sound cannot be read, or is too long.
    """
    import soxr

    from secret_sauce_hf.engines import get_engine
    from secret_sauce_hf.engines.base import DRY_SECONDS
    from secret_sauce_hf.instruments import SAMPLE_RATE
    from secret_sauce_hf.instruments.listening import mix
    from secret_sauce_hf.instruments.sounds import open_parts

    engine = get_engine(collection)
    with open_parts(dry) as parts:
        seconds = parts.frames / parts.rate
        if seconds > DRY_SECONDS + 1 / parts.rate:
            raise InputError(f"--dry {dry} has {seconds:.1f} s; cut it to at most {DRY_SECONDS:g} s.")
        samples, rate = parts.read(0, parts.frames), parts.rate
    sound, remarks = mix(samples, rate)
    for remark in remarks:
        say(f"{dry}: {remark}")
    # Rounding may make it a sample longer.
    sound = soxr.resample(sound, rate, SAMPLE_RATE, "HQ")[: round(DRY_SECONDS * SAMPLE_RATE)]
    return engine.fed(engine.input_of(sound) if clean else sound)


def _plain(collection: Collection) -> "Presets":
    """One row in which knobs are in the middle and switches have their first label."""
    from secret_sauce_hf.presets import Presets

    # Three values of a knob are its ends and its middle; a switch's are in the order of its labels.
    cc = [[int(parameter.spread(3)[0 if parameter.classes else 1]) for parameter in collection.parameters]]
    return Presets.from_cc(collection, np.array(cc))


def _set(part: "Presets", settings: list[str]) -> "Presets":
    """Rows with some parameters set.

    Args:
        part: the rows.
        settings: of `--set`, a name and a setting each.

    Raises:
        InputError: one is not of that form, or there is no such parameter or setting.
    """
    from secret_sauce_hf.instruments.checking import nearest, quoted
    from secret_sauce_hf.presets import Presets

    unit = part.unit.copy()
    parameters = {parameter.name: (column, parameter) for column, parameter in enumerate(part.parameters)}
    for text in settings:
        name, equals, cell = text.partition("=")
        if not equals:
            raise InputError(f"--set {quoted(text)} is none: write NAME=SETTING, such as {next(iter(parameters))}=5.")
        if name not in parameters:
            raise InputError(
                f"--set: {part.collection.name} has no parameter {quoted(name)}; {nearest(name, parameters)}"
            )
        column, parameter = parameters[name]
        value = parameter.parse([cell])[0]
        if not parameter.legal_unit(np.array([value])).all():
            raise InputError(f"--set {name}: {quoted(cell)} is no setting; it {parameter.allowed_setting()}.")
        unit[:, column] = value
    return Presets(part.collection, unit, part.files, None if part.play_constant else part.performances)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _files(collection: str, table: Path | None, clip: Path | None) -> list[Path]:
    """The files that rows are read from."""
    files = [Path(collection)] if is_declaration(collection) else []
    return files + [input_file(path) for path in (table, clip) if path is not None]


def _rows(
    collection: str,
    seed: int | None,
    count: int | None,
    start: int,
    table: Path | None,
    playing: Playing,
    prior: str = UNIFORM,
) -> "list[Presets]":
    """The rows that options ask for: a table's, fresh ones or the collection's own, with what they are to play."""
    from secret_sauce_hf.engines.given import read_given

    declared = get_collection(collection)
    if prior != UNIFORM and seed is None:
        raise InputError("--prior is of fresh rows: give --seed and --count.")
    if table is None:
        parts = [_drawn(playing.lengthened(declared), seed, count, start, prior)]
    elif seed is not None or count is not None or start:
        raise InputError("--presets takes the rows from the table: leave out --seed, --count and --start.")
    else:
        parts = read_given(declared, input_file(table), seconds=playing.seconds, replaced=playing.replaces)
    if playing.of_one_note and playing.pitch is None and not all(part.play_constant for part in parts):
        raise InputError(
            "The rows play notes of their own: with --velocity or --duration give --note, for all of them."
        )
    if not playing.replaces:
        _check_within(parts)
        return parts
    return [part.playing(playing.notes(part.collection)) for part in parts]


def _check_within(parts: "list[Presets]") -> None:
    """Refuse rows of which a note starts after a take that was asked to be shorter."""
    for part in parts:
        for row in range(0 if part.play_constant else len(part)):
            check_notes(part.performances[row], f"row {row}", seconds=part.collection.seconds)


def _drawn(collection: Collection, seed: int | None, count: int | None, start: int, prior: str) -> "Presets":
    from secret_sauce_hf.original.table import original_presets
    from secret_sauce_hf.presets import MAX_ROWS, draw_presets

    if count is not None:
        count = integer("count", count, 0, MAX_ROWS)
    if seed is None:
        return original_presets(collection, start, None if count is None else start + count)
    if count is None:
        raise InputError("--seed needs --count: how many rows to draw.")
    return draw_presets(collection, count, seed, start, prior=prior)
