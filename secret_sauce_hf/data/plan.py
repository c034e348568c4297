"""What a build consists of: which rows, from which draw, in which shards."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from secret_sauce_hf import forms
from secret_sauce_hf.cards.names import DECLARATION
from secret_sauce_hf.data.heard import THRESHOLD_DB
from secret_sauce_hf.data.names import DATA_FOLDER, ROWS_NAME, SPLITS
from secret_sauce_hf.engines import Engine, find_engine, get_engine
from secret_sauce_hf.engines.hardware.recorded import recorded_engine
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, integer, known_collection
from secret_sauce_hf.instruments.errors import MAX_INTEGER
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, check_notes, constant_note
from secret_sauce_hf.instruments.parameters import parameter_to_dict
from secret_sauce_hf.instruments.priors import UNIFORM, check_prior
from secret_sauce_hf.original.table import is_original, original_presets, whose
from secret_sauce_hf.presets import MAX_ROWS, Presets, draw_presets

MAX_FILES = 99_999
"""Of a split: file names have five digits."""
# What of a plan is read back from its record.
_RECORDED = ("start", "stop", "seed", "in_session", "rows_per_shard", "heard_threshold")
_FORM = forms.fields(
    {
        "start": forms.count,
        "stop": forms.count,
        "seed": forms.maybe(forms.count),
        "in_session": forms.plain,
        "rows_per_shard": forms.count,
        "heard_threshold": forms.maybe(forms.number),
    },
    {
        "plays": forms.list_of(
            forms.fields(
                {"onset": forms.number, "duration": forms.number, "pitch": forms.count, "velocity": forms.count}
            )
        ),
        "seconds": forms.number,
        "prior": forms.line,
        "rows": forms.line,
    },
)


@dataclass(frozen=True)
class Shard:
    """One Parquet file: rows `start` to `stop` of a build."""

    name: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Plan:
    """Everything that decides the bytes of a build.

    Args:
        collection: the collection.
        start: number of the first row.
        stop: number of the row after the last.
        seed: of the fresh rows; None for the collection's own.
        in_session: whether each take starts in the state that the row before it leaves.
        rows_per_shard: the most rows in one Parquet file.
        heard_threshold: in dB, of `measure_heard`; None where it is not measured.
        engine: that renders the rows.
        plays: the notes that every row plays; None for those that the rows have.
        seconds: length of a take, where it was asked for; the collection has such takes.
        prior: how the presets of fresh rows are drawn, see `draw_presets`.
        given: the rows themselves, from the first on, where they are neither fresh nor the collection's own.

    Raises:
        InputError: numbers out of range, or notes that cannot be played; no such prior, or one of rows that are
            not fresh.
    """

    collection: Collection
    start: int
    stop: int
    seed: int | None
    in_session: bool
    rows_per_shard: int
    heard_threshold: float | None
    # It has no state of its own: its label in the record says all that there is to compare.
    engine: Engine = field(repr=False, compare=False)
    plays: tuple[Note, ...] | None = None
    seconds: float | None = None
    prior: str = UNIFORM
    given: Presets | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if check_prior(self.prior, self.collection) != UNIFORM and self.seed is None:
            raise InputError(f"The prior {self.prior} is one of fresh rows: give a seed and a count.")
        limits = {
            "start": (-MAX_ROWS, MAX_ROWS),
            "stop": (-MAX_ROWS, MAX_ROWS),
            "seed": (0, MAX_INTEGER),
            "rows_per_shard": (1, MAX_ROWS),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None or name != "seed":
                # Python's own integers: the record is JSON.
                object.__setattr__(self, name, integer(name, value, low, high))
        if self.plays is not None:
            check_notes(self.plays, "what every row plays", seconds=self.collection.seconds)
        if self._own and not self.collection.count:
            raise InputError(
                f"{self.collection.name} has no rows of its own: give a seed and a count, or a table of rows."
            )
        if self._own and not 0 <= self.start < self.stop <= self.collection.count:
            raise InputError(
                f"Rows {self.start} to {self.stop} cannot be built: {self.collection.name} has "
                f"{self.collection.count} rows {whose(self.collection)}; give a start from 0 and a stop after it, up "
                f"to {self.collection.count}."
            )
        if self.start >= self.stop:
            raise InputError(f"{self.stop - self.start} rows are none; build at least one row.")
        files = max(-(-(stop - start) // self.rows_per_shard) for start, stop in self.splits.values())
        if files > MAX_FILES:
            raise InputError(
                f"{self.stop - self.start:,} rows in shards of {self.rows_per_shard:,} make {files:,} files of a "
                f"split, at most {MAX_FILES:,} are possible: raise rows_per_shard or build fewer rows."
            )

    @property
    def _own(self) -> bool:
        """Whether the rows are the collection's own."""
        return self.seed is None and self.given is None

    def presets(self, start: int, stop: int) -> Presets:
        """Rows `start` to `stop`."""
        if self.given is not None:
            presets = self.given[start:stop]
        elif self.seed is None:
            presets = original_presets(self.collection, start, stop)
        else:
            presets = draw_presets(self.collection, stop - start, self.seed, start, prior=self.prior)
        return presets if self.plays is None else presets.playing(self.plays)

    @property
    def notes(self) -> bool:
        """Whether the rows tell what they play, as they do not all play the note that the timing has."""
        # Either every row plays the same, or what it plays is drawn.
        return has_notes(self.presets(self.start, self.start + 1))

    @property
    def splits(self) -> dict[str, tuple[int, int]]:
        """First row and row after the last of each split that has rows.

        The collection's own rows keep its split, that of 2018, whichever of them are built; of
        fresh and of given rows the first 80 % are for training.
        """
        if self._own:
            boundary = min(max(self.start, self.collection.train_count), self.stop)
        else:
            boundary = self.start + max(1, (self.stop - self.start) * 4 // 5)
        limits = {"train": (self.start, boundary), "test": (boundary, self.stop)}
        return {split: (start, stop) for split, (start, stop) in limits.items() if start < stop}

    @property
    def shards(self) -> list[Shard]:
        """Every Parquet file of the build, in row order."""
        shards = []
        for split, (first, end) in self.splits.items():
            starts = range(first, end, self.rows_per_shard)
            for number, start in enumerate(starts):
                name = f"{split}-{number:05d}-of-{len(starts):05d}.parquet"
                shards.append(Shard(name, start, min(start + self.rows_per_shard, end)))
        return shards

    @property
    def record(self) -> dict[str, Any]:
        """What must be the same for a shard to be used again, ready for JSON."""
        # What was not asked for is not told: the record is part of the bytes of 2018's builds.
        notes = None if self.plays is None else [note._asdict() for note in self.plays]
        asked = {
            "plays": notes,
            "seconds": self.seconds,
            "prior": None if self.prior == UNIFORM else self.prior,
            "rows": None if self.given is None else _digest(self.given),
        }
        return {
            "collection": self.collection.name,
            "declaration": _fingerprint(self.collection),
            "start": self.start,
            "stop": self.stop,
            "seed": self.seed,
            "in_session": self.in_session,
            "rows_per_shard": self.rows_per_shard,
            "heard_threshold": self.heard_threshold,
            "engine": self.engine.label,
            "package": version("secret_sauce_hf"),
            # An encoder writes its version into every file.
            "encoder": f"FLAC by libsndfile {soundfile.__libsndfile_version__}",
        } | {name: value for name, value in asked.items() if value is not None}


def make_plan(
    collection: Collection,
    rows: Sequence[int] | None,
    seed: int | None,
    count: int | None,
    in_session: bool | None,
    rows_per_shard: int,
    measure: bool = False,
    engine: Engine | None = None,
    *,
    plays: Sequence[Note] | None = None,
    seconds: float | None = None,
    prior: str = UNIFORM,
    given: Presets | None = None,
) -> Plan:
    """What the arguments of `build_collection` ask for.

    Raises:
        InputError: arguments that do not go together or are out of range; no engine renders
            the collection's takes, or not in session.
    """
    if given is not None:
        if not all(value is None for value in (rows, seed, count, seconds)):
            raise InputError("Rows that are given are built as they are: leave out rows, seed and count, and seconds.")
        collection, seconds = given.collection, _told_seconds(collection, given.collection)
        start, stop = 0, len(given)
    elif seed is None:
        if count is not None:
            raise InputError(
                f"`count` is for fresh rows and needs a seed; choose among the rows {whose(collection)} with `rows`."
            )
        rows = (0, collection.count) if rows is None else rows
        if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) != 2:
            raise InputError(f"rows is {rows!r}; give a pair: the first row and the row after the last.")
        start, stop = rows
    else:
        if rows is not None:
            raise InputError(f"`rows` chooses among the rows {whose(collection)}; with a seed give `count`.")
        if count is None:
            raise InputError("Fresh rows need a `count` beside the seed.")
        start, stop = 0, integer("count", count, 1, MAX_ROWS)
    if seconds is not None and given is None:
        declared, collection = collection, with_seconds(collection, seconds)
        seconds = None if collection is declared else float(seconds)
    notes = None if plays is None else tuple(plays)
    engine = engine or get_engine(collection)
    engine.check(collection, in_session=bool(in_session))
    if in_session is None:
        # A session of 2018 played one note, of one length.
        as_recorded = seed is None and given is None and is_original(collection) and plays is None and seconds is None
        in_session = as_recorded and engine.supports(collection, in_session=True)
    threshold = THRESHOLD_DB if measure else None
    plan = Plan(
        collection, start, stop, seed, in_session, rows_per_shard, threshold, engine, notes, seconds, prior, given
    )
    if given is not None:
        engine.check_performances(given)
    if notes is not None:
        # One row will do: every other one plays the same.
        engine.check_performances(plan.presets(plan.start, plan.start + 1), lambda _: "what every row plays")
    return plan


