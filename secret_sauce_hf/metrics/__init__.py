"""Plain functions that say how close two sounds, or two presets, are."""

from secret_sauce_hf.metrics.registry import distances, known_distances
from secret_sauce_hf.metrics.settings import knob_mae, preset_errors, switch_accuracy
from secret_sauce_hf.metrics.sounds import (
    DISTANCES,
    Distance,
    level_difference,
    mss,
    rms_cosine,
    sot,
    sot_hertz,
    spectral_composite,
    wmfcc,
)

__all__ = [
    "DISTANCES",
    "Distance",
    "distances",
    "knob_mae",
    "known_distances",
    "level_difference",
    "mss",
    "preset_errors",
    "rms_cosine",
    "sot",
    "sot_hertz",
    "spectral_composite",
    "switch_accuracy",
    "wmfcc",
]
