"""Sounds that somebody recorded and the table of their settings to a dataset in our columns."""

import math
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow.parquet as pq
import soundfile
import soxr

from secret_sauce_hf.data.columns import arrow_schema
from secret_sauce_hf.data.names import DATA_FOLDER, SPLIT_COLUMN
from secret_sauce_hf.data.plan import MAX_FILES, has_notes
from secret_sauce_hf.data.reading import MAX_SECONDS
from secret_sauce_hf.data.shards import CONTAINER, ROW_GROUP, takes_table, writer_options
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.listening import cut, mix, strays
from secret_sauce_hf.instruments.sounds import open_sound
from secret_sauce_hf.instruments.takes import PEAK, SAMPLE_RATE, SILENCE, to_int16
from secret_sauce_hf.outputs import LOCK, check_folder, claimed, expanded, near_miss, same_text
from secret_sauce_hf.presets import MAX_ROWS, Presets, read_table, row_random
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.progress import row_progress

MAX_CHANNELS = 64
RATES = (4_000, 768_000)
"""Lowest and highest sample rate that is believed, in Hz."""
_MARGIN = 0.05
"""Read beyond a take's end, in seconds, so that the resampler has something to go on with."""
_SLACK = 0.001
"""By which a recording may differ from a take's length, in seconds, without a word."""
_ROWS_AT_ONCE = 5 * ROW_GROUP
_UNFINISHED = ".collecting"
_SHOWN = 5
_SPLIT_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_SPLIT_SEED = 0


_DONE = (
    "resampled",
    "mixed to one channel",
    "with channels that cancel or are silent",
    "with the note elsewhere than the collection says",
    "moved to where it says",
    "cut at the end",
    "padded with silence",
    "turned down to full scale",
    "silent",
)


@dataclass(frozen=True)
class Collected:
    """What `collect_recordings` made.

    Args:
        folder: of the dataset.
        splits: number of rows of each split.
        done: to how many recordings something was done, or is the matter: "resampled",
            "mixed to one channel" (the mean of several), "with channels that cancel or are
            silent" (see `listening.mix`), "with the note elsewhere than the collection says"
            (later or earlier by more than 10 ms), "moved to where it says", "cut at the end",
            "padded with silence", "turned down to full scale" and "silent" (below -60 dBFS).
    """

    folder: Path
    splits: dict[str, int]
    done: dict[str, int]

    def __str__(self) -> str:
        rows = ", ".join(f"{count:,} {split}" for split, count in self.splits.items())
        return "; ".join([f"{rows} rows", *(f"{count:,} {what}" for what, count in self.done.items() if count)]) + "."


