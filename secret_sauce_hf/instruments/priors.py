"""How presets may be drawn: evenly, as in 2018, or the way people set an instrument.

The musical prior makes extreme and silent presets rarer. It is **guessed**, not fitted: no bank's values
are in it. What it rests on:

- How programmers are known to leave a synthesiser: oscillators up, envelopes either off (attack 0, sustain
  full) or short, resonance low, modulation mostly at nought, filters seldom closed, plain wave forms rather
  than noise. The base preset of 2018, and the two first programs of the bank in TAL-NoiseMaker's published
  source, are of this kind: in all three the attacks are 0 and the sustains 1, oscillators stand at 0.6 to 1
  or are off, the cutoff is 0.43 or more and the resonance 0, 0 and 0.5. Three programs are no statistics.
- The same is assumed of the Sub Phatty; of the guitar, that players seldom have more than two or three
  effects on, and rarely one at an end of its knob.
- What is known of every bank of presets, and makes uniform draws unlike them: values pile up at the ends
  and in the middle of a knob, and parameters hang together. The first is here (`points`), the second is not:
  parameters are drawn independently, so that nothing but single distributions can be read off the rows.

Weights need not sum to anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.instrument import Collection
from secret_sauce_hf.instruments.parameters import Parameter, Switch

UNIFORM, MUSICAL = "uniform", "musical"
PRIORS = (UNIFORM, MUSICAL)
"""What `draw_presets` and everything that draws fresh rows takes as `prior`."""
BOTH = "both"
"""Some rows by one and some by the other: what a model of notes is trained on."""


@dataclass(frozen=True)
class KnobPrior:
    """Where a knob stands.

    Args:
        density: weights at evenly spaced positions from one end of the knob to the other, linear between.
        points: pairs of a position, from 0 to 1, and the share of the presets that stand right there, besides.
    """

    density: tuple[float, ...]
    points: tuple[tuple[float, float], ...] = ()

    def chances(self, count: int) -> np.ndarray:
        """Of each of `count` evenly spaced values, from the lowest: float64, (count,), which sum to 1."""
        places = np.linspace(0, 1, count)
        chances = np.interp(places, np.linspace(0, 1, len(self.density)), self.density)
        chances *= (1 - sum(share for _, share in self.points)) / chances.sum()
        for place, share in self.points:
            chances[round(place * (count - 1))] += share
        return chances


def _knob(*density: float, off: float = 0, middle: float = 0, full: float = 0) -> KnobPrior:
    points = ((0.0, off), (0.5, middle), (1.0, full))
    return KnobPrior(density, tuple((place, share) for place, share in points if share))


_ATTACK = _knob(1.5, 0.9, 0.3, 0.05, 0, off=0.45)
_DECAY = _knob(0.05, 0.8, 1.2, 0.8, 0.4)
_SUSTAIN = _knob(0.3, 0.6, 0.9, 1, 1, off=0.08, full=0.35)
_RELEASE = _knob(0.6, 1, 0.9, 0.4, 0.1)
_RATE = _knob(0.5, 1, 1.2, 0.6, 0.15)
_MODULATION = _knob(1.2, 0.9, 0.4, 0.2, 0.1, off=0.55)
_FAIRLY = _knob(0.4, 1, 1.2, 1, 0.4)

_MUSICAL: dict[str, dict[str, KnobPrior | Mapping[str, float]]] = {
    "noisemaker": {
        "osc1_wave": {"Saw": 4, "Pulse": 4, "Noise": 0.5},
        "osc2_wave": {"Saw": 3, "Pulse": 3, "Triangle": 1.5, "Sine": 1.5, "Noise": 0.4},
        # Its gain is exponential: at 2 it is 30 dB down.
        "osc1_volume": _knob(0, 0.1, 0.5, 1.2, 1.2, off=0.08, full=0.2),
        "osc2_volume": _knob(0, 0.1, 0.5, 1.2, 1.2, off=0.12, full=0.2),
        "osc1_pulse_width": _knob(0.2, 0.7, 1.3, 0.7, 0.2, middle=0.3),
        "filter_cutoff": _knob(0, 0.3, 1.1, 1.3, 1, full=0.12),
        "filter_resonance": _knob(1.3, 1.1, 0.8, 0.4, 0.1, off=0.25),
        "filter_attack": _ATTACK,
        "filter_decay": _DECAY,
        "filter_sustain": _SUSTAIN,
        # From 5 on it takes longer than a second.
        "amp_attack": _ATTACK,
        "amp_decay": _DECAY,
        "amp_sustain": _SUSTAIN,
        "lfo1_rate": _RATE,
        # Bipolar, and cubed.
        "lfo1_amount": _knob(0.15, 0.6, 1.4, 0.6, 0.15, middle=0.35),
        "lfo1_destination": {
            "NOTHING": 2.5,
            "FILTER": 3,
            "OSC1PITCH": 1.5,
            "OSC2PITCH": 1,
            "PW": 1.5,
            "FM": 0.3,
            "LFO2RATE": 0.3,
        },
    },
    "subphatty": {
        "mod_lfo_rate": _RATE,
        "mod_source": {
            "Triangle": 4,
            "Square": 1,
            "Saw": 0.7,
            "Ramp": 0.7,
            "SanpleAndHold": 0.6,
            "FilterEnv": 1.5,
        },
        "mod_pitch_amount": _knob(2, 0.5, 0.15, 0.1, 0.05, off=0.6),
        "mod_pitch_osc2": {"OFF": 3, "ON": 1},
        "mod_filter_amount": _MODULATION,
        "mod_wave_amount": _MODULATION,
        "osc1_octave": {"16f": 3, "8f": 4, "4f": 1.5, "2f": 0.5},
        "osc1_sync_osc2": {"OFF": 4, "ON": 1},
        "osc1_wave": _knob(0.4, 1.2, 0.8, 1.2, 0.6, 0.2),
        "osc2_octave": {"16f": 2, "8f": 4, "4f": 2, "2f": 0.7},
        # Mostly a few cents off, seldom an interval.
        "osc2_frequency": _knob(0.1, 0.15, 0.3, 2, 0.3, 0.15, 0.1, middle=0.2),
        "osc2_wave": _knob(0.4, 1.2, 0.8, 1.2, 0.6, 0.2),
        "mixer_osc1": _knob(0.1, 0.4, 0.9, 1.2, 1, off=0.04, full=0.2),
        "mixer_sub": _knob(0.4, 0.7, 0.9, 0.8, 0.6, off=0.35),
        "mixer_osc2": _knob(0.2, 0.5, 0.9, 1.2, 1, off=0.12, full=0.1),
        "mixer_noise": _knob(1.2, 0.6, 0.3, 0.15, 0.05, off=0.6),
        "filter_cutoff": _knob(0.1, 0.8, 1.2, 1.1, 0.7, full=0.06),
        "filter_reso": _knob(1.3, 1.1, 0.8, 0.4, 0.1, off=0.15),
        "filter_multidrive": _knob(1.2, 1, 0.8, 0.6, 0.4, off=0.25),
        # Bipolar, and seldom downwards.
        "filter_eg_amount": _knob(0.05, 0.15, 0.8, 1.2, 0.7, middle=0.15),
        "filter_kb_tracking_amount": _knob(0.8, 0.9, 1, 0.6, 0.3, off=0.2, middle=0.2, full=0.05),
        "env_filter_attack": _ATTACK,
        "env_filter_decay": _DECAY,
        "env_filter_sustain": _knob(0.8, 0.9, 0.9, 0.7, 0.5, off=0.2, full=0.1),
        "env_filter_release": _RELEASE,
        "env_amplifier_attack": _ATTACK,
        "env_amplifier_decay": _DECAY,
        "env_amplifier_sustain": _SUSTAIN,
        "env_amplifier_release": _RELEASE,
    },
    "guitar-rack": {
        "filter_on_off": {"off": 3, "on": 1},
        "disto_on_off": {"off": 1, "on": 1},
        "flanger_on_off": {"off": 2, "on": 1},
        "delay_on_off": {"off": 1.5, "on": 1},
        "reverb_on_off": {"off": 1, "on": 2},
        "filter_mode_LBF_HPF": _knob(1, 0.7, 0.4, 0.5, 0.7, off=0.3, full=0.15),
        "filter_frequency": _FAIRLY,
        "filter_resonance": _knob(1.2, 1.1, 0.8, 0.4, 0.15),
        "disto_tone": _FAIRLY,
        "disto_drive": _knob(0.5, 1, 1.1, 0.9, 0.6),
        "flanger_rate": _knob(0.8, 1.3, 0.9, 0.4, 0.1),
        "flanger_intensity": _FAIRLY,
        "flanger_width": _FAIRLY,
        "flanger_mode": {"chorus": 3, "pitchmod": 1, "flanger": 2},
        "delay_time": _knob(0.4, 1, 1, 1, 0.8),
        "delay_feedback": _knob(0.8, 1.2, 0.9, 0.4, 0.1),
        "delay_intensity": _knob(0.3, 1.2, 1.1, 0.5, 0.1),
        "reverb_room_size": _knob(0.4, 0.9, 1.1, 0.9, 0.5),
        "reverb_bright": _FAIRLY,
    },
}
"""By instrument and parameter: where a knob stands, or the weights of a switch's labels."""


