"""Publishing a checkpoint, with the files that load it and a card that its evaluation fills in."""

import json
import re
import shlex
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from secret_sauce_hf.cards.model import BenchmarkFacts, ModelFacts, Network, checkpoint_card, hub_base
from secret_sauce_hf.cards.names import DECLARATION, TAG
from secret_sauce_hf.cards.records import check_evaluation, check_training, runs_of
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.evaluation.records import (
    BENCHMARK_FILE,
    EVALUATION_FILE,
    MARKDOWN_FILE,
    PICTURE_FILE,
    PICTURES,
    read_evaluation,
)
from secret_sauce_hf.evaluation.results import Benchmark, read_benchmark
from secret_sauce_hf.evaluation.tables import (
    heard_table,
    markdown_table,
    notes,
    pairs_table,
    settings_table,
    sounds_table,
)
from secret_sauce_hf.hub.benchmarks import result_files
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, check_license, look_at, publish
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, declaration_text
from secret_sauce_hf.matching.domain import DOMAIN_FILE
from secret_sauce_hf.modeling.checkpoint_secret_sauce import (
    CONFIG_FILE,
    EXTRACTOR_FILE,
    INDEX_FILE,
    code_files,
    published_config,
    published_extractor,
    read_json,
    weight_files,
)
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.modeling.registration import TASK
from secret_sauce_hf.remote import is_repo_id
from secret_sauce_hf.training.config import RECORD_FILE, named_settings

_OURS = re.compile(
    r"[a-z_]+_secret_sauce\.py|model(-\d+-of-\d+)?\.safetensors(\.index\.json)?|\.eval_results/[^/]+\.yaml"
)


