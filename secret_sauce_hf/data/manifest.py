"""Which files a build consists of: rows, bytes and checksums, beside the data in `manifest.json`."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from secret_sauce_hf import forms
from secret_sauce_hf.data.names import DATA_FOLDER, MANIFEST_NAME
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.targets import Target
from secret_sauce_hf.instruments import InputError

MAX_BYTES = 2**26
"""A build of as many files as are possible has 40 MB."""
DECIDING = ("secret_sauce_hf", "datasets", "numba", "numpy", "pyarrow", "scipy", "soundfile")
"""Packages by whose versions the bytes of a shard may differ."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One file.

    Args:
        rows: how many it has.
        size: in bytes.
        sha256: of its bytes, 64 digits.
    """

    rows: int
    size: int
    sha256: str


def entry_of(content: bytes, rows: int) -> Entry:
    """The entry of a file with this content."""
    return Entry(rows, len(content), hashlib.sha256(content).hexdigest())


def entry_of_file(path: Path, rows: int) -> Entry:
    """The entry of a file of this machine."""
    with path.open("rb") as file:
        return Entry(rows, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def versions() -> dict[str, str]:
    """The installed versions of what decides the bytes of a build."""
    found = {}
    for name in DECIDING:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def manifest_text(plan: Plan, entries: Mapping[str, Entry]) -> str:
    """The manifest of a build, of which perhaps not all files are there yet, as JSON, a file a line.

    Args:
        plan: the build.
        entries: its files, by the names of their shards.
    """
    lines = [
        f"    {json.dumps(f'{DATA_FOLDER}/{shard.name}')}: "
        + json.dumps({"start": shard.start, "rows": entry.rows, "bytes": entry.size, "sha256": entry.sha256})
        for shard in plan.shards
        if (entry := entries.get(shard.name)) is not None
    ]
    files = "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"
    head = json.dumps({"build": plan.record, "versions": versions()}, indent=2)
    return f'{head[:-2]},\n  "files": {files}\n}}\n'


def read_manifest(target: Target, plan: Plan) -> dict[str, Entry]:
    """The files of a build that its manifest tells of, by the names of their shards.

    Whatever is wrong with a manifest is nothing to stop for: what it does not tell of is looked at itself.
    """
    content = target.read(MANIFEST_NAME, MAX_BYTES)
    if content is None:
        return {}
    try:
        manifest = forms.record_in(content, MANIFEST_NAME)
    except InputError:
        return {}
    files = manifest.get("files")
    if manifest.get("build") != plan.record or not isinstance(files, dict):
        return {}
    found = {shard.name: _entry(files.get(f"{DATA_FOLDER}/{shard.name}"), shard) for shard in plan.shards}
    return {name: entry for name, entry in found.items() if entry is not None}


def _entry(told: Any, shard: Shard) -> Entry | None:
    try:
        forms.fields({"start": forms.count, "rows": forms.count, "bytes": forms.count, "sha256": forms.line})(told, "")
    except InputError:
        return None
    fits = told["start"] == shard.start and told["rows"] <= len(shard) and _DIGEST.fullmatch(told["sha256"])
    return Entry(told["rows"], told["bytes"], told["sha256"]) if fits else None
