"""Presets of the NoiseMaker in files of its own, and every file that holds one preset, read back."""

import json
import random
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import INSTRUMENTS, InputError, get_collection
from secret_sauce_hf.midi import (
    base_preset,
    native_preset,
    native_suffix,
    noisemaker_base,
    preset_midi_file,
    read_midi_file,
    read_native_preset,
    read_preset,
    read_preset_file,
    write_midi_file,
)
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import Presets, draw_presets

LIGHT, FULL = get_collection("noisemaker-light"), get_collection("noisemaker")
ROW = next(original_presets(LIGHT, 0, 1).rows())
WHOLE = native_preset(LIGHT, ROW, "bass")


def program(data: bytes) -> dict[str, str]:
    return ET.fromstring(data).find("programs/program").attrib


def written(folder, content: bytes, name: str = "a.noisemakerpreset"):
    path = folder / name
    path.write_bytes(content)
    return path


def test_the_base_preset_is_that_of_2018(shared):
    theirs = ET.parse(shared / "original" / "NoiseMakerSetup.noisemakerpreset").getroot()
    ours = ET.fromstring(WHOLE)
    assert ours.attrib == theirs.attrib == {"curprogram": "0", "version": noisemaker_base.VERSION}
    their_program = dict(theirs.find("programs/program").attrib)
    assert their_program.pop("programname") == noisemaker_base.PROGRAM
    assert {name: np.float32(value) for name, value in their_program.items()} == {
        name: np.float32(value) for name, value in noisemaker_base.VALUES.items()
    }
    # To the letter, but for what the preset sets.
    set_by_presets = set(their_program) - set(base_preset(LIGHT))
    assert len(set_by_presets) == 16
    assert {name: program(WHOLE)[name] for name in base_preset(LIGHT)} == {
        name: their_program[name] for name in base_preset(LIGHT)
    }
    assert [m.attrib for m in ours.iter("map")] == [m.attrib for m in theirs.iter("map")]
    base = read_native_preset(FULL, shared / "original" / "NoiseMakerSetup.noisemakerpreset")
    assert base["osc2_wave"] == "Triangle" and base["filter_cutoff"] == pytest.approx(5.41)
    fixed = dict(LIGHT.fixed)
    assert {name: base[name] for name in fixed} == {
        name: pytest.approx(setting) if isinstance(setting, float) else setting for name, setting in fixed.items()
    }


@pytest.mark.parametrize("name", ["noisemaker", "noisemaker-light"])
def test_a_native_preset_survives(name, tmp_path):
    for row in draw_presets(name, 60, seed=3).rows():
        assert read_native_preset(name, written(tmp_path, native_preset(name, row))) == row


def test_what_is_written_is_what_the_controllers_set():
    sent = {parameter.control[0]: parameter for parameter in INSTRUMENTS["noisemaker"].parameters}
    values = program(WHOLE)
    messages = [m for m in preset_midi_file(LIGHT, ROW).tracks[0] if m.type == "control_change"]
    assert {message.control for message in messages} == set(sent) and len(messages) == 16
    names = {control: name for control, _, name in noisemaker_base.MIDI_MAP}
    for message in messages:
        assert np.float32(values[names[message.control]]) == np.float32(message.value / 127)


@pytest.mark.parametrize("title", ["a", "a<\"&>'b", "ä 音", "x" * 500, "tab\tand\nline", "\udcff", ""])
def test_titles(title, tmp_path):
    shown = program(native_preset(LIGHT, ROW, title))["programname"]
    assert len(shown) <= 60 and shown.isprintable()
    assert read_native_preset(LIGHT, written(tmp_path, native_preset(LIGHT, ROW, title))) == ROW


