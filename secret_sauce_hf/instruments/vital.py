"""Vital: a wavetable synthesiser, played as a subtractive voice.

Of Vital's 772 controls these are the 43 that an ordinary subtractive voice has, under Vital's own names and over
the whole of Vital's own ranges, so that a preset which somebody else made does not lie outside of them:

- two oscillators: level, frame of the wavetable, transposition (of four octaves, the two around the middle),
  tune, unison voices and their detuning; and the level of white noise;
- one filter: of Vital's eight models the four that share their five styles; blend, cutoff, resonance, drive and
  key track;
- the amplifier's envelope (1) and the filter's (2), the latter with its depth, and velocity;
- an LFO: wave, rate, delay, depth, and one of five destinations;
- distortion, chorus and reverb: how much of each, and what changes it most.

Both oscillators have the same wavetable, which comes with the preset: from sine by triangle, saw and square to a
narrow pulse. Vital's init preset has a single saw, of which no frame can be chosen; its factory wavetables are not
free. Third oscillator, second filter, the other envelopes, LFOs and effects are off. What is not a parameter is as
in Vital's init preset, but for what `secret_sauce_hf.midi.vital_base` names.

The heard rules are those that the settings show plainly. On 27 musical rows that are not silent they agree with
what `secret_sauce_hf.data.measure_heard` measures in 94 % of the cases, in 78 % for the release of the filter's
envelope and the rate of the LFO, where they agree least. The limits were set by these rows, so that on others it may be
less. The LFO's delay was measured on 8 of them only: in 6 the two agree.
"""

