"""The README of a benchmark's rows."""

import json
from collections.abc import Mapping
from typing import Any

from huggingface_hub import DatasetCardData

from secret_sauce_hf.cards.names import TAG
from secret_sauce_hf.cards.templates import citation, code, render_card, table_text
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection

BENCHMARK_TAG = "benchmark"


def benchmark_card(
    collection: Collection,
    record: Mapping[str, Any],
    *,
    pattern: str,
    tasks: Mapping[str, str],
    example: Mapping[str, Any],
    repo: str,
    license: str,
) -> str:
    """The README of an exported benchmark.

    Args:
        collection: whose settings are told.
        record: what `export_benchmark` wrote.
        pattern: that the paths of its files match in the repository.
        tasks: leaderboards by id, and what each is.
        example: an answer to the first sound.
        repo: where the card will be.
        license: of the data.

    Returns:
        Markdown with a YAML head.
    """
    title = f"{collection.name}: a benchmark of settings from sound"
    data = DatasetCardData(
        license=license,
        pretty_name=title,
        task_categories=["audio-classification"],
        tags=["audio", "music", "synthesizer", "sound-matching", BENCHMARK_TAG, TAG, collection.name],
        configs=[{"config_name": "default", "data_files": [{"split": "test", "path": pattern}]}],
    )
    hidden = bool(record["hidden"])
    rows = "--recordings ANSWERS.parquet" if hidden else f"--data {repo}"
    return render_card(
        "benchmark_card.md.jinja",
        head=data.to_yaml(line_break="\n").strip(),
        title=title,
        rows=f"{record['rows']:,}",
        seconds=f"{collection.samples / SAMPLE_RATE:.2f}",
        instrument=collection.instrument.title,
        hidden=hidden,
        parameters=list(collection.columns),
        example=json.dumps(example),
        command=f"secret-sauce benchmark {collection.name} {rows} --rows {record['rows']} --predictions answers.jsonl",
        tasks=[(name, about.partition(": ")[2]) for name, about in tasks.items()],
        source=repo,
        origin=table_text(record["data"].get("recordings") or record["data"]["source"]),
        version=record["versions"]["secret_sauce_hf"],
        engine=record["versions"].get("engine"),
        made=code(record["command"]) if record["command"] else "",
        citation=citation(title, repo, "datasets/"),
    )
