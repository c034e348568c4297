from .configuration_secret_sauce import SecretSauceConfig
from .feature_extraction_secret_sauce import SecretSauceFeatureExtractor
from .loading import checkpoint_folder, load_pipeline
from .modeling_secret_sauce import SecretSauceModel
from .pipeline_secret_sauce import AudioToPresetPipeline
from .registration import checkpoint_path, register

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
