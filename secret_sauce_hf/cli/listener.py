"""`secret-sauce listener`: parse, run, print."""

from pathlib import Path
from typing import Annotated

import typer

from secret_sauce_hf.cli.terminal import WHOLE, tell
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say
from secret_sauce_hf.training.listening_config import ListeningConfig

app = typer.Typer()
_DEFAULTS = ListeningConfig(fresh=1)


@app.command()
def listener(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of the listener's two files.", show_default=False)
    ],
    fresh: Annotated[
        int, typer.Option(help="After how many sounds to end; the same number gives the same listener.", **WHOLE)
    ] = 0,
    minutes: Annotated[
        float | None, typer.Option(help="After how many minutes to end at the latest.", show_default=False)
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Start from this listener instead of from scratch.", show_default=False),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Sounds per step.", **WHOLE)] = _DEFAULTS.batch_size,
    seed: Annotated[int, typer.Option(help="Of the sounds and the first weights.", **WHOLE)] = _DEFAULTS.seed,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate of AdamW.")] = _DEFAULTS.learning_rate,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run of the same options.")
    ] = False,
) -> None:
    """Train the listener, which hears the notes of a sound, on fresh takes of every instrument that an engine renders.

    Takes are changed as anybody might record them: level, tuning, noise, hum, room, codec, cut off. The folder gets
    listener.safetensors and listener.json, which says how it was trained. Ctrl-C leaves what --resume goes on from.

    [bold]Examples[/bold]

    secret-sauce listener --fresh 20000 --out my-listener

    secret-sauce listener --minutes 30 --base my-listener --out better-listener
    """
    out = check_folder(out, what="the listener")
    config = ListeningConfig(
        fresh=fresh, minutes=minutes, batch_size=batch_size, seed=seed, learning_rate=learning_rate
    )

    from secret_sauce_hf.training.listening import train_listener

    try:
        record = train_listener(out, config, base=base, resume=resume)
    except KeyboardInterrupt:
        if (out / ".listening").is_dir():
            say(f"{out} keeps what was saved: the same command with --resume goes on from there.")
        raise
    told = ", ".join(f"{name} {value:.4f}" for name, value in record["losses"].items())
    tell(f"{record['sounds']:,} sounds in {record['seconds'] / 60:.1f} min; losses: {told}.")
    tell(f"Wrote {out / 'listener.safetensors'} and {out / 'listener.json'}")
