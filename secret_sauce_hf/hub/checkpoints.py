"""Publishing a checkpoint, with the files that load it and a card that its evaluation fills in."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from secret_sauce_hf.cards.dataset import DECLARATION, TAG, note_times, parameter_cells
from secret_sauce_hf.cards.templates import citation, render_card, table_text
from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.evaluation.evaluating import EVALUATION_FILE, PICTURE_FILE, read_evaluation
from secret_sauce_hf.evaluation.record import BENCHMARK_FILE, MARKDOWN_FILE, PICTURES, Benchmark, read_benchmark
from secret_sauce_hf.evaluation.tables import markdown_table, notes, settings_table, sounds_table
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, check_license, look_at, publish
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, Knob, declaration_text
from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig
from secret_sauce_hf.modeling.loading import checkpoint_folder, load_pipeline
from secret_sauce_hf.modeling.modeling_secret_sauce import EXTRACTOR_FILE, INDEX_FILE, weight_files
from secret_sauce_hf.modeling.registration import TASK
from secret_sauce_hf.modeling.travelling import code_files, published_config, published_extractor
from secret_sauce_hf.remote import is_repo_id
from secret_sauce_hf.training.config import TrainingConfig, current_names
from secret_sauce_hf.training.run import RECORD_FILE

CONFIG_FILE = "config.json"
_WHO = ("model", "naive", "nearest")


def publish_checkpoint(
    checkpoint: str | Path,
    repo: str | None = None,
    *,
    private: bool | None = None,
    tag: str | None = None,
    license: str | None = None,
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
    training = _read_json(folder / RECORD_FILE) if (folder / RECORD_FILE).is_file() else {}
    base = _hub_base(training)
    if base is not None and license is None:
        raise InputError(f"{folder} was trained from {base}, whose license counts: say it with --license ID.")
    tag = version("secret_sauce_hf") if tag is None else tag
    check_license(license)
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
        RepositoryFile(CONFIG_FILE, _json(published_config(_read_json(folder / CONFIG_FILE)))),
        RepositoryFile(EXTRACTOR_FILE, _json(published_extractor(_read_json(folder / EXTRACTOR_FILE)))),
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
                *measured,
            )
            if (folder / name).is_file()
        ),
    ]
    return publish(
        there,
        files,
        removable=lambda path: (
            re.fullmatch(r"[a-z_]+_secret_sauce\.py|model(-\d+-of-\d+)?\.safetensors(\.index\.json)?", path) is not None
        ),
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
    """The README of a checkpoint.

    Args:
        collection: what it tells the settings of.
        config: of the model.
        evaluation: what `Evaluation.save` wrote: every score of the card is from there.
        training: what `train` wrote; empty if nothing is known.
        repo: where the card will be.
        benchmark: of the same weights, beside other ways to answer, if there is one.
        tag: the revision under which it can be loaded for good.
        license: of the weights.
    """
    data = evaluation["data"]
    # A build of ours has the bytes that are published.
    dataset = collection.hub_id if data["build"] else data["source"]
    title = f"AST of {collection.name}: settings of {collection.instrument.title} from sound"
    head = ModelCardData(
        license=license,
        library_name="transformers",
        tags=["audio", "music", "synthesizer", "sound-matching", "midi", TASK, TAG, collection.name],
        datasets=_trained_on(collection, training) or None,
        base_model=_hub_base(training),
        metrics=["mae", "accuracy"],
        model_name=repo.partition("/")[2],
        eval_results=_results(evaluation, dataset),
    )
    sounds = evaluation["sounds"]
    return render_card(
        "model_card.md.jinja",
        head=head.to_yaml(line_break="\n").strip(),
        title=title,
        instrument=collection.instrument.title,
        parts=collection.kinds,
        architecture=_architecture(config, training),
        picture=PICTURE_FILE,
        source=repo,
        tag=tag,
        declaration=None if collection.name in COLLECTIONS else DECLARATION,
        rendered=sounds is not None,
        timing=note_times(collection),
        parameters=[parameter_cells(parameter, collection)[:4] for parameter in collection.parameters],
        evaluation={
            "rows": f"{data['rows']:,}",
            "split": data["split"],
            "dataset": f"[{dataset}](https://huggingface.co/datasets/{dataset})",
            "references": f"{data['references']:,}",
            "table": _score_lines(collection, evaluation["scores"]),
            "sounds": sounds and {key: _number(value, 2) if key != "rows" else value for key, value in sounds.items()},
            "build": data["build"],
            "source": "DIR" if data["build"] else _at(data),
            "versions": ", ".join(f"{name} {number}" for name, number in evaluation["versions"].items()),
        },
        benchmark=None if benchmark is None else _benchmark(benchmark, repo),
        trained="run" in training,
        training=_training(collection, config, training),
        limitations=_limitations(
            collection, training, benchmark is not None and bool(benchmark.record["data"]["recordings"])
        ),
        citation=citation(title, repo),
    )


def _benchmark(benchmark: Benchmark, repo: str) -> dict[str, Any]:
    """What the card shows of a benchmark: the tables of the three tiers, and how to repeat it."""
    record = benchmark.record
    data = record["data"]
    words = shlex.split(record["command"])
    if "--model" in words:
        words[words.index("--model") + 1] = repo
    header, rows = sounds_table(record, titles=True)
    return {
        "first": f"{data['first']:,}",
        "rows": f"{data['rows']:,}" if data["rows"] > data["first"] else None,
        "picture": PICTURES["scores"],
        "settings": markdown_table(*settings_table(record, titles=True)).strip(),
        "settings_of_all": markdown_table(*settings_table(record, of_all=True, titles=True)).strip(),
        "sounds": markdown_table(header, rows).strip() if rows else None,
        "notes": [table_text(note) for note in notes(record)],
        "command": shlex.join(words) or None,
    }


def _at(data: Mapping[str, Any]) -> str:
    return f"{data['source']}@{data['revision']}" if data["revision"] else data["source"]


def _results(evaluation: Mapping[str, Any], dataset: str) -> list[EvalResult]:
    data, scores = evaluation["data"], evaluation["scores"]["model"]
    common = {
        "task_type": "audio-classification",
        "task_name": "Audio to preset",
        "dataset_type": dataset,
        "dataset_name": evaluation["collection"],
        "dataset_split": data["split"],
        "dataset_revision": data["revision"],
    }
    found = [
        ("mae", "Mean absolute error of the knobs (0 to 10)", scores["knob_mae"]),
        ("accuracy", "Accuracy of the switches", scores["switch_accuracy"]),
        (
            "mss",
            "Median multi-scale spectral distance of the rendered answers, dB",
            (evaluation["sounds"] or {}).get("model"),
        ),
    ]
    return [
        EvalResult(metric_type=kind, metric_name=name, metric_value=round(value, 4), **common)
        for kind, name, value in found
        if value is not None
    ]


def _score_lines(collection: Collection, scores: Mapping[str, Any]) -> list[list[str]]:
    lines = []
    for title, kind, key in (
        ("mean of the knobs", Knob, "knob_mae"),
        ("mean of the switches", None, "switch_accuracy"),
    ):
        names = [p.name for p in collection.parameters if isinstance(p, Knob) == (kind is Knob)]
        if names:
            heard = [_mean([scores[who]["heard"][name] for name in names]) for who in _WHO]
            lines.append([f"**{title}**", *(_number(scores[who][key]) for who in _WHO), *map(_number, heard)])
    for parameter in collection.parameters:
        cells = [_number(scores[who][part][parameter.name]) for part in ("per_parameter", "heard") for who in _WHO]
        lines.append([f"`{parameter.name}`", *cells])
    return lines


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _hub_base(training: Mapping[str, Any]) -> str | None:
    """The nearest model on the Hub that it derives from."""
    record: Any = training
    while isinstance(record, Mapping) and "run" in record:
        if is_repo_id(base := record["run"].get("base")):
            return base
        record = record.get("base")
    return None


def _trained_on(collection: Collection, training: Mapping[str, Any]) -> list[str]:
    """The datasets on the Hub whose rows it was trained on."""
    found: list[str] = []
    record: Any = training
    while isinstance(record, Mapping) and "run" in record:
        if is_repo_id(data := record["run"].get("data")):
            found.append(data.partition("@")[0])
        elif "--rows" in (record.get("build") or ""):
            # The rows of 2018, which a build makes as they are published.
            found.append(collection.hub_id)
        record = record.get("base")
    return sorted(set(found))


def _architecture(config: SecretSauceConfig, training: Mapping[str, Any]) -> str:
    size = f" of {training['parameters']:,} parameters" if "parameters" in training else ""
    if config.ast is not None:
        return f"An audio spectrogram transformer{size}: the encoder of another AST, and a head per parameter."
    return (
        f"A small audio spectrogram transformer{size}: {config.num_hidden_layers} layers of width "
        f"{config.hidden_size}, which reads {len(config.inputs)} pictures of a sound, and for every parameter a "
        "distribution over its settings and a probability of being heard"
        + ("; a sampler draws whole presets from them." if config.sampler_layers else ".")
    )


def _training(collection: Collection, config: SecretSauceConfig, training: Mapping[str, Any]) -> dict[str, Any]:
    """The runs, from the first to the last, as calls and as a table."""
    runs: list[Mapping[str, Any]] = []
    record: Any = training
    while isinstance(record, Mapping) and "run" in record:
        runs.insert(0, record)
        record = record.get("base")
    if not runs:
        return {"text": "How it was trained is not known: it came without a record.", "calls": None, "settings": []}
    calls = ["from secret_sauce_hf.training import train", ""]
    first = runs[0]["run"]
    base = first.get("base")
    if base and first.get("base_revision"):
        base = f"{base}@{first['base_revision']}"
    for number, record in enumerate(runs, 1):
        calls.append(_call(record["run"], collection, config, f"stage-{number}", base))
        base = f"stage-{number}"
    last = runs[-1]
    settings = [
        ("sounds", " + ".join(f"{run['sounds']:,}" for run in runs)),
        ("validation sounds", f"{last['validation_sounds']:,}"),
        ("versions", ", ".join(f"{name} {number}" for name, number in last["versions"].items())),
    ]
    if last.get("engine_version"):
        settings.append(("engine", f"{collection.instrument.name} {last['engine_version']}"))
    if any("seconds" in run for run in runs):
        times = " + ".join(f"{run['seconds']:,.0f} s" if "seconds" in run else "not recorded" for run in runs)
        machines = dict.fromkeys(run["machine"] for run in runs if "machine" in run)
        settings.append(("time", f"{times}, on {' and '.join(machines)}"))
    if config.ast is not None and "encoder_rate" in last:
        settings.append(("learning rate of the encoder", f"{last['encoder_rate']:g}"))
    validation = (
        "freshly rendered validation rows, which are neither train nor test rows,"
        if last.get("engine_version") and last["run"]["validation"]
        else "the last tenth of the train rows, which were kept out of the training,"
    )
    text = f"As recorded by the run. The weights of the least loss on {validation} were kept."
    builds = {run["run"]["data"]: run["build"] for run in runs if run.get("build")}
    if builds:
        made = ", ".join(f"`{name}` is what `{command}` makes" for name, command in builds.items())
        text += f" Here {made}."
    return {"text": text, "calls": "\n".join(calls), "settings": settings}


def _calibration(training: Mapping[str, Any]) -> str:
    """How far they were from what happened, on validation sounds that the temperatures were not found on."""
    sure = training.get("calibration") or {}
    told = []
    if sure.get("error") is not None:
        told.append(f"the switches' are off by {100 * sure['error']:.1f} points on average")
    if sure.get("mean_coverage") is not None:
        told.append(f"80 % intervals hold {100 * sure['mean_coverage']:.0f} % of the knobs' settings")
    return f", calibrated: on validation sounds {' and '.join(told)}" if told else ""


def _call(run: Mapping[str, Any], collection: Collection, config: SecretSauceConfig, out: str, base: str | None) -> str:
    name = run["collection"] if collection.name in COLLECTIONS else DECLARATION
    words = [repr(name), repr(run["data"]), repr(out)]
    # Muon is for layers of our own: with an AST encoder its rate says nothing.
    unused = {"base", *(["matrix_learning_rate"] if config.ast is not None else [])}
    settings = current_names(run)
    names = [field.name for field in fields(TrainingConfig) if field.name in settings.keys() - unused]
    words += [f"{name}={settings[name]!r}" for name in names]
    if base is not None:
        words.append(f"base={base!r}")
    return f"train({', '.join(words)})".replace("'", '"')


def _limitations(collection: Collection, training: Mapping[str, Any], recordings: bool) -> list[str]:
    items = [
        "It knows one instrument playing one note. Of any other sound it tells the settings that come closest, "
        "without a warning.",
        "Many settings make the same sound: where a parameter is not heard its answer is a guess, and says so.",
        f"Confidences are the model's own probabilities{_calibration(training)}.",
    ]
    if engine := find_engine(collection):
        items += [
            "The figures above are for sounds of the built-in engine, not for recordings of the instrument"
            f"{', but for those of the benchmark' * recordings}. What the engine emulates: {engine.emulates}. What was "
            f"guessed: {engine.guesses}.",
        ]
    return items


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}).") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a record.")
    return content


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
