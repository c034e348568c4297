"""The README of a dataset: its types for the Hub, and what a reader must know."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from datasets import DatasetInfo, Features, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from secret_sauce_hf.cards.templates import citation, render_card, table_text
from secret_sauce_hf.data.plan import DATA_FOLDER, HEARD_COLUMN, MEASURED_COLUMN, Plan
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import (
    COLLECTIONS,
    NOTE,
    SAMPLE_RATE,
    VELOCITY,
    Collection,
    InputError,
    Parameter,
    Switch,
)
from secret_sauce_hf.instruments.parameters import ALWAYS, NEVER, Rule, holds
from secret_sauce_hf.original.table import SEED
from secret_sauce_hf.presets import FILE_COLUMN

CARD_NAME = "README.md"
DECLARATION = "declaration.json"
"""What an instrument of one's own is declared in, beside a card."""
TAG = "secret-sauce"
"""Marks on the Hub what this package made."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TAGS = ("audio", "music", "synthesizer", "sound-matching", "midi", TAG)


@dataclass(frozen=True)
class Placement:
    """Where a card is shown, beside what it describes.

    Args:
        source: what its snippets load: a repository, or DIR for a folder.
        sheet: name of the picture beside the card; None if there is none.
        license: of the data, as the Hub names licenses.
        making: how sounds that no engine of ours rendered were made, in Markdown.
        declaration: the file that declares an instrument of one's own.
        tag: the revision under which it can be loaded for good.
    """

    source: str = "DIR"
    sheet: str | None = None
    license: str = "apache-2.0"
    making: str | None = None
    declaration: str | None = None
    tag: str | None = None


def dataset_card(
    collection: Collection,
    files: Mapping[str, Sequence[Path]],
    plan: Plan | None = None,
    placement: Placement | None = None,
) -> str:
    """The README of a dataset of takes.

    Args:
        collection: whose parameters its columns are.
        files: the Parquet files of each split, in row order; numbers of rows, sizes and
            shares are counted in them.
        plan: the build that they are from; None if they were not rendered.
        placement: where the card will be; in the folder of a build if None.

    Returns:
        Markdown with a YAML head that names the files of each split and the columns' types.

    Raises:
        InputError: neither a plan nor a text says how the sounds were made.
    """
    placement = placement or Placement()
    info = _dataset_info(files)
    rows = sum(split.num_examples for split in info.splits.values())
    title = f"{collection.name}: {collection.title}"
    data = DatasetCardData(
        license=placement.license,
        pretty_name=title,
        task_categories=["audio-classification"],
        tags=[*_TAGS, *(["synthetic"] if plan else []), collection.name],
        size_categories=[next((label for limit, label in _SIZES if rows < limit), "n>1M")],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{DATA_FOLDER}/{split}-*"} for split in files],
            }
        ],
    )
    DatasetInfosDict({"default": info}).to_dataset_card_data(data)
    paths = [path for part in files.values() for path in part]
    heard = _shares(paths, collection, HEARD_COLUMN) if HEARD_COLUMN in info.features else None
    threshold = plan.heard_threshold if plan else None
    measured = None if threshold is None else _shares(paths, collection, MEASURED_COLUMN)
    shares = [share for share in (heard, measured) if share is not None]
    return render_card(
        "dataset_card.md.jinja",
        # To the end of the line as it is: the default breaks long labels over lines.
        head=data.to_yaml(line_break="\n").strip(),
        title=title,
        rows=f"{rows:,}",
        seconds=f"{collection.samples / SAMPLE_RATE:.2f}",
        parts=collection.kinds,
        instrument=collection.instrument.title,
        playing=f", note {NOTE}, velocity {VELOCITY}" if plan else "",
        note_times=note_times(collection),
        sheet=placement.sheet,
        splits=[_split_facts(split, part, info.splits[split].num_examples) for split, part in files.items()],
        heard=heard is not None,
        threshold=None if threshold is None else f"{threshold:g}",
        parameters=[
            parameter_cells(parameter, collection, [share[parameter.name] for share in shares])
            for parameter in collection.parameters
        ],
        fixed=_fixed_text(collection),
        making=placement.making.strip() if placement.making else _making_text(plan),
        build=None if plan is None else _build_facts(plan),
        source=placement.source,
        declaration=placement.declaration,
        tag=placement.tag,
        names=list(collection.columns),
        limitations=_limitations(collection, plan),
        citation=citation(title, None if placement.source == "DIR" else placement.source, "datasets/"),
    )


def split_files(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of each split of a dataset's folder, in row order.

    They lie in the folder or in its `data`, named `SPLIT.parquet` or `SPLIT-….parquet`.
    The train split comes first, the test split last.
    """
    found: dict[str, list[Path]] = {}
    inside = folder / DATA_FOLDER
    for path in sorted((inside if inside.is_dir() else folder).glob("[!._]*.parquet")):
        found.setdefault(re.split(r"[-.]", path.name)[0], []).append(path)
    order = {"train": 0, "test": 2}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 1), item[0])))


