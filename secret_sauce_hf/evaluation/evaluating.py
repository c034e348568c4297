"""Evaluating a checkpoint on rows it was not trained on: the record its card is written from."""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from secret_sauce_hf.data import iter_takes
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.plan import build_command
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, Switch, get_collection
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import DEFAULT_INPUTS, SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.modeling.modeling_secret_sauce import weight_files
from secret_sauce_hf.presets import Presets
from secret_sauce_hf.progress import row_progress
from secret_sauce_hf.remote import is_repo_id, remote_errors, split_revision
from secret_sauce_hf.training.data import join
from secret_sauce_hf.training.evaluation import Scores, naive_answers, nearest_answers, predict, score

EVALUATION_FILE = "evaluation.json"
PICTURE_FILE = "evaluation.png"
REFERENCES = 5_000
"""Train rows, from the first, for the naive answers and the nearest neighbour."""
SOUNDS = 200
"""Test rows, from the first, of which the answers are rendered and compared."""
OTHER_NOISE = 1
"""Seed of the second rendering of the truth; what differs is the least distance that any answer can have."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a checkpoint tells the settings of sounds, beside simple references.

    Args:
        collection: of the sounds.
        data: where they are from: `source`, `revision`, `build` (the command that makes
            them), `split`, `rows` and `references` (train rows that the references know).
        scores: of the `model`, the `naive` answers (median, majority) and the `nearest`
            neighbour by log-mel spectrogram.
        sounds: median MSS in dB between sound and rendered answer of the first `rows`
            sounds, of the same three and of the truth rendered again (`floor`); None
            without an engine.
        weights: SHA-256 of the checkpoint's weights.
        versions: of what measured this.
        shown: sounds for the picture: file, sound, rendered answer or None, its MSS or None.
    """

    collection: Collection
    data: dict[str, Any]
    scores: dict[str, Scores]
    sounds: dict[str, float] | None
    weights: str
    versions: dict[str, str]
    shown: list[tuple[str, np.ndarray, np.ndarray | None, float | None]]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the sounds, as JSON-ready values; null for what was not measured."""
        return _jsonable(
            {
                "collection": self.collection.name,
                "data": self.data,
                "scores": {who: asdict(scores) for who, scores in self.scores.items()},
                "sounds": self.sounds,
                "weights": self.weights,
                "versions": self.versions,
            }
        )

    def save(self, folder: str | Path) -> list[Path]:
        """Write `evaluation.json`, and where matplotlib is installed `evaluation.png`, each as a whole.

        Returns:
            The files.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; give a folder for the evaluation.")
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / EVALUATION_FILE]
        if find_spec("matplotlib") is not None:
            from secret_sauce_hf.plots.evaluation import draw

            picture = io.BytesIO()
            draw(self).savefig(picture, format="png", metadata={"Software": None})
            files.append(folder / PICTURE_FILE)
            write_whole(files[1], picture.getvalue())
        write_whole(files[0], (json.dumps(self.to_dict(), indent=2) + "\n").encode())
        return files


