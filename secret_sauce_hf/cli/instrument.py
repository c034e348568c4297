"""`secret-sauce instrument`: declarations of instruments, checked, or made of a plug-in."""

from pathlib import Path
from typing import Annotated

import typer

from secret_sauce_hf.cli.inputs import input_file
from secret_sauce_hf.cli.terminal import AsJson, collection_names, print_all, print_json, table_of
from secret_sauce_hf.files import fitting, name_bytes, write_whole
from secret_sauce_hf.instruments import InputError, get_collection, write_declaration
from secret_sauce_hf.instruments import declaration as declared_as
from secret_sauce_hf.outputs import check_file, check_folder
from secret_sauce_hf.progress import say

app = typer.Typer(
    rich_markup_mode="rich",
    help="""Check the declaration of an instrument, make one of a plug-in, or write presets for it.

    [bold]Examples[/bold]

    secret-sauce instrument check my-synth.json

    secret-sauce instrument plugin /usr/lib/vst/amsynth_vst.so --out amsynth.json
    """,
    no_args_is_help=True,
)


@app.command()
def check(
    declaration: Annotated[
        str,
        typer.Argument(
            metavar="FILE.json",
            autocompletion=collection_names,
            help="The declaration; a built-in collection's name, too.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Check a declaration: the first mistake in one line, or what it declares, and what renders it.

    [bold]Examples[/bold]

    secret-sauce instrument check my-synth.json

    secret-sauce instrument check dx7

    secret-sauce instrument check subphatty-notes --json
    """
    from secret_sauce_hf.engines import find_engine, get_engine

    collection = get_collection(declaration)
    if as_json:
        told: dict[str, str | None] = {"engine": None, "refusal": None}
        try:
            told["engine"] = (find_engine(collection) or get_engine(collection)).label
        except InputError as error:
            told["refusal"] = str(error)
        print_json(declared_as(collection) | told)
        return
    table = table_of("parameter", "kind", "settings", "MIDI", "heard")
    for parameter in collection.parameters:
        values = parameter.values_text()
        table.add_row(
            parameter.name,
            parameter.kind,
            values if len(values) < 50 else f"{values[:46]} …",
            ", ".join(map(str, parameter.control)) or "–",
            "always" if parameter.heard == ("all",) else "never" if parameter.heard == ("any",) else "by a rule",
        )
    print_all(f"{collection.name}: {collection.instrument.title}, {collection.kinds}.", table)
    plays = collection.plays
    what = "one note, middle C" if plays is None else f"{plays.kind} from {plays.lowest} to {plays.highest}"
    print_all(f"Takes of {collection.seconds:g} s, each with {what}.")
    try:
        engine = find_engine(collection) or get_engine(collection)
        print_all(f"Rendered by {engine.label}.")
    except InputError as error:
        print_all(f"Not rendered here: {error}", "Record it, and collect the recordings: secret-sauce collect --help")


@app.command()
def plugin(
    file: Annotated[Path, typer.Argument(metavar="PLUGIN", help="The plug-in: .vst3, .so, .dll, .component or .lv2.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="The declaration to write.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Of the instrument; the plug-in's own if not given.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Take this parameter and no others; may be given several times.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave this parameter out; may be given several times.")
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Rows play any note, not middle C alone.")] = False,
    seconds: Annotated[float, typer.Option(help="Length of a take.")] = 1.5,
    controllers: Annotated[
        bool | None,
        typer.Option(
            "--cc/--no-cc",
            help="Send MIDI controllers, and take those that change the sound; if not given, where the plug-in lists "
            "nothing that does.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Declare a plug-in as an instrument: its parameters are found by moving each of them, and listening.

    The plug-in runs in a process of its own. Where it needs a display and there
    is none, Xvfb gives it one.

    [bold]Examples[/bold]

    secret-sauce instrument plugin /usr/lib/vst/amsynth_vst.so --out amsynth.json

    secret-sauce instrument plugin /usr/lib/vst/ZynAddSubFX.so --cc --out zyn.json

    secret-sauce build amsynth.json --seed 1 --count 1000 --out takes

    secret-sauce learn amsynth.json --minutes 30 --out my-amsynth
    """
    out = check_file(out, inputs=[file])

    from secret_sauce_hf.engines.plugin.describing import declare_plugin
    from secret_sauce_hf.engines.plugin.trusted import trust
    from secret_sauce_hf.instruments.instrument import Playing

    collection = declare_plugin(
        file,
        name=name,
        only=only or (),
        without=without or (),
        notes=Playing("notes", 24, 96) if notes else None,
        seconds=seconds,
        controllers=controllers,
        progress=True,
    )
    write_declaration(collection, out)
    trust(collection)
    say(f"{out}: {collection.title}. Look through it: secret-sauce instrument check {out}")


@app.command("preset")
def preset(
    declaration: Annotated[str, typer.Argument(metavar="FILE.json", help="The declaration of a plug-in.")],
    rows: Annotated[
        Path,
        typer.Option(
            "--presets",
            "--rows",
            metavar="FILE",
            help="Rows: a table (.csv), JSON Lines (.jsonl), a match (.json), or presets of the plug-in.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the files.", show_default=False)],
) -> None:
    """Write rows as preset files that hosts load into the plug-in: .fxp of VST2, .vstpreset of VST3.

    The plug-in writes them itself. Each is loaded again and heard; one that
    does not sound as its row does is told.

    [bold]Examples[/bold]

    secret-sauce instrument preset amsynth.json --presets bass-match/bass.json --out presets

    secret-sauce presets amsynth.json --presets my-presets > rows.csv    # the other way: a folder of .fxp
    """
    collection = get_collection(declaration)
    rows = input_file(rows)

    from secret_sauce_hf.engines.given import read_given
    from secret_sauce_hf.engines.plugin.presets import preset_suffix, write_plugin_preset

    suffix = preset_suffix(collection)
    if suffix is None:
        raise InputError(f"{collection.name} is no plug-in whose preset files are known: those of VST2 and VST3 are.")
    parts = read_given(collection, rows)
    files = [Path(file).stem for part in parts for file in part.files]
    names = [fitting(stem, suffix, name_bytes(out)) for stem in files]
    out = check_folder(out, names, inputs=[rows], what="the presets")
    out.mkdir(parents=True, exist_ok=True)
    settings = [row for part in parts for row in part.rows()]
    for name, row in zip(names, settings, strict=True):
        write_whole(out / name, write_plugin_preset(collection, row, Path(name).stem))
    say(f"{out}: {len(names):,} {'preset' if len(names) == 1 else 'presets'}, {suffix}.")
