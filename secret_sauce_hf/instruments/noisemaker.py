"""TAL-NoiseMaker: a virtual-analogue synthesiser plug-in.

Controllers as mapped by the base preset of 2018. The heard rules were found on
recordings of the plug-in and made finer by what
`secret_sauce_hf.data.measure_heard` measures: on fresh presets of the full
collection the two agree in 97 % of the cases, in 92 % for the parameter where they
agree least.

On 108 fresh presets in takes of 2.5 s, each with one note of any pitch from 24 to 96 and of 0.08 to
2 s, they agree in 95 % of the cases: in 99 to 100 % for the amplifier's decay and sustain, whose rules
know how long notes are held, in 87 % for the LFO's destination, where they agree least. Nothing else
depends on the notes enough to be told: short ones let the LFO and the waves be heard a little less. On
144 takes of 4 s with chords and melodies it is 96 %, and 90 % at least.
"""

from secret_sauce_hf.instruments.families import beside
from secret_sauce_hf.instruments.instrument import Collection, Instrument, Playing, Timing
from secret_sauce_hf.instruments.parameters import (
    NEVER,
    Knob,
    Switch,
    above,
    all_of,
    along,
    any_of,
    away_from,
    below,
    is_one_of,
)

_OSC1_SOUNDS = above("osc1_volume", 0.75)
_OSC2_SOUNDS = above("osc2_volume", 0.75)
_OSC1_TONAL = all_of(_OSC1_SOUNDS, is_one_of("osc1_wave", "Saw", "Pulse"))
_OSC1_PULSE = all_of(_OSC1_SOUNDS, is_one_of("osc1_wave", "Pulse"))
_OSC2_TONAL = all_of(_OSC2_SOUNDS, is_one_of("osc2_wave", "Saw", "Pulse", "Triangle", "Sine"))
# Pitch and FM do nothing to a noise oscillator, width only exists on osc 1's pulse.
_LFO_CONNECTED = any_of(
    is_one_of("lfo1_destination", "FILTER"),
    all_of(is_one_of("lfo1_destination", "OSC1PITCH"), _OSC1_TONAL),
    all_of(is_one_of("lfo1_destination", "OSC2PITCH"), _OSC2_TONAL),
    all_of(is_one_of("lfo1_destination", "PW"), _OSC1_PULSE),
    all_of(is_one_of("lfo1_destination", "FM"), _OSC2_TONAL),
)
# The amount is cubed. Pitch betrays far less of it than the filter and the width.
_LFO_TURNED_UP = away_from("lfo1_amount", 5.0, 0.4)
_LFO_MOVES = any_of(
    all_of(away_from("lfo1_amount", 5.0, 0.6), is_one_of("lfo1_destination", "OSC1PITCH", "OSC2PITCH", "FM")),
    away_from("lfo1_amount", 5.0, 1.2),
)
# A slower attack is still rising when the note ends: decay and sustain never come. Whether a
# decay gets anywhere depends on it in the same way.
_ATTACK_ENDS = below(
    "amp_attack", along("note.held", (0.027, 2), (0.092, 3), (0.35, 4), (5 / 6, 4.6), (1.44, 5), (2.9, 5.5), (5.9, 6))
)
_DECAYS = below("amp_decay", along("note.held", (0.017, 3), (0.07, 4), (0.3, 5), (5 / 6, 5.7), (1.3, 6), (2.5, 6.5)))

