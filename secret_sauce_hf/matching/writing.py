"""The files of a match: MIDI, JSON, WAV and PNG."""

import io
import json
import warnings
from collections.abc import Callable, Container, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from secret_sauce_hf.files import name_bytes, write_whole
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError
from secret_sauce_hf.instruments.takes import to_int16
from secret_sauce_hf.matching.asked import name_of, names
from secret_sauce_hf.matching.result import Result
from secret_sauce_hf.matching.text import NOT_HEARD, distance_rows, setting_rows, shorten
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.progress import logger_of

_LOG = logger_of(__name__)


def save(found: Result, folder: str | Path, stem: str = "match", *, unheard: bool = False) -> dict[str, Path]:
    """Write the preset as JSON, MIDI and a file of the instrument's own, the re-rendered sound and the picture.

    Files of these names are replaced, each as a whole.

    Args:
        found: the match.
        folder: made where it is missing.
        stem: of the files' names.
        unheard: whether the MIDI sends parameters that are not heard, too.

    Returns:
        The files by kind, see `Match.save`.

    Raises:
        InputError: `folder` is a file or cannot be written to; a file would overwrite the sound.
    """
    from secret_sauce_hf.midi import not_to_send

    inputs = () if found.source is None else (found.source,)
    folder = check_folder(folder, names(stem, len(found.candidates)), inputs=inputs, what="the match")
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, Callable[[io.BytesIO], Any]] = {}
    contents |= preset_files(found.collection, found.preset, stem, found.not_sent if not unheard else ())
    contents["json"] = lambda target: target.write((json.dumps(found.to_dict(), indent=2) + "\n").encode())
    if found.rendered is not None:
        contents["wav"] = _wav(found.rendered)
    if find_spec("matplotlib") is not None:
        contents["png"] = lambda target: write_png(found, target)
    for number, one in enumerate(found.candidates[1:], 2):
        # Whose sound each is, nobody has asked the model: what is heard follows from the preset.
        left = () if unheard else not_to_send(found.collection, one.preset)
        further = preset_files(found.collection, one.preset, f"{stem} {number}", left)
        if one.rendered is not None:
            further["wav"] = _wav(one.rendered)
        contents |= {f"{kind}-{number}": write for kind, write in further.items()}
    files = {kind: folder / name_of(kind, stem, name_bytes(folder)) for kind in contents}
    # All are made before the first is written: whoever is stopped meanwhile has the files of one match, not of two.
    made = {kind: io.BytesIO() for kind in contents}
    for kind, write in contents.items():
        write(made[kind])
    for kind, path in files.items():
        write_whole(path, made[kind].getvalue())
    return files


def preset_kinds(collection: Collection) -> list[str]:
    """The kinds of files that `preset_files` writes of a collection's presets."""
    from secret_sauce_hf.midi import is_sent, native_suffix

    kinds = ["midi"] if is_sent(collection) else []
    suffixes = [native_suffix(collection), _plugin_suffix(collection)]
    return kinds + [suffix[1:] for suffix in suffixes if suffix]


def preset_files(
    collection: Collection, preset: Mapping[str, Any], title: str, leave_out: Container[str] = ()
) -> dict[str, Callable[[io.BytesIO], Any]]:
    """How a preset is written into the files that an instrument takes, by kind: "midi", or how the file's name ends.

    Args:
        collection: of the preset.
        preset: name → setting.
        title: what the instrument shows.
        leave_out: what the MIDI does not send.
    """
    from secret_sauce_hf.midi import is_sent, native_preset, native_suffix, preset_midi_file

    contents: dict[str, Callable[[io.BytesIO], Any]] = {}
    if is_sent(collection):
        midi_file = preset_midi_file(collection, preset, leave_out=leave_out)
        contents["midi"] = lambda target: midi_file.save(file=target)
    if suffix := native_suffix(collection):
        contents[suffix[1:]] = lambda target: target.write(native_preset(collection, preset, title))
    return contents | _of_plugin(collection, preset, title)


def _plugin_suffix(collection: Collection) -> str | None:
    """How the preset files of the plug-in end that an instrument is; None where none can be written."""
    plugin = collection.instrument.plugin
    # What controllers are at stands in the MIDI; few plug-ins keep it in their presets.
    if plugin is None or not plugin.file or any(place.index is None for place in plugin.parameters):
        return None
    from secret_sauce_hf.engines.plugin.presets import preset_suffix

    return preset_suffix(collection)


def _of_plugin(collection: Collection, preset: Mapping[str, Any], title: str) -> dict[str, Callable[[io.BytesIO], Any]]:
    """How a preset is written as a file of the plug-in that its instrument is; nothing where it cannot be."""
    suffix = _plugin_suffix(collection)
    if suffix is None:
        return {}
    from secret_sauce_hf.engines.plugin.presets import write_plugin_preset

    try:
        content = write_plugin_preset(collection, preset, title)
    except InputError as error:
        _LOG.warning("No preset file is written: %s", error)
        return {}
    return {suffix[1:]: lambda target: target.write(content)}


def _wav(sound: np.ndarray) -> Callable[[io.BytesIO], Any]:
    """How a take is written: in the engine's own 16 bits; libsndfile would scale floats by 32,767."""
    take = to_int16(sound)
    return lambda target: soundfile.write(target, take, SAMPLE_RATE, format="WAV", subtype="PCM_16")


def write_png(found: Result, target: io.BytesIO) -> None:
    """Write the picture of a match, see `secret_sauce_hf.plots.match`."""
    from secret_sauce_hf.plots.match import draw

    settings = setting_rows(found)
    title = f"{shorten(found.sound, 60)} as a preset of {found.collection.name}"
    if found.doubtful and found.in_domain is not None:
        title += f"\nwhich {found.collection.instrument.title} can hardly make (probability {found.in_domain:.0%})"
    figure = draw(
        title,
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
