"""The package as `record.py` uses it: when the package is restructured, only this file changes.

Every function takes and returns plain values (names, arrays, texts, bytes, paths), except for
the rows of presets, which `record.py` hands on without looking inside.
"""

import io
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import secret_sauce_hf
from secret_sauce_hf import engines, instruments, midi, presets
from secret_sauce_hf.original import session, table

SAMPLE_RATE = instruments.SAMPLE_RATE
# Those of 2018: what came later is not in the record.
COLLECTIONS = tuple(name for name, one in instruments.COLLECTIONS.items() if getattr(one, "plays", None) is None)
MIDI_ORDERS = midi.ORDERS
Rows = presets.Presets


def row_count(collection: str) -> int:
    """Return how many rows of 2018 a collection has."""
    return instruments.get_collection(collection).count


def first_test_row(collection: str) -> int:
    """Return the number of the first test row of 2018."""
    return instruments.get_collection(collection).train_count


def has_sessions(collection: str) -> bool:
    """Return whether the engine can render a take in the state that the take before it leaves."""
    return engines.get_engine(collection).remembers


def phase_count(collection: str) -> int:
    """Return how many phases the engine of a collection takes."""
    return len(engines.get_engine(collection).free_phases)


def drawn_phases(collection: str, noise_seed: int, first_row: int, count: int) -> np.ndarray:
    """Return the phases that a noise seed gives: (count, phases), in turns from 0 to 1."""
    return engines.get_engine(collection).draw_phases(noise_seed, first_row, count)


def original_rows(collection: str, start: int, stop: int) -> Rows:
    """Return rows `start` to `stop` of 2018."""
    return table.original_presets(collection, start, stop)


def fresh_rows(collection: str, count: int, seed: int, start: int = 0) -> Rows:
    """Return `count` rows that a seed gives, from row `start` on."""
    return presets.draw_presets(collection, count, seed, start)


def render(
    rows: Rows,
    *,
    in_session: bool = False,
    preceding: Rows | None = None,
    noise_seed: int | None = None,
    first_row: int = 0,
    same_noise: bool = False,
    phases: np.ndarray | None = None,
) -> np.ndarray:
    """Render one take per row: int16, (rows, samples)."""
    return engines.render(
        rows,
        in_session=in_session,
        preceding=preceding,
        noise_seed=noise_seed,
        first_row=first_row,
        same_noise=same_noise,
        phases=phases,
    )


def heard(rows: Rows) -> np.ndarray:
    """Return whether the declared rules say that each parameter is heard: bool, (rows, parameters)."""
    return rows.heard()


def cc(rows: Rows) -> np.ndarray:
    """Return the CC values: int64, (rows, parameters)."""
    return rows.cc


def complete_unit(rows: Rows) -> np.ndarray:
    """Return the units of every parameter of the instrument: float64, (rows, instrument's parameters)."""
    return rows.complete_unit()


def settings(rows: Rows) -> list[dict[str, Any]]:
    """Return a mapping from names to settings for each row."""
    return list(rows.rows())


def csv(rows: Rows) -> str:
    """Return the table in the format of 2018."""
    text = io.StringIO()
    rows.to_csv(text)
    return text.getvalue()


def rows_of_csv(collection: str, text: str) -> Rows:
    """Read a table in the format of 2018."""
    return presets.Presets.from_csv(collection, io.StringIO(text))


def midi_track(rows: Rows) -> bytes:
    """Return the MIDI file that plays the rows in one session, as in 2018."""
    return _midi_bytes(session.collection_track(rows))


def preset_midi_file(collection: str, preset: dict[str, Any], order: str) -> bytes:
    """Return the MIDI file that sets a preset, the halves of 14-bit values in the given order."""
    return _midi_bytes(midi.preset_midi_file(collection, preset, order=order, fixed=False))


def _midi_bytes(midi_file: Any) -> bytes:
    content = io.BytesIO()
    midi_file.save(file=content)
    return content.getvalue()


def declaration_text(collection: str) -> str:
    """Return the declaration of a collection as JSON."""
    return instruments.declaration_text(instruments.get_collection(collection))


def build(
    collection: str,
    out: Path,
    *,
    rows: tuple[int, int] | None = None,
    seed: int | None = None,
    count: int | None = None,
    rows_per_shard: int = 1000,
    measure: bool = False,
) -> Path:
    """Build a dataset in the folder `out`, which holds its shards, its card and its record then."""
    from secret_sauce_hf.data import build_collection

    return build_collection(
        collection,
        out,
        rows=rows,
        seed=seed,
        count=count,
        rows_per_shard=rows_per_shard,
        measure=measure,
        progress=False,
    )


