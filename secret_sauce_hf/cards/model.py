"""The README of a checkpoint: what it answers, how well, and how it was trained."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from secret_sauce_hf.cards.names import DECLARATION, TAG
from secret_sauce_hf.cards.parameters import note_times, parameter_cells
from secret_sauce_hf.cards.records import WHO, check_evaluation, check_training, runs_of
from secret_sauce_hf.cards.templates import citation, code, render_card, table_text
from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import COLLECTIONS, Collection
from secret_sauce_hf.remote import endpoint, is_repo_id


@dataclass(frozen=True)
class Network:
    """What a card says of the network.

    Args:
        from_ast: whether its encoder is that of another audio spectrogram transformer.
        layers: how many layers its encoder has.
        width: of a layer.
        inputs: how many pictures of a sound it reads.
        has_sampler: whether it draws whole presets.
    """

    from_ast: bool
    layers: int
    width: int
    inputs: int
    has_sampler: bool


@dataclass(frozen=True)
class BenchmarkFacts:
    """What a card shows of a benchmark.

    Args:
        first: rows that every method answered.
        rows: rows that the quick methods answered.
        picture: name of the file with the scores.
        settings: the errors of the settings on the first rows, a table in Markdown.
        settings_of_all: the errors of the settings on all rows, a table in Markdown.
        sounds: the distances between the sounds, a table in Markdown; None without an engine.
        notes: what must be known to read the tables, a sentence each.
        command: the command line that repeats it; empty if there is none.
        recordings: whether recordings of the instrument are among its sounds.
    """

    first: int
    rows: int
    picture: str
    settings: str
    settings_of_all: str
    sounds: str | None
    notes: tuple[str, ...]
    command: str
    recordings: bool


@dataclass(frozen=True)
class ModelFacts:
    """What there is to tell of a checkpoint.

    Args:
        network: its size and kind.
        task: of the pipeline that answers.
        evaluation: the record of its evaluation: every score of the card is from there.
        training: the record of its training; empty if nothing is known.
        settings: with which `train` was called, by name, for each run from the first to the last.
        picture: name of the file with sounds and answers.
        engine: that renders the instrument; None if there is none.
        benchmark: of the same weights, beside other methods, if there is one.
    """

    network: Network
    task: str
    evaluation: Mapping[str, Any]
    training: Mapping[str, Any]
    settings: Sequence[Mapping[str, Any]]
    picture: str
    engine: Engine | None
    benchmark: BenchmarkFacts | None = None


def checkpoint_card(
    collection: Collection,
    facts: ModelFacts,
    *,
    repo: str,
    tag: str | None = None,
    license: str = "apache-2.0",
) -> str:
    """The README of a checkpoint.

    Args:
        collection: what it tells the settings of.
        facts: what was recorded of it.
        repo: where the card will be.
        tag: the revision under which it can be loaded for good.
        license: of the weights.

    Returns:
        Markdown with a YAML head that holds the scores.

    Raises:
        InputError: the record of the evaluation or of the training is none.
    """
    evaluation, training, benchmark = facts.evaluation, facts.training, facts.benchmark
    check_evaluation(evaluation, collection.columns)
    check_training(training)
    data = evaluation["data"]
    # A build of ours has the bytes that are published.
    dataset = collection.hub_id if data["build"] else data["source"]
    title = f"AST of {collection.name}: settings of {collection.instrument.title} from sound"
    head = ModelCardData(
        license=license,
        library_name="transformers",
        tags=["audio", "music", "synthesizer", "sound-matching", "midi", facts.task, TAG, collection.name],
        datasets=_trained_on(collection, training) or None,
        base_model=hub_base(training),
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
        architecture=_architecture(facts.network, training),
        picture=facts.picture,
        source=repo,
        tag=tag,
        declaration=None if collection.name in COLLECTIONS else DECLARATION,
        rendered=sounds is not None,
        reads_notes=collection.plays is not None,
        timing=note_times(collection),
        parameters=[parameter_cells(parameter, collection)[:4] for parameter in collection.parameters],
        evaluation={
            "rows": f"{data['rows']:,}",
            "split": data["split"],
            "split_word": shlex.quote(data["split"]),
            "dataset": _link(dataset),
            "references": f"{data['references']:,}",
            "table": _score_lines(collection, evaluation["scores"]),
            "sounds": sounds and {"rows": sounds["rows"]} | {who: _number(sounds[who], 2) for who in (*WHO, "floor")},
            "build": data["build"],
            "source": "DIR" if data["build"] else shlex.quote(_at(data)),
            "versions": ", ".join(f"{name} {number}" for name, number in evaluation["versions"].items()),
        },
        benchmark=None if benchmark is None else _benchmark(benchmark),
        trained="run" in training,
        training=_training(collection, facts),
        limitations=_limitations(facts.engine, training, benchmark is not None and benchmark.recordings),
        citation=citation(title, repo),
    )


def _link(dataset: str) -> str:
    """A dataset in Markdown: as a link where the Hub may have it, as the record names it elsewhere."""
    return f"[{dataset}]({endpoint()}/datasets/{dataset})" if is_repo_id(dataset) else code(dataset)


def hub_base(training: Mapping[str, Any]) -> str | None:
    """The nearest model on the Hub that a checkpoint derives from, by the record of its training; None if none."""
    bases = (record["run"].get("base") for record in reversed(runs_of(training)))
    return next((base for base in bases if is_repo_id(base)), None)


def _benchmark(facts: BenchmarkFacts) -> dict[str, Any]:
    return {
        "first": f"{facts.first:,}",
        "rows": f"{facts.rows:,}" if facts.rows > facts.first else None,
        "picture": facts.picture,
        "settings": facts.settings,
        "settings_of_all": facts.settings_of_all,
        "sounds": facts.sounds,
        "notes": [table_text(note) for note in facts.notes],
        "command": facts.command or None,
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
        ("mean of the knobs", "knob", "knob_mae"),
        ("mean of the switches", "switch", "switch_accuracy"),
    ):
        names = [p.name for p in collection.parameters if p.kind == kind]
        if names:
            heard = [_mean([scores[who]["heard"][name] for name in names]) for who in WHO]
            lines.append([f"**{title}**", *(_number(scores[who][key]) for who in WHO), *map(_number, heard)])
    for parameter in collection.parameters:
        cells = [_number(scores[who][part][parameter.name]) for part in ("per_parameter", "heard") for who in WHO]
        lines.append([f"`{parameter.name}`", *cells])
    return lines


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _trained_on(collection: Collection, training: Mapping[str, Any]) -> list[str]:
    """The datasets on the Hub whose rows it was trained on."""
    found: list[str] = []
    for record in runs_of(training):
        if is_repo_id(data := record["run"].get("data")):
            found.append(data.partition("@")[0])
        elif "--rows" in (record.get("build") or ""):
            # The rows of 2018, which a build makes as they are published.
            found.append(collection.hub_id)
    return sorted(set(found))


def _architecture(network: Network, training: Mapping[str, Any]) -> str:
    size = f" of {training['parameters']:,} parameters" if "parameters" in training else ""
    if network.from_ast:
        return f"An audio spectrogram transformer{size}: the encoder of another AST, and a head per parameter."
    return (
        f"A small audio spectrogram transformer{size}: {network.layers} layers of width "
        f"{network.width}, which reads {network.inputs} pictures of a sound, and for every parameter a "
        "distribution over its settings and a probability of being heard"
        + ("; a sampler draws whole presets from them." if network.has_sampler else ".")
    )


def _training(collection: Collection, facts: ModelFacts) -> dict[str, Any]:
    """The runs, from the first to the last, as calls and as a table."""
    runs = runs_of(facts.training)
    if not runs:
        return {"text": "How it was trained is not known: it came without a record.", "calls": None, "settings": []}
    calls = ["from secret_sauce_hf.training import train", ""]
    first = runs[0]["run"]
    base = first.get("base")
    if base and first.get("base_revision"):
        base = f"{base}@{first['base_revision']}"
    for number, (record, settings) in enumerate(zip(runs, facts.settings, strict=True), 1):
        # Muon is for layers of our own: with an AST encoder its rate says nothing.
        unused = {"matrix_learning_rate"} if facts.network.from_ast else set()
        used = {name: value for name, value in settings.items() if name not in unused}
        calls.append(_call(record["run"], collection, used, f"stage-{number}", base))
        base = f"stage-{number}"
    finished = facts.training.get("finished")
    if finished:
        calls += _finishing(finished, f"stage-{len(runs)}")
    last = runs[-1]
    table = [
        ("sounds", " + ".join(f"{run['sounds']:,}" for run in runs)),
        ("validation sounds", f"{last['validation_sounds']:,}"),
        ("versions", ", ".join(f"{name} {number}" for name, number in last["versions"].items())),
    ]
    if last.get("engine_version"):
        table.append(("engine", f"{collection.instrument.name} {last['engine_version']}"))
    if any("seconds" in run for run in runs):
        times = " + ".join(f"{run['seconds']:,.0f} s" if "seconds" in run else "not recorded" for run in runs)
        machines = dict.fromkeys(run["machine"] for run in runs if "machine" in run)
        table.append(("time", f"{times}, on {' and '.join(machines)}"))
    if facts.network.from_ast and "encoder_rate" in last:
        table.append(("learning rate of the encoder", f"{last['encoder_rate']:g}"))
    validation = (
        "freshly rendered validation rows, which are neither train nor test rows,"
        if last.get("engine_version") and last["run"].get("validation")
        else "the last tenth of the train rows, which were kept out of the training,"
    )
    text = f"As recorded by the run. The weights of the least loss on {validation} were kept."
    if finished:
        text += (
            " What hears the notes was made by `secret-sauce listener`, sounds of other instruments by "
            "`python examples/other_instruments.py strangers`."
        )
    builds = {run["run"]["data"]: run["build"] for run in runs if run.get("build")}
    if builds:
        made = ", ".join(f"{code(name)} is what {code(command)} makes" for name, command in builds.items())
        text += f" Here {made}."
    return {"text": text, "calls": "\n".join(calls), "settings": table}


def _finishing(finished: Mapping[str, Any], checkpoint: str) -> list[str]:
    """The call that finished a model of notes."""
    words = [repr(checkpoint), repr("finished")]
    if finished["listener"]:
        words.append('listener="listener"')
    if finished["strangers"]:
        words.append('strangers="strangers/calibration"')
    words += [f"{name}={finished[name]}" for name in ("sounds", "seed")]
    call = f"finish({', '.join(words)})".replace("'", '"')
    return ["", "from secret_sauce_hf.training.finishing import finish", "", call]


def _calibration(training: Mapping[str, Any]) -> str:
    """How far they were from what happened, on validation sounds that the temperatures were not found on."""
    sure = training.get("calibration") or {}
    told = []
    if sure.get("error") is not None:
        told.append(f"the switches' are off by {100 * sure['error']:.1f} points on average")
    if sure.get("mean_coverage") is not None:
        told.append(f"80 % intervals hold {100 * sure['mean_coverage']:.0f} % of the knobs' settings")
    return f", calibrated: on validation sounds {' and '.join(told)}" if told else ""


def _call(
    run: Mapping[str, Any], collection: Collection, settings: Mapping[str, Any], out: str, base: str | None
) -> str:
    name = run["collection"] if collection.name in COLLECTIONS else DECLARATION
    data = run["data"]
    if data and run.get("data_revision"):
        data = f"{data.partition('@')[0]}@{run['data_revision']}"
    words = [repr(name), repr(data), repr(out)]
    words += [f"{name}={value!r}" for name, value in settings.items()]
    if base is not None:
        words.append(f"base={base!r}")
    return f"train({', '.join(words)})".replace("'", '"')


def _reach(training: Mapping[str, Any]) -> str:
    """Which sounds it knows."""
    domain = (training.get("finished") or {}).get("domain")
    if not domain:
        return (
            "It knows one instrument playing one note. Of any other sound it tells the settings that come closest, "
            "without a warning."
        )
    return (
        "It knows one instrument. Of any other sound it tells the settings that come closest; its `in_domain` takes a "
        f"sound of the instrument for likelier than one of another with a probability of {domain['auroc']:.2f}."
    )


def _limitations(engine: Engine | None, training: Mapping[str, Any], recordings: bool) -> list[str]:
    items = [
        _reach(training),
        "Many settings make the same sound: where a parameter is not heard its answer is a guess, and says so.",
        f"Confidences are the model's own probabilities{_calibration(training)}.",
    ]
    if engine is not None:
        items += [
            "The figures above are for sounds of the built-in engine, not for recordings of the instrument"
            f"{', but for those of the benchmark' * recordings}. "
            f"What the engine emulates: {table_text(engine.emulates)}. "
            f"What was guessed: {table_text(engine.guesses)}.",
        ]
    return items
