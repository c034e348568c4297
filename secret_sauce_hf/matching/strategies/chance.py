"""What a sound has by chance: when it starts, its noise, and the phases of what runs freely."""

import numpy as np

from secret_sauce_hf.instruments import SAMPLE_RATE
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.space import TURN
from secret_sauce_hf.metrics.objective import MAX_SHIFT_SECONDS

NOISES = 128
"""Rows of noise, or of phases, out of which the one is chosen that a sound's may be like, of all presets tried."""
FEW_NOISES = 4
"""Rows of noise out of which it is seen whether noise matters at all."""
AVERAGED = 24
"""Renderings with different noise over which noise is averaged."""
NOISE_SHARE = 0.1
"""If less than this of a sound is noise, it is compared as if it had none."""
REMEASURED = 64
"""How many of the best places are measured again when noise is averaged."""
TUNINGS = (20.0, 5.0, 1.0)
"""In cents, steps by which a tuning is looked for, each around the best of those before."""
MOST_CENTS = 60.0
SAME_DB = 0.02
"""A tuning that saves less is as good as none."""
LEAST_MET, MEETING = 64, 0.3
"""How many presets that were proposed are measured at least, and for which part of the budget the others are."""
PHASE_STEP = 8
"""How far apart phases are tried, in steps."""


def meet(evaluator: Evaluator, cc: np.ndarray, is_take: bool, share: float = MEETING) -> None:
    """Measure presets with what a sound has by chance as the nearest of them have it best.

    But for a take as it is, every rendering has the shift that suits it from now on; see `Objective.freed`.

    Args:
        evaluator: renders and measures.
        cc: CC values, shape (rows, parameters).
        is_take: whether the sound was a take as it is: then it is neither late nor out of tune.
        share: of the time; more than the first `LEAST_MET` presets are measured only as long as less is used.

    Raises:
        SpentError: the budget does not allow for it.
    """
    space = evaluator.space
    if not is_take:
        evaluator.objective = evaluator.objective.freed()
    cc = cc[: _measured(evaluator, space.places(cc), share)]
    if not is_take:
        tune(evaluator, evaluator.known(4), 0.05)
    attune(evaluator, evaluator.known(4), 0.02)
    average(evaluator)
    if not is_take:
        align(evaluator, evaluator.known(4), 0.05)
    # The others with the phases of the best.
    evaluator(space.places(cc, evaluator.known(1)[0, space.settings :]))


def _measured(evaluator: Evaluator, places: np.ndarray, share: float) -> int:
    """Measure places, after the first `LEAST_MET` while less than a share of the time is used: how many.

    A number of renderings is no time that a slow engine needs: then all are measured.
    """
    done = len(places) if evaluator.budget.renders is not None else min(LEAST_MET, len(places))
    evaluator(places[:done])
    while done < len(places) and evaluator.budget.share < share:
        evaluator(places[done : done + evaluator.batch])
        done = min(done + evaluator.batch, len(places))
    return done


def align(evaluator: Evaluator, places: np.ndarray, gain: float) -> bool:
    """See whether the sound is later or earlier than its renderings, and shift it if so.

    Where every rendering has a shift of its own, there is none to look for.

    Args:
        evaluator: renders and measures; what it knows is forgotten where the sound is shifted.
        places: the best one, and perhaps a few more, shape (rows, columns).
        gain: the part of the distance that a shift has to save.

    Returns:
        Whether the sound was shifted.
    """
    objective = evaluator.objective
    if objective.moves:
        return False
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


def tune(evaluator: Evaluator, places: np.ndarray, gain: float) -> bool:
    """See whether the sound is tuned otherwise than its renderings, and tune it back if so.

    The engines play MIDI's pitches; so it is the sound that is resampled, for which nothing is rendered anew.

    Args:
        evaluator: renders and measures; what it knows is forgotten where the sound is tuned.
        places: the best one, and perhaps a few more, shape (rows, columns).
        gain: the part of the distance that a tuning has to save.

    Returns:
        Whether the sound was tuned.
    """
    objective = evaluator.objective
    takes = evaluator.render(places)
    analyses = objective.analyse(takes)
    now = best = float(objective.compare(analyses).min())
    cents = objective.cents
    for step, reach in zip(TUNINGS, (3, 3, 4), strict=True):
        around = cents
        for candidate in (around + step * move for move in range(-reach, reach + 1) if move):
            if abs(candidate) <= MOST_CENTS:
                distance = float(objective.tuned(candidate).compare(analyses).min())
                if distance < best:
                    best, cents = distance, candidate
    if best > now * (1 - gain) - SAME_DB:
        return False
    evaluator.retarget(objective.tuned(cents), evaluator.noise_row, places, takes)
    return True


def average(evaluator: Evaluator) -> bool:
    """Compare noise by its likelihood from now on, if there is some in the best place's sound.

    What is expected of a preset's noise is averaged over `AVERAGED` renderings of the best one, and brought up to
    date whenever this is called with another one.

    Args:
        evaluator: renders and measures; what it knows, but for the `REMEASURED` best places, is forgotten where
            there is noise.

    Returns:
        Whether places are measured otherwise than before.

    Raises:
        SpentError: the budget does not allow for it.
    """
    place = evaluator.known(1)
    if evaluator.averaged is not None and np.array_equal(evaluator.averaged, place[0]):
        return False
    objective = evaluator.objective
    again = np.unique(np.concatenate([evaluator.known(REMEASURED), evaluator.traced]), axis=0)
    evaluator.spend(AVERAGED)
    own = evaluator.render(place)
    others = np.repeat(place, AVERAGED - 1, axis=0)
    takes = evaluator.space.render(others, evaluator.noise_row + 1, same_noise=False)
    averaged = objective.in_noise(np.concatenate([own, takes]))
    noisy = averaged.noise is not None and averaged.noise_share(averaged.noise) >= NOISE_SHARE
    if not noisy:
        if objective.noise is None:
            return False
        averaged = objective.without_noise()
    evaluator.spend(len(again))
    evaluator.retarget(averaged, evaluator.noise_row, again, evaluator.render(again))
    evaluator.retrace()
    evaluator.averaged = place[0].copy() if noisy else None
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
    if evaluator.averaged is not None:
        _turn(evaluator)
        return False

    def with_noises(row: np.ndarray, count: int) -> np.ndarray:
        evaluator.spend(count)
        free = space.drawn(count)
        free[:, space.phases :] = row[space.settings + space.phases :]
        rows = np.concatenate([np.repeat(space.cc(row[None]), count, axis=0), free], axis=1)
        return space.render(rows, same_noise=False)

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
        turned = slice(space.settings, space.settings + space.phases)
        places = places.copy()
        places[:, turned] = space.drawn(NOISES)[best, : space.phases]
        evaluator.spend(len(places))
        evaluator.retarget(evaluator.objective, best, places, space.render(places, best))
    _turn(evaluator)
    return changed


def _turn(evaluator: Evaluator) -> None:
    """Try other phases of the best place, one by one."""
    space = evaluator.space
    for _ in range(2 if space.phases else 0):
        place = evaluator.known(1)[0]
        tried = []
        for column in range(space.settings, space.settings + space.phases):
            around = np.repeat(place[None], TURN // PHASE_STEP, axis=0)
            around[:, column] = (place[column] + np.arange(0, TURN, PHASE_STEP)) % TURN
            tried.append(around)
        evaluator(np.concatenate(tried))
