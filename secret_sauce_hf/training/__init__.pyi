from .config import TrainingConfig
from .run import train
from .trainer import PresetTrainer

__all__ = ["PresetTrainer", "TrainingConfig", "train"]
