"""VST3 plug-ins, with either host: a bundle that the tests compile."""

import numpy as np
import pytest

from secret_sauce_hf.engines.plugin.describing import declare_plugin
from secret_sauce_hf.engines.plugin.engine import PluginEngine
from secret_sauce_hf.engines.plugin.files import find_plugin
from secret_sauce_hf.engines.plugin.process import HOSTS
from secret_sauce_hf.engines.plugin.repeating import RESETS
from secret_sauce_hf.instruments import InputError, Note
from secret_sauce_hf.presets import Presets


@pytest.fixture(scope="module")
def collection(toy3_bundle):
    return declare_plugin(toy3_bundle, name="toy-3", seconds=0.5, listen=False)


def test_a_bundle_is_declared(collection, toy3_bundle):
    plugin = collection.instrument.plugin
    assert (plugin.format, plugin.file, plugin.digest) == ("VST3", str(toy3_bundle), find_plugin(toy3_bundle).digest)
    assert [(one.index, one.listed) for one in plugin.parameters] == [(0, "Level"), (1, "Ratio")]
    assert collection.instrument["Ratio"].labels == ("x1", "x2", "x3", "x4")


def test_both_hosts_play_the_same(collection):
    settings = [{"Level": level, "Ratio": ratio} for level, ratio in ((8.0, "x1"), (2.0, "x4"), (5.0, "x2"))]
    presets = Presets.from_settings(collection, settings)
    phrase = [Note(50, 100, 0.05, 0.1), Note(50, 100, 0.15, 0.1), Note(62, 100, 0.3, 0.1)]
    takes = {}
    for host in HOSTS:
        pytest.importorskip(host)
        engine = PluginEngine(collection, host=host, reset="continue")
        assert host in engine.version.casefold()
        takes[host] = np.concatenate([engine.render(presets), engine.render(presets.playing(phrase))])
        peaks = np.abs(takes[host]).max(axis=1) / 32_768
        np.testing.assert_allclose(peaks, [0.88, 0.22, 0.55] * 2, rtol=0.06)
        for reset in RESETS[1:]:
            engine.close()
            engine.reset = reset
            if (host, reset) == ("dawdreamer", "state"):
                with pytest.raises(InputError, match=r"to go back to its state: it cannot do it: .*without a window"):
                    engine.render(presets)
                continue
            np.testing.assert_array_equal(engine.render(presets), takes[host][:3], err_msg=f"{host}, {reset}")
        engine.close()
    one, other = takes.values()
    np.testing.assert_allclose(one, other, atol=1)
