"""A genetic search from random presets, as M. Yee-King searched for synthesiser settings.

After M. Yee-King and M. Roth, "SynthBot: an unsupervised software synthesizer programmer"
(ICMC 2008): a population of random presets, parents chosen by how near their sound is,
crossed uniformly, their knobs moved by Gaussian noise, the best kept.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from secret_sauce_hf.instruments import Collection, Parameter
from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.presets import Presets, draw_presets

POPULATION = 128
"""Presets of a generation, rendered together."""
ELITE = 4
"""Best presets that live on unchanged."""
TOURNAMENT = 3
"""Presets of which the best becomes a parent."""
MUTATED = 0.2
"""Share of a child's parameters that are changed."""
SPREAD = 0.1
"""Standard deviation of the change of a knob, of its range from 0 to 1."""


class Found(NamedTuple):
    """The best preset so far, whenever it improved.

    Args:
        seconds: since the search began.
        renders: presets rendered until then.
        distance: of the rendered preset.
        units: the preset.
    """

    seconds: float
    renders: int
    distance: float
    units: np.ndarray


class Evolution(NamedTuple):
    """What a search came to.

    Args:
        found: the best preset whenever it improved, at least that of the first generation.
        renders: presets rendered in all.
    """

    found: list[Found]
    renders: int


def search(
    collection: Collection,
    distance: Callable[[Presets], np.ndarray],
    *,
    seconds: float,
    renders: int,
    seed: int,
    until_both: bool = False,
) -> Evolution:
    """Look for the preset whose sound is nearest.

    Args:
        collection: whose presets are drawn.
        distance: renders presets and tells how far each is, shape (rows,).
        seconds: the time for it; a generation that has begun is finished.
        renders: the number of presets to render.
        seed: of everything that is drawn.
        until_both: go on until both are used up, instead of either.
    """
    generator = np.random.default_rng(seed)
    start = time.perf_counter()
    units = draw_presets(collection, min(POPULATION, renders), seed).unit
    distances = distance(Presets(collection, units))
    rendered = len(units)
    trace: list[Found] = []
    while True:
        best = int(distances.argmin())
        now = time.perf_counter() - start
        if not trace or distances[best] < trace[-1].distance:
            trace.append(Found(now, rendered, float(distances[best]), units[best].copy()))
        over = [now >= seconds, rendered >= renders]
        if all(over) if until_both else any(over):
            return Evolution(trace, rendered)
        count = POPULATION if until_both else min(POPULATION, renders - rendered)
        units, distances = _next_generation(collection, distance, units, distances, count, generator)
        rendered += count


class Genetic(Refinement):
    """A genetic search from random presets; what the model told plays no part."""

    name = "genetic"
    penalises = settles = False

    def refine(
        self,
        evaluator: Evaluator,
        problem: Problem,
        proposals: Proposals,  # noqa: ARG002 - it begins with random presets
        rng: np.random.Generator,
    ) -> None:
        """Breed generation after generation, see `Refinement`; only the budget ends it."""
        collection = problem.collection

        def distance(presets: Presets) -> np.ndarray:
            return evaluator(problem.space.places(presets.cc))

        units = draw_presets(collection, POPULATION, int(rng.integers(2**32))).unit
        distances = distance(Presets(collection, units))
        while True:
            units, distances = _next_generation(collection, distance, units, distances, POPULATION, rng)


def _next_generation(
    collection: Collection,
    distance: Callable[[Presets], np.ndarray],
    units: np.ndarray,
    distances: np.ndarray,
    count: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The best of a generation and `count` children, rendered: units (rows, parameters) and distances (rows,)."""
    children = _children(collection, units, distances, count, generator)
    fresh = distance(Presets(collection, children))
    keep = np.argsort(distances, kind="stable")[:ELITE]
    return np.concatenate([units[keep], children]), np.concatenate([distances[keep], fresh])


def _children(
    collection: Collection, units: np.ndarray, distances: np.ndarray, count: int, generator: np.random.Generator
) -> np.ndarray:
    """The next generation: units of shape (count, parameters)."""
    entrants = generator.integers(len(units), size=(2, count, TOURNAMENT))
    winners = np.take_along_axis(entrants, distances[entrants].argmin(axis=2)[..., None], axis=2)[..., 0]
    mothers, fathers = units[winners[0]], units[winners[1]]
    children = np.where(generator.random(mothers.shape) < 0.5, mothers, fathers)
    mutated = generator.random(children.shape) < MUTATED
    for column, parameter in enumerate(collection.parameters):
        children[:, column] = np.where(
            mutated[:, column], _changed(parameter, children[:, column], generator), children[:, column]
        )
    return children


def _changed(parameter: Parameter, unit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A knob moved a little, on the grid of its controller; a switch drawn anew."""
    if parameter.classes:
        return generator.integers(parameter.classes, size=len(unit)).astype(np.float64)
    return parameter.nearest_unit(unit + generator.normal(0.0, SPREAD, len(unit)))
