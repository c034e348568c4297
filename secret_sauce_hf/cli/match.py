"""`secret-sauce match` and `demo`: from a sound to a preset, printed and written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.terminal import EXIT_INTERRUPTED, print_all, table_of
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.matching import Match

app = typer.Typer()


@app.command()
def match(
    sound: Annotated[Path, typer.Argument(metavar="SOUND", help="An audio file.", show_default=False)],
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
        ),
    ] = None,
    candidates: Annotated[int, typer.Option(help="How many different presets to tell.")] = 1,
    seed: Annotated[int, typer.Option(help="Of what is drawn at random.")] = 0,
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
    """Find the preset that makes a sound: prints it, writes MIDI, JSON, WAV and a picture.

    The model's candidates are rendered, compared with the sound and refined.
    Ctrl-C ends that early and keeps the best. Where no engine renders the
    instrument, the model answers, and the takes that you give.

    [bold]Examples[/bold]

    secret-sauce match bass.wav

    secret-sauce match bass.wav --seconds 60 --candidates 5  # 5 that sound alike

    secret-sauce match bass.wav --renders 2000  # the same answer every time

    secret-sauce match bass.wav --model my-checkpoint --takes my-takes --out found
    """
    from secret_sauce_hf.matching import match as find

    found = find(
        sound,
        collection=collection,
        model=model,
        seconds=seconds,
        renders=renders,
        candidates=candidates,
        seed=seed,
        takes=takes,
        progress=True,
    )
    files = found.save(out or Path(f"{sound.stem}-match"), sound.stem)
    _print_match(found)
    if (count := len(found.candidates)) < candidates:
        say(f"{count} of the {candidates} presets asked for differ enough in what is heard.")
    _print_files(files)
    _leave_if_interrupted(found)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("demo"),
) -> None:
    """Match a sound of the real plug-in whose settings are known: the truth beside the model alone and the match."""
    from secret_sauce_hf.matching import DEMO_RENDERS, demo_sound
    from secret_sauce_hf.matching import match as find

    known = demo_sound()
    say(f"The sound: {known.origin}.")
    found = find(known.path, collection=known.collection, renders=DEMO_RENDERS, progress=True)
    files = found.save(out, known.path.stem)
    _print_match(found, truth=known.settings)
    _print_files(files)
    _leave_if_interrupted(found)


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
        search_summary,
        shorten,
        show_confidence,
        sound_notes,
    )

    columns = ["setting", "confidence", "CC"]
    if truth:
        columns = ["truth", "model alone", "matched", "error", "confidence", "CC"]
    table = table_of("parameter", *columns, numbers=columns)
    for parameter in found.collection.parameters:
        name = parameter.name
        cells = [parameter.show(found.preset[name])]
        if truth:
            cells = [parameter.show(told[name]) for told in (truth, found.alone.preset)] + cells
            cells.append(parameter.show_error(truth[name], found.preset[name]))
        table.add_row(name, *cells, show_confidence(found, name), str(found.cc.get(name, "–")))
    print_all(
        f"{shorten(found.sound, 60)} as a preset of {found.collection.name} ({found.collection.instrument.title}):",
        table,
    )
    if truth:
        for title, preset in (("Matched", found.preset), ("Model alone", found.alone.preset)):
            print_all(f"{title}: {error_summary(found.collection, truth, preset)}.")
    print_all(*sound_notes(found))
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
        "json": "the preset, confidences and distances",
        "wav": "the preset, rendered",
        "png": "both sounds as a picture" if "wav" in files else "the sound as a picture",
    }
    width = max(len(str(path)) for path in files.values())
    print("Wrote")
    for kind, path in files.items():
        print(f" {path!s:{width}}  {contents[kind]}")
    if "png" not in files:
        say("No picture: it needs matplotlib, install secret_sauce_hf[plots].")
