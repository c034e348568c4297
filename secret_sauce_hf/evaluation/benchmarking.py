"""Running a benchmark: every method, on the same sounds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from secret_sauce_hf.data.reading import Takes
from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.evaluation.checkpoint import Checkpoint, has_model, load_checkpoint, logits_of
from secret_sauce_hf.evaluation.hearing import Heard, hear
from secret_sauce_hf.evaluation.material import Material, gather
from secret_sauce_hf.evaluation.measuring import calibrated, over_time, scores
from secret_sauce_hf.evaluation.methods.base import Method, Task
from secret_sauce_hf.evaluation.methods.handed import Answering, Called, NearestCandidate, Told
from secret_sauce_hf.evaluation.methods.registry import choose, in_turn, method_names
from secret_sauce_hf.evaluation.pairing import pairs
from secret_sauce_hf.evaluation.predictions import read_predictions
from secret_sauce_hf.evaluation.records import BENCHMARK_FILE, MARKDOWN_FILE, PICTURES, SCHEMA, read_history
from secret_sauce_hf.evaluation.results import Benchmark
from secret_sauce_hf.evaluation.scoring import CONFIDENCE, RESAMPLES, Truth
from secret_sauce_hf.evaluation.searching import Budget, say_estimate
from secret_sauce_hf.evaluation.store import Store
from secret_sauce_hf.instruments import Collection, InputError, get_collection, integer
from secret_sauce_hf.original.results import published, source
from secret_sauce_hf.outputs import check_folder
from secret_sauce_hf.presets import MAX_ROWS
from secret_sauce_hf.processors import machine
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.config import MAX_SEED

ROWS = 100
"""Sounds that are searched for and compared as sound where nothing else is asked for: medians of fewer say little."""
SEEDS = 3
"""How often what is trained is trained, with other weights and order each time."""
MAX_SEEDS = 100
FEWEST_KNOWN = 4
"""Train rows below which baselines learn nothing."""
_AT_ONCE = 256


def benchmark(
    collection: str | Path | Collection,
    *,
    model: str | Path | None = None,
    data: str | Path | None = None,
    recordings: str | Path | None = None,
    rows: int = ROWS,
    seconds: float = 10.0,
    baseline_seconds: float = 120.0,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
    predictions: Sequence[str | Path] = (),
    methods: Mapping[str, Answering] | None = None,
    seeds: int = SEEDS,
    out: str | Path | None = None,
    seed: int = 0,
    renders: int | None = None,
    baseline_steps: int | None = None,
    again: bool = False,
    progress: bool = True,
    command: str = "",
    engine: Engine | None = None,
    same: bool = True,
    renderer: Engine | None = None,
) -> Benchmark:
    """Score every method to tell the settings of sounds, all on the same ones.

    What takes long is kept in `out/.rows` at once: interrupted, the same call goes on.

    Args:
        collection: whose settings are told.
        model: our model: a checkpoint's folder, `ORG/NAME` on the Hub, or a collection of
            which one ships; if None, the one that ships for the collection. Where none does, or it is "none",
            matching begins with presets as they are usually set.
        data: a dataset with train rows (which baselines know) and test rows (which are
            scored), in a folder or on the Hub; if None, the rows of 2018 are rendered.
        recordings: a Parquet file of recordings to score instead of the test rows, see
            `read_recordings`. Train rows with a preset that is scored are left out.
        rows: how many sounds, from the first, are also searched for and compared as sound.
        seconds: time of `matching` for a sound, and so of the genetic search.
        baseline_seconds: the most time to train each network among the baselines.
        without: names of methods that do not take part, see `method_names`.
        only: names of methods that take part, beside those that are handed; all if there are none.
        predictions: files with the answers of other systems, see `read_predictions`; each is scored under
            its own name, and where it has several candidates also the nearest of them, rendered.
        methods: plain callables by name, see `Answering`: each is asked about the first rows.
        seeds: how often networks among the baselines are trained; the first is compared with the
            others, of all of them the scores are told.
        out: folder to keep what is found in; nothing is kept if None.
        seed: of searches, networks and bootstrap.
        renders: search for so many renders of a sound, instead of by the clock.
        baseline_steps: the most steps of each network.
        again: measure anew what is kept.
        progress: whether to show progress bars and tell how long it takes.
        command: the command line, for the record.
        engine: renders the collection; the one that is installed for it if None.
        same: whether to render every answer with each parameter set right, too, to tell which settings sound the
            same: so many renderings of every sound as it has parameters, which a slow engine takes hours for.
        renderer: renders what is scored and known, and answers that are compared with it, where many rows are
            rendered at once, such as `secret_sauce_hf.data.cluster_engine.rendering` gives; the engine if None.
            Searches, which are timed, render by the engine.

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
    seeds = integer("seeds", seeds, 1, MAX_SEEDS)
    engine = find_engine(collection) if engine is None else engine
    renderer = engine if renderer is None else renderer
    material: Material | None = None
    handed: list[Method] = []
    called = [Called(name, function) for name, function in (methods or {}).items()]
    if predictions:
        # Before anything is trained or searched for: a mistake in a file is told at once.
        material = gather(collection, renderer, data, recordings)
        read = [
            Told(read_predictions(path, collection, material.presets.files, min(rows, len(material.presets))))
            for path in predictions
        ]
        for told in read:
            handed += [told, NearestCandidate(told)]
    for one in called:
        handed += [one, NearestCandidate(one)]
    checkpoint: Checkpoint | None = None
    chosen = choose(without, engine is not None, only, handed)
    if not has_model(collection, model) and "model" not in only:
        chosen = tuple(method for method in chosen if method.name != "model")
        if not any(method.scored for method in chosen):
            raise InputError(f"There is no model of {collection.name}, and nothing else is left to compare.")
    elif any(method.model for method in chosen):
        checkpoint = load_checkpoint(collection, model)
    material = gather(collection, renderer, data, recordings) if material is None else material
    first = min(rows, len(material.presets))
    task = Task(
        presets=material.presets,
        sounds=material.sounds,
        first=first,
        known=cache(partial(_known, material, any(method.features for method in chosen), progress)),
        heard=cache(partial(_heard, material, any(method.features for method in chosen))),
        logits=cache(partial(_logits, material, checkpoint)),
        checkpoint=checkpoint,
        engine=engine,
        budget=Budget(seconds, renders, seed),
        training_seconds=baseline_seconds,
        training_steps=baseline_steps,
        store=Store(None if out is None else Path(out), again),
        progress=progress,
        names=tuple(method.name for method in chosen),
        same=same,
    )
    if progress:
        total = sum(method.seconds(task) * (seeds if method.trains else 1) for method in chosen)
        say_estimate(total, f"{len(material.presets):,} sounds, {first} of them searched for")
    for method in in_turn(chosen):
        if isinstance(method, NearestCandidate) and not method.chooses:
            continue
        task.answers[method.name] = method.answer(task)
        if method.trains:
            others = [replace(task, budget=replace(task.budget, seed=seed + more)) for more in range(1, seeds)]
            task.repeats[method.name] = [method.answer(other) for other in others]
    chosen = tuple(method for method in chosen if method.name in task.answers)
    truth = Truth.of(material.presets, material.sounds)
    # Nothing is timed from here on.
    task = replace(task, engine=renderer)
    ways = scores(task, chosen, truth)
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
                "known": len(task.known()) if any(method.knows for method in chosen) else None,
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
                "seeds": seeds,
            },
            "intervals": {"confidence": CONFIDENCE, "resamples": RESAMPLES},
            "ways": ways,
            "pairs": pairs(ways),
            "missing": [name for name in method_names() if name not in task.answers],
            "published": {"source": source(), "scores": [asdict(one) for one in published(collection)]},
            "calibration": calibrated(task),
            "over_time": over_time(task, truth[:first]),
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


def _versions(engine: Engine | None) -> dict[str, str]:
    versions = {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers", "numpy")}
    return versions if engine is None else versions | {"engine": engine.version}