from secret_sauce_hf.instruments.families import TIMINGS
from secret_sauce_hf.instruments.instrument import Collection, Instrument, Playing
from secret_sauce_hf.instruments.parameters import (
    Knob,
    Parameter,
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

OSCILLATORS = (1, 2)
WAVES = ("Triangle", "Square", "Sin", "Saw Up", "Saw Down")
DESTINATIONS = ("filter_1_cutoff", "voice_tune", "osc_1_wave_frame", "osc_2_wave_frame", "voice_amplitude")
_OCTAVES = (24, 72)
"""Two octaves down to two up, of the four that Vital has."""

# Levels are squared: at 1 an oscillator is 40 dB down.
_UP = 1.0
_SOUNDS = {number: above(f"osc_{number}_level", _UP) for number in OSCILLATORS}
_MIXED = 0.3
"""Of effects: below this share nothing is heard of them."""
# Times are the fourth power of what is set: these are 0.9 of the time that a note is held.
_ATTACK_ENDS = along("note.held", (0.08, 2.2), (0.2, 2.7), (0.5, 3.45), (1.0, 4.1), (2.0, 4.85))
# How far a level falls is heard long before it has fallen there, a cutoff later.
_DECAYS = {
    1: along("note.held", (0.08, 5.0), (0.5, 8.0), (2.0, 9.5)),
    2: along("note.held", (0.08, 3.0), (0.2, 3.6), (0.5, 4.6), (1.0, 5.5), (2.0, 6.5)),
}
_ENDS = above("note.rest", 0.03)


def _switch(name: str, labels: tuple[str, ...], about: str, heard: Rule, display: bool = False) -> Switch:
    shown = tuple((label, label.replace("_", " ").capitalize()) for label in labels) if display else ()
    return Switch(name, (), tuple(range(len(labels))), labels, heard=heard, about=about, display=shown)


def _oscillator(number: int) -> list[Parameter]:
    heard = _SOUNDS[number]
    name, about = f"osc_{number}", f"Oscillator {number}"
    several = all_of(heard, above(f"{name}_unison_voices", 0.4))
    return [
        Knob(f"{name}_level", (), about=f"{about}: level"),
        Knob(f"{name}_wave_frame", (), heard=heard, about=f"{about}: sine, triangle, saw, square, narrow pulse"),
        Knob(
            f"{name}_transpose",
            (),
            drawn=_OCTAVES,
            heard=heard,
            about=f"{about}: transposition in semitones, none at 48",
            top=96,
        ),
        Knob(f"{name}_tune", (), heard=heard, about=f"{about}: a semitone down to one up, none at 5"),
        Knob(f"{name}_unison_voices", (), heard=heard, about=f"{about}: how many voices besides one", top=15),
        Knob(f"{name}_unison_detune", (), heard=several, about=f"{about}: how far its voices are apart"),
    ]


def _envelope(number: int, about: str, heard: Rule) -> list[Parameter]:
    name = f"env_{number}"
    attacked = below(f"{name}_attack", _ATTACK_ENDS)
    falls = below(f"{name}_sustain", 8.5)
    # Of the filter's nothing is heard when the amplifier's is over.
    released = all_of(heard, _ENDS, *([] if number == 1 else [above("env_1_release", 2.0)]))
    return [
        Knob(f"{name}_attack", (), heard=heard, about=f"{about}: attack, 0 to 32 s, 2 s in the middle"),
        Knob(f"{name}_decay", (), heard=all_of(heard, attacked, falls), about=f"{about}: decay, 0 to 32 s"),
        Knob(
            f"{name}_sustain",
            (),
            heard=all_of(heard, attacked, below(f"{name}_decay", _DECAYS[number])),
            about=f"{about}: sustain",
        ),
        Knob(f"{name}_release", (), heard=released, about=f"{about}: release, 0 to 32 s"),
    ]


_SWEPT = away_from("env_2_depth", 5.0, 0.25)
# A frame is heard of the oscillator that sounds only.
_LFO_CONNECTED = any_of(
    is_one_of("lfo_1_destination", "filter_1_cutoff", "voice_tune", "voice_amplitude"),
    *(all_of(is_one_of("lfo_1_destination", f"osc_{number}_wave_frame"), _SOUNDS[number]) for number in OSCILLATORS),
)
_LFO_DEEP = away_from("lfo_1_depth", 5.0, 0.4)
_LFO_STARTS = below("lfo_1_delay_time", along("note.held", (0.0, 2.5), (2.0, 6.0)))
_LFO_MOVES = all_of(_LFO_CONNECTED, _LFO_DEEP, _LFO_STARTS)
_DISTORTED, _CHORUSED, _REVERBERANT = (
    above(name, _MIXED) for name in ("distortion_mix", "chorus_dry_wet", "reverb_dry_wet")
)

INSTRUMENT = Instrument(
    name="vital",
    title="Vital",
    parameters=(
        *(parameter for number in OSCILLATORS for parameter in _oscillator(number)),
        Knob("sample_level", (), about="Level of white noise"),
        _switch("filter_1_model", ("Analog", "Dirty", "Ladder", "Digital"), "Filter: whose circuit it has", all_of()),
        _switch(
            "filter_1_style",
            ("12dB", "24dB", "Notch Blend", "Notch Spread", "B/P/N"),
            "Filter: what is blended",
            all_of(),
        ),
        Knob("filter_1_blend", (), about="Filter: from low pass by band pass to high pass, or what the style has"),
        Knob("filter_1_cutoff", (), about="Filter: cutoff, 13 Hz to 21 kHz, a semitone every 0.08"),
        Knob("filter_1_resonance", (), about="Filter: resonance"),
        Knob("filter_1_drive", (), about="Filter: drive, 0 to 20 dB"),
        Knob(
            "filter_1_keytrack",
            (),
            heard=above("note.away", 0),
            about="Filter: how the cutoff follows the key, not at all at 5, upside down below",
        ),
        *_envelope(1, "Amplifier's envelope", all_of()),
        *_envelope(2, "Filter's envelope", _SWEPT),
        Knob("env_2_depth", (), about="Filter's envelope to the cutoff, none at 5, 128 semitones at both ends"),
        Knob(
            "velocity_track",
            (),
            heard=below("note.softest", 110),
            about="Level by velocity, none at 5, upside down below",
        ),
        _switch("lfo_1_wave", WAVES, "LFO: wave", _LFO_MOVES),
        Knob("lfo_1_frequency", (), heard=_LFO_MOVES, about="LFO: rate, 0.008 Hz to 512 Hz, 2 Hz in the middle"),
        Knob("lfo_1_delay_time", (), heard=all_of(_LFO_CONNECTED, _LFO_DEEP), about="LFO: delay, 0 to 4 s"),
        Knob(
            "lfo_1_depth",
            (),
            heard=all_of(_LFO_CONNECTED, _LFO_STARTS),
            about="LFO: depth, none at 5, upside down below",
        ),
        _switch("lfo_1_destination", DESTINATIONS, "LFO: what it moves", all_of(_LFO_DEEP, _LFO_STARTS), display=True),
        _switch(
            "distortion_type",
            ("Soft Clip", "Hard Clip", "Linear Fold", "Sine Fold", "Bit Crush", "Down Sample"),
            "Distortion: what it does",
            _DISTORTED,
        ),
        Knob("distortion_drive", (), heard=_DISTORTED, about="Distortion: drive, -30 to 30 dB"),
        Knob("distortion_mix", (), about="Distortion: share of it"),
        Knob("chorus_dry_wet", (), about="Chorus: share of it"),
        Knob("chorus_mod_depth", (), heard=_CHORUSED, about="Chorus: depth"),
        Knob("chorus_frequency", (), heard=_CHORUSED, about="Chorus: rate, 0.016 Hz to 8 Hz"),
        Knob("reverb_dry_wet", (), about="Reverb: share of it"),
        Knob("reverb_decay_time", (), heard=_REVERBERANT, about="Reverb: decay, 0.016 s to 64 s, 1 s in the middle"),
    ),
)

COLLECTIONS = (
    Collection(
        name="vital",
        stem="vital",
        instrument=INSTRUMENT,
        title="Vital, single notes: 38 knobs and 5 switches",
        columns=tuple(parameter.name for parameter in INSTRUMENT.parameters),
        count=10_000,
        train_count=8_000,
        timing=TIMINGS["notes"],
        plays=Playing("notes", 24, 96),
        seed=20_261_008,
        prior="musical",
    ),
)
