"""`secret-sauce collections`: what there is."""

from pathlib import Path
from typing import Annotated, Any

import typer

from secret_sauce_hf.cli.terminal import AsJson, print_all, print_json, table_of
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError

app = typer.Typer()


@app.command()
def collections(
    folder: Annotated[
        Path, typer.Option("--in", metavar="DIR", help="Where to look for builds and checkpoints.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """List the collections: their datasets and models on the Hub, and what is in this folder.

    [bold]Examples[/bold]

    secret-sauce collections

    secret-sauce collections --in my-models

    secret-sauce collections --json
    """
    from secret_sauce_hf.hub.overview import found_here

    if as_json:
        print_json(
            {
                "collections": [_record(collection) for collection in COLLECTIONS.values()],
                "here": [
                    {"path": str(path), "collection": name, "what": what} for path, name, what in found_here(folder)
                ],
            }
        )
        return
    # Of one organisation, whose name in every cell would be too wide.
    (organisation,) = {collection.hub_id.partition("/")[0] for collection in COLLECTIONS.values()}
    ids = [f"dataset, {organisation}/", f"model that ships, {organisation}/"]
    table = table_of(
        "collection", "rows", "knobs + switches", *ids, numbers=["rows"], whole=["collection", "rows", *ids]
    )
    for collection in COLLECTIONS.values():
        switches = sum(parameter.classes > 0 for parameter in collection.parameters)
        table.add_row(
            collection.name,
            f"{collection.count:,}",
            f"{len(collection.columns) - switches} + {switches}",
            collection.hub_id.partition("/")[2],
            collection.checkpoint_id.partition("/")[2] if _ships_checkpoint(collection.name) else "–",
        )
    print_all(table)
    if here := found_here(folder):
        table = table_of("here", "collection", "what")
        for path, name, what in here:
            table.add_row(str(path), name, what)
        print_all(table)


def _record(collection: Collection) -> dict[str, Any]:
    """A collection for programs."""
    switches = sum(parameter.classes > 0 for parameter in collection.parameters)
    return {
        "name": collection.name,
        "title": collection.title,
        "instrument": collection.instrument.name,
        "rows": collection.count,
        "train_rows": collection.train_count,
        "knobs": len(collection.columns) - switches,
        "switches": switches,
        "seconds": collection.seconds,
        "dataset": collection.hub_id,
        "model": collection.checkpoint_id if _ships_checkpoint(collection.name) else None,
    }


def _ships_checkpoint(collection: str) -> bool:
    from secret_sauce_hf.modeling import checkpoint_path

    try:
        return checkpoint_path(collection).is_dir()
    except InputError:
        return False
