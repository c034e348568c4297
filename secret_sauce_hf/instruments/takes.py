"""What all takes have in common: their rate and note, how loud they are, and how they are stored.

This file imports NumPy only and no sibling, so that a checkpoint can carry a copy of it (see
`secret_sauce_hf.modeling`).
"""

import numpy as np

SAMPLE_RATE = 22_050
"""Sample rate of every collection, in Hz."""
NOTE = 60
"""MIDI note of every take, "C3" in the 2018 announcement's octave numbering."""
VELOCITY = 120
"""MIDI velocity of every take's note."""
CHANNEL = 0
"""MIDI channel 1, counted from 0 as mido does."""

PEAK = 0.999
"""Louder takes are turned down to this peak, as the limiter of the recordings did."""
SILENCE_DBFS = -60.0
"""`SILENCE` in dB re full scale."""
SILENCE = 10 ** (SILENCE_DBFS / 20)
"""A take whose highest sample is below this tells nothing of its settings."""
FULL_SCALE = 32_768
"""16-bit value of a sample of 1.0 (one more than int16 holds)."""


def to_float(takes: np.ndarray) -> np.ndarray:
    """Stored takes as numbers from -1 to 1: int16 to float32, of the same shape."""
    return takes.astype(np.float32) / FULL_SCALE


def to_int16(takes: np.ndarray) -> np.ndarray:
    """Takes as they are stored: rounded, what is beyond full scale cut off; float to int16, of the same shape."""
    return np.clip(np.rint(takes * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def sound_file(row: int) -> str:
    """The file name of a row's sound, as in 2018."""
    return f"s{row}.wav"
