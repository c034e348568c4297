"""A pipeline from a checkpoint, with errors that say what to do."""

from pathlib import Path
from typing import Any

import torch

from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError
from secret_sauce_hf.modeling.checkpoint_secret_sauce import check_files
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline
from secret_sauce_hf.modeling.registration import DEFAULT_COLLECTION, TASK, checkpoint_path
from secret_sauce_hf.outputs import expanded
from secret_sauce_hf.remote import is_repo_id, is_revision, remote_errors, split_revision

FETCHED = ("*.json", "*.safetensors")
"""What is taken of a repository: no code, and no weights in pickles, which are code too."""


def checkpoint_folder(
    source: str | Path | None = None, collection: str | None = None, revision: str | None = None
) -> Path:
    """The folder of a checkpoint, fetched from the Hub if need be.

    Args:
        source: a folder; the name of a collection for which a checkpoint ships; or a
            model on the Hub, `ORG/NAME` or `ORG/NAME@REVISION`. What exists on this disk
            is never looked for on the Hub. If None, the one that ships for `collection`.
        collection: see `source`; `noisemaker-light` if None.
        revision: branch, tag or commit of a model on the Hub; the newest if None.

    Raises:
        InputError: no checkpoint ships for the collection; there is no such folder; the
            model cannot be fetched; a revision of what is not on the Hub, or two of them.
    """
    if source is None:
        folder = checkpoint_path(collection or DEFAULT_COLLECTION)
    elif (path := expanded(source)).exists():
        folder = path
        if not folder.is_dir():
            raise InputError(f"{folder} is a file; give the folder of a checkpoint.")
    elif str(source) in COLLECTIONS:
        folder = checkpoint_path(str(source))
    elif isinstance(source, str) and is_repo_id(source):
        return _fetch(source, revision)
    else:
        raise InputError(f"No such checkpoint folder: {source}; give a folder, or ORG/NAME of a model on the Hub.")
    if revision is not None:
        raise InputError(f"{folder} has no revisions; leave it out, or give ORG/NAME of a model on the Hub.")
    return folder


def take_extractor(collection: Collection, **options: Any) -> SecretSauceFeatureExtractor:
    """What brings sounds to the form of a collection's takes.

    Args:
        collection: the collection.
        options: of the feature extractor.
    """
    note_on = collection.timing.note_on - collection.timing.cut[0]
    return SecretSauceFeatureExtractor(take_samples=collection.samples, note_on=note_on, **options)


def _fetch(source: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    repo, named = split_revision(source)
    if named and revision:
        raise InputError(f"Two revisions, {named} and {revision}; give one.")
    if revision is not None and not is_revision(revision):
        raise InputError(f"{revision!r} cannot be a revision; give a branch, a tag or a commit.")
    with remote_errors(f"model {repo}"):
        return Path(snapshot_download(repo, revision=named or revision, allow_patterns=list(FETCHED)))


def load_pipeline(
    checkpoint: str | Path | None = None, *, collection: str | None = None, revision: str | None = None
) -> AudioToPresetPipeline:
    """The `audio-to-preset` pipeline of a checkpoint.

    Args:
        checkpoint: a folder, a collection or a model on the Hub, see `checkpoint_folder`; if
            None, the one that ships for `collection`. No code is loaded from any of them.
        collection: the collection that the checkpoint should be for; any if None, and
            of those that ship `noisemaker-light`.
        revision: of a model on the Hub.

    Raises:
        InputError: no checkpoint ships for the collection; the folder is none, lacks a
            file, or does not fit; the model cannot be fetched; the checkpoint is for
            another collection.
    """
    folder = checkpoint_folder(checkpoint, collection, revision)
    name = folder if checkpoint is None else checkpoint
    if not (folder / "config.json").is_file():
        raise InputError(f"The checkpoint {name} lacks config.json; copy the whole folder, or train it again.")
    try:
        check_files(folder)
        config = SecretSauceConfig.from_pretrained(folder)
        # Whatever torch's default device is.
        with torch.device("cpu"):
            model = SecretSauceModel.from_pretrained(folder, config=config)
        extractor = SecretSauceFeatureExtractor.from_pretrained(folder)
        loaded = AudioToPresetPipeline(model=model, feature_extractor=extractor, task=TASK, device=torch.device("cpu"))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
        MemoryError,
    ) as error:
        if isinstance(error, InputError):
            raise
        # The library's messages go on for several lines, with advice that does not apply.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"The checkpoint {name} cannot be loaded: {first}") from error
    if collection is not None and config.collection != collection:
        raise InputError(f"The checkpoint {name} is for {config.collection}, not for {collection}.")
    return loaded
