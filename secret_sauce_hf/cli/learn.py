"""`secret-sauce learn`: an instrument of one's own in one go."""

from pathlib import Path
from typing import Annotated

import typer

from secret_sauce_hf.cli.terminal import WHOLE, collection_names
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

app = typer.Typer()


@app.command()
def learn(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            autocompletion=collection_names,
            help="The instrument: a plug-in file, a collection (dx7), a declaration (.json) that an engine renders; "
            "or a dataset of it.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of the model and the report.", show_default=False)
    ],
    minutes: Annotated[float, typer.Option(help="How long it may take, about.")] = 30.0,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help="Of a dataset, whose sounds it has, where neither its folder nor its columns tell.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Learn this parameter and no others; may be given several times.", show_default=False),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave this parameter out; may be given several times.", show_default=False),
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Understand any note, not middle C alone.")] = False,
    name: Annotated[
        str | None, typer.Option(help="What it is called; SOURCE-learned if not given.", show_default=False)
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of every search in the report.")] = 5.0,
    rows: Annotated[int, typer.Option(help="How many sounds the report searches for.", **WHOLE)] = 12,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.", **WHOLE)] = 0,
) -> None:
    """Learn an instrument: which parameters are heard, and how to tell them from a sound.

    Renders random presets, drops what is not heard, trains, compares the model
    with simple methods, and writes a report with pictures. Of a dataset, as
    `record` makes it, the train rows teach and the test rows judge. Interrupted,
    the same command goes on where it was.

    [bold]Examples[/bold]

    secret-sauce learn dx7 --minutes 60 --out my-dx7

    secret-sauce learn dx7 --only algorithm --only feedback --only op1_coarse --only op2_coarse --out ratios

    secret-sauce learn /usr/lib/vst/amsynth_vst.so --minutes 30 --out my-amsynth

    secret-sauce learn my-synth.json --notes --minutes 30 --out my-synth

    secret-sauce learn my-recordings --collection my-synth.json --minutes 60 --out my-synth

    secret-sauce match sound.wav --model my-synth
    """
    check_folder(out, what="what is learned")

    from secret_sauce_hf.learning import learn as run

    try:
        run(
            source,
            out,
            minutes=minutes,
            collection=collection,
            only=only or (),
            without=without or (),
            notes=notes,
            name=name,
            seconds=seconds,
            rows=rows,
            seed=seed,
        )
    except KeyboardInterrupt:
        say("The same command goes on from here.")
        raise
    say(f"{out}: use it with secret-sauce match SOUND --model {out}")
