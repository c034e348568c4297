"""`secret-sauce app`: the web page."""

from typing import Annotated

import typer

from secret_sauce_hf.cli.terminal import WHOLE
from secret_sauce_hf.instruments import integer

app = typer.Typer()


@app.command(name="app")
def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen; 0 for any port that is free.", **WHOLE)] = 7860,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CKPT",
            help="A model of your own besides those that ship, as `learn` makes it; may be given several times.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="How many searches run at once.", **WHOLE)] = 1,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A name under which browsers may ask for the page; may be given several times.",
            show_default=False,
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in this machine's browser.")] = False,
) -> None:
    """Serve the web page: drop a sound, see the instrument's front panel set, hear both, turn knobs.

    The page and everything on it stay on this machine. What one visitor sends nobody else sees, and it is forgotten
    an hour after the last click. Programs find the same under /api (described in /openapi.json), language models
    under /mcp.

    [bold]Examples[/bold]

    secret-sauce app --open

    secret-sauce app --model my-synth  # with a model that `learn` made

    secret-sauce app --host 0.0.0.0 --port 80 --name synth.example.org
    """
    from secret_sauce_hf.app import serve as run

    port, workers = integer("port", port, 0, 65_535), integer("workers", workers, 1, 64)
    run(host, port, models=model or (), workers=workers, names=name or (), browser=browser)
