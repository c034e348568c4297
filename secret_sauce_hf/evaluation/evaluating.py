"""Evaluating a checkpoint on rows it was not trained on: the record its card is written from."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from secret_sauce_hf.data import iter_takes
from secret_sauce_hf.data.source import locate, pinned
from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.evaluation.checkpoint import Checkpoint
from secret_sauce_hf.evaluation.comparing import Compared, compare
from secret_sauce_hf.evaluation.hearing import Heard
from secret_sauce_hf.evaluation.methods.base import Task
from secret_sauce_hf.evaluation.methods.registry import get_method
from secret_sauce_hf.evaluation.records import weights_digest
from secret_sauce_hf.evaluation.results import Evaluation
from secret_sauce_hf.evaluation.scores import score_presets
from secret_sauce_hf.evaluation.searching import Budget
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.metrics.scores import setting_errors, switch_columns
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import DEFAULT_INPUTS, SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.plots.evaluation import Shown
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.training.answering import heard

METHODS = ("model", "naive", "nearest", "floor")
"""What is compared; of the floor, which knows the truth, the sound only."""
REFERENCES = 5_000
"""Train rows, from the first, for the naive answers and the nearest neighbour."""
SOUNDS = 200
"""Test rows, from the first, of which the answers are rendered and compared."""
NOISE = 0
"""Seed of the noise of answers; see `comparing` for that of the truth."""
SHOWN = 6
"""Sounds in the picture."""


def evaluate(
    checkpoint: str | Path,
    data: str | Path,
    *,
    split: str = "test",
    collection: str | Collection | None = None,
    revision: str | None = None,
    progress: bool = True,
    engine: Engine | None = None,
) -> Evaluation:
    """Score a checkpoint on a split of a dataset, beside simple references from its train split.

    Args:
        checkpoint: a folder, a repository on the Hub, or the name of a collection of which
            a checkpoint ships.
        data: a folder or a repository (`ORG/NAME` or `ORG/NAME@REVISION`) with a dataset in
            the columns of the checkpoint's collection.
        split: whose rows; not `train`.
        collection: what the checkpoint should be for; any if None.
        revision: of the checkpoint, on the Hub.
        progress: whether to show a progress bar.
        engine: renders the answers; the one that is installed for the collection if None.

    Raises:
        InputError: the checkpoint or dataset cannot be read or they do not fit; the split
            is the one to train on.
    """
    if split == "train":
        raise InputError("The model was trained on the train rows: evaluate it on others (--split test).")
    folder = checkpoint_folder(checkpoint, revision=revision)
    pipe = load_pipeline(folder)
    config, extractor = pipe.model.config, pipe.feature_extractor
    # A checkpoint knows the parameters of a declared collection, and not its takes and other parameters.
    by_checkpoint = collection is None and config.collection not in COLLECTIONS
    collection = config.to_collection() if collection is None else get_collection(collection)
    if list(collection.columns) != config.label_names:
        raise InputError(f"The checkpoint tells the settings of {config.collection}, not of {collection.name}.")
    engine = find_engine(collection) if engine is None else engine
    where = locate(data, None if by_checkpoint else collection, engine)
    source = pinned(where, data)
    samples = collection.samples if pipe.reads_notes else extractor.take_samples
    mels = SecretSauceFeatureExtractor(take_samples=samples, note_on=extractor.note_on, inputs=DEFAULT_INPUTS[:1])
    with row_progress("Reading train rows", REFERENCES, progress) as advance:
        known = _heard(mels, _first(_takes(source, "train", collection, samples), REFERENCES, advance))
    heads: list[np.ndarray] = []
    logits: list[dict[str, np.ndarray]] = []

    def answered() -> Iterator[tuple[np.ndarray, Presets]]:
        with row_progress(f"Answering {split} rows", None, progress) as advance:
            for sounds, presets in _takes(source, split, collection, samples):
                logits.append(heard(pipe, sounds))
                if sum(len(part) for part in heads) < SOUNDS:
                    heads.append(sounds)
                advance(len(presets))
                yield sounds, presets

    asked = _heard(mels, answered())
    if asked is None or known is None:
        raise InputError(
            f"{data} needs rows to train on and rows to test on; it has no {'train' if known is None else split}."
        )
    truth, sounds = asked.presets, np.concatenate(heads)[:SOUNDS]
    ours = Checkpoint(str(checkpoint), folder, pipe, weights_digest(folder))
    task = Task(
        presets=truth,
        sounds=sounds,
        first=len(sounds),
        known=lambda: known,
        heard=lambda: asked,
        logits=lambda: {name: np.concatenate([part[name] for part in logits]) for name in logits[0]},
        checkpoint=ours,
        engine=engine,
        budget=Budget(0.0, None, 0),
        timed=False,
    )
    methods = [get_method(name) for name in METHODS]
    answers = {method.name: method.answer(task) for method in methods if engine is not None or not method.renders}
    compared: dict[str, Compared] = {}
    if engine is not None:
        first = {name: answer.first for name, answer in answers.items()}
        compared = compare(sounds, first, partial(_play, engine, truth[: len(sounds)]), NOISE, ("mss",))
    versions = {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers")}
    return Evaluation(
        collection=collection,
        data=where | {"split": split, "rows": len(truth), "references": len(known)},
        scores={
            method.name: score_presets(answer.everything, truth)
            for method in methods
            if method.scored and (answer := answers[method.name]).everything is not None
        },
        sounds={"rows": len(sounds)} | {name: float(np.median(one.distances["mss"])) for name, one in compared.items()}
        if compared
        else None,
        weights=ours.weights,
        versions=versions if engine is None else versions | {"engine": engine.version},
        shown=_chosen(sounds, truth[: len(sounds)], answers["model"].first, compared.get("model")),
    )


def _heard(extractor: SecretSauceFeatureExtractor, rows: Iterable[tuple[np.ndarray, Presets]]) -> Heard | None:
    """Sounds with the one input that the nearest is looked for by; None if there are no rows."""
    presets, parts = [], []
    for sounds, settings in rows:
        presets.append(settings)
        parts.append(extractor.transform(torch.from_numpy(sounds))["short_mels"].half())
    if not presets:
        return None
    return Heard(Presets.concatenated(presets), np.empty((0, 0, 0), np.float32), {"short_mels": torch.cat(parts)})


def _play(engine: Engine, truth: Presets, units: np.ndarray, noise: int) -> np.ndarray:
    """Takes of answers, which play what was played in the sounds."""
    answers = Presets(truth.collection, units, performances=truth.performances)
    return to_float(engine.render(answers, noise_seed=noise))


def _takes(
    source: str | Path, split: str, collection: Collection, samples: int
) -> Iterator[tuple[np.ndarray, Presets]]:
    for takes in iter_takes(source, split, collection=collection):
        if takes.sounds.shape[1] != samples:
            raise InputError(f"The model hears takes of {samples} samples, these have {takes.sounds.shape[1]}.")
        yield takes.sounds, takes.presets


def _first(
    takes: Iterator[tuple[np.ndarray, Presets]], rows: int, advance: Callable[[int], None]
) -> Iterator[tuple[np.ndarray, Presets]]:
    """Takes up to a number of rows; `advance` is told of each part when it was used."""
    for sounds, presets in takes:
        yield sounds[:rows], presets[:rows]
        advance(len(presets[:rows]))
        rows -= len(presets)
        if rows <= 0:
            return


def _chosen(sounds: np.ndarray, truth: Presets, answers: np.ndarray, compared: Compared | None) -> Shown:
    """Sounds from the best answer to the worst, evenly spaced, so that the picture flatters nobody."""
    if compared is None:
        # As shares of the range, so that a knob can be as wrong as a switch.
        ranges = np.where(switch_columns(truth.parameters), 1, 10)
        rank = (setting_errors(truth.parameters, truth.unit, answers) / ranges).mean(axis=1)
    else:
        rank = compared.distances["mss"]
    order = np.argsort(rank, kind="stable")
    places = np.rint(np.linspace(0, len(order) - 1, min(SHOWN, len(order)))).astype(int)
    return [
        (
            truth.files[row],
            sounds[row],
            None if compared is None else compared.takes[row],
            None if compared is None else float(compared.distances["mss"][row]),
        )
        for row in order[places]
    ]