def collect_recordings(
    collection: str | Path | Collection,
    table: str | Path | TextIO,
    sounds: str | Path,
    out: str | Path,
    *,
    test_share: float = 0.2,
    rows_per_shard: int = 1000,
    progress: bool = True,
    align: bool = False,
) -> Collected:
    """Make a dataset of recordings and the table of their settings; `load_dataset(out)` reads it.

    The recordings become what every collection has: mono, 22,050 Hz, 16 bits, as long as a
    take. Channels are averaged; the end is cut off, or silence put there. The note should
    start when the collection says so: how many do not is told, and with `align` they are
    moved. `heard` follows from the
    collection's rules. The dataset is there whole or not at all, and the same input makes
    the same bytes.

    Args:
        collection: the collection, its name, or the path of its declaration.
        table: rows of presets as CSV (see `Presets.from_csv`): a column per parameter, and
            `file`, the name of each row's recording (`s0.wav`, `s1.wav`, … without it). A
            column `split` may say which split a row goes to.
        sounds: the folder of the recordings, in any format, rate and number of channels that
            libsndfile reads; files that the table does not name are left alone.
        out: the folder of the dataset, missing or empty.
        test_share: which share of the rows is for testing, 0 to less than 1; they are chosen
            by lot, always the same ones. Not used where the table has `split`.
        rows_per_shard: the most rows in one Parquet file.
        progress: whether to show a progress bar.
        align: whether recordings whose note plainly starts elsewhere are moved, so that it
            starts when the collection says so.

    Returns:
        Where the dataset is, its rows, and what was done to the recordings.

    Raises:
        InputError: the table or a recording cannot be used (the message names the row);
            recordings are missing; `out` holds something; arguments out of range.
    """
    collection = get_collection(collection)
    sounds, out = expanded(sounds), expanded(out)
    if not 0 <= test_share < 1:
        raise InputError(f"The share of test rows is {test_share}; give one from 0 to less than 1, such as 0.2.")
    rows_per_shard = integer("rows_per_shard", rows_per_shard, 1, MAX_ROWS)
    presets, further = read_table(collection, table, (SPLIT_COLUMN,))
    if not len(presets):
        raise InputError("The table has no rows: nothing to collect.")
    splits = (
        _named_splits(further[SPLIT_COLUMN]) if SPLIT_COLUMN in further else _drawn_splits(len(presets), test_share)
    )
    found = _find_sounds(presets, sounds)
    out = check_folder(out, what="the dataset")
    with claimed(out, "collecting"):
        out = _claim(out)
        unfinished = out / _UNFINISHED
        unfinished.mkdir(parents=True)
        done = np.zeros(len(_DONE), dtype=np.int64)
        try:
            with row_progress("Collecting", len(presets), progress) as advance:
                for split, rows in splits.items():
                    starts = range(0, len(rows), rows_per_shard)
                    if len(starts) > MAX_FILES:
                        raise InputError(
                            f"{split} would be {len(starts):,} files, at most {MAX_FILES:,} can be; raise "
                            "rows_per_shard."
                        )
                    for number, start in enumerate(starts):
                        path = unfinished / f"{split}-{number:05d}-of-{len(starts):05d}.parquet"
                        for chunk in _write_shard(presets, rows[start : start + rows_per_shard], found, path, align):
                            done += chunk.sum(axis=0)
                            advance(len(chunk))
            unfinished.replace(out / DATA_FOLDER)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return Collected(
            out, {split: len(rows) for split, rows in splits.items()}, dict(zip(_DONE, done.tolist(), strict=True))
        )


def _named_splits(names: Sequence[str]) -> dict[str, np.ndarray]:
    """The numbers of the rows of each split that the table names."""
    for row, name in enumerate(names):
        if not _SPLIT_NAME.fullmatch(name):
            raise InputError(
                f"row {row}, column {SPLIT_COLUMN}: {name!r} is no name of a split; give train, test or another word."
            )
    order = {"train": 0, "test": 2}
    splits = sorted(set(names), key=lambda name: (order.get(name, 1), name))
    return {split: np.flatnonzero(np.asarray(names) == split) for split in splits}


def _drawn_splits(count: int, test_share: float) -> dict[str, np.ndarray]:
    """Train and test rows by lot: a table may be in some order, of which the last rows would all be alike."""
    tests = min(max(round(count * test_share), 1 if test_share else 0), count - 1)
    lots = row_random(_SPLIT_SEED, 0, count, 1)[:, 0].argsort(kind="stable")
    splits = {"train": np.sort(lots[tests:]), "test": np.sort(lots[:tests])}
    return {split: rows for split, rows in splits.items() if len(rows)}


def _find_sounds(presets: Presets, sounds: Path) -> list[Path]:
    """The recording of each row, under the name that the table has for it, in whatever Unicode form."""
    if not sounds.is_dir():
        raise InputError(f"There is no folder {sounds}; give the one that holds the recordings.")
    found = [same_text(sounds / name) for name in presets.files]
    if missing := [name for name, path in zip(presets.files, found, strict=True) if not path.is_file()]:
        more = ", …" if len(missing) > _SHOWN else ""
        near = {name: near_miss(sounds / name) for name in missing[:_SHOWN]}
        told = [name if (other := near[name]) is None else f"{name} (but {other.name})" for name in missing[:_SHOWN]]
        raise InputError(
            f"{len(missing):,} of {len(presets):,} recordings are not in {sounds}: "
            f"{', '.join(told)}{more}; add them, or take their rows out of the table."
        )
    return found


