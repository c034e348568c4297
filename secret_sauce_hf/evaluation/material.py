"""The sounds of a benchmark: those that are scored, and those that the baselines know."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import get_dataset_split_names

from secret_sauce_hf.data import iter_takes
from secret_sauce_hf.data.names import SPLITS
from secret_sauce_hf.data.plan import Plan, build_command, make_plan
from secret_sauce_hf.data.reading import Takes, split_names
from secret_sauce_hf.data.recorded import digest, read_recordings
from secret_sauce_hf.data.sounds import ROWS_AT_ONCE, rows_at_once
from secret_sauce_hf.data.source import locate, pinned
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError
from secret_sauce_hf.instruments.sounds import expanded
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.remote import remote_errors, split_revision

REPLACEMENT_SEED = 2_018
"""Of the fresh rows that take the place of train rows which are scored."""


@dataclass(eq=False)
class Material:
    """What is scored, and where the train rows are.

    Args:
        collection: whose settings are told.
        engine: renders it; None if nothing does.
        sounds: takes to score, float32 of shape (rows, samples), full scale ±1.
        presets: their settings.
        source: what was read or rendered, for the record.
        data: dataset with the train rows; None to render the collection's own.
        left_out: how many train rows are scored and so not known; told when `known` is through.
    """

    collection: Collection
    engine: Engine | None
    sounds: np.ndarray = field(repr=False)
    presets: Presets
    source: dict[str, Any]
    data: str | Path | None
    left_out: int = 0

    def known(self) -> Iterator[Takes]:
        """The train rows, some at a time, without those that are scored.

        As many fresh rows, rendered, take their place where there is an engine, so that
        baselines know as many sounds as there are train rows.
        """
        scored = {tuple(row) for row in self.presets.cc.tolist()}
        self.left_out = 0
        for takes in self._train_rows():
            keep = np.array([tuple(row) not in scored for row in takes.presets.cc.tolist()], dtype=bool)
            self.left_out += int((~keep).sum())
            if keep.any():
                yield Takes(takes.sounds[keep], takes.presets[np.flatnonzero(keep)])
        if self.left_out and self.engine is not None:
            fresh = draw_presets(self.collection, self.left_out, REPLACEMENT_SEED)
            yield from _played(
                self.engine, fresh, self.engine.supports(self.collection, in_session=True), REPLACEMENT_SEED
            )

    def _train_rows(self) -> Iterator[Takes]:
        if self.data is not None and _has_train_rows(self.data):
            yield from iter_takes(self.data, "train", collection=self.collection)
        elif self.engine is not None and self.collection.count:
            # A published benchmark has none.
            yield from _rendered(self.engine, _plan(self.collection, self.engine), "train")


def gather(
    collection: Collection, engine: Engine | None, data: str | Path | None, recordings: str | Path | None
) -> Material:
    """Find the rows to score.

    Args:
        collection: whose settings are told.
        engine: renders it; None if nothing does.
        data: a dataset with train and test rows; None for the rows of 2018, rendered as
            `build_collection` renders them.
        recordings: a file of recordings to score instead of the test rows.

    Raises:
        InputError: there are no such rows, or they cannot be read or rendered.
    """
    if data is None:
        if engine is None:
            raise InputError(
                f"No engine renders {collection.instrument.name}: give recorded train and test rows with --data."
            )
        source: dict[str, Any] = {
            "source": collection.name,
            "revision": None,
            "build": build_command(_plan(collection, engine)),
        }
    else:
        source = locate(data, collection, engine)
        data = pinned(source, data)
    if recordings is not None:
        takes = read_recordings(recordings, collection)
        source |= {"split": None, "recordings": Path(recordings).name, "sha256": digest(recordings)}
    else:
        parts = list(_test_rows(collection, engine, data))
        if not parts:
            raise InputError(f"There are no test rows in {data or collection.name}; nothing can be scored.")
        takes = Takes(
            np.concatenate([part.sounds for part in parts]), Presets.concatenated([part.presets for part in parts])
        )
        source |= {"split": "test", "recordings": None, "sha256": None}
    return Material(collection, engine, takes.sounds, takes.presets, source, data)


def _has_train_rows(data: str | Path) -> bool:
    """Whether a dataset that was read already has rows to train on."""
    if str(data) in COLLECTIONS:
        return True
    if expanded(data).is_dir():
        return SPLITS[0] in split_names(expanded(data))
    repo, revision = split_revision(str(data))
    with remote_errors(f"dataset {data}", reading_data=True):
        return SPLITS[0] in get_dataset_split_names(repo, revision=revision)


def _test_rows(collection: Collection, engine: Engine | None, data: str | Path | None) -> Iterator[Takes]:
    if data is not None:
        yield from iter_takes(data, "test", collection=collection)
    elif engine is not None:
        yield from _rendered(engine, _plan(collection, engine), "test")


def _plan(collection: Collection, engine: Engine) -> Plan:
    if not collection.count:
        raise InputError(f"{collection.name} has no rows of its own: give train and test rows with --data.")
    return make_plan(collection, None, None, None, None, ROWS_AT_ONCE, engine=engine)


def _rendered(engine: Engine, plan: Plan, split: str) -> Iterator[Takes]:
    """Rows of a split as a build has them, to the sample."""
    start, stop = plan.splits.get(split, (0, 0))
    before = plan.presets(start - 1, start) if plan.in_session and start else None
    return _played(engine, plan.presets(start, stop), plan.in_session, plan.seed, start, before)


def _played(
    engine: Engine,
    presets: Presets,
    in_session: bool,
    noise_seed: int | None,
    first_row: int = 0,
    before: Presets | None = None,
) -> Iterator[Takes]:
    """Render rows, some at a time."""
    together = rows_at_once(presets.collection)
    for start in range(0, len(presets), together):
        rows = presets[start : start + together]
        takes = engine.render(
            rows, in_session=in_session, preceding=before, noise_seed=noise_seed, first_row=first_row + start
        )
        yield Takes(to_float(takes), rows)
        before = rows[-1:] if in_session else None
