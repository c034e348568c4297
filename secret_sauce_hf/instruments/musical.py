"""How people set an instrument: the musical prior, by instrument and parameter.

It makes extreme and silent presets rarer. It is **guessed**, not fitted: no bank's values
are in it. What it rests on:

- How programmers are known to leave a synthesiser: oscillators up, envelopes either off (attack 0, sustain
  full) or short, resonance low, modulation mostly at nought, filters seldom closed, plain wave forms rather
  than noise. The base preset of 2018, and the two first programs of the bank in TAL-NoiseMaker's published
  source, are of this kind: in all three the attacks are 0 and the sustains 1, oscillators stand at 0.6 to 1
  or are off, the cutoff is 0.43 or more and the resonance 0, 0 and 0.5. Three programs are no statistics.
- The same is assumed of the Sub Phatty; of the guitar, that players seldom have more than two or three
  effects on, and rarely one at an end of its knob.
- Of the DX7, what its manual and every book about FM say: whole ratios, the low ones most often, fixed
  frequencies seldom; envelopes that start at 0 and jump to 99; the pitch envelope flat; scaling mostly off;
  oscillators a few steps out of tune at most; transposed by octaves if at all.
- Of Vital, what is said of subtractive voices above: an oscillator on one of the plain shapes, unison of a few
  voices if any, no noise, filters that let the low through, effects mostly off.
- What is known of every bank of presets, and makes uniform draws unlike them: values pile up at the ends
  and in the middle of a knob, and parameters hang together. The first is here (`points`), the second is not:
  parameters are drawn independently, so that nothing but single distributions can be read off the rows.

Weights need not sum to anything.
"""

from collections.abc import Mapping

from secret_sauce_hf.instruments.dx7 import OPERATORS
from secret_sauce_hf.instruments.knob_priors import KnobPrior
from secret_sauce_hf.instruments.knob_priors import knob_prior as _knob
from secret_sauce_hf.instruments.vital import OSCILLATORS

Told = KnobPrior | Mapping[str, float]

_ATTACK = _knob(1.5, 0.9, 0.3, 0.05, 0, off=0.45)
_DECAY = _knob(0.05, 0.8, 1.2, 0.8, 0.4)
_SUSTAIN = _knob(0.3, 0.6, 0.9, 1, 1, off=0.08, full=0.35)
_RELEASE = _knob(0.6, 1, 0.9, 0.4, 0.1)
_RATE = _knob(0.5, 1, 1.2, 0.6, 0.15)
_MODULATION = _knob(1.2, 0.9, 0.4, 0.2, 0.1, off=0.55)
_FAIRLY = _knob(0.4, 1, 1.2, 1, 0.4)

_FLAT = KnobPrior((0.2, 0.6, 1, 0.6, 0.2), ((50 / 99, 0.93),))
_RATE_UP = _knob(0.1, 0.3, 0.7, 1, 1.2, full=0.35)
_RATE_ON = _knob(0.4, 1, 1, 0.8, 0.5, off=0.05, full=0.08)
_OFF = _knob(1.2, 1, 0.6, 0.3, 0.2, off=0.75)
_COARSE = {str(ratio): 1 / ratio**1.3 for ratio in range(1, 32)} | {"0": 0.35}
_CURVES = {"-LIN": 2, "-EXP": 3, "+EXP": 1, "+LIN": 1}


def _dx7() -> dict[str, Told]:
    told: dict[str, Told] = {
        "algorithm": {str(number): 1 for number in range(1, 33)},
        "feedback": _knob(1, 0.8, 0.8, 1, off=0.25, full=0.15),
        "osc_sync": {"OFF": 1, "ON": 2},
        "transpose": KnobPrior((0.05, 0.1, 0.3, 0.1, 0.05), ((0.25, 0.13), (0.5, 0.75), (0.75, 0.07))),
        **{f"pitch_rate{stage}": _knob(0.3, 0.6, 0.8, 1, 1.2, full=0.4) for stage in range(1, 5)},
        **{f"pitch_level{stage}": _FLAT for stage in range(1, 5)},
        "lfo_speed": KnobPrior((0.4, 1.2, 1, 0.4, 0.2), ((35 / 99, 0.25),)),
        "lfo_delay": _knob(1, 1, 0.6, 0.3, 0.1, off=0.5),
        "lfo_sync": {"OFF": 1, "ON": 1},
        "lfo_wave": {"TRIANGLE": 4, "SAW_DOWN": 0.5, "SAW_UP": 0.3, "SQUARE": 0.5, "SINE": 3, "S_HOLD": 0.3},
        "lfo_pitch_depth": _knob(1.5, 0.5, 0.2, 0.1, 0.05, off=0.5),
        "pitch_mod_sensitivity": _knob(0.6, 1, 0.7, 0.3, off=0.25),
        "lfo_amp_depth": _knob(1, 0.7, 0.5, 0.3, 0.2, off=0.7),
    }
    operator: dict[str, Told] = {
        # Carriers are near full; modulators anywhere above half, since below they do next to nothing.
        "output_level": _knob(0.1, 0.2, 0.6, 1.3, 1.5, off=0.06, full=0.18),
        "mode": {"RATIO": 24, "FIXED": 1},
        "coarse": _COARSE,
        "fine": _knob(1, 0.6, 0.5, 0.4, 0.3, off=0.75),
        "detune": KnobPrior((0.2, 0.7, 1, 0.7, 0.2), ((0.5, 0.4),)),
        "rate1": _RATE_UP,
        "rate2": _RATE_ON,
        "rate3": _RATE_ON,
        "rate4": _knob(0.3, 0.8, 1.2, 1, 0.4),
        "level1": _knob(0.05, 0.1, 0.2, 0.6, 1.2, full=0.65),
        "level2": _knob(0.2, 0.4, 0.7, 1.1, 1.2, full=0.15),
        "level3": _knob(0.4, 0.5, 0.6, 0.9, 1, off=0.25, full=0.1),
        "level4": _knob(1, 0.2, 0.1, 0.05, 0.05, off=0.94),
        "rate_scaling": _knob(1, 0.9, 0.6, 0.3, off=0.25),
        "velocity": _knob(1, 1, 0.8, 0.5, off=0.25),
        "amp_mod": _knob(1, 0.8, 0.6, 0.4, off=0.8),
        "breakpoint": KnobPrior((0.6, 1, 1, 0.6, 0.3), ((39 / 99, 0.2),)),
        "left_depth": _OFF,
        "right_depth": _OFF,
        "left_curve": _CURVES,
        "right_curve": _CURVES,
    }
    return told | {f"op{number}_{name}": habit for number in OPERATORS for name, habit in operator.items()}