def heard_text(rule: Rule, collection: Collection) -> str:
    """When a parameter is heard, for people: `always`, `never` or conditions on other parameters.

    What the collection's fixed settings decide is left out.
    """
    return _text(simplify(rule, dict(collection.fixed)))


def simplify(rule: Rule, fixed: dict[str, Any]) -> Rule:
    """The same rule where `fixed` settings hold: shorter, and without those parameters.

    No operator stands directly in another of its kind, and no part is always or never true
    (the whole may be, then it is `ALWAYS` or `NEVER`).
    """
    operator, *rest = rule
    if operator not in ("all", "any"):
        if rest[0] not in fixed:
            return rule
        return ALWAYS if holds(rule, fixed) else NEVER
    # `NEVER` decides an "all", `ALWAYS` an "any"; the other one adds nothing.
    decides, neutral = (NEVER, ALWAYS) if operator == "all" else (ALWAYS, NEVER)
    parts: list[Rule] = []
    for part in rest:
        part = simplify(part, fixed)
        if part == decides:
            return decides
        if part == neutral:
            continue
        for item in part[1:] if part[0] == operator else (part,):
            if item not in parts:
                parts.append(item)
    if len(parts) == 1:
        return parts[0]
    return (operator, *parts)


def _text(rule: Rule) -> str:
    if rule == ALWAYS:
        return "always"
    if rule == NEVER:
        return "never"
    operator, *rest = rule
    if operator == "is":
        return f"`{rest[0]}` is {' or '.join(rest[1:])}"
    if operator in ("above", "below"):
        return f"`{rest[0]}` {'>' if operator == 'above' else '<'} {rest[1]:g}"
    parts = [f"({_text(part)})" if part[0] in ("all", "any") else _text(part) for part in rest]
    return (" and " if operator == "all" else " or ").join(parts)


def _dataset_info(files: Mapping[str, Sequence[Path]]) -> DatasetInfo:
    splits = SplitDict()
    for split, paths in files.items():
        examples = size = 0
        for path in paths:
            footer = pq.read_metadata(path)
            examples += footer.num_rows
            size += sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
        splits.add(SplitInfo(name=split, num_bytes=size, num_examples=examples))
    paths = [path for part in files.values() for path in part]
    return DatasetInfo(
        features=Features.from_arrow_schema(pq.read_schema(paths[0])),
        splits=splits,
        download_size=sum(path.stat().st_size for path in paths),
        dataset_size=sum(split.num_bytes for split in splits.values()),
    )


def _shares(paths: Sequence[Path], collection: Collection, name: str) -> dict[str, float]:
    heard = np.zeros(len(collection.columns))
    rows = 0
    for path in paths:
        column = pq.read_table(path, columns=[name])[name].combine_chunks()
        heard += [column.field(parameter).true_count for parameter in collection.columns]
        rows += len(column)
    return dict(zip(collection.columns, heard / rows, strict=True))


def _split_facts(split: str, paths: Sequence[Path], rows: int) -> dict[str, str]:
    ends = [pq.read_table(path, columns=[FILE_COLUMN])[FILE_COLUMN] for path in (paths[0], paths[-1])]
    return {"name": split, "rows": f"{rows:,}", "first": ends[0][0].as_py(), "last": ends[1][-1].as_py()}


def parameter_cells(parameter: Parameter, collection: Collection, shares: Sequence[float] = ()) -> list[str]:
    """A parameter as cells of a table: name, kind, values, CC, when it is heard, and the given shares."""
    if isinstance(parameter, Switch):
        shown = dict(parameter.display)
        values = ", ".join(f"{label} ({shown[label]})" if label in shown else label for label in parameter.labels)
    else:
        low, high = parameter.setting_limits
        values = f"{low:.4g} to {high:.4g}"
    return [
        f"`{parameter.name}`: {table_text(parameter.about)}" if parameter.about else f"`{parameter.name}`",
        parameter.kind,
        table_text(values),
        ", ".join(map(str, parameter.control)) or "–",
        table_text(heard_text(parameter.heard, collection)),
        *(f"{share:.1%}" for share in shares),
    ]


