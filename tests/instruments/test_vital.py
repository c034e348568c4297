"""Vital's parameters, and its collection."""

import numpy as np
import pytest

from secret_sauce_hf.instruments import Knob, get_collection, get_instrument
from secret_sauce_hf.instruments.checking import check_collection
from secret_sauce_hf.midi import vital_base
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

VITAL = get_collection("vital")


def test_the_collection_is_one_that_anybody_could_declare():
    check_collection(VITAL)
    assert len(VITAL.columns) == 43 and VITAL.kinds == "38 knobs and 5 switches"
    assert VITAL.title.endswith(VITAL.kinds)
    rows = original_presets(VITAL, 7_999, 8_003)
    assert rows == draw_presets(VITAL, 4, VITAL.seed, 7_999, prior="musical")
    assert all(len(notes) == 1 and 24 <= notes[0].pitch <= 96 for notes in rows.performances)


def test_every_knob_is_a_control_of_vital_or_a_depth():
    controls = {*vital_base.RANGES, *vital_base.CHOICES}
    others = {"env_2_depth", "lfo_1_depth", "lfo_1_destination", "lfo_1_wave"}
    assert set(VITAL.columns) == controls | others
    assert controls | set(vital_base.POWERED.values()) <= vital_base.init_values().keys()
    for parameter in get_instrument("vital").parameters:
        low, high = vital_base.RANGES.get(parameter.name, (0, 0))
        if isinstance(parameter, Knob) and parameter.top:
            assert parameter.top == high - low


@pytest.mark.parametrize(
    ("name", "heard_with", "unheard_with"),
    [
        ("osc_1_wave_frame", {"osc_1_level": 7.0}, {"osc_1_level": 0.0}),
        ("osc_2_unison_detune", {"osc_2_unison_voices": 2.0}, {"osc_2_unison_voices": 0.0}),
        ("env_2_attack", {"env_2_depth": 8.0}, {"env_2_depth": 5.0}),
        ("env_1_decay", {"env_1_sustain": 3.0}, {"env_1_sustain": 10.0}),
        ("lfo_1_frequency", {"lfo_1_depth": 9.0}, {"lfo_1_depth": 5.0}),
        ("lfo_1_depth", {"osc_2_level": 7.0}, {"osc_2_level": 0.0}),
        ("chorus_mod_depth", {"chorus_dry_wet": 5.0}, {"chorus_dry_wet": 0.0}),
        ("reverb_decay_time", {"reverb_dry_wet": 5.0}, {"reverb_dry_wet": 0.0}),
        ("distortion_type", {"distortion_mix": 5.0, "distortion_drive": 8.0}, {"distortion_mix": 0.0}),
    ],
)
def test_what_is_heard(name, heard_with, unheard_with):
    plain = dict.fromkeys(VITAL.columns, 5.0) | {
        parameter.name: parameter.labels[0] for parameter in VITAL.parameters if parameter.classes
    }
    plain |= {"osc_1_transpose": 5.0, "osc_1_unison_voices": 0.0, "osc_2_unison_voices": 2.0}
    plain |= {"lfo_1_destination": "osc_2_wave_frame", "lfo_1_depth": 8.0, "env_2_depth": 8.0}
    plain |= {f"env_{number}_{stage}": 1.0 for number in (1, 2) for stage in ("attack", "decay")}
    rows = Presets.from_settings(VITAL, [plain | heard_with, plain | unheard_with])
    assert rows.heard()[:, VITAL.columns.index(name)].tolist() == [True, False]


def test_what_is_played_decides_as_well():
    rows = original_presets(VITAL, 0, 300)
    heard = dict(zip(VITAL.columns, rows.heard().T, strict=True))
    held = np.array([notes[0].end < VITAL.seconds for notes in rows.performances])
    assert heard["env_1_release"][held].any() and not heard["env_1_release"][~held].any()
