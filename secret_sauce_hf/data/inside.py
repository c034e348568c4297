"""What a folder that comes from elsewhere may lead to: nothing outside itself, by no card and no link."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from datasets import config
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.instruments.checking import quoted

MAX_CARD_BYTES = 2**20
"""Larger cards are refused; ours have 10 KB."""
MAX_YAML = 2**17
"""Characters of what a card says in YAML, of which a megabyte takes a minute to read; a thousand labels have 30,000."""
MAX_BRACKETS = 64
"""How deep YAML may be in brackets, each of which is looked at again for every one inside it."""
_CARDS = (config.REPOCARD_FILENAME, config.REPOYAML_FILENAME)
_FILE_KEYS = ("data_files", "data_dir")
_DEEPEST = 16


class _Plain(yaml.SafeLoader):
    """YAML without aliases, by which a text of a kilobyte becomes a billion entries."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next value.

        Raises:
            YAMLError: it is an alias.
        """
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias: write out what it stands for")
        return super().compose_node(parent, index)


def check_inside(folder: Path, paths: Iterable[Path]) -> None:
    """Refuse files that a link takes out of the folder that they are found in.

    The files of a snapshot in the Hub's own cache are links to that repository's blobs, which stay.

    Raises:
        InputError: the first that leads out.
    """
    root = folder.resolve()
    roots = [root]
    if root.parent.name == "snapshots":
        roots.append(root.parent.parent / "blobs")
    for path in paths:
        try:
            end = path.resolve()
        except (OSError, RuntimeError):
            # A link that leads to itself leads nowhere; reading it says so.
            continue
        if not any(end.is_relative_to(one) for one in roots):
            raise InputError(
                f"{path} is a link that leads out of {folder}; put the file itself there, or give the folder that it "
                "lies in."
            )


def check_card(folder: Path) -> None:
    """Refuse a card whose configurations name files elsewhere on this machine, or on the network.

    `datasets` looks for these while it opens a folder, so that it is too late afterwards.

    Raises:
        InputError: a pattern of files that leads out of the folder, or a card that cannot be read.
    """
    for name in _CARDS:
        path = folder / name
        if not path.is_file():
            continue
        check_inside(folder, [path])
        if path.stat().st_size > MAX_CARD_BYTES:
            raise InputError(f"{path} is larger than {MAX_CARD_BYTES // 2**20} MB: no card of a dataset.")
        for pattern in _patterns(_front_matter(path)):
            parts = pattern.replace("\\", "/").split("/")
            if "://" in pattern or "::" in pattern or pattern.startswith(("/", "\\", "~")) or ".." in parts:
                raise InputError(
                    f"{path} names the files {quoted(pattern)}, which do not lie in the folder; do not use it, or take "
                    "that configuration out."
                )


def _front_matter(path: Path) -> Any:
    """What a card says in YAML, or a file that is YAML only."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if path.name == config.REPOCARD_FILENAME:
            # As the Hub's client finds it, to the letter.
            block = REGEX_YAML_BLOCK.search(text)
            text = block[2] if block else ""
        if len(text) > MAX_YAML:
            raise InputError(f"{path} has {len(text):,} characters of YAML, at most {MAX_YAML:,} are read.")
        depth = 0
        for bracket in re.findall(r"[\[\]{}]", text):
            depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
            if depth > MAX_BRACKETS:
                raise InputError(f"{path} cannot be read (nested too deep); mend it, or take it away.")
        return yaml.load(text, Loader=_Plain)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read ({why[:200]}); mend it, or take it away.") from error


def _patterns(told: Any) -> Iterator[str]:
    """Every text of a card's configurations that may name files."""
    configs = told.get("configs") if isinstance(told, dict) else None
    for one in configs if isinstance(configs, list) else []:
        for key in _FILE_KEYS:
            if isinstance(one, dict):
                yield from _texts(one.get(key))


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict) and depth < _DEEPEST:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
