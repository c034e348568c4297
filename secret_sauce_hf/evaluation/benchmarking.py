"""Running a benchmark: every method, on the same sounds."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.evaluation.checkpoint import Checkpoint, load_checkpoint, logits_of
from secret_sauce_hf.evaluation.comparing import Compared, compare
from secret_sauce_hf.evaluation.hearing import Heard, hear
from secret_sauce_hf.evaluation.material import Material, gather
from secret_sauce_hf.evaluation.methods.base import Method, Task
from secret_sauce_hf.evaluation.methods.registry import choose, in_turn, method_names
from secret_sauce_hf.evaluation.playing import play, play_all_nearest, play_nearest
from secret_sauce_hf.evaluation.records import BENCHMARK_FILE, MARKDOWN_FILE, PICTURES, SCHEMA, read_history
from secret_sauce_hf.evaluation.results import Benchmark
from secret_sauce_hf.evaluation.scoring import (
    CONFIDENCE,
    RESAMPLES,
    Resampling,
    Truth,
    estimate,
    score_over_time,
    score_settings,
    score_sounds,
)
from secret_sauce_hf.evaluation.searching import Budget, Search, say_estimate
from secret_sauce_hf.evaluation.store import Store
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, get_collection, integer
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.original.results import published, source
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.presets import MAX_ROWS
from secret_sauce_hf.processors import machine
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.calibration import calibration
from secret_sauce_hf.training.config import MAX_SEED

AUDIO = ("mss", "wmfcc", "sot_hertz", "rms_cosine", "spectral_composite")
"""Distances of the third tier."""
ANSWER_NOISE = 2
"""Seed of the noise of answers; the truth, matching and the collections have others."""
CURVE_POINTS = 40
CALIBRATION_RESAMPLES = 100
FEWEST_KNOWN = 4
"""Train rows below which baselines learn nothing."""
_AT_ONCE = 256


def benchmark(
    collection: str | Path | Collection,
    *,
    model: str | Path | None = None,
    data: str | Path | None = None,
    recordings: str | Path | None = None,
    rows: int = 50,
    seconds: float = 10.0,
    baseline_seconds: float = 120.0,
    without: Sequence[str] = (),
    out: str | Path | None = None,
    seed: int = 0,
    renders: int | None = None,
    baseline_steps: int | None = None,
    again: bool = False,
    progress: bool = True,
    command: str = "",
    engine: Engine | None = None,
) -> Benchmark:
    """Score every method to tell the settings of sounds, all on the same ones.

    What takes long is kept in `out/.rows` at once: interrupted, the same call goes on.

    Args:
        collection: whose settings are told.
        model: our model: a checkpoint's folder, `ORG/NAME` on the Hub, or a collection of
            which one ships; if None, the one that ships for the collection.
        data: a dataset with train rows (which baselines know) and test rows (which are
            scored), in a folder or on the Hub; if None, the rows of 2018 are rendered.
        recordings: a Parquet file of recordings to score instead of the test rows, see
            `read_recordings`. Train rows with a preset that is scored are left out.
        rows: how many sounds, from the first, are also searched for and compared as sound.
        seconds: time of `matching` for a sound, and so of the genetic search.
        baseline_seconds: the most time to train each network among the baselines.
        without: names of methods that do not take part, see `method_names`.
        out: folder to keep what is found in; nothing is kept if None.
        seed: of searches, networks and bootstrap.
        renders: search for so many renders of a sound, instead of by the clock.
        baseline_steps: the most steps of each network.
        again: measure anew what is kept.
        progress: whether to show progress bars and tell how long it takes.
        command: the command line, for the record.
        engine: renders the collection; the one that is installed for it if None.

    Raises:
        InputError: arguments out of range; a model, dataset or recordings that cannot be
            read or do not fit; no checkpoint or no engine where one is needed.
    """
    collection = get_collection(collection)
    if not seconds > 0 or not baseline_seconds > 0:
        raise InputError("--seconds and --baseline-seconds must be positive.")
    rows, seed = integer("rows", rows, 1, MAX_ROWS), integer("seed", seed, 0, MAX_SEED)
    renders = None if renders is None else integer("renders", renders, 1, MAX_ROWS)
    baseline_steps = None if baseline_steps is None else integer("baseline_steps", baseline_steps, 1, MAX_ROWS)
    if out is not None:
        files = (BENCHMARK_FILE, MARKDOWN_FILE, *PICTURES.values())
        check_folder(out, files, inputs=[] if recordings is None else [recordings], what="the benchmark")
    engine = find_engine(collection) if engine is None else engine
    methods = choose(without, engine is not None)
    checkpoint = load_checkpoint(collection, model) if any(method.model for method in methods) else None
    material = gather(collection, engine, data, recordings)
    first = min(rows, len(material.presets))
    task = Task(
        presets=material.presets,
        sounds=material.sounds,
        first=first,
        known=cache(partial(_known, material, any(method.features for method in methods), progress)),
        heard=cache(partial(_heard, material, any(method.features for method in methods))),
        logits=cache(partial(_logits, material, checkpoint)),
        checkpoint=checkpoint,
        engine=engine,
        budget=Budget(seconds, renders, seed),
        training_seconds=baseline_seconds,
        training_steps=baseline_steps,
        store=Store(None if out is None else Path(out), again),
        progress=progress,
        names=tuple(method.name for method in methods),
    )
    if progress:
        total = sum(method.seconds(task) for method in methods)
        say_estimate(total, f"{len(material.presets):,} sounds, {first} of them searched for")
    for method in in_turn(methods):
        task.answers[method.name] = method.answer(task)
    truth = Truth.of(material.presets, material.sounds)
    history, base = ([], None) if checkpoint is None else read_history(checkpoint.folder)
    return Benchmark(
        {
            "schema": SCHEMA,
            "collection": collection.name,
            "command": command,
            "data": material.source
            | {
                "rows": len(truth),
                "first": first,
                "nothing_heard": truth.nothing_heard,
                "known": len(task.known()) if any(method.knows for method in methods) else None,
                "left_out": material.left_out,
            },
            "model": None if checkpoint is None else checkpoint.name,
            "weights": None if checkpoint is None else checkpoint.weights,
            "budget": {
                "seconds": seconds,
                "renders": renders,
                "baseline_seconds": baseline_seconds,
                "baseline_steps": baseline_steps,
                "seed": seed,
            },
            "intervals": {"confidence": CONFIDENCE, "resamples": RESAMPLES},
            "ways": _scores(task, methods, truth),
            "missing": [name for name in method_names() if name not in task.answers],
            "published": {"source": source(), "scores": [asdict(one) for one in published(collection)]},
            "calibration": _calibration(task),
            "over_time": _over_time(task, truth[:first]),
            "history": history,
            "base": base,
            "versions": _versions(engine),
            "machine": machine(),
        }
    )


def _known(material: Material, with_features: bool, progress: bool) -> Heard:
    with row_progress("Hearing train rows", None, progress) as advance:

        def counted() -> Iterator[Takes]:
            for takes in material.known():
                yield takes
                advance(len(takes))

        return hear(counted(), material.collection, with_features, FEWEST_KNOWN)


def _heard(material: Material, with_features: bool) -> Heard:
    takes = (
        Takes(material.sounds[at : at + _AT_ONCE], material.presets[at : at + _AT_ONCE])
        for at in range(0, len(material.presets), _AT_ONCE)
    )
    return hear(takes, material.collection, with_features)


def _logits(material: Material, checkpoint: Checkpoint | None) -> dict[str, np.ndarray]:
    if checkpoint is None:
        return {}
    sounds = material.sounds
    return logits_of(checkpoint.pipe, (sounds[at : at + _AT_ONCE] for at in range(0, len(sounds), _AT_ONCE)))


def _calibration(task: Task) -> dict[str, Any] | None:
    """How sure the model is and should be, on all rows; None if it does not take part."""
    if task.checkpoint is None:
        return None
    presets, config, logits = task.presets, task.checkpoint.pipe.model.config, task.logits()
    found = calibration(logits, presets, config)
    drawn = [found]
    for rows in Resampling(len(presets), task.budget.seed).indices[1 : CALIBRATION_RESAMPLES + 1]:
        drawn.append(calibration({name: values[rows] for name, values in logits.items()}, presets[rows], config))
    return {
        "rows": len(presets),
        "switch_error": estimate(np.array([one.error for one in drawn])),
        "coverage": estimate(np.array([one.mean_coverage for one in drawn])),
        "per_switch": found.switch_error,
        "per_knob": found.coverage,
        "reliability": [list(level) for level in found.reliability],
    }


def _scores(task: Task, methods: Sequence[Method], truth: Truth) -> dict[str, dict[str, Any]]:
    """Every method's record, in the order of the tables."""
    first, seed = task.first, task.budget.seed
    sounds, few = task.sounds[:first], truth[:first]
    resampling, resampling_of_all = Resampling(first, seed), Resampling(len(truth), seed)
    compared: dict[str, Compared] = {}
    if task.engine is not None:
        play = partial(play_all_nearest, task.engine, task.presets.collection, sounds)
        answers = {method.name: task.answers[method.name].first for method in methods}
        compared = compare(sounds, answers, play, ANSWER_NOISE, AUDIO)
    records = {}
    for method in methods:
        one = task.answers[method.name]
        record: dict[str, Any] = {"title": method.title, "about": method.about, "seconds": one.seconds, **one.facts}
        record |= {"settings": None, "settings_of_all": None, "sounds": None, "rows": {}}
        if method.scored:
            record["settings"] = score_settings(one.first, few, resampling)
            record["rows"]["heard_knob_mae"] = _rounded(few.heard_knob_errors(one.first))
            if one.everything is not None:
                record["settings_of_all"] = score_settings(one.everything, truth, resampling_of_all)
        if method.name in compared:
            distances = compared[method.name].distances
            record["sounds"] = score_sounds(distances, resampling)
            record["rows"] |= {name: _rounded(values) for name, values in distances.items()}
        records[method.name] = record
    return records


