"""Presets to sounds as bytes and as WAV files."""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import soundfile

from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, integer
from secret_sauce_hf.original.table import are_original, original_presets
from secret_sauce_hf.outputs import check_folder, check_free
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.progress import row_progress

ROWS_AT_ONCE = 1000
"""Rows rendered in one call: full groups of the engines on every core, some 60 MB of memory."""
_SECONDS_AT_ONCE = 900
"""Of longer takes no more rows than last so long together."""

_NUMBERED_FILE = re.compile(r"s(0|[1-9][0-9]{0,8})\.wav")


def rows_at_once(collection: Collection) -> int:
    """How many rows of a collection are rendered in one call: fewer of longer takes, so that memory stays the same."""
    return max(1, min(ROWS_AT_ONCE, round(_SECONDS_AT_ONCE / collection.seconds)))


def encode(take: np.ndarray, container: str) -> bytes:
    """A take as the bytes of a 16-bit mono file.

    Args:
        take: int16 samples at 22,050 Hz, shape (samples,).
        container: "FLAC" or "WAV".
    """
    buffer = io.BytesIO()
    soundfile.write(buffer, take, SAMPLE_RATE, format=container, subtype="PCM_16")
    return buffer.getvalue()


def write_sounds(
    presets: Presets | Sequence[Presets],
    out_dir: str | Path,
    *,
    engine: Engine | None = None,
    in_session: bool = False,
    preceding: Presets | None = None,
    noise_seed: int | None = None,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Render presets into 16-bit mono WAV files at 22,050 Hz, named by each row's `file`.

    Each file is there as a whole or not at all.

    Args:
        presets: the rows, in the order in which a session plays them; or several tables of one instrument, whose
            takes may differ in length, one after the other.
        out_dir: the folder, made where it is missing.
        engine: that renders the rows; the collection's own if None.
        in_session: whether each take starts in the state that the row before it leaves.
        preceding: the row before the first; if None and `in_session`, the one that
            `session_start` finds.
        noise_seed: seed of the noise generators, beside the row's number; if None, rows of
            2018 get the noise of 2018 (see `secret_sauce_hf.engines.render`).
        progress: whether to show a progress bar.
        overwrite: whether files that have these names already are replaced: they may be
            the recordings that the rows are of.

    Returns:
        The folder.

    Raises:
        InputError: no rows; a file name that occurs twice or does not end in .wav; a file
            that is there already; `out_dir` is a file or cannot be written to; the engine
            cannot render these takes, or not in session, or does not play these notes; there is none.
    """
    parts = [presets] if isinstance(presets, Presets) else list(presets)
    files = [name for part in parts for name in part.files]
    _check_files(files)
    engine = engine or get_engine(parts[0].collection)
    for number, part in zip(accumulate(map(len, parts), initial=0), parts, strict=False):
        engine.check(part.collection, in_session=in_session)
        engine.check_performances(part, lambda row, first=number: f"row {first + row}")  # type: ignore[misc]
    out_dir = check_folder(out_dir, files, what="the sounds")
    if not overwrite:
        check_free(out_dir, files, "choose another folder, or have them replaced (--overwrite)")
    noise_seed = None if noise_seed is None else integer("noise_seed", noise_seed)
    found, row = session_start(parts[0])
    if in_session and preceding is None:
        preceding = found
    out_dir.mkdir(parents=True, exist_ok=True)

    def write(first: int, chunk: Presets, before: Presets | None = None) -> int:
        takes = engine.render(
            chunk, in_session=in_session, preceding=before, noise_seed=noise_seed, first_row=row + first
        )
        for name, take in zip(chunk.files, takes, strict=True):
            write_whole(out_dir / name, encode(take, "WAV"))
        return len(chunk)

    with row_progress("Rendering", len(files), progress) as advance:
        if len(parts) > 1 and not in_session:
            # Of takes that differ in length an engine renders few together, on few processors.
            _at_once([partial(write, *chunk) for chunk in _chunks(parts, engine.batch)], advance)
            return out_dir
        for first, chunk in _chunks(parts):
            advance(write(first, chunk, preceding))
            preceding = chunk[-1:] if in_session else None
    return out_dir


def _at_once(tasks: Sequence[Callable[[], int]], advance: Callable[[int], None]) -> None:
    """Do all tasks, as many together as there are processors; those that have not begun are left when one fails."""
    pool = ThreadPoolExecutor(thread_count())
    try:
        for done in as_completed([pool.submit(task) for task in tasks]):
            advance(done.result())
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(parts: Iterable[Presets], most: int = ROWS_AT_ONCE) -> Iterator[tuple[int, Presets]]:
    """The rows of several tables in order, as many as are rendered in one call, each with the number of the first."""
    first = 0
    for part in parts:
        step = min(most, rows_at_once(part.collection))
        for start in range(0, len(part), step):
            yield first + start, part[start : start + step]
        first += len(part)


def session_start(presets: Presets) -> tuple[Presets | None, int]:
    """What came before a table's first row, so that a part of a collection sounds like the whole.

    Returns:
        The preceding row and the number of the first row. The number is i where the
        first row's file is `s<i>.wav`, else 0. The preceding row is row i - 1 of 2018
        where the first row is row i of 2018 in its settings too, else None: that row
        starts from silence.
    """
    match = _NUMBERED_FILE.fullmatch(presets.files[0]) if len(presets) else None
    if match is None:
        return None, 0
    number = int(match[1])
    if number == 0 or not are_original(presets[:1], number).all():
        return None, number
    return original_presets(presets.collection, number - 1, number), number


def _check_files(names: Sequence[str]) -> None:
    if not names:
        raise InputError("The table has no rows: nothing to render.")
    seen: dict[str, int] = {}
    for row, name in enumerate(names):
        if not name.lower().endswith(".wav"):
            raise InputError(f"row {row}, column file: {name!r} must end in .wav.")
        # Folded, as some file systems do not tell upper case from lower case.
        first = seen.setdefault(name.casefold(), row)
        if first != row:
            raise InputError(f"row {row}, column file: {name!r} is also the file of row {first}; names must differ.")
