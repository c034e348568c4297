"""Refining presets by rendering them: races of evolution strategies, then steps on the controllers' grid.

What is moved are places (see `space`): settings, and the phases of what runs freely.
"""

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, Knob, Parameter
from secret_sauce_hf.matching.candidates import Proposals
from secret_sauce_hf.matching.evaluating import Budget, Evaluator, SpentError, TracePoint
from secret_sauce_hf.matching.objective import MAX_SHIFT_SECONDS, Objective
from secret_sauce_hf.matching.racing import Runner, moving_knobs, run_lap, starts
from secret_sauce_hf.matching.space import NOISE_SEED, TURN, Phase, Space, nearest

NOISES = 128
"""Rows of noise, or of phases, out of which the one is chosen that a sound's may be like, of all presets tried."""
FEW_NOISES = 4
"""Out of which it is seen whether noise matters at all."""
RUNNERS = 8
"""How many candidates start in a race."""
MATTERS_DB = 0.02
"""A parameter whose moves change the distance by more than this matters."""
DESCENT = 8
"""Steps along the spectrograms' slopes after a race."""
TOLD = 20_000
"""Of how many tried presets the candidates to tell are chosen."""
SETTLING_SECONDS = 0.15
"""Kept for `settle`."""
INAUDIBLE_DB = 1e-4
"""Distances that differ by less are the same."""
UNHEARD_DB = 0.02
"""The same for parameters that the declared rules take for not heard."""
OFF_DB = 0.5
"""If the best preset is further than this, no preset is quite the sound."""
GIVEN_UP = 0.05
"""What part of the distance beyond that is given up for what the model told."""
PHASE_STEP = 8
"""How far apart phases are tried, in steps."""
PHASE_SPREAD = 0.1
"""Standard deviation of phases to begin with, in turns."""


def sweep(evaluator: Evaluator, place: np.ndarray, count: int) -> None:
    """Put each parameter, or phase, by itself to values all over its range.

    A rate that is far off makes no better sound when it is moved a little towards the right one.

    Args:
        evaluator: renders and measures; learns which columns matter.
        place: shape (columns,).
        count: values per knob; a switch gets all of its labels.
    """
    tried, columns = [], []
    for column, parameter in enumerate(evaluator.space.parameters):
        if isinstance(parameter, Knob):
            low, high = parameter.limits
            values = np.unique(np.rint(np.linspace(low, high, count)).astype(np.int64))
        else:
            values = np.array(parameter.codes)
        for value in values:
            row = place.copy()
            row[column] = value
            tried.append(row)
            columns.append(column)
    own = evaluator(place[None])[0]
    distances = evaluator(np.array(tried))
    for column in range(len(place)):
        changes = np.abs(distances[np.array(columns) == column] - own)
        evaluator.matters[column] = bool(changes.max(initial=0.0) > MATTERS_DB)


def neighbours(parameters: Iterable[Parameter], place: np.ndarray, steps: Iterable[float]) -> list[tuple[int, int]]:
    """(column, value) of what one parameter can be moved to.

    Args:
        parameters: the parameters.
        place: where they are, shape (parameters,).
        steps: of knobs, in 127ths of the range; a switch goes to each other label.
    """
    moves = []
    for column, parameter in enumerate(parameters):
        if isinstance(parameter, Phase):
            to = {int(place[column] + s) % TURN for s in steps}
        elif isinstance(parameter, Knob):
            step = (parameter.high - parameter.low) / 127
            low, high = parameter.limits
            to = {int(np.clip(place[column] + round(s * step), low, high)) for s in steps}
        else:
            to = set(parameter.codes)
        moves += [(column, value) for value in sorted(to - {int(place[column])})]
    return moves


STEPS = (-8, -4, -2, -1, 1, 2, 4, 8)


