"""Breeding: children of the best places, a few parameters changed.

It is for searches that can render few presets for every parameter: a sweep of them all, or an evolution strategy that
has to learn how they hang together, takes many for each. A child costs one, and keeps most of what is good in its
parents.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from secret_sauce_hf.instruments import Parameter
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.matching.strategies.chance import meet
from secret_sauce_hf.presets import draw_presets

FEW = 60
"""Renderings for every parameter that is heard: with fewer, breeding comes nearer than a race."""
MANY = 60
"""With more parameters that are heard it does, however many renderings there are."""
PARENTS = 24
"""How many of the best places have children."""
RANK = 6.0
"""Mean rank of a parent: ranks are drawn from an exponential distribution."""
POOL = 2_048
"""Drawn presets, from which children take what their parents do not have; half of them as the model tells."""
CHANGED = (1, 2, 4, 8)
"""How many parameters of a child are changed, each as often."""
STEPS = (0.02, 0.08, 0.2)
"""Standard deviations of a knob's change, of its range, each as often."""
DRAWN = 0.4
"""Share of the changed knobs that take the setting of a drawn preset instead."""
CROSSED, GROUPED = 0.25, 0.2
"""Shares of the children that take some parameters, and the settings of one numbered part, from another parent."""
SHARES = (0.1, 0.3, 0.5)
"""Which share of the parameters such children take, each as often."""
_NUMBER = re.compile(r"\d+")


class Breeding(Refinement):
    """Children of the best places, generation after generation; nobody's settings are held to be unlikely."""

    name = "breeding"
    penalises = False

    def refine(self, evaluator: Evaluator, problem: Problem, proposals: Proposals, rng: np.random.Generator) -> None:
        """Breed, see `Refinement`; only the budget ends it."""
        meet(evaluator, proposals.cc, problem.target.is_take)
        breed(evaluator, proposals, rng)


def is_short(evaluator: Evaluator) -> bool:
    """Whether the budget allows for few renderings for every parameter that is heard in the best place so far."""
    place = evaluator.known(1)
    count = np.count_nonzero(evaluator.space.heard(place)[0] | evaluator.matters)
    return bool(count > MANY or evaluator.budget.expected < FEW * count)


def breed(evaluator: Evaluator, proposals: Proposals, rng: np.random.Generator) -> None:
    """Measure children of the best places, generation after generation.

    After J. H. Holland, "Adaptation in natural and artificial systems" (1975), with overlapping generations.

    Args:
        evaluator: renders and measures; it knows some places already.
        proposals: what the model tells.
        rng: draws the children.

    Raises:
        SpentError: the budget is used up.
    """
    space = evaluator.space
    drawn = draw_presets(space.collection, POOL // 2, int(rng.integers(2**31)), prior=space.collection.prior).cc
    pool = np.concatenate([proposals.posterior.sample(POOL - len(drawn), rng), drawn])
    pairs = _alike(space.collection.parameters)
    while True:
        elite = evaluator.known(PARENTS)
        evaluator(_children(evaluator, elite, pool, pairs, rng))


def _alike(parameters: Sequence[Parameter]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The columns of numbered parts, as operators or oscillators are, that can be set as one another, or as themselves.

    A part is what has the same name up to the first number in it.
    """
    parts: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for column, parameter in enumerate(parameters):
        if found := _NUMBER.search(parameter.name):
            parts[parameter.name[: found.start()], found[0]][parameter.name[found.end() :]] = column
    pairs = []
    for (kind, _), own in parts.items():
        for (other_kind, _), others in parts.items():
            if len(own) > 1 and kind == other_kind and own.keys() == others.keys():
                pairs.append((np.array(list(own.values())), np.array([others[name] for name in own])))
    ranges = [tuple(parameter.spread(2)) for parameter in parameters]
    return [(to, of) for to, of in pairs if all(ranges[a] == ranges[b] for a, b in zip(to, of, strict=True))]


def _children(
    evaluator: Evaluator,
    elite: np.ndarray,
    pool: np.ndarray,
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
) -> np.ndarray:
    """A batch of children, shape (rows, columns)."""
    space = evaluator.space
    count = evaluator.batch
    ranks = np.minimum(rng.exponential(RANK, size=(2, count)).astype(int), len(elite) - 1)
    children, others = elite[ranks[0]].copy(), elite[ranks[1]]
    kinds = rng.random(count)
    shares = rng.choice(SHARES, size=count)
    taken = rng.random(children.shape) < shares[:, None]
    children = np.where(taken & (kinds < CROSSED)[:, None], others, children)
    if pairs:
        for row in np.flatnonzero((kinds >= CROSSED) & (kinds < CROSSED + GROUPED)).tolist():
            to, source = pairs[int(rng.integers(len(pairs)))]
            # Half of them from another parent, half from a preset that was drawn.
            children[row, to] = (others[row] if rng.random() < 0.5 else pool[rng.integers(len(pool))])[source]
    moves = space.heard(children) | evaluator.matters
    changes = rng.choice(CHANGED, size=count)
    for row in range(count):
        columns = np.flatnonzero(moves[row])
        for column in rng.choice(columns, size=min(int(changes[row]), len(columns)), replace=False).tolist():
            children[row, column] = _changed(space.parameters[column], column, children[row], pool, rng)
    return children


def _changed(parameter: Parameter, column: int, child: np.ndarray, pool: np.ndarray, rng: np.random.Generator) -> int:
    """Another value of a parameter: that of a drawn preset, or one near by."""
    if column < pool.shape[1] and (parameter.classes or rng.random() < DRAWN):
        return int(pool[rng.integers(len(pool)), column])
    values = parameter.steps(int(child[column]), (float(rng.normal(0.0, rng.choice(STEPS)) * 127),))
    return values[0] if values else int(child[column])
