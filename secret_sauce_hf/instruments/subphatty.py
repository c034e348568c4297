"""Moog Sub Phatty: an analogue monophonic synthesiser.

Controllers and ranges as in the manual's table. All knobs are 14-bit pairs, the
LSB 32 above the MSB. The heard rules agree with what was measured on fresh presets of
the built-in engine (`secret_sauce_hf.data.measure_heard`) in 81 to 100 % of the
rows, 94 % on average. Where they do not, it is mostly the rule that says heard and the
rest of the sound that covers it; what the rule denies is measured in less than 2 % of the rows.

Of notes they agree about as often: on 116 fresh presets in takes of 2.5 s, each with one note of any
pitch from 24 to 96 and of 0.08 to 2 s, in 78 to 100 % of the rows, 93 % on average (what notes change:
the amplifier's decay, sustain and release 97 to 99 %, the key follow 95 %, the filter's decay, sustain
and release 87 to 90 %). On 299 takes of 4 s with melodies, which the rules were fitted to among others,
94 % on average, 85 % for the filter's release: what one note leaves in the envelopes is heard in the next,
of which the rules know little.
"""

from secret_sauce_hf.instruments.families import beside
from secret_sauce_hf.instruments.instrument import Collection, Instrument, Playing, Timing
from secret_sauce_hf.instruments.parameters import (
    ALWAYS,
    Knob,
    Rule,
    Switch,
    above,
    all_of,
    along,
    any_of,
    away_from,
    below,
    is_one_of,
)


def _knob(name: str, msb: int, about: str, heard: Rule = ALWAYS) -> Knob:
    return Knob(name, (msb, msb + 32), about=about, heard=heard)


_OCTAVES = ((16, 32, 48, 64), ("16f", "8f", "4f", "2f"))
_OCTAVE_NAMES = (("16f", "16′"), ("8f", "8′"), ("4f", "4′"), ("2f", "2′"))

# A level of 1.5 is 33 dB below full: what lies below is covered by the three other sources.
_LEVEL = 1.5
_OSC1 = above("mixer_osc1", _LEVEL)
_OSC2 = above("mixer_osc2", _LEVEL)
_SUB = above("mixer_sub", 0.5)
# What pitch modulation reaches.
_BENDABLE = any_of(_OSC2, all_of(is_one_of("mod_pitch_osc2", "OFF"), any_of(_OSC1, _SUB)))
_PITCH_MOD = all_of(above("mod_pitch_amount", 0.2), _BENDABLE)
_WAVE_MOD = all_of(above("mod_wave_amount", 0.2), any_of(_OSC1, _OSC2))
_MODULATED = any_of(_PITCH_MOD, _WAVE_MOD, above("mod_filter_amount", 0.2))
_FILTER_EG = any_of(
    away_from("filter_eg_amount", 5.0, 0.2),
    all_of(is_one_of("mod_source", "FilterEnv"), _MODULATED),
)

# Times run from 1 ms to 10 s over four decades (manual): an attack above 7.3 lasts longer than
# the 0.83 s for which the note of 2018 is held. Keys that overlap are one to the envelopes.
_ATTACK_LIMIT = along("note.gate", (0.1, 5.0), (0.25, 6.0), (5 / 6, 7.3), (2.0, 8.25), (4.0, 9.0))
# Of a decay that lasts a hundred times as long as the note nothing is heard before the release.
_LONG = above("note.gate", 0.8)
_DECAY_LIMIT = along("note.gate", (0.08, 6.8), (0.2, 7.8), (0.8, 9.3))
_RELEASED = above("note.rest", 0.05)

