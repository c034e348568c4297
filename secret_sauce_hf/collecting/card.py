"""The README of a built dataset: its types for the Hub, and what a reader must know."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from datasets import DatasetInfo, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from secret_sauce_hf.collecting.columns import features
from secret_sauce_hf.collecting.plan import CHANGE_COLUMN, DATA_FOLDER, HEARD_COLUMN, MEASURED_COLUMN, Plan
from secret_sauce_hf.engines import engine_version, remembers
from secret_sauce_hf.instruments import NOTE, SAMPLE_RATE, VELOCITY, Collection, Parameter, Switch
from secret_sauce_hf.instruments.spec import ALWAYS, NEVER, Rule, holds

CARD_NAME = "README.md"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_BODY = """\
# {title}

{rows:,} sounds of {seconds:.2f} s whose settings are known: {parts} of the instrument
*{instrument}*, note {note}, velocity {velocity}, 22,050 Hz, 16-bit, mono, FLAC inside Parquet.
Made to learn which settings make a sound.

| split | rows | file names |
|---|---|---|
{splits}

## Columns

`audio` is the sound. Every parameter has a column of its own: a knob is a float32 from 0 to 10, a switch a class
label. `file` is the name of the row's sound, in the numbering of its rows. `heard` holds a boolean per parameter:
whether it can be heard in this sound at all, by the rule in the table (from the settings alone: a take that is
nearly silent tells nothing of them all the same).{measured}

| parameter | kind | values | CC | heard | in |{measured_head}
|---|---|---|---|---|---|{measured_rule}
{parameters}

CC is the MIDI controller; of two numbers the first carries the upper seven bits. The last column is the share of
the rows of this build in which the parameter is heard{measured_legend}.
{fixed}
## How it was made

{making}

- package: secret_sauce_hf {package}
- engine: {engine}
- take: a recording slot of {slot:g} s with the note from {note_on:.1f} ms to {note_off:.1f} ms, cut from
  {cut_start:.1f} ms to {cut_end:.1f} ms

The same version of the package makes the same bytes again:

```python
from secret_sauce_hf.collecting import build_collection

{call}
```

## Reading it

```python
import io

import soundfile
from datasets import Audio, load_dataset

takes = load_dataset("DIR", split="{split}")  # the folder, or the name of the dataset on the Hub
takes = takes.cast_column("audio", Audio(decode=False))  # without this line datasets needs torchcodec
take = takes[0]
sound, rate = soundfile.read(io.BytesIO(take["audio"]["bytes"]), dtype="float32")
print(take["file"], sound.shape, rate)
print({{name: take[name] for name in take["heard"] if take["heard"][name]}})
```

All rows at once, as arrays (`pip install secret_sauce_hf`):

```python
from secret_sauce_hf import load_takes

takes = load_takes("DIR", split="{split}")
print(takes.sounds.shape, takes.presets.settings["{first}"][:5])
```

## Limitations

- The sounds are made by this package's own engine, which imitates the instrument. They are not the recordings of
  2018, and a model trained on them must be tested on the real instrument before anything is said about that.
- One note, one velocity, one length; nothing else of the instrument moves than the parameters above.
- {spread}, so many sounds are alike, dull or silent; nobody chose them for beauty.
"""

_MEASURED = f"""

`{MEASURED_COLUMN}` says the same as measured: the row was rendered again with that one parameter moved, to two
other positions of a knob and to every other one of a switch, and the most different of them was compared with the
row. It counts as heard where the levels in the ear's bands differ by more than {{threshold:g}} dB root mean square
in the tenth of a second where they differ most, and the take is not silent. `{CHANGE_COLUMN}` has those decibels, for
a threshold of one's own."""