def evaluate(
    checkpoint: str | Path,
    data: str | Path,
    *,
    split: str = "test",
    collection: str | Collection | None = None,
    revision: str | None = None,
    progress: bool = True,
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

    Raises:
        InputError: the checkpoint or dataset cannot be read or they do not fit; the split
            is the one to train on.
    """
    if split == "train":
        raise InputError("The model was trained on the train rows: evaluate it on others (--split test).")
    folder = checkpoint_folder(checkpoint, revision=revision)
    pipe = load_pipeline(folder)
    config, extractor = pipe.model.config, pipe.feature_extractor
    collection = config.to_collection() if collection is None else get_collection(collection)
    if list(collection.columns) != config.label_names:
        raise InputError(f"The checkpoint tells the settings of {config.collection}, not of {collection.name}.")
    where = _locate(data)
    source = f"{where['source']}@{where['revision']}" if where["revision"] else data
    mels = SecretSauceFeatureExtractor(
        take_samples=extractor.take_samples, note_on=extractor.note_on, inputs=DEFAULT_INPUTS[:1]
    )

    known, known_mels = [], []
    with row_progress("Reading train rows", REFERENCES, progress) as advance:
        for sounds, presets in _first(_takes(source, "train", collection, extractor.take_samples), REFERENCES):
            known.append(presets)
            known_mels.append(mels.transform(torch.from_numpy(sounds))["short_mels"].half())
            advance(len(presets))
    truths: list[Presets] = []
    answers: list[np.ndarray] = []
    test_mels: list[torch.Tensor] = []
    heads: list[np.ndarray] = []
    with row_progress(f"Answering {split} rows", None, progress) as advance:
        for sounds, presets in _takes(source, split, collection, extractor.take_samples):
            waves = torch.from_numpy(sounds)
            answers.append(predict(pipe.model, extractor.transform(waves)))
            truths.append(presets)
            test_mels.append(mels.transform(waves)["short_mels"].half())
            if sum(len(part) for part in heads) < SOUNDS:
                heads.append(sounds)
            advance(len(presets))
    if not truths or not known:
        raise InputError(f"{data} needs rows to train on and rows to test on; it has no {split if known else 'train'}.")
    truth, references = join(truths), join(known)
    told = {
        "model": np.concatenate(answers),
        "naive": naive_answers(references, len(truth)),
        "nearest": nearest_answers(
            {"short_mels": torch.cat(known_mels)}, references, {"short_mels": torch.cat(test_mels)}
        ),
    }
    heard_sounds = np.concatenate(heads)[:SOUNDS]
    distances, rendered = _compare(heard_sounds, truth[: len(heard_sounds)], told)
    engine = find_engine(collection)
    versions = {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers")}
    return Evaluation(
        collection=collection,
        data=where | {"split": split, "rows": len(truth), "references": len(references)},
        scores={who: score(units, truth) for who, units in told.items()},
        sounds=None
        if distances is None
        else {"rows": len(heard_sounds)} | {who: float(np.median(values)) for who, values in distances.items()},
        weights=_digest(folder),
        versions=versions | ({} if engine is None else {"engine": engine.version}),
        shown=_chosen(heard_sounds, truth, told["model"], rendered, distances),
    )


def _locate(data: str | Path) -> dict[str, Any]:
    """Where a dataset is, so that others find the same rows."""
    if not is_repo_id(data):
        folder = Path(data)
        plan = finished_plan(folder) if folder.is_dir() else None
        # A name only: where it lay on this machine concerns nobody.
        return {
            "source": folder.resolve().name,
            "revision": None,
            "build": None if plan is None else build_command(plan),
        }
    repo, revision = split_revision(str(data))
    if revision is None:
        from huggingface_hub import HfApi

        with remote_errors(f"dataset {repo}"):
            revision = HfApi().dataset_info(repo).sha
    return {"source": repo, "revision": revision, "build": None}


def _takes(
    source: str | Path, split: str, collection: Collection, samples: int
) -> Iterator[tuple[np.ndarray, Presets]]:
    for takes in iter_takes(source, split, collection=collection):
        if takes.sounds.shape[1] != samples:
            raise InputError(f"The model hears takes of {samples} samples, these have {takes.sounds.shape[1]}.")
        yield takes.sounds, takes.presets


def _first(takes: Iterator[tuple[np.ndarray, Presets]], rows: int) -> Iterator[tuple[np.ndarray, Presets]]:
    """Takes up to a number of rows."""
    for sounds, presets in takes:
        yield sounds[:rows], presets[:rows]
        rows -= len(presets)
        if rows <= 0:
            return


def _compare(
    sounds: np.ndarray, truth: Presets, told: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray] | None, np.ndarray | None]:
    """MSS of every answer's rendering, and the model's renderings; None without an engine."""
    engine = find_engine(truth.collection)
    if engine is None:
        return None, None

    def play(units: np.ndarray, noise: int) -> np.ndarray:
        presets = Presets(truth.collection, units[: len(sounds)], truth.files)
        return engine.render(presets, noise_seed=noise).astype(np.float32) / 32_768

    renderings = {who: play(units, 0) for who, units in told.items()}
    renderings["floor"] = play(truth.unit, OTHER_NOISE)
    distances = {who: np.asarray(mss(sounds, takes, SAMPLE_RATE)) for who, takes in renderings.items()}
    return distances, renderings["model"]


def _chosen(
    sounds: np.ndarray,
    truth: Presets,
    answers: np.ndarray,
    rendered: np.ndarray | None,
    distances: dict[str, np.ndarray] | None,
    count: int = 6,
) -> list[tuple[str, np.ndarray, np.ndarray | None, float | None]]:
    """Sounds from the best answer to the worst, evenly spaced, so that the picture flatters nobody."""
    switches = [isinstance(parameter, Switch) for parameter in truth.parameters]
    errors = np.where(switches, answers != truth.unit, np.abs(answers - truth.unit))
    rank = errors.mean(axis=1)[: len(sounds)] if distances is None else distances["model"]
    order = np.argsort(rank, kind="stable")
    places = np.rint(np.linspace(0, len(order) - 1, min(count, len(order)))).astype(int)
    return [
        (
            truth.files[row],
            sounds[row],
            None if rendered is None else rendered[row],
            None if distances is None else float(distances["model"][row]),
        )
        for row in order[places]
    ]


def read_evaluation(folder: str | Path) -> dict[str, Any]:
    """The record that `Evaluation.save` wrote beside a checkpoint.

    Raises:
        InputError: there is none, it cannot be read, or it is of other weights.
    """
    path = Path(folder) / EVALUATION_FILE
    remedy = f"run `secret-sauce evaluate {folder} --data DATASET`"
    if not path.is_file():
        raise InputError(f"{folder} has not been evaluated, and a card shows how good a model is: {remedy}.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        weights = record["weights"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}): {remedy}.") from error
    if weights != _digest(Path(folder)):
        raise InputError(f"{path} is about other weights than {folder} has now: {remedy}.")
    return record


def _digest(folder: Path) -> str:
    """SHA-256 of a checkpoint's weights, of all their files one after the other."""
    total = hashlib.sha256()
    for path in weight_files(folder):
        total.update(path.read_bytes())
    return total.hexdigest()


def _jsonable(value: Any) -> Any:
    """Null for NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
