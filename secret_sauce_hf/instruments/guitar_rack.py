"""A plucked electric guitar through an amplifier and five effects in a rack.

In 2018: Ableton Tension into Guitar Rig 5 Player.

The heard rules know nothing of what is played. They need not: on 249 fresh presets with a single note each,
of 0.08 to 2 s and any pitch and velocity, in takes of 2.5 s, they agree with what
`secret_sauce_hf.data.measure_heard` measures in 94 to 100 % of the rows, 99 % on average, and so they do on
80 takes of 4 s with chords and melodies.
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
    is_one_of,
)

TUNING = (40, 45, 50, 55, 59, 64)
"""MIDI notes of the open strings: E2 A2 D3 G3 B3 E4, where note 60 is C4."""
FRETS = 24


def _effect(effect: str, control: int, about: str, heard: Rule = ALWAYS) -> Switch:
    return Switch(f"{effect}_on_off", (control,), (0, 127), ("off", "on"), heard=heard, about=about)


def _knob(name: str, control: int, about: str, drawn: tuple[int, int] | None = None, condition: Rule = ALWAYS) -> Knob:
    """A knob of the effect that its name starts with, heard while that effect is on and `condition` holds."""
    effect = name.split("_")[0]
    heard = is_one_of(f"{effect}_on_off", "on")
    return Knob(
        name, (control,), drawn=drawn, heard=heard if condition == ALWAYS else all_of(heard, condition), about=about
    )


_DELAY_MIXED_IN = above("delay_intensity", 0.0)


INSTRUMENT = Instrument(
    name="guitar-rack",
    title="Electric guitar through an effects rack",
    parameters=(
        _effect("filter", 33, "Filter"),
        _effect("disto", 34, "Distortion"),
        _effect("flanger", 35, "Chorus / flanger"),
        _effect("delay", 36, "Delay", _DELAY_MIXED_IN),
        _effect("reverb", 37, "Reverb"),
        _knob("filter_mode_LBF_HPF", 1, "Filter type, continuous from low-pass to high-pass"),
        # The outer settings leave nothing or everything: 2018 moved it over a third of the knob.
        _knob("filter_frequency", 81, "Filter frequency", drawn=(42, 84)),
        _knob("filter_resonance", 65, "Filter resonance"),
        _knob("disto_tone", 2, "Tone of the distortion"),
        _knob("disto_drive", 82, "Drive of the distortion"),
        _knob("flanger_rate", 3, "Speed of the chorus / flanger, 0.1 Hz to 10 Hz"),
        _knob("flanger_intensity", 83, "Intensity of the chorus / flanger"),
        _knob("flanger_width", 67, "Width of the chorus / flanger"),
        Switch(
            "flanger_mode",
            (75,),
            (0, 67, 127),
            ("chorus", "pitchmod", "flanger"),
            heard=is_one_of("flanger_on_off", "on"),
            about="Mode of the chorus / flanger",
            display=(("pitchmod", "pitch mod"),),
        ),
        # So that every repeat falls within the take.
        _knob("delay_time", 4, "Delay time", drawn=(0, 64), condition=_DELAY_MIXED_IN),
        _knob("delay_feedback", 68, "Delay feedback", condition=_DELAY_MIXED_IN),
        _knob("delay_intensity", 84, "Mix of the delay, dry at 0"),
        _knob("reverb_room_size", 5, "Room size of the reverb"),
        _knob("reverb_bright", 85, "Brightness of the reverb"),
    ),
)

_TIMING = Timing(note_on=1 / 6, note_off=5 / 6, cut=(0.16, 1.0), reset_first=True, patch=1 / 12)

_FULL = Collection(
    name="guitar",
    stem="guitar",
    instrument=INSTRUMENT,
    title="Guitar through five effects and their settings: 13 knobs and 6 switches",
    columns=(
        "flanger_intensity",
        "delay_time",
        "disto_drive",
        "reverb_room_size",
        "reverb_on_off",
        "delay_on_off",
        "flanger_width",
        "flanger_rate",
        "disto_tone",
        "filter_on_off",
        "delay_feedback",
        "delay_intensity",
        "flanger_on_off",
        "reverb_bright",
        "filter_resonance",
        "flanger_mode",
        "disto_on_off",
        "filter_mode_LBF_HPF",
        "filter_frequency",
    ),
    count=10_000,
    train_count=8_000,
    timing=_TIMING,
)

COLLECTIONS = (
    Collection(
        name="guitar-tiny",
        stem="guitar_tiny",
        instrument=INSTRUMENT,
        title="Guitar through every combination of five effects: 5 switches",
        columns=("filter_on_off", "disto_on_off", "reverb_on_off", "flanger_on_off", "delay_on_off"),
        # The knobs' positions in 2018 are not recorded; these make every effect plain to hear.
        fixed=(
            ("filter_mode_LBF_HPF", 0.0),
            ("filter_frequency", 60 / 12.7),
            ("filter_resonance", 5.0),
            ("disto_tone", 5.0),
            ("disto_drive", 5.0),
            ("flanger_rate", 5.0),
            ("flanger_intensity", 7.5),
            ("flanger_width", 7.5),
            ("flanger_mode", "flanger"),
            ("delay_time", 40 / 12.7),
            ("delay_feedback", 5.0),
            ("delay_intensity", 5.0),
            ("reverb_room_size", 7.5),
            ("reverb_bright", 5.0),
        ),
        count=32,
        train_count=25,
        timing=_TIMING,
        enumerated=True,
        has_file_column=False,
    ),
    _FULL,
    # To the 24th fret of the highest string.
    beside(_FULL, Playing("notes", 40, 88, strings=TUNING), 20_260_006),
    beside(_FULL, Playing("phrases", 40, 88, strings=TUNING), 20_260_007),
)
