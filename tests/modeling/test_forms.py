"""The pipeline and the feature extractor with sounds in the forms that people have, whatever torch's defaults are."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset

from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.engines import render
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.presets import draw_presets


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline(collection="noisemaker-light")


@pytest.fixture(scope="module")
def takes() -> np.ndarray:
    return render(draw_presets("noisemaker-light", 2, seed=77))


@pytest.fixture(scope="module")
def told(pipe, takes: np.ndarray) -> list[dict]:
    return [pipe((SAMPLE_RATE, take))["preset"] for take in takes]


def test_a_batch_in_any_form(pipe, takes: np.ndarray, told: list[dict]):
    files = [{"bytes": encode(take, "FLAC"), "path": None} for take in takes]
    dataset = Dataset.from_dict({"audio": files})
    for batch in (tuple(files), dataset["audio"], dataset.to_iterable_dataset()["audio"]):
        answers = pipe(batch)
        assert [answer["preset"] for answer in answers] == told
        assert pipe.feature_extractor(batch)["peak"].shape == (2,)
    pairs = pipe(tuple((SAMPLE_RATE, take) for take in takes), batch_size=2)
    assert [answer["preset"] for answer in pairs] == told
    assert pipe(()) == []


def test_one_sound_in_any_form(pipe, takes: np.ndarray, told: list[dict], tmp_path: Path):
    path = tmp_path / "take.wav"
    path.write_bytes(encode(takes[0], "WAV"))
    wave = to_float(takes[0])
    with path.open("rb") as file:
        for sound in (
            file,
            {"raw": wave, "sampling_rate": SAMPLE_RATE},
            [SAMPLE_RATE, wave],
            {"array": torch.tensor(wave, requires_grad=True), "sampling_rate": SAMPLE_RATE},
        ):
            assert pipe(sound)["preset"] == told[0]
    assert pipe(wave.tolist(), sampling_rate=SAMPLE_RATE)["preset"] == told[0]


def test_a_tuple_is_not_stereo(pipe, takes: np.ndarray):
    features = pipe.feature_extractor(tuple(takes), sampling_rate=SAMPLE_RATE)
    assert features["peak"].shape == (2,)
    with pytest.raises(InputError, match="A tuple of 2 is a batch of sounds, where one is read"):
        pipe([tuple(takes)], sampling_rate=SAMPLE_RATE)


@pytest.fixture
def _defaults() -> Iterator[None]:
    yield
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_defaults")
@pytest.mark.parametrize(
    ("device", "dtype"), [("meta", torch.float32), ("cpu", torch.float64), ("cpu", torch.float16)], ids=str
)
def test_torch_has_other_defaults(pipe, takes: np.ndarray, told: list[dict], device: str, dtype: torch.dtype):
    wanted = pipe.feature_extractor((SAMPLE_RATE, takes[0]))
    torch.set_default_device(device)
    torch.set_default_dtype(dtype)
    features = pipe.feature_extractor((SAMPLE_RATE, takes[0]))
    assert all(torch.equal(features[name], values) for name, values in wanted.items())
    assert pipe((SAMPLE_RATE, takes[0]), num_candidates=2)["preset"] == told[0]
    assert load_pipeline(collection="noisemaker-light")((SAMPLE_RATE, takes[1]))["preset"] == told[1]
