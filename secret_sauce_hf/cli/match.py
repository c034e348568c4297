"""`secret-sauce match` and `demo`: from a sound to a preset, printed and written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.inputs import check_checkpoint, check_dataset, files_in, sources
from secret_sauce_hf.cli.terminal import EXIT_INTERRUPTED, EXIT_MISTAKE, WHOLE, complain, print_all, table_of
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.declaring import is_declaration
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.matching import Match

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
            help="Whose parameters to set; the model's own, or noisemaker-light, if not given.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CKPT|ORG/NAME",
            help="A checkpoint, in a folder or on the Hub, instead of the one that ships.",
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
            help="How long to render presets, compare them with the sound and refine the best: 10 if not given, "
            "0 for the model alone.",
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
) -> None:
    """Find the preset that makes a sound, or each of several: prints it, writes MIDI, JSON, WAV and a picture.

    The model's candidates are rendered, compared with the sound and refined.
    Ctrl-C ends that early and keeps the best. Where no engine renders the
    instrument, the model answers, and the takes that you give.

    [bold]Examples[/bold]

    secret-sauce match bass.wav

    secret-sauce match recordings --seconds 0 --out found  # every sound in a folder

    secret-sauce match bass.wav --seconds 60 --candidates 5  # 5 that sound alike

    secret-sauce match bass.wav --renders 2000  # the same answer every time

    secret-sauce match bass.wav --model my-checkpoint --takes my-takes --out found
    """
    from secret_sauce_hf.matching.asked import check_search, names

    _, candidates, _ = check_search(seconds, renders, candidates, seed)
    declared = None if collection is None else get_collection(collection)
    found = sources(sounds)
    check_checkpoint(model)
    check_dataset(takes)
    inputs = [one.sound for one in found] + files_in(collection if is_declaration(collection) else None, model, takes)
    folders = [
        check_folder(out or one.folder, names(one.stem, candidates), inputs=inputs, what="the match") for one in found
    ]

    from secret_sauce_hf.matching import load_model
    from secret_sauce_hf.matching import match as find

    loaded = load_model(declared, model)
    failed = False
    for source, folder in zip(found, folders, strict=True):
        try:
            answer = find(
                source.sound,
                collection=declared,
                model=loaded,
                seconds=seconds,
                renders=renders,
                candidates=candidates,
                seed=seed,
                takes=takes,
                progress=True,
            )
        except InputError as error:
            if len(found) == 1:
                raise
            # The others may be readable.
            complain(str(error))
            failed = True
            continue
        _tell(answer, folder, source.stem, candidates, unheard=send_unheard)
        _leave_if_interrupted(answer)
    if failed:
        raise typer.Exit(EXIT_MISTAKE)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("demo"),
) -> None:
    """Match a sound of the real plug-in whose settings are known: the truth beside the model alone and the match."""
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
        say(f"{count} of the {candidates} presets asked for differ enough in what is heard.")
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
    if len(found.candidates) > 1:
        others = table_of("", "distance", "from", "set otherwise than in the first", numbers=["", "distance"])
        for row in candidate_rows(found):
            others.add_row(*row)
        print_all(f"{len(found.candidates)} different presets, ranked by {found.ranking}:", others)


def _print_files(files: dict[str, Path]) -> None:
    contents = {
        "midi": "the preset, for a sequencer",
        "noisemakerpreset": "the preset, for the plug-in",
        "json": "the preset, confidences and distances",
        "wav": "the preset, rendered",
        "png": "both sounds as a picture" if "wav" in files else "the sound as a picture",
    }
    width = max(len(str(path)) for path in files.values())
    print("Wrote")
    for kind, path in files.items():
        suffix, _, place = kind.partition("-")
        print(f" {path!s:{width}}  {contents[suffix]}{place and f' number {place}'}")
    if "png" not in files:
        say("No picture: it needs matplotlib, install secret_sauce_hf[plots].")
