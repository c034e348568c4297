"""A benchmark on the Hub: its rows, its description, and what a checkpoint reached on it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard, HfApi, hf_hub_download, parse_eval_result_entries

from secret_sauce_hf import checkpoint_path, load_takes
from secret_sauce_hf.data import build_collection
from secret_sauce_hf.evaluation import benchmark, export_benchmark
from secret_sauce_hf.evaluation.exported import TASKS
from secret_sauce_hf.hub import publish_checkpoint, publish_dataset
from secret_sauce_hf.instruments import InputError, get_collection

LIGHT = get_collection("noisemaker-light")


@pytest.fixture(autouse=True)
def _token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, Path]:
    """The export, and the dataset that it is from."""
    folder = tmp_path_factory.mktemp("export")
    built = build_collection(LIGHT, folder / "built", rows=(796, 804), progress=False)
    export_benchmark(
        LIGHT,
        folder / "out",
        data=built,
        rows=4,
        command="secret-sauce benchmark noisemaker-light --rows 4",
        progress=False,
    )
    return folder / "out", built


@pytest.fixture(scope="module")
def published(hub, exported) -> str:
    repo = hub.repo("light-benchmark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", hub.token)
        publish_dataset(LIGHT, exported[0], repo, progress=False)
    return repo


def test_rows_floors_and_description_come_back(published, exported):
    rows = load_dataset(published, split="test")
    expected = load_takes(exported[1], "test")
    assert rows["file"][:] == expected.presets.files
    assert set(LIGHT.columns) <= set(rows.column_names)
    assert all(0 <= floor < 5 for floor in rows["floor_mss"][:])
    assert all(isinstance(one, bool) for one in rows["audible"][:])
    takes = load_takes(published, "test")
    np.testing.assert_array_equal(takes.sounds, expected.sounds)
    described = yaml.safe_load(Path(hf_hub_download(published, "eval.yaml", repo_type="dataset")).read_text())
    assert [task["id"] for task in described["tasks"]] == list(TASKS)
    assert all(task["config"] == "default" and task["split"] == "test" for task in described["tasks"])
    card = DatasetCard.load(published)
    assert {"secret-sauce", "benchmark", LIGHT.name} <= set(card.data.tags)
    assert f"--data {published}" in card.text and "all_right_or_same" in card.text


def test_published_again_nothing_is_sent(published, exported):
    again = publish_dataset(LIGHT, exported[0], published, progress=False)
    assert not again.new and not again.changed and not again.gone


def test_another_collection_s_rows_are_refused(hub, exported):
    with pytest.raises(InputError, match="holds a benchmark of noisemaker-light, not of noisemaker"):
        publish_dataset("noisemaker", exported[0], hub.repo("other"), progress=False)


def test_a_checkpoint_s_results_go_to_the_leaderboards(hub, published, tmp_path):
    folder, repo = tmp_path / "model", hub.repo("ast-light", "model")
    shutil.copytree(checkpoint_path(LIGHT.name), folder)
    for path in folder.glob("benchmark*"):
        path.unlink()
    with pytest.raises(InputError, match="No benchmark lies beside the weights"):
        publish_checkpoint(folder, repo, benchmark_data=published)
    # Rows to train on are not in a benchmark; who knows some, knows the collection's own.
    found = benchmark(LIGHT, model=folder, data=published, only=["model", "floor"], rows=4, progress=False)
    found.save(folder)
    with pytest.raises(InputError, match=r"is of .*light-benchmark.*, not of other/one: run `secret-sauce benchmark"):
        publish_checkpoint(folder, repo, benchmark_data="other/one")
    publish_checkpoint(folder, repo, benchmark_data=published)
    name = f".eval_results/{LIGHT.name}.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(Path(hf_hub_download(repo, name)).read_text()))
    assert {entry.task_id for entry in entries} == set(TASKS)
    assert all(entry.dataset_id == published and 0 <= entry.value <= 100 for entry in entries)
    assert len({entry.dataset_revision for entry in entries}) == 1 and entries[0].dataset_revision
    assert f"{LIGHT.name}_matching.yaml" not in " ".join(HfApi(token=hub.token).list_repo_files(repo))