def _claim(out: Path) -> Path:
    """See that `out` is free, but for what an interrupted run left, and can be written to."""
    out = check_folder(out, what="the dataset")
    if out.is_dir():
        if any(path.name not in (_UNFINISHED, LOCK) for path in out.iterdir()):
            raise InputError(f"{out} is not empty; choose another folder for the dataset, or delete this one.")
        shutil.rmtree(out / _UNFINISHED, ignore_errors=True)
    return out


def _write_shard(
    presets: Presets, rows: np.ndarray, sounds: Sequence[Path], path: Path, align: bool
) -> Iterator[np.ndarray]:
    """Write a Parquet file of some rows; yields, some rows at a time, what was done to them (see `_read`)."""
    # In every file of a dataset the same columns, whatever its own rows play.
    schema = arrow_schema(presets.collection, notes=has_notes(presets))
    samples, timing = presets.collection.samples, presets.collection.timing
    note_on = round((timing.note_on - timing.cut[0]) * SAMPLE_RATE)

    def encoded(row: int) -> tuple[bytes, list[bool]]:
        name = presets.files[row]
        try:
            take, done = _read(sounds[row], samples, note_on, align)
        except InputError as error:
            raise InputError(f"row {row}: {name}: {error}") from error
        return encode(take, CONTAINER), done

    with (
        pq.ParquetWriter(path, schema, **writer_options(schema)) as writer,
        ThreadPoolExecutor(thread_count()) as pool,
    ):
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = rows[start : start + _ROWS_AT_ONCE]
            takes = list(pool.map(encoded, chunk.tolist()))
            table = takes_table(presets[chunk], [take for take, _ in takes], schema)
            writer.write_table(table, row_group_size=ROW_GROUP)
            yield np.array([done for _, done in takes])


def _read(path: Path, samples: int, note_on: int, align: bool) -> tuple[np.ndarray, list[bool]]:
    """A recording as a take: int16 of shape (samples,), and which things of `_DONE` were done to it."""
    seconds = samples / SAMPLE_RATE
    try:
        with open_sound(path) as file:
            rate, channels, length = file.samplerate, file.channels, file.frames / file.samplerate
            if not RATES[0] <= rate <= RATES[1] or channels > MAX_CHANNELS:
                raise InputError(
                    f"{rate} Hz and {channels} channels; record {RATES[0]} to {RATES[1]} Hz, at most {MAX_CHANNELS} "
                    "channels."
                )
            if length > MAX_SECONDS:
                raise InputError(f"{length:.0f} s long, which is no single take; cut it into one file a row.")
            # Of one that is moved the end is needed too.
            frames = file.frames if align else min(file.frames, math.ceil((seconds + _MARGIN) * rate))
            wave = file.read(frames, "float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise InputError(f"not a sound that can be read ({reason}); record it again, or convert it to WAV.") from error
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror or error}).") from error
    if not len(wave):
        raise InputError("there are no samples in it; record it again.")
    if not np.isfinite(wave).all():
        raise InputError("there are samples in it that are not finite numbers; export it again.")
    mono, notes = mix(wave, rate)
    if not notes:
        # In single precision, as ever: a dataset keeps its bytes.
        mono = wave.mean(axis=1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    late = strays(mono, note_on, SAMPLE_RATE)
    take = cut(mono, late if align else 0, samples)
    left = length - (late / SAMPLE_RATE if align else 0)
    peak = float(np.abs(take).max())
    if peak > 1:
        take *= np.float32(PEAK / peak)
    done = [
        rate != SAMPLE_RATE,
        channels > 1,
        bool(notes),
        late != 0 and not align,
        late != 0 and align,
        left > seconds + _SLACK,
        left < seconds - _SLACK,
        peak > 1,
        peak < SILENCE,
    ]
    # The scale by which readers divide; libsndfile would multiply floats by 32,767.
    return to_int16(take), done
