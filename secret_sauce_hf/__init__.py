"""Give it a sound, it tells you how to make it.

Importing this is cheap (torch and transformers load on first use) and makes
`transformers.pipeline("audio-to-preset")` known.
"""

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.modeling.registration import checkpoint_path, register

__all__ = ["InputError", "checkpoint_path"]

register()
