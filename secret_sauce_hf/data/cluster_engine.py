"""An engine whose rows are rendered by the workers of a cluster, to the bit as it renders them itself."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from secret_sauce_hf.data.cluster import ClusterPool, check_engine, described
from secret_sauce_hf.data.cluster_worker import render_on_worker
from secret_sauce_hf.data.manifest import versions
from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.engines.base import Job, RowsLost
from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.remote import redact

_AHEAD = 2
"""Pieces that every thread of the cluster gets, so that none waits long for the slowest."""


@contextmanager
def rendering(
    scheduler: str, collection: Collection, engine: Engine | None = None, *, progress: bool = True
) -> Iterator[Engine]:
    """The engine of a collection, in this block rendering on a cluster wherever many rows are asked for at once.

    Args:
        scheduler: address of a Dask scheduler.
        collection: whose rows are rendered.
        engine: that renders them; the collection's own if None.
        progress: whether to tell where the cluster's own page is.

    Raises:
        InputError: workers would not find the engine; as of `ClusterPool`.
    """
    engine = engine or get_engine(collection)
    check_engine(collection, engine)
    with ClusterPool(scheduler, progress) as pool:
        yield ClusterEngine(engine, pool)


class ClusterEngine(Engine):
    """An engine that hands the rows of one call to many workers.

    What it renders itself no faster, no more rows than its `batch`, is rendered here, and so is what it is fed.

    Args:
        engine: that workers find by its name.
        pool: the workers, in their `with` block.
    """

    def __init__(self, engine: Engine, pool: ClusterPool) -> None:
        self._engine, self._pool = engine, pool
        for name in Engine.__annotations__:
            if not name.startswith("_"):
                setattr(self, name, getattr(engine, name))
        self._versions = versions()
        self._tried: set[str] = set()
        self._lock = threading.Lock()

    @property
    def label(self) -> str:
        return self._engine.label

    def refusal(self, collection: Collection, *, in_session: bool = False) -> str:
        return self._engine.refusal(collection, in_session=in_session)

    def input_of(self, clean: np.ndarray) -> np.ndarray:
        return self._engine.input_of(clean)

    def draw_phases(self, noise_seed: int, first_row: int, count: int) -> np.ndarray:
        return self._engine.draw_phases(noise_seed, first_row, count)

    def _render(self, job: Job) -> np.ndarray:
        """Raises:
        InputError: a worker cannot render these rows, or renders other takes than this machine.
        ChildProcessError: the scheduler or all workers are gone.
        """
        rows = len(job.presets)
        if rows <= self.batch or job.dry is not None:
            return self._engine._render(job)
        collection, seed = job.presets.collection, job.noise_seed
        if seed is None and not job.presets.play_constant:
            # Then none of them is a row of 2018; a part of them might be by itself, and get another noise.
            seed = 0
        shared = json.dumps(described(collection) | {"engine": self.label, "versions": self._versions})
        groups = -(-rows // self.batch)
        size = self.batch * -(-groups // max(1, _AHEAD * self._pool.threads))
        starts = range(0, rows, size)
        asked = [self._asked(job, seed, slice(start, min(start + size, rows))) for start in starts]
        answers = self._pool.call(render_on_worker, shared, asked)
        takes = np.concatenate(
            [self._takes(answer, one, collection) for answer, one in zip(answers, asked, strict=True)]
        )
        reasons: dict[int, str] = {}
        unrendered: list[int] = []
        for start, answer in zip(starts, answers, strict=True):
            reasons |= {start + int(row): str(why) for row, why in answer.get("lost", {}).items()}
            unrendered += [start + int(row) for row in answer.get("unrendered", ())]
        if reasons or unrendered:
            message = next(str(answer["message"]) for answer in answers if "message" in answer)
            raise RowsLost(message, reasons, takes, unrendered)
        return takes

    def _asked(self, job: Job, seed: int | None, rows: slice) -> dict[str, Any]:
        """The arguments of `render_on_worker` for some rows of a job."""
        before = job.preceding
        if rows.start and job.in_session:
            before = job.presets[rows.start - 1 : rows.start]
        return {
            "unit": job.presets.unit[rows],
            "notes": _notes(job.presets[rows]),
            "options": {
                "in_session": job.in_session,
                "noise_seed": seed,
                "first_row": job.first_row + (0 if job.same_noise else rows.start),
                "same_noise": job.same_noise,
            },
            "preceding": None if before is None else before.unit,
            "preceding_notes": None if before is None else _notes(before),
            "phases": None if job.phases is None else job.phases[rows],
        }

    def _takes(self, answer: Any, asked: dict[str, Any], collection: Collection) -> np.ndarray:
        """The takes that a worker answers; the first row of each worker is rendered here, too.

        Raises:
            InputError: it said why it cannot render them; they are not what they should be.
        """
        told = answer if isinstance(answer, dict) else {}
        by, takes = str(told.get("worker"))[:100], told.get("takes")
        if isinstance(mistake := told.get("mistake"), str):
            raise InputError(f"The worker {by} cannot render these rows: {redact(mistake)[:500]}")
        shape = (len(asked["unit"]), collection.samples)
        wrong = f"What the worker {by} rendered is wrong: {{}}; end that worker, and give the same command again."
        if not isinstance(takes, np.ndarray) or takes.dtype != np.int16 or takes.shape != shape:
            raise InputError(wrong.format("it is no takes of these rows"))
        if by not in self._tried and "0" not in told.get("lost", {}) and 0 not in told.get("unrendered", ()):
            # All that a worker is told of one row.
            before, phases = asked["preceding"], asked["phases"]
            here = self._engine.render(
                _presets(collection, asked["unit"][:1], asked["notes"]),
                preceding=None if before is None else _presets(collection, before, asked["preceding_notes"]),
                phases=None if phases is None else phases[:1],
                **asked["options"],
            )
            if not np.array_equal(here[0], takes[0]):
                raise InputError(wrong.format("a take is another than this machine makes"))
        with self._lock:
            self._tried.add(by)
        return takes


def _notes(presets: Presets) -> dict[str, np.ndarray] | None:
    """What rows play, in columns; None where that is the collection's own note."""
    if presets.play_constant:
        return None
    played = presets.performances
    return {name: getattr(played, name) for name in ("first", "pitch", "velocity", "onset", "duration")}


def _presets(collection: Collection, unit: np.ndarray, notes: dict[str, np.ndarray] | None) -> Presets:
    """The first row of those that were asked for."""
    from secret_sauce_hf.instruments.notes import Performances

    if notes is None:
        return Presets(collection, unit)
    last = int(notes["first"][1])
    columns = {name: values[:last] for name, values in notes.items() if name != "first"}
    return Presets(collection, unit, None, Performances(first=notes["first"][:2], **columns))
