"""What the page is told: panels and answers as JSON."""

import base64
from typing import Any

import numpy as np

from secret_sauce_hf.app.line import Job, Line
from secret_sauce_hf.app.workshop import Answer, apart, picture
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.instruments.panels import sections
from secret_sauce_hf.instruments.parameters import Parameter, controller_values
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.matching.writing import preset_kinds
from secret_sauce_hf.presets import Presets

KNOB_STEPS = 127
"""Into how many steps a knob on the page is divided where its own are finer."""


def panel(collection: Collection) -> dict[str, Any]:
    """The front panel of a collection's instrument, see `panels.sections`."""
    varying = set(collection.columns)
    fixed = dict(collection.fixed)
    return {
        "collection": collection.name,
        "title": collection.instrument.title,
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "controls": [
                    _control(parameter, label) | ({} if parameter.name in varying else {"fixed": fixed[parameter.name]})
                    for parameter, label in zip(section.parameters, section.labels, strict=True)
                    if parameter.name in varying or parameter.name in fixed
                ],
            }
            for section in sections(collection)
        ],
        "files": files_of(collection),
    }


def files_of(collection: Collection) -> list[str]:
    """How the names of files end that a preset can be had as."""
    return ["mid" if kind == "midi" else kind for kind in preset_kinds(collection)] + ["json"]


def _control(parameter: Parameter, label: str) -> dict[str, Any]:
    common = {"name": parameter.name, "label": label, "about": parameter.about, "kind": parameter.kind}
    if parameter.classes:
        display = dict(parameter.display)  # type: ignore[union-attr]
        options = [[one, display.get(one, one)] for one in parameter.labels]  # type: ignore[union-attr]
        return common | {"options": options, "controller": list(parameter.control)}
    low, high = parameter.setting_limits  # type: ignore[union-attr]
    steps = min(parameter.cc_count - 1, KNOB_STEPS) or 1
    return common | {
        "low": low,
        "high": high,
        "step": (high - low) / steps,
        "controller": list(parameter.control),
        # What the machine itself shows, where it counts otherwise.
        "top": parameter.top,  # type: ignore[union-attr]
    }


def progress_of(job: Job, line: Line) -> dict[str, Any]:
    """What has become of a search: its state, its place in the line, and how far it is."""
    told: dict[str, Any] = {"state": job.state}
    if job.state == "waiting":
        ahead, seconds = line.ahead(job)
        told |= {"ahead": ahead, "wait_seconds": round(seconds)}
    if job.trace:
        share, renders, distance = job.trace[-1]
        told |= {"share": round(share, 3), "renders": renders, "distance": _rounded(distance)}
    if job.error:
        told["error"] = job.error
    return told


def answer_of(answer: Answer) -> dict[str, Any]:
    """A match for the page: what was found, what is heard in it, and the sounds' pictures."""
    found = answer.match
    collection = found.collection
    presets = Presets.from_cc(collection, np.array([one.cc for one in found.candidates]))
    heard = presets.heard()
    reference = picture(found.reference)
    candidates = []
    for number, (one, row) in enumerate(zip(found.candidates, heard, strict=True)):
        first = number == 0
        told = found.heard if first else dict(zip(collection.columns, row.tolist(), strict=True))
        candidates.append(
            {
                "preset": one.preset,
                "distance": _rounded(one.distance),
                "origin": one.origin,
                "heard": told,
                # Of the others the model has not been asked.
                "confidence": {name: round(float(p), 3) for name, p in found.confidence.items()} if first else {},
                "controllers": {
                    p.name: controller_values(p, cc)
                    for p, cc in zip(collection.parameters, one.cc, strict=True)
                    if p.control
                },
                "picture": None if one.rendered is None else shown(picture(one.rendered, reference["ceiling"])),
            }
        )
    return {
        "collection": collection.name,
        "instrument": collection.instrument.title,
        "sound": found.sound,
        "model": found.model is not None,
        "seconds": answer.seconds,
        "search_seconds": round(found.seconds, 1),
        "renders": found.renders,
        "alone": _rounded(found.alone.distance),
        "distance": _rounded(found.candidates[0].distance),
        "floor": _rounded(found.floor),
        "in_domain": found.in_domain,
        "doubtful": found.doubtful,
        "silent": found.silent,
        "interrupted": found.interrupted,
        "remarks": list(found.remarks),
        "region": [max(found.region[0], 0.0), min(found.region[1], found.sound_seconds)],
        "sound_seconds": found.sound_seconds,
        "late": found.late,
        "played": None if found.notes is None else [[one.pitch, one.onset, one.end] for one in found.notes],
        "notes": None if answer.notes is None else [one._asdict() for one in answer.notes],
        "trace": [[round(p.seconds, 2), p.renders, _rounded(p.distance)] for p in found.trace],
        "reference": shown(reference),
        "candidates": candidates,
        "others": [
            {
                "collection": one.collection.name,
                "instrument": one.collection.instrument.title,
                "distance": _rounded(one.candidates[0].distance),
            }
            for one in found.others
        ],
    }


def take_of(take: np.ndarray, reference: np.ndarray | None, ceiling: float | None) -> dict[str, Any]:
    """The picture of a rendering, and how far it is from what was to be matched."""
    sound = to_float(take)
    return {
        "picture": shown(picture(sound, ceiling)),
        "distance": None if reference is None else _rounded(apart(reference, take)),
    }


def shown(one: dict[str, Any]) -> dict[str, Any]:
    """A picture with its values as base64."""
    return one | {"values": base64.b64encode(one["values"]).decode()}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 3)
