"""The reference of the command line, made of the commands themselves."""

import re
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main

from secret_sauce_hf.cli.root import app

_KINDS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}
_MARKUP = re.compile(r"\[/?(?:bold|dim|italic)\]")


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of the page."""
    root = typer.main.get_command(app)
    parts = [
        "# Commands",
        "What `secret-sauce --help` and `--help` of each command say. What they have in common, exit codes, JSON and "
        "completion: [the command line](../command-line.md).",
    ]
    for words, command in commands(root, ("secret-sauce",)):
        parts += list(_command(words, command))
    yield "reference/commands.md", "\n\n".join(parts) + "\n"


def commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with its words."""
    inside = getattr(command, "commands", None)
    if not inside:
        yield words, command
        return
    for name, one in inside.items():
        if not one.hidden:
            yield from commands(one, (*words, name))


def _command(words: tuple[str, ...], command: Any) -> Iterator[str]:
    yield f"## {' '.join(words[1:])}"
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join([*words, *(_metavar(one) for one in arguments), "[OPTIONS]"])
    yield f"```text\n{usage}\n```"
    text, _, examples = _MARKUP.sub("", command.help or "").partition("Example")
    yield re.sub(r"\s*\n(?!\n)", "\n", text.strip())
    if examples:
        lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
        yield "```sh\n" + "\n".join(lines) + "\n```"
    rows = [(f"`{_metavar(one)}`", one.help or "") for one in arguments]
    kinds = typing.get_type_hints(command.callback)
    rows += [(_names(one, kinds.get(one.name)), _help(one)) for one in options if one.name != "help"]
    if rows:
        yield "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in rows)])


def _metavar(argument: Any) -> str:
    return argument.metavar or argument.name.upper()


def _names(option: Any, kind: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    kinds = {one for one in typing.get_args(kind) if one is not type(None)} or {kind}
    if bool in kinds:
        return names
    if option.metavar:
        return f"{names} `{option.metavar}`"
    (kind,) = kinds
    # An option that may be given several times is a list of what one is.
    (kind,) = typing.get_args(kind) or (kind,)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{names} {' or '.join(f'`{one.value}`' for one in kind)}"
    return f"{names} `{_KINDS[kind]}`"


def _help(option: Any) -> str:
    needed = " **Required.**" if option.required else ""
    default = option.default
    shown = option.show_default and default not in (None, False, (), []) and not option.is_flag
    return f"{option.help or ''}{needed}" + (f" Default: `{default}`." if shown else "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
