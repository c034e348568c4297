"""`secret-sauce record` and `listen`: sounds from a real instrument."""

import io
from pathlib import Path
from typing import Annotated

import typer

from secret_sauce_hf.cli.data import Rows, ShardRows, chosen_rows, given_rows
from secret_sauce_hf.cli.match import match
from secret_sauce_hf.cli.playing import (
    Channel,
    ClipFile,
    Duration,
    PitchName,
    Seconds,
    Velocity,
    asked,
    tell_remarks,
)
from secret_sauce_hf.cli.sending import Api, Gap, MidiOrder, check_channel
from secret_sauce_hf.cli.terminal import WHOLE, CollectionName, Count, Prior, Seed, collection_names
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.outputs import check_file, check_folder
from secret_sauce_hf.progress import say

app = typer.Typer()

Audio = Annotated[
    str,
    typer.Option(
        "--audio",
        metavar="NAME",
        help="Where the sound comes in: a device, or with --via jack a port; a part of its name will do. `secret-sauce "
        "ports --audio` lists them.",
        show_default=False,
    ),
]
Via = Annotated[
    str,
    typer.Option(help="cards: MIDI ports and sound cards of the system. jack: a JACK server, exact to the sample."),
]
Rate = Annotated[
    int | None,
    typer.Option(help="Of the sound card, in Hz; its own if not given.", show_default=False, **WHOLE),
]
Input = Annotated[int, typer.Option("--input", help="Which channel of the sound card, from 1.", **WHOLE)]


@app.command()
def record(
    collection: CollectionName,
    midi: Annotated[
        str,
        typer.Option(
            "--midi",
            metavar="NAME",
            help="The instrument's MIDI port, or a part of its name. `secret-sauce ports` lists them.",
            show_default=False,
        ),
    ],
    audio: Audio,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of the dataset.", show_default=False)
    ] = None,
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
            help="Record the rows of a file instead, as `build` takes it.",
            show_default=False,
        ),
    ] = None,
    note: PitchName = None,
    velocity: Velocity = None,
    duration: Duration = None,
    seconds: Seconds = None,
    clip: ClipFile = None,
    channel: Channel = None,
    via: Via = "cards",
    freewheel: Annotated[
        bool,
        typer.Option("--freewheel", help="Run the JACK server as fast as it can: for instruments that are software."),
    ] = False,
    midi_channel: Annotated[int, typer.Option(help="The MIDI channel of the instrument, 1 to 16.", **WHOLE)] = 1,
    order: MidiOrder = "msb-lsb",
    gap: Gap = 0.0,
    api: Api = None,
    rate: Rate = None,
    device_input: Input = 1,
    read_back: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The MIDI port from which the instrument's own messages come: it is asked whether each patch has "
            "arrived (Sub Phatty only).",
            show_default=False,
        ),
    ] = None,
    latency: Annotated[
        float | None,
        typer.Option(
            metavar="MILLISECONDS",
            help="The round trip from a note to its sound; measured before the first take if not given.",
            show_default=False,
        ),
    ] = None,
    rehearse: Annotated[
        bool | None,
        typer.Option(
            "--rehearse/--no-rehearse",
            help="Play every row's pitches shortly before its take, for instruments in which something still glides; "
            "found out if not given.",
            show_default=False,
        ),
    ] = None,
    keep_clipped: Annotated[
        bool, typer.Option("--keep-clipped", help="Keep takes that clip the input; else it must be turned down.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only measure the round trip and the levels, and record nothing.")
    ] = False,
    rows_per_shard: ShardRows = 1000,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another dataset in the same folder.")] = False,
) -> None:
    """Record a collection from the real instrument: each take's patch and notes out by MIDI, its sound in.

    Before the first take the round trip, the noise and the levels are
    measured. Takes in which sound was lost or that clip are made again. Every
    take is safe once it is made: interrupted, the same command goes on with
    the next one. The dataset is one of those that `build` makes.

    [bold]Examples[/bold]

    secret-sauce record my-synth.json --midi "Bass Box" --audio Scarlett --check

    secret-sauce record my-synth.json --midi "Bass Box" --audio Scarlett --seed 1 --count 2000 --out takes

    secret-sauce record subphatty-notes --midi "Sub Phatty" --audio "USB Audio" --rows 500 --order lsb-msb-lsb --out sub

    secret-sauce record amsynth.json --via jack --freewheel --midi amsynth --audio "amsynth:L" --rows 9 --out am

    secret-sauce train my-synth.json --data takes --out my-model
    """
    from secret_sauce_hf.data.from_instrument import record_collection
    from secret_sauce_hf.engines.hardware.opening import open_link
    from secret_sauce_hf.engines.hardware.recorder import Recorder

    declared = get_collection(collection)
    check_channel(midi_channel)
    if out is None and not check:
        raise InputError("Give the folder of the dataset by --out, or --check to measure the levels only.")
    playing = asked(note, velocity, duration, seconds, clip, channel)
    lengthened = playing.lengthened(declared)
    given = None if table is None else given_rows(declared, table, playing)
    plays = playing.notes(lengthened if given is None else given.collection)
    limits, count = chosen_rows(rows, seed, count)
    if out is not None:
        out = check_folder(out, what="the dataset")
    tell_remarks(playing)
    with open_link(
        via, midi, audio, api=api, rate=rate, channel=device_input, back=read_back, freewheel=freewheel
    ) as link:
        recorder = Recorder(
            declared,
            link,
            order=order,  # type: ignore[arg-type]
            channel=midi_channel - 1,
            gap=gap / 1000,
            latency=None if latency is None else latency / 1000,
            rehearses=rehearse,
            keep_clipped=keep_clipped,
        )
        if check or out is None:
            recorder.tell = say
            recorder.prepare()
            return
        folder = record_collection(
            recorder,
            out,
            rows=limits,
            seed=seed,
            count=count,
            prior=prior,
            presets=given,
            plays=plays,
            seconds=None if given is not None else playing.seconds,
            rows_per_shard=rows_per_shard,
            overwrite=overwrite,
        )
        if recorder.retakes:
            told = ", ".join(
                f"{number:,} {'take' if number == 1 else 'takes'} that {why}"
                for why, number in recorder.retakes.items()
            )
            say(f"Made again: {told}.")
    say(f'{folder}: load it with datasets.load_dataset("{folder}").')


