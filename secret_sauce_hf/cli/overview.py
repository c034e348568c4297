"""`secret-sauce collections`: what there is."""

from pathlib import Path
from typing import Annotated

import typer

from secret_sauce_hf.cli.terminal import print_all, table_of
from secret_sauce_hf.instruments import COLLECTIONS, InputError

app = typer.Typer()


@app.command()
def collections(
    folder: Annotated[
        Path, typer.Option("--in", metavar="DIR", help="Where to look for builds and checkpoints.")
    ] = Path(),
) -> None:
    """List the collections: their datasets and models on the Hub, and what is in this folder."""
    from secret_sauce_hf.hub.overview import found_here

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


def _ships_checkpoint(collection: str) -> bool:
    from secret_sauce_hf.modeling import checkpoint_path

    try:
        return checkpoint_path(collection).is_dir()
    except InputError:
        return False
