"""Checkpoints that somebody made to do harm: a clear error, at once."""

import json
import shutil

import pytest

from secret_sauce_hf import InputError, checkpoint_path
from secret_sauce_hf.modeling import load_pipeline


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint_path("noisemaker-light"), folder)
    return folder


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "config.json",
            {"num_hidden_layers": 10**9},
            "num_hidden_layers is 1000000000; more than 1,024 is not believed",
        ),
        ("config.json", {"hidden_size": 2**40}, "hidden_size is .* is not believed"),
        ("config.json", {"knob_bins": 2**30}, "knob_bins is .* is not believed"),
        ("config.json", {"parameters": [{}] * 5000}, "Unknown kind|Not a parameter"),
        (
            "config.json",
            {"inputs": [{"name": "a", "frames": 2**20, "bins": 2**20, "patch": 1}]},
            "larger than is believed",
        ),
        (
            "preprocessor_config.json",
            {"sampling_rate": float("inf")},
            "sampling_rate is inf; it must be a whole number",
        ),
        ("preprocessor_config.json", {"sampling_rate": 10**12}, "sampling_rate is 1000000000000"),
        ("preprocessor_config.json", {"take_samples": 2**60}, "take_samples is"),
        ("preprocessor_config.json", {"note_on": -1}, "note_on is -1 s, which is not in the take"),
        (
            "preprocessor_config.json",
            {"inputs": [{"name": "a", "kind": "mels", "bins": 10**9}]},
            "a's bins is 1000000000",
        ),
    ],
)
def test_sizes_that_nobody_has(checkpoint, file, change, message):
    values = json.loads((checkpoint / file).read_text())
    (checkpoint / file).write_text(json.dumps(values | change))
    with pytest.raises(InputError, match=message) as caught:
        load_pipeline(checkpoint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_json_without_an_end(checkpoint, file):
    (checkpoint / file).write_text("[" * 200_000 + "]" * 200_000)
    with pytest.raises(InputError):
        load_pipeline(checkpoint)
