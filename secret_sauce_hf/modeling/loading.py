"""A pipeline from a checkpoint, with errors that say what to do."""

from pathlib import Path

import torch

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel, check_checkpoint
from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline
from secret_sauce_hf.modeling.registration import DEFAULT_COLLECTION, TASK, checkpoint_path


def load_pipeline(checkpoint: str | Path | None = None, *, collection: str | None = None) -> AudioToPresetPipeline:
    """The `audio-to-preset` pipeline of a checkpoint.

    Args:
        checkpoint: a folder; if None, the one that ships for `collection`.
        collection: the collection that the checkpoint should be for; any if None, and
            of those that ship `noisemaker-light`.

    Raises:
        InputError: no checkpoint ships for the collection; the folder is none, lacks a
            file, or does not fit; the checkpoint is for another collection.
    """
    folder = checkpoint_path(collection or DEFAULT_COLLECTION) if checkpoint is None else Path(checkpoint)
    if not folder.is_dir():
        raise InputError(f"No such checkpoint folder: {folder}.")
    if not (folder / "config.json").is_file():
        raise InputError(f"The checkpoint {folder} lacks config.json; copy the whole folder, or train it again.")
    try:
        config = SecretSauceConfig.from_pretrained(folder)
        check_checkpoint(folder, config)
        extractor = SecretSauceFeatureExtractor.from_pretrained(folder)
        model = SecretSauceModel.from_pretrained(folder, config=config)
        loaded = AudioToPresetPipeline(model=model, feature_extractor=extractor, task=TASK, device=torch.device("cpu"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        # The library's messages go on for several lines, with advice that does not apply.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"The checkpoint {folder} cannot be loaded: {first}") from error
    if collection is not None and config.collection != collection:
        raise InputError(f"The checkpoint {folder} is for {config.collection}, not for {collection}.")
    return loaded
