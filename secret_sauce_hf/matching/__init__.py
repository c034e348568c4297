"""From a sound to a preset, its MIDI, and how close the preset comes."""

from secret_sauce_hf.extras import lazy

__getattr__, __dir__, __all__ = lazy(__name__, __file__)
