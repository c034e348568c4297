"""Every picture: functions of what was measured."""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
