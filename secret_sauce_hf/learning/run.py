"""From an instrument to a model of it: listen, drop what is not heard, train, finish, evaluate, report."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secret_sauce_hf.cards.names import DECLARATION
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.engines import Engine, get_engine
from secret_sauce_hf.engines.plugin.files import PLUGIN_SUFFIXES
from secret_sauce_hf.engines.plugin.trusted import trust
from secret_sauce_hf.evaluation import benchmark
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.forms import read_record
from secret_sauce_hf.instruments import (
    Collection,
    InputError,
    get_collection,
    integer,
    read_declaration,
    write_declaration,
)
from secret_sauce_hf.instruments.families import noted
from secret_sauce_hf.instruments.instrument import Playing
from secret_sauce_hf.instruments.priors import BOTH, MUSICAL, UNIFORM, check_prior
from secret_sauce_hf.learning.audible import LEAST_SHARE, chosen, reduced, rows_within, shares_heard
from secret_sauce_hf.learning.budgeting import BATCH, EPOCHS, Pace, pace
from secret_sauce_hf.learning.recorded import (
    Told,
    collection_of,
    epochs_within,
    is_dataset,
    look_through,
    step_seconds,
)
from secret_sauce_hf.learning.report import REPORT, write_report
from secret_sauce_hf.modeling import checkpoint_path
from secret_sauce_hf.modeling.loading import load_pipeline
from secret_sauce_hf.outputs import LOCK, alone, check_folder, expanded
from secret_sauce_hf.progress import say
from secret_sauce_hf.training import TrainingConfig, finish, train
from secret_sauce_hf.training.base import reads_notes
from secret_sauce_hf.training.finishing import give_listener

WORK = ".learning"
STATE = "state.json"
TEACHER = {True: "subphatty-notes", False: "subphatty"}
"""The shipped checkpoint that a training begins with, of a collection of notes or of one note: its encoder knows how
sounds are built, whatever the instrument."""
TAKES = 2_500
"""Of the dataset by which a model is judged: 2,000 for the nearest neighbour, 500 to test."""
VALIDATION = 200
FINISHING_SOUNDS = 400
SECONDS, NOTE_SECONDS = 1.5, 2.5
"""Of a plug-in's takes: with one note, and with notes of any length."""
MOST_MINUTES = 60 * 24 * 14


@dataclass(frozen=True)
class Learned:
    """What was learned of an instrument.

    Args:
        folder: of the checkpoint, with the declaration and the report beside it.
        collection: what it tells the settings of.
        left_out: parameters of the source that it does not, with the share of the sounds in which each is heard,
            NaN where that was not measured.
        record: the benchmark's record.
    """

    folder: Path
    collection: Collection
    left_out: dict[str, float]
    record: dict[str, Any]


