"""Running a benchmark: every way to answer, on the same sounds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.engines import find_engine
from secret_sauce_hf.evaluation.answering import Answering, Told, load_checkpoint
from secret_sauce_hf.evaluation.baselines import schedules
from secret_sauce_hf.evaluation.material import Material, gather
from secret_sauce_hf.evaluation.methods import MODEL_WAYS, WAYS, Way, choose
from secret_sauce_hf.evaluation.playing import play, play_nearest
from secret_sauce_hf.evaluation.record import SCHEMA, Benchmark, read_history
from secret_sauce_hf.evaluation.scoring import (
    CONFIDENCE,
    RESAMPLES,
    Resampling,
    Truth,
    score_over_time,
    score_settings,
    score_sounds,
)
from secret_sauce_hf.evaluation.searching import Budget, Search
from secret_sauce_hf.evaluation.store import Store
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, get_collection
from secret_sauce_hf.metrics import DISTANCES, mss
from secret_sauce_hf.original.results import published, source
from secret_sauce_hf.training.run import machine

AUDIO = ("mss", "wmfcc", "sot_hertz", "rms_cosine", "spectral_composite")
"""Distances of the third tier."""
ANSWER_NOISE, FLOOR_NOISE = 2, 1
"""Seeds of the noises of answers and of the truth; matching and the collections have others."""
CURVE_POINTS = 40


def benchmark(
    collection: str | Path | Collection,
    *,
    model: str | Path | None = None,
    data: str | Path | None = None,
    recordings: str | Path | None = None,
    rows: int = 50,
    seconds: float = 10.0,
    baseline_seconds: float = 120.0,
    without: Sequence[str] = (),
    out: str | Path | None = None,
    seed: int = 0,
    renders: int | None = None,
    baseline_steps: int | None = None,
    again: bool = False,
    progress: bool = True,
    command: str = "",
) -> Benchmark:
    """Score every way to tell the settings of sounds, all on the same ones.

    What takes long is kept in `out/.rows` at once: interrupted, the same call goes on.

    Args:
        collection: whose settings are told.
        model: our model: a checkpoint's folder, `ORG/NAME` on the Hub, or a collection of
            which one ships; if None, the one that ships for the collection.
        data: a dataset with train rows (which baselines know) and test rows (which are
            scored), in a folder or on the Hub; if None, the rows of 2018 are rendered.
        recordings: a Parquet file of recordings to score instead of the test rows, see
            `read_recordings`. Train rows with a preset that is scored are left out.
        rows: how many sounds, from the first, are also searched for and compared as sound.
        seconds: time of `matching` for a sound, and so of the genetic search.
        baseline_seconds: the most time to train each network among the baselines.
        without: names of ways that do not take part, see `WAYS`.
        out: folder to keep what is found in; nothing is kept if None.
        seed: of searches, networks and bootstrap.
        renders: search for so many renders of a sound, instead of by the clock.
        baseline_steps: the most steps of each network.
        again: measure anew what is kept.
        progress: whether to show progress bars and tell how long it takes.
        command: the command line, for the record.

    Raises:
        InputError: arguments out of range; a model, dataset or recordings that cannot be
            read or do not fit; no checkpoint or no engine where one is needed.
    """
    collection = get_collection(collection)
    if rows < 1 or not seconds > 0 or not baseline_seconds > 0 or seed < 0:
        raise InputError("--rows, --seconds and --baseline-seconds must be positive, and the seed not negative.")
    if any(limit is not None and limit < 1 for limit in (renders, baseline_steps)):
        raise InputError("renders and baseline_steps must be positive.")
    ways = choose(without, find_engine(collection) is not None)
    names = tuple(way.name for way in ways)
    checkpoint = load_checkpoint(collection, model) if set(names) & set(MODEL_WAYS) else None
    material = gather(collection, data, recordings)
    answering = Answering(
        material=material,
        ways=names,
        first=min(rows, len(material.presets)),
        checkpoint=checkpoint,
        budget=Budget(seconds, renders, seed),
        schedules=schedules(baseline_seconds, baseline_steps, seed),
        store=Store(None if out is None else Path(out), again),
        progress=progress,
    )
    told, searches, known = answering.answer()
    truth = Truth.of(material.presets, material.sounds)
    history, base = ([], None) if checkpoint is None else read_history(checkpoint.folder)
    return Benchmark(
        {
            "schema": SCHEMA,
            "collection": collection.name,
            "command": command,
            "data": material.source
            | {
                "rows": len(truth),
                "first": answering.first,
                "nothing_heard": truth.nothing_heard,
                "known": known,
                "left_out": material.left_out,
            },
            "model": None if checkpoint is None else checkpoint.name,
            "weights": None if checkpoint is None else checkpoint.weights,
            "budget": {
                "seconds": seconds,
                "renders": renders,
                "baseline_seconds": baseline_seconds,
                "baseline_steps": baseline_steps,
                "seed": seed,
            },
            "intervals": {"confidence": CONFIDENCE, "resamples": RESAMPLES},
            "ways": _scores(material, ways, told, truth, seed),
            "missing": [way.name for way in WAYS if way not in ways],
            "published": {"source": source(), "scores": [asdict(one) for one in published(collection)]},
            "calibration": answering.calibration(),
            "over_time": _over_time(material, searches, truth[: answering.first]),
            "history": history,
            "base": base,
            "versions": _versions(collection),
            "machine": machine(),
        }
    )


def _scores(
    material: Material, ways: Sequence[Way], told: Mapping[str, Told], truth: Truth, seed: int
) -> dict[str, dict[str, Any]]:
    """Every way's record."""
    rows, first = len(truth), len(told[ways[0].name].first)
    sounds, few = material.sounds[:first], truth[:first]
    resampling, resampling_of_all = Resampling(first, seed), Resampling(rows, seed)
    records = {}
    for way in ways:
        one = told[way.name]
        record: dict[str, Any] = {"title": way.title, "about": way.about, "seconds": one.seconds, **one.facts}
        record |= {"settings": None, "settings_of_all": None, "sounds": None, "rows": {}}
        if way.name != "floor":
            record["settings"] = score_settings(one.first, few, resampling)
            record["rows"]["heard_knob_mae"] = _rounded(few.heard_knob_errors(one.first))
            if one.everything is not None:
                record["settings_of_all"] = score_settings(one.everything, truth, resampling_of_all)
        if find_engine(material.collection) is not None:
            noise = FLOOR_NOISE if way.name == "floor" else ANSWER_NOISE
            takes = np.stack(
                [
                    play_nearest(material.collection, sound, units, noise)[0]
                    for sound, units in zip(sounds, one.first, strict=True)
                ]
            )
            values = {
                distance.name: np.asarray(distance.function(sounds, takes, SAMPLE_RATE))
                for distance in DISTANCES
                if distance.name in AUDIO
            }
            record["sounds"] = score_sounds(values, resampling)
            record["rows"] |= {name: _rounded(numbers) for name, numbers in values.items()}
        records[way.name] = record
    return records