def climb(evaluator: Evaluator, place: np.ndarray, steps: Iterable[float] = STEPS) -> tuple[np.ndarray, float]:
    """Move one parameter or two at a time by steps of their controllers until nothing gets better."""
    parameters = evaluator.space.parameters
    best = float(evaluator(place[None])[0])
    while True:
        moves = neighbours(parameters, place, steps)
        tried = np.repeat(place[None], len(moves), axis=0)
        for row, (column, value) in enumerate(moves):
            tried[row, column] = value
        distances = evaluator(tried)
        # Each parameter's best move, the most useful first.
        useful: dict[int, tuple[float, int]] = {}
        for (column, value), distance in zip(moves, distances.tolist(), strict=True):
            if distance < useful.get(column, (np.inf,))[0]:
                useful[column] = (distance, value)
        order = sorted(useful, key=lambda column: useful[column][0])
        # Several moves at once, and pairs of those that cost least: they may make up for each other.
        combined = []
        together = place.copy()
        for column in order:
            if useful[column][0] < best:
                together[column] = useful[column][1]
                combined.append(together.copy())
        cheap = np.argsort(distances, kind="stable")[:24]
        for rank, first in enumerate(cheap):
            for second in cheap[:rank]:
                if moves[first][0] != moves[second][0]:
                    pair = place.copy()
                    for column, value in (moves[first], moves[second]):
                        pair[column] = value
                    combined.append(pair)
        further = np.array(combined).reshape(-1, len(place))
        if distances.min(initial=np.inf) < best:
            # The pairs are for when single moves help no more.
            further = further[: sum(useful[column][0] < best for column in order)]
        everything = np.concatenate([tried, further])
        values = np.concatenate([distances, evaluator(further)])
        if values.min(initial=np.inf) >= best:
            return place, best
        place, best = everything[values.argmin()].copy(), float(values.min())


def descend(evaluator: Evaluator, starts: np.ndarray, laps: int) -> np.ndarray:
    """Follow the spectrograms' slopes: damped Gauss-Newton steps over the heard knobs and the phases.

    The distance is a sum of absolute differences, which reweighted least squares make small
    (P. W. Holland and R. E. Welsch, 1977). A lap costs a rendering per knob and few more, and
    goes along where two knobs make up for each other, which steps of single knobs cannot.

    Args:
        evaluator: renders and measures.
        starts: places, shape (rows, columns).
        laps: how many steps at most.

    Returns:
        Where each row ended, of the same shape.
    """
    weights = evaluator.objective.cell_weights
    here = starts.copy()
    moving = np.ones(len(here), dtype=bool)
    for lap in range(laps):
        rows = np.flatnonzero(moving)
        if not len(rows):
            break
        # Alternately over a coarse and a fine grid: slopes over one step are rough.
        step = 4 if lap % 2 == 0 else 1
        asked, plan = [], []
        for row in rows:
            knobs = moving_knobs(evaluator, here[row])
            asked.append(here[row])
            moves = []
            for column, knob in knobs.items():
                at = here[row, column]
                width = round(step * (knob.high - knob.low) / 127)
                up, down = min(width, knob.limits[1] - at), min(width, at - knob.limits[0])
                moved = here[row].copy()
                moved[column] += up if up >= down else -down
                asked.append(moved)
                moves.append(float(knob.cc_to_unit(moved[column]) - knob.cc_to_unit(at)))
            plan.append((row, knobs, np.array(moves)))
        residuals = evaluator.residuals(np.array(asked))
        tried = []
        for row, knobs, differences in plan:
            own, around, residuals = np.split(residuals, (1, 1 + len(knobs)))
            if not knobs:
                continue
            unit = evaluator.space.unit(here[row][None])[0]
            for change in _steps(own[0], (around - own).T / differences, weights):
                for scale in (1.0, 0.5):
                    to = here[row].copy()
                    for (column, knob), amount in zip(knobs.items(), change * scale, strict=True):
                        to[column] = nearest(knob, np.array([unit[column] + amount]))[0]
                    tried.append((row, to))
        before = evaluator(here)
        distances = evaluator(np.array([to for _, to in tried]).reshape(-1, here.shape[1]))
        after = before.copy()
        for (row, to), distance in zip(tried, distances.tolist(), strict=True):
            if distance < after[row]:
                after[row], here[row] = distance, to
        moving &= (after < before) | (step > 1)
    return here


