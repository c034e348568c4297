"""`secret-sauce publish …`: parses, publishes, prints."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secret_sauce_hf.cli.terminal import (
    EXIT_INTERRUPTED,
    AsJson,
    CollectionName,
    checkpoint_names,
    complain,
    print_all,
    print_json,
    table_of,
    tell,
)
from secret_sauce_hf.progress import say

if TYPE_CHECKING:
    from secret_sauce_hf.hub.repository import Publication

app = typer.Typer(
    rich_markup_mode="rich",
    help="""Publish a dataset, a checkpoint, a metric or the web page on the Hugging Face Hub.

    Everything of one goes up in one commit, and a tag (the package's version) names that state. An interrupted
    command, given again, does not send again what is there. Needs a token with write permission: `hf auth login`,
    or HF_TOKEN.

    [bold]Examples[/bold]

    secret-sauce publish dataset subphatty --from subphatty --repo me/subphatty --dry-run

    secret-sauce publish checkpoint my-model --repo me/ast-subphatty --private
    """,
)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


Repo = Annotated[
    str | None,
    typer.Option(metavar="ORG/NAME", help="The repository; the collection's if not given.", show_default=False),
]
Private = Annotated[
    bool | None,
    typer.Option(
        "--private/--public",
        help="Who sees it. If not given, a new repository follows your settings on the Hub and an existing one stays "
        "as it is.",
        show_default=False,
    ),
]
Tag = Annotated[
    str | None,
    typer.Option(
        help="Revision that names this state; the package's version if not given (of a metric with a v before).",
        show_default=False,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what else the repository holds, and move the tag.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List what would go up, and send nothing.")]


@app.command()
def dataset(
    collection: CollectionName,
    folder: Annotated[
        Path,
        typer.Option(
            "--from", metavar="DIR", help="What `build`, `collect` or `benchmark --export` made.", show_default=False
        ),
    ],
    repo: Repo = None,
    private: Private = None,
    tag: Tag = None,
    about: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.md", help="How the sounds were made, for the card, if not by `build`.", show_default=False
        ),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(metavar="ID", help="License of the sounds; apache-2.0 for those of `build`.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish a dataset: its Parquet files, a card and a picture of what is in it; or the rows of a benchmark.

    [bold]Examples[/bold]

    secret-sauce build subphatty --out subphatty

    secret-sauce publish dataset subphatty --from subphatty --repo me/subphatty --dry-run

    secret-sauce publish dataset my-synth.json --from takes --repo me/my-synth --about how.md --license cc0-1.0
    """
    from secret_sauce_hf.hub import publish_dataset, read_about

    leave_at_once_when_interrupted()
    done = publish_dataset(
        collection,
        folder,
        repo,
        private=private,
        tag=tag,
        about=None if about is None else read_about(about),
        license=license,
        overwrite=overwrite,
        dry_run=dry_run,
    )
    _report(done, dry_run, as_json)
    if not dry_run:
        say(f'Load it with datasets.load_dataset("{done.repo}").')


@app.command()
def checkpoint(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CKPT",
            autocompletion=checkpoint_names,
            help="The folder of a checkpoint, or the name of one that ships.",
            show_default=False,
        ),
    ],
    repo: Repo = None,
    private: Private = None,
    tag: Tag = None,
    license: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="License of the weights; apache-2.0 where they do not derive from somebody else's.",
            show_default=False,
        ),
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            metavar="ORG/NAME",
            help="The dataset of a published benchmark: what the weights reached on it goes to its leaderboards.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish a checkpoint with the code that loads it and a card that shows its evaluation.

    [bold]Examples[/bold]

    secret-sauce evaluate my-model --data me/subphatty

    secret-sauce publish checkpoint my-model --repo me/ast-subphatty

    secret-sauce publish checkpoint noisemaker-light --repo me/ast-noisemaker-light   # the one that ships
    """
    from secret_sauce_hf.hub import publish_checkpoint

    leave_at_once_when_interrupted()
    done = publish_checkpoint(
        checkpoint,
        repo,
        private=private,
        tag=tag,
        license=license,
        benchmark_data=benchmark,
        overwrite=overwrite,
        dry_run=dry_run,
    )
    _report(done, dry_run, as_json)
    if not dry_run:
        say(f"Use it with secret-sauce match SOUND --model {done.repo}")


def _metrics(incomplete: str) -> list[str]:
    return [name for name in ("preset_error", "sound_distance") if name.startswith(incomplete)]


@app.command()
def metric(
    name: Annotated[
        str,
        typer.Argument(
            metavar="METRIC", autocompletion=_metrics, help="sound_distance or preset_error.", show_default=False
        ),
    ],
    repo: Annotated[str, typer.Option(metavar="ORG/NAME", help="The Space.", show_default=False)],
    private: Private = None,
    tag: Tag = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish a metric as a Space, from which `evaluate.load` fetches it: NAME must be the metric's.

    [bold]Examples[/bold]

    secret-sauce publish metric sound_distance --repo me/sound_distance
    """
    from secret_sauce_hf.hub import publish_metric

    leave_at_once_when_interrupted()
    done = publish_metric(name, repo, private=private, tag=tag, overwrite=overwrite, dry_run=dry_run)
    _report(done, dry_run, as_json)
    if not dry_run:
        say(f'Load it with evaluate.load("{done.repo}").')


