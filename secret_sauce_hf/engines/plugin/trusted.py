"""Which plug-in files of this machine its user has chosen, by their digests.

A checkpoint knows the digest of the plug-in that it was trained on, and may not say where a file lies. Where a
person has given a plug-in, by its path or in a declaration, the path is kept in their own data folder, so that a
checkpoint finds that very file again.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from platformdirs import user_data_path

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.forms import read_record
from secret_sauce_hf.instruments import Collection, InputError

_DIGEST = re.compile("[0-9a-f]{64}")
_MOST = 1_000


def trust(collection: Collection) -> None:
    """Remember where the plug-in of a collection lies that a person has given.

    Args:
        collection: one of a plug-in whose digest and file are known; of any other nothing is remembered.
    """
    plugin = collection.instrument.plugin
    if plugin is None or not plugin.file or not _DIGEST.fullmatch(plugin.digest):
        return
    known = _read()
    if known.get(plugin.digest) == plugin.file:
        return
    known[plugin.digest] = plugin.file
    # The newest ones, lest it grow for ever.
    kept = dict(list(known.items())[-_MOST:])
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(kept, indent=2) + "\n").encode())


def with_trusted_file(collection: Collection) -> Collection:
    """A collection as a checkpoint or a dataset declares it, with the file that the user chose for that digest.

    Whatever file the declaration names is not believed.
    """
    instrument = collection.instrument
    if instrument.plugin is None:
        return collection
    plugin = replace(instrument.plugin, file=_read().get(instrument.plugin.digest, ""))
    return replace(collection, instrument=replace(instrument, plugin=plugin))


def _path() -> Path:
    return user_data_path("secret_sauce_hf", appauthor=False) / "plugins.json"


def _read() -> dict[str, str]:
    """Digest → path; nothing where the file is not there or none of ours."""
    try:
        record = read_record(_path())
    except InputError:
        return {}
    return {
        digest: path
        for digest, path in record.items()
        if isinstance(digest, str) and isinstance(path, str) and _DIGEST.fullmatch(digest)
    }
