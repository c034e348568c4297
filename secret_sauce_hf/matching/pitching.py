"""Which of several pitches was played, where a listener may have taken an overtone or a whistle for the note."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note
from secret_sauce_hf.instruments.takes import VELOCITY
from secret_sauce_hf.matching.playable import playable
from secret_sauce_hf.matching.proposals import propose
from secret_sauce_hf.matching.reference import place_played
from secret_sauce_hf.matching.salience import salient_pitches
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened
from secret_sauce_hf.modeling.strokes_secret_sauce import strokes_of

SALIENT = 4
"""Pitches that are tried because their harmonics stand out."""
COUNT = 32
"""How many of the presets that the model proposes are rendered with each."""
NEARER = 0.85
"""What else may have been played has to come this much nearer than what was heard."""
ATTACK_SECONDS = 0.01
"""Of a note, in which its harmonics do not stand out yet."""


def likeliest(
    pipe: Any, collection: Collection, engine: Engine, listened: Listened, lead: float, seed: int
) -> Listened:
    """What was played, by what comes nearest to the sound: what was heard, or one note of a pitch that stands out.

    Args:
        pipe: of a model of notes.
        collection: of the model.
        engine: renders it.
        listened: the sound, and what was heard in it.
        lead: how many seconds a take begins before its first note.
        seed: of the presets that are proposed.
    """
    if listened.given or not listened.notes:
        return listened
    reference, _ = place_played(listened, SAMPLE_RATE, lead)
    objective = Objective(reference.take, reference.known, reference.note_on, free=True)
    form = with_seconds(collection, len(reference.take) / SAMPLE_RATE)
    best, least = listened, np.inf
    for other in _what_may_be(listened):
        _, proposals = propose(pipe, collection, pipe.inputs_of(other), COUNT, seed, np.random.default_rng(seed))
        played, _ = playable(place_played(other, SAMPLE_RATE, lead)[1], form, engine)
        space = Space(form, engine, notes=played, exact=True)
        distance = float(objective(space.render(space.places(proposals.cc))).min())
        if distance < (least if other is listened else NEARER * least):
            best, least = other, distance
    return best


def _what_may_be(listened: Listened) -> Iterator[Listened]:
    """What was heard; then one note of every pitch whose harmonics stand out."""
    yield listened
    notes = listened.notes
    start, end = notes[0].onset, max(note.onset + note.duration for note in notes)
    first, last = (round(seconds * SAMPLE_RATE) for seconds in (start + ATTACK_SECONDS, end))
    for pitch in salient_pitches(listened.samples[first:last], SAMPLE_RATE, SALIENT):
        if len(notes) > 1 or pitch != notes[0].pitch:
            yield _one_note(listened, pitch, start, end)


def _one_note(listened: Listened, pitch: int, start: float, end: float) -> Listened:
    """The same sound as one note that lasts from the first of those that were heard to the end of the last."""
    note = Note(pitch, VELOCITY, start, end - start)
    strokes = strokes_of([note], len(listened.samples) / SAMPLE_RATE)
    return replace(listened, notes=(note,), strokes=tuple(strokes))
