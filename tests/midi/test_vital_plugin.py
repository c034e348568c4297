"""Files of presets of Vital and Vital itself: what it loads and saves, and what of it this package holds as data."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soxr

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.engines.dsp.takes import limit_takes
from secret_sauce_hf.instruments import SAMPLE_RATE, Note, get_collection, with_seconds
from secret_sauce_hf.midi import native_preset, read_native_preset, vital_base
from secret_sauce_hf.presets import Presets, draw_presets

vita = pytest.importorskip("vita")

SHORT = with_seconds(get_collection("vital"), 0.3)
NOTE = Note(60, 100, 0.0, 0.2)


@pytest.fixture(scope="module")
def synth():
    return vita.Synth()


def test_the_init_preset_is_that_of_vital(synth):
    settings = json.loads(vita.Synth().to_json())["settings"]
    assert vital_base.init_values() == {name: value for name, value in settings.items() if isinstance(value, float)}
    controls = synth.get_controls()
    assert vital_base.init_values().keys() == controls.keys()
    # What a file lacks, Vital sets to this.
    for name, value in vital_base.init_values().items():
        assert synth.get_control_details(name).default_value == pytest.approx(value)


def test_ranges_and_labels_are_those_of_vital(synth):
    for name, (low, high) in vital_base.RANGES.items():
        details = synth.get_control_details(name)
        share = (vital_base.FRAMES - 1) / 256 if name.endswith("_wave_frame") else 1
        assert (low, high) == (details.min, details.max * share)
    for name in vital_base.CHOICES:
        labels = SHORT.instrument[name].labels
        assert list(labels) == list(synth.get_control_details(name).options)[: len(labels)]
    assert vital_base.FRAME_SHARE == (vital_base.FRAMES - 1) / 256
    destinations = SHORT.instrument["lfo_1_destination"].labels
    assert {"filter_1_cutoff", *destinations} <= set(vita.get_modulation_destinations())


def test_a_file_that_vital_loads_is_the_take_of_the_engine():
    rows = draw_presets(SHORT, 5, 8, prior="musical").playing([NOTE])
    takes = get_engine(SHORT).render(rows)
    for row, take in zip(rows.rows(), takes, strict=True):
        synth = vita.Synth()
        assert synth.load_json(native_preset(SHORT, row, "some name").decode())
        # It leaves its thread counting the smallest numbers as nought: not that of the tests.
        with ThreadPoolExecutor(1) as own:
            played = own.submit(synth.render, NOTE.pitch, NOTE.velocity / 127, NOTE.duration, SHORT.seconds + 1e-5)
        sound = played.result().mean(axis=0)
        np.testing.assert_array_equal(limit_takes(soxr.resample(sound, 44_100, SAMPLE_RATE, "HQ")[None])[0], take)
    assert (np.abs(takes).max(axis=1) > 300).sum() >= 3


def test_what_vital_saves_is_read_back(tmp_path, synth):
    path = tmp_path / "a.vital"
    for row in draw_presets(SHORT, 10, 9).rows():
        assert synth.load_json(native_preset(SHORT, row).decode())
        path.write_text(synth.to_json(), encoding="utf-8")
        assert read_native_preset(SHORT, path) == row


def test_what_the_init_preset_has_otherwise_is_named(tmp_path):
    path = tmp_path / "a.vital"
    path.write_text(vita.Synth().to_json(), encoding="utf-8")
    with pytest.raises(ValueError, match="oscillator 1 has the wavetable 'Init'"):
        read_native_preset(SHORT, path)


def test_a_file_keeps_the_take(tmp_path):
    rows = draw_presets(SHORT, 4, 10, prior="musical")
    # Between the steps of the knobs, too.
    knobs = [not parameter.classes and not parameter.top for parameter in SHORT.parameters]
    unit = rows.unit + np.where(knobs, np.random.default_rng(1).random(rows.unit.shape) * 1e-3 * (rows.unit < 0.9), 0)
    rows = Presets(SHORT, unit)
    path, read = tmp_path / "a.vital", []
    for row in rows.rows():
        path.write_bytes(native_preset(SHORT, row))
        read.append(read_native_preset(SHORT, path))
    back = Presets.from_settings(SHORT, read)
    assert np.abs(back.unit - unit).max() < 1e-6
    takes = [get_engine(SHORT).render(presets.playing([NOTE])) for presets in (rows, back)]
    np.testing.assert_array_equal(*takes)