@pytest.mark.parametrize("number", range(4))
def test_three_kinds_of_files_set_all_16_parameters_and_render_the_same_take(number, tmp_path):
    rows = draw_presets(LIGHT, 4, seed=7)
    row = list(rows.rows())[number]
    write_midi_file(preset_midi_file(LIGHT, row), tmp_path / "a.mid")
    fixed = dict(LIGHT.fixed)
    (tmp_path / "a.json").write_text(json.dumps({"preset": row, "fixed": fixed}))
    written(tmp_path, native_preset(LIGHT, row))
    take = render(Presets.from_settings(LIGHT, [row]), noise_seed=5)
    assert np.abs(take).max() > 0
    for kind in ("mid", "json", "noisemakerpreset"):
        assert read_preset_file(LIGHT, tmp_path / f"a.{kind}") == row
        complete = read_preset_file(FULL, tmp_path / f"a.{kind}")
        assert set(complete) == set(FULL.columns) and len(complete) == 16
        np.testing.assert_array_equal(render(Presets.from_settings(FULL, [complete]), noise_seed=5), take)


def test_a_plain_mapping_and_upper_case_names(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf" + json.dumps(ROW).encode(), "a.JSON")
    assert read_preset_file(LIGHT, path) == ROW


@pytest.mark.parametrize("collection", ["subphatty", "guitar", "guitar-tiny"])
def test_other_instruments_have_no_files_of_their_own(collection, tmp_path):
    assert native_suffix(collection) is None and base_preset(collection) == {}
    with pytest.raises(InputError, match="only those of the NoiseMaker"):
        native_preset(collection, next(draw_presets(collection, 1, 1).rows()))
    with pytest.raises(InputError, match="only those of the NoiseMaker"):
        read_native_preset(collection, written(tmp_path, WHOLE))


def changed(**values: str) -> bytes:
    data = WHOLE.decode()
    for name, value in values.items():
        data, count = re.subn(rf'\b{name}="[^"]*"', f'{name}="{value}"', data)
        assert count == 1
    return data.encode()


def test_presets_of_another_volume_of_another_window_and_of_several_programs(tmp_path):
    """And such as newer versions write."""
    data = changed(volume="0.9", tab3open="1").replace(b"<program ", b'<program newknob="0.3" ')
    assert read_native_preset(LIGHT, written(tmp_path, data)) == ROW
    other = changed(cutoff="1").decode()
    both = other.replace(
        "</programs>", re.search("<program .*</program>", WHOLE.decode(), re.DOTALL)[0] + "</programs>"
    )
    second = both.replace('curprogram="0"', 'curprogram="1"').encode()
    assert read_native_preset(LIGHT, written(tmp_path, both.encode()))["filter_cutoff"] == 10.0
    assert read_native_preset(LIGHT, written(tmp_path, second)) == ROW
    # Set by hand, between two values of a controller.
    assert read_native_preset(LIGHT, written(tmp_path, changed(cutoff="0.5")))["filter_cutoff"] == 5.0


BILLION = b'<?xml version="1.0"?><!DOCTYPE tal [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><tal>&b;</tal>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a preset of the NoiseMaker, or a damaged one"),
        (b"no XML", "is not a preset of the NoiseMaker, or a damaged one"),
        (WHOLE[:900], "is not a preset of the NoiseMaker, or a damaged one"),
        (b"<tal/>", "it holds no program"),
        (b'<?xml version="1.0" encoding="none-such"?><tal/>', "is not a preset of the NoiseMaker"),
        (BILLION, "declares a document type, which no preset does"),
        (BILLION.decode().encode("utf-16"), "declares a document type, which no preset does"),
        (b'<!DOCTYPE tal SYSTEM "file:///etc/passwd"><tal/>', "declares a document type"),
        (b"<tal><programs><program/></programs></tal>", "lacks osc2waveform: it is not a whole preset"),
        (changed(cutoff="NaN"), "cutoff is 'NaN'; it must be a number from 0 to 1"),
        (changed(cutoff="1.5"), "cutoff is '1.5'; it must be a number from 0 to 1"),
        (changed(cutoff="loud"), "cutoff is 'loud'; it must be a number"),
        (changed(lfo1destination="1"), "lfo1destination is 1, a position that no preset of the collections has"),
        (changed(osc1volume="0.5"), "osc1_volume is 5.0, and every preset of noisemaker-light has 0.0 there"),
        (changed(reverbwet="0.3", filtertype="0.5"), r"filtertype is 0.5 \(base: 0\), reverbwet is 0.3 \(base: 0\)"),
        (WHOLE + b" " * 2**22, "is larger than 4 MB"),
    ],
)  # fmt: skip
def test_files_that_are_no_presets(content, message, tmp_path):
    with pytest.raises(InputError, match=message) as told:
        read_preset_file(LIGHT, written(tmp_path, content))
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"", "is not a JSON file"),
        ("a.json", b"[" * 100_000, "is not a JSON file"),
        ("a.json", b"\xff", "is not a JSON file"),
        ("a.json", b"[1]", "holds no preset"),
        ("a.json", b'{"preset": 3}', "has no parameter 'preset'"),
        ("a.json", json.dumps(ROW | {"glide": 1}).encode(), "noisemaker has no parameter 'glide'"),
        ("a.json", json.dumps({"preset": {"lfo1_rate": 1}}).encode(), "no value for filter_cutoff"),
        ("a.json", json.dumps(ROW | {"lfo1_rate": float("nan")}).encode(), "column lfo1_rate: nan must be"),
        ("a.json", json.dumps(ROW | {"osc1_volume": 3}).encode(), "osc1_volume is 3, and every preset of"),
        ("a.json", json.dumps(ROW | {"osc1_wave": ["Saw"]}).encode(), "osc1_wave is .'Saw'., and every preset of"),
        ("a.mid", b"MThd", "is a broken MIDI file"),
        ("a.txt", b"", "is not a preset's file by its name: those end in .mid"),
        ("a", b"", "is not a preset's file by its name"),
    ],
)
def test_other_files_that_are_no_presets(name, content, message, tmp_path):
    with pytest.raises(InputError, match=message) as told:
        read_preset_file(LIGHT, written(tmp_path, content, name))
    assert "\n" not in str(told.value) and name in str(told.value)