def published_dataset_card(collection: str, folder: Path) -> str:
    """Return the card of a build as it is published, with the collection's id, a picture and a tag."""
    from secret_sauce_hf.cards.dataset import Placement, dataset_card
    from secret_sauce_hf.data.building import finished_plan
    from secret_sauce_hf.data.card_facts import dataset_facts, split_files

    collection = instruments.get_collection(collection)
    placement = Placement(source=collection.hub_id, sheet="sheet.png", tag="v0")
    facts = dataset_facts(collection, split_files(folder), finished_plan(folder))
    return dataset_card(collection, facts, placement)


def model_card(checkpoint: str) -> str:
    """Return the card of the checkpoint that ships for a collection, as it is published."""
    from secret_sauce_hf.evaluation.records import read_evaluation
    from secret_sauce_hf.evaluation.results import read_benchmark
    from secret_sauce_hf.hub import checkpoints

    collection = instruments.get_collection(checkpoint)
    folder = secret_sauce_hf.checkpoint_path(checkpoint)
    return checkpoints.model_card(
        collection,
        _pipeline(checkpoint).model.config,
        read_evaluation(folder),
        json.loads((folder / "training.json").read_text(encoding="utf-8")),
        benchmark=read_benchmark(folder),
        repo=collection.checkpoint_id,
        tag="v0",
    )


def metric_cards() -> dict[str, str]:
    """Return the cards of the metrics by name; none where `evaluate` is not installed."""
    if find_spec("evaluate") is None:
        return {}
    from secret_sauce_hf.cards.metric import metric_card
    from secret_sauce_hf.metrics.modules import MODULES

    return {name: metric_card(name, f"secret-sauce/{name}") for name in MODULES}


def _pipeline(checkpoint: str) -> Any:
    from transformers import pipeline

    return pipeline("audio-to-preset", model=str(secret_sauce_hf.checkpoint_path(checkpoint)), device="cpu")


def has_candidates(checkpoint: str) -> bool:
    """Return whether the checkpoint that ships for a collection has a sampler of candidates."""
    return _pipeline(checkpoint).model.sampler is not None


def answers(checkpoint: str, takes: np.ndarray, num_candidates: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield what the pipeline of the checkpoint that ships for a collection answers to each take.

    Args:
        checkpoint: the collection's name.
        takes: int16, (takes, samples).
        num_candidates: how many candidates it is asked for; none if None.

    Yields:
        `preset`, `heard`, `confidence`: by name of the parameter; `midi`: the bytes of the
        messages; `candidates`: a list of mappings of `preset` and `score`, if asked for.
    """
    options = {} if num_candidates is None else {"num_candidates": num_candidates, "seed": 0}
    pipe = _pipeline(checkpoint)
    for take in takes:
        answer = pipe(take.astype(np.float32) / 32_768, sampling_rate=SAMPLE_RATE, **options)
        yield answer | {"midi": b"".join(bytes(message.bytes()) for message in answer["midi"])}


def match(
    collection: str, sound: np.ndarray, sampling_rate: int, *, renders: int, num_candidates: int
) -> dict[str, Any]:
    """Search for a sound's preset with seed 0.

    Args:
        collection: whose shipped checkpoint begins.
        sound: float32, (samples,).
        sampling_rate: of the sound, in Hz.
        renders: how many presets to render.
        num_candidates: how many presets to tell.

    Returns:
        `preset`, `heard` and `confidence` by name; `candidates`, the CC values of each;
        `renders`; `late` in s; `distances` by name; `rendered`, float32, (samples,).
    """
    from secret_sauce_hf.matching import match as find

    found = find(
        sound,
        collection=collection,
        sampling_rate=sampling_rate,
        renders=renders,
        candidates=num_candidates,
        seed=0,
    )
    return {
        "preset": found.preset,
        "heard": found.heard,
        "confidence": found.confidence,
        "candidates": [list(one.cc) for one in found.candidates],
        "renders": found.renders,
        "late": found.late,
        "distances": found.distances,
        "rendered": found.rendered,
    }


def train(collection: str, out: Path, **options: Any) -> dict[str, Any]:
    """Train on fresh sounds only, write the checkpoint to `out`, and return its record."""
    from secret_sauce_hf.training import train as run

    return run(collection, None, out, workers=0, progress=False, **options)


def weights(checkpoint: Path) -> dict[str, np.ndarray]:
    """Return the weights in a checkpoint's folder by name, float16 as they are stored."""
    from safetensors.numpy import load_file

    found: dict[str, np.ndarray] = {}
    for path in sorted(checkpoint.glob("*.safetensors")):
        found |= load_file(path)
    return found


def package_file() -> str:
    """Return where the package was imported from."""
    return str(secret_sauce_hf.__file__)
