"""What a benchmark measures of the answers: scores, calibration, and how searches came to them."""

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from secret_sauce_hf.data.heard import THRESHOLD_DB
from secret_sauce_hf.evaluation.comparing import FLOOR, Compared, compare
from secret_sauce_hf.evaluation.methods.base import Answer, Method, Task
from secret_sauce_hf.evaluation.playing import notes_of, play, play_all_nearest, play_nearest
from secret_sauce_hf.evaluation.same import Same, measure_same
from secret_sauce_hf.evaluation.scoring import (
    Resampling,
    Truth,
    estimate,
    floors,
    score_floors,
    score_over_time,
    score_settings,
    score_sounds,
)
from secret_sauce_hf.evaluation.searching import Search
from secret_sauce_hf.evaluation.store import key_of
from secret_sauce_hf.files import jsonable
from secret_sauce_hf.instruments import SAMPLE_RATE, InputError
from secret_sauce_hf.metrics import mss
from secret_sauce_hf.metrics.scores import kind_means, score
from secret_sauce_hf.training.calibration import calibration

AUDIO = ("mss", "wmfcc", "sot_hertz", "rms_cosine", "spectral_composite")
"""Distances of the third tier."""
ANSWER_NOISE = 2
"""Seed of the noise of answers; the truth, matching and the collections have others."""
CURVE_POINTS = 40
CALIBRATION_RESAMPLES = 100


def calibrated(task: Task) -> dict[str, Any] | None:
    """How sure the model is and should be, on all rows; None if it does not take part."""
    if task.checkpoint is None:
        return None
    presets, config, logits = task.presets, task.checkpoint.pipe.model.config, task.logits()
    found = calibration(logits, presets, config)
    drawn = [found]
    for rows in Resampling(len(presets), task.budget.seed).indices[1 : CALIBRATION_RESAMPLES + 1]:
        drawn.append(calibration({name: values[rows] for name, values in logits.items()}, presets[rows], config))
    return {
        "rows": len(presets),
        "switch_error": estimate(np.array([one.error for one in drawn])),
        "coverage": estimate(np.array([one.mean_coverage for one in drawn])),
        "per_switch": found.switch_error,
        "per_knob": found.coverage,
        "reliability": [list(level) for level in found.reliability],
    }


def scores(task: Task, methods: Sequence[Method], truth: Truth) -> dict[str, dict[str, Any]]:
    """Every method's record, in the order of the tables; see `Benchmark`."""
    first, seed = task.first, task.budget.seed
    sounds, few = task.sounds[:first], truth[:first]
    resampling, resampling_of_all = Resampling(first, seed), Resampling(len(truth), seed)
    compared: dict[str, Compared] = {}
    if task.engine is not None:
        play = partial(play_all_nearest, task.engine, few.presets, sounds)
        answers = {method.name: task.answers[method.name].first for method in methods}
        compared = compare(sounds, answers, play, ANSWER_NOISE, AUDIO)
    floor = compared[FLOOR].distances["mss"] if FLOOR in compared else None
    records = {}
    for method in methods:
        one = task.answers[method.name]
        record: dict[str, Any] = {"title": method.title, "about": method.about, "seconds": one.seconds, **one.facts}
        record |= {"settings": None, "settings_of_all": None, "sounds": None, "rows": {}}
        if method.scored:
            same = None if task.engine is None or not task.same else _same(task, method, one.first, few)
            record["settings"] = score_settings(one.first, few, resampling, same)
            record["rows"]["heard_knob_mae"] = _rounded(few.heard_knob_errors(one.first))
            if one.everything is not None:
                same = None if task.engine is None or not task.same else _same(task, method, one.everything, truth)
                record["settings_of_all"] = score_settings(one.everything, truth, resampling_of_all, same)
            if repeats := task.repeats.get(method.name):
                record["seeds"] = _over_seeds([one, *repeats], seed, few, truth)
        if method.name in compared:
            distances = compared[method.name].distances
            record["sounds"] = score_sounds(distances, resampling)
            record["rows"] |= {name: _rounded(values) for name, values in distances.items()}
            if floor is not None:
                multiples = floors(distances["mss"], floor)
                record["sounds"]["floors"] = score_floors(multiples, resampling)
                record["rows"]["floors"] = _rounded(multiples)
        records[method.name] = record
    return records


