"""What a model's card tells the Hub, and what it and the Hub tell people to run: it runs."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard
from warm_process import PYTHON, warm_process

from secret_sauce_hf.cards.names import TAG
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.hub import publish_checkpoint, publish_dataset
from secret_sauce_hf.matching import demo_sound

PAGE = (Path(__file__).parents[2] / "docs" / "hub-library.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def model(hub) -> str:
    if hub.server is None:
        pytest.skip("makes a repository of its own on the tests' Hub")
    os.environ["HF_TOKEN"] = hub.token
    try:
        return publish_checkpoint("noisemaker-light", hub.repo("ast-light", "model")).repo
    finally:
        del os.environ["HF_TOKEN"]


@pytest.fixture(scope="module")
def card(model, hub) -> ModelCard:
    return ModelCard.load(model, token=hub.token)


@pytest.fixture(scope="module")
def run(hub) -> Iterator[Callable[[str, Path], str]]:
    """Runs a program where a sound lies: its output."""
    with (
        tempfile.TemporaryDirectory() as own,
        warm_process(Path(own), {**os.environ, "HF_TOKEN": hub.token}) as warm,
    ):

        def run(program: str, folder: Path) -> str:
            (folder / "sound.wav").write_bytes(demo_sound().path.read_bytes())
            words = [str(shutil.which(PYTHON, path=warm["PATH"])), "-c", program]
            done = subprocess.run(words, cwd=folder, env=warm, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-2_000:]
            return done.stdout

        yield run


def test_a_model_says_what_loads_it(card):
    assert card.data.library_name == "transformers"
    assert TAG in card.data.tags and "audio-to-preset" in card.data.tags
    # By it the Hub lists the model under the library.
    assert f'"{TAG}": {{' in PAGE


def test_a_dataset_has_the_tag(hub, tmp_path, monkeypatch):
    if hub.server is None:
        pytest.skip("makes a repository of its own on the tests' Hub")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    folder = build_collection("noisemaker-light", tmp_path / "light", rows=(796, 804), progress=False)
    repo = publish_dataset("noisemaker-light", folder, hub.repo("light"), progress=False).repo
    assert TAG in DatasetCard.load(repo, token=hub.token).data.tags


def test_what_the_card_shows_runs(card, run, tmp_path):
    shown = [text for text in re.findall(r"^```python\n(.*?)^```$", card.text, re.M | re.S) if "pipeline(" in text]
    assert len(shown) == 2
    for program in shown:
        assert "'osc2_wave': 'Pulse'" in run(program, tmp_path)


def test_what_the_hub_would_show_runs(model, run, tmp_path):
    shown = re.findall(r"`(# pip install.*?)`", PAGE, re.S)
    assert len(shown) == 2
    for program in shown:
        text = program.replace("${model.id}", model).replace("seconds=10", "renders=60")
        assert "'osc2_wave': 'Pulse'" in run(text, tmp_path)