def check_prior(prior: str, collection: Collection) -> str:
    """See that presets of a collection can be drawn so; hands the prior back.

    Raises:
        InputError: there is no such prior, or none for this instrument.
    """
    if prior not in PRIORS:
        raise InputError(f"prior is {str(prior)[:60]!r}; give one of {', '.join(PRIORS)}.")
    if prior == MUSICAL:
        known = _MUSICAL.get(collection.instrument.name, {})
        if missing := [parameter.name for parameter in collection.parameters if not _is_told(parameter, known)]:
            raise InputError(
                f"How people set {missing[0]} of {collection.instrument.name} is not known: there is a musical prior "
                f"for {', '.join(_MUSICAL)} only; draw with prior {UNIFORM}."
            )
    return prior


def drawn(collection: Collection, prior: str, raw: np.ndarray) -> np.ndarray:
    """The CC values of rows.

    Args:
        collection: whose columns they are.
        prior: one that `check_prior` has seen.
        raw: uint64 of shape (rows, parameters), uniform over their range.

    Returns:
        int64 of shape (rows, parameters).
    """
    cc = np.empty(raw.shape, dtype=np.int64)
    for column, parameter in enumerate(collection.parameters):
        if prior == UNIFORM:
            cc[:, column] = parameter.draw(raw[:, column])
        else:
            ends = _ends(collection.instrument.name, parameter)
            # 53 bits, as many as a float holds: from 0 to less than 1.
            lots = (raw[:, column] >> np.uint64(11)) / 2.0**53
            cc[:, column] = parameter.cc_at(np.searchsorted(ends, lots, side="right"))
    return cc


def _is_told(parameter: Parameter, known: Mapping[str, KnobPrior | Mapping[str, float]]) -> bool:
    told = known.get(parameter.name)
    if isinstance(parameter, Switch):
        return isinstance(told, Mapping) and set(told) == set(parameter.labels)
    return isinstance(told, KnobPrior)


@cache
def _ends(instrument: str, parameter: Parameter) -> np.ndarray:
    """Up to which lot each of a parameter's values is drawn, from the first; beyond, it is the last."""
    told = _MUSICAL[instrument][parameter.name]
    if isinstance(told, KnobPrior):
        chances = told.chances(parameter.cc_count)
    else:
        labels = parameter.cc_to_setting(parameter.cc_at(np.arange(parameter.cc_count)))
        weights = np.array([told[label] for label in labels.tolist()], dtype=np.float64)
        chances = weights / weights.sum()
    return np.cumsum(chances)[:-1]