def dataset_card(plan: Plan, shards: Sequence[Path]) -> str:
    """The README of a finished build.

    Args:
        plan: the build.
        shards: its Parquet files; numbers of rows, sizes and shares are counted in them.

    Returns:
        Markdown with a YAML head that names the files of each split and the columns' types.
    """
    collection = plan.collection
    title = f"{collection.name}: {collection.title}"
    rows = plan.stop - plan.start
    data = DatasetCardData(
        license="apache-2.0",
        pretty_name=title,
        task_categories=["audio-classification"],
        tags=["audio", "music", "synthesizer", "sound-matching", "midi", "synthetic", "secret-sauce"],
        size_categories=[next((label for limit, label in _SIZES if rows < limit), "n>1M")],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{DATA_FOLDER}/{split}-*"} for split in plan.splits],
            }
        ],
    )
    DatasetInfosDict({"default": _dataset_info(plan, shards)}).to_dataset_card_data(data)
    # To the end of the line as it is: the default breaks long labels over lines.
    head = data.to_yaml(line_break="\n").strip()
    heard = _heard_shares(shards, collection, HEARD_COLUMN)
    measured = None if plan.heard_threshold is None else _heard_shares(shards, collection, MEASURED_COLUMN)
    instrument = collection.instrument
    body = _BODY.format(
        title=title,
        rows=rows,
        seconds=collection.samples / SAMPLE_RATE,
        parts=_parts_text(collection),
        instrument=instrument.title,
        note=NOTE,
        velocity=VELOCITY,
        splits="\n".join(
            f"| {split} | {stop - start:,} | `s{start}.wav` to `s{stop - 1}.wav` |"
            for split, (start, stop) in plan.splits.items()
        ),
        measured=_MEASURED.format(threshold=plan.heard_threshold) if measured else "",
        measured_head=" measured |" if measured else "",
        measured_rule="---|" if measured else "",
        measured_legend=", by the rule and as measured" if measured else "",
        parameters="\n".join(
            _parameter_row(p, collection, [heard[p.name], *([measured[p.name]] if measured else [])])
            for p in collection.parameters
        ),
        fixed=_fixed_text(collection),
        making=_making_text(plan),
        spread=(
            "Every combination of the switches occurs once"
            if collection.enumerated and plan.seed is None
            else "Settings are drawn evenly and independently"
        ),
        package=version("secret_sauce_hf"),
        engine=f"{instrument.name}, version {engine_version(instrument.name)}",
        slot=collection.timing.slot,
        note_on=collection.timing.note_on * 1000,
        note_off=collection.timing.note_off * 1000,
        cut_start=collection.timing.cut[0] * 1000,
        cut_end=collection.timing.cut[1] * 1000,
        call=_call_text(plan),
        split=next(iter(plan.splits)),
        first=collection.columns[0],
    )
    return f"---\n{head}\n---\n\n{body}"


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


def _dataset_info(plan: Plan, shards: Sequence[Path]) -> DatasetInfo:
    splits = SplitDict()
    for split in plan.splits:
        examples = size = 0
        for path in shards:
            if path.name.startswith(f"{split}-"):
                footer = pq.read_metadata(path)
                examples += footer.num_rows
                size += sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
        splits.add(SplitInfo(name=split, num_bytes=size, num_examples=examples))
    return DatasetInfo(
        features=features(plan.collection, measured=plan.heard_threshold is not None),
        splits=splits,
        download_size=sum(path.stat().st_size for path in shards),
        dataset_size=sum(split.num_bytes for split in splits.values()),
    )


def _heard_shares(shards: Sequence[Path], collection: Collection, name: str) -> dict[str, float]:
    heard = np.zeros(len(collection.columns))
    rows = 0
    for path in shards:
        column = pq.read_table(path, columns=[name])[name].combine_chunks()
        heard += [column.field(parameter).true_count for parameter in collection.columns]
        rows += len(column)
    return dict(zip(collection.columns, heard / rows, strict=True))


def _parameter_row(parameter: Parameter, collection: Collection, shares: Sequence[float]) -> str:
    if isinstance(parameter, Switch):
        shown = dict(parameter.display)
        values = ", ".join(f"{label} ({shown[label]})" if label in shown else label for label in parameter.labels)
    else:
        low, high = parameter.setting_limits
        values = f"{low:.4g} to {high:.4g}"
    control = ", ".join(map(str, parameter.control))
    cells = [
        f"`{parameter.name}`: {parameter.about}" if parameter.about else f"`{parameter.name}`",
        parameter.kind,
        values,
        control,
        heard_text(parameter.heard, collection),
        *(f"{share:.1%}" for share in shares),
    ]
    return "| " + " | ".join(cells) + " |"


def _parts_text(collection: Collection) -> str:
    kinds = [parameter.kind for parameter in collection.parameters]
    counts = [(kinds.count(kind), kind) for kind in ("knob", "switch")]
    plural = {"knob": "knobs", "switch": "switches"}
    return " and ".join(f"{count} {kind if count == 1 else plural[kind]}" for count, kind in counts if count)


def _fixed_text(collection: Collection) -> str:
    if not collection.fixed:
        return ""
    settings = ", ".join(
        f"`{name}` {value if isinstance(value, str) else format(value, '.4g')}" for name, value in collection.fixed
    )
    return f"\nThe instrument's other parameters stay where they are: {settings}.\n"


def _making_text(plan: Plan) -> str:
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
        if plan.seed is None and remembers(plan.collection.instrument.name)
        else f"What is random in a take follows from the seed {plan.seed or 0} and the number of the row."
    )
    return f"{rows} {state} {noise}"


def _call_text(plan: Plan) -> str:
    arguments = [f'"{plan.collection.name}"', '"DIR"']
    if plan.seed is None:
        arguments.append(f"rows=({plan.start}, {plan.stop})")
    else:
        arguments += [f"seed={plan.seed}", f"count={plan.stop}"]
    arguments += [f"in_session={plan.in_session}", f"rows_per_shard={plan.rows_per_shard}"]
    if plan.heard_threshold is not None:
        arguments.append("measure=True")
    return f"build_collection({', '.join(arguments)})"