def _fixed_text(collection: Collection) -> str:
    return ", ".join(
        f"`{name}` {value if isinstance(value, str) else format(value, '.4g')}" for name, value in collection.fixed
    )


def _making_text(plan: Plan | None) -> str:
    if plan is None:
        raise InputError("The card must say how these sounds were made; give a text (--about FILE.md).")
    if plan.seed is None:
        rows = (
            f"The settings are those of the Secret Sauce project's collection of 2018, rows {plan.start} to "
            f"{plan.stop - 1} of {plan.collection.count:,}, drawn again from its seed. They keep the split of 2018: "
            f"the first {plan.collection.train_count:,} rows are for training, the others for testing."
        )
    else:
        rows = (
            f"The settings are fresh: drawn evenly over the legal controller values from seed {plan.seed}. "
            "The first 80 % of the rows are for training, the others for testing."
        )
    state = (
        "Each take starts in the state that the row before it leaves the instrument in, as in the session of 2018."
        if plan.in_session
        else "Each take starts from silence: it depends on its own settings only."
    )
    noise = (
        "Noise oscillators play what they played at that moment of the session, as far as it could be worked out."
        if plan.seed is None and get_engine(plan.collection).remembers
        else f"What is random in a take follows from the seed {plan.seed or 0} and the number of the row."
    )
    return f"{rows} {state} {noise}"


def _build_facts(plan: Plan) -> dict[str, str]:
    timing = plan.collection.timing
    return {
        "package": version("secret_sauce_hf"),
        "engine": f"{plan.collection.instrument.name}, version {get_engine(plan.collection).version}",
        "seed": f"{SEED}, that of 2018" if plan.seed is None else str(plan.seed),
        "slot": f"{timing.slot:g}",
        "note_on": f"{timing.note_on * 1000:.1f}",
        "note_off": f"{timing.note_off * 1000:.1f}",
        "cut_start": f"{timing.cut[0] * 1000:.1f}",
        "cut_end": f"{timing.cut[1] * 1000:.1f}",
        "command": build_command(plan),
    }


def build_command(plan: Plan) -> str:
    """The command that makes a build again, to the byte."""
    rows = f"--rows {plan.start}:{plan.stop}" if plan.seed is None else f"--seed {plan.seed} --count {plan.stop}"
    name = plan.collection.name if plan.collection.name in COLLECTIONS else DECLARATION
    words = ["secret-sauce build", name, "--out DIR", rows]
    if get_engine(plan.collection).remembers:
        words.append("--in-session" if plan.in_session else "--from-silence")
    words.append(f"--rows-per-shard {plan.rows_per_shard}")
    if plan.heard_threshold is not None:
        words.append("--measure-heard")
    return " ".join(words)


def note_times(collection: Collection) -> tuple[str, str]:
    """When the note starts and ends in a take, in ms; its end only if it is heard."""
    timing = collection.timing
    start, end = (1000 * (time - timing.cut[0]) for time in (timing.note_on, timing.note_off))
    return f"{start:.1f}", f"{min(end, 1000 * (timing.cut[1] - timing.cut[0])):.1f}"


def _limitations(collection: Collection, plan: Plan | None) -> list[str]:
    if plan is None:
        return [
            "Whatever is not said above about how the sounds were made is not known.",
            "Nothing else of the instrument moves than the parameters above.",
        ]
    engine = get_engine(collection)
    spread = (
        "Every combination of the switches occurs once"
        if collection.enumerated and plan.seed is None
        else "Settings are drawn evenly and independently"
    )
    return [
        "The sounds are made by this package's own engine, which imitates the instrument. They are not the recordings "
        "of 2018, and a model trained on them must be tested on the real instrument before anything is said about "
        "that.",
        f"What is emulated: {engine.emulates}.",
        f"What was guessed: {engine.guesses}.",
        "One note, one velocity, one length; nothing else of the instrument moves than the parameters above.",
        f"{spread}, so many sounds are alike, dull or silent; nobody chose them for beauty.",
    ]