def _vital() -> dict[str, Told]:
    oscillator: dict[str, Told] = {
        "level": _knob(0.1, 0.3, 0.8, 1.2, 1, off=0.08, full=0.05),
        # The five shapes of the table, and what is between them.
        "wave_frame": KnobPrior((1, 0.7, 1, 1, 0.6), ((0, 0.08), (0.25, 0.06), (0.5, 0.25), (0.75, 0.15), (1, 0.04))),
        # Of two octaves down to two up: mostly none, or octaves.
        "transpose": KnobPrior((0.3, 0.5, 0.3), ((0, 0.03), (0.25, 0.15), (0.5, 0.6), (0.75, 0.12), (1, 0.02))),
        "tune": _knob(0.02, 0.03, 0.1, 1, 2, 1, 0.1, 0.03, 0.02, middle=0.6),
        "unison_voices": _knob(1, 1, 0.4, 0.2, 0.1, off=0.6),
        "unison_detune": _knob(0.6, 1, 1, 0.4, 0.1),
    }
    # Times are the fourth power: at half a knob two seconds have passed.
    attack, fall = _knob(1, 1, 0.6, 0.2, 0.02, 0, 0, off=0.3), _knob(0.1, 0.5, 1, 1.2, 0.6, 0.1, 0)
    bipolar = _knob(0.05, 0.2, 1, 0.2, 0.05, middle=0.3)
    told: dict[str, Told] = {
        "sample_level": _knob(1, 0.7, 0.4, 0.2, 0.1, off=0.7),
        "filter_1_model": {"Analog": 4, "Dirty": 1.5, "Ladder": 2, "Digital": 1},
        "filter_1_style": {"12dB": 3, "24dB": 4, "Notch Blend": 0.4, "Notch Spread": 0.4, "B/P/N": 0.5},
        "filter_1_blend": _knob(1, 0.5, 0.4, 0.2, 0.1, off=0.7),
        "filter_1_cutoff": _knob(0, 0.2, 1, 1.3, 1, 0.5, full=0.05),
        "filter_1_resonance": _knob(1.2, 1, 0.8, 0.4, 0.1, off=0.15),
        "filter_1_drive": _knob(1, 0.6, 0.4, 0.2, 0.1, off=0.5),
        "filter_1_keytrack": _knob(0.02, 0.05, 0.3, 1, 1, middle=0.4, full=0.25),
        "env_2_depth": _knob(0.02, 0.1, 0.6, 1.2, 0.3, middle=0.3),
        "velocity_track": _knob(0.02, 0.05, 0.5, 1, 0.6, middle=0.3),
        "lfo_1_wave": {"Triangle": 3, "Square": 1, "Sin": 3, "Saw Up": 0.6, "Saw Down": 0.8},
        "lfo_1_frequency": _knob(0, 0.1, 0.5, 1.2, 1, 0.3, 0.1, 0.05),
        "lfo_1_delay_time": _knob(1, 0.3, 0.1, 0.05, 0.02, off=0.7),
        "lfo_1_depth": bipolar,
        "lfo_1_destination": {
            "filter_1_cutoff": 3,
            "voice_tune": 2,
            "osc_1_wave_frame": 1.5,
            "osc_2_wave_frame": 1,
            "voice_amplitude": 1.5,
        },
        "distortion_type": {
            "Soft Clip": 4,
            "Hard Clip": 2,
            "Linear Fold": 1,
            "Sine Fold": 1,
            "Bit Crush": 0.5,
            "Down Sample": 0.5,
        },
        "distortion_drive": _knob(0.02, 0.1, 0.3, 1, 1, 0.6, 0.3),
        "distortion_mix": _knob(0.5, 0.7, 0.8, 0.8, 1, off=0.6, full=0.2),
        "chorus_dry_wet": _knob(0.5, 1, 1, 0.4, 0.2, off=0.6),
        "chorus_mod_depth": _FAIRLY,
        "chorus_frequency": _knob(0.3, 1, 1.2, 0.8, 0.2),
        "reverb_dry_wet": _knob(0.6, 1, 0.6, 0.2, 0.1, off=0.5),
        "reverb_decay_time": _knob(0.05, 0.3, 1.2, 1, 0.3),
    }
    for number in (1, 2):
        told |= {f"env_{number}_attack": attack, f"env_{number}_decay": fall, f"env_{number}_sustain": _SUSTAIN}
        told |= {f"env_{number}_release": fall}
    return told | {f"osc_{number}_{name}": habit for number in OSCILLATORS for name, habit in oscillator.items()}


HABITS: dict[str, dict[str, Told]] = {
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
    "dx7": _dx7(),
    "vital": _vital(),
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
