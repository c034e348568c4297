"""What a sound has by chance: when it starts, its noise, and the phases of what runs freely."""

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.space import NOISE_SEED, TURN
from secret_sauce_hf.metrics.objective import MAX_SHIFT_SECONDS

NOISES = 128
"""Rows of noise, or of phases, out of which the one is chosen that a sound's may be like, of all presets tried."""
FEW_NOISES = 4
"""Rows of noise out of which it is seen whether noise matters at all."""
PHASE_STEP = 8
"""How far apart phases are tried, in steps."""


def align(evaluator: Evaluator, places: np.ndarray, gain: float) -> bool:
    """See whether the sound is later or earlier than its renderings, and shift it if so.

    Args:
        evaluator: renders and measures; what it knows is forgotten where the sound is shifted.
        places: the best one, and perhaps a few more, shape (rows, columns).
        gain: the part of the distance that a shift has to save.

    Returns:
        Whether the sound was shifted.
    """
    objective = evaluator.objective
    takes = evaluator.render(places)
    analyses = objective.analyse(takes)
    most = round(MAX_SHIFT_SECONDS * SAMPLE_RATE)
    unshifted, shift = float(objective.compare(analyses).min()), 0
    best = unshifted
    for step in (most // 10, most // 50, 2):
        for candidate in range(shift - 10 * step, shift + 10 * step + 1, step):
            # Twice what is measured is noise of the windows' places.
            if abs(candidate) <= most and candidate:
                distance = float(objective.shifted(objective.shift + candidate).compare(analyses).min())
                if distance < best:
                    best, shift = distance, candidate
    if best > unshifted * (1 - gain):
        return False
    evaluator.retarget(objective.shifted(objective.shift + shift), evaluator.noise_row, places, takes)
    return True


def attune(evaluator: Evaluator, places: np.ndarray, gain: float) -> bool:
    """See with which noise and phases presets come nearest to the sound, and go on with those.

    First rows of noise are tried, each with phases of its own, then other phases one by one.

    Args:
        evaluator: renders and measures; what it knows is forgotten where the noise changes.
        places: the best one, and perhaps a few more, shape (rows, columns).
        gain: the part of the distance that other noise has to save.

    Returns:
        Whether the noise changed.

    Raises:
        SpentError: the budget does not allow for it.
    """
    space = evaluator.space

    def with_noises(row: np.ndarray, count: int) -> np.ndarray:
        evaluator.spend(count)
        presets = space.presets(np.repeat(row[None], count, axis=0))
        return space.engine.render(presets, noise_seed=NOISE_SEED)

    few = evaluator.objective(with_noises(places[0], FEW_NOISES))
    if np.ptp(few) <= gain * few.min():
        # Nothing is left to chance in this one, and so hardly in those that are like it.
        return False
    distances = np.stack([evaluator.objective(with_noises(row, NOISES // len(places))) for row in places])
    best = int(distances.min(axis=0).argmin())
    # Without the prior penalty, which other noise would not have either.
    now = (evaluator(places) / evaluator.penalties(places)).min()
    changed = bool(distances.min() < now * (1 - gain))
    if changed:
        places = space.places(space.cc(places), space.drawn(NOISES)[best])
        evaluator.spend(len(places))
        evaluator.retarget(evaluator.objective, best, places, space.render(places, best))
    for _ in range(2 if space.phases else 0):
        place = evaluator.known(1)[0]
        tried = []
        for column in range(space.settings, len(place)):
            around = np.repeat(place[None], TURN // PHASE_STEP, axis=0)
            around[:, column] = (place[column] + np.arange(0, TURN, PHASE_STEP)) % TURN
            tried.append(around)
        evaluator(np.concatenate(tried))
    return changed
