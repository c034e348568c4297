"""Presets of Vital in files of its own: written, read back, loaded by Vital, and files that are none."""

import json
import random

import numpy as np
import pytest

from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.instruments.vital import WAVES
from secret_sauce_hf.midi import native_preset, native_suffix, read_native_preset, read_preset_file, vital_base
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.rows import read_file

VITAL = get_collection("vital")


def preset():
    """One in which oscillator 1 sounds alone, and the LFO moves its frame."""
    row = next(draw_presets(VITAL, 1, 1).rows())
    row |= {"osc_1_level": 8.0, "osc_2_level": 0.0, "sample_level": 0.0, "osc_1_unison_voices": 0.0}
    row |= {"lfo_1_depth": 8.0, "lfo_1_destination": "osc_1_wave_frame", "env_2_depth": 8.0, "chorus_dry_wet": 3.0}
    # On the grid of the knobs, as drawn ones are.
    (row,) = Presets.from_cc(VITAL, Presets.from_settings(VITAL, [row]).cc).rows()
    return row


ROW = {name: setting for name, setting in preset().items() if name != "file"}
WHOLE = native_preset(VITAL, ROW, "bass")


def written(folder, content, name="a.vital"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def changed(settings=(), connections=None, **top):
    """The preset with other settings, other modulations by their number, and other values beside the settings."""
    data = json.loads(WHOLE)
    data["settings"].update(settings)
    for number, (source, destination) in (connections or {}).items():
        data["settings"]["modulations"][number - 1] = {"source": source, "destination": destination}
    return data | top


def without(*names):
    data = json.loads(WHOLE)
    for name in names:
        del data["settings"][name]
    return data


def test_200_presets_survive(tmp_path):
    presets = draw_presets(VITAL, 200, 4)
    assert native_suffix(VITAL) == ".vital"
    for row in presets.rows():
        assert read_native_preset(VITAL, written(tmp_path, native_preset(VITAL, row))) == row


def test_settings_between_the_steps_survive_in_vitals_precision(tmp_path):
    random_units = np.random.default_rng(2).random((20, len(VITAL.columns)))
    for units in random_units:
        row = dict(ROW)
        for parameter, unit in zip(VITAL.parameters, units, strict=True):
            if not parameter.classes and not parameter.top:
                row[parameter.name] = float(unit * 10)
        content = native_preset(VITAL, row)
        read = read_native_preset(VITAL, written(tmp_path, content))
        for name, setting in row.items():
            assert read[name] == (setting if isinstance(setting, str) else pytest.approx(setting, abs=2e-6))
        assert native_preset(VITAL, read) == content


def test_a_file_has_everything():
    data = json.loads(WHOLE)
    settings = data["settings"]
    assert data["preset_name"] == "bass" and data["synth_version"] == "1.0.7"
    assert settings.keys() == vital_base.init_values().keys() | {"lfos", "modulations", "sample", "wavetables"}
    assert len(settings["modulations"]) == 64 and len(settings["lfos"]) == 8 and len(settings["wavetables"]) == 3
    assert settings["osc_1_on"] == 1 and settings["osc_2_on"] == settings["sample_on"] == 0
    # A quarter of the frames that Vital counts.
    assert settings["modulation_2_amount"] == pytest.approx(0.6 / 4, abs=1e-4)
    assert tuple(vital_base.LFO_SHAPES) == WAVES


@pytest.mark.parametrize("title", ["a", "a<\"&>'b", "ä 音", "x" * 500, "tab\tand\nline", "\udcff", ""])
def test_titles(title, tmp_path):
    content = native_preset(VITAL, ROW, title)
    shown = json.loads(content)["preset_name"]
    assert len(shown) <= 60 and (shown.isprintable() or not shown)
    assert read_native_preset(VITAL, written(tmp_path, content)) == ROW


def test_tables_of_rows_and_upper_case_names(tmp_path):
    (part,) = read_file(VITAL, written(tmp_path, WHOLE, "a.VITAL"))
    assert list(part.rows()) == [ROW]
    assert read_preset_file(VITAL, written(tmp_path, b"\xef\xbb\xbf" + WHOLE)) == ROW


@pytest.mark.parametrize(
    "content",
    [
        changed({"volume": 7000.0, "macro_control_1": 0.7, "polyphony": 3.0, "osc_1_random_phase": 1.0}),
        # Of what is off, and of unison where there is one voice.
        changed({"delay_feedback": 0.9, "osc_3_level": 0.1, "osc_2_pan": 0.5, "osc_1_stereo_spread": 0.1}),
        changed({"osc_1_distortion_amount": 0.9, "lfo_2_frequency": 3.0, "env_4_attack": 0.7, "eq_low_gain": 3.0}),
        changed({"lfo_3_phase": 0.5, "filter_2_cutoff": 20.0, "random_1_style": 2.0}),
        # Modulations of no depth, and switched off.
        changed(connections={7: ("lfo_4", "osc_1_pan")}),
        changed({"modulation_9_amount": 1.0, "modulation_9_bypass": 1.0}, {9: ("lfo_1", "osc_1_pan")}),
        # Of a newer version.
        changed({"osc_1_new": 0.3}, synth_version="1.5.5", more="things"),
        changed(synth_version="99999.9.9"),
        without("delay_feedback", "view_spectrogram"),
    ],
)
def test_presets_that_sound_the_same(content, tmp_path):
    assert read_native_preset(VITAL, written(tmp_path, content)) == ROW


def test_modulations_are_found_in_any_order(tmp_path):
    settings = {"modulation_1_amount": 0.6 / 4, "modulation_1_bipolar": 1.0, "modulation_2_amount": 0.0}
    settings |= {"modulation_5_amount": -0.5, "modulation_2_bipolar": 0.0}
    places = {1: ("lfo_1", "osc_1_wave_frame"), 2: ("", ""), 5: ("env_2", "filter_1_cutoff")}
    read = read_native_preset(VITAL, written(tmp_path, changed(settings, places)))
    assert read["env_2_depth"] == pytest.approx(2.5) and read["lfo_1_depth"] == pytest.approx(8.0, abs=1e-3)
    assert {name for name in read if read[name] != ROW[name]} <= {"env_2_depth", "lfo_1_depth"}


def nested(depth):
    return WHOLE.replace(b'"comments": ""', b'"comments": ' + b"[" * depth + b"]" * depth)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a preset of Vital, or a damaged one"),
        (b"no JSON", "is not a preset of Vital, or a damaged one"),
        (WHOLE[:900], "is not a preset of Vital, or a damaged one"),
        (b"\xff\xfe", "is not a preset of Vital, or a damaged one"),
        (nested(10_000), "is not a preset of Vital, or a damaged one"),
        (b"[" * 100_000, "is not a preset of Vital, or a damaged one"),
        (WHOLE + b" " * 2**24, "is larger than 16 MB"),
        (b"[1]", "those have settings, and the version"),
        (b"{}", "those have settings, and the version"),
        (changed(settings=[]) | {"settings": [1]}, "those have settings, and the version"),
        (changed(synth_version=1), "those have settings, and the version"),
        (changed(synth_version="new"), "those have settings, and the version"),
        (changed(synth_version="0.9.5"), "was saved by Vital 0.9.5: open it in Vital 1 and save it again"),
        (without("osc_1_level"), "lacks osc_1_level: it is not a whole preset of Vital"),
        (changed({"osc_1_level": float("nan")}), "NaN is no number"),
        (changed({"osc_1_level": float("inf")}), "Infinity is no number"),
        (WHOLE.replace(b'"osc_1_pan": 0.0', b'"osc_1_pan": 1e999'), "osc_1_pan is inf; it must be a number"),
        (WHOLE.replace(b'"osc_1_pan": 0.0', b'"osc_1_pan": 1' + b"0" * 400), r"osc_1_pan is 1000.*\.\.\.; it must be"),
        (WHOLE.replace(b'"osc_1_pan": 0.0', b'"osc_1_pan": 1' + b"0" * 5_000), "is not a preset of Vital"),
        (changed({"osc_1_level": True}), "osc_1_level is True; it must be a number"),
        (changed({"osc_1_level": None}), "osc_1_level is None; it must be a number"),
        (changed({"osc_1_level": "loud"}), "osc_1_level is 'loud'; it must be a number"),
        (changed({"osc_1_level": [[1]]}), "osc_1_level is a list; it must be a number"),
        (changed({"osc_1_level": 1.5}), "osc_1_level is 1.5; it must be a number from 0 to 1"),
        (changed({"filter_1_cutoff": 7.0}), "filter_1_cutoff is 7; it must be a number from 8 to 136"),
        (changed({"osc_1_transpose": 36.0}), "osc_1_transpose is 36; it must be a whole number from -24 to 24"),
        (changed({"osc_1_transpose": 0.5}), "osc_1_transpose is 0.5; it must be a whole number"),
        (changed({"filter_1_model": 6.0}), "filter_1_model is 6; it must be a whole number from 0 to 3"),
        (changed({"modulation_2_amount": 0.5}), "lfo_1 moves osc_1_wave_frame by 0.5; it must be from -0.25 to 0.25"),
        (changed({"modulations": 3}), "modulations must be a list of up to 64"),
        (changed({"modulations": [{}] * 65}), "modulations must be a list of up to 64"),
        (changed({"modulations": [3]}), "modulation 1 has no source and destination"),
        (changed({"modulations": [{"source": 3, "destination": "a"}]}), "modulation 1 has no source and destination"),
        (changed(connections={3: ("lfo_1", "a\nb")}), "modulation 3 has no source and destination"),
        (
            changed({"modulation_3_amount": 0.5}, {3: ("lfo_2", "osc_1_level")}),
            "which leave all else as the base preset has it: lfo_2 moves osc_1_level",
        ),
        (changed({"modulation_3_amount": 0.5}, {3: ("lfo_1", "voice_tune")}), "lfo_1 moves voice_tune"),
        (changed({"modulation_2_bipolar": 0.0}), r"modulation_2_bipolar is 0 \(base: 1\)"),
        (changed({"delay_on": 1.0, "osc_1_pan": -0.5}), r"delay_on is 1 \(base: 0\), osc_1_pan is -0.5 \(base: 0\)"),
        (changed({f"env_1_{name}": 1.0 for name in ("delay", "hold", "attack_power", "decay_power")}), "and 1 more"),
        (changed({"wavetables": [{"name": "Brass"}]}), "oscillator 1 has the wavetable 'Brass'"),
        (changed({"wavetables": 3}), "oscillator 1 has the wavetable None"),
        (changed({"sample_on": 1.0, "sample_level": 0.5, "sample": {"name": "Wind"}}), "the sampler plays 'Wind'"),
        (changed({"lfos": [{"name": "Steps"}]}), "LFO 1 has the wave 'Steps'"),
    ],
)  # fmt: skip
def test_files_that_are_no_presets(content, message, tmp_path):
    with pytest.raises(InputError, match=message) as told:
        read_preset_file(VITAL, written(tmp_path, content))
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_other_instruments_and_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"and those of Vital \(\.vital\)"):
        read_native_preset("guitar", written(tmp_path, WHOLE))
    with pytest.raises(InputError, match="No such file"):
        read_native_preset(VITAL, tmp_path / "b.vital")
    with pytest.raises(InputError, match="No such file"):
        read_native_preset(VITAL, tmp_path)


def test_mutants_give_an_error_or_a_preset(tmp_path):
    generator = random.Random(14)
    # Not the base64, of which there is much.
    whole = json.dumps(changed({"sample": {}, "wavetables": []})).encode()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(data))
            data[at : at + generator.randint(0, 3)] = bytes(
                generator.choice([generator.randrange(256), *b'"1-.e{}[],:']) for _ in range(generator.randint(0, 3))
            )
        try:
            read_preset_file(VITAL, written(tmp_path, bytes(data)))
        except InputError as error:
            assert "\n" not in str(error)
