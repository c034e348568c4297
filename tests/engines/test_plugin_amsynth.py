"""A real plug-in, Debian's amsynth: its parameters, and how it is made to repeat itself."""

from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.engines.plugin.describing import declare_plugin
from secret_sauce_hf.engines.plugin.engine import PluginEngine
from secret_sauce_hf.instruments import Note, read_declaration, write_declaration
from secret_sauce_hf.presets import draw_presets

AMSYNTH = Path("/usr/lib/vst/amsynth_vst.so")
pytest.importorskip("dawdreamer")
pytestmark = pytest.mark.skipif(not AMSYNTH.is_file(), reason="needs Debian's amsynth")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    path = tmp_path_factory.mktemp("amsynth") / "amsynth.json"
    write_declaration(declare_plugin(AMSYNTH, name="amsynth", switches=["osc1_waveform"], listen=False), path)
    return read_declaration(path)


def test_its_parameters(collection):
    # It lets hosts automate none, and they can be set all the same.
    assert len(collection.columns) == 41
    assert collection.instrument["osc1_waveform"].labels == ("0", "1", "2", "3", "4")
    assert collection.instrument["osc2_pitch"].high == 24
    assert collection.instrument["filter_cutoff"].high == 16_383
    assert collection.instrument["osc2_sync"].labels == ("0", "1")


def test_it_repeats_itself_from_a_copy_of_its_process_only(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    only = ["osc1_waveform", "osc2_detune", "osc_mix", "filter_cutoff", "amp_release", "reverb_width"]
    engine = PluginEngine(collection := declare_plugin(AMSYNTH, name="amsynth", only=only, listen=False))
    try:
        assert engine.report.repeats
        assert engine.reset == "fork"
        assert engine.report.agreements["continue"] < 0.9
        assert engine.report.idle == ()
        # Takes are mono.
        assert "reverb_width" in engine.report.silent
        presets = draw_presets(collection, 12, seed=5)
        takes = engine.render(presets)
        order = np.random.default_rng(1).permutation(12)
        np.testing.assert_array_equal(engine.render(presets[order]), takes[order])
        assert (np.abs(takes).max(axis=1) > 100).mean() > 0.5
        chord = [Note(pitch, 100, 0.1, 1.0) for pitch in (48, 55, 64)]
        assert engine.render(presets.playing(chord)).shape == takes.shape
    finally:
        engine.close()
