"""Takes, rendered or read, to what a sound sheet shows of them: levels, brightness, settings, some of the sounds."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from secret_sauce_hf.data.names import RECORD_NAME
from secret_sauce_hf.data.plan import shard_files
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.forms import read_record
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, Note
from secret_sauce_hf.instruments.priors import UNIFORM, check_prior
from secret_sauce_hf.instruments.takes import SAMPLE_RATE, to_float
from secret_sauce_hf.metrics.spectra import magnitudes
from secret_sauce_hf.original.table import is_original, original_presets, whose
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.progress import row_progress

if TYPE_CHECKING:
    from secret_sauce_hf.data.reading import Source

LOWEST_DBFS = -90.0
"""Lower levels are given as this."""
BLOCK = SAMPLE_RATE // 50
"""Samples that a point of an envelope is the level of: 20 ms."""

_RUN = 16
"""Successive rows rendered together: a group of an engine, and a start from within the session."""
_WINDOW = 1024


@dataclass(frozen=True)
class Shown:
    """A take of which a sheet shows the sound.

    Args:
        number: which of the gathered takes it is, from 0.
        sound: float32 of shape (samples,).
        file: the row's name.
    """

    number: int
    sound: np.ndarray
    file: str


@dataclass(frozen=True)
class Gathered:
    """What a sheet shows of takes.

    Args:
        presets: the rows.
        source: where the takes come from, for people.
        peaks: in dBFS, shape (rows,), at least `LOWEST_DBFS`.
        levels: RMS in dBFS, shape (rows,), at least `LOWEST_DBFS`.
        envelopes: RMS of every `BLOCK` samples in dBFS, shape (rows, blocks), at least `LOWEST_DBFS`.
        centroids: mean frequency of the magnitude spectrum in Hz, shape (rows,); NaN for digital silence.
        shown: evenly chosen takes, from the first to the last.
    """

    presets: Presets
    source: str
    peaks: np.ndarray
    levels: np.ndarray
    envelopes: np.ndarray
    centroids: np.ndarray
    shown: list[Shown]


class Gatherer:
    """Takes in takes that pass by once, however many, and keeps what a sheet shows of them.

    Args:
        tiles: how many of them are shown as spectrograms.
    """

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        self.count = 0
        self.kept: list[Shown] = []
        """Evenly spaced takes, twice to four times as many as `tiles` (or all)."""
        self._stride = 1
        self._presets: list[Presets] = []
        self._peaks: list[np.ndarray] = []
        self._levels: list[np.ndarray] = []
        self._envelopes: list[np.ndarray] = []
        self._centroids: list[np.ndarray] = []

    def add(self, sounds: np.ndarray, presets: Presets) -> None:
        """Take in a batch: float32 of shape (rows, samples), with their presets.

        Raises:
            InputError: the takes are not as long as those before them.
        """
        blocks = sounds[:, : sounds.shape[1] // BLOCK * BLOCK].reshape(len(sounds), -1, BLOCK)
        if self._envelopes and blocks.shape[1] != self._envelopes[0].shape[1]:
            raise InputError("The takes differ in length; a sheet shows takes of one length.")
        self._presets.append(presets)
        self._peaks.append(_dbfs(np.abs(sounds).max(axis=1)))
        self._levels.append(_dbfs(np.sqrt((sounds**2).mean(axis=1))))
        self._envelopes.append(_dbfs(np.sqrt((blocks**2).mean(axis=2))))
        self._centroids.append(_centroids(sounds))
        for number, (sound, file) in enumerate(zip(sounds, presets.files, strict=True), self.count):
            if number % self._stride == 0:
                self.kept.append(Shown(number, sound, file))
            if len(self.kept) == 4 * self.tiles:
                self.kept = self.kept[::2]
                self._stride *= 2
        self.count += len(sounds)

    def shown(self) -> list[Shown]:
        """Return the takes that are shown, from the first to the last."""
        chosen = np.linspace(0, len(self.kept) - 1, min(self.tiles, len(self.kept)))
        return [self.kept[int(index)] for index in np.rint(chosen)]

    def gathered(self, source: str) -> Gathered:
        """Return what was taken in; `source` says where it is from.

        Raises:
            InputError: nothing was taken in.
        """
        if not self._presets:
            raise InputError("The dataset has no rows.")
        return Gathered(
            presets=Presets.concatenated(self._presets),
            source=source,
            peaks=np.concatenate(self._peaks),
            levels=np.concatenate(self._levels),
            envelopes=np.concatenate(self._envelopes),
            centroids=np.concatenate(self._centroids),
            shown=self.shown(),
        )


def gather_rendered(
    collection: Collection,
    engine: Engine,
    *,
    seed: int | None,
    rows: int,
    tiles: int,
    prior: str = UNIFORM,
    plays: Sequence[Note] | None = None,
    progress: bool = False,
) -> Gathered:
    """Render takes and gather what a sheet shows of them.

    Args:
        collection: whose rows are rendered.
        engine: that renders them.
        seed: of fresh rows, which are rendered from silence; None for evenly chosen ones of the
            collection's own, those of 2018 in session where the engine can.
        rows: how many, or all that there are if fewer.
        tiles: how many of them are shown as spectrograms.
        prior: how the presets of fresh rows are drawn, see `draw_presets`.
        plays: notes that every row plays, rendered from silence; those that the rows have if None.
        progress: whether to show a progress bar.

    Raises:
        InputError: the engine cannot render the collection's takes, or does not play the notes; a seed that is
            negative.
    """
    engine.check(collection)
    if seed is None and check_prior(prior, collection) != UNIFORM:
        raise InputError(f"The prior {prior} is one of fresh rows: give a seed.")
    recorded = seed is None and plays is None and is_original(collection)
    in_session = recorded and engine.supports(collection, in_session=True)
    presets = original_presets(collection) if seed is None else draw_presets(collection, rows, seed, prior=prior)
    if plays is not None:
        presets = presets.playing(plays)
        # One row will do: every other one plays the same.
        engine.check_performances(presets[:1], lambda _: "what every row plays")

    def play(run: tuple[int, int]) -> tuple[np.ndarray, Presets]:
        start, stop = run
        preceding = presets[start - 1 : start] if in_session and start else None
        some = presets[start:stop]
        takes = engine.render(some, in_session=in_session, preceding=preceding, noise_seed=seed, first_row=start)
        return to_float(takes), some

    gatherer = Gatherer(tiles)
    runs = _runs(len(presets), rows)
    total = sum(stop - start for start, stop in runs)
    with row_progress("Rendering", total, progress) as advance, ThreadPoolExecutor(thread_count()) as pool:
        for sounds, some in pool.map(play, runs):
            gatherer.add(sounds, some)
            advance(len(some))
    of = f"{total:,} fresh rows of seed {seed}{drawn_as(prior)}"
    if seed is None:
        of = f"{total:,} of the {len(presets):,} rows {whose(collection)}"
    return gatherer.gathered(f"{of}, {'in session' if in_session else 'from silence'}; engine {engine.label}")


def gather_read(
    data: "Source",
    split: str | None = None,
    collection: str | Collection | None = None,
    *,
    label: str | None = None,
    tiles: int,
    progress: bool = False,
) -> Gathered:
    """Read takes and gather what a sheet shows of them.

    Args:
        data: a dataset's folder or a dataset, as `iter_takes` reads it.
        split: one of its splits; all if None.
        collection: whose parameters its columns are; found by the columns if None.
        label: where it is from, for people; found out if None.
        tiles: how many takes are shown as spectrograms.
        progress: whether to show a progress bar.

    Raises:
        InputError: `data` cannot be read, has no rows, or takes of several lengths.
    """
    # Here, as importing `datasets` takes more than a second.
    from secret_sauce_hf.data.reading import iter_takes

    gatherer = Gatherer(tiles)
    total = _length(data, split)
    with row_progress("Reading", total, progress and total > 0) as advance:
        for takes in iter_takes(data, split, collection=collection):
            gatherer.add(takes.sounds, takes.presets)
            advance(len(takes))
    rows = f"{gatherer.count:,} rows" if split is None else f"{gatherer.count:,} {split} rows"
    return gatherer.gathered(f"{rows} {_origin(data) if label is None else label}")


def _origin(data: "Source") -> str:
    if not isinstance(data, str | Path):
        return "of a dataset"
    # Of a build not the folder's name: the same build gives the same picture wherever it lies.
    folder = Path(data)
    where = f"the folder {folder.resolve().name}" if folder.exists() else str(data)
    return _built(folder) or f"of {where}"


def _runs(count: int, rows: int) -> list[tuple[int, int]]:
    """First row and row after the last of evenly spaced runs, `rows` rows of `count` in all, or a few more."""
    rows = min(rows, count)
    length = min(_RUN, rows)
    number = -(-rows // length)
    edges = [*(run * count // number for run in range(number)), count]
    return [(start, min(start + length, end)) for start, end in pairwise(edges)]


def _length(data: "Source", split: str | None) -> int:
    """Number of rows of a built folder; 0 where it takes reading to know."""
    if not isinstance(data, str | Path):
        return 0
    paths = [path for path in shard_files(Path(data)) if split is None or path.name.startswith(f"{split}-")]
    try:
        return sum(pq.read_metadata(path).num_rows for path in paths)
    except (OSError, pa.ArrowInvalid):
        return 0  # What is wrong is said when it is read.


def drawn_as(prior: object) -> str:
    """What to say behind fresh rows of how their presets were drawn; nothing where it is as ever."""
    return "" if prior == UNIFORM else f", {prior} prior"


def _built(folder: Path) -> str:
    """What the record of a build says about its rows, if there is one."""
    try:
        record = read_record(folder / RECORD_NAME)
    except InputError:
        return ""
    if not {"seed", "in_session", "engine"} <= record.keys():
        return ""
    own = COLLECTIONS.get(str(record.get("collection")))
    seed = f"seed {record['seed']}{drawn_as(record.get('prior', UNIFORM))}"
    if record["seed"] is None:
        seed = "those of 2018" if own is None else f"those {whose(own)}"
    return f"as built ({seed}, {'in session' if record['in_session'] else 'from silence'}); engine {record['engine']}"


def _dbfs(amplitudes: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(amplitudes, 10 ** (LOWEST_DBFS / 20)))


def _centroids(sounds: np.ndarray) -> np.ndarray:
    """Mean frequency of the magnitude spectrum, in Hz; NaN for digital silence."""
    spectra = magnitudes(sounds, _WINDOW, _WINDOW // 2).mean(axis=1)
    total = spectra.sum(axis=1)
    weighted = spectra @ np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    return np.divide(weighted, total, out=np.full(len(sounds), np.nan), where=total > 0)