INSTRUMENT = Instrument(
    name="subphatty",
    title="Moog Sub Phatty",
    parameters=(
        _knob(
            "mod_lfo_rate",
            3,
            "LFO rate, 0.1 Hz to 100 Hz",
            all_of(_MODULATED, is_one_of("mod_source", "Triangle", "Square", "Saw", "Ramp", "SanpleAndHold")),
        ),
        Switch(
            "mod_source",
            (71,),
            (0, 16, 32, 48, 64, 80),
            # The typo is in the published tables: labels are kept to the letter.
            ("Triangle", "Square", "Saw", "Ramp", "SanpleAndHold", "FilterEnv"),
            heard=_MODULATED,
            about="Shape of the LFO, or the filter envelope as modulator",
            display=(("SanpleAndHold", "Sample & Hold"), ("FilterEnv", "Filter envelope")),
        ),
        _knob("mod_pitch_amount", 4, "Modulation of pitch", _BENDABLE),
        Switch(
            "mod_pitch_osc2",
            (70,),
            (0, 64),
            ("OFF", "ON"),
            heard=all_of(above("mod_pitch_amount", 0.2), any_of(_OSC1, _SUB)),
            about="Pitch modulation reaches oscillator 2 only",
        ),
        _knob("mod_filter_amount", 2, "Modulation of the filter's cutoff"),
        _knob("mod_wave_amount", 20, "Modulation of both wave shapes", any_of(_OSC1, _OSC2)),
        Switch(
            "osc1_octave",
            (74,),
            *_OCTAVES,
            heard=any_of(_OSC1, _SUB, all_of(_OSC2, is_one_of("osc1_sync_osc2", "ON"))),
            about="Octave of oscillator 1",
            display=_OCTAVE_NAMES,
        ),
        Switch("osc1_sync_osc2", (77,), (0, 64), ("OFF", "ON"), heard=_OSC2, about="Oscillator 1 resets oscillator 2"),
        _knob("osc1_wave", 9, "Shape of oscillator 1, triangle to saw to square to narrow pulse", _OSC1),
        Switch("osc2_octave", (75,), *_OCTAVES, heard=_OSC2, about="Octave of oscillator 2", display=_OCTAVE_NAMES),
        _knob("osc2_frequency", 12, "Detuning of oscillator 2, 7 semitones either way", _OSC2),
        _knob("osc2_wave", 14, "Shape of oscillator 2, triangle to saw to square to narrow pulse", _OSC2),
        _knob("mixer_osc1", 15, "Level of oscillator 1"),
        _knob("mixer_sub", 17, "Level of the sub oscillator"),
        _knob("mixer_osc2", 16, "Level of oscillator 2"),
        _knob("mixer_noise", 8, "Level of the noise"),
        _knob("filter_cutoff", 19, "Cutoff of the ladder filter, 20 Hz to 20 kHz"),
        _knob("filter_reso", 21, "Resonance of the ladder filter"),
        _knob("filter_multidrive", 18, "Drive at the filter"),
        _knob("filter_eg_amount", 22, "Filter envelope to cutoff, bipolar, none at 5"),
        _knob(
            "filter_kb_tracking_amount",
            27,
            "Key follow of the cutoff",
            above("note.away", 0),
        ),
        _knob("env_filter_attack", 23, "Filter envelope attack, 1 ms to 10 s", _FILTER_EG),
        _knob(
            "env_filter_decay",
            24,
            "Filter envelope decay, 1 ms to 10 s",
            all_of(_FILTER_EG, below("env_filter_attack", _ATTACK_LIMIT), below("env_filter_sustain", 9.5)),
        ),
        _knob(
            "env_filter_sustain",
            25,
            "Filter envelope sustain",
            # The slowest decay has gone a fifth of its way when the take of 2018 ends.
            all_of(
                _FILTER_EG,
                below("env_filter_attack", _ATTACK_LIMIT),
                any_of(_LONG, below("env_filter_decay", _DECAY_LIMIT)),
            ),
        ),
        _knob(
            "env_filter_release",
            26,
            "Filter envelope release",
            # It is heard for as long as the amplifier's release goes on, or in the next note.
            all_of(_FILTER_EG, _RELEASED, any_of(above("env_amplifier_release", 2.0), above("note.gates", 1))),
        ),
        _knob("env_amplifier_attack", 28, "Amplifier attack, 1 ms to 10 s"),
        _knob(
            "env_amplifier_decay",
            29,
            "Amplifier decay, 1 ms to 10 s",
            all_of(below("env_amplifier_attack", _ATTACK_LIMIT), below("env_amplifier_sustain", 8.5)),
        ),
        _knob(
            "env_amplifier_sustain",
            30,
            "Amplifier sustain",
            all_of(
                below("env_amplifier_attack", _ATTACK_LIMIT), any_of(_LONG, below("env_amplifier_decay", _DECAY_LIMIT))
            ),
        ),
        _knob("env_amplifier_release", 31, "Amplifier release", _RELEASED),
    ),
)

_OF_2018 = Collection(
    name="subphatty",
    stem="subphatty",
    instrument=INSTRUMENT,
    title="Moog Sub Phatty: 24 knobs and 5 switches",
    columns=(
        "filter_reso",
        "mixer_noise",
        "mixer_osc2",
        "mixer_osc1",
        "env_amplifier_attack",
        "osc2_octave",
        "env_amplifier_decay",
        "filter_cutoff",
        "mod_wave_amount",
        "mod_lfo_rate",
        "osc1_sync_osc2",
        "env_amplifier_sustain",
        "mod_pitch_osc2",
        "env_filter_sustain",
        "mixer_sub",
        "env_filter_release",
        "osc2_frequency",
        "osc1_octave",
        "mod_filter_amount",
        "mod_source",
        "osc1_wave",
        "filter_kb_tracking_amount",
        "env_filter_attack",
        "env_filter_decay",
        "filter_eg_amount",
        "osc2_wave",
        "filter_multidrive",
        "env_amplifier_release",
        "mod_pitch_amount",
    ),
    count=10_000,
    train_count=8_000,
    timing=Timing(note_on=1 / 6, note_off=1.0, cut=(0.1, 1.0)),
)

COLLECTIONS = (
    _OF_2018,
    beside(_OF_2018, Playing("notes", 24, 96), 20_260_004),
    # It plays one note at a time.
    beside(_OF_2018, Playing("phrases", 24, 96, chords=False), 20_260_005),
)