@app.command()
def space(
    repo: Annotated[str, typer.Option(metavar="ORG/NAME", help="The Space.", show_default=False)],
    engine: Annotated[
        list[str] | None,
        typer.Option(
            metavar="vital|dx7",
            help="An engine under the GPL 3 that it renders with besides; may be given twice.",
            show_default=False,
        ),
    ] = None,
    private: Private = None,
    tag: Tag = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish the web page as a Space, which serves what `secret-sauce app` serves here.

    The Space holds this package with the models that ship, and builds itself from them (Docker). It needs no other
    hardware than the free one.

    [bold]Examples[/bold]

    secret-sauce publish space --repo me/secret-sauce --dry-run

    secret-sauce publish space --repo me/secret-sauce --engine vital --private
    """
    from secret_sauce_hf.hub import publish_space

    leave_at_once_when_interrupted()
    done = publish_space(repo, engines=engine or (), private=private, tag=tag, overwrite=overwrite, dry_run=dry_run)
    _report(done, dry_run, as_json)


def leave_at_once_when_interrupted() -> None:
    """Let Ctrl-C end the process here and now: the client would first finish every file that is on its way.

    Nothing is lost: what has arrived is not sent again, and nothing here waits to be written.
    """

    def leave(*_: object) -> None:
        print(file=sys.stderr)
        complain("Stopped; the same command goes on from here.")
        sys.stderr.flush()
        os._exit(EXIT_INTERRUPTED)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, leave)


def _report(done: "Publication", dry_run: bool, as_json: bool) -> None:
    """What went up, or would: a line per file, then the sum."""
    if as_json:
        files = [{"path": path, "bytes": size, "what": mark} for mark, path, size in done.lines()]
        told = ("repo", "kind", "tag", "commit", "exists", "private", "url")
        print_json({name: getattr(done, name) for name in told} | {"dry_run": dry_run, "files": files})
        return
    table = table_of("file", "size", "", numbers=["size"])
    for mark, path, size in done.lines():
        table.add_row(path, "" if size is None else _size_text(size), mark)
    visible = {None: "as your settings on the Hub say", True: "private", False: "public"}[done.private]
    sent = done.new + done.changed
    total = _size_text(sum(file.size for file in sent))
    print_all(table)
    if dry_run:
        state = "exists" if done.exists else "would be created"
        tell(
            f"Nothing was sent. {done.kind.capitalize()} {done.repo} {state} ({visible}).\n"
            f"{len(sent)} files of {total} would go up as revision {done.tag}.",
            lines=True,
        )
    elif sent or done.gone:
        tell(f"Published {done.url}\nas revision {done.tag}: {len(sent)} files of {total} in one commit.", lines=True)
    else:
        tell(f"{done.url} had all of this already, as revision {done.tag}.")


def _size_text(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