INSTRUMENT = Instrument(
    name="noisemaker",
    title="TAL-NoiseMaker",
    parameters=(
        Switch(
            "osc2_wave",
            (14,),
            (0, 32, 49, 85, 127),
            ("Saw", "Pulse", "Triangle", "Sine", "Noise"),
            heard=_OSC2_SOUNDS,
            about="Wave shape of oscillator 2",
        ),
        Knob("filter_cutoff", (15,), about="Cutoff of the 24 dB/oct low-pass filter"),
        Knob(
            "filter_resonance",
            (16,),
            heard=below("filter_cutoff", 9.0),
            about="Resonance; the filter oscillates by itself from about 9.2",
        ),
        Knob(
            "lfo1_rate",
            (17,),
            heard=all_of(_LFO_CONNECTED, _LFO_MOVES),
            about="LFO 1 rate, 0.012 Hz to 516 Hz, 5.7 Hz in the middle",
        ),
        Knob("lfo1_amount", (18,), heard=_LFO_CONNECTED, about="LFO 1 amount, bipolar, none at 5"),
        Knob("osc1_volume", (19,), about="Level of oscillator 1"),
        Knob("osc2_volume", (32,), about="Level of oscillator 2"),
        Switch(
            "osc1_wave",
            (20,),
            (0, 64, 127),
            ("Saw", "Pulse", "Noise"),
            heard=_OSC1_SOUNDS,
            about="Wave shape of oscillator 1",
        ),
        Knob("osc1_pulse_width", (21,), heard=_OSC1_PULSE, about="Duty cycle of oscillator 1's pulse, square at 5"),
        # The base preset leaves the filter envelope's depth at next to nothing.
        Knob("filter_attack", (22,), heard=NEVER, about="Filter envelope attack (inert in this preset)"),
        Knob("filter_decay", (23,), heard=NEVER, about="Filter envelope decay (inert in this preset)"),
        Knob("filter_sustain", (24,), heard=NEVER, about="Filter envelope sustain (inert in this preset)"),
        Knob("amp_attack", (26,), about="Amplifier attack, 3 ms to 26 s"),
        Knob(
            "amp_decay",
            (27,),
            heard=all_of(_ATTACK_ENDS, below("amp_sustain", 8.5)),
            about="Amplifier decay, time constant 1 ms to 19 s",
        ),
        Knob(
            "amp_sustain",
            (28,),
            heard=all_of(_ATTACK_ENDS, _DECAYS),
            about="Amplifier sustain level",
        ),
        Switch(
            "lfo1_destination",
            (31,),
            (0, 20, 38, 56, 74, 92, 110),
            ("NOTHING", "FILTER", "OSC1PITCH", "OSC2PITCH", "PW", "FM", "LFO2RATE"),
            heard=_LFO_TURNED_UP,
            about="What LFO 1 moves",
        ),
    ),
)

_TIMING = Timing(note_on=1 / 6, note_off=1.0, cut=(0.1, 1.0))

_LIGHT = Collection(
    name="noisemaker-light",
    stem="noisemaker_light",
    instrument=INSTRUMENT,
    title="TAL-NoiseMaker, one oscillator through the filter: 4 knobs and a switch",
    columns=("lfo1_rate", "filter_cutoff", "lfo1_amount", "osc2_wave", "filter_resonance"),
    # The 2018 base preset.
    fixed=(
        ("osc1_volume", 0.0),
        ("osc2_volume", 10.0),
        ("osc1_wave", "Pulse"),
        ("osc1_pulse_width", 59 / 12.7),
        ("filter_attack", 0.0),
        ("filter_decay", 0.0),
        ("filter_sustain", 10.0),
        ("amp_attack", 0.0),
        ("amp_decay", 0.0),
        ("amp_sustain", 10.0),
        ("lfo1_destination", "FILTER"),
    ),
    count=1_000,
    train_count=800,
    timing=_TIMING,
)
_FULL = Collection(
    name="noisemaker",
    stem="noisemaker",
    instrument=INSTRUMENT,
    title="TAL-NoiseMaker, both oscillators, filter, amplifier and LFO: 13 knobs and 3 switches",
    columns=(
        "filter_sustain",
        "amp_sustain",
        "lfo1_amount",
        "osc1_pulse_width",
        "amp_decay",
        "lfo1_rate",
        "filter_cutoff",
        "lfo1_destination",
        "osc2_wave",
        "osc2_volume",
        "amp_attack",
        "osc1_volume",
        "filter_resonance",
        "filter_attack",
        "filter_decay",
        "osc1_wave",
    ),
    count=10_000,
    train_count=8_000,
    timing=_TIMING,
)

_NOTES = Playing("notes", 24, 96)

COLLECTIONS = (
    _LIGHT,
    _FULL,
    beside(_LIGHT, _NOTES, 20_260_001),
    beside(_FULL, _NOTES, 20_260_002),
    beside(_FULL, Playing("phrases", 24, 96), 20_260_003, "TAL-NoiseMaker"),
)