def recorded_plan(
    record: Mapping[str, Any],
    collection: Collection | None = None,
    engine: Engine | None = None,
    read_given: Callable[[Collection], Presets] | None = None,
) -> Plan:
    """The plan of which this is the `record`.

    Args:
        record: as of `Plan.record`.
        collection: the collection, if it may be one that was declared; its name must agree.
        engine: that rendered the rows; the collection's own if None. Of rows that were recorded it is not asked for.
        read_given: reads the rows of a build of which they were given, of a collection with takes of its length.

    Raises:
        InputError: not such a record; or this version of the package, or one of what it
            stands on, would make other bytes.
    """
    try:
        if collection is None or collection.name != record.get("collection"):
            collection = known_collection(record.get("collection"))
        _FORM(record, "it")
        recorded = {key: record[key] for key in _RECORDED}
        recorded |= _recorded_playing(record) | {"prior": record.get("prior", UNIFORM)}
        if recorded["seconds"] is not None:
            collection = with_seconds(collection, recorded["seconds"])
        if "rows" in record and read_given is not None:
            recorded["given"] = read_given(collection)
    except InputError as error:
        raise InputError(f"the record of the build cannot be read ({str(error)[:-1]})") from error
    # What was recorded needs nothing that renders, whatever else there is for the instrument.
    engine = recorded_engine(record.get("engine"), collection.instrument) or engine
    plan = Plan(collection, engine=engine or get_engine(collection), **recorded)
    for key, value in plan.record.items():
        if record.get(key) != value:
            raise InputError(f"{key} was {repr(record.get(key))[:80]} and is {value!r} now")
    return plan


