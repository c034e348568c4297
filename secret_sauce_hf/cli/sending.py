"""`secret-sauce send` and `ports`: presets to a machine."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secret_sauce_hf.cli.inputs import input_file
from secret_sauce_hf.cli.terminal import WHOLE, AsJson, collection_names, print_all, print_json
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection
from secret_sauce_hf.instruments.pitches import pitch_number
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from mido.ports import BaseOutput

app = typer.Typer()

_HOLD = 1.0
_SETTLED = 0.1
"""Seconds between a preset and a note."""

Api = Annotated[
    str | None,
    typer.Option(help="How to reach ports: alsa, jack, core or windows; the system's own if not given."),
]
PortName = Annotated[
    str | None,
    typer.Option(
        "--port",
        metavar="NAME",
        help="The port, or a part of its name; the only one there is if not given. `secret-sauce ports` lists them.",
        show_default=False,
    ),
]
MidiOrder = Annotated[
    str, typer.Option("--order", help="How the halves of 14-bit values are sent: msb-lsb, lsb-msb or lsb-msb-lsb.")
]
Gap = Annotated[
    float,
    typer.Option("--gap", help="Milliseconds between messages besides the time that a cable takes, for slow machines."),
]


@app.command()
def ports(
    api: Api = None,
    audio: Annotated[
        bool, typer.Option("--audio", help="List the sound inputs instead, of which record and listen take one.")
    ] = False,
    via: Annotated[str, typer.Option(help="Of --audio: cards, or jack for the ports of a JACK server.")] = "cards",
    as_json: AsJson = False,
) -> None:
    """List the MIDI outputs of this machine, to which presets can be sent, or its sound inputs.

    [bold]Examples[/bold]

    secret-sauce ports

    secret-sauce ports --audio

    secret-sauce ports --audio --via jack --json
    """
    if audio:
        from secret_sauce_hf.engines.hardware.opening import sound_inputs

        inputs = sound_inputs(via)
        if as_json:
            print_json({"inputs": list(inputs)})
        else:
            print_all(*inputs)
        if not inputs:
            say("There is no sound input: plug a sound card in, or start a JACK server.")
        return

    from secret_sauce_hf.midi import port_names

    names = port_names(api)
    if as_json:
        print_json({"outputs": list(names)})
    else:
        print_all(*names)
    if not names:
        say("There is no MIDI output: plug the machine in, or start what has a port.")


@app.command()
def send(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET",
            help="The preset: what match writes (.json, .mid), or the instrument's own (.noisemakerpreset, .syx).",
            show_default=False,
        ),
    ],
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            metavar="COLLECTION",
            autocompletion=collection_names,
            help=f"Whose preset it is, where the file does not tell: {', '.join(COLLECTIONS)}, or a declaration.",
            show_default=False,
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option("--voice", help="Which voice of a bank, from 1.", show_default=False, **WHOLE),
    ] = None,
    port: PortName = None,
    channel: Annotated[int, typer.Option(help="The MIDI channel, 1 to 16.", **WHOLE)] = 1,
    order: MidiOrder = "msb-lsb",
    gap: Gap = 0.0,
    note: Annotated[
        str | None,
        typer.Option(metavar="C3|60", help="Play this note for a second afterwards.", show_default=False),
    ] = None,
    all_of_it: Annotated[bool, typer.Option("--send-unheard", help="Send parameters that are not heard, too.")] = False,
    api: Api = None,
) -> None:
    """Send a preset to a machine by MIDI: controllers, or of the DX7 a voice as system exclusive message.

    The machine plays it at once; nothing that it stores is changed. Messages
    go no faster than through a MIDI cable.

    [bold]Examples[/bold]

    secret-sauce ports

    secret-sauce send bass-match/bass.json --port "Sub Phatty" --order lsb-msb-lsb

    secret-sauce send voice.syx --port DX7 --note C3

    secret-sauce send ROM1A.syx --voice 11 --port DX7

    secret-sauce send bass.mid -c noisemaker --channel 2 --gap 5
    """
    from secret_sauce_hf.midi import read_preset_file
    from secret_sauce_hf.midi.preset_files import collection_of_file

    path = Path(input_file(preset, "preset"))
    check_channel(channel)
    pitch = None if note is None else pitch_number(note)
    declared = get_collection(collection) if collection is not None else collection_of_file(path)
    if declared is None:
        raise InputError(f"{path} does not tell whose preset it is: give its collection by --collection.")
    settings = read_preset_file(declared, path) if number is None else _of_bank(declared, path, number)
    send_preset(
        declared, settings, port=port, api=api, channel=channel, order=order, gap=gap, unheard=all_of_it, pitch=pitch
    )


def check_channel(channel: int) -> None:
    """Refuse a number that no MIDI channel has, counted from 1.

    Raises:
        InputError: it is none.
    """
    if not 1 <= channel <= 16:
        raise InputError(f"There is no MIDI channel {channel}; give 1 to 16.")


def send_preset(
    collection: Collection,
    settings: Mapping[str, Any],
    *,
    port: str | None,
    api: str | None,
    channel: int,
    order: str,
    gap: float,
    unheard: bool,
    pitch: int | None = None,
) -> None:
    """Send a preset to a port, and say what was sent and what was not.

    Args:
        collection: whose preset it is.
        settings: name → setting.
        port: the port, or a part of its name; the only one there is if None.
        api: how to reach it.
        channel: 1 to 16.
        order: of the halves of 14-bit values.
        gap: milliseconds between messages besides the time that a cable takes.
        unheard: whether parameters that are not heard are sent, too.
        pitch: of a note to play afterwards.

    Raises:
        InputError: MIDI reaches no parameter; no such port, or it is gone.
    """
    from secret_sauce_hf.midi import not_to_send, preset_messages
    from secret_sauce_hf.midi.ports import BYTE_SECONDS, opened
    from secret_sauce_hf.midi.ports import send as send_messages

    left = () if unheard else not_to_send(collection, settings)
    messages = preset_messages(
        collection,
        settings,
        order=order,  # type: ignore[arg-type]
        channel=channel - 1,
        fixed=True,
        leave_out=left,
    )
    if not messages:
        raise InputError(f"No parameter of {collection.name} is reached by MIDI: set the preset by hand.")
    with opened(chosen_port(port, api), api) as output:
        send_messages(messages, output, gap=gap / 1000)
        if pitch is not None:
            _play(output, pitch, channel - 1)
        size = sum(len(message.bytes()) for message in messages)
        took = size * BYTE_SECONDS + len(messages) * gap / 1000
        say(f"{len(messages)} messages of {size:,} bytes to {output.name}, in {took:.2f} s.")
    if left:
        say(f"Not sent, as it is not heard: {', '.join(left)}; --send-unheard sends it.")


def _of_bank(collection: Collection, path: Path, number: int) -> dict[str, Any]:
    """A preset out of several, by its number from 1."""
    from secret_sauce_hf.engines.given import read_given

    rows = [row for part in read_given(collection, path, replaced=True) for row in part.rows()]
    if not 1 <= number <= len(rows):
        raise InputError(f"There is no preset {number} in {path}; it holds {len(rows):,}.")
    return rows[number - 1]


def chosen_port(port: str | None, api: str | None) -> str:
    """The port that is meant where none is named: the only one.

    Raises:
        InputError: there are several, or none.
    """
    from secret_sauce_hf.midi import port_names

    if port is not None:
        return port
    names = port_names(api)
    if len(names) != 1:
        there = f"there are {', '.join(names)}: choose one by --port" if names else "there is none"
        raise InputError(f"Which MIDI port? {there[0].upper()}{there[1:]}.")
    return names[0]


def find_port(port: str | None, api: str | None) -> str:
    """The full name of the port that is meant.

    Raises:
        InputError: there is no such port, or several.
    """
    from secret_sauce_hf.midi.ports import chosen, port_names

    return chosen(chosen_port(port, api), port_names(api))


def _play(output: "BaseOutput", pitch: int, channel: int) -> None:
    import mido

    from secret_sauce_hf.midi import send as send_messages

    time.sleep(_SETTLED)
    send_messages([mido.Message("note_on", note=pitch, velocity=100, channel=channel)], output)
    try:
        time.sleep(_HOLD)
    finally:
        # Ctrl-C leaves no note hanging.
        send_messages([mido.Message("note_off", note=pitch, channel=channel)], output)
