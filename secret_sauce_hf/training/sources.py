"""The sounds of a run: those to train on, those to validate on, and a few to compare answers with."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from accelerate import PartialState

from secret_sauce_hf.data.source import pinned
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import Collection, InputError
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.training.data import CHUNK, Examples, built_takes, extract, fresh_rows, joined
from secret_sauce_hf.training.interrupted import Run
from secret_sauce_hf.training.stream import FreshStream
from secret_sauce_hf.training.strokes import AT_ONCE, PAGE, Pages, built_strokes, extract_strokes
from secret_sauce_hf.training.together import ExampleSteps, made_together

VALIDATION_SEED = 1_000_000_007
"""Added to the run's seed for the validation rows."""
HELD_OUT = 0.1
"""Share of the train rows to validate on, where no engine renders fresh ones."""
REFERENCES = 5_000
"""Train sounds among which the nearest is looked for: every distance to every one is computed."""


def sounds_of(
    run: Run,
    collection: Collection,
    engine: Engine | None,
    extractor: SecretSauceFeatureExtractor,
    processes: PartialState,
    progress: bool,
) -> tuple[ExampleSteps | FreshStream, Examples]:
    """The sounds that a process reads in every step, and all of those to validate on.

    Args:
        run: what decides them.
        collection: of the sounds.
        engine: renders the fresh ones; None where nothing can.
        extractor: makes the inputs.
        processes: those that train together, and make what is made before.
        progress: whether to show progress bars.

    Raises:
        InputError: there is nothing to train or to validate on, or a step cannot be shared out.
    """
    examples: Examples | None = None
    checks: Examples | None = None
    share = (processes.process_index, processes.num_processes)
    if run.data is not None:
        data = pinned({"source": run.data.partition("@")[0], "revision": run.data_revision}, run.data)
        takes = built_takes(data, collection)
        examples = _built(takes, extractor, run.seed, processes, title="reading", progress=progress)
    if run.validation and engine is not None:
        seed, bar = run.seed + VALIDATION_SEED, {"title": "validation sounds", "progress": progress}
        checks = _fresh(engine, collection, extractor, run.validation, seed, run.prior, processes, **bar)
    elif examples is not None and (held := round(len(examples) * HELD_OUT)):
        checks = examples.select(slice(len(examples) - held, None))
        examples = examples.select(slice(0, len(examples) - held))
    if checks is None:
        raise InputError(
            "There is nothing to validate on: give validation rows, or a dataset of at least 5 train rows."
        )
    if run.streams and engine is not None:
        steps = max(1, round(run.epochs * run.fresh / run.batch_size))
        stream = FreshStream(
            engine,
            collection,
            extractor,
            batch_size=run.batch_size,
            steps=steps,
            repeats=round(run.epochs),
            seed=run.seed,
            augment=run.augment,
            prior=run.prior,
            share=share,
        )
        return stream, checks
    assert examples is not None
    if run.fresh and engine is not None:
        bar = {"title": "fresh sounds", "progress": progress}
        rendered = _fresh(engine, collection, extractor, run.fresh, run.seed, run.prior, processes, **bar)
        examples = joined([examples, rendered])
    steps = max(1, round(run.epochs * len(examples) / run.batch_size))
    return ExampleSteps(examples, batch_size=run.batch_size, steps=steps, seed=run.seed, share=share), checks


def few_of(sounds: ExampleSteps | FreshStream, seed: int, processes: PartialState) -> Examples:
    """The first `REFERENCES` sounds of those that were trained on, as they were before any change.

    Args:
        sounds: of `sounds_of`.
        seed: of the run.
        processes: those that train together.
    """
    if isinstance(sounds, ExampleSteps):
        return sounds.examples.select(slice(0, REFERENCES))
    count = min(sounds.steps * sounds.new, REFERENCES)
    return _fresh(
        sounds.engine, sounds.collection, sounds.extractor, count, seed, sounds.prior, processes, progress=False
    )


def _fresh(
    engine: Engine,
    collection: Collection,
    extractor: SecretSauceFeatureExtractor,
    count: int,
    seed: int,
    prior: str,
    processes: PartialState,
    **bar: Any,
) -> Examples:
    """Fresh sounds as the engine makes them, of whole takes or, for a model of notes, of strokes."""
    pages = Pages(engine, collection, extractor, seed, prior, augment=False) if extractor.reads_strokes else None
    # What is rendered together, one process renders.
    size = CHUNK if pages is None else PAGE

    def make(first: int) -> Examples:
        end = min(first + size, count)
        if pages is None:
            takes = fresh_rows(engine, collection, first, end - first, seed, prior)
            return extract(iter([takes]), extractor, progress=False)
        strokes = (pages.rows(start, min(AT_ONCE, end - start)) for start in range(first, end, AT_ONCE))
        return extract_strokes(strokes, extractor, progress=False)

    return made_together(range(0, count, size), make, processes, total=count, **bar)


def _built(
    takes: Iterator[tuple[np.ndarray, Presets]],
    extractor: SecretSauceFeatureExtractor,
    seed: int,
    processes: PartialState,
    **bar: Any,
) -> Examples:
    """The sounds of a dataset, of whole takes or, for a model of notes, of a stroke of each."""
    if extractor.reads_strokes:
        return made_together(
            built_strokes(takes, extractor, seed),
            lambda strokes: extract_strokes([strokes], extractor, progress=False),
            processes,
            **bar,
        )
    return made_together(takes, lambda own: extract(iter([own]), extractor, progress=False), processes, **bar)
