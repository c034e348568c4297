"""The files of a match: MIDI, JSON, WAV and PNG."""

import io
import json
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import soundfile

from secret_sauce_hf.files import fitting, name_bytes, write_whole
from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.instruments.takes import to_int16
from secret_sauce_hf.matching.asked import KINDS, names
from secret_sauce_hf.matching.result import Result
from secret_sauce_hf.matching.text import NOT_HEARD, distance_rows, setting_rows, shorten
from secret_sauce_hf.outputs import check_folder


def save(found: Result, folder: str | Path, stem: str = "match") -> dict[str, Path]:
    """Write the preset as JSON and MIDI, the re-rendered sound and the picture.

    Files of these names are replaced, each as a whole.

    Args:
        found: the match.
        folder: made where it is missing.
        stem: of the files' names.

    Returns:
        The files by kind: "midi" (only if MIDI reaches the instrument), "json", "wav"
        (only if there is an engine) and "png" (only if matplotlib is installed).

    Raises:
        InputError: `folder` is a file or cannot be written to; a file would overwrite the sound.
    """
    from secret_sauce_hf.midi import preset_midi_file

    inputs = () if found.source is None else (found.source,)
    folder = check_folder(folder, names(stem), inputs=inputs, what="the match")
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, Callable[[io.BytesIO], Any]] = {}
    if found.midi:
        midi_file = preset_midi_file(found.collection, found.preset)
        contents["midi"] = lambda target: midi_file.save(file=target)
    contents["json"] = lambda target: target.write((json.dumps(found.to_dict(), indent=2) + "\n").encode())
    if found.rendered is not None:
        # The engine's own 16 bits; libsndfile would scale floats by 32,767.
        take = to_int16(found.rendered)
        contents["wav"] = lambda target: soundfile.write(target, take, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    if find_spec("matplotlib") is not None:
        contents["png"] = lambda target: write_png(found, target)
    files = {}
    for kind, write in contents.items():
        content = io.BytesIO()
        write(content)
        files[kind] = folder / fitting(stem, f".{KINDS[kind]}", name_bytes(folder))
        write_whole(files[kind], content.getvalue())
    return files


def write_png(found: Result, target: io.BytesIO) -> None:
    """Write the picture of a match, see `secret_sauce_hf.plots.match`."""
    from secret_sauce_hf.plots.match import draw

    settings = setting_rows(found)
    figure = draw(
        f"{shorten(found.sound, 60)} as a preset of {found.collection.name}",
        found.reference,
        found.rendered,
        settings,
        [] if found.rendered is None else distance_rows(found.distances),
        muted={row for row, cells in enumerate(settings) if cells[-1] == NOT_HEARD},
    )
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; that is all.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # Without the library's version, so that it does not change the bytes.
        figure.savefig(target, format="png", dpi=110, metadata={"Software": None})
