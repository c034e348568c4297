"""Sounds, systems that answer them more or less well, and participants who judge that, for tests of listening tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from secret_sauce_hf.listening_test import Made, References, Rendered, System

RATE = 22_050
NAMES = [f"sound{number}.wav" for number in range(6)]


def tone(number: int, detune: float = 1.0, noise: float = 0.02) -> np.ndarray:
    """A second of a bright tone: float32 of shape (22,050,)."""
    times = np.arange(RATE) / RATE
    wave = sum(np.sin(2 * np.pi * 220 * (1 + number / 5) * detune * k * times) / k for k in range(1, 20))
    wave = wave + np.random.default_rng(number).normal(0, noise, RATE)
    return (0.2 * wave * np.exp(-2 * times)).astype(np.float32)


def system(name: str, detune: float, gain: float = 1.0) -> System:
    """A system whose answers are out of tune."""
    return System(name, NAMES, lambda sound: Rendered(gain * tone(NAMES.index(sound), detune)))


REFERENCES = References(NAMES, lambda sound: tone(NAMES.index(sound)))
SYSTEMS = [system("near", 1.002, 0.1), system("far", 1.3, 2.0)]


Opinion = Callable[[str, int], int]
"""What somebody thinks of a condition in a sound: of MUSHRA the rating."""


def keys_of(made: Made) -> dict[str, Any]:
    return json.loads(made.key.read_text())


def result(made: Made, participant: str, opinion: Opinion, **changes: Any) -> dict[str, Any]:
    """What the page would save for somebody of an opinion; of two answers the one with more is chosen."""
    key = keys_of(made)
    places = {sound["id"]: place for place, sound in enumerate(key["sounds"])}
    conditions = {name: one["condition"] for sound in key["sounds"] for name, one in sound["stimuli"].items()}
    trials = []
    for trial in key["trials"]:
        given = {name: opinion(conditions[name], places[trial["sound"]]) for name in trial["stimuli"]}
        answer = {"ratings": given} if key["method"] == "mushra" else {"chosen": max(given, key=lambda one: given[one])}
        trials.append({"trial": trial["id"], "order": trial["stimuli"], "seconds": 12.5, "switches": 3, **answer})
    return {
        "schema": 1,
        "kind": "secret-sauce listening test",
        "test": key["test"],
        "method": key["method"],
        "participant": participant,
        "seed": 1,
        "language": "en",
        "about": {"device": "headphones", "experience": "often"},
        "started": "2026-11-30T10:00:00.000Z",
        "finished": "2026-11-30T10:20:00.000Z",
        "comment": "two\nlines",
        "trials": trials,
        **changes,
    }


def write(folder: Path, name: str, record: Any) -> Path:
    """A result as a file."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(record if isinstance(record, str) else json.dumps(record))
    return path