@pytest.mark.parametrize("name", ["a.mid", "a.json", "a.noisemakerpreset"])
def test_files_that_are_not_there(name, tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_preset_file(LIGHT, tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="No such file"):
        read_preset_file(LIGHT, tmp_path / name)


def test_a_light_file_is_read_for_both_collections(tmp_path):
    write_midi_file(preset_midi_file(LIGHT, ROW), tmp_path / "a.mid")
    messages = read_midi_file(tmp_path / "a.mid")
    assert read_preset(LIGHT, messages) == ROW
    complete = read_preset(FULL, messages)
    assert {name: complete[name] for name in ROW} == ROW
    with pytest.raises(InputError, match=r"a\.mid: .* osc1_volume \(CC 19\) got 127, fixed at 0 in noisemaker-light"):
        loud = complete | {"osc1_volume": 10.0}
        write_midi_file(preset_midi_file(FULL, loud), tmp_path / "a.mid")
        read_preset_file(LIGHT, tmp_path / "a.mid")


@pytest.mark.parametrize("kind", ["noisemakerpreset", "json"])
def test_mutants_give_an_error_or_a_preset(kind, tmp_path):
    generator = random.Random(14)
    whole = WHOLE if kind == "noisemakerpreset" else json.dumps({"preset": ROW, "fixed": dict(LIGHT.fixed)}).encode()
    path = tmp_path / f"a.{kind}"
    for _ in range(1_000):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(data))
            data[at : at + generator.randint(0, 3)] = bytes(
                generator.choice([generator.randrange(256), *b'<>"&1-.e{}[],']) for _ in range(generator.randint(0, 3))
            )
        path.write_bytes(data)
        try:
            Presets.from_settings(FULL, [read_preset_file(FULL, path)])
        except InputError as error:
            assert "\n" not in str(error)
