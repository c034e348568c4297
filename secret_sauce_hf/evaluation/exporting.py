"""The rows of a benchmark as a dataset that others can answer: sounds, floors, and the Hub's description of it."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from yaml import safe_dump

from secret_sauce_hf.data.columns import arrow_schema
from secret_sauce_hf.data.names import AUDIO_COLUMN, DATA_FOLDER, NOTES_COLUMN
from secret_sauce_hf.data.recorded import SOUND_COLUMN
from secret_sauce_hf.data.shards import CONTAINER, ROW_GROUP, takes_table, writer_options
from secret_sauce_hf.data.sounds import encode
from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.evaluation.comparing import FLOOR_NOISE
from secret_sauce_hf.evaluation.exported import DESCRIPTION_FILE, EXPORT_FILE, SCHEMA, TASKS
from secret_sauce_hf.evaluation.material import gather
from secret_sauce_hf.evaluation.playing import notes_of, play_nearest
from secret_sauce_hf.files import named, temporary, write_whole
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, get_collection, integer
from secret_sauce_hf.instruments.takes import SILENCE, to_int16
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.outputs import alone, check_folder, is_free
from secret_sauce_hf.presets import FILE_COLUMN, MAX_ROWS, Presets
from secret_sauce_hf.progress import row_progress

FLOOR_COLUMN, AUDIBLE_COLUMN = "floor_mss", "audible"
FRAMEWORK = "secret-sauce"
"""What `eval.yaml` calls the program that scores."""
DATA_FILE = f"{DATA_FOLDER}/test-00000-of-00001.parquet"


@alone("an export")
def export_benchmark(
    collection: str | Path | Collection,
    out: str | Path,
    *,
    data: str | Path | None = None,
    recordings: str | Path | None = None,
    rows: int = 100,
    hidden: bool = False,
    command: str = "",
    progress: bool = True,
    engine: Engine | None = None,
) -> list[Path]:
    """Write the rows that a benchmark scores as a dataset, with the Hub's own description of a benchmark.

    Each row has its sound, its settings and what of them is heard by the declared rules, whether the take is
    `audible`, and `floor_mss`: how far the truth is from the sound when it is rendered with other noise and phases,
    in dB. `secret-sauce publish dataset` publishes the folder.

    Args:
        collection: whose settings are told.
        out: a folder that is new or empty.
        data: a dataset with test rows; the rows of 2018 are rendered if None.
        recordings: a file of recordings to take instead.
        rows: how many, from the first.
        hidden: leave the settings, and what is heard of them, out of the dataset. Beside the folder a file
            `OUT-answers.parquet` keeps sounds and settings, as `--recordings` reads them, to score answers by.
        command: the command line, for the record.
        progress: whether to show a progress bar.
        engine: renders the floor; the one that is installed for the collection if None.

    Returns:
        The files.

    Raises:
        InputError: the folder holds something; there are no such rows; settings of rows that play notes of their
            own cannot be hidden, as files of recordings know no notes.
    """
    collection = get_collection(collection)
    rows = integer("rows", rows, 1, MAX_ROWS)
    folder = check_folder(out, what="the benchmark")
    if not is_free(folder):
        raise InputError(f"{folder} is not empty; give a new folder for the benchmark.")
    answers = folder.with_name(f"{folder.name}-answers.parquet")
    if hidden and answers.exists():
        raise InputError(f"{answers} is there already; remove it, or give another folder for the benchmark.")
    engine = find_engine(collection) if engine is None else engine
    material = gather(collection, engine, data, recordings)
    presets, sounds = material.presets[:rows], material.sounds[:rows]
    if hidden and not presets.play_constant:
        raise InputError(f"Rows of {collection.name} play notes of their own: export them without hiding settings.")
    encoded = [encode(take, CONTAINER) for take in to_int16(sounds)]
    floor = _floor(engine, presets, sounds, progress)
    audible = np.abs(sounds).max(axis=1) >= SILENCE
    schema = arrow_schema(collection, notes=not presets.play_constant or collection.plays is not None)
    table = _with_tiers(takes_table(presets, encoded, schema), floor, audible)
    if hidden:
        _write(_recordings(presets, encoded), answers)
        shown = {AUDIO_COLUMN, FILE_COLUMN, NOTES_COLUMN, FLOOR_COLUMN, AUDIBLE_COLUMN}
        table = _only(table, shown)
    (folder / DATA_FOLDER).mkdir(parents=True, exist_ok=True)
    _write(table, folder / DATA_FILE)
    record = {
        "schema": SCHEMA,
        "collection": collection.name,
        "rows": len(presets),
        "hidden": hidden,
        "data": material.source,
        "floor": None if engine is None else {"noise_seed": FLOOR_NOISE, "median": float(np.median(floor))},
        "nothing_heard": int((~(presets.heard() & audible[:, None]).any(axis=1)).sum()),
        "command": command,
        "versions": {"secret_sauce_hf": version("secret_sauce_hf")}
        | ({} if engine is None else {"engine": engine.version}),
    }
    write_whole(folder / EXPORT_FILE, (json.dumps(record, indent=2) + "\n").encode())
    write_whole(folder / DESCRIPTION_FILE, description(collection, len(presets)).encode())
    files = [folder / DATA_FILE, folder / EXPORT_FILE, folder / DESCRIPTION_FILE]
    return [*files, answers] if hidden else files


def description(collection: Collection, rows: int) -> str:
    """`eval.yaml`, by which the Hub knows a dataset as a benchmark and its tasks as leaderboards.

    Its form is that of https://huggingface.co/docs/hub/eval-results: name, description, the framework that scores, and
    tasks with an id, a config and a split.
    """
    content = {
        "name": f"{collection.name}: settings from sound",
        "description": (
            f"{rows:,} sounds of {collection.instrument.title}. Tell the settings that make each of them. "
            "Answers are scored by `secret-sauce benchmark --predictions`. " + " ".join(TASKS.values())
        ),
        "evaluation_framework": FRAMEWORK,
        "tasks": [{"id": name, "config": "default", "split": "test"} for name in TASKS],
    }
    return str(safe_dump(content, sort_keys=False, allow_unicode=True))


def _floor(engine: Engine | None, presets: Presets, sounds: np.ndarray, progress: bool) -> np.ndarray:
    """MSS of the truth rendered again, shape (rows,); NaN without an engine."""
    floor = np.full(len(presets), np.nan)
    if engine is None:
        return floor
    with row_progress("Rendering the truth", len(presets), progress) as advance:
        for row, sound in enumerate(sounds):
            units, notes = presets.unit[row], notes_of(presets, row)
            take, _ = play_nearest(engine, presets.collection, sound, units, FLOOR_NOISE, notes)
            floor[row] = float(mss(sound, take, SAMPLE_RATE))
            advance(1)
    return floor


def _with_tiers(table: pa.Table, floor: np.ndarray, audible: np.ndarray) -> pa.Table:
    told = json.loads(table.schema.metadata[b"huggingface"])
    told["info"]["features"] |= {
        FLOOR_COLUMN: {"dtype": "float32", "_type": "Value"},
        AUDIBLE_COLUMN: {"dtype": "bool", "_type": "Value"},
    }
    table = table.append_column(FLOOR_COLUMN, pa.array(floor.astype(np.float32), from_pandas=True))
    table = table.append_column(AUDIBLE_COLUMN, pa.array(audible))
    return table.replace_schema_metadata({"huggingface": json.dumps(told)})


def _only(table: pa.Table, names: set[str]) -> pa.Table:
    told = json.loads(table.schema.metadata[b"huggingface"])
    told["info"]["features"] = {name: kind for name, kind in told["info"]["features"].items() if name in names}
    table = table.select([name for name in table.column_names if name in names])
    return table.replace_schema_metadata({"huggingface": json.dumps(told)})


def _recordings(presets: Presets, encoded: list[bytes]) -> pa.Table:
    """Sounds and settings as `read_recordings` reads them."""
    columns: dict[str, Any] = {FILE_COLUMN: presets.files}
    columns |= {name: values.tolist() for name, values in presets.settings.items()}
    return pa.table(columns | {SOUND_COLUMN: pa.array(encoded, pa.binary())})


def _write(table: pa.Table, path: Path) -> None:
    options = writer_options(table.schema) if AUDIO_COLUMN in table.column_names else {}
    unfinished = temporary(path)
    try:
        with named(path):
            pq.write_table(table, unfinished, row_group_size=ROW_GROUP, **options)
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
