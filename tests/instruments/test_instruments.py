"""The declared instruments and collections: one loop over the whole table."""

import json
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from kinds import ORIGINAL

from secret_sauce_hf.instruments import (
    COLLECTIONS,
    INSTRUMENTS,
    Collection,
    InputError,
    Instrument,
    Knob,
    Parameter,
    Switch,
    get_collection,
    get_instrument,
    same_parameters,
)
from secret_sauce_hf.instruments.parameters import (
    ALWAYS,
    NEVER,
    holds,
    parameter_from_dict,
    parameter_to_dict,
)
from secret_sauce_hf.instruments.played import QUANTITIES
from secret_sauce_hf.instruments.rules import named

PARAMETERS = [
    pytest.param(parameter, id=f"{name}-{parameter.name}")
    for name, instrument in INSTRUMENTS.items()
    for parameter in instrument.parameters
]
every_parameter = pytest.mark.parametrize("parameter", PARAMETERS)
every_instrument = pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=INSTRUMENTS)
every_collection = pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)

# (rows, for training, samples of a take, knobs, switches)
FACTS = {
    "guitar-tiny": (32, 25, 18_522, 0, 5),
    "guitar": (10_000, 8_000, 18_522, 13, 6),
    "noisemaker-light": (1_000, 800, 19_845, 4, 1),
    "noisemaker": (10_000, 8_000, 19_845, 13, 3),
    "subphatty": (10_000, 8_000, 19_845, 24, 5),
    "guitar-notes": (10_000, 8_000, 55_125, 13, 6),
    "guitar-phrases": (2_000, 1_600, 88_200, 13, 6),
    "noisemaker-light-notes": (10_000, 8_000, 55_125, 4, 1),
    "noisemaker-notes": (10_000, 8_000, 55_125, 13, 3),
    "noisemaker-phrases": (2_000, 1_600, 88_200, 13, 3),
    "subphatty-notes": (10_000, 8_000, 55_125, 24, 5),
    "subphatty-phrases": (2_000, 1_600, 88_200, 24, 5),
    "dx7": (20_000, 16_000, 55_125, 117, 28),
    "vital": (10_000, 8_000, 55_125, 38, 5),
}
ORIGINAL_TABLES = {
    "guitar-tiny": "guitar-rig-light.json",
    "guitar": "guitar-rig.json",
    "noisemaker-light": "noisemaker_light_params.json",
    "noisemaker": "noisemaker_params.json",
    "subphatty": "subphatty_params.json",
}


def legal_ccs(parameter: Parameter) -> np.ndarray:
    if isinstance(parameter, Knob):
        low, high = parameter.limits
        return np.arange(low, high + 1)
    return np.array(parameter.codes)


def test_there_are_these_instruments_and_collections():
    assert set(INSTRUMENTS) == {"dx7", "guitar-rack", "noisemaker", "subphatty", "vital"}
    assert set(COLLECTIONS) == set(FACTS)
    assert set(ORIGINAL) == set(ORIGINAL_TABLES)


@every_collection
def test_sizes(collection: Collection):
    knobs = sum(isinstance(parameter, Knob) for parameter in collection.parameters)
    sizes = (collection.count, collection.train_count, collection.samples, knobs, len(collection.columns) - knobs)
    assert sizes == FACTS[collection.name]


@every_collection
def test_columns_and_fixed_settings_are_the_instruments_parameters(collection: Collection):
    fixed = dict(collection.fixed)
    names = [parameter.name for parameter in collection.instrument.parameters]
    assert sorted([*collection.columns, *fixed]) == sorted(names)
    for name, setting in fixed.items():
        parameter = collection.instrument[name]
        if isinstance(parameter, Knob):
            low, high = parameter.setting_limits
            assert low <= float(setting) <= high
            # A setting that a controller can send.
            assert parameter.cc_to_setting(parameter.setting_to_cc(np.asarray(setting))) == pytest.approx(
                setting, abs=0.05
            )
        else:
            assert setting in parameter.labels


@every_collection
def test_what_happens_in_a_take_is_in_order(collection: Collection):
    timing = collection.timing
    assert 0 <= timing.patch < timing.note_on < timing.note_off <= timing.slot
    assert 0 <= timing.cut[0] < timing.note_on
    assert timing.note_on < timing.cut[1] <= timing.slot


