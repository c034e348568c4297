"""A model of notes beside its references, on takes that play many notes."""

from secret_sauce_hf import evaluate
from secret_sauce_hf.data import build_collection


def test_answers_play_what_was_played(tmp_path):
    build_collection("noisemaker-light-notes", tmp_path / "data", seed=5, count=60)
    found = evaluate("noisemaker-light-notes", tmp_path / "data", progress=False)
    # The truth rendered again is the sound, but for its noise.
    assert found.sounds["floor"] < 0.5
    assert found.sounds["floor"] < found.sounds["model"] < found.sounds["naive"]
