"""What the commands are given, looked at before anything heavy is loaded: a mistake is told at once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from secret_sauce_hf.files import fitting, name_bytes
from secret_sauce_hf.instruments import COLLECTIONS, InputError
from secret_sauce_hf.instruments.sounds import STANDARD_INPUT, check_sound
from secret_sauce_hf.outputs import expanded, near_miss, same_text
from secret_sauce_hf.remote import is_repo_id

_NAMES = "aac aif aifc aiff au caf flac m4a mp3 mp4 oga ogg opus rf64 snd w64 wav webm wma"
SOUND_ENDINGS = frozenset(f".{name}" for name in _NAMES.split())
"""By these the sounds in a folder are known."""


@dataclass(frozen=True)
class Source:
    """A sound to match, and what its files are called.

    Args:
        sound: as `match` takes it: a path, an address, or "-".
        stem: of the files' names, another one for each sound.
        mistake: why it cannot be matched, as far as that is known.
    """

    sound: str
    stem: str
    mistake: str | None = None

    @property
    def folder(self) -> Path:
        """Where its files go if nothing else is said."""
        return Path(fitting(self.stem, "-match", name_bytes(Path())))


def sources(given: Sequence[str], *, lenient: bool = False) -> list[Source]:
    """The sounds that are given, those in folders among them.

    Args:
        given: files, folders, addresses, or "-".
        lenient: whether one that is missing, empty or must not be read is told by its `mistake`.

    Raises:
        InputError: one is missing, empty or must not be read, or a folder has none, unless `lenient`.
    """
    found: list[Source] = []
    taken: set[str] = set()
    for text in given:
        try:
            sounds = _sounds(text)
        except InputError as error:
            if not lenient:
                raise
            found.append(Source(text, _free(_stem(text), taken), str(error)))
            continue
        for sound in sounds:
            mistake = None
            try:
                check_sound(sound)
            except InputError as error:
                if not lenient:
                    raise
                mistake = str(error)
            found.append(Source(sound, _free(_stem(sound), taken), mistake))
    return found


def _free(stem: str, taken: set[str]) -> str:
    """A stem, or one with a number behind it, that no other sound has; it is taken then."""
    number = 1
    # As some file systems do not tell upper case from lower case.
    while (name := stem if number == 1 else f"{stem}-{number}").casefold() in taken:
        number += 1
    taken.add(name.casefold())
    return name


def input_file(path: str | Path, what: str = "file") -> Path:
    """The path of a file that is there, in whatever Unicode form its name is.

    Raises:
        InputError: it is not; the message names what is called nearly so.
    """
    path = same_text(expanded(path))
    if not path.exists():
        near = near_miss(path)
        raise InputError(f"No such {what}: {path}." if near is None else f"No such {what}: {path}; there is {near}.")
    return path


def check_checkpoint(model: str | None) -> None:
    """See that a checkpoint is there, as far as that is known here.

    Raises:
        InputError: it is neither a folder, nor the name of a collection, nor that of a model on the Hub.
    """
    if model is None or model in COLLECTIONS or is_repo_id(model) or expanded(model).is_dir():
        return
    if expanded(model).exists():
        raise InputError(f"{model} is a file; give the folder of a checkpoint.")
    raise InputError(f"No such checkpoint folder: {model}; give a folder, or ORG/NAME of a model on the Hub.")


def check_dataset(data: str | None) -> None:
    """See that a dataset is there, as far as that is known here.

    Raises:
        InputError: it is neither a folder nor the name of a dataset on the Hub.
    """
    if data is None or data in COLLECTIONS or is_repo_id(data) or expanded(data).is_dir():
        return
    raise InputError(f"{data} is neither a folder nor the id of a dataset on the Hub, ORG/NAME or ORG/NAME@REVISION.")


def files_in(*given: str | Path | None) -> list[Path]:
    """The files that are given, and those in the folders that are."""
    found: list[Path] = []
    for path in (expanded(one) for one in given if one is not None):
        found += [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return found


def _sounds(text: str) -> list[str]:
    if text == STANDARD_INPUT or ("://" in text and not os.path.lexists(text)):
        return [text]
    path = input_file(text, "sound file")
    if not path.is_dir():
        return [str(path)]
    names = sorted(path.iterdir())
    sounds = [str(one) for one in names if one.suffix.lower() in SOUND_ENDINGS and not one.name.startswith(".")]
    if not sounds:
        raise InputError(f"No such sound file: {path} is a folder, and no sound is in it.")
    return [one for one in sounds if Path(one).is_file()]


def _stem(sound: str) -> str:
    if sound == STANDARD_INPUT:
        return "sound"
    name = Path(sound.split("::")[0].split("?")[0]) if "://" in sound else Path(sound)
    # A name with the ending of none of our files, where there would be no room for one.
    return fitting(name.stem, ".json")[: -len(".json")] or "sound"