@app.command()
def listen(
    audio: Audio,
    wav: Annotated[Path, typer.Option(metavar="SOUND.wav", help="Where the sound is written.")] = Path("listened.wav"),
    via: Via = "cards",
    rate: Rate = None,
    device_input: Input = 1,
    length: Annotated[float, typer.Option(metavar="SECONDS", help="The longest sound.")] = 4.0,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait until it begins.")] = 30.0,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            autocompletion=collection_names,
            help="As of `match`, as what follows.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="CKPT|ORG/NAME", show_default=False)] = None,
    takes: Annotated[str | None, typer.Option(metavar="DIR|ORG/NAME", show_default=False)] = None,
    note: Annotated[str | None, typer.Option(metavar="C2|36", show_default=False)] = None,
    seconds: Annotated[float | None, typer.Option(show_default=False)] = None,
    renders: Annotated[int | None, typer.Option(show_default=False, **WHOLE)] = None,
    candidates: Annotated[int, typer.Option(**WHOLE)] = 1,
    out: Annotated[Path | None, typer.Option(metavar="DIR", show_default=False)] = None,
    only: Annotated[bool, typer.Option("--only-record", help="Write the sound and match nothing.")] = False,
) -> None:
    """Record a sound from an input, from its onset until it is over, and match it.

    Play when it says that it listens.

    [bold]Examples[/bold]

    secret-sauce ports --audio

    secret-sauce listen --audio Scarlett -c subphatty-notes

    secret-sauce listen --audio Scarlett --input 2 --length 2 --wav bass.wav --only-record
    """
    import soundfile

    from secret_sauce_hf.engines.hardware.opening import open_link
    from secret_sauce_hf.engines.hardware.reference import hear

    # Before it is played, which nobody does the same way twice.
    wav = check_file(wav)
    if collection is not None:
        get_collection(collection)
    with open_link(via, None, audio, rate=rate, channel=device_input) as link:
        say(f"Listening to {link.label}: play.")
        heard = hear(link, length=length, wait=wait)
    for remark in heard.remarks:
        say(f"The sound was recorded, but {remark}.")
    content = io.BytesIO()
    subtype = "FLOAT" if abs(heard.samples).max() > 1 else "PCM_24"
    soundfile.write(content, heard.samples, heard.rate, format="WAV", subtype=subtype)
    write_whole(wav, content.getvalue())
    say(f"{wav}: {len(heard.samples) / heard.rate:.2f} s from the onset on.")
    if not only:
        match(
            [str(wav)],
            collection=collection,
            model=model,
            takes=takes,
            note=note,
            seconds=seconds,
            renders=renders,
            candidates=candidates,
            out=out,
        )
