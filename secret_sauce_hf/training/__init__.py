"""Training the models of `secret_sauce_hf.modeling`.

`train` trains a checkpoint from a dataset and freshly rendered sounds. `PresetTrainer` is
transformers' Trainer, set up for these models.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
