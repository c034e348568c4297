"""A match as rows of text, for tables in a terminal and in a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.matching.result import BANKED, Candidate, Result
from secret_sauce_hf.metrics import DISTANCES, knob_mae
from secret_sauce_hf.presets import Presets, fixed_settings

NOT_HEARD, UNKNOWN = "(not heard)", "–"
_MOST_NOTES = 8
"""Of how many notes a line tells."""
_MOST_CHANGES = 4
"""Of how many settings a candidate's row tells."""
_SHOWN = ("mss", "level_difference", "wmfcc", "sot_hertz", "rms_cosine", "spectral_composite")


def shorten(name: str, length: int) -> str:
    """A name on one line of at most `length` characters, its middle left out where it is longer."""
    name = "".join(character if character.isprintable() else "?" for character in name)
    half = length // 2 - 1
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def show_confidence(match: Result, name: str) -> str:
    """How sure the model is; nothing can be sure of what is not heard, nor where there is no model."""
    if not match.heard[name]:
        return NOT_HEARD
    return f"{match.confidence[name]:.0%}" if name in match.confidence else UNKNOWN


def show_controllers(values: Mapping[int, int]) -> str:
    """Controller numbers, each with its value: `15: 64`, of a 14-bit knob `21: 3, 53: 77`."""
    return ", ".join(f"{control}: {value}" for control, value in values.items()) or "–"


def fixed_rows(match: Result) -> list[list[str]]:
    """Name, setting and controllers of every parameter that no preset of the collection changes."""
    values = match.controllers()
    return [
        [parameter.name, parameter.show(setting), show_controllers(values.get(parameter.name, {}))]
        for parameter, setting in fixed_settings(match.collection)
    ]


def setting_rows(match: Result) -> list[list[str]]:
    """Name, setting and confidence of every parameter."""
    return [[p.name, p.show(match.preset[p.name]), show_confidence(match, p.name)] for p in match.collection.parameters]


def error_summary(collection: Collection, truth: Mapping[str, Any], preset: Mapping[str, Any]) -> str:
    """All errors of a preset in half a line."""
    knobs = [p.name for p in collection.parameters if not p.classes]
    switches = [p.name for p in collection.parameters if p.classes]
    parts = []
    if knobs:
        error = knob_mae(np.array([truth[name] for name in knobs]), np.array([preset[name] for name in knobs]))
        parts.append(f"knobs are off by {error:.2f} of 10 on average")
    if switches:
        right = sum(truth[name] == preset[name] for name in switches)
        parts.append(f"{right} of {len(switches)} switches right")
    return ", ".join(parts)


def search_summary(match: Result, timed: bool = True) -> list[str]:
    """Tell what the search gained and what had to be allowed for, in a line each; without an engine only of a bank.

    Args:
        match: the match.
        timed: whether to tell how long it took, which is never the same twice.
    """
    alone, found = match.alone.distance, match.candidates[0].distance
    lines = []
    if match.bank is not None and (name := match.candidates[0].name):
        lines.append(
            f"In the bank of {match.bank:,} {'preset' if match.bank == 1 else 'presets'}: {shorten(name, 60)}."
        )
    if alone is None or found is None:
        return lines
    effort = f"{match.renders:,} {'rendering' if match.renders == 1 else 'renderings'}"
    if timed:
        effort += f" in {match.seconds:.1f} s"
    told = f"{'The model alone' if match.model else 'A usual preset'}: MSS {alone:.2f} dB"
    if match.trace:
        told += f"; after {effort}: {found:.2f} dB"
    elif match.candidates[0].origin == BANKED:
        told += f"; of the bank{f', after {effort}' if match.renders else ''}: {found:.2f} dB"
    lines.append(f"{told}.")
    if match.late:
        how = "later" if match.late > 0 else "earlier"
        lines.append(f"The sound starts {1000 * abs(match.late):.1f} ms {how} than its preset's; that is allowed for.")
    return lines


def sound_remarks(match: Result) -> list[str]:
    """Tell which part of the sound was matched and what was done to it, in a line each; nothing of a take as it is."""
    start, end = max(match.region[0], 0.0), min(match.region[1], match.sound_seconds)
    lines = []
    if match.silent:
        lines.append("The sound is silent: nothing is heard in it, and the preset is a guess.")
    elif end - start < match.sound_seconds - 0.001:
        lines.append(f"Matched: {start:.3f} to {end:.3f} s of the sound's {match.sound_seconds:.3f} s.")
    if match.notes:
        lines.append(f"Played: {played_notes(match.notes)}.")
    if match.in_domain is not None and not match.silent:
        lines.append(f"The probability that the instrument can make it is {match.in_domain:.0%}.")
    return lines + list(match.remarks)


def played_notes(notes: Sequence[Note]) -> str:
    """Notes in a line: the number of each, from when to when in seconds."""
    shown = [f"{note.pitch} ({note.onset:.2f} to {note.end:.2f} s)" for note in notes[:_MOST_NOTES]]
    more = len(notes) - len(shown)
    return f"note{'s' * (len(notes) > 1)} {', '.join(shown)}{f' and {more} more' * (more > 0)}"


def other_rows(match: Result) -> list[list[str]]:
    """Title, collection and distance of every instrument that was asked, the nearest first."""
    return [
        [one.collection.instrument.title, one.collection.name, _show_distance(one.candidates[0])]
        for one in (match, *match.others)
    ]


def _show_distance(candidate: Candidate) -> str:
    return "–" if candidate.distance is None else f"{candidate.distance:.2f} dB"


def candidate_rows(match: Result) -> list[list[str]]:
    """Number, distance, origin and what is set otherwise than in the best one, of every candidate."""
    best = match.candidates[0]
    return [
        [
            str(place),
            _show_distance(one),
            shorten(one.name, 60) if one.name else one.origin,
            "" if one is best else _changes(match.collection, best, one),
        ]
        for place, one in enumerate(match.candidates, 1)
    ]


def _changes(collection: Collection, best: Candidate, other: Candidate) -> str:
    """Settings of the other preset that are heard and not the best one's, those first that differ most."""
    presets = Presets.from_cc(collection, np.array([best.cc, other.cc]))
    gaps = np.abs(presets.unit[0] - presets.unit[1]) * presets.heard().any(axis=0)
    order = [column for column in np.argsort(-gaps, kind="stable") if gaps[column] > 0]
    parameters = [collection.parameters[column] for column in order]
    shown = [f"{p.name} {p.show(other.preset[p.name])}" for p in parameters[:_MOST_CHANGES]]
    further = len(parameters) - len(shown)
    return ", ".join(shown) + (f" and {further} more" if further else "")


def distance_rows(values: Mapping[str, float]) -> list[list[str]]:
    """Title and value of every distance worth showing."""
    return [[one.title, one.show(values[one.name])] for one in DISTANCES if one.name in _SHOWN]
