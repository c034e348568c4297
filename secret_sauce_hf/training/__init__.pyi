from .config import TrainingConfig
from .finishing import finish
from .run import train
from .trainer import PresetTrainer

__all__ = ["PresetTrainer", "TrainingConfig", "finish", "train"]
