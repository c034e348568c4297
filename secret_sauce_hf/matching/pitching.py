"""Which of several pitches was played, where a listener may have taken an overtone for the note."""

from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.matching.playable import playable
from secret_sauce_hf.matching.proposals import propose
from secret_sauce_hf.matching.reference import place_played
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.metrics.objective import Objective
from secret_sauce_hf.modeling.hearing_secret_sauce import Listened

INTERVALS = (12, -12, 19, -19)
"""By how many semitones a note is taken for another most often: an octave, or the third harmonic."""
COUNT = 12
"""How many of the presets that the model proposes are rendered with each."""
NEARER = 0.85
"""Another pitch has to come this much nearer than the one that was heard."""


def likeliest(
    pipe: Any, collection: Collection, engine: Engine, listened: Listened, lead: float, seed: int
) -> Listened:
    """What was played, by what comes nearest to the sound: as it was heard, or all of it at another pitch.

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
    objective = Objective(reference.take, reference.known, reference.note_on)
    form = with_seconds(collection, len(reference.take) / SAMPLE_RATE)
    best, least = listened, np.inf
    for interval in (0, *INTERVALS):
        if (moved := listened.transposed(interval)) is None:
            continue
        _, proposals = propose(pipe, collection, pipe.inputs_of(moved), COUNT, seed, np.random.default_rng(seed))
        played, _ = playable(place_played(moved, SAMPLE_RATE, lead)[1], form, engine)
        space = Space(form, engine, notes=played, exact=True)
        distance = float(objective(space.render(space.places(proposals.cc))).min())
        if distance < (least if interval == 0 else NEARER * least):
            best, least = moved, distance
    return best
