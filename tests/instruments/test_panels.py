"""Front panels follow from declarations: every control once, in sections that people know."""

from dataclasses import replace

import pytest

from secret_sauce_hf.instruments import COLLECTIONS
from secret_sauce_hf.instruments.instrument import Instrument
from secret_sauce_hf.instruments.panels import sections
from secret_sauce_hf.instruments.parameters import Knob


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_control_has_one_place_and_one_name(name):
    collection = COLLECTIONS[name]
    found = sections(collection)
    placed = [parameter.name for section in found for parameter in section.parameters]
    assert sorted(placed) == sorted(parameter.name for parameter in collection.instrument.parameters)
    for section in found:
        assert len(set(section.labels)) == len(section.labels) == len(section.parameters)
        assert section.title and all(section.labels)
    assert len({section.name for section in found}) == len({section.title for section in found}) == len(found)


def test_the_sub_phatty_is_as_on_its_front():
    titles = [section.title for section in sections(COLLECTIONS["subphatty"])]
    assert titles[:2] == ["Oscillator 1", "Oscillator 2"]
    assert set(titles) == {
        *("Oscillator 1", "Oscillator 2", "Mixer", "Filter", "Filter envelope", "Amplifier envelope", "Modulation")
    }


def test_stages_and_switches_in_their_order():
    by_title = {section.title: section for section in sections(COLLECTIONS["noisemaker"])}
    assert by_title["Amplifier"].labels == ("Attack", "Decay", "Sustain")
    assert by_title["Filter"].labels == ("Cutoff", "Resonance", "Attack", "Decay", "Sustain")
    by_title = {section.title: section for section in sections(COLLECTIONS["guitar"])}
    assert by_title["Delay"].labels[0] == "On off"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Cutoff"], {"General": ("Cutoff",)}),
        (["a_b", "a_c", "d"], {"A": ("B", "C"), "General": ("D",)}),
        (
            ["osc1_wave", "osc1_level", "osc2_wave", "osc2_level"],
            {"Oscillator 1": ("Wave", "Level"), "Oscillator 2": ("Wave", "Level")},
        ),
        (["Filter Cutoff", "Filter Q"], {"Filter": ("Cutoff", "Q")}),
        (["_", "__"], {"General": ("_", "__")}),
        (["1", "2"], {"General": ("1", "2")}),
        (["delay", "delay_time"], {"Delay": ("Delay", "Time")}),
    ],
)
def test_names_that_nobody_here_has_chosen(names, expected):
    machine = Instrument("box", "Box", tuple(Knob(name, ()) for name in names))
    collection = replace(COLLECTIONS["noisemaker-light"], instrument=machine, columns=tuple(names), fixed=())
    assert {section.title: section.labels for section in sections(collection)} == expected
