"""`secret-sauce match` and `demo`: from a sound to a preset, printed and written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secret_sauce_hf.cli.inputs import check_checkpoint, check_dataset, files_in, input_file, sources
from secret_sauce_hf.cli.playing import Channel, asked, tell_remarks
from secret_sauce_hf.cli.sending import Api, Gap, MidiOrder, PortName, check_channel, find_port, send_preset
from secret_sauce_hf.cli.terminal import (
    EXIT_INTERRUPTED,
    EXIT_MISTAKE,
    WHOLE,
    checkpoint_names,
    collection_names,
    complain,
    print_all,
    print_json,
    table_of,
    tell,
)
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.instruments.declaring import is_declaration
from secret_sauce_hf.instruments.pitches import pitch_number
from secret_sauce_hf.instruments.sounds import check_sound
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.matching import Bank, Match

app = typer.Typer()


@app.command()
def match(
    sounds: Annotated[
        list[str],
        typer.Argument(
            metavar="SOUND...",
            help="Audio files, folders of them, addresses (zip://…), or - for standard input.",
            show_default=False,
        ),
    ],
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            autocompletion=collection_names,
            help="Whose parameters to set; if not given, the model's own, or without a model those of the instrument "
            "that comes nearest.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CKPT|ORG/NAME|none",
            autocompletion=checkpoint_names,
            help="A checkpoint, in a folder or on the Hub, instead of the one that ships; none to search without one.",
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
            help="How long to render presets, compare them with the sound and refine the best: 10 if neither this "
            "nor --bank is given, 0 for the model alone.",
            show_default=False,
        ),
    ] = None,
    renders: Annotated[
        int | None,
        typer.Option(
            help="How many presets to render instead; the same number finds the same preset again.",
            show_default=False,
            **WHOLE,
        ),
    ] = None,
    candidates: Annotated[int, typer.Option(help="How many different presets to tell.", **WHOLE)] = 1,
    seed: Annotated[int, typer.Option(help="Of what is drawn at random.", **WHOLE)] = 0,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Where in the sound to begin: seconds, or m:ss. Without --to 4 s are matched.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Where in the sound to end.", show_default=False),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="FROM-TO",
            help="Both at once, such as 1:02-1:05.5. Without any of the three the most telling phrase of a long sound "
            "is found.",
            show_default=False,
        ),
    ] = None,
    dry: Annotated[
        str | None,
        typer.Option(
            metavar="DRY.wav",
            help="What went into the rack to make the sound: finds the rack's settings for a riff of your own.",
            show_default=False,
        ),
    ] = None,
    note: Annotated[
        str | None,
        typer.Option(
            metavar="C2|36",
            help="The note that is played, where you know it; models of notes hear it otherwise.",
            show_default=False,
        ),
    ] = None,
    velocity: Annotated[
        int | None, typer.Option(help="Velocity of --note, 1 to 127.", show_default=False, **WHOLE)
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long --note is held.", show_default=False)
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option(
            metavar="RIFF.mid",
            help="What is played, as a MIDI file that begins when the sound does.",
            show_default=False,
        ),
    ] = None,
    channel: Channel = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print a line of JSON for each sound and nothing else; files are written only with --out.",
        ),
    ] = False,
    send_unheard: Annotated[
        bool,
        typer.Option("--send-unheard", help="Have the MIDI send parameters that are not heard, too."),
    ] = False,
    takes: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ORG/NAME",
            help="A dataset of the collection, in a folder or on the Hub: those of its takes that sound like the "
            "sound are candidates too.",
            show_default=False,
        ),
    ] = None,
    bank: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Presets of your own, a file (.csv, .jsonl, .json, .noisemakerpreset, .syx, .vital, of a plug-in "
            ".fxp, .fxb, .vstpreset) or a folder of such: the nearest of them is the answer, or where the search "
            "begins that --seconds or --renders asks for.",
            show_default=False,
        ),
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send the preset to the instrument, as `send` does; of one sound.")
    ] = False,
    port: PortName = None,
    midi_channel: Annotated[int, typer.Option(help="The MIDI channel of --send, 1 to 16.", **WHOLE)] = 1,
    order: MidiOrder = "msb-lsb",
    gap: Gap = 0.0,
    api: Api = None,
) -> None:
    """Find the preset that makes a sound, or each of several: prints it, writes MIDI, JSON, WAV and a picture.

    The model's candidates are rendered, compared with the sound and refined;
    where no model has learnt the instrument, presets as they are usually set.
    Ctrl-C ends that early and keeps the best. Where no engine renders the
    instrument, the model answers, and the takes that you give. Without
    --collection and --model a model of every instrument is asked, and the
    one answers that comes nearest.

    With --bank the answer is one of your own presets: of those that fit best
    what the model hears 64 are rendered and compared, and none is refined.
    With --seconds 0 none is rendered to be compared. With more seconds a
    search begins at them, and may end at any preset.

    [bold]Examples[/bold]

    secret-sauce match bass.wav

    secret-sauce match bass.wav --collection noisemaker-light

    secret-sauce match song.flac --region 1:02-1:05.5

    secret-sauce match bass.wav --collection noisemaker-notes --note C2

    secret-sauce match chords.wav --clip chords.mid

    secret-sauce match bell.wav --collection dx7 --seconds 60  # a .syx for the machine

    secret-sauce match riff-wet.wav --dry riff-dry.wav  # the guitar rack's settings

    secret-sauce match recordings --json --seconds 2 > found.jsonl

    secret-sauce match recordings --seconds 0 --out found  # every sound in a folder

    secret-sauce match bass.wav --seconds 60 --candidates 5  # 5 that sound alike

    secret-sauce match bass.wav --renders 2000  # the same answer every time

    secret-sauce match bass.wav --model my-checkpoint --takes my-takes --out found

    secret-sauce match bass.wav -c noisemaker --bank my-presets --candidates 5  # the 5 nearest of them

    secret-sauce match bass.wav -c subphatty-notes --send --port "Sub Phatty" --order lsb-msb-lsb
    """
    from secret_sauce_hf.matching.asked import NO_MODEL, check_search, names, region_of

    check_channel(midi_channel)
    if port is not None and not send:
        raise InputError("--port is where --send sends the preset: give that, too, or leave it out.")
    _, candidates, _ = check_search(seconds, renders, candidates, seed)
    part = region_of(start, end, region)
    declared = None if collection is None else get_collection(collection)
    played = _played(note, velocity, duration, clip, channel)
    if played is not None and dry is not None:
        raise InputError("With --dry nothing is played but that: leave --note and --clip out.")
    # Who reads JSON wants to know of every sound what became of it.
    found = sources(sounds, lenient=as_json)
    if dry is not None:
        check_sound(dry)
        if len(found) != 1:
            raise InputError(f"--dry is of one sound, and {len(found)} are given: match them one by one.")
    if send:
        if len(found) != 1:
            raise InputError(f"--send is of one sound, and {len(found)} are given: match them one by one.")
        # Before a search whose answer could not be sent.
        port = find_port(port, api)
    check_checkpoint(None if model == NO_MODEL else model)
    check_dataset(takes)
    if model == NO_MODEL and declared is None:
        raise InputError("Without a model nothing tells whose parameters to set: give the collection by --collection.")
    if takes is not None and declared is None and model is None:
        raise InputError("--takes are of one collection: give it by --collection.")
    if takes is not None and dry is not None:
        raise InputError("--takes are compared with takes, not with riffs: leave --takes or --dry out.")
    presets = _bank(bank, declared, model, takes)
    inputs: list[str | Path] = [one.sound for one in found if one.mistake is None]
    inputs += files_in(collection if is_declaration(collection) else None, model, takes, dry, clip, bank)
    writes = out is not None or not as_json
    folders = [
        check_folder(out or one.folder, names(one.stem, candidates), inputs=inputs, what="the match")
        if writes
        else None
        for one in found
    ]

    loaded: Any = None
    if any(one.mistake is None for one in found):
        from secret_sauce_hf.matching import load_model, load_models, read_bank
        from secret_sauce_hf.matching.match import chosen_strategy

        # A library that is missing is told before models load.
        chosen_strategy(fed=dry is not None, banked=bank is not None, seconds=seconds, renders=renders)
        # With a dry sound the instruments are chosen by what can be fed.
        several = declared is None and model is None
        if not several:
            loaded = load_model(declared, model)
        elif dry is None:
            loaded = load_models(lambda one: played is None or one.plays is not None)
        if bank is not None and declared is None:
            presets = read_bank(loaded.collection, bank)
    failed = False
    for source, folder in zip(found, folders, strict=True):
        try:
            if source.mistake is not None:
                raise InputError(source.mistake)

            from secret_sauce_hf.matching import match as find

            answer = find(
                source.sound,
                collection=declared,
                model=loaded,
                seconds=seconds,
                renders=renders,
                candidates=candidates,
                seed=seed,
                takes=takes,
                region=part,
                dry=dry,
                notes=played,
                bank=presets,
                progress=True,
            )
        except InputError as error:
            if as_json:
                print_json({"sound": source.sound, "error": str(error)})
            elif len(found) == 1:
                raise
            # The others may be readable.
            complain(str(error))
            failed = True
            continue
        if as_json:
            files = {} if folder is None else answer.save(folder, source.stem, unheard=send_unheard)
            print_json(answer.to_dict() | {"files": {kind: str(path) for kind, path in files.items()}})
        elif folder is not None:
            _tell(answer, folder, source.stem, candidates, unheard=send_unheard)
        if send:
            send_preset(
                answer.collection,
                answer.preset,
                port=port,
                api=api,
                channel=midi_channel,
                order=order,
                gap=gap,
                unheard=send_unheard,
            )
        _leave_if_interrupted(answer)
    if failed:
        raise typer.Exit(EXIT_MISTAKE)


def _bank(bank: str | None, declared: Collection | None, model: str | None, takes: str | None) -> "Bank | None":
    """The bank that is given, if it is known by now whose presets it has.

    Raises:
        InputError: it is not there, cannot be read, or does not go with the other options.
    """
    if bank is None:
        return None
    path = input_file(bank, "bank")
    if declared is None and model is None:
        raise InputError("--bank has presets of one collection: give it by --collection.")
    if takes is not None:
        raise InputError("--bank and --takes are two ways to say where to look: leave one out.")
    if declared is None:
        return None

    from secret_sauce_hf.matching import read_bank

    return read_bank(declared, path)


def _played(
    note: str | None, velocity: int | None, duration: float | None, clip: Path | None, channel: int | None
) -> list[dict[str, Any]] | None:
    """What the options say is played in the sound; None if they say nothing.

    Raises:
        InputError: they do not go together; a note or a clip that is none.
    """
    if note is None and clip is None and (velocity, duration) != (None, None):
        raise InputError("--velocity and --duration are of a --note: give that, too, or leave them out.")
    playing = asked(note, velocity, duration, None, clip, channel)
    if playing.clip is not None:
        tell_remarks(playing)
        return [one._asdict() for one in playing.clip.notes]
    return None if note is None else [{"pitch": pitch_number(note), "velocity": velocity, "duration": duration}]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("demo"),
) -> None:
    """Match a sound of the real plug-in whose settings are known: the truth beside the model alone and the match.

    [bold]Examples[/bold]

    secret-sauce demo

    secret-sauce demo --out tried
    """
    from secret_sauce_hf.matching import DEMO_RENDERS, demo_sound
    from secret_sauce_hf.matching import match as find
    from secret_sauce_hf.matching.asked import names

    known = demo_sound()
    check_folder(out, names(known.path.stem), what="the match")
    say(f"The sound: {known.origin}.")
    found = find(known.path, collection=known.collection, renders=DEMO_RENDERS, progress=True)
    _tell(found, out, known.path.stem, 1, known.settings)
    _leave_if_interrupted(found)


def _tell(
    found: "Match",
    folder: Path,
    stem: str,
    candidates: int,
    truth: dict[str, float | str] | None = None,
    *,
    unheard: bool = False,
) -> None:
    """Print what was found, and write it, even if nobody reads what is printed."""
    try:
        _print_match(found, truth)
    finally:
        files = found.save(folder, stem, unheard=unheard)
    if (count := len(found.candidates)) < candidates:
        why = "are in the bank" if count == found.bank else "differ enough in what is heard"
        say(f"{count} of the {candidates} presets asked for {why}.")
    _print_files(files)


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
        fixed_rows,
        other_rows,
        search_summary,
        shorten,
        show_confidence,
        show_controllers,
        sound_remarks,
    )

    # Every controller's number beside its value.
    columns = ["setting", "confidence", "CC: value"]
    controllers = found.controllers()
    if truth:
        columns = ["truth", "model alone", "matched", "error", "confidence", "CC: value"]
    table = table_of("parameter", *columns, numbers=columns)
    for parameter in found.collection.parameters:
        name = parameter.name
        cells = [parameter.show(found.preset[name])]
        if truth:
            cells = [parameter.show(told[name]) for told in (truth, found.alone.preset)] + cells
            cells.append(parameter.show_error(truth[name], found.preset[name]))
        table.add_row(name, *cells, show_confidence(found, name), show_controllers(controllers.get(name, {})))
    print_all(
        f"{shorten(found.sound, 60)} as a preset of {found.collection.name} ({found.collection.instrument.title}):",
        table,
    )
    if truth:
        for title, preset in (("Matched", found.preset), ("Model alone", found.alone.preset)):
            print_all(f"{title}: {error_summary(found.collection, truth, preset)}.")
    if rows := fixed_rows(found):
        fixed = table_of("every preset has", "setting", "CC: value", numbers=["setting", "CC: value"])
        for cells in rows:
            fixed.add_row(*cells)
        print_all(fixed)
    print_all(*sound_remarks(found))
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
    if found.others:
        instruments = table_of("instrument", "preset of", "distance", numbers=["distance"])
        for row in other_rows(found):
            instruments.add_row(*row)
        print_all("Of all instruments this one comes nearest; ask for another by --collection:", instruments)
    if len(found.candidates) > 1:
        others = table_of("", "distance", "from", "set otherwise than in the first", numbers=["", "distance"])
        for row in candidate_rows(found):
            others.add_row(*row)
        print_all(f"{len(found.candidates)} different presets, ranked by {found.ranking}:", others)


def _print_files(files: dict[str, Path]) -> None:
    contents = {
        "midi": "the preset, for a sequencer",
        "noisemakerpreset": "the preset, for the plug-in",
        "syx": "the voice, for the machine or Dexed",
        "vital": "the preset, for the plug-in",
        "fxp": "the preset, for the plug-in",
        "vstpreset": "the preset, for the plug-in",
        "json": "the preset, confidences and distances",
        "wav": "the preset, rendered",
        "png": "both sounds as a picture" if "wav" in files else "the sound as a picture",
    }
    width = max(len(str(path)) for path in files.values())
    tell("Wrote")
    for kind, path in files.items():
        suffix, _, place = kind.partition("-")
        tell(f" {path!s:{width}}  {contents[suffix]}{place and f' number {place}'}")
    if "png" not in files:
        say("No picture: it needs matplotlib, install secret_sauce_hf[plots].")