@pytest.mark.parametrize("name", ORIGINAL_TABLES)
def test_the_tables_of_2018_declare_the_same(name: str, shared):
    table = json.loads((shared / "original" / ORIGINAL_TABLES[name]).read_text())
    declared = {}
    for parameter in COLLECTIONS[name].parameters:
        control = parameter.control if len(parameter.control) == 2 else parameter.control[0]
        entry = {"CC": list(control) if isinstance(control, tuple) else control}
        if isinstance(parameter, Knob):
            entry["range"] = [parameter.low, parameter.high]
            if parameter.drawn:
                entry["minmax"] = list(parameter.drawn)
        else:
            entry |= {"set": list(parameter.codes), "labels": list(parameter.labels)}
        declared[parameter.name] = entry
    assert declared == table


@every_instrument
def test_names_and_controllers_are_unique(instrument: Instrument):
    names = [parameter.name for parameter in instrument.parameters]
    controllers = list(chain.from_iterable(parameter.control for parameter in instrument.parameters))
    assert len(set(names)) == len(names)
    assert len(set(controllers)) == len(controllers)
    # 120 and above are no controllers but channel mode messages.
    assert all(0 <= controller < 120 for controller in controllers)


@every_parameter
def test_a_declaration_makes_sense(parameter: Parameter):
    assert parameter.name.isidentifier()
    assert parameter.about
    if isinstance(parameter, Knob):
        low, high = parameter.limits
        assert parameter.low <= low < high <= parameter.high
        assert parameter.high == (parameter.top or {1: 127}.get(len(parameter.control), 16_383))
        if len(parameter.control) == 2:
            msb, lsb = parameter.control
            assert msb < 32 and lsb == msb + 32, "the MIDI standard's pairs"
    else:
        assert len(parameter.control) <= 1
        assert len(parameter.codes) == len(parameter.labels) >= 2
        assert list(parameter.codes) == sorted(set(parameter.codes))
        assert parameter.codes[0] >= 0 and parameter.codes[-1] <= 127
        assert len(set(parameter.labels)) == len(parameter.labels)
        assert {label for label, _ in parameter.display} <= set(parameter.labels)


@every_parameter
def test_every_legal_cc_makes_the_round_trip(parameter: Parameter):
    cc = legal_ccs(parameter)
    setting, unit = parameter.cc_to_setting(cc), parameter.cc_to_unit(cc)
    np.testing.assert_array_equal(parameter.setting_to_cc(setting), cc)
    np.testing.assert_array_equal(parameter.unit_to_cc(unit), cc)
    np.testing.assert_array_equal(parameter.unit_to_cc(parameter.setting_to_unit(setting)), cc)
    np.testing.assert_array_equal(parameter.setting_to_cc(parameter.unit_to_setting(unit)), cc)
    assert len(np.unique(setting)) == len(cc)
    if isinstance(parameter, Knob):
        np.testing.assert_allclose(parameter.unit_to_setting(unit), setting, rtol=0, atol=1e-12)
        # What a dataset keeps: 32-bit floats; what a table of 2018 keeps: 12 digits.
        np.testing.assert_array_equal(parameter.setting_to_cc(setting.astype(np.float32)), cc)
        np.testing.assert_array_equal(parameter.setting_to_cc([float(f"{value:.12g}") for value in setting]), cc)
    else:
        np.testing.assert_array_equal(parameter.unit_to_setting(unit), setting)


@pytest.mark.parametrize(("collection", "name", "cc", "setting"), [
    ("guitar", "filter_frequency", 84, 6.61417322835),
    ("guitar", "delay_time", 12, 0.944881889764),
    ("guitar", "flanger_mode", 67, "pitchmod"),
    ("noisemaker", "osc2_wave", 85, "Sine"),
    ("noisemaker", "lfo1_destination", 110, "LFO2RATE"),
    ("subphatty", "mod_source", 64, "SanpleAndHold"),
    ("subphatty", "osc2_octave", 16, "16f"),
    ("subphatty", "filter_reso", 8 * 128 + 120, 0.698284807422),
])  # fmt: skip
def test_known_values(collection, name, cc, setting):
    parameter = get_collection(collection).instrument[name]
    assert parameter.cc_to_setting(np.asarray(cc)).item() == (
        setting if isinstance(setting, str) else pytest.approx(setting, abs=1e-11)
    )


@every_parameter
def test_through_json_and_back(parameter: Parameter):
    assert parameter_from_dict(json.loads(json.dumps(parameter_to_dict(parameter)))) == parameter