def _steps(residual: np.ndarray, slopes: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """Changes of units that should make a weighted sum of absolute residuals small, for several dampings.

    Args:
        residual: shape (cells,).
        slopes: its derivatives, shape (cells, knobs).
        weights: shape (cells,).
    """
    steps = []
    for damping in (1e-3, 1e-2, 1e-1, 1.0):
        change = np.zeros(slopes.shape[1])
        for _ in range(4):
            share = weights / np.maximum(np.abs(residual + slopes @ change), 0.3)
            normal = (slopes * share[:, None]).T @ slopes
            normal[np.diag_indices_from(normal)] += damping * (np.diag(normal) + 1.0)
            change = np.linalg.solve(normal, -(slopes * share[:, None]).T @ residual)
            change = np.clip(change, -0.25, 0.25)
        steps.append(change)
    return steps


@dataclass(frozen=True)
class Search:
    """What a search has found.

    Args:
        known: what was tried, the best first, as places (see `Space`) of shape (rows,
            columns), every preset once; None if nothing was.
        interrupted: whether it was ended from the keyboard.
        trace: the moments when something better was found.
        seconds: that it took.
        renders: how many presets it rendered.
        shift: by how many samples the sound was found to be late.
        noise_row: whose noise came nearest, see `Space.render`.
    """

    known: np.ndarray | None
    interrupted: bool
    trace: tuple[TracePoint, ...]
    seconds: float
    renders: int
    shift: int
    noise_row: int

    def cc(self, collection: Collection) -> np.ndarray | None:
        """The CC values of what is known."""
        return None if self.known is None else self.known[:, : len(collection.columns)]

    def render(self, collection: Collection, cc: np.ndarray) -> np.ndarray:
        """Takes of presets, CC values of shape (rows, parameters), with the phases in which they were found best.

        Those that were not tried have the phases of the best.
        """
        space = Space(collection)
        if self.known is None:
            return space.render(space.places(cc))
        found = {row.tobytes(): place for row, place in zip(space.cc(self.known), self.known, strict=True)}
        others = space.places(cc, self.known[0, space.settings :])
        rows = [found.get(own.tobytes(), other) for own, other in zip(cc, others, strict=True)]
        return space.render(np.array(rows), self.noise_row)


def find(
    collection: Collection,
    objective: Objective,
    proposals: Proposals,
    budget: Budget,
    is_take: bool,
    rng: np.random.Generator,
    report: Callable[[Evaluator], None] = lambda _: None,
) -> Search:
    """Search until the budget is spent or nothing gets better.

    Args:
        collection: whose presets.
        objective: measures the distance from the sound.
        proposals: presets to begin with.
        budget: ends the search.
        is_take: whether the sound's timing is that of a take.
        rng: draws what is drawn.
        report: called after every batch of renderings.

    Raises:
        KeyboardInterrupt: Ctrl-C before anything was found; later it ends the search.
    """
    with closing(Evaluator(collection, objective, budget, report, proposals.belief.doubt)) as evaluator:
        interrupted = False
        budget.reserve(SETTLING_SECONDS, 2 * len(collection.columns) + 2)
        try:
            with suppress(SpentError):
                _refine(evaluator, proposals, is_take, rng)
            budget.reserve(0.0, 0)
            with suppress(SpentError):
                settle(evaluator, proposals.cc[0])
        except KeyboardInterrupt:
            if evaluator.best_place is None:
                raise
            interrupted = True
        known = evaluator.known(TOLD) if evaluator.best_place is not None else None
        shift = evaluator.objective.shift
        trace = tuple(evaluator.trace)
        return Search(known, interrupted, trace, budget.elapsed, budget.used, shift, evaluator.noise_row)


def settle(evaluator: Evaluator, told: np.ndarray) -> None:
    """Give parameters back the values that the model told where these sound the same.

    Where even the best preset is audibly off, something in the sound is beyond the engine
    or left to chance, and a search follows that with whatever knobs it has. What it gains
    there by going far from what the model heard is hardly ever the truth; so a small part
    of the distance is given up again.

    Args:
        evaluator: knows the best place.
        told: the model's CC values, shape (parameters,).

    Raises:
        SpentError: the budget does not allow for it.
    """
    if evaluator.best_place is None:
        return
    space = evaluator.space
    best, limit = evaluator.best_place, evaluator.best
    told = space.places(told[None], best[space.settings :])[0]
    heard = space.heard(best[None])[0]
    columns = np.flatnonzero(best != told)
    if not len(columns):
        return
    tried = np.repeat(best[None], len(columns), axis=0)
    tried[np.arange(len(columns)), columns] = told[columns]
    distances = evaluator(tried)
    limits = limit + np.where(heard[columns], INAUDIBLE_DB, UNHEARD_DB)
    same = columns[distances <= limits]
    settled = best.copy()
    settled[same] = told[same]
    distance, own = evaluator(np.stack([settled, told]))
    # Never further than the model's own answer.
    if distance <= min(limit + 2 * UNHEARD_DB, own):
        evaluator.prefer(settled)
        best = settled
    slack = GIVEN_UP * (limit - OFF_DB)
    others = [column for column in columns[np.argsort(distances, kind="stable")] if best[column] != told[column]]
    if slack <= 0 or not others:
        return
    # Those that cost least first, and then as many together as the slack allows for.
    steps = np.repeat(best[None], len(others), axis=0)
    for place, column in enumerate(others):
        steps[place:, column] = told[column]
    affordable = np.flatnonzero(evaluator(steps) <= min(limit + slack, own))
    if len(affordable):
        evaluator.prefer(steps[affordable[-1]])


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
    most = round(MAX_SHIFT_SECONDS * SAMPLE_RATE)
    unshifted, shift = float(objective(takes).min()), 0
    best = unshifted
    for step in (most // 10, most // 50, 2):
        for candidate in range(shift - 10 * step, shift + 10 * step + 1, step):
            # Twice what is measured is noise of the windows' places.
            if abs(candidate) <= most and candidate:
                distance = float(objective.shifted(objective.shift + candidate)(takes).min())
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
        return get_engine(space.collection).render(presets, noise_seed=NOISE_SEED)

    few = evaluator.objective(with_noises(places[0], FEW_NOISES))
    if np.ptp(few) <= gain * few.min():
        # Nothing is left to chance in this one, and so hardly in those that are like it.
        return False
    distances = np.stack([evaluator.objective(with_noises(row, NOISES // len(places))) for row in places])
    best = int(distances.min(axis=0).argmin())
    # Without the doubt, which other noise would not have either.
    now = (evaluator(places) / evaluator.doubts(places)).min()
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


def _refine(evaluator: Evaluator, proposals: Proposals, is_take: bool, rng: np.random.Generator) -> None:
    space = evaluator.space
    spread = np.concatenate([proposals.belief.spread, np.full(space.phases, PHASE_SPREAD)])
    places = space.places(proposals.cc)
    evaluator(places)
    if not is_take:
        align(evaluator, evaluator.known(4), 0.05)
    attune(evaluator, evaluator.known(4), 0.02)
    # The others with the phases of the best.
    evaluator(space.places(proposals.cc, evaluator.known(1)[0, space.settings :]))
    sweep(evaluator, evaluator.known(1)[0], 10)
    places, distances = _offspring(evaluator, proposals, rng)
    places = np.concatenate([evaluator.known(256), places])
    distances = evaluator(places)
    population = max(8, evaluator.batch // RUNNERS)
    runners: list[Runner] = []
    fruitless, lap, swept = 0, 0, np.inf
    while fruitless < 3:
        before = evaluator.best
        taken = [runner.place for runner in runners]
        fresh = starts(evaluator, places, distances, RUNNERS - len(runners), taken)
        runners += [Runner(evaluator, start, spread / 2, population, rng) for start in fresh]
        run_lap(evaluator, runners)
        lap += 1
        aligned = align(evaluator, evaluator.known(1), 0.2)
        if attune(evaluator, evaluator.known(1), 0.05) or aligned:
            phases = evaluator.known(1)[0, space.settings :]
            for runner in runners:
                choice = np.concatenate([runner.place[None], space.places(space.cc(runner.place[None]), phases)])
                distances = evaluator(choice)
                runner.best, runner.place = float(distances.min()), choice[distances.argmin()]
            before, swept = np.inf, np.inf
        runners = runners[: RUNNERS // 2]
        ends = descend(evaluator, np.array([runner.place for runner in runners]), 2)
        for index, (runner, end) in enumerate(zip(runners, ends, strict=True)):
            if (end != runner.place).any():
                runners[index] = Runner(evaluator, end, spread / 4, population, rng)
                runners[index].best = float(evaluator(end[None])[0])
        if lap >= 2 and evaluator.best < swept:
            swept = evaluator.best
            sweep(evaluator, evaluator.known(1)[0], 42)
            descend(evaluator, evaluator.known(1), DESCENT)
            climb(evaluator, evaluator.known(1)[0])
        fruitless = 0 if evaluator.best < before - 1e-3 else fruitless + 1
        places, distances = _offspring(evaluator, proposals, rng)
        places = np.concatenate([evaluator.known(16), places])
        distances = evaluator(places)


def _offspring(evaluator: Evaluator, proposals: Proposals, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places that take each parameter from one of two good ones, or as the model would."""
    elite = evaluator.known(32)
    children = np.empty((0, elite.shape[1]), np.int64)
    for _ in range(2):
        parents = elite[rng.integers(len(elite), size=(2, evaluator.batch))]
        cc = proposals.belief.sample(evaluator.batch, rng)
        fresh = evaluator.space.places(cc, rng.integers(TURN, size=(len(cc), evaluator.space.phases)))
        draw = rng.random(fresh.shape)
        born = np.where(draw < 0.45, parents[0], np.where(draw < 0.9, parents[1], fresh))
        evaluator(born)
        children = np.concatenate([children, born])
        elite = evaluator.known(32)
    return children, evaluator(children)