def _same(task: Task, method: Method, units: np.ndarray, truth: Truth) -> Same | None:
    """Which heard settings are right or sound the same, kept as what takes long is."""
    if task.engine is None:
        return None
    conditions = {"engine": task.engine.version, "threshold": THRESHOLD_DB, "package": version("secret_sauce_hf")}
    part = task.store.part(f"same-{method.name}", conditions | {"collection": truth.presets.collection.name})
    key = key_of(truth.presets.unit, truth.heard, units)
    if key not in part:
        title = f"Exchanging settings of {method.name}"
        found = measure_same(
            task.engine, truth.presets, units, counted=truth.heard, progress=task.progress, title=title
        )
        part.put(key, {"settings": found.settings.astype(int).tolist(), "whole": found.whole.astype(int).tolist()})
    record = part[key]
    return Same(np.array(record["settings"], dtype=bool), np.array(record["whole"], dtype=bool), 0)


def _over_seeds(answers: Sequence[Answer], seed: int, few: Truth, truth: Truth) -> dict[str, Any]:
    """What a method that is trained reached with each seed: a list per figure, in the order of `seeds`."""
    result: dict[str, Any] = {"seeds": [seed + number for number in range(len(answers))]}
    parts = {"settings": [(one.first, few) for one in answers]}
    if all(one.everything is not None for one in answers):
        parts["settings_of_all"] = [(one.everything, truth) for one in answers if one.everything is not None]
    for key, pairs in parts.items():
        scored = [score(of.presets.parameters, of.presets.unit, units, of.heard) for units, of in pairs]
        overall = [{"knob_mae": one.knob_mae, "switch_accuracy": one.switch_accuracy} for one in scored]
        heard = [kind_means(few.presets.parameters, one.heard) for one in scored]
        result[key] = {
            tier: {what: [one[what] for one in values] for what in ("knob_mae", "switch_accuracy")}
            for tier, values in (("all", overall), ("heard", heard))
        }
    return jsonable(result)


def over_time(task: Task, truth: Truth) -> dict[str, Any]:
    """How good the best answers of the methods that search were, second by second."""
    result = {}
    searching = {name: answer.searches for name, answer in task.answers.items() if answer.searches}
    for name, found in searching.items():
        last = float(np.median([search.seconds for search in found]))
        # Evenly on a logarithmic axis, from when the first answer is there.
        begin = min(max(search.trace[0][0] for search in found), last)
        seconds = np.geomspace(max(begin, 1e-3), max(last, begin, 1e-3), CURVE_POINTS)
        traces = [_trace(task, row, search) for row, search in enumerate(found)]
        result[name] = score_over_time(traces, truth, seconds)
    return result


def _trace(task: Task, row: int, search: Search) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When a search found something better, how far in MSS it was, and its units."""
    if task.engine is None:
        raise InputError("Without an engine nothing can be searched.")
    collection, sound = task.presets.collection, task.sounds[row]
    times, units = np.array([step[0] for step in search.trace]), np.stack([step[2] for step in search.trace])
    # All with the noise and phases of the last, or it would take a minute per sound.
    notes = notes_of(task.presets, row)
    _, chance = play_nearest(task.engine, collection, sound, units[-1], ANSWER_NOISE, notes)
    takes = play(task.engine, collection, units, chance, notes)
    return times, np.asarray(mss(np.broadcast_to(sound, takes.shape), takes, SAMPLE_RATE)), units


def _rounded(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