@pytest.mark.parametrize("record", [
    {},
    {"kind": "slider", "name": "a", "control": [1]},
    {"kind": "knob", "name": "a"},
    {"kind": "knob", "name": "a", "control": [1], "labels": ["x"]},
    {"kind": "switch", "name": "a", "control": [1]},
])  # fmt: skip
def test_a_record_that_is_no_parameter(record):
    with pytest.raises(InputError, match=r"(?i)parameter"):
        parameter_from_dict(record)


@every_instrument
def test_heard_rules_name_the_instruments_parameters(instrument: Instrument):
    names = {parameter.name for parameter in instrument.parameters}
    for parameter in instrument.parameters:
        assert named(parameter.heard) <= names | QUANTITIES.keys()
        for rule in rules_of(parameter.heard):
            if rule[0] == "is":
                switch = instrument[rule[1]]
                assert isinstance(switch, Switch) and set(rule[2:]) <= set(switch.labels)
                continue
            low, high = limits_of(instrument, rule[1])
            limits = [limit for _, limit in rule[2][2:]] if isinstance(rule[2], tuple) else [rule[2]]
            # It can be on either side.
            assert all(low <= limit < high if rule[0] == "above" else low < limit <= high for limit in limits)


def limits_of(instrument: Instrument, name: str) -> tuple[float, float]:
    """What a knob can be set to, or what is played can be."""
    if name in QUANTITIES:
        return QUANTITIES[name][:2]
    knob = instrument[name]
    assert isinstance(knob, Knob)
    return knob.setting_limits


def rules_of(rule: tuple) -> list[tuple]:
    """The conditions on one parameter each, out of which a heard rule is made."""
    if rule[0] in ("all", "any"):
        return list(chain.from_iterable(rules_of(part) for part in rule[1:]))
    return [rule]


def test_rules_on_columns_and_from_json():
    rule = ("any", ("all", ("is", "wave", "Saw", "Sine"), ("above", "level", 1.0)), ("below", "level", 0.5))
    settings = {"wave": np.array(["Saw", "Saw", "Noise", "Noise"]), "level": np.array([2.0, 1.0, 2.0, 0.0])}
    expected = [True, False, False, True]
    assert holds(rule, settings).tolist() == expected
    assert holds(json.loads(json.dumps(rule)), settings).tolist() == expected
    assert holds(ALWAYS, settings) and not holds(NEVER, settings)
    with pytest.raises(ValueError, match="Unknown operator 'not'"):
        holds(("not", rule), settings)
    with pytest.raises(KeyError):
        holds(rule, {"wave": "Saw"})


def test_unknown_names():
    with pytest.raises(InputError, match=r"Unknown collection 'moog'; there are .*noisemaker-light"):
        get_collection("moog")
    with pytest.raises(InputError, match=r"Unknown instrument 'moog'; there are .*subphatty"):
        get_instrument("moog")
    with pytest.raises(KeyError, match="noisemaker has no parameter 'glide'"):
        get_instrument("noisemaker")["glide"]
    assert get_collection(COLLECTIONS["guitar"]) is COLLECTIONS["guitar"]


@pytest.mark.parametrize("values", [[33], [0, 32, 128], [-1]])
def test_a_switch_refuses_other_codes(values):
    with pytest.raises(InputError, match=r"osc2_wave: .* is not one of 0, 32, 49, 85, 127"):
        get_instrument("noisemaker")["osc2_wave"].cc_to_unit(np.array(values))


def test_a_switch_refuses_other_labels():
    with pytest.raises(InputError, match="osc2_wave: saw is not one of Saw, Pulse"):
        get_instrument("noisemaker")["osc2_wave"].setting_to_cc(np.array(["Saw", "saw"]))


def test_parameters_are_the_same_whatever_is_said_about_them():
    light = COLLECTIONS["noisemaker-light"]

    def other(*parameters):
        return replace(light, instrument=Instrument("noisemaker", "x", parameters), fixed=(), count=0)

    assert same_parameters(light, other(*light.parameters))
    assert same_parameters(light, other(*(replace(p, heard=NEVER, about="other words") for p in light.parameters)))
    assert not same_parameters(light, other(replace(light.parameters[0], control=(99,)), *light.parameters[1:]))
    assert not same_parameters(light, replace(light, columns=light.columns[::-1]))
