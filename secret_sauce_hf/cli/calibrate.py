"""`secret-sauce calibrate`: parse, run, print."""

from pathlib import Path
from typing import Annotated

import typer

from secret_sauce_hf.cli.inputs import check_checkpoint, sources
from secret_sauce_hf.cli.terminal import WHOLE, CollectionName, print_all
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

app = typer.Typer()


@app.command()
def calibrate(
    collection: CollectionName,
    strangers: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Sounds of other instruments, none that are reported on.", show_default=False),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CKPT|ORG/NAME", help="Where searches begin; the one that ships if not given.", show_default=False
        ),
    ] = None,
    rows: Annotated[int, typer.Option(help="How many sounds of the instrument are rendered.", **WHOLE)] = 48,
    seconds: Annotated[float, typer.Option(help="Time of a search for one sound.")] = 10.0,
    renders: Annotated[
        int | None, typer.Option(help="Search for so many renders instead.", show_default=False, **WHOLE)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of presets, damage and searches.", **WHOLE)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for domain.json; the checkpoint's, or ./<collection>-domain if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find out at which distance a sound is none of the instrument's, and write it beside the checkpoint.

    Searches for fresh sounds of the instrument, damaged as recordings are, and for sounds of other instruments, and
    fits a probability to the distances that they reach. An interrupted run goes on where it stopped.

    [bold]Examples[/bold]

    python examples/other_instruments.py strangers

    secret-sauce calibrate noisemaker-light --strangers strangers/calibration --model my-model
    """
    declared = get_collection(collection)
    check_checkpoint(model)
    own = model is not None and Path(model).is_dir()
    default = Path(model) if own and model is not None else Path(f"{Path(collection).stem}-domain")
    folder = check_folder(out or default, ["domain.json"], what="the calibration")
    sounds = [source.sound for source in sources([str(strangers)])]

    from secret_sauce_hf.evaluation import calibrate_domain

    try:
        found = calibrate_domain(
            declared, sounds, model=model, rows=rows, seconds=seconds, renders=renders, seed=seed, out=folder
        )
    except KeyboardInterrupt:
        say(f"What was searched is kept in {folder}: the same command goes on from here.")
        raise
    path = found.save(folder)
    counts = found.record["sounds"]
    print_all(f"{declared.name}: {counts['own']} sounds of its own, {counts['others']} of other instruments.")
    for name, title in (("mss", "MSS, dB"), ("floors", "multiple of the floor")):
        curve = getattr(found.domain, name)
        print_all(f"{title}: AUROC {found.auroc[name]:.3f}, one half at {curve.midpoint:.2f}, slope {curve.slope:.2f}.")
    print_all(f"Told by: {found.domain.measure}. A warning below {found.domain.warn_below:.2f}.")
    say(f"Wrote {path}")
