"""Give it a sound, it tells you how to make it.

Importing this is cheap (NumPy, torch, transformers and datasets load on first use) and makes
`transformers.pipeline("audio-to-preset")` known.
"""

from secret_sauce_hf.extras import lazy
from secret_sauce_hf.modeling.registration import register

__getattr__, __dir__, __all__ = lazy(__name__, __file__)

register()
