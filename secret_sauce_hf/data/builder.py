"""What the loading scripts share: a collection as a builder of `datasets`.

It runs unchanged on datasets 3.6, which loads scripts, and on 5, which does not but
takes the class.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import soundfile
from datasets import (
    ArrowBasedBuilder,
    BuilderConfig,
    DatasetInfo,
    DownloadConfig,
    DownloadManager,
    Features,
    SplitGenerator,
    StreamingDownloadManager,
)

from secret_sauce_hf.data.columns import features
from secret_sauce_hf.data.plan import Plan, Shard, make_plan
from secret_sauce_hf.data.shards import CONTAINER, rendered_table, takes_table
from secret_sauce_hf.data.sounds import encode, rows_at_once
from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.instruments import Collection, InputError, get_collection
from secret_sauce_hf.instruments.priors import UNIFORM
from secret_sauce_hf.original.archives import DRIVE_IDS, DRIVE_URL, Archive
from secret_sauce_hf.original.table import is_original
from secret_sauce_hf.progress import logger_of

log = logger_of(__name__)


@dataclass
class CollectionConfig(BuilderConfig):
    """What to load, beside the `name`, `version`, `data_dir` and so on of every builder.

    Args:
        rows: of the collection's own rows the first so many, or first row and row after the last
            (a pair or a range); all if None.
        seed: draw fresh rows from this seed instead.
        count: how many fresh rows.
        in_session: how a take starts, as in `build_collection`.
        measure: whether what is heard is measured, as in `build_collection`.
        prior: how fresh presets are drawn, as in `build_collection`.
        rows_per_shard: rows that a process takes at once; the most processes that
            `num_proc` can keep busy follows from it.
        download: fetch the archive of 2018 from Google Drive, as if it were `data_dir`.
        skip_bad: leave out rows that are bad in the archive, instead of refusing it.
    """

    rows: int | Sequence[int] | None = None
    seed: int | None = None
    count: int | None = None
    in_session: bool | None = None
    measure: bool = False
    rows_per_shard: int = 100
    prior: str = UNIFORM
    download: bool = False
    skip_bad: bool = False


class CollectionBuilder(ArrowBasedBuilder):
    """A collection: rendered by the engine, or, one of 2018, out of its archive.

    Without `data_dir` the rows are those of `build_collection` with the same arguments,
    to the byte. With it, a folder or zip, the sounds are the recordings of 2018; they are
    checked first.

    A subclass says which collection it is:

        class Noisemaker(CollectionBuilder):
            COLLECTION = "noisemaker"

    Raises:
        InputError: when it is made, arguments that do not go together or an archive
            that is not there; when it prepares data or streams, rows of the archive that are bad.
    """

    COLLECTION: ClassVar[str]
    BUILDER_CONFIG_CLASS = CollectionConfig

    _given_hash: str | None
    _state: str

    @property
    def collection(self) -> Collection:
        """The collection."""
        return get_collection(self.COLLECTION)

    @property
    def engine(self) -> Engine:
        """The engine that renders the rows; a subclass may give another."""
        return get_engine(self.collection)

    @property
    def plan(self) -> Plan:
        """Which rows, in which shards."""
        config = self.config
        if self._has_recordings and not is_original(self.collection):
            raise InputError(f"There are no recordings of {self.collection.name}: leave `data_dir` and `download` out.")
        if self._has_recordings and config.seed is not None:
            raise InputError("Fresh rows are rendered; the archive has the rows of 2018 only: leave `seed` out.")
        if self._has_recordings and config.in_session is False:
            raise InputError("The recordings of 2018 were made in session; leave `in_session` out.")
        if self._has_recordings and config.measure:
            raise InputError(
                "What is heard is measured on the engine's sounds, not on recordings; leave `measure` out."
            )
        if config.data_dir and config.download:
            raise InputError("Give `data_dir` or `download=True`, not both.")
        return make_plan(
            self.collection,
            _limits(config.rows),
            config.seed,
            config.count,
            config.in_session,
            config.rows_per_shard,
            config.measure,
            self.engine,
            prior=config.prior,
        )

    @property
    def _has_recordings(self) -> bool:
        return bool(self.config.data_dir or self.config.download)

    @property
    def hash(self) -> str:
        """Part of the name of the cache folder, so that data of another state is not taken for ours.

        `datasets` itself puts the arguments there, and 3.6 the script. This adds what is
        declared of the collection, the versions of what makes the sounds and, of an
        archive, the sizes and times of its files.
        """
        if not self._state:
            if self.config.data_dir:
                source = Archive(self.config.data_dir, self.collection).state
            elif self.config.download:
                source = DRIVE_IDS[self.COLLECTION]
            else:
                source = self.engine.version
            versions = version("secret_sauce_hf"), soundfile.__libsndfile_version__
            self._state = repr((self._given_hash, self.plan, versions, source))
        return hashlib.sha256(self._state.encode()).hexdigest()[:32]

    @hash.setter
    def hash(self, given: str | None) -> None:
        # `datasets` assigns it, before there is a config.
        self._given_hash = given
        self._state = ""

    def _info(self) -> DatasetInfo:
        plan = self.plan
        sounds = "recordings of 2018" if self._has_recordings else "sounds of the package's own engine"
        return DatasetInfo(
            description=f"{plan.collection.title}. Rows {plan.start} to {plan.stop - 1}, {sounds}.",
            features=self._features(plan),
        )

    def _features(self, plan: Plan) -> Features:
        return features(plan.collection, measured=self.config.measure, notes=plan.notes)

    def _split_generators(self, dl_manager: DownloadManager | StreamingDownloadManager) -> list[SplitGenerator]:
        plan = self.plan
        archive, left_out = self._open_archive(dl_manager, plan) if self._has_recordings else (None, frozenset())
        # A list is what `datasets` deals out to processes; the rest every process gets.
        return [
            SplitGenerator(
                name=split,
                gen_kwargs={
                    "shards": [shard for shard in plan.shards if start <= shard.start < stop],
                    "archive": archive,
                    "left_out": left_out,
                },
            )
            for split, (start, stop) in plan.splits.items()
        ]

    def _open_archive(
        self, dl_manager: DownloadManager | StreamingDownloadManager, plan: Plan
    ) -> tuple[Archive, frozenset[int]]:
        """The archive, and the numbers of its rows that are to be left out."""
        path = self._download(dl_manager) if self.config.download else self.config.data_dir
        try:
            archive = Archive(path, self.collection)
        except InputError:
            if self.config.download:
                # A page that came instead of the archive is not to be found in the cache the next time.
                Path(path).unlink()
            raise
        report = archive.check(plan.start, plan.stop)
        if report.bad_rows and not self.config.skip_bad:
            raise InputError(
                f"{path}: {report}. Get the archive anew, or leave out {len(report.bad_rows):,} rows with "
                "skip_bad=True."
            )
        for split, (start, stop) in plan.splits.items():
            if set(range(start, stop)) <= set(report.bad_rows):
                raise InputError(f"{path}: no good row is left for the split {split}: {report}.")
        if report.bad_rows or report.extra:
            log.warning("%s: %s", path, report)
        return archive, frozenset(report.bad_rows)

    def _download(self, dl_manager: DownloadManager | StreamingDownloadManager) -> str:
        """The path of the archive, fetched unless it is in the cache."""
        if isinstance(dl_manager, StreamingDownloadManager):
            # It hands out the address only, but a zip is read from its end.
            config = DownloadConfig(cache_dir=self._cache_downloaded_dir, token=self.token)
            dl_manager = DownloadManager(dataset_name=self.dataset_name, download_config=config)
        url = DRIVE_URL.format(id=DRIVE_IDS[self.COLLECTION])
        try:
            return dl_manager.download(url)
        except ImportError as error:
            raise InputError(f"{error}: pip install 'secret_sauce_hf[archives]'.") from error
        except OSError as error:
            raise InputError(
                f"{url} cannot be fetched ({error}); use a browser and give the file as data_dir."
            ) from error

    def _generate_tables(
        self, shards: Sequence[Shard], archive: Archive | None, left_out: frozenset[int]
    ) -> Iterator[tuple[int, pa.Table]]:
        plan = self.plan
        schema = self._features(plan).arrow_schema
        together = rows_at_once(plan.collection)
        for shard in shards:
            for start in range(shard.start, shard.stop, together):
                stop = min(start + together, shard.stop)
                if archive is None:
                    yield start, rendered_table(plan, start, stop, schema)[0]
                elif rows := [row for row in range(start, stop) if row not in left_out]:
                    presets = plan.presets(start, stop)[[row - start for row in rows]]
                    # FLAC as in every build: half the size, and nothing but the samples of a file from elsewhere.
                    yield start, takes_table(presets, [encode(archive.take(row), CONTAINER) for row in rows], schema)


def _limits(rows: int | Sequence[int] | None) -> tuple[int, int] | None:
    """First row and row after the last."""
    if rows is None:
        return None
    if isinstance(rows, int):
        return 0, rows
    if isinstance(rows, range) and rows.step == 1:
        return rows.start, rows.stop
    if isinstance(rows, list | tuple) and len(rows) == 2 and all(isinstance(row, int) for row in rows):
        return rows[0], rows[1]
    raise InputError(f"rows is {rows!r}; give a number, a pair (first, after the last) or a range without steps.")
