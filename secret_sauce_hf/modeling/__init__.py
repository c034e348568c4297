"""Models that tell the settings of a sound, as transformers classes.

The files named `*_secret_sauce` are flat siblings that travel with a checkpoint (see
`checkpoint_secret_sauce`). Everything here is imported on first use: transformers and torch
take seconds.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
