"""What a match writes: of every candidate, with what is fixed, without what is not heard."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_matching import UNSURE

from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import get_collection
from secret_sauce_hf.matching import Match, match
from secret_sauce_hf.matching.result import Candidate
from secret_sauce_hf.matching.text import fixed_rows, show_controllers
from secret_sauce_hf.midi import read_messages, read_midi_file, read_preset, read_preset_file
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import Presets

LIGHT, FULL = get_collection("noisemaker-light"), get_collection("noisemaker")


@pytest.fixture(scope="module")
def found() -> Match:
    pipe = load_pipeline(collection="noisemaker-light")
    return match(UNSURE, model=pipe, sampling_rate=22_050, renders=64, candidates=3)


def controls(path: Path) -> set[int]:
    return {message.control for message in read_midi_file(path) if message.type == "control_change"}


def test_every_candidate_gets_its_files(found, tmp_path):
    assert len(found.candidates) == 3
    files = found.save(tmp_path, "bass", unheard=True)
    assert len(files) == len(set(files.values())) == 3 * 3 + 2
    for number, one in enumerate(found.candidates, 1):
        place = "" if number == 1 else f"-{number}"
        for kind, suffix in (("midi", "mid"), ("noisemakerpreset", "noisemakerpreset")):
            path = files[kind + place]
            assert path == tmp_path / f"bass{place}.{suffix}"
            assert read_preset_file(LIGHT, path) == one.preset
            # All 16 parameters, and so the same take from the whole instrument.
            complete = read_preset_file(FULL, path)
            take = render(Presets.from_settings(FULL, [complete]), noise_seed=0)
            np.testing.assert_array_equal(take, render(Presets.from_settings(LIGHT, [one.preset]), noise_seed=0))
        samples, rate = soundfile.read(files["wav" + place], dtype="int16")
        assert rate == 22_050
        np.testing.assert_array_equal(samples, np.rint(one.rendered * 32_768).astype(np.int16))
    assert (found.candidates[0].rendered == found.rendered).all()
    assert read_preset_file(LIGHT, files["json"]) == found.preset


def test_the_record_tells_numbers_of_controllers_and_what_is_fixed(found):
    record = json.loads(json.dumps(found.to_dict()))
    assert record["controllers"] == {
        parameter.name: {str(parameter.control[0]): cc}
        for parameter in LIGHT.instrument.parameters
        for cc in [(found.cc | {p.name: int(p.setting_to_cc(np.asarray(s))) for p, s in fixed()})[parameter.name]]
    }
    assert record["fixed"] == dict(LIGHT.fixed)
    assert record["base_preset"]["oscmastertune"] == 0.5 and "cutoff" not in record["base_preset"]
    assert record["not_sent"] == list(found.not_sent)
    for one, told in zip(found.candidates, record["candidates"], strict=True):
        own = dict(zip(LIGHT.columns, one.cc, strict=True))
        assert {name: list(values.values()) for name, values in told["controllers"].items()} == {
            name: [cc] for name, cc in own.items()
        }
        assert told["preset"] == one.preset and "rendered" not in told


def fixed():
    settings = dict(LIGHT.fixed)
    return [(p, settings[p.name]) for p in LIGHT.instrument.parameters if p.name in settings]


def of_full(found: Match, **changes) -> Match:
    """A match of the whole NoiseMaker, in which much is not heard."""
    row = next(Presets.from_settings(LIGHT, [found.preset]).rows()) | dict(LIGHT.fixed)
    presets = Presets.from_settings(FULL, [{name: row[name] for name in FULL.columns} | changes])
    presets = Presets.from_cc(FULL, presets.cc)
    (preset,) = presets.rows()
    cc = presets.cc[0].tolist()
    best = Candidate(preset, tuple(cc), 0.0, 0.0, "search")
    return replace(
        found,
        collection=FULL,
        preset=preset,
        confidence=dict.fromkeys(FULL.columns, 0.5),
        heard=dict(zip(FULL.columns, presets.heard()[0].tolist(), strict=True)),
        cc=dict(zip(FULL.columns, cc, strict=True)),
        alone=best,
        candidates=(best, best),
    )


def test_what_is_not_heard_is_sent_only_if_asked_for(found, tmp_path):
    told = of_full(found)
    unheard = {name for name, heard in told.heard.items() if not heard}
    assert {"osc1_wave", "filter_attack"} <= unheard and set(told.not_sent) == unheard
    numbers = {FULL.instrument[name].control[0] for name in unheard}
    files = told.save(tmp_path)
    for kind in ("midi", "midi-2"):
        assert controls(files[kind]) == {p.control[0] for p in FULL.parameters} - numbers
        report = read_messages(FULL, read_midi_file(files[kind]))
        assert report.is_preset and set(report.unheard) == unheard
        assert {name: told.preset[name] for name in report.settings} == report.settings
        # Texts tell what was not sent.
        assert report.preset == told.preset
    # The files that hold all settings do so still.
    assert read_preset_file(FULL, files["noisemakerpreset"]) == told.preset
    assert read_preset_file(FULL, files["json"]) == told.preset
    files = told.save(tmp_path, unheard=True)
    assert read_preset(FULL, read_midi_file(files["midi"])) == told.preset
    assert {m.control for m in told.midi} | numbers == {m.control for m in told.messages(unheard=True)}


def test_what_the_model_hears_is_sent_whatever_the_rules_say(found):
    told = of_full(found)
    told = replace(told, heard=told.heard | {"filter_attack": True})
    assert "filter_attack" not in told.not_sent
    # In silence nothing is heard of anything; but what would be heard of a sound is sent.
    silent = replace(told, heard=dict.fromkeys(told.heard, False))
    assert "filter_cutoff" not in silent.not_sent and "filter_attack" in silent.not_sent


def test_two_that_silence_each_other(found):
    told = of_full(found, lfo1_amount=64 / 12.7, lfo1_destination="NOTHING")
    assert not told.heard["lfo1_amount"] and not told.heard["lfo1_destination"]
    assert len({"lfo1_amount", "lfo1_destination"} & set(told.not_sent)) == 1


def test_texts_have_the_number_beside_the_value(found):
    assert show_controllers({15: 64}) == "15: 64"
    assert show_controllers({21: 3, 53: 77}) == "21: 3, 53: 77"
    assert show_controllers({}) == "–"
    rows = fixed_rows(found)
    assert ["osc2_volume", "10.00", "32: 127"] in rows and ["lfo1_destination", "FILTER", "31: 20"] in rows
    assert len(rows) == 11 and fixed_rows(of_full(found)) == []
