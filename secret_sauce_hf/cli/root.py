"""`secret-sauce` itself: its groups of commands, and what becomes of every way a command can fail.

Heavy modules are imported by the commands that need them, so that `--help` and the
light commands answer at once.
"""

import gc
import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from secret_sauce_hf.cli import (
    benchmark,
    calibrate,
    data,
    export,
    instrument,
    learn,
    listener,
    listening_test,
    match,
    overview,
    page,
    publish,
    recording,
    rows,
    sending,
    train,
)
from secret_sauce_hf.cli.launched import is_first, one_voice
from secret_sauce_hf.cli.terminal import (
    EXIT_BROKEN_PIPE,
    EXIT_INTERRUPTED,
    EXIT_MISTAKE,
    complain,
    print_anything,
    tell,
)
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.needed import EXTRAS

FEWER_COLLECTIONS = 100_000
"""After so many new objects Python looks for those that nobody needs, in place of some hundred."""

app = typer.Typer(
    name="secret-sauce",
    help="""Give it a sound, it tells you how to make it.

    [bold]Examples[/bold]

    secret-sauce demo

    secret-sauce match bass.wav --collection noisemaker-light

    secret-sauce presets noisemaker --count 3
    """,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=True,
)

# In the order of `--help`.
for group in (overview, rows, data, match, page, sending, recording, train, learn, listener, benchmark, calibrate):
    app.add_typer(group.app)
app.add_typer(publish.app, name="publish")
app.add_typer(instrument.app, name="instrument")
app.add_typer(listening_test.app, name="listening-test")
app.add_typer(export.app, name="export")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show_version:
        from importlib.metadata import version

        tell(f"secret-sauce {version('secret_sauce_hf')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every way it can fail ends in one line on standard error."""
    code = EXIT_MISTAKE
    print_anything()
    rate = gc.get_threshold()
    # Libraries make a million objects that stay: to look through them again and again is an eighth of a start.
    gc.set_threshold(FEWER_COLLECTIONS, *rate[1:])
    try:
        with one_voice():
            code = app(arguments, prog_name="secret-sauce", standalone_mode=False) or 0
        sys.stdout.flush()
    except InputError as error:
        complain(str(error))
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "secret-sauce"
        complain(f"{error.format_message().rstrip('.')}. See: {command} --help")
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        complain(f"This needs {error.name}: install secret_sauce_hf[{EXTRAS[error.name]}].")
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough.
        _drop_output()
        code = EXIT_BROKEN_PIPE
    except ChildProcessError as error:
        complain(str(error))
    except OSError as error:
        if error.errno is None:
            raise
        # A full disk, a folder that may not be written.
        _drop_output()
        complain(f"{error.filename or 'Output'}: {error.strerror}.")
    finally:
        gc.set_threshold(*rate)
    if code == EXIT_INTERRUPTED and is_first():
        given = sys.argv[1:] if arguments is None else arguments
        complain("Stopped; the same command goes on from here." if given[:1] in (["build"], ["record"]) else "Stopped.")
    sys.exit(code)


def _drop_output() -> None:
    """Have Python write nowhere what it still holds for standard output, or it fails again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