@alone("learning")
def learn(
    source: str | Path | Collection,
    out: str | Path,
    *,
    minutes: float,
    collection: str | Path | Collection | None = None,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    notes: bool = False,
    name: str | None = None,
    seconds: float = 5.0,
    rows: int = 12,
    seed: int = 0,
    engine: Engine | None = None,
    progress: bool = True,
) -> Learned:
    """Learn to tell an instrument's settings from its sounds, in a time that is given.

    It renders random presets to find which parameters are heard, leaves the others out, trains on
    fresh sounds for most of the time, makes the model as sure as it should be, and compares it with simple
    methods on sounds that it has not seen. Stopped, it goes on where it was when it is called again with the same
    arguments.

    Of a dataset nothing is rendered: its train rows teach, its test rows judge, and all of its parameters are
    learned.

    Args:
        source: a collection, its name, or the path of its declaration; a plug-in file, see
            `engines.plugin.describing.declare_plugin`; or a dataset with train and test rows, as `record`, `build`
            and `collect` make it: its folder, or `ORG/NAME` on the Hub.
        out: the folder: a checkpoint, which `match` takes as its model, `declaration.json` and `report.md`.
        minutes: how long it may take, about.
        collection: of a dataset, where neither its folder nor its columns tell.
        only: parameters to learn; all that are heard if there are none.
        without: parameters to leave out.
        notes: whether any single note is to be understood, where the source plays one.
        name: of the collection that is learned; that of the source with `-learned` if None.
        seconds: of a search in the report.
        rows: how many sounds are searched for in the report.
        seed: of everything that is drawn.
        engine: renders the sounds; the one that is found for the source if None.
        progress: whether to tell what is done.

    Raises:
        InputError: arguments out of range or that do not go together; no engine renders the source; nothing is
            heard of it; the dataset cannot be read, or lacks rows; the folder holds something else.
    """
    if not 0.5 <= minutes <= MOST_MINUTES:
        raise InputError(f"minutes is {minutes:g}; give from 0.5 to {MOST_MINUTES:,}.")
    seed, rows = integer("seed", seed), integer("rows", rows, 1, 500)
    report = _Report(rows, seconds, seed, minutes, progress)
    if not isinstance(source, Collection) and is_dataset(source):
        if only or without or notes:
            raise InputError("Of a dataset all parameters are learned, with what its rows play: give no such options.")
        return _learn_takes(source, expanded(out), collection, name, report)
    if collection is not None:
        raise InputError("collection says whose sounds a dataset has, and the source is none: leave it out.")
    declared = _declared(source, notes, progress)
    playing = engine or get_engine(declared)
    playing.check(declared)
    called = name or f"{declared.name}-learned"
    columns = chosen(declared, only, without)
    out = check_folder(expanded(out), what="what is learned")
    stages = _Stages(
        out,
        {
            "source": declared.name,
            "engine": playing.label,
            "minutes": float(minutes),
            "columns": list(columns),
            "notes": declared.plays is not None,
            "name": called,
            "seed": seed,
        },
        progress,
    )
    tell = stages.tell

    sounds = stages.kept("rows", lambda: rows_within(playing, declared, 60 * minutes, seed))
    shares = stages.kept("heard", lambda: shares_heard(playing, declared, seed, rows=sounds, progress=progress))
    heard = [column for column in columns if shares[column] >= LEAST_SHARE]
    if not heard:
        raise InputError(f"None of these parameters is heard: {', '.join(columns)}.")
    collection = reduced(declared, heard, called)
    left_out = {column: shares[column] for column in declared.columns if column not in heard}
    tell(f"{len(heard)} of {len(declared.columns)} parameters are learned.")
    write_declaration(collection, stages.work / DECLARATION)
    trust(collection)
    # As whoever uses the model will have it: a file's times have nine digits.
    collection = replace(read_declaration(stages.work / DECLARATION), instrument=collection.instrument)
    # A plug-in's has the parameters that are learned, and no others.
    engine = engine or get_engine(collection)

    prior = _prior(collection)
    teacher = TEACHER[reads_notes(collection)]
    measured = stages.kept(
        "pace", lambda: vars(pace(collection, engine, teacher, prior, stages.work / "probe", seed + 1))
    )
    fresh = int(stages.kept("fresh", lambda: Pace(**measured).fresh(60 * minutes - stages.seconds)))
    step, takes = measured["step"], measured["takes"]
    steps = fresh * EPOCHS // BATCH
    tell(f"{takes:.0f} takes a second, {step:.2f} s a step: {steps:,} steps, about {steps * step / 60:.0f} minutes.")

    trained = stages.work / "trained"
    if not (trained / "model.safetensors").is_file():
        config = TrainingConfig(
            fresh=fresh,
            epochs=EPOCHS,
            batch_size=BATCH,
            validation=VALIDATION,
            seed=seed + 2,
            base=teacher,
            prior=prior,
        )
        resume = (trained / ".training").is_dir()
        train(collection, None, trained, config, engine=engine, resume=resume, progress=progress)
    finished = _finished(collection, trained, stages, engine, progress)

    data = stages.work / "takes"
    build_collection(collection, data, seed=seed + 3, count=TAKES, prior=_one(prior), engine=engine, progress=progress)
    return report.written(stages, collection, finished, data, shares, left_out, measured | {"steps": steps}, engine)


