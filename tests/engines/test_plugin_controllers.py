"""Parameters of plug-ins that are set by MIDI controllers: found by ear, declared, played, sent."""

from pathlib import Path

import numpy as np
import pytest

from secret_sauce_hf.engines.plugin import controllers
from secret_sauce_hf.engines.plugin.describing import declare_plugin, describe_plugin
from secret_sauce_hf.engines.plugin.engine import PluginEngine
from secret_sauce_hf.engines.plugin.process import HOSTS
from secret_sauce_hf.engines.plugin.targets import split
from secret_sauce_hf.instruments import read_declaration, write_declaration
from secret_sauce_hf.midi import preset_messages, read_preset
from secret_sauce_hf.presets import Presets, draw_presets

AMSYNTH, ZYN = Path("/usr/lib/vst/amsynth_vst.so"), Path("/usr/lib/vst/ZynAddSubFX.so")


@pytest.fixture
def few(monkeypatch):
    """Some controllers are tried instead of a hundred."""
    monkeypatch.setattr(controllers, "CONTROLLERS", (1, 2, 7, 39, 80))


@pytest.fixture
def rendered():
    """Renders rows, and closes the engine after the test."""
    engines = []

    def render(presets, **options):
        engines.append(PluginEngine(presets.collection, **options))
        return engines[-1].render(presets)

    yield render
    for engine in engines:
        engine.close()


def test_what_is_tried():
    assert not set(controllers.CONTROLLERS) & {0, 6, 32, 38, 64, 66, *range(96, 102), *range(120, 128)}
    assert set(controllers.NAMES) <= set(controllers.CONTROLLERS)
    assert {1, 7, 10, 11, 71, 74, 119} <= set(controllers.CONTROLLERS)


def test_targets():
    told, values = split([3, (7,), (12, 44), 0], np.array([0.25, 1.0, 1.0, 0.5]))
    assert told == {"indices": [3, 0], "controls": [[7, 127, 0], [12, 127, 0], [44, 127, 0]]}
    assert values.tolist() == [0.25, 0.5]


@pytest.mark.usefixtures("few")
def test_a_plugin_whose_list_does_nothing_answers_to_controllers(toy, monkeypatch, tmp_path, rendered):
    monkeypatch.setenv("TOY_PLUGIN", "controls")
    description = describe_plugin(toy)
    left_out = {one.listed: one.left_out for one in description.parameters if one.control and one.left_out}
    assert left_out == {
        "CC 2": "is heard only where it is sent while a note sounds",
        "CC 39": "is the fine part of controller 7",
    }
    assert {one.name for one in description.used} == {"volume", "cc_80"}
    told = str(description.controllers)
    assert told.startswith("answers to 2 of 5 controllers, by ") and "takes, " in told and "a second" in told

    monkeypatch.setattr("secret_sauce_hf.engines.plugin.describing.describe_plugin", lambda *_, **__: description)
    write_declaration(declare_plugin(toy, seconds=0.5), tmp_path / "toy.json")
    collection = read_declaration(tmp_path / "toy.json")
    volume, octave = collection.parameters
    assert (volume.kind, volume.control) == ("knob", (7,))
    assert (octave.labels, octave.codes, octave.control) == (("off", "on"), (0, 127), (80,))

    rows = [{"volume": 10.0, "cc_80": "off"}, {"volume": 5.0, "cc_80": "off"}, {"volume": 10.0, "cc_80": "on"}]
    loud, soft, high = rendered(Presets.from_settings(collection, rows), reset="fork") / 32_768
    np.testing.assert_allclose(soft, loud * 64 / 127, atol=0.002)
    for sound, frequency in ((loud, 261.6), (high, 523.3)):
        assert np.argmax(np.abs(np.fft.rfft(sound[2500:8000]))) * 22_050 / 5500 == pytest.approx(frequency, abs=5)
    # Of what was sent before nothing is left, whatever is done about it.
    presets = draw_presets(collection, 6, seed=1)
    np.testing.assert_array_equal(rendered(presets[::-1])[::-1], rendered(presets, reset="fork"))
    # What is set by controllers can be sent, and is read from messages.
    messages = preset_messages(collection, rows[2])
    assert [(one.control, one.value) for one in messages] == [(7, 127), (80, 127)]
    assert read_preset(collection, messages) == rows[2]


@pytest.mark.usefixtures("few")
def test_takes_that_differ_by_chance_are_compared_by_their_spectra(toy, monkeypatch):
    monkeypatch.setenv("TOY_PLUGIN", "chance")
    description = describe_plugin(toy, listen=False, controllers=True)
    assert not description.controllers.repeats
    # Nobody can tell a switch there.
    assert [(one.number, one.codes) for one in description.controllers.found if not one.left_out] == [(7, ()), (80, ())]


@pytest.mark.parametrize("host", HOSTS)
def test_both_hosts_send_them_beside_the_list(toy3_bundle, host, monkeypatch, rendered):
    pytest.importorskip(host)
    monkeypatch.setattr(controllers, "CONTROLLERS", (7, 8))
    collection = declare_plugin(
        toy3_bundle, host=host, name="toy-3", seconds=0.5, listen=False, controllers=True, without=["Level"]
    )
    assert [(one.name, one.control) for one in collection.parameters] == [("Ratio", ()), ("volume", (7,))]
    settings = [{"Ratio": ratio, "volume": volume} for ratio, volume in (("x1", 10.0), ("x4", 5.0), ("x1", 0.0))]
    takes = rendered(Presets.from_settings(collection, settings), host=host, reset="fresh")
    np.testing.assert_allclose(np.abs(takes).max(axis=1) / 32_768, [1.08, 0.54, 0], rtol=0.08, atol=0.001)


@pytest.mark.skipif(not AMSYNTH.is_file(), reason="needs Debian's amsynth")
def test_a_real_plugin_with_both(monkeypatch, rendered):
    pytest.importorskip("dawdreamer")
    monkeypatch.setattr(controllers, "CONTROLLERS", (7, 10, 20))
    only = ["filter_cutoff", "volume", "pan"]
    collection = declare_plugin(AMSYNTH, name="amsynth", only=only, listen=False, controllers=True)
    assert collection.columns == ("filter_cutoff", "volume", "pan")
    rows = [{"filter_cutoff": cutoff, "volume": volume, "pan": 5.0} for cutoff, volume in ((8, 10), (8, 3), (1, 10))]
    loud, soft, dull = rendered(Presets.from_settings(collection, rows), reset="fork").astype(float)
    assert np.abs(loud).max() > 2 * np.abs(soft).max() > 100
    assert np.abs(np.diff(dull)).mean() < 0.3 * np.abs(np.diff(loud)).mean()


@pytest.mark.skipif(not ZYN.is_file(), reason="needs Debian's ZynAddSubFX")
def test_zynaddsubfx_which_lists_slots_only(monkeypatch, rendered):
    pytest.importorskip("dawdreamer")
    monkeypatch.setattr(controllers, "CONTROLLERS", (7, 10, 74, 90))
    collection = declare_plugin(ZYN, listen=False, controllers=True, only=["volume", "pan", "cutoff"])
    assert collection.columns == ("volume", "pan", "cutoff")
    presets = draw_presets(collection, 4, seed=2)
    takes = rendered(presets, reset="fork")
    np.testing.assert_array_equal(rendered(presets[::-1], reset="fork")[::-1], takes)
    assert (np.abs(takes).max(axis=1) > 10).sum() >= 2
