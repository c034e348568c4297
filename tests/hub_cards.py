"""The rules for cards: what the Hub answers to POST /api/validate-yaml.

The service's schema is not published as code. These are the rules that its documents state (hub-docs: datasetcard.md,
modelcard.md, repositories-licenses.md; huggingface.js: packages/tasks/src/pipelines.ts), in the words in which its
messages are quoted in public issues. A task that is not on the list is a warning there, and so is a card without
metadata; everything else is an error.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml


def words(text: str) -> list[str]:
    """A table written as running text."""
    return text.split()


LICENSES = words("""apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0
cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0
cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib
pddl lgpl-lr unknown other""")

TASKS = words("""text-classification token-classification table-question-answering question-answering
zero-shot-classification text2text-generation image-text-to-image image-text-to-video video-to-video
translation summarization feature-extraction text-generation fill-mask sentence-similarity text-to-speech text-to-audio
automatic-speech-recognition audio-to-audio audio-classification audio-text-to-text voice-activity-detection
depth-estimation image-classification object-detection image-segmentation text-to-image image-to-text image-to-image
image-to-video unconditional-image-generation video-classification reinforcement-learning robotics
tabular-classification tabular-regression tabular-to-text table-to-text multiple-choice text-ranking text-retrieval
time-series-forecasting text-to-video image-text-to-text visual-question-answering document-question-answering
zero-shot-image-classification graph-ml mask-generation zero-shot-object-detection text-to-3d image-to-3d
image-feature-extraction video-text-to-text keypoint-detection visual-document-retrieval any-to-any other""")

SIZES = words("""n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M 10M<n<100M 100M<n<1B 1B<n<10B 10B<n<100B 100B<n<1T n>1T
unknown""")


def card_metadata(content: str) -> Any:
    """What the YAML block at the head of a card says; None without one."""
    block = re.match(r"\s*---[\r\n]+([\S\s]*?)[\r\n]+---(?:\r?\n|$)", content.removeprefix("\ufeff"))
    return yaml.safe_load(block[1]) if block else None


class _Findings:
    """What is wrong with a card: checks that note a sentence instead of raising."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def is_a(self, kind: type | tuple[type, ...], named: str, value: Any, name: str, *, needed: bool = False) -> bool:
        if value is None:
            if needed:
                self.errors.append(f'"{name}" is required')
            return False
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            self.errors.append(f'"{name}" must be {named}')
            return False
        return True

    def text(self, value: Any, name: str, **options: bool) -> bool:
        return self.is_a(str, "a string", value, name, **options)

    def rows(self, value: Any, name: str, **options: bool) -> Iterator[tuple[Any, str]]:
        """The mappings of a list, with their names."""
        if self.is_a(list, "an array", value, name, **options):
            for place, row in enumerate(value):
                if self.is_a(dict, "an object", row, f"{name}[{place}]", needed=True):
                    yield row, f"{name}[{place}]"

    def texts(self, value: Any, name: str, *, one: bool = True) -> list[str]:
        """The strings of a list, or of a single one where the Hub takes that."""
        if one and isinstance(value, str):
            return [value]
        if not self.is_a(list, "an array", value, name):
            return []
        return [text for place, text in enumerate(value) if self.text(text, f"{name}[{place}]", needed=True)]


def check_card(content: str) -> tuple[list[str], list[str]]:
    """The errors and the warnings the Hub has about a card."""
    found = _Findings()
    try:
        card = card_metadata(content)
    except yaml.YAMLError as error:
        return [f"YAML metadata is invalid: {error}"], []
    if card is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(card, dict):
        return ["YAML metadata must be a mapping"], []
    for license in found.texts(card.get("license"), "license"):
        if license not in LICENSES:
            found.errors.append(f'"license" must be one of [{", ".join(LICENSES)}]')
    for place, size in enumerate(found.texts(card.get("size_categories"), "size_categories")):
        if size not in SIZES:
            found.errors.append(f'"size_categories[{place}]" must be one of [{", ".join(SIZES)}]')
    tasks = [("task_categories", task) for task in found.texts(card.get("task_categories"), "task_categories")]
    if found.text(card.get("pipeline_tag"), "pipeline_tag"):
        tasks.append(("pipeline_tag", card["pipeline_tag"]))
    for field, task in tasks:
        if task not in TASKS:
            found.warnings.append(f'The {field} "{task}" is not in the official list: {", ".join(TASKS)}')
    for field in ("tags", "datasets", "metrics"):
        found.texts(card.get(field), field, one=field != "tags")
    for field in ("language", "source_datasets", "annotations_creators"):
        found.texts(card.get(field), field)
    for field in ("pretty_name", "library_name", "license_name", "license_link"):
        found.text(card.get(field), field)
    _check_results(card.get("model-index"), found)
    _check_configs(card, found)
    return found.errors, found.warnings


def _check_results(index: Any, found: _Findings) -> None:
    for model, name in found.rows(index, "model-index"):
        found.text(model.get("name"), f"{name}.name", needed=True)
        for result, at in found.rows(model.get("results"), f"{name}.results", needed=True):
            if found.is_a(dict, "an object", result.get("task"), f"{at}.task", needed=True):
                found.text(result["task"].get("type"), f"{at}.task.type", needed=True)
            if found.is_a(dict, "an object", result.get("dataset"), f"{at}.dataset", needed=True):
                for field in ("type", "name"):
                    found.text(result["dataset"].get(field), f"{at}.dataset.{field}", needed=True)
            for metric, place in found.rows(result.get("metrics"), f"{at}.metrics", needed=True):
                found.text(metric.get("type"), f"{place}.type", needed=True)
                if metric.get("value") is None:
                    found.errors.append(f'"{place}.value" is required')


def _check_configs(card: dict[str, Any], found: _Findings) -> None:
    for config, name in found.rows(card.get("configs"), "configs"):
        found.text(config.get("config_name"), f"{name}.config_name", needed=True)
        files = config.get("data_files")
        if found.is_a((str, list), "a string or an array", files, f"{name}.data_files") and not isinstance(files, str):
            for place, file in enumerate(files):
                at = f"{name}.data_files[{place}]"
                if found.is_a((str, dict), "a string or an object", file, at) and isinstance(file, dict):
                    found.text(file.get("split"), f"{at}.split", needed=True)
                    found.texts(file.get("path"), f"{at}.path")
    info = card.get("dataset_info")
    pairs = [(info, "dataset_info")] if isinstance(info, dict) else found.rows(info, "dataset_info")
    for info, name in pairs:
        for feature, at in found.rows(info.get("features"), f"{name}.features"):
            found.text(feature.get("name"), f"{at}.name", needed=True)
        for split, at in found.rows(info.get("splits"), f"{name}.splits"):
            found.text(split.get("name"), f"{at}.name", needed=True)
            for field in ("num_bytes", "num_examples"):
                found.is_a(int, "a number", split.get(field), f"{at}.{field}")