def publish_checkpoint(
    checkpoint: str | Path,
    repo: str | None = None,
    *,
    private: bool | None = None,
    tag: str | None = None,
    license: str | None = None,
    benchmark_data: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Publish a checkpoint that has been evaluated: weights, configs, code, records, pictures and card, in one commit.

    A benchmark that lies beside the weights goes with it.

    Args:
        checkpoint: its folder, or the name of a collection of which a checkpoint ships.
        repo: `ORG/NAME`; that of the collection if None.
        private: see `publish`, as for `overwrite` and `dry_run`.
        tag: the revision that names this state; the package's version if None.
        license: of the weights, as the Hub names licenses; Apache-2.0 if None, but where
            they derive from somebody else's.
        benchmark_data: the dataset of a published benchmark, on which the benchmark beside the
            weights was run: then what they reached goes to its leaderboards, as files in
            `.eval_results`.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.

    Raises:
        InputError: not a checkpoint; not evaluated, evaluated or benchmarked with other
            weights, evaluated on what nobody else has; its license must be said; and what
            `publish` raises.
    """
    if is_repo_id(str(checkpoint)) and str(checkpoint) not in COLLECTIONS:
        raise InputError(f"{checkpoint} is on the Hub already; give a folder.")
    folder = checkpoint_folder(checkpoint)
    config: SecretSauceConfig = load_pipeline(folder).model.config
    evaluation, benchmark = read_evaluation(folder), read_benchmark(folder)
    collection = config.to_collection()
    check_evaluation(evaluation, collection.columns)
    if repo is None:
        if collection.name not in COLLECTIONS:
            raise InputError(f"Say where a checkpoint of {collection.name} shall go: --repo ORG/NAME.")
        repo = collection.checkpoint_id
    if not (folder / PICTURE_FILE).is_file():
        raise InputError(
            f"{folder} lacks {PICTURE_FILE}, which the card shows: install matplotlib (secret_sauce_hf[plots]) and run "
            "`secret-sauce evaluate` again."
        )
    data = evaluation["data"]
    if not data["build"] and not is_repo_id(data["source"]):
        raise InputError(
            f"{folder} was evaluated on the folder {data['source']}, which nobody else has, so nobody could repeat "
            f"what the card says: publish that dataset, then `secret-sauce evaluate {folder} --data ORG/NAME`."
        )
    training = read_json(folder / RECORD_FILE) if (folder / RECORD_FILE).is_file() else {}
    check_training(training)
    base = hub_base(training)
    if base is not None and license is None:
        raise InputError(f"{folder} was trained from {base}, whose license counts: say it with --license ID.")
    tag = version("secret_sauce_hf") if tag is None else tag
    check_license(license)
    if benchmark_data is not None and benchmark is None:
        raise InputError(
            f"No benchmark lies beside the weights: run `secret-sauce benchmark {collection.name} --data "
            f"{benchmark_data} --model {folder} --out {folder}`."
        )
    results = (
        [] if benchmark is None or benchmark_data is None else result_files(benchmark.record, benchmark_data, repo)
    )
    there = look_at(repo, "model", [TAG, TASK, collection.name], tag=tag, overwrite=overwrite, dry_run=dry_run)
    card = model_card(
        collection,
        config,
        evaluation,
        training,
        benchmark=benchmark,
        repo=repo,
        tag=tag,
        license=license or "apache-2.0",
    )
    measured = [] if benchmark is None else [BENCHMARK_FILE, MARKDOWN_FILE, *PICTURES.values()]
    files = [
        RepositoryFile(CARD, card.encode()),
        RepositoryFile(CONFIG_FILE, _json(published_config(read_json(folder / CONFIG_FILE)))),
        RepositoryFile(EXTRACTOR_FILE, _json(published_extractor(read_json(folder / EXTRACTOR_FILE)))),
        *(RepositoryFile(name, path.read_bytes()) for name, path in code_files().items()),
        *(
            []
            if collection.name in COLLECTIONS
            else [RepositoryFile(DECLARATION, declaration_text(collection).encode())]
        ),
        *(
            RepositoryFile(name, folder / name)
            for name in (
                *(path.name for path in weight_files(folder)),
                INDEX_FILE,
                RECORD_FILE,
                EVALUATION_FILE,
                PICTURE_FILE,
                DOMAIN_FILE,
                *measured,
            )
            if (folder / name).is_file()
        ),
        *results,
    ]
    return publish(
        there,
        files,
        removable=lambda path: _OURS.fullmatch(path) is not None,
        message=f"Publish the checkpoint of {collection.name} with secret_sauce_hf {version('secret_sauce_hf')}",
        private=private,
        overwrite=overwrite,
        dry_run=dry_run,
    )


def model_card(
    collection: Collection,
    config: SecretSauceConfig,
    evaluation: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    repo: str,
    benchmark: Benchmark | None = None,
    tag: str | None = None,
    license: str = "apache-2.0",
) -> str:
    """The README of a checkpoint, from what lies beside its weights.

    Args:
        collection: what it tells the settings of.
        config: of the model.
        evaluation: what `Evaluation.save` wrote.
        training: what `train` wrote; empty if nothing is known.
        repo: where the card will be.
        benchmark: of the same weights, beside other methods, if there is one.
        tag: the revision under which it can be loaded for good.
        license: of the weights.
    """
    network = Network(
        from_ast=config.ast is not None,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        inputs=len(config.inputs),
        has_sampler=bool(config.sampler_layers),
    )
    facts = ModelFacts(
        network=network,
        task=TASK,
        evaluation=evaluation,
        training=training,
        settings=[named_settings(record["run"]) for record in runs_of(training)],
        picture=PICTURE_FILE,
        engine=find_engine(collection),
        benchmark=None if benchmark is None else _benchmark_facts(benchmark, repo),
    )
    return checkpoint_card(collection, facts, repo=repo, tag=tag, license=license)


def _benchmark_facts(benchmark: Benchmark, repo: str) -> BenchmarkFacts:
    record = benchmark.record
    data = record["data"]
    try:
        words = shlex.split(record["command"])
    except ValueError as error:
        raise InputError(f"The benchmark's command is none ({error}); run `secret-sauce benchmark` again.") from error
    if "--model" in words:
        words[words.index("--model") + 1] = repo
    tables = [sounds_table(record, titles=True), heard_table(record, titles=True), pairs_table(record, titles=True)]
    return BenchmarkFacts(
        first=data["first"],
        rows=data["rows"],
        picture=PICTURES["scores"],
        settings=markdown_table(*settings_table(record, titles=True)).strip(),
        settings_of_all=markdown_table(*settings_table(record, of_all=True, titles=True)).strip(),
        sounds="\n\n".join(markdown_table(header, rows).strip() for header, rows in tables if rows) or None,
        notes=tuple(notes(record)),
        command=shlex.join(words),
        recordings=bool(data["recordings"]),
    )


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
