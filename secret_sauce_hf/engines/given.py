"""Files of rows of any kind: those of `secret_sauce_hf.rows`, and preset files of plug-ins, which the plug-in reads."""

from pathlib import Path

from secret_sauce_hf.instruments import Collection, get_collection
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.rows import read_file

PLUGIN_SUFFIXES = (".fxp", ".fxb", ".vstpreset")
"""How preset files of plug-ins end."""


def of_plugin(collection: Collection, path: str | Path) -> bool:
    """Whether a path leads to presets that a collection's plug-in has to read: such a file, or a folder."""
    path = Path(path)
    there = path.suffix.lower() in PLUGIN_SUFFIXES or path.is_dir()
    return collection.instrument.plugin is not None and there


def read_given(
    collection: str | Path | Collection, path: str | Path, *, seconds: float | None = None, replaced: bool = False
) -> list[Presets]:
    """Read the rows of a file of any kind, by how its name ends; or a folder of a plug-in's presets.

    Args:
        collection: the collection, its name, or the path of its declaration.
        path: as of `secret_sauce_hf.rows.read_file`; of a plug-in also a `.fxp`, `.fxb` or `.vstpreset`, or a folder of
            such, which the plug-in loads in a process of its own.
        seconds: length of every take; the collection's, or what JSON Lines say, if None.
        replaced: whether the rows will play something else, so that their own notes may lie anywhere.

    Returns:
        The rows in order, those beside each other whose takes have one length together; one part at least.

    Raises:
        InputError: see `rows.read_file` and `engines.plugin.presets.read_plugin_presets`.
    """
    collection = get_collection(collection)
    if not of_plugin(collection, path):
        return read_file(collection, path, seconds=seconds, replaced=replaced)
    from secret_sauce_hf.engines.plugin.presets import read_plugin_presets

    presets = read_plugin_presets(collection, path)
    if seconds is not None:
        presets = Presets(with_seconds(collection, seconds), presets.unit, presets.files)
    return [presets]
