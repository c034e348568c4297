"""How good the methods to tell a sound's settings are, all measured on the same sounds.

`evaluate` scores a checkpoint beside simple references, as its card shows. `benchmark` runs
our model and its matching beside other methods. Both score answers by settings, by heard
settings and by sound.
"""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
