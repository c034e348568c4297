"""What of a build is there: which shards need not be made, what the manifest and the card tell of all of them."""

import re
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import pyarrow as pa

from secret_sauce_hf.cards.dataset import DatasetFacts
from secret_sauce_hf.data.card_facts import dataset_facts, split_files
from secret_sauce_hf.data.making import Made, checked_content, counted_in, made_of
from secret_sauce_hf.data.manifest import Entry, entry_of, manifest_text, read_manifest
from secret_sauce_hf.data.names import DATA_FOLDER, MANIFEST_NAME
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.shards import is_finished
from secret_sauce_hf.data.targets import Folder, Target
from secret_sauce_hf.instruments import InputError

_SECONDS = {True: 5.0, False: 60.0}
"""Between two writings of the manifest, in a folder and elsewhere, where each may be a commit."""


class Ledger:
    """The shards of a build that are whole, in a `with` block; at its end the manifest tells of them.

    Args:
        plan: the build.
        schema: from `shard_schema`.
        target: where it is.

    Attributes:
        lost: the rows that the engine could not render, number → why.
    """

    def __init__(self, plan: Plan, schema: pa.Schema, target: Target) -> None:
        self._plan, self._schema, self._target = plan, schema, target
        self._entries: dict[str, Entry] = {}
        self._sizes: dict[str, int] = {}
        self._written = time.monotonic()
        self.lost: dict[int, str] = {}

    def __enter__(self) -> "Ledger":
        self._kept = TemporaryDirectory(prefix="secret-sauce-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.cleanup()

    def missing(self) -> list[Shard]:
        """The shards that are not there, or are not what the manifest, or the build, says."""
        told = read_manifest(self._target, self._plan)
        there = self._target.shards()
        todo = []
        for shard in self._plan.shards:
            made = self._found(shard, told.get(shard.name)) if shard.name in there else None
            if made is None:
                todo.append(shard)
            else:
                self._keep(made)
        return todo

    def note(self, made: Made) -> None:
        """Note a shard that was made."""
        self._keep(made)
        if time.monotonic() > self._written + _SECONDS[isinstance(self._target, Folder)]:
            self.write()

    def write(self) -> None:
        """Write the manifest of what there is."""
        self._target.write(MANIFEST_NAME, manifest_text(self._plan, self._entries).encode())
        self._written = time.monotonic()

    def facts(self) -> DatasetFacts:
        """What the card tells; all shards are there."""
        collection = self._plan.collection
        if isinstance(self._target, Folder):
            return dataset_facts(collection, split_files(self._target.path), self._plan)
        facts = dataset_facts(collection, split_files(Path(self._kept.name)), self._plan)
        info = facts.info
        for split, part in info.splits.items():
            part.num_bytes = sum(size for name, size in self._sizes.items() if re.split("-", name)[0] == split)
        info.dataset_size = sum(part.num_bytes for part in info.splits.values())
        info.download_size = sum(entry.size for entry in self._entries.values())
        return replace(facts, info=info)

    def _found(self, shard: Shard, told: Entry | None) -> Made | None:
        """A shard that is there, if it is what it should be."""
        if isinstance(self._target, Folder):
            path = self._target.path / DATA_FOLDER / shard.name
            if not is_finished(path, shard, self._schema):
                return None
            made = made_of(path, shard)
        else:
            content = self._target.read(f"{DATA_FOLDER}/{shard.name}")
            if content is None or (told is not None and entry_of(content, told.rows) != told):
                return None
            try:
                made = checked_content(self._plan, shard, self._schema, content, told)
            except InputError:
                return None
        return made if told is None or made.entry == told else None

    def _keep(self, made: Made) -> None:
        self._entries[made.shard.name] = made.entry
        self.lost |= made.lost
        if isinstance(self._target, Folder):
            return
        counted = made.counted
        if counted is None:
            content = made.content
            if content is None:
                content = self._target.read(f"{DATA_FOLDER}/{made.shard.name}")
                if content is None or entry_of(content, made.entry.rows) != made.entry:
                    raise InputError(f"{self._target} does not hold {made.shard.name} as it was written there.")
            counted = counted_in(content, self._schema)
        # Kept here for the card: to read all of it again from elsewhere takes longer than all else.
        self._sizes[made.shard.name] = counted.table_bytes
        path = Path(self._kept.name) / DATA_FOLDER / made.shard.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(counted.content)
