"""What presets of Vital are made of: its own controls, its init preset, and the waves and the noise of ours.

Beneath our presets lies Vital's init preset, whose numbers are in `vital-init.json`, with `CHANGED` on top: what makes
a take the same every time (no phase is drawn by chance), both oscillators and the noise through the first filter,
and rates in Hz, which no host's tempo changes.
"""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

VERSION = "1.0.7"
"""The version of Vital that our files name: later ones read them, and convert nothing in them."""

_FILE = Path(__file__).with_name("vital-init.json")
# How many Vital has of what the file numbers "#".
_COUNTS = {"modulation": 64, "env": 6, "lfo": 8, "osc": 3, "random": 4, "filter": 2}
MODULATIONS, LFOS, TABLES = _COUNTS["modulation"], _COUNTS["lfo"], _COUNTS["osc"]

RANGES: dict[str, tuple[float, float]] = {
    **{
        f"osc_{number}_{name}": limits
        for number in (1, 2)
        for name, limits in (
            ("level", (0.0, 1.0)),
            # Of 256; the table has no more frames.
            ("wave_frame", (0.0, 64.0)),
            ("transpose", (-48.0, 48.0)),
            ("tune", (-1.0, 1.0)),
            ("unison_voices", (1.0, 16.0)),
            ("unison_detune", (0.0, 10.0)),
        )
    },
    "sample_level": (0.0, 1.0),
    "filter_1_blend": (0.0, 2.0),
    "filter_1_cutoff": (8.0, 136.0),
    "filter_1_resonance": (0.0, 1.0),
    "filter_1_drive": (0.0, 20.0),
    "filter_1_keytrack": (-1.0, 1.0),
    **{
        f"env_{number}_{name}": (0.0, 1.0 if name == "sustain" else 2.378420114517212)
        for number in (1, 2)
        for name in ("attack", "decay", "sustain", "release")
    },
    "velocity_track": (-1.0, 1.0),
    "lfo_1_frequency": (-7.0, 9.0),
    "lfo_1_delay_time": (0.0, 4.0),
    "distortion_drive": (-30.0, 30.0),
    "distortion_mix": (0.0, 1.0),
    "chorus_dry_wet": (0.0, 1.0),
    "chorus_mod_depth": (0.0, 1.0),
    "chorus_frequency": (-6.0, 3.0),
    "reverb_dry_wet": (0.0, 1.0),
    "reverb_decay_time": (-6.0, 6.0),
}
"""The controls that are knobs of ours, by name: Vital's own values at both ends of a knob."""
WHOLE = tuple(name for name in RANGES if name.endswith(("_transpose", "_unison_voices")))
"""Those of them that are whole numbers."""
CHOICES = ("filter_1_model", "filter_1_style", "distortion_type")
"""The controls that are switches of ours: Vital counts their positions as we do."""
POWERED = {
    "osc_1_level": "osc_1_on",
    "osc_2_level": "osc_2_on",
    "sample_level": "sample_on",
    "distortion_mix": "distortion_on",
    "chorus_dry_wet": "chorus_on",
    "reverb_dry_wet": "reverb_on",
}
"""What Vital switches off where a knob of ours is at nought: its control by the knob's."""
CHANGED: dict[str, float] = {
    **{f"osc_{number}_random_phase": 0.0 for number in (1, 2, 3)},
    "osc_2_destination": 0.0,
    "sample_destination": 0.0,
    "filter_1_on": 1.0,
    "lfo_1_sync": 0.0,
    "chorus_sync": 0.0,
    "modulation_2_bipolar": 1.0,
}
"""What is the same in all our presets, and otherwise in Vital's init preset: of its second modulation, which is that of
the LFO, the middle is no change."""

FRAMES = 65
"""Of the wavetable. Of Vital's 257, from which the ear can tell no more here, loading takes three times as long."""
FRAME_SHARE = 1 / 4
"""Of the LFO's depth, where it moves a frame: Vital counts that of all its 257."""
_SAMPLES = 2048
"""Of a frame."""
NOISE_SAMPLES = 44_100

LFO_SHAPES: dict[str, dict[str, Any]] = {
    name: {"name": name, "num_points": len(points) // 2, "points": points, "powers": [0.0] * (len(points) // 2)}
    | {"smooth": name == "Sin"}
    for name, points in (
        # Pairs of a time and a level, downwards, as Vital's own shapes of these names.
        ("Triangle", [0.0, 1.0, 0.5, 0.0, 1.0, 1.0]),
        ("Square", [0.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.5, 1.0, 1.0, 1.0]),
        ("Sin", [0.0, 1.0, 0.5, 0.0, 1.0, 1.0]),
        ("Saw Up", [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]),
        ("Saw Down", [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]),
    )
}
"""By our labels, as Vital's files hold them."""


@cache
def init_values() -> dict[str, float]:
    """Vital's init preset: the name of each of its 772 controls and its value."""
    values: dict[str, float] = {}
    for name, value in json.loads(_FILE.read_text(encoding="utf-8")).items():
        kind, numbered, rest = name.partition("_#_")
        if numbered:
            values |= {f"{kind}_{number}_{rest}": float(value) for number in range(1, _COUNTS[kind] + 1)}
        else:
            values[name] = float(value)
    return values


@cache
def base_values() -> dict[str, float]:
    """What lies beneath our presets: the name of each of Vital's controls and its value."""
    return init_values() | CHANGED


@cache
def wavetables() -> list[dict[str, Any]]:
    """The wavetables of the three oscillators, as Vital's files hold them; the third one is off."""
    place = np.arange(_SAMPLES) / _SAMPLES
    saw = 1 - 2 * place
    # The fundamentals are in phase, so that between two shapes none is lost; the pulse is high for a quarter.
    shapes: list[np.ndarray] = [
        # To the same numbers wherever it is computed.
        np.round(np.sin(2 * np.pi * place), 6),
        np.interp(place, (0, 0.25, 0.75, 1), (0, 1, -1, 0)),
        saw,
        np.where(place < 0.5, 1.0, -1.0),
        np.where((place >= 0.125) & (place < 0.375), 1.0, -1 / 3),
    ]
    basic = _table("Sine to pulse", shapes)
    return [basic, basic, _table("Saw", [saw])]


def _table(name: str, shapes: list[np.ndarray]) -> dict[str, Any]:
    step = (FRAMES - 1) // max(len(shapes) - 1, 1)
    frames = [
        {"position": place * step, "wave_data": _base64(shape.astype("<f4"))} for place, shape in enumerate(shapes)
    ]
    waves = {"interpolation": 0, "interpolation_style": 1, "keyframes": frames, "type": "Wave Source"}
    return {
        "author": "",
        "full_normalize": True,
        "groups": [{"components": [waves]}],
        "name": name,
        "remove_all_dc": True,
        "version": VERSION,
    }


@cache
def noise() -> dict[str, Any]:
    """A second of white noise, as Vital's files hold what its sampler plays."""
    # SplitMix64, which is the same in every version of NumPy: Vital makes another noise each time it starts.
    state = np.arange(1, NOISE_SAMPLES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    samples = (state >> np.uint64(48)).astype("<u2").view("<i2")
    return {"length": NOISE_SAMPLES, "name": "White Noise", "sample_rate": 44_100, "samples": _base64(samples)}


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
