"""Xet storage of the tests' Hub: folders that the real hf_xet writes and reads, and a way back to plain files.

With an address of the form `local://<folder>` hf_xet keeps everything in that folder and talks to no server. It locks
the folder while it works, so nobody shares one: every upload gets an empty folder, and when it is committed its content
is taken out and stored in a folder of the server's own; every reader gets a copy of that one, made of links. (So
uploads do not profit from what was uploaded before, as they would on the Hub.)

What hf_xet is told about a file is in its shards: there the SHA-256, by which commits name the file, stands beside the
hash by which hf_xet finds the content.
"""

import os
import shutil
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A shard (https://huggingface.co/docs/xet/shard) starts with a header and goes on with blocks for files, each made of
# records of the same length: the file's hash with flags and a count, its segments, optional checks of the segments,
# and an optional record with the SHA-256. A hash of ones ends them.
RECORD = 48
HAS_CHECKS, HAS_SHA256 = 1 << 31, 1 << 30


class XetFolders:
    """What hf_xet has stored, found by SHA-256."""

    def __init__(self, root: Path):
        self._root, self._stored = root, root / "stored"
        self._known: dict[str, tuple[str, Path]] = {}
        self._read: set[Path] = set()
        self._lock = threading.Lock()
        self._session: Any = None

    def address(self, *, write: bool) -> str:
        """A folder to upload into, or one with everything to download."""
        folder = self._root / uuid.uuid4().hex
        folder.mkdir(parents=True)
        if not write:
            with self._lock:
                _copy(self._stored, folder)
        return f"local://{folder}"

    def find(self, sha256: str) -> str | None:
        """hf_xet's hash of a file that was uploaded."""
        for shard in set(self._root.glob("*/xet/xorbs/shards/*.mdb")) - self._read:
            self._read.add(shard)
            self._known.update({sha256: (xet, shard.parents[3]) for sha256, xet in _files(shard.read_bytes())})
        return self._known[sha256][0] if sha256 in self._known else None

    def take(self, sha256: str, size: int, path: Path) -> None:
        """Write the content of an uploaded file out, and keep it for those that download with hf_xet."""
        import hf_xet

        self._session = self._session or hf_xet.XetSession()
        xet, upload = self._known[sha256]
        folder = self._root / uuid.uuid4().hex
        with self._lock:
            _copy(upload, folder)  # whoever uploaded it may not have let go of it yet
            with self._session.new_file_download_group(**_access(folder)) as download:
                download.start_download_file(hf_xet.XetFileInfo(xet, size), str(path))
            with self._session.new_upload_commit(**_access(self._stored)) as commit:
                commit.start_upload_file(str(path), sha256=sha256)
            del download, commit
        shutil.rmtree(folder)


def _access(folder: Path) -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    return {"endpoint": f"local://{folder}", "token": "-", "token_expiry_unix_secs": int(time.time()) + 3600}


def _copy(source: Path, target: Path) -> None:
    """Copy a folder of hf_xet. Contents lie in files that are never changed, so they are linked; its index is not."""
    if (source / "xet" / "xorbs").exists():
        for kind in ("xorbs", "shards"):
            shutil.copytree(source / "xet" / "xorbs" / kind, target / "xet" / "xorbs" / kind, copy_function=os.link)
        for index in (source / "xet" / "xorbs").glob("*.redb"):
            shutil.copy(index, target / "xet" / "xorbs")


def _files(shard: bytes) -> Iterator[tuple[str, str]]:
    """SHA-256 and hf_xet's hash of the files a shard describes."""
    at = RECORD
    while shard[at : at + 32] != b"\xff" * 32:
        name = shard[at : at + 32]
        flags, count = struct.unpack_from("<II", shard, at + 32)
        at += RECORD * (1 + count * (2 if flags & HAS_CHECKS else 1))
        if flags & HAS_SHA256:
            yield _digits(shard[at : at + 32]), _digits(name)
            at += RECORD


def _digits(hash: bytes) -> str:
    # Four 64-bit numbers, stored with their lowest byte first and written with their highest digit first.
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", hash))
