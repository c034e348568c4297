"""An instrument of one's own, from recordings to a model on the Hub that others use."""

import io
import json
import re
import runpy
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from datasets import Audio, ClassLabel, Dataset, Features, Value, load_dataset
from huggingface_hub import DatasetCard, HfApi, ModelCard, hf_hub_download

from secret_sauce_hf import load_takes
from secret_sauce_hf.cli import root as cli
from secret_sauce_hf.data import collect_recordings, features
from secret_sauce_hf.evaluation import evaluate
from secret_sauce_hf.hub import publish_checkpoint, publish_dataset
from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.modeling import load_pipeline
from secret_sauce_hf.training import train

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_instrument"
BOX = EXAMPLE / "bass_box.json"


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Tiny models take longer with more of them where processors are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    """Some sounds of the example's instrument, collected."""
    folder = tmp_path_factory.mktemp("own")
    runpy.run_path(str(EXAMPLE / "make_dataset.py"))["main"](folder / "recordings", 40)
    collect_recordings(BOX, folder / "recordings" / "rows.csv", folder / "recordings", folder / "takes", progress=False)
    return folder / "takes"


@pytest.fixture(scope="module")
def model(takes, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "model"
    with warnings.catch_warnings():
        # So few sounds make a sampler of fewer than a batch.
        warnings.simplefilter("ignore")
        train(BOX, takes, out, epochs=1, batch_size=8, hidden_size=32, layers=1, progress=False)
    return out


def publish(takes, repo, **options):
    return publish_dataset(BOX, takes, repo, about="Synthesised.", license="cc0-1.0", progress=False, **options)


@pytest.fixture(scope="module")
def published(hub, takes, model):
    """The names of the dataset and of the model on the Hub."""
    dataset, checkpoint = hub.repo("box"), hub.repo("ast-box", "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", hub.token)
        publish(takes, dataset)
        with pytest.raises(
            InputError, match=r"was evaluated on the folder takes, which nobody else has.*--data ORG/NAME"
        ):
            evaluate(model, takes, progress=False).save(model)
            publish_checkpoint(model, checkpoint)
        evaluate(model, dataset, progress=False).save(model)
        publish_checkpoint(model, checkpoint)
    return dataset, checkpoint


def test_others_read_the_dataset_with_its_declaration(published, takes, tmp_path, monkeypatch, capsys):
    dataset, _ = published
    assert {"README.md", "declaration.json", "sheet.png"} <= set(HfApi().list_repo_files(dataset, repo_type="dataset"))
    card = DatasetCard.load(dataset)
    card.validate(repo_type="dataset")
    assert card.data.license == "cc0-1.0"
    assert "Synthesised." in card.text
    assert "the note starts at 66.7 ms and ends at 900.0 ms" in card.text
    assert "synthetic" not in card.data.tags
    monkeypatch.chdir(tmp_path)
    assert f"hf download {dataset} declaration.json --repo-type dataset --local-dir ." in card.text
    shutil.copy(hf_hub_download(dataset, "declaration.json", repo_type="dataset"), "declaration.json")
    assert get_collection("declaration.json") == get_collection(BOX)
    for snippet in re.findall(r"```python\n(.*?)```", card.text, re.DOTALL):
        exec(compile(snippet, "README.md", "exec"), {})
    assert "(32, 19845)" in capsys.readouterr().out
    [command] = re.findall(r"^secret-sauce (sheet .*)$", card.text, re.MULTILINE)
    with pytest.raises(SystemExit, match="0"):
        cli.main(command.split())
    there = Path(hf_hub_download(dataset, "sheet.png", repo_type="dataset"))
    assert Path("sheet.png").read_bytes() == there.read_bytes()
    here = load_takes(takes, collection=BOX)
    assert np.array_equal(load_takes(dataset, collection=BOX).presets.unit, here.presets.unit)


def test_others_use_and_score_the_model(published, takes, model):
    dataset, checkpoint = published
    card = ModelCard.load(checkpoint)
    card.validate(repo_type="model")
    sound = {"array": load_takes(takes, "test", collection=BOX).sounds[0], "sampling_rate": 22_050}
    assert load_pipeline(checkpoint)(sound)["preset"] == load_pipeline(model)(sound)["preset"]
    [command] = re.findall(r"^secret-sauce (evaluate .*)$", card.text, re.MULTILINE)
    words = command.split()
    assert words[1] == checkpoint
    again = evaluate(words[1], words[words.index("--data") + 1], progress=False).to_dict()
    assert again == json.loads((model / "evaluation.json").read_text())
    results = {result.metric_type: result for result in card.data.eval_results}
    assert results["mae"].dataset_type == dataset
    assert results["mae"].metric_value == round(again["scores"]["model"]["knob_mae"], 4)
    assert "mss" not in results
    assert 'train("declaration.json", "takes", "stage-1"' in card.text
    assert "the last tenth of the train rows" in card.text
    assert "Sounds above what the answers sound like" not in card.text


def test_a_dataset_in_somebody_elses_form_is_brought_into_ours(hub, takes, tmp_path):
    """Labels in another order, the usual Audio column, no `file` and no `heard`."""
    box = get_collection(BOX)
    loaded = load_takes(takes, "test", collection=BOX)
    rows = {"audio": [], **{name: [] for name in box.columns}, "remark": []}
    for sound, settings in zip(loaded.sounds, loaded.presets.rows(), strict=True):
        content = io.BytesIO()
        soundfile.write(content, sound, 22_050, format="WAV", subtype="PCM_16")
        rows["audio"].append({"bytes": content.getvalue(), "path": None})
        rows["remark"].append("nice")
        for name in box.columns:
            rows[name].append(settings[name])
    types = {name: kind for name, kind in features(box).items() if name in rows}
    types |= {
        "audio": Audio(sampling_rate=22_050),
        "wave": ClassLabel(names=["Square", "Saw"]),
        "remark": Value("string"),
    }
    folder = tmp_path / "theirs"
    folder.mkdir()
    Dataset.from_dict(rows | {"wave": [types["wave"].str2int(label) for label in rows["wave"]]}).cast(
        Features({name: types[name] for name in rows})
    ).to_parquet(folder / "train.parquet")

    repo = hub.repo("theirs")
    done = publish(folder, repo)
    assert [path for _, path, _ in done.lines()] == [
        "README.md",
        "data/train-00000-of-00001.parquet",
        "declaration.json",
        "sheet.png",
    ]
    there = load_dataset(repo, split="train")
    assert there.features == features(box)
    assert list(there["file"]) == [f"s{number}.wav" for number in range(len(loaded))]
    assert np.array_equal(load_takes(repo, collection=BOX).presets.unit, loaded.presets.unit)
    assert np.array_equal(load_takes(repo, collection=BOX).sounds, loaded.sounds)


def test_whose_license_counts(model, tmp_path, hub):
    folder = tmp_path / "derived"
    shutil.copytree(model, folder)
    record = json.loads((folder / "training.json").read_text())
    record["run"]["base"] = "somebody/ast"
    (folder / "training.json").write_text(json.dumps(record))
    with pytest.raises(
        InputError, match=r"was trained from somebody/ast, whose license counts: say it with --license ID"
    ):
        publish_checkpoint(folder, hub.repo("derived", "model"))
    repo = hub.repo("derived", "model")
    publish_checkpoint(folder, repo, license="bsd-3-clause")
    assert ModelCard.load(repo).data.base_model == "somebody/ast"
