"""A page per instrument and per collection, made of the declarations."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence

from secret_sauce_hf import instruments
from secret_sauce_hf.cards.parameters import note_times, parameter_cells
from secret_sauce_hf.cards.templates import table_text
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.instruments import COLLECTIONS, INSTRUMENTS, Collection, Instrument, Parameter
from secret_sauce_hf.instruments.panels import sections
from secret_sauce_hf.modeling.registration import ships


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of every page."""
    modules = _modules()
    for instrument in INSTRUMENTS.values():
        yield f"reference/instruments/{instrument.name}.md", _instrument(instrument, modules[instrument.name])
    for collection in COLLECTIONS.values():
        yield f"reference/collections/{collection.name}.md", _collection(collection)


def _modules() -> dict[str, str]:
    """What is said about each instrument where it is declared."""
    loaded = [
        importlib.import_module(f"{instruments.__name__}.{info.name}")
        for info in pkgutil.iter_modules(instruments.__path__)
    ]
    return {one.INSTRUMENT.name: one.__doc__ or "" for one in loaded if hasattr(one, "INSTRUMENT")}


def _of(instrument: Instrument) -> list[Collection]:
    return [one for one in COLLECTIONS.values() if one.instrument.name == instrument.name]


def _instrument(instrument: Instrument, about: str) -> str:
    collections = _of(instrument)
    # The one that says most: all parameters, and what is heard of them whatever is played.
    widest = max(collections, key=lambda one: (len(one.columns), one.plays is not None))
    parts = [f"# {instrument.title}", about.strip()]
    engine = find_engine(widest)
    if engine is not None:
        voices = f" {engine.voices} voices." if engine.voices > 1 else " One voice."
        pitches = f" Pitches {engine.plays[0]} to {engine.plays[-1]}." if engine.plays else ""
        parts.append(
            f"**Rendered by** {engine.label}: {engine.emulates}. Guessed: {engine.guesses}.{pitches}{voices}"
            + (f" What runs freely: {', '.join(engine.free_phases)}." if engine.free_phases else "")
        )
    lines = [
        f"| [{one.name}](../collections/{one.name}.md) | {table_text(one.title)} | {one.count:,} |"
        for one in collections
    ]
    parts.append("\n".join(["| collection | | rows |", "|---|---|---:|", *lines]))
    parts.append("```sh\n" + f"secret-sauce instrument check {widest.name}\n" + "```")
    for section in sections(widest):
        parts += [f"## {section.title}", _table(section.parameters, widest)]
    return "\n\n".join(parts) + "\n"


def _collection(collection: Collection) -> str:
    start, end = note_times(collection)
    plays = collection.plays
    if plays is None:
        what = f"Every row plays one note, middle C, from {start} to {end} ms of its take."
    else:
        kind = "a note" if plays.kind == "notes" else "chords and melodies" if plays.chords else "a melody"
        what = f"Every row plays {kind} of its own, pitches {plays.lowest} to {plays.highest}."
    rows = "of 2018, to the letter" if collection.seed is None else f"drawn from seed {collection.seed}"
    prior = "" if collection.prior == "uniform" else f", prior `{collection.prior}`"
    name = collection.name
    facts = [
        ("instrument", f"[{collection.instrument.title}](../instruments/{collection.instrument.name}.md)"),
        ("rows", f"{collection.count:,}, {rows}{prior}"),
        ("split", f"{collection.train_count:,} train, {collection.count - collection.train_count:,} test"),
        ("takes", f"{collection.seconds:g} s at 22,050 Hz. {what}"),
        ("dataset", f"`{collection.hub_id}`"),
        ("model", f"`{collection.checkpoint_id}`, ships" if ships(name) else "none ships"),
    ]
    command = f"secret-sauce build {name} --out {name}\n"
    if ships(name):
        command += f"secret-sauce match bass.wav --collection {name}\n"
    parts = [
        f"# {name}",
        f"{collection.title}.",
        "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in facts)]),
        f"```sh\n{command}```",
    ]
    for section in sections(collection):
        if varying := [parameter for parameter in section.parameters if parameter.name in collection.columns]:
            parts += [f"## {section.title}", _table(varying, collection)]
    if collection.fixed:
        lines = [
            f"| `{key}` | {table_text(collection.instrument[key].text(value))} |" for key, value in collection.fixed
        ]
        parts += ["## In every preset", "\n".join(["| parameter | setting |", "|---|---|", *lines])]
    return "\n\n".join(parts) + "\n"


def _table(parameters: Sequence[Parameter], collection: Collection) -> str:
    """Parameters with what they do, their settings, controllers, and when they are heard."""
    own = collection.plays is not None
    lines = []
    for parameter in parameters:
        if parameter.name in collection.columns:
            cells = parameter_cells(parameter, collection, own_notes=own)
        else:
            cells = parameter_cells(parameter, collection, own_notes=True)
        lines.append("| " + " | ".join(_short(cell) for cell in cells) + " |")
    return "\n".join(["| parameter | kind | settings | CC | heard |", "|---|---|---|---|---|", *lines])


_LONG = 400


def _short(cell: str) -> str:
    """A rule that names dozens of others, as some of the DX7's do, is told in part."""
    return cell if len(cell) <= _LONG else cell[:_LONG].rpartition(" ")[0].replace("`", "") + " …"
