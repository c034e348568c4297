"""`secret-sauce export`: models as files that answer without this package."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.inputs import check_checkpoint
from secret_sauce_hf.cli.terminal import print_all
from secret_sauce_hf.instruments import COLLECTIONS, InputError
from secret_sauce_hf.outputs import check_folder, expanded
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.modeling.exporting import Exported

app = typer.Typer(
    rich_markup_mode="rich",
    help="""Write models as files that answer without Python: ONNX, or a page that answers in a browser.

    [bold]Examples[/bold]

    secret-sauce export onnx noisemaker-light --out light

    secret-sauce export page noisemaker-light subphatty --out page
    """,
)

_MODEL_HELP = (
    f"A collection of which a checkpoint ships ({', '.join(COLLECTIONS)}), the folder of a checkpoint, or ORG/NAME."
)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def onnx(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL_HELP, show_default=False)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the two files.", show_default=False)],
) -> None:
    """Write a model as one ONNX file that takes sounds, not features, and a JSON file that describes it.

    The file takes takes (float32, 22,050 Hz) and tells settings, confidence, what is heard and the peak, as the
    audio-to-preset pipeline does; a model of notes is told what is played, too. Before it is written its answers are
    compared with those of the model.

    [bold]Examples[/bold]

    secret-sauce export onnx noisemaker-light --out exported

    secret-sauce export onnx my-model --out exported
    """
    check_checkpoint(model)
    name = export_name(model)
    folder = check_folder(out, [f"{name}.onnx", f"{name}.json"], inputs=_files(model), what="the two files")
    export(model, folder)


def export_name(model: str) -> str:
    """What the files of a model are called: like the collection, the folder or the repository."""
    return (
        model.partition("@")[0].rpartition("/")[2] if not expanded(model).is_dir() else expanded(model).resolve().name
    )


def export(model: str, folder: Path) -> "Exported":
    """Write a model's two files, and print what was seen of them.

    Args:
        model: as of `check_checkpoint`.
        folder: where they go.

    Raises:
        InputError: the checkpoint cannot be loaded; the file would answer otherwise than the model.
    """
    from secret_sauce_hf.modeling.exporting import check_installed, export_onnx
    from secret_sauce_hf.modeling.loading import load_pipeline

    check_installed()
    name = export_name(model)
    pipeline = load_pipeline(model)
    say(f"{name}: tracing the model and comparing answers, some 20 s.")
    done = export_onnx(pipeline, folder, name)
    print_all(f"Wrote {done.path} ({done.size / 1e6:.1f} MB) and {done.description.name}.")
    told = ", ".join(
        f"{part} {value:.1e}" for part, value in zip(done.difference._fields, done.difference, strict=True)
    )
    print_all(f"Largest differences from torch: {told}.")
    return done


def _files(model: str) -> list[Path]:
    folder = expanded(model)
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


@app.command()
def page(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=_MODEL_HELP, show_default=False)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the page.", show_default=False)],
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder dist of the npm package onnxruntime-web, to lie beside the page; the page loads the "
            "runtime from cdn.jsdelivr.net if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a static page on which models answer in the visitor's browser; no sound leaves it.

    Any server can serve the folder. With --runtime the page loads nothing from elsewhere, and its
    Content-Security-Policy forbids it.

    [bold]Examples[/bold]

    secret-sauce export page noisemaker-light --out page

    secret-sauce export page noisemaker noisemaker-notes --out page --runtime package/dist
    """
    names = []
    for model in models:
        check_checkpoint(model)
        if (name := export_name(model)) in names:
            raise InputError(f"Two models are called {name}; give each once.")
        names.append(name)

    from secret_sauce_hf.browser import page_files, write_page
    from secret_sauce_hf.browser.writing import MODELS, read_runtime

    inputs = [path for model in models for path in _files(model)]
    folder = check_folder(out, page_files(names, runtime is not None), inputs=inputs, what="the page")
    found = None if runtime is None else read_runtime(expanded(runtime))
    done = [export(model, folder / MODELS) for model in models]
    write_page(folder, done, found)
    print_all(f"Wrote {folder / 'index.html'}.")
    say(f"To see it: python -m http.server --directory {folder}")
