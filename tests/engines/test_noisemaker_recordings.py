"""The NoiseMaker's notes, chords and melodies against recordings of the plug-in."""

import numpy as np
import pytest
from plugin_recordings import comparable, recorded

from secret_sauce_hf.engines import render
from secret_sauce_hf.metrics import level_difference, mss

ROWS = 60


@pytest.mark.parametrize(
    ("name", "in_session", "median", "ninetieth"),
    [
        ("single notes", False, 0.12, 0.8),
        ("single notes", True, 0.08, 0.5),
        ("light, single notes", False, 0.05, 0.3),
        ("chords", False, 0.2, 1.0),
        ("melodies", False, 0.25, 1.2),
    ],
)
def test_what_is_played_sounds_like_the_plug_in(name, in_session, median, ninetieth, shared):
    presets, sounds = recorded(shared / "real", name, ROWS)
    takes = render(presets, in_session=in_session).astype(np.float32) / 32_767
    pairs = [(sounds[row], takes[row], 22_050) for row in comparable(presets, sounds)]
    assert len(pairs) >= 15
    distances = [mss(*pair) for pair in pairs]
    assert np.median(distances) <= median and np.percentile(distances, 90) <= ninetieth
    assert np.median([level_difference(*pair) for pair in pairs]) <= 0.05