def _recorded_playing(record: Mapping[str, Any]) -> dict[str, Any]:
    """What every row plays, and how long takes are, as a checked record tells it."""
    notes = record.get("plays")
    told = [Note(*(note[name] for name in Note._fields)) for note in notes or ()]
    return {"plays": None if notes is None else tuple(told), "seconds": record.get("seconds")}


def build_command(plan: Plan) -> str | None:
    """The command that makes a build again, to the byte; None if its engine is not one that the command finds."""
    found = find_engine(plan.collection)
    if found is None or found.label != plan.engine.label:
        return None
    rows = f"--rows {plan.start}:{plan.stop}" if plan.seed is None else f"--seed {plan.seed} --count {plan.stop}"
    if plan.given is not None:
        rows = f"--presets {ROWS_NAME}"
    name = plan.collection.name if plan.collection.name in COLLECTIONS else DECLARATION
    words = ["secret-sauce build", name, "--out DIR", rows]
    if plan.prior != UNIFORM:
        words.append(f"--prior {plan.prior}")
    # The rows tell by themselves how long their takes are.
    words += _played_words(plan if plan.given is None else replace(plan, seconds=None))
    if plan.engine.remembers:
        words.append("--in-session" if plan.in_session else "--from-silence")
    words.append(f"--rows-per-shard {plan.rows_per_shard}")
    if plan.heard_threshold is not None:
        words.append("--measure-heard")
    return " ".join(words)


def has_notes(presets: Presets) -> bool:
    """Whether rows tell what they play, as they do not all play the note that the collection's timing has."""
    return presets.collection.plays is not None or not presets.play_constant


def _played_words(plan: Plan) -> list[str]:
    """The options that say what every row plays; of several notes nobody knows the file any more."""
    words = [] if plan.seconds is None else [f"--seconds {plan.seconds!r}"]
    for note in (plan.plays or ())[:1]:
        alone = len(plan.plays or ()) == 1 and note.onset == constant_note(plan.collection.timing).onset
        held = f"--note {note.pitch} --velocity {note.velocity} --duration {note.duration!r}"
        words.append(held if alone else "--clip CLIP.mid")
    return words


def shard_files(folder: Path) -> list[Path]:
    """The Parquet files that are named as shards of a build, in row order."""
    data = folder / DATA_FOLDER
    return [path for split in SPLITS for path in sorted(data.glob(f"{split}-[0-9]*-of-[0-9]*.parquet"))]


def _told_seconds(collection: Collection, lengthened: Collection) -> float | None:
    """The length of takes where it is not the collection's own."""
    return None if lengthened.timing == collection.timing else round(lengthened.seconds, 9)


def _digest(presets: Presets) -> str:
    """Changes whenever any of the rows does, but for what is lost where settings are written and read."""
    played = presets.performances
    times = (np.rint(values * 1e6).astype("<i8") for values in (played.onset, played.duration))
    units = np.rint(presets.unit * 2**24).astype("<i8")
    content = hashlib.sha256("\n".join(presets.files).encode())
    for values in (units, *(whole.astype("<i8") for whole in (played.first, played.pitch, played.velocity)), *times):
        content.update(values.tobytes())
    return content.hexdigest()[:16]


def _fingerprint(collection: Collection) -> str:
    """Changes whenever anything declared about the collection does."""
    # What decides nothing, as every row plays the same, belongs to no rule.
    parameters = [parameter_to_dict(collection.as_played(p)) for p in collection.instrument.parameters]
    declared = asdict(collection) | {"instrument": parameters}
    # What has come since, and a collection of 2018 does not have, must not make its builds others.
    absent = {"plays": None, "seed": None, "prior": UNIFORM}
    declared = {name: value for name, value in declared.items() if name not in absent or value != absent[name]}
    return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:16]
