"""Recording a collection from a real instrument into the folder that `build_collection` makes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secret_sauce_hf.data.building import build_collection, tell_lost
from secret_sauce_hf.data.names import DATA_FOLDER
from secret_sauce_hf.data.plan import make_plan, shard_files
from secret_sauce_hf.data.shards import is_finished, lost_rows, shard_schema
from secret_sauce_hf.engines.hardware.kept import KeptTakes
from secret_sauce_hf.engines.hardware.recorder import Recorder
from secret_sauce_hf.instruments import InputError, Note
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.outputs import alone, expanded
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress, say

KEPT = ".recording"
"""The folder, inside that of the dataset, of takes that are recorded and in no shard yet."""


@alone("a recording")
def record_collection(
    recorder: Recorder,
    out: str | Path,
    *,
    rows: tuple[int, int] | None = None,
    seed: int | None = None,
    count: int | None = None,
    rows_per_shard: int = 1000,
    plays: Sequence[Note] | None = None,
    seconds: float | None = None,
    prior: str = UNIFORM,
    presets: Presets | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Record a collection from a real instrument into the same shards as `build_collection` writes.

    Every take is safe as soon as it is recorded: stopped, killed, or ended by a fault of the instrument, the same call
    goes on with the next row.

    Args:
        recorder: plays and records the instrument; its collection is what is recorded. Where its takes are kept, and
            what it tells, is set here.
        out: as of `build_collection`, as everything that follows.
        rows: of the collection's own rows the first and the one after the last.
        seed: draw fresh rows from this seed instead.
        count: how many fresh rows.
        rows_per_shard: the most rows in one Parquet file.
        plays: notes that every row plays; those that the rows have if None.
        seconds: length of a take; the collection's if None.
        prior: how the presets of fresh rows are drawn.
        presets: record these rows instead.
        overwrite: replace another dataset that is in `out`; what was recorded before is recorded again.
        progress: whether to tell what was found out before, how long it will take, and how far it is.

    Returns:
        The folder.

    Raises:
        InputError: as of `build_collection`; the instrument, its sound or the link is gone, or was never there; the
            message says how many takes are safe.
    """
    out, collection = expanded(out), recorder.collection
    asked: dict[str, Any] = {"plays": plays, "seconds": seconds, "prior": prior}
    plan = make_plan(collection, rows, seed, count, False, rows_per_shard, False, recorder, **asked, given=presets)
    schema, data = shard_schema(plan), out / DATA_FOLDER
    total = plan.stop - plan.start
    done = 0 if overwrite else sum(len(one) for one in plan.shards if is_finished(data / one.name, one, schema))
    recorder.takes = KeptTakes(out / KEPT)
    if overwrite:
        recorder.takes.clear()
    missing = max(total - done - recorder.takes.count(), 0)

    def estimate() -> None:
        minutes = missing * recorder.seconds(plan.collection) / 60
        said = f"{minutes:.0f} minutes" if minutes >= 2 else f"{60 * minutes:.0f} s"
        if progress:
            say(f"{missing:,} takes to record: about {said}.")

    if progress:
        recorder.tell = say
    recorder.ready = estimate
    with row_progress("Recording", total, progress, done=done) as advance:
        recorder.taken = lambda: advance(1)
        try:
            build_collection(
                collection,
                out,
                rows=rows,
                seed=seed,
                count=count,
                in_session=False,
                rows_per_shard=rows_per_shard,
                engine=recorder,
                plays=plays,
                seconds=seconds,
                prior=prior,
                presets=presets,
                overwrite=overwrite,
                progress=False,
            )
        except InputError as error:
            if not recorder.kept:
                raise
            raise InputError(
                f"{error} {recorder.kept + done:,} takes are safe: the same command goes on from there."
            ) from error
    tell_lost({row: why for path in shard_files(out) for row, why in lost_rows(path).items()}, progress)
    # Every one of them is in a shard now.
    recorder.takes.clear()
    return out
