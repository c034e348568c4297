"""The rules the tests' Hub has for cards, and what the clients make of them."""

import pytest
from hub_cards import TASKS, check_card
from hub_steps import add, paths
from huggingface_hub import DatasetCard

# This is about our own server; against a foreign Hub there is nothing to test here.
pytestmark = pytest.mark.usefixtures("server")

RESULT = """
model-index:
- name: ears
  results:
  - task: {type: audio-classification}
    dataset: {type: tester/sounds, name: Sounds}
    metrics:
    - {type: accuracy, value: 0.5}
"""


def test_a_good_card_has_no_faults():
    card = f"""---
license: apache-2.0
language: [en]
tags: [audio, synthesis]
task_categories: [audio-classification]
size_categories: [1K<n<10K]
pretty_name: Sounds
configs:
- config_name: default
  default: true
  data_files: [{{split: train, path: data/train-*}}, {{split: test, path: [a.parquet, b.parquet]}}]
dataset_info:
- config_name: default
  features: [{{name: audio, dtype: audio}}]
  splits: [{{name: train, num_bytes: 1, num_examples: 2}}]
{RESULT}
---
# Sounds
"""
    assert check_card(card) == ([], [])


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ("license: apache2", '"license" must be one of ['),
        ("license: 2", '"license" must be an array'),
        ("tags: audio", '"tags" must be an array'),
        ("tags: [audio, 3]", '"tags[1]" must be a string'),
        ("task_categories: {a: b}", '"task_categories" must be an array'),
        ("size_categories: [1000]", '"size_categories[0]" must be a string'),
        ("size_categories: [small]", '"size_categories[0]" must be one of ['),
        ("model-index: {}", '"model-index" must be an array'),
        ("model-index: [{name: a}]", '"model-index[0].results" is required'),
        (RESULT.replace("type: audio-classification", ""), '"model-index[0].results[0].task.type" is required'),
        (RESULT.replace(", name: Sounds", ""), '"model-index[0].results[0].dataset.name" is required'),
        (RESULT.replace(", value: 0.5", ""), '"model-index[0].results[0].metrics[0].value" is required'),
        (RESULT.replace("name: ears", "name: 3"), '"model-index[0].name" must be a string'),
        ("configs: [{data_files: a}]", '"configs[0].config_name" is required'),
        ("configs: [{config_name: a, data_files: [{path: b}]}]", '"configs[0].data_files[0].split" is required'),
        ("dataset_info: {features: [{dtype: audio}]}", '"dataset_info.features[0].name" is required'),
        (
            "dataset_info: [{splits: [{name: a, num_bytes: b}]}]",
            '"dataset_info[0].splits[0].num_bytes" must be a number',
        ),
        ("- a", "YAML metadata must be a mapping"),
        ("a: [", "YAML metadata is invalid"),
    ],
)
def test_a_bad_card_is_refused_before_anything_is_sent(api, server, dataset, metadata, error):
    card = f"---\n{metadata}\n---\n"
    errors, warnings = check_card(card)
    assert len(errors) == 1 and errors[0].startswith(error) and not warnings
    server.log.clear()
    with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
        add(api, dataset, {"README.md": card.encode(), "a.bin": b"\0"})
    assert [(record.path, record.status) for record in server.log] == [("/api/validate-yaml", 400)]


def test_cards_go_through_their_own_classes(hub, api, dataset):
    DatasetCard("---\nlicense: mit\npretty_name: Sounds\n---\n# Sounds\n").push_to_hub(dataset, token=hub.token)
    assert DatasetCard.load(dataset).data.pretty_name == "Sounds"
    info = api.dataset_info(dataset)
    assert (info.card_data.license, "license:mit" in info.tags) == ("mit", True)
    with pytest.raises(ValueError, match="must be one of"):
        DatasetCard("---\nlicense: none\n---\n").validate()


@pytest.mark.parametrize(
    ("card", "warning"),
    [
        ("# Only words\n", "empty or missing yaml metadata in repo card"),
        (
            "---\ntask_categories: [audio-to-preset]\n---\n",
            'The task_categories "audio-to-preset" is not in the official',
        ),
        ("---\npipeline_tag: audio-to-preset\n---\n", 'The pipeline_tag "audio-to-preset" is not in the official list'),
    ],
)
def test_a_card_may_give_cause_for_a_warning(api, dataset, card, warning):
    with pytest.warns(UserWarning, match=warning):
        add(api, dataset, {"README.md": card.encode()})
    assert "README.md" in paths(api, dataset)
    assert "audio-to-preset" not in TASKS
