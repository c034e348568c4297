"""Models that tell the settings of a sound, as transformers classes.

The files named `*_secret_sauce` are flat siblings that travel with a checkpoint (see
`travelling`). Everything here is imported on first use: transformers and torch take seconds.
"""

from typing import TYPE_CHECKING, Any

from secret_sauce_hf.modeling.registration import checkpoint_path, import_with_models, register

if TYPE_CHECKING:
    from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
    from secret_sauce_hf.modeling.feature_extraction_secret_sauce import SecretSauceFeatureExtractor
    from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
    from secret_sauce_hf.modeling.modeling_secret_sauce import SecretSauceModel
    from secret_sauce_hf.modeling.pipeline_secret_sauce import AudioToPresetPipeline

__all__ = [
    "AudioToPresetPipeline",
    "SecretSauceConfig",
    "SecretSauceFeatureExtractor",
    "SecretSauceModel",
    "checkpoint_folder",
    "checkpoint_path",
    "load_pipeline",
    "register",
]

_MODULES = {
    "AudioToPresetPipeline": "pipeline_secret_sauce",
    "SecretSauceConfig": "configuration_secret_sauce",
    "SecretSauceFeatureExtractor": "feature_extraction_secret_sauce",
    "SecretSauceModel": "modeling_secret_sauce",
    "checkpoint_folder": "loading",
    "load_pipeline": "loading",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_with_models(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
