"""The files of a listening test: the page for participants, and beside it the key and the stimuli as WAV files.

Browsers let a page that was opened as a file read no other files but scripts. So stimuli lie in scripts, as base64, one
for each sound, which the page loads when it comes to that sound.
"""

import base64
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.listening_test.form import (
    KEY_FILE,
    KIND,
    PAGE_FOLDER,
    SCHEMA,
    SOUNDS_FOLDER,
)

MOST_SOUND_BYTES, MOST_BYTES = 32 * 2**20, 256 * 2**20
"""Of one sound's script, and of all of them: more of it no browser should be asked to load."""
INDEX_FILE, DATA_FILE = "index.html", "test.js"
_STATIC = (INDEX_FILE, "listening-test.js", "listening-test.css")
_TEXTS_FILE = "texts.json"


def write_test(
    folder: Path,
    key: Mapping[str, Any],
    content: Mapping[str, Mapping[str, bytes]],
    *,
    training: int,
    language: str,
) -> tuple[Path, Path]:
    """Write a listening test.

    Args:
        folder: where to; made where it is missing.
        key: of the test, see `form.read_key`.
        content: stimuli as WAV files, by name, of each sound.
        training: how many trials are shown before.
        language: in which the page is shown first.

    Returns:
        The page, and the key's file.

    Raises:
        InputError: the sounds take more than a page can hold.
    """
    scripts = {sound: _script(sound, stimuli) for sound, stimuli in content.items()}
    largest, total = max(map(len, scripts.values())), sum(map(len, scripts.values()))
    if largest > MOST_SOUND_BYTES or total > MOST_BYTES:
        raise InputError(
            f"The stimuli take {total / 2**20:,.0f} MiB, up to {largest / 2**20:,.0f} MiB for one sound; a page holds "
            f"{MOST_BYTES // 2**20} and {MOST_SOUND_BYTES // 2**20}: take fewer --trials, shorter sounds or --bits 16."
        )
    page = folder / PAGE_FOLDER
    sounds = folder / SOUNDS_FOLDER
    for place in (page / SOUNDS_FOLDER, sounds):
        place.mkdir(parents=True, exist_ok=True)
    for name, stimuli in content.items():
        write_whole(page / SOUNDS_FOLDER / f"{name}.js", scripts[name])
        (sounds / name).mkdir(exist_ok=True)
        for stimulus, wav in stimuli.items():
            write_whole(sounds / name / f"{stimulus}.wav", wav)
    told = json.dumps(_data(key, training, language), separators=(",", ":"))
    write_whole(page / DATA_FILE, f"window.listeningTest = {told};\n".encode())
    for name in _STATIC:
        write_whole(page / name, _static(name))
    write_whole(folder / KEY_FILE, (json.dumps(key, indent=1) + "\n").encode())
    return page / INDEX_FILE, folder / KEY_FILE


def texts() -> dict[str, dict[str, str]]:
    """What the page says, by language."""
    return json.loads(_static(_TEXTS_FILE))


def _data(key: Mapping[str, Any], training: int, language: str) -> dict[str, Any]:
    """What the page knows: nothing of whose a stimulus is."""
    trials = [{name: trial[name] for name in ("id", "sound", "stimuli")} for trial in key["trials"]]
    plain = [trial for trial, full in zip(trials, key["trials"], strict=True) if not full["check"]]
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "test": key["test"],
        "method": key["method"],
        "title": key["title"],
        "language": language,
        "references": {sound["id"]: sound["reference"] for sound in key["sounds"]},
        "trials": trials,
        "training": plain[:training],
        "texts": texts(),
    }


def _script(sound: str, stimuli: Mapping[str, bytes]) -> bytes:
    told = {name: base64.b64encode(wav).decode() for name, wav in stimuli.items()}
    return f"window.listeningTestSounds({json.dumps(sound)}, {json.dumps(told)});\n".encode()


def _static(name: str) -> bytes:
    return files("secret_sauce_hf.listening_test").joinpath("page", name).read_bytes()