def _over_time(task: Task, truth: Truth) -> dict[str, Any]:
    """How good the best answers of the methods that search were, second by second."""
    result = {}
    searching = {name: answer.searches for name, answer in task.answers.items() if answer.searches}
    for name, found in searching.items():
        last = float(np.median([search.seconds for search in found]))
        # Evenly on a logarithmic axis, from when the first answer is there.
        begin = min(max(search.trace[0][0] for search in found), last)
        seconds = np.geomspace(max(begin, 1e-3), max(last, begin, 1e-3), CURVE_POINTS)
        traces = [_trace(task, row, search) for row, search in enumerate(found)]
        result[name] = score_over_time(traces, truth, seconds)
    return result


def _trace(task: Task, row: int, search: Search) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When a search found something better, how far in MSS it was, and its units."""
    if task.engine is None:
        raise InputError("Without an engine nothing can be searched.")
    collection, sound = task.presets.collection, task.sounds[row]
    times, units = np.array([step[0] for step in search.trace]), np.stack([step[2] for step in search.trace])
    # All with the noise and phases of the last, or it would take a minute per sound.
    _, chance = play_nearest(task.engine, collection, sound, units[-1], ANSWER_NOISE)
    takes = play(task.engine, collection, units, chance)
    return times, np.asarray(mss(np.broadcast_to(sound, takes.shape), takes, SAMPLE_RATE)), units


def _versions(engine: Engine | None) -> dict[str, str]:
    versions = {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers", "numpy")}
    return versions if engine is None else versions | {"engine": engine.version}


def _rounded(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