def _learn_takes(
    data: str | Path,
    out: Path,
    collection: str | Path | Collection | None,
    name: str | None,
    report: "_Report",
) -> Learned:
    """Learn from a dataset, see `learn`."""
    progress, seed = report.progress, report.seed
    declared = collection_of(data, collection)
    learned = reduced(declared, declared.columns, name or f"{declared.name}-learned")
    stages = _Stages(
        check_folder(out, what="what is learned"),
        {"source": str(data), "minutes": float(report.minutes), "name": learned.name, "seed": seed},
        progress,
    )
    told = Told(**stages.kept("told", lambda: vars(look_through(data, declared))))
    write_declaration(learned, stages.work / DECLARATION)
    learned = replace(read_declaration(stages.work / DECLARATION), instrument=learned.instrument)
    teacher = TEACHER[reads_notes(learned)]
    step = stages.kept("step", lambda: step_seconds(learned, teacher))
    epochs = stages.kept("epochs", lambda: epochs_within(told.rows, step, 60 * report.minutes - stages.seconds))
    steps = round(epochs * told.rows / BATCH)
    stages.tell(
        f"{told.rows:,} train rows, {step:.2f} s a step: each is seen {epochs:.1f} times, about "
        f"{steps * step / 60:.0f} minutes."
    )
    trained = stages.work / "trained"
    if not (trained / "model.safetensors").is_file():
        # An engine that emulates the instrument is not what was recorded: rows that are held out tell when it is best.
        config = TrainingConfig(epochs=epochs, batch_size=BATCH, validation=0, seed=seed + 2, base=teacher)
        train(learned, data, trained, config, resume=(trained / ".training").is_dir(), progress=progress)
    finished = trained
    if reads_notes(learned):
        finished = stages.work / "finished"
        if not (finished / "model.safetensors").is_file():
            shutil.rmtree(finished, ignore_errors=True)
            give_listener(trained, finished, checkpoint_path(teacher))
    return report.written(stages, learned, finished, data, told.shares, {}, {"steps": steps, "step": step}, None)


@dataclass(frozen=True)
class _Report:
    """What the end of a run is like, whatever it learned from.

    Args:
        rows: how many sounds are searched for.
        seconds: of a search.
        seed: of everything that is drawn.
        minutes: that the run may take.
        progress: whether to tell what is done.
    """

    rows: int
    seconds: float
    seed: int
    minutes: float
    progress: bool

    def written(
        self,
        stages: "_Stages",
        collection: Collection,
        model: Path,
        data: str | Path,
        shares: dict[str, float],
        left_out: dict[str, float],
        effort: dict[str, float],
        engine: Engine | None,
    ) -> Learned:
        """Compare the model with simple methods, and leave it with a report in the folder.

        Args:
            stages: of the run.
            collection: what was learned.
            model: the folder of the checkpoint.
            data: a dataset with train and test rows.
            shares: in how many sounds each parameter of the source is heard.
            left_out: those that were not learned.
            effort: for the report, see `write_report`.
            engine: renders the collection.
        """
        out = stages.work.parent
        stages.tell("Comparing with simple methods, on sounds that it has not seen.")
        found = benchmark(
            collection,
            model=model,
            data=data,
            rows=self.rows,
            seconds=self.seconds,
            only=("naive", "nearest", "model", "matching"),
            out=stages.work / "benchmark",
            seed=self.seed,
            progress=self.progress,
            engine=engine,
            same=False,
        )
        # The weights last, as a folder that has them is taken for a checkpoint.
        for path in sorted(model.iterdir(), key=lambda path: path.suffix == ".safetensors"):
            if path.is_file():
                write_whole(out / path.name, path.read_bytes())
        write_declaration(collection, out / DECLARATION)
        write_report(out, collection, shares, left_out, found, effort | {"minutes": self.minutes})
        stages.end()
        stages.tell(f"{out / REPORT} says how good it is.")
        return Learned(out, collection, left_out, found.record)