def _over_time(material: Material, searches: Mapping[str, Sequence[Search]], truth: Truth) -> dict[str, Any]:
    """How good the searches' best answers were, second by second."""
    result = {}
    for name, found in searches.items():
        last = float(np.median([search.seconds for search in found]))
        # Evenly on a logarithmic axis, from when the first answer is there.
        begin = min(max(search.trace[0][0] for search in found), last)
        seconds = np.geomspace(max(begin, 1e-3), max(last, begin, 1e-3), CURVE_POINTS)
        traces = []
        for row, search in enumerate(found):
            times, units = np.array([step[0] for step in search.trace]), np.stack([step[2] for step in search.trace])
            # All with the noise and phases of the last, or it would take a minute per sound.
            _, chance = play_nearest(material.collection, material.sounds[row], units[-1], ANSWER_NOISE)
            takes = play(material.collection, units, chance)
            sound = np.broadcast_to(material.sounds[row], takes.shape)
            traces.append((times, np.asarray(mss(sound, takes, SAMPLE_RATE)), units))
        result[name] = score_over_time(traces, truth, seconds)
    return result


def _versions(collection: Collection) -> dict[str, str]:
    versions = {name: version(name) for name in ("secret_sauce_hf", "torch", "transformers", "numpy")}
    if engine := find_engine(collection):
        versions["engine"] = engine.version
    return versions


def _rounded(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
