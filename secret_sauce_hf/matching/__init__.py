"""From a sound to a preset, its MIDI, and how close the preset comes."""

from secret_sauce_hf.matching.demo import DEMO_RENDERS, KnownSound, demo_sound
from secret_sauce_hf.matching.match import Match, match

__all__ = ["DEMO_RENDERS", "KnownSound", "Match", "demo_sound", "match"]