def _declared(source: str | Path | Collection, notes: bool, progress: bool) -> Collection:
    """The collection of a source."""
    if not isinstance(source, Collection) and Path(source).suffix.lower() in PLUGIN_SUFFIXES:
        from secret_sauce_hf.engines.plugin.describing import declare_plugin

        seconds = NOTE_SECONDS if notes else SECONDS
        played = Playing("notes", 24, 96) if notes else None
        return declare_plugin(source, seconds=seconds, notes=played, progress=progress)
    declared = get_collection(source)
    return noted(declared) if notes and declared.plays is None else declared


def _prior(collection: Collection) -> str:
    """How the presets of the training are drawn: both ways where it is known how people set the instrument."""
    try:
        check_prior(MUSICAL, collection)
    except InputError:
        return UNIFORM
    return BOTH if reads_notes(collection) else MUSICAL


def _one(prior: str) -> str:
    return MUSICAL if prior == BOTH else prior


def _finished(collection: Collection, trained: Path, stages: "_Stages", engine: Engine, progress: bool) -> Path:
    """The folder of the model as it is handed over: one of notes gets a listener, and is calibrated anew."""
    if not reads_notes(collection):
        return trained
    out = stages.work / "finished"
    if not (out / "model.safetensors").is_file():
        shutil.rmtree(out, ignore_errors=True)
        listener = stages.work / "listener"
        listener.mkdir(exist_ok=True)
        teacher = load_pipeline(checkpoint_path(TEACHER[True])).model
        teacher.listener.save(listener)
        stages.tell("Teaching it to hear notes, and which sounds are not its own.")
        finish(
            trained,
            out,
            listener=listener,
            sounds=FINISHING_SOUNDS,
            engine=engine,
            collection=collection,
            progress=progress,
        )
    return out


class _Stages:
    """What was done already, in a folder of its own: a run that was stopped goes on behind it.

    Args:
        out: the folder of what is learned.
        asked: what the run depends on.
        progress: whether to tell what is done.
    """

    def __init__(self, out: Path, asked: dict[str, Any], progress: bool):
        self.work, self.progress = out / WORK, progress
        self._begun = time.monotonic()
        path = self.work / STATE
        if path.is_file():
            self._state = dict(read_record(path))
            if self._state.get("asked") != asked:
                raise InputError(f"{out} holds a run of other arguments; choose another folder, or remove {self.work}.")
        elif out.is_dir() and any(part.name not in (self.work.name, LOCK) for part in out.iterdir()):
            raise InputError(f"{out} is not empty; choose a new folder.")
        else:
            self._state = {"asked": asked}
            self.work.mkdir(parents=True, exist_ok=True)
        self._before = float(self._state.get("seconds", 0.0))
        self._save()

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, as far as it is kept, with this part of it."""
        return self._before + time.monotonic() - self._begun

    def kept(self, stage: str, work: Callable[[], Any]) -> Any:
        """What a stage came to: from before, or done now and kept."""
        if stage not in self._state:
            self._state[stage] = work()
            self._save()
        return self._state[stage]

    def tell(self, text: str) -> None:
        """Say what is done."""
        if self.progress:
            say(text)

    def end(self) -> None:
        """Remove what is kept: the run is done."""
        # First what says that there is a run to go on with; stopped within the rest, it would be done once more.
        (self.work / STATE).unlink()
        shutil.rmtree(self.work)

    def _save(self) -> None:
        self._state["seconds"] = round(self.seconds, 1)
        write_whole(self.work / STATE, (json.dumps(self._state, indent=2) + "\n").encode())
